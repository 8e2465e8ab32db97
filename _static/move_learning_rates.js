/* Two learning rates and an arm: the value's path, and where it settles. */
"use strict";

(globalThis.moving ??= {})["learning-rates"] = (stage, rwlib) => {
  const N_TRIALS = 100;
  const { draw } = stage;
  let seed = 0, luck;

  // One number per trial decides between win and loss whatever p is: a slider then moves the parameter and not the luck.
  function newOutcomes() {
    const next = rwlib.random(++seed);
    luck = Array.from({ length: N_TRIALS }, next);
  }
  newOutcomes();

  const rate = { min: 0.01, max: 0.99, step: 0.01 };
  const alphaPos = stage.slider({ label: "α⁺, rate for good surprises", ...rate, value: 0.3, colour: "green" });
  const alphaNeg = stage.slider({ label: "α⁻, rate for bad surprises", ...rate, value: 0.1, colour: "red" });
  const arm = stage.slider({ label: "p, how often the arm pays", ...rate, value: 0.5, colour: "muted" });
  stage.button("New outcomes", newOutcomes);

  stage.looks((width) => {
    const [up, down, p] = [alphaPos.value, alphaNeg.value, arm.value];
    const outcomes = luck.map((u) => (u < p ? 1 : 0));
    const values = rwlib.valuePath(outcomes, up, down);
    const settles = rwlib.settlesAt(p, up, down);

    const panel = draw.axes({
      left: 34, top: 40, width: width - (width > 520 ? 150 : 124), height: width > 520 ? 240 : 220, x: [0, N_TRIALS], y: [0, 1],
      xTicks: [0, 25, 50, 75, 100], yTicks: [[0, "0"], [0.5, "0.5"], [1, "1"]], xLabel: "trial", yLabel: "value Q (reward units)",
    });
    let svg = panel.svg;
    // Wins stand on the upper edge and losses under the lower one, as the places that each pulls the value to.
    outcomes.forEach((won, t) => {
      const x = panel.px(t + 1), y = panel.py(won);
      svg += draw.line([[x, y], [x, y - 7]], won ? "green" : "red", { width: 1.6 });
    });

    const right = panel.left + panel.width;
    const across = (value) => [[panel.left, panel.py(value)], [right, panel.py(value)]];
    svg += draw.line(across(p), "muted", { width: 1.2, extra: 'stroke-dasharray="2 4"' });
    svg += draw.line(across(settles), "orange", { extra: 'stroke-dasharray="7 4"' });
    svg += draw.line(values.map((value, t) => [panel.px(t), panel.py(value)]), "blue", { extra: 'class="path"' });

    // Each line is labelled at its end; where the two meet, a line's height stays between the labels.
    const label = (y, words, colour) => (svg += draw.text(right + 8, y + 4, words, { colour }));
    const middle = panel.py(settles), aside = settles >= p ? 17 : -17;
    label(middle, `settles ${settles.toFixed(2)}`, "orange-text");
    label(Math.abs(panel.py(p) - middle) < 17 ? middle + aside : panel.py(p), `pays ${p.toFixed(2)}`, "muted");
    if (Math.min(middle, panel.py(p)) > panel.py(1) + 16) label(panel.py(1) - 4, "wins", "green");
    if (Math.max(middle, panel.py(p)) < panel.py(0) - 22) label(panel.py(0) - 4, "losses", "red-text");

    const ratio = up / down;
    const mean = values.slice(51).reduce((sum, value) => sum + value, 0) / 50;
    const says = Math.abs(ratio - 1) < 1e-9
      ? `Good and bad surprises count alike, so the value settles near the probability itself, <b>${settles.toFixed(2)}</b>.`
      : `${ratio > 1 ? "Good" : "Bad"} surprises count ${Math.max(ratio, 1 / ratio).toFixed(1)} times as much as ${ratio > 1 ? "bad" : "good"} ones,
         so the value settles near <b>${settles.toFixed(2)}</b>, ${ratio > 1 ? "above" : "below"} the ${p.toFixed(2)} that the arm pays.`;
    return {
      svg, height: panel.top + panel.height + 46, says: `${says} Here, its mean over the last 50 trials is ${mean.toFixed(2)}.`,
      shown: { alphaPos: up, alphaNeg: down, p, outcomes, values, settles },
    };
  });
};
