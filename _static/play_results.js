/* What the page "Play" shows after the last choice: words first, then three pictures. */
"use strict";

globalThis.playResults = (() => {
  const rate = (x) => x.toFixed(2);
  const decided = (x) => (x < 9.95 ? x.toFixed(1) : x.toFixed(0));
  const from = ([low, high], digits) => `${digits(low)} to ${digits(high)}`;
  const inside = (values, [low, high]) => values.filter((x) => x >= low && x <= high).length;

  /** Which surprises moved the player more, as strongly as the posterior says it. */
  function comparison(p) {
    const side = p > 0.5 ? "Good surprises moved you more than bad ones" : "Bad surprises moved you more than good ones";
    const sure = Math.max(p, 1 - p);
    const percent = sure > 0.99 ? "more than 99%" : `${Math.round(100 * sure)}%`;
    if (sure < 0.8) return "Whether good or bad surprises moved you more, your choices do not settle.";
    const rival = p > 0.5 ? " A habit of repeating choices would look much the same." : ""; // Sugawara & Katahira (2021)
    return `${side}: ${sure < 0.95 ? "that is likely, though not settled" : "that is nearly certain"} (probability ${percent}).${rival}`;
  }

  /** How much narrower than before: what one session says about a learning rate. */
  function narrowing(found, misses) {
    const width = ([low, high]) => high - low;
    const share = (name) => width(found[name].interval) / width(found.prior.alpha.interval);
    const open = [["alphaPos", "α⁺"], ["alphaNeg", "α⁻"]].filter(([name]) => share(name) > 0.75).map(([, symbol]) => symbol);
    const why = open.includes("α⁻") && misses < 25 ? " A rate shows only where there are surprises of its kind, and you met few bad ones." : "";
    if (open.length) return `Your choices said little about ${open.join(" and ")}: the interval is hardly narrower than the one before the first trial.${why}`;
    if (share("alphaPos") > 0.35 || share("alphaNeg") > 0.35) return "An interval that covers a good part of the axis is no mistake: a hundred choices do not pin a learning rate down.";
    return "These intervals are narrow for one session, which happens when choices follow the outcomes closely.";
  }

  function html(game, found) {
    const { code, subject, choices, rewards, order } = game;
    const points = rewards.reduce((a, b) => a + b, 0);
    const arms = rwlib.FIVE_ARMS, share = (x) => Math.round(100 * x);
    const best = arms.indexOf(Math.max(...arms)), bestPlace = order.indexOf(best);
    const timesBest = choices.filter((arm) => arm === best).length;
    const row = (symbol, meaning, { mean, interval }, before, digits) =>
      `<tr><th scope="row">${symbol} <span>${meaning}</span></th><td>${digits(mean)}</td><td>${from(interval, digits)}</td><td>${from(before.interval, digits)}</td></tr>`;
    return `
      <h2 tabindex="-1">Your hundred choices</h2>
      <p>You won <strong>${points} points</strong>. The best arm was the ${playCharts.NAMES[bestPlace]} (key ${bestPlace + 1}), which pays on ${share(arms[best])}% of trials.
        You chose it ${timesBest} times; pure guessing finds it about ${share(1 / arms.length)} times and wins about ${share(arms.reduce((a, b) => a + b) / arms.length)} points.</p>
      <div class="play-actions">
        <a class="play-button primary" download="${subject}.csv" href="#">Download your choices (CSV)</a>
        <button type="button" class="play-button" data-do="again">Play again</button>
      </div>
      <p class="play-note">You are <code>${subject}</code> in the file, class code <code>${code}</code>. Another player with this code meets the same outcomes.</p>
      <h3>What they say about you</h3>
      <table class="play-table">
        <thead><tr><td></td><th scope="col">mean</th><th scope="col">90% interval</th><th scope="col">before you played</th></tr></thead>
        <tbody>
          ${row("α⁺", "how far good surprises move you", found.alphaPos, found.prior.alpha, rate)}
          ${row("α⁻", "how far bad surprises move you", found.alphaNeg, found.prior.alpha, rate)}
          ${row("β", "how strictly you take what you value most", found.betaPosterior, found.prior.beta, decided)}
        </tbody>
      </table>
      <p>${comparison(found.positiveLarger)} ${narrowing(found, choices.length - points)} All of this supposes that you chose as the model does.</p>
      <ul class="play-legend" aria-hidden="true">
        <li><svg width="26" height="14"><path class="you-area" d="M1,13Q13,-11 25,13Z"/><path class="you-line" d="M1,13Q13,-11 25,13"/></svg>you</li>
        <li><svg width="26" height="14"><path class="interval" d="M2,7H24"/><circle class="you" cx="13" cy="7" r="5"/></svg>your mean, 90% interval</li>
        <li><svg width="26" height="14"><path class="prior" d="M1,8H25"/></svg>before you played</li>
        <li><svg width="14" height="14"><circle class="person" cx="7" cy="7" r="3.6"/></svg>the course’s simulated people</li>
      </ul>
      <div class="play-marginals"><div data-chart="alphaPos"></div><div data-chart="alphaNeg"></div><div data-chart="beta"></div></div>
      <div class="play-joint">
        <div data-chart="joint"></div>
        <div>
          <h3>Both rates at once</h3>
          <p>The lines hold 50% and 90% of what your choices leave possible. On the dashed line, good and bad surprises count the same.</p>
          <p>Each ring is one of the course’s forty simulated people, at the true values that made their choices. ${inside(game.people.alpha_pos, found.alphaPos.interval)} of them
            have an α⁺ inside your interval, ${inside(game.people.alpha_neg, found.alphaNeg.interval)} an α⁻, and ${inside(game.people.beta, found.betaPosterior.interval)} a β.</p>
        </div>
      </div>
      <h3>What you came to expect</h3>
      <p>For each arm, its value to you after each trial, according to the model. Ticks above a lane are choices that paid, ticks below are choices that did not; the dashed line is what the arm pays in truth.</p>
      <div data-chart="values"></div>
      <p class="play-note">Computed in your browser in ${found.seconds.toFixed(1)} s, from ${(found.alpha.length ** 2 * found.beta.length).toLocaleString("en")} combinations of the three parameters. Nothing was sent anywhere.</p>`;
  }

  /** Each picture is drawn for the width that it has, and again when that changes. */
  function draw(root, game, found) {
    const { people } = game;
    const { logBetaLow, logBetaHigh } = playGrid.GRID;
    const alphaAxis = { prior: found.prior.alpha.weights, at: (x) => x, ticks: [0, 0.25, 0.5, 0.75, 1] };
    const betaAxis = {
      prior: found.prior.beta.weights, ticks: [0.1, 0.3, 1, 3, 10, 30],
      at: (x) => (Math.log(x) - logBetaLow) / (logBetaHigh - logBetaLow),
    };
    const said = (name, { mean, interval }, digits) => `Posterior of ${name}: mean ${digits(mean)}, 90% interval ${from(interval, digits)}.`;
    const charts = {
      alphaPos: (width) => playCharts.marginal(width, { ...alphaAxis, ...found.alphaPos, people: people.alpha_pos, axis: "α⁺, good surprises", label: said("α⁺", found.alphaPos, rate) }),
      alphaNeg: (width) => playCharts.marginal(width, { ...alphaAxis, ...found.alphaNeg, people: people.alpha_neg, axis: "α⁻, bad surprises", label: said("α⁻", found.alphaNeg, rate) }),
      beta: (width) => playCharts.marginal(width, { ...betaAxis, ...found.betaPosterior, people: people.beta, axis: "β, log scale", label: said("β", found.betaPosterior, decided) }),
      joint: (width) => playCharts.jointRates(width, {
        joint: found.joint, mean: [found.alphaPos.mean, found.alphaNeg.mean], people: people.alpha_pos.map((x, i) => [x, people.alpha_neg[i]]),
        label: "Joint posterior of α⁺ and α⁻, beside forty simulated people.",
      }),
      values: (width) => playCharts.valueRows(width, { ...game, values: found.values, probabilities: rwlib.FIVE_ARMS, label: "The value of each of the five arms over the trials." }),
    };
    const drawnAt = new Map();
    const drawOne = (box) => {
      const width = Math.floor(box.clientWidth);
      if (!width || drawnAt.get(box) === width) return;
      drawnAt.set(box, width);
      box.innerHTML = charts[box.dataset.chart](width);
    };
    const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => drawOne(target)));
    for (const box of root.querySelectorAll("[data-chart]")) {
      drawOne(box);
      resized.observe(box);
    }
  }

  /** `game`: code, subject, choices, rewards, order, people. `found`: what playGrid.posterior returns, and seconds. */
  function show(root, game, found) {
    root.innerHTML = html(game, found);
    const csv = playTask.toCsv(game.subject, game.code, game.choices, game.rewards);
    root.querySelector("a[download]").href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    draw(root, game, found);
  }

  return { show, comparison, narrowing };
})();
