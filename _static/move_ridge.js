/* One person's likelihood over learning rate and inverse temperature, while the trials come in. */
"use strict";

(globalThis.moving ??= {}).ridge = (stage, rwlib) => {
  const { draw } = stage;
  const N_TRIALS = 200, N_GRID = 50, ALPHA_MAX = 1, BETA_MAX = 12;
  const TRUTH = { alphaPos: 0.3, alphaNeg: 0.3, beta: 4 };
  const between = (low, high) => Array.from({ length: N_GRID }, (_, i) => low + ((i + 0.5) / N_GRID) * (high - low));
  const alphas = between(0, ALPHA_MAX), betas = between(0, BETA_MAX);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = N_GRID;

  // All 201 surfaces are computed when a person sits down; the slider only looks them up.
  let seed = 1, session, surfaces;
  function newPerson() {
    session = rwlib.simulate(seed++, rwlib.FIVE_ARMS, N_TRIALS, TRUTH);
    surfaces = rwlib.likelihoodSurfaces(session, alphas, betas);
  }
  newPerson();

  const count = stage.slider({ label: "trials seen so far", min: 1, max: N_TRIALS, step: 1, value: 60, format: String, size: "wide" });
  stage.button("Another person, same α and β", newPerson);

  /** The surface as a picture: the colour of the theme, the more opaque the more probable; 8 nats below the best it ends. */
  function shade(surface, best) {
    const colour = getComputedStyle(stage.element).getPropertyValue("--m-blue").trim();
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
    const pixels = new ImageData(N_GRID, N_GRID);
    for (let j = 0; j < N_GRID; j++)
      for (let i = 0; i < N_GRID; i++) {
        const opacity = Math.max(0, 1 + (surface[j * N_GRID + i] - best) / 8);
        pixels.data.set([r, g, b, 215 * opacity], 4 * ((N_GRID - 1 - j) * N_GRID + i));
      }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
    return canvas.toDataURL();
  }

  stage.looks((width) => {
    const n = count.value, surface = surfaces[n];
    const best = surface.reduce((most, l) => Math.max(most, l), -Infinity);
    const peak = surface.indexOf(best), [alpha, beta] = [alphas[peak % N_GRID], betas[Math.floor(peak / N_GRID)]];

    // Above, what the person did: a row for each arm, high marks for wins and low ones for losses.
    const left = 34, across = width - left - 10, mark = across / N_TRIALS;
    let svg = draw.text(0, 14, "choices of five arms: ") + draw.text(142, 14, "wins", { colour: "green-text" }) + draw.text(178, 14, "losses", { colour: "red-text" });
    rwlib.FIVE_ARMS.forEach((_, arm) => (svg += draw.text(left - 7, 34 + 11 * arm, arm, { anchor: "end", colour: "muted", halo: false, extra: 'font-size="11"' })));
    session.choices.forEach((arm, t) => {
      const won = session.rewards[t], height = won ? 9 : 5;
      svg += draw.box(left + t * mark, 34 + 11 * arm - height, Math.max(mark - 0.6, 1), height, won ? "green" : "red", t < n ? "" : 'opacity="0.13"');
    });

    const panel = draw.axes({
      left, top: 122, width: across, height: Math.min(across * 0.75, 320), x: [0, ALPHA_MAX], y: [0, BETA_MAX],
      xTicks: [0, 0.25, 0.5, 0.75, 1], yTicks: [0, 4, 8, 12], xLabel: "learning rate α", yLabel: "inverse temperature β (1 / reward)",
    });
    const { px, py } = panel;
    svg += panel.svg + `<image href="${shade(surface, best)}" x="${panel.left}" y="${panel.top}" width="${panel.width}" height="${panel.height}" preserveAspectRatio="none"/>`;
    svg += `<path fill="none" stroke="var(--m-text)" stroke-width="1.6" stroke-linecap="round"
      d="${draw.contour(surface, alphas, betas, best - Math.log(20), panel)}"/>`;
    const [tx, ty] = [px(TRUTH.alphaPos), py(TRUTH.beta)];
    svg += draw.line([[tx - 6, ty - 6], [tx + 6, ty + 6]], "red", { width: 3 }) + draw.line([[tx - 6, ty + 6], [tx + 6, ty - 6]], "red", { width: 3 });
    // The two labels stand on different sides of their points, so that they do not meet when these do.
    const [side, anchor] = alpha > TRUTH.alphaPos ? [-11, "end"] : [11, "start"];
    svg += draw.text(tx + side, ty + 5, "truth", { colour: "red-text", anchor });
    svg += draw.dot(px(alpha), py(beta), "text", { radius: 5 });
    svg += draw.text(px(alpha), py(beta) + (beta >= TRUTH.beta && beta < 11 ? -11 : 21), "best", { anchor: alpha < 0.05 ? "start" : alpha > 0.95 ? "end" : "middle" });

    const inside = surface.reduce((sum, l) => sum + (l > best - Math.log(20)), 0) / surface.length;
    const atEdge = [peak % N_GRID, Math.floor(peak / N_GRID)].some((i) => i === 0 || i === N_GRID - 1);
    const says = `After <b>${n} trial${n > 1 ? "s" : ""}</b>, ${inside < 0.01 ? "under 1" : Math.round(100 * inside)}% of this plane lies inside the line, where the choices are
      at most 20 times less probable than at the best point (α = ${alpha.toFixed(2)}, β = ${beta.toFixed(1)}${atEdge ? ", at the edge" : ""}).`;
    return {
      svg, height: panel.top + panel.height + 46, says,
      shown: { nTrials: n, session, alphas, betas, surface, best: [alpha, beta] },
    };
  });
};
