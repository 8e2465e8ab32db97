/* Forty people and their group: how far each estimate moves when the group's SD changes. */
"use strict";

(globalThis.moving ??= {}).shrinkage = (stage, rwlib) => {
  const { draw } = stage;
  const N = 40, MEAN = -0.8, SD = 0.7; // the group that the people come from, in logits of the learning rate
  const expit = (x) => 1 / (1 + Math.exp(-x)), logit = (p) => Math.log(p / (1 - p));

  // Each has a true value, an amount of data (a standard error between 0.25 and 1.4) and an own estimate that misses accordingly.
  const next = rwlib.random(12);
  const people = Array.from({ length: N }, () => {
    const truth = MEAN + SD * rwlib.normal(next), se = 0.25 * Math.exp(Math.log(1.4 / 0.25) * next());
    return { truth, se, own: truth + se * rwlib.normal(next) };
  }).sort((a, b) => a.own - b.own);
  const own = people.map((person) => person.own), se = people.map((person) => person.se);
  const error = (estimates) => Math.sqrt(estimates.reduce((sum, x, i) => sum + (x - people[i].truth) ** 2, 0) / N);

  const sigma = stage.slider({
    label: "σ, how much people differ (SD, logits of α)",
    min: 0, max: 3, step: 0.05, value: 0.7, colour: "orange", size: "wide",
  });

  stage.looks((width) => {
    const { groupMean, together } = rwlib.shrink(own, se, sigma.value);
    const bell = 64, [low, high] = [logit(0.011), logit(0.96)];
    const panel = draw.axes({
      left: 14, top: bell + 58, width: width - 28, height: 40 * 7.5, x: [low, high], y: [N, 0],
      xTicks: [0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9].map((p) => [logit(p), String(p)]), xLabel: "learning rate α (logit scale)",
    });
    const { px, py } = panel, bottom = panel.top + panel.height;
    let svg = panel.svg;

    // The group as a bell over the people; its area stays, until it would be too high to draw.
    const height = Math.min(1, 0.35 / Math.max(sigma.value, 1e-9)) * bell;
    const curve = Array.from({ length: 281 }, (_, k) => {
      const x = low + (k / 280) * (high - low), z = (x - groupMean) / Math.max(sigma.value, 0.01);
      return [px(x), panel.top - 6 - height * Math.exp(-z * z / 2)];
    });
    svg += draw.line([[px(groupMean), panel.top - 6], [px(groupMean), bottom]], "orange", { width: 1.4, extra: 'stroke-dasharray="7 4"' });
    svg += draw.line(curve, "orange");
    svg += draw.text(px(groupMean), panel.top - height - 14, "the group", { anchor: "middle", colour: "orange-text", extra: 'font-weight="600"' });

    people.forEach((person, i) => {
      const y = py(i + 0.5);
      svg += draw.line([[px(person.own), y], [px(together[i]), y]], "muted", { width: 1, extra: 'opacity="0.7"' });
      // The larger the ring, the more trials behind it: precision goes with their number.
      svg += draw.dot(px(person.own), y, "muted", { radius: (1.6 + 0.6 / person.se).toFixed(1), open: true });
      svg += draw.dot(px(together[i]), y, "blue", { radius: 3, extra: 'class="together"' });
    });
    svg += draw.dot(8, 12, "muted", { radius: 4, open: true }) + draw.text(18, 16, "own estimate", { colour: "muted" });
    svg += draw.dot(130, 12, "blue", { radius: 3.5 }) + draw.text(140, 16, "within the group", { colour: "blue-text" });

    const [alone, pooled] = [error(own), error(together)];
    const says = `The typical error (root mean square) is <b>${pooled.toFixed(2)} logits</b> within this group and ${alone.toFixed(2)} alone. ${
      sigma.value === 0 ? "At σ = 0 everybody is the group’s mean: complete pooling."
      : sigma.value > 2.5 ? "A group this wide says little about anybody."
      : "Small rings, with few trials behind them, keep the smallest share of their distance from its mean."}`;
    return {
      svg, height: bottom + 46, says,
      shown: { sigma: sigma.value, own, se, truth: people.map((person) => person.truth), groupMean, together, error: pooled },
    };
  });
};
