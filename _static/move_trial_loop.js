/* The trial loop in slow motion: what jax.lax.scan hands to a step, and what the step hands back. */
"use strict";

(globalThis.moving ??= {})["trial-loop"] = (stage, rwlib) => {
  const { draw, make } = stage;
  const CHOICES = [0, 0, 2, 0, 2, 1], REWARDS = [1, 0, 1, 1, 1, 0], N_ACTIONS = 3;
  const ALPHA_POS = 0.4, ALPHA_NEG = 0.2;
  const number = (x) => x.toFixed(2).replace("-", "−");

  // The whole session beforehand; the buttons only choose how much of it is shown.
  const trials = [];
  let value = Array(N_ACTIONS).fill(0.5);
  CHOICES.forEach((choice, t) => {
    const updated = [...value];
    const [next, [before, error]] = rwlib.update(value[choice], [REWARDS[t], 1], ALPHA_POS, ALPHA_NEG);
    updated[choice] = next;
    trials.push({ choice, reward: REWARDS[t], carry: value, updated, value: before, prediction_error: error });
    value = updated;
  });

  // Three moments in each trial: the input arrives, the step computes, carry and output leave.
  const LAST = 3 * trials.length - 1;
  let moment = 0;
  const go = (to) => () => (moment = Math.min(Math.max(to(moment), 0), LAST));
  const restart = stage.button("Restart", go(() => 0));
  const back = stage.button("Back", go((m) => m - 1));
  const next = stage.button("Next", go((m) => m + 1));
  next.classList.add("main");

  const table = make(stage.element, "table", { class: "moving-table" });
  table.innerHTML = "<caption>outputs, stacked by scan</caption><thead><tr><th>trial</th><th>choice</th><th>reward</th><th>value</th><th>prediction_<wbr>error</th></tr></thead><tbody></tbody>";

  /** A stack of cells around x, empty until it is `shown`; the one that is `lit` stands out. */
  const cells = (x, top, entries, colour, { lit = -1, shown = true, width = 58 } = {}) => entries.map((entry, i) =>
    draw.box(x - width / 2, top + 25 * i, width, 24, shown && lit === i ? colour : "cell",
      `rx="3" stroke="var(--m-${colour})" ${shown ? "" : 'stroke-dasharray="3 3"'}`)
    + (shown ? draw.text(x, top + 25 * i + 17, entry, { anchor: "middle", halo: false, colour: lit === i ? "paper" : "text" }) : "")).join("");

  function arrow(x1, y1, x2, y2, colour, on) {
    const length = Math.hypot(x2 - x1, y2 - y1), [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
    const tip = [[x2 - 7 * ux - 4 * uy, y2 - 7 * uy + 4 * ux], [x2, y2], [x2 - 7 * ux + 4 * uy, y2 - 7 * uy - 4 * ux]];
    const faint = on ? "" : 'opacity="0.3"';
    return draw.line([[x1, y1], [x2, y2]], colour, { width: on ? 2.4 : 1.6, extra: faint }) + draw.line(tip, colour, { width: 2, extra: faint });
  }

  stage.looks((width) => {
    const t = Math.floor(moment / 3), phase = moment % 3, trial = trials[t];
    const [rate, sign] = trial.prediction_error > 0 ? [ALPHA_POS, "⁺"] : [ALPHA_NEG, "⁻"];

    const middle = width / 2, reach = Math.min(middle - 34, 230), half = Math.min(0.19 * width, 90);
    const left = middle - reach, right = middle + reach, top = 98, height = 96, level = top + height / 2, low = top + height + 32;
    const group = (x, y, word, colour, anchor) => draw.text(x, y, word, { anchor, colour: `${colour}-text`, extra: 'font-weight="600"' });
    const field = (x, y, word) => draw.text(x, y, word, { anchor: "middle", colour: "muted" });
    let svg = draw.text(0, 16, `trial ${t}`, { extra: 'font-weight="600"' });
    // In from the left and from above.
    svg += group(left, top + 2, "carry", "blue", "middle") + field(left, level + 56, "value");
    svg += cells(left, level - 37, trial.carry.map(number), "blue", { lit: phase ? trial.choice : -1 });
    svg += arrow(left + 33, level, middle - half - 6, level, "blue", phase < 2);
    svg += group(middle - 78, 49, "input", "green", "end") + field(middle - 36, 23, "choice") + field(middle + 36, 23, "reward");
    svg += cells(middle - 36, 32, [trial.choice], "green", { width: 66 }) + cells(middle + 36, 32, [trial.reward], "green", { width: 66 });
    svg += arrow(middle, 60, middle, top - 4, "green", phase === 0);
    // The step.
    const [edge, thick] = phase === 1 ? ["text", 2] : ["muted", 1];
    svg += draw.box(middle - half, top, 2 * half, height, "cell", `rx="8" stroke="var(--m-${edge})" stroke-width="${thick}"`);
    const words = phase === 0
      ? ["step", "(carry, input)"]
      : [`δ = ${trial.reward} − ${number(trial.value)}`, `= ${number(trial.prediction_error)}`, `Q + α${sign} δ`, `= ${number(trial.updated[trial.choice])}`];
    words.forEach((word, i) => (svg += draw.text(middle, level + 5 + 20 * (i - (words.length - 1) / 2), word, { anchor: "middle", halo: false })));
    // Out to the right and downwards.
    const out = { shown: phase === 2, width: 118 };
    svg += group(right, top + 2, "carry", "blue", "middle") + field(right, level + 56, "value");
    svg += arrow(middle + half + 6, level, right - 33, level, "blue", phase === 2);
    svg += cells(right, level - 37, trial.updated.map(number), "blue", { lit: trial.choice, shown: phase === 2 });
    svg += arrow(middle, top + height + 4, middle, low - 4, "orange", phase === 2);
    svg += group(middle - 12, low - 10, "output", "orange", "end") + field(middle - 61, low + 41, "value") + field(middle + 61, low + 41, "prediction_error");
    svg += cells(middle - 61, low, [number(trial.value)], "orange", out) + cells(middle + 61, low, [number(trial.prediction_error)], "orange", out);

    const says = [
      `<b>Input.</b> The carry brings the values, and scan hands over this trial’s pair: action ${trial.choice} was chosen, and it paid ${trial.reward}.`,
      `<b>Step.</b> The prediction error is ${number(trial.prediction_error)}, so the value of action ${trial.choice} moves by α${sign} = ${rate} of it. The others stay.`,
      t + 1 < trials.length
        ? "<b>Carry and output.</b> The new values go on to the next trial. The record of this one is kept, and no later step sees it."
        : "<b>Done.</b> scan returns the last carry and the outputs of all steps, stacked into arrays.",
    ][phase];

    const rows = trials.slice(0, phase === 2 ? t + 1 : t);
    table.tBodies[0].innerHTML = trials.map((row, i) => i < rows.length
      ? `<tr class="${phase === 2 && i === t ? "new" : ""}"><td>${[i, row.choice, row.reward, number(row.value), number(row.prediction_error)].join("</td><td>")}</td></tr>`
      : `<tr><td>${i}</td><td></td><td></td><td></td><td></td></tr>`).join("");
    restart.disabled = back.disabled = moment === 0;
    next.disabled = moment === LAST;
    return {
      svg, height: low + 52, says,
      shown: { trial: t, phase, carry: phase === 2 ? trial.updated : trial.carry, choices: CHOICES, rewards: REWARDS, rows, alphaPos: ALPHA_POS, alphaNeg: ALPHA_NEG },
    };
  });
};
