/* The part of rwlib that the figures need, in JavaScript: pure functions of numbers, held against Python's by
   tests/test_moving_figures.py. Names, order of arguments and conventions are rwlib's; arrays are plain arrays.
   A plain script and not a module, for the reasons in moving.js; in a worker, importScripts brings the same names. */
"use strict";

globalThis.rwlib = (() => {
  const FIVE_ARMS = [0.2, 0.4, 0.8, 0.1, 0.5];

  // ---- chance, the same for the same seed in every browser -------------------------------------------------------

  /** Return a function that gives the next number in [0, 1). Mulberry32 (T. Ettinger, 2017), whose state is one integer. */
  function random(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  /** One draw from N(0, 1), out of two uniform numbers (Box and Muller, 1958). */
  const normal = (next) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

  // ---- learning and choosing -------------------------------------------------------------------------------------

  /** asymmetric_rescorla_wagner_update: [updated value, [value, prediction error]], of one action. */
  function update(value, [outcome, chosen], alphaPos, alphaNeg) {
    const error = chosen ? outcome - value : 0;
    return [value + (error > 0 ? alphaPos : alphaNeg) * error, [value, error]];
  }

  /** The value before the first trial and after each: one longer than `outcomes`. */
  function valuePath(outcomes, alphaPos, alphaNeg, q0 = 0.5) {
    const path = [q0];
    for (const outcome of outcomes) path.push(update(path.at(-1), [outcome, 1], alphaPos, alphaNeg)[0]);
    return path;
  }

  /** Where an expected step is 0: p α⁺ (1 − Q) = (1 − p) α⁻ Q. */
  const settlesAt = (p, alphaPos, alphaNeg) => (p * alphaPos) / (p * alphaPos + (1 - p) * alphaNeg);

  /** Choice probabilities. Only differences count, so the largest value is moved to 0 before anything can overflow. */
  function softmax(value, beta = 1) {
    const best = Math.max(...value);
    const weight = value.map((v) => Math.exp(beta * (v - best)));
    const total = weight.reduce((sum, w) => sum + w, 0);
    return weight.map((w) => w / total);
  }

  /** Choices and rewards of one agent with these parameters. */
  function simulate(seed, rewardProbs, nTrials, { alphaPos, alphaNeg, beta }) {
    const next = random(seed), choices = [], rewards = [];
    const value = rewardProbs.map(() => 0.5);
    for (let t = 0; t < nTrials; t++) {
      let left = next(), choice = 0;
      for (const p of softmax(value, beta).slice(0, -1)) if ((left -= p) >= 0) choice++; else break;
      const reward = next() < rewardProbs[choice] ? 1 : 0;
      value[choice] = update(value[choice], [reward, 1], alphaPos, alphaNeg)[0];
      choices.push(choice);
      rewards.push(reward);
    }
    return { choices, rewards, nActions: rewardProbs.length };
  }

  // ---- likelihood ------------------------------------------------------------------------------------------------

  /** log Σ exp(β Q), without overflow. */
  function logSumExp(value, beta) {
    let best = value[0], sum = 0;
    for (let a = 1; a < value.length; a++) if (value[a] > best) best = value[a];
    for (let a = 0; a < value.length; a++) sum += Math.exp(beta * (value[a] - best));
    return beta * best + Math.log(sum);
  }

  /** trialwise_log_likelihood of one subject, in nats. */
  function trialwiseLogLikelihood({ choices, rewards, nActions }, { alphaPos, alphaNeg, beta }) {
    const value = Array(nActions).fill(0.5);
    return choices.map((choice, t) => {
      const logProbability = beta * value[choice] - logSumExp(value, beta);
      value[choice] = update(value[choice], [rewards[t], 1], alphaPos, alphaNeg)[0];
      return logProbability;
    });
  }

  const logLikelihood = (data, params) => trialwiseLogLikelihood(data, params).reduce((sum, l) => sum + l, 0);

  /** Log-likelihoods of the first 0, 1, 2, … trials on a grid of one learning rate (for both signs) and β.
      Returns a list over trials of arrays with entry [b · alphas.length + a]: a slider then only looks them up. */
  function likelihoodSurfaces({ choices, rewards, nActions }, alphas, betas) {
    const values = alphas.map(() => Array(nActions).fill(0.5));
    let sum = new Float64Array(alphas.length * betas.length);
    const surfaces = [sum];
    choices.forEach((choice, t) => {
      sum = sum.slice();
      alphas.forEach((alpha, a) => {
        const value = values[a];
        for (let b = 0; b < betas.length; b++) sum[b * alphas.length + a] += betas[b] * value[choice] - logSumExp(value, betas[b]);
        value[choice] = update(value[choice], [rewards[t], 1], alpha, alpha)[0];
      });
      surfaces.push(sum);
    });
    return surfaces;
  }

  /** Log posterior of q = (logit α, log β), up to a constant, and its gradient: one learning rate for both signs, and the
      priors of the chapter on NUTS, logit α ~ N(0, 1) and log β ~ N(1, 1). The gradient travels with the values. */
  function logPosterior([x, y], { choices, rewards, nActions }) {
    const alpha = 1 / (1 + Math.exp(-x)), beta = Math.exp(y);
    const value = Array(nActions).fill(0.5), byAlpha = Array(nActions).fill(0);
    let sum = 0, slopeAlpha = 0, slopeBeta = 0;
    choices.forEach((choice, t) => {
      const p = softmax(value, beta);
      const mean = (of) => p.reduce((total, pa, a) => total + pa * of[a], 0);
      sum += beta * value[choice] - logSumExp(value, beta);
      slopeAlpha += beta * (byAlpha[choice] - mean(byAlpha));
      slopeBeta += value[choice] - mean(value);
      byAlpha[choice] += rewards[t] - value[choice] - alpha * byAlpha[choice];
      value[choice] = update(value[choice], [rewards[t], 1], alpha, alpha)[0];
    });
    return {
      logDensity: sum - x ** 2 / 2 - (y - 1) ** 2 / 2,
      gradient: [slopeAlpha * alpha * (1 - alpha) - x, slopeBeta * beta - (y - 1)],
    };
  }

  // ---- sampling and pooling --------------------------------------------------------------------------------------

  /** A ball's path, start included: half a change of momentum, a whole move, the other half. Energy is −log density + p²/2. */
  function leapfrog(q, p, stepSize, nSteps, density) {
    let here = density(q);
    const stop = () => ({ q, p, energy: -here.logDensity + (p[0] ** 2 + p[1] ** 2) / 2 });
    const half = () => (p = p.map((pi, i) => pi + (stepSize / 2) * here.gradient[i]));
    const path = [stop()];
    for (let step = 0; step < nSteps; step++) {
      half();
      q = q.map((qi, i) => qi + stepSize * p[i]);
      here = density(q);
      half();
      path.push(stop());
    }
    return path;
  }

  /** The first step at which the ball comes back towards its start, or −1. */
  function uTurn(path) {
    const start = path[0].q;
    return path.findIndex(({ q, p }, step) => step > 0 && (q[0] - start[0]) * p[0] + (q[1] - start[1]) * p[1] < 0);
  }

  /** Posterior means of people in a normal group of known SD: `own` estimates with standard errors `se`. The group's
      mean is the best one for this SD. Each person keeps the share σ² / (σ² + se²) of their distance from it. */
  function shrink(own, se, groupSd) {
    const weight = se.map((s) => 1 / (groupSd ** 2 + s ** 2));
    const total = weight.reduce((sum, w) => sum + w, 0);
    const groupMean = own.reduce((sum, m, i) => sum + weight[i] * m, 0) / total;
    const together = own.map((m, i) => groupMean + groupSd ** 2 * weight[i] * (m - groupMean));
    return { groupMean, together };
  }

  return {
    FIVE_ARMS, random, normal, update, valuePath, settlesAt, softmax, simulate, trialwiseLogLikelihood, logLikelihood,
    likelihoodSurfaces, logPosterior, leapfrog, uTurn, shrink,
  };
})();
