/* Values and an inverse temperature: how probable each choice is. */
"use strict";

(globalThis.moving ??= {})["choice-rule"] = (stage, rwlib) => {
  const { draw } = stage;
  const COLOURS = ["blue", "orange", "green", "purple"];

  const inverse = stage.slider({
    label: "β, inverse temperature (1 / reward units)", min: 0, max: 20, step: 0.1, value: 3, format: (v) => v.toFixed(1), colour: "text", size: "wide",
  });
  const sliders = [0.2, 0.4, 0.8, 0.5].map((value, a) =>
    stage.slider({ label: `Q of action ${a}`, min: 0, max: 1, step: 0.01, value, colour: COLOURS[a], size: "narrow" }));

  stage.looks((width) => {
    const beta = inverse.value, values = sliders.map((slider) => slider.value);
    const probabilities = rwlib.softmax(values, beta);

    const n = values.length;
    const panel = draw.axes({
      left: 34, top: 34, width: width - 44, height: width > 520 ? 220 : 190, x: [-0.5, n - 0.5], y: [0, 1],
      yTicks: [[0, "0"], [0.5, "0.5"], [1, "1"]], yLabel: "choice probability",
    });
    const bar = Math.min(0.56 * (panel.width / n), 90);
    let svg = panel.svg;
    probabilities.forEach((p, a) => {
      const x = panel.px(a), y = panel.py(p);
      svg += draw.box(x - bar / 2, y, bar, panel.py(0) - y, COLOURS[a], 'rx="2" class="bar"');
      svg += draw.text(x, panel.py(0) + 19, `action ${a}`, { anchor: "middle" });
      svg += draw.text(x, panel.py(0) + 37, `Q = ${values[a].toFixed(2)}`, { anchor: "middle", colour: "muted" });
    });
    // Over the bars, since all of them are compared with it.
    svg += draw.line([[panel.left, panel.py(1 / n)], [panel.left + panel.width, panel.py(1 / n)]], "muted", { width: 1.2, extra: 'stroke-dasharray="2 4"' });
    probabilities.forEach((p, a) =>
      (svg += draw.text(panel.px(a), panel.py(p) - 7, p < 0.005 ? "&lt;0.01" : p.toFixed(2), { anchor: "middle", extra: 'font-weight="600"' })));
    svg += draw.text(panel.left + 2, panel.py(1 / n) - 6, "chance", { colour: "muted", extra: 'font-size="12"' });

    // Two differences in one number: what the best is better by, and how much that weighs.
    const [best, second] = [...values].sort((a, b) => b - a);
    const odds = Math.exp(beta * (best - second));
    const says = beta === 0
      ? "At β = 0 values do not matter: all choices are equally probable."
      : `The best action is <b>${odds < 100 ? odds.toFixed(1) : "more than 100"} times</b> as probable as the second best:
        e<sup>β · ${(best - second).toFixed(2)}</sup>. Only differences between values count.`;
    return { svg, height: panel.top + panel.height + 46, says, shown: { beta, values, probabilities } };
  });
};
