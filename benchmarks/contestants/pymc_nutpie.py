"""PyMC with nutpie: a PyTensor scan over trials with all subjects abreast, compiled by JAX."""

import importlib
from functools import partial

import numpy as np

from benchmarks.contestant import NON_CENTRED, Contestant, Draws, Settings
from benchmarks.judging import GROUP, PEOPLE

SETTINGS = Settings(
    num_warmup=1000,
    num_samples=1000,
    num_chains=4,
    target_acceptance=0.8,
    max_tree_depth=10,
    precision="float64",
    start="uniform within 1 of PyMC's initial point before the transforms, nutpie's default",
    parameterisation="non-centred",
    mass_matrix="diagonal, from draws and gradients, learned by each chain by itself",
    likelihood="a PyTensor scan over trials, all people abreast, compiled and differentiated by JAX: Numba "
    "took longer to compile and to sample",
    chains_share="a thread for each chain, as many at a time as there are cores",
    compiling="by nutpie.compile_pymc_model and a fit of 1 + 1 iterations, which counts as compiling",
    kept_on_disk="JAX's cache of compiled programs, and PyTensor's",
    limits="nutpie's low-rank mass matrix and its normalising flows were not tried",
)


def prepare(data, settings, seed):
    """Compile the model, and, by one draw, the program that JAX makes of it."""
    nutpie = importlib.import_module("nutpie")
    program = nutpie.compile_pymc_model(_model(data), backend="jax", gradient_backend="jax")
    sample = partial(nutpie.sample, program, seed=seed, progress_bar=False)
    sample(draws=1, tune=1, chains=1)
    return partial(_sample, sample, settings)


def _model(data):
    # By name, here and above, so that the fingerprint of this code is the same where PyMC is not installed.
    pymc, pytensor, pt = map(importlib.import_module, ("pymc", "pytensor", "pytensor.tensor"))
    transforms = {"expit": pymc.math.sigmoid, "exp": pymc.math.exp}
    subjects = pt.arange(data.n_subjects)

    def of_subjects(parameter):
        name = parameter.name
        mean = pymc.Normal(f"{name}_group_mean", parameter.mean_location, parameter.mean_scale)
        sd = pymc.HalfNormal(f"{name}_group_sd", parameter.sd_scale)
        offset = pymc.Normal(f"{name}_offset", shape=data.n_subjects)
        return pymc.Deterministic(name, transforms[parameter.transform](mean + sd * offset))

    def trial(choice, reward, value, alpha_pos, alpha_neg, beta):
        logits = beta[:, None] * value
        log_p = logits[subjects, choice] - pt.logsumexp(logits, axis=1)
        error = reward - value[subjects, choice]
        rate = pt.switch(error > 0, alpha_pos, alpha_neg)
        return pt.inc_subtensor(value[subjects, choice], rate * error), log_p

    with pymc.Model() as hierarchy:
        (_, log_p), _ = pytensor.scan(
            trial,
            sequences=[
                pt.as_tensor(np.asarray(data.choices).T),
                pt.as_tensor(np.asarray(data.rewards, float).T),
            ],
            outputs_info=[pt.full((data.n_subjects, data.n_actions), 0.5), None],
            non_sequences=[of_subjects(parameter) for parameter in NON_CENTRED.parameters],
        )
        pymc.Potential("log_likelihood", log_p.sum())
    return hierarchy


def _sample(sample, settings):
    fit = sample(
        draws=settings.num_samples, tune=settings.num_warmup, chains=settings.num_chains,
        target_accept=settings.target_acceptance, maxdepth=settings.max_tree_depth,
    )  # fmt: skip
    stats = fit.sample_stats
    return Draws(
        posterior={name: fit.posterior[name].values for name in [*GROUP, *PEOPLE]},
        diverging=stats["diverging"].values,
        energy=stats["energy"].values,
        n_gradients=int(stats["n_steps"].sum()),
        n_gradients_warmup=int(fit.warmup_sample_stats["n_steps"].sum()),
    )


PYMC_NUTPIE = Contestant(
    label="PyMC with nutpie",
    packages=("pymc", "pytensor", "nutpie"),
    settings=SETTINGS,
    prepare=prepare,
    num_seeds={"course": 3, "reversal": 1},
    num_warm_seeds={"course": 1, "reversal": 0},
    why_fewer_seeds="a fit takes minutes; compiling is a small part of one of the reversal task",
)
