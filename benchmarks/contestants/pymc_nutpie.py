"""PyMC with nutpie: a PyTensor scan over trials with all subjects abreast, nutpie's own warm-up, 4 chains of 1,000 draws."""

import time

import numpy as np
import nutpie
import pymc
import pytensor
import pytensor.tensor as pt

import rwlib
from benchmarks.problem import GROUP, course_data, judge

TRANSFORMS = {"expit": pymc.math.sigmoid, "exp": pymc.math.exp}


def model(data):
    subjects = pt.arange(data.n_subjects)
    with pymc.Model() as hierarchy:
        theta = [subject_parameter(parameter, data.n_subjects) for parameter in rwlib.ASYMMETRIC.parameters]

        def trial(choice, reward, value, alpha_pos, alpha_neg, beta):
            logits = beta[:, None] * value
            log_p = logits[subjects, choice] - pt.logsumexp(logits, axis=1)
            error = reward - value[subjects, choice]
            rate = pt.switch(error > 0, alpha_pos, alpha_neg)
            return pt.inc_subtensor(value[subjects, choice], rate * error), log_p

        (_, log_p), _ = pytensor.scan(
            trial,
            sequences=[pt.as_tensor(np.asarray(data.choices).T), pt.as_tensor(np.asarray(data.rewards, float).T)],
            outputs_info=[pt.full((data.n_subjects, data.n_actions), 0.5), None],
            non_sequences=theta,

        )
        pymc.Potential("log_likelihood", log_p.sum())
    return hierarchy


def subject_parameter(parameter, n_subjects):
    name = parameter.name
    mean = pymc.Normal(f"{name}_group_mean", parameter.mean_location, parameter.mean_scale)
    sd = pymc.HalfNormal(f"{name}_group_sd", parameter.sd_scale)
    offset = pymc.Normal(f"{name}_offset", shape=n_subjects)
    return TRANSFORMS[parameter.transform](mean + sd * offset)


def measure(seed):
    data = course_data()
    start = time.perf_counter()
    # Numba, the default, needs half a minute or more to compile and samples at half the speed.
    program = nutpie.compile_pymc_model(model(data), backend="jax")
    # JAX compiles at the first call, so one draw belongs to compiling.
    nutpie.sample(program, draws=1, tune=1, chains=1, seed=seed, progress_bar=False)
    compiled = time.perf_counter()
    fit = nutpie.sample(program, draws=1000, chains=4, seed=seed, progress_bar=False)
    end = time.perf_counter()
    draws = {name: fit.posterior[name].values for name in GROUP}
    return judge(draws, fit.sample_stats.diverging.sum(), all_seconds=end - start, compile_seconds=compiled - start)
