/* One person's posterior of α⁺, α⁻ and β on a grid. In a worker it answers messages, so that the page goes on answering;
   where a browser allows none (on file:// addresses), the page calls `posterior` itself. */
"use strict";

globalThis.playGrid = (() => {
  const Q0 = 0.5;

  /** rwlib.ASYMMETRIC: before its transform, a person's parameter is normal around the mean of a group, whose mean and SD
      have these priors. tests/test_play.py holds them against rwlib. */
  const PRIORS = {
    alpha: { meanLocation: 0, meanScale: 1, sdScale: 1 }, // before expit
    beta: { meanLocation: 1, meanScale: 1, sdScale: 0.5 }, // before exp
  };

  /** Midpoints of equal cells: of (0, 1) for a learning rate, of the log scale for β. */
  const GRID = { nAlpha: 50, nBeta: 50, logBetaLow: Math.log(0.05), logBetaHigh: Math.log(100) };

  /** What the model says of one new person, before the transform: the group's mean is integrated out exactly, its SD by the
      midpoints of 120 cells up to 6 scales. */
  function personPrior(x, { meanLocation, meanScale, sdScale }) {
    const step = (6 * sdScale) / 120;
    let density = 0;
    for (let sd = step / 2; sd < 6 * sdScale; sd += step) {
      const variance = meanScale ** 2 + sd ** 2;
      density += Math.exp(-((sd / sdScale) ** 2) / 2 - (x - meanLocation) ** 2 / variance / 2) / Math.sqrt(variance);
    }
    return density;
  }

  const sum = (weights) => weights.reduce((a, b) => a + b, 0);

  function normalised(weights) {
    const total = sum(weights);
    return weights.map((weight) => weight / total);
  }

  function makeGrid({ nAlpha, nBeta, logBetaLow, logBetaHigh }) {
    const alpha = Array.from({ length: nAlpha }, (_, i) => (i + 0.5) / nAlpha);
    const logBeta = Array.from({ length: nBeta }, (_, k) => logBetaLow + ((k + 0.5) * (logBetaHigh - logBetaLow)) / nBeta);
    return {
      alpha,
      beta: logBeta.map(Math.exp),
      // dx/dα = 1 / (α (1 − α)): a density per unit of α
      priorAlpha: normalised(alpha.map((a) => personPrior(Math.log(a / (1 - a)), PRIORS.alpha) / (a * (1 - a)))),
      priorBeta: normalised(logBeta.map((x) => personPrior(x, PRIORS.beta))),
    };
  }

  /** Log-likelihoods at all points, in one flat array [α⁺][α⁻][β]. Values depend on the rates alone, so their path is made
      once for all β; and only one value moves on a trial, so one new exponential is enough. None overflows: β Q ≤ 100. */
  function gridLogLikelihood(choices, rewards, { alpha, beta }, nActions) {
    const nTrials = choices.length;
    const all = new Float64Array(alpha.length ** 2 * beta.length);
    const updated = new Float64Array(nTrials), weight = new Float64Array(nActions);
    let at = 0;
    for (const alphaPos of alpha) {
      for (const alphaNeg of alpha) {
        const value = new Array(nActions).fill(Q0);
        let chosen = 0; // sum of the chosen arms' values
        for (let t = 0; t < nTrials; t++) {
          chosen += value[choices[t]];
          updated[t] = value[choices[t]] = rwlib.update(value[choices[t]], [rewards[t], 1], alphaPos, alphaNeg)[0];
        }
        for (const b of beta) {
          weight.fill(Math.exp(b * Q0));
          let logProduct = 0, product = 1; // of the softmax's denominators
          for (let t = 0; t < nTrials; t++) {
            let denominator = 0;
            for (let a = 0; a < nActions; a++) denominator += weight[a];
            product *= denominator;
            if (product > 1e200) { // a logarithm now and then, not on every trial
              logProduct += Math.log(product);
              product = 1;
            }
            weight[choices[t]] = Math.exp(b * updated[t]);
          }
          all[at++] = b * chosen - logProduct - Math.log(product);
        }
      }
    }
    return all;
  }

  /** Ends of the interval that leaves as much on either side, linear within cells. */
  function interval(weights, low, high, probability = 0.9) {
    const width = (high - low) / weights.length;
    return [(1 - probability) / 2, (1 + probability) / 2].map((target) => {
      let below = 0, i = 0;
      while (i < weights.length - 1 && below + weights[i] < target) below += weights[i++];
      return low + (i + Math.min((target - below) / weights[i], 1)) * width;
    });
  }

  function posterior(choices, rewards, nActions = 5, size = GRID) {
    const grid = makeGrid(size);
    const { alpha, beta, priorAlpha, priorBeta } = grid;
    const logLikelihood = gridLogLikelihood(choices, rewards, grid, nActions);
    const top = logLikelihood.reduce((a, b) => Math.max(a, b));
    const joint = alpha.map(() => alpha.map(() => 0)), ofBeta = beta.map(() => 0);
    let at = 0, total = 0;
    alpha.forEach((_, i) => alpha.forEach((_, j) => beta.forEach((_, k) => {
      const weight = priorAlpha[i] * priorAlpha[j] * priorBeta[k] * Math.exp(logLikelihood[at++] - top);
      joint[i][j] += weight;
      ofBeta[k] += weight;
      total += weight;
    })));
    joint.forEach((row) => row.forEach((weight, j) => { row[j] = weight / total; }));

    const summary = (weights, points, low, high, back = (x) => x) => ({
      weights,
      mean: weights.reduce((mean, weight, i) => mean + weight * points[i], 0),
      interval: interval(weights, low, high).map(back),
    });
    const rate = (weights) => summary(weights, alpha, 0, 1);
    const inverseTemperature = (weights) => summary(weights, beta, size.logBetaLow, size.logBetaHigh, Math.exp);
    return {
      alpha, beta, joint, // joint[α⁺][α⁻]
      alphaPos: rate(joint.map(sum)),
      alphaNeg: rate(alpha.map((_, j) => sum(joint.map((row) => row[j])))),
      betaPosterior: inverseTemperature(normalised(ofBeta)),
      prior: { alpha: rate(priorAlpha), beta: inverseTemperature(priorBeta) },
      positiveLarger: sum(joint.map((row, i) => sum(row.slice(0, i)) + row[i] / 2)), // P(α⁺ > α⁻)
      values: expectedValues(choices, rewards, alpha, joint, nActions),
    };
  }

  /** Values before each trial and after the last, [trial][arm], averaged over what the posterior says of the rates. */
  function expectedValues(choices, rewards, alpha, joint, nActions) {
    const means = Array.from({ length: choices.length + 1 }, () => new Array(nActions).fill(0));
    joint.forEach((row, i) => row.forEach((weight, j) => {
      const value = new Array(nActions).fill(Q0);
      means.forEach((mean, t) => {
        for (let a = 0; a < nActions; a++) mean[a] += weight * value[a];
        if (t < choices.length) value[choices[t]] = rwlib.update(value[choices[t]], [rewards[t], 1], alpha[i], alpha[j])[0];
      });
    }));
    return means;
  }

  return { PRIORS, GRID, personPrior, makeGrid, gridLogLikelihood, posterior };
})();

if (typeof importScripts === "function") {
  importScripts("model.js"); // beside this file
  onmessage = ({ data }) => {
    const start = performance.now();
    const found = playGrid.posterior(data.choices, data.rewards);
    postMessage({ ...found, seconds: (performance.now() - start) / 1000 });
  };
}
