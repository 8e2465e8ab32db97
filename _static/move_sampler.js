/* A ball on one person's posterior: kick it, let it roll by leapfrog steps, accept or reject where it stops. */
"use strict";

(globalThis.moving ??= {}).sampler = (stage, rwlib) => {
  const { draw } = stage;
  // The person of the figure of the ridge, after 80 trials, in the coordinates of the sampler.
  const ALPHA = 0.3, BETA = 4, ARROW = 0.5; // an arrow as long as the way that the ball would go in this time
  const session = rwlib.simulate(1, rwlib.FIVE_ARMS, 80, { alphaPos: ALPHA, alphaNeg: ALPHA, beta: BETA });
  const density = (q) => rwlib.logPosterior(q, session);
  const between = (low, high) => Array.from({ length: 61 }, (_, i) => low + (i / 60) * (high - low));
  const xs = between(-3.3, 1), ys = between(0.3, 2.4);
  const likelihood = rwlib.likelihoodSurfaces(session, xs.map((x) => 1 / (1 + Math.exp(-x))), ys.map(Math.exp)).at(-1);
  const surface = likelihood.map((l, k) => l - xs[k % xs.length] ** 2 / 2 - (ys[Math.floor(k / xs.length)] - 1) ** 2 / 2);
  const best = Math.max(...surface);

  const next = rwlib.random(3);
  const kicked = () => [rwlib.normal(next), rwlib.normal(next)];
  let q, p, draws, nAccepted, verdict, shownSteps = Infinity;
  function restart() {
    [q, p, draws, nAccepted, verdict] = [[-2.2, 1.6], [1.2, -0.6], [], 0, ""];
  }
  restart();

  const stepSize = stage.slider({ label: "step size ε", min: 0.02, max: 0.5, step: 0.01, value: 0.12, colour: "blue", onChange: anew });
  const nSteps = stage.slider({ label: "leapfrog steps", min: 1, max: 40, step: 1, value: 16, format: String, colour: "blue", onChange: anew });
  stage.button("Next draw", () => (accept(), roll())).classList.add("main");
  stage.button("50 draws", () => { for (let i = 0; i < 50; i++) accept(); settle(); });
  stage.button("Kick again", () => { p = kicked(); verdict = ""; roll(); });
  stage.button("Restart", () => (restart(), settle()));

  /** The path up to where it leaves all bounds, how much energy it gained, and what becomes of its end. */
  function outlook() {
    const whole = rwlib.leapfrog(q, p, stepSize.value, nSteps.value, density);
    const lost = whole.findIndex(({ energy }) => !(energy - whole[0].energy < 1000)); // NumPyro's bound; NaN, too
    const path = lost < 0 ? whole : whole.slice(0, lost);
    const errors = path.map(({ energy }) => energy - whole[0].energy);
    return { path, errors, diverged: lost >= 0, turn: lost < 0 ? rwlib.uTurn(path) : -1, probability: lost < 0 ? Math.min(1, Math.exp(-errors.at(-1))) : 0 };
  }

  function accept() {
    const { path, probability } = outlook();
    const accepted = next() < probability;
    if (accepted) q = path.at(-1).q;
    nAccepted += accepted;
    draws.push(q);
    verdict = accepted ? "<b>Accepted</b>, and kicked again. " : "<b>Rejected:</b> the old place counts once more. Kicked again. ";
    p = kicked();
  }

  // The ball rolls for half a second after a kick, unless the reader's system asks for stillness.
  function settle() { shownSteps = Infinity; }
  function anew() { verdict = ""; settle(); }
  function roll() {
    if (stage.still) return settle();
    const start = performance.now();
    const frame = (now) => {
      if (shownSteps === Infinity && now > start + 50) return; // a slider was moved meanwhile
      const share = Math.max(0, now - start) / 600;
      shownSteps = share < 1 ? Math.floor(share * nSteps.value) : Infinity;
      stage.change();
      if (share < 1) requestAnimationFrame(frame);
    };
    shownSteps = 0;
    requestAnimationFrame(frame);
  }

  // The tip of the arrow can be dragged, or moved by the arrow keys: over its dot lies a clear disc as large as a finger.
  const tip = stage.make(stage.element, "div", {
    tabindex: 0, role: "slider", class: "moving-handle", "aria-label": "kick: arrow keys change it", "aria-valuemin": 0, "aria-valuemax": 6,
  });
  stage.svg.after(tip);
  let panel, contours, contoursAt;
  const kick = (to) => { p = to.map((v) => Math.min(Math.max(v, -4), 4)); anew(); stage.change(); };
  tip.addEventListener("pointerdown", (event) => (tip.setPointerCapture(event.pointerId), event.preventDefault(), tip.focus()));
  tip.addEventListener("pointermove", (event) => {
    if (!tip.hasPointerCapture(event.pointerId)) return;
    const frame = stage.svg.getBoundingClientRect();
    const x = xs[0] + ((event.clientX - frame.left - panel.left) / panel.width) * (xs.at(-1) - xs[0]);
    const y = ys.at(-1) - ((event.clientY - frame.top - panel.top) / panel.height) * (ys.at(-1) - ys[0]);
    kick([(x - q[0]) / ARROW, (y - q[1]) / ARROW]);
  });
  tip.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowDown: [0, -0.1], ArrowUp: [0, 0.1] }[event.key];
    if (by) { event.preventDefault(); kick([p[0] + by[0], p[1] + by[1]]); }
  });

  stage.looks((width) => {
    const { path, errors, diverged, turn, probability } = outlook();
    panel = draw.axes({
      left: 44, top: 38, width: width - 54, height: Math.min((width - 54) * 0.72, 330), x: [xs[0], xs.at(-1)], y: [ys[0], ys.at(-1)],
      xTicks: [[-3, "−3"], [-2, "−2"], [-1, "−1"], 0, 1], yTicks: [0.5, 1, 1.5, 2], xLabel: "logit α", yLabel: "log β",
    });
    const { px, py } = panel, at = ([x, y]) => [px(x), py(y)];
    const shown = path.slice(0, shownSteps + 1), turned = turn > 0 && turn < shown.length;
    const good = shown.slice(0, turned ? turn + 1 : undefined).map((stop) => at(stop.q)), late = turned ? shown.slice(turn).map((stop) => at(stop.q)) : [];

    if (width !== contoursAt) { // they change with the screen only
      contoursAt = width;
      contours = [[0.2, 1], [0.7, 0.85], [1.5, 0.7], [3, 0.5], [6, 0.35]].map(([below, opacity]) =>
        `<path d="${draw.contour(surface, xs, ys, best - below, panel)}" fill="none" stroke="var(--m-muted)" stroke-opacity="${opacity}"/>`).join("");
    }
    let inside = contours;
    draws.forEach((point) => (inside += draw.dot(...at(point), "green", { radius: 3, extra: 'opacity="0.55"' })));
    const [x0, y0] = at(q), [x1, y1] = at([q[0] + ARROW * p[0], q[1] + ARROW * p[1]]);
    inside += draw.line([[x0, y0], [x1, y1]], "purple", { width: 5, extra: 'opacity="0.6"' });
    inside += draw.line(late, "muted", { width: 1.6, extra: 'stroke-dasharray="2 3"' }) + draw.line(good, "blue");
    late.slice(1).forEach((point) => (inside += draw.dot(...point, "muted", { radius: 2.5 })));
    good.slice(1).forEach((point) => (inside += draw.dot(...point, "blue", { radius: 3 })));
    inside += draw.dot(x0, y0, "text", { radius: 6 });
    if (shown.length > 1) inside += draw.dot(...at(shown.at(-1).q), probability > 0.5 ? "blue" : "red", { radius: 7, open: true });
    if (turned) {
      const [x, y] = good.at(-1);
      inside += draw.dot(x, y, "orange", { radius: 7, open: true, extra: 'fill-opacity="0"' });
      const [side, anchor] = x > panel.left + 0.8 * panel.width ? [-11, "end"] : [11, "start"];
      inside += draw.text(x + side, y - 9, "U-turn", { colour: "orange-text", anchor });
    }
    const clip = `<clipPath id="moving-sampler"><rect x="${panel.left}" y="${panel.top - 8}" width="${panel.width + 8}" height="${panel.height + 8}"/></clipPath>`;
    let svg = `${clip}${panel.svg}<g clip-path="url(#moving-sampler)">${inside}</g>`;
    svg += draw.text(x1 + (x1 < x0 ? -13 : 13), y1 + (y1 < y0 ? -9 : 17), "kick", { colour: "purple-text", anchor: x1 < x0 ? "end" : "start" });
    svg += draw.dot(x1, y1, "purple", { radius: 9 });
    tip.style.translate = `${x1}px ${y1}px`;
    tip.setAttribute("aria-valuenow", Math.hypot(...p).toFixed(1));
    tip.setAttribute("aria-valuetext", `${p[0].toFixed(1)} along logit α, ${p[1].toFixed(1)} along log β`);

    // Below, what the leapfrog does to the energy, which a true ball would keep.
    const most = Math.max(...errors.map(Math.abs)), bound = [0.1, 0.5, 2, 10].find((b) => most <= b) ?? 10;
    const low = draw.axes({
      left: 44, top: panel.top + panel.height + 74, width: width - 54, height: 70, x: [0, nSteps.value], y: [-bound, bound],
      xTicks: [0, nSteps.value], yTicks: [[-bound, `−${bound}`], 0, bound], xLabel: "leapfrog step", yLabel: "energy gained (nats)",
    });
    const gained = errors.slice(0, shown.length).map((e, step) => [low.px(step), low.py(Math.max(-bound, Math.min(bound, e)))]);
    svg += low.svg + draw.line(gained, "blue");
    gained.forEach((point) => (svg += draw.dot(...point, "blue", { radius: 2.5 })));

    const says = `${verdict}${diverged ? "This path <b>diverges</b>: the step is too long for the valley, and its end is never accepted."
      : `The end of this path is accepted with probability <b>${probability.toFixed(2)}</b>${
        turn > 0 ? `. After ${turn} step${turn > 1 ? "s" : ""} the ball is on its way back: a U‑turn` : ""}.`}
      ${draws.length ? `Accepted so far: ${nAccepted} of ${draws.length}.` : ""}`;
    return {
      svg, height: low.top + low.height + 46, says,
      shown: { q, p, stepSize: stepSize.value, session, path, errors, turn, diverged, probability, draws: [...draws], nAccepted },
    };
  });
};
