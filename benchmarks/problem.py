"""What all contestants are given, the course's forty subjects, and how they are judged."""

import arviz_base
import arviz_stats
import jax
import numpy as np

import rwlib

GROUP = [f"{parameter.name}_group_{what}" for parameter in rwlib.ASYMMETRIC.parameters for what in ("mean", "sd")]


def course_data(n_subjects=40, n_trials=200):
    """The subjects of chapters 5 to 10, from the same seeds; other sizes for the study of growth."""
    rng = np.random.default_rng(52)
    truth = {name: rng.beta(5, 5, size=n_subjects) for name in ("alpha_pos", "alpha_neg", "temperature")}
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(5), rwlib.FIVE_ARMS, n_trials)
    return rwlib.simulate(jax.random.key(59), outcomes, truth).data


def judge(draws, divergences, *, all_seconds, compile_seconds):
    """Score a fit by its worst group-level parameter.

    ``draws`` holds an array (chain, draw) for each name in GROUP. All seconds include compiling, and warm-up in any case.
    """
    posterior = arviz_base.from_dict({"posterior": {name: np.asarray(draws[name]) for name in GROUP}})["posterior"].dataset
    ess, r_hat, mcse = (f(posterior) for f in (arviz_stats.ess, arviz_stats.rhat, arviz_stats.mcse))
    worst = min(GROUP, key=lambda name: float(ess[name]))
    least = float(ess[worst])
    sampling = all_seconds - compile_seconds
    return {
        "seconds": {"all": all_seconds, "compiling": compile_seconds, "sampling": sampling},
        "draws": int(posterior[worst].size),
        "ess": least,
        "worst": worst,
        "ess_per_second": {"all": least / all_seconds, "sampling": least / sampling},
        "r_hat": max(float(r_hat[name]) for name in GROUP),
        "divergences": int(divergences),
        "mean": {name: float(posterior[name].mean()) for name in GROUP},
        "mcse": {name: float(mcse[name]) for name in GROUP},
    }
