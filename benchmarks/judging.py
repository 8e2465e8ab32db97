"""How a fit is judged: by its worst parameter of group and people, and by `rwlib.check`, whoever made it."""

import time

import arviz_base
import arviz_stats
import numpy as np

import rwlib
from rwlib.fitting.convergence import diagnose

PEOPLE = [parameter.name for parameter in rwlib.ASYMMETRIC.parameters]
GROUP = [f"{name}_group_{what}" for name in PEOPLE for what in ("mean", "sd")]


def judge(draws, seconds, valleys):
    """Score a fit.

    Parameters
    ----------
    draws : benchmarks.contestant.Draws
    seconds : dict
        ``compiling`` and ``sampling``, both measured. Warm-up belongs to sampling.
    valleys : dict of float
        For people with two modes, the alpha_neg between them.

    Returns
    -------
    score : dict
        As stored in ``results.json``; see :mod:`benchmarks.tables`.
    """
    start = time.perf_counter()
    report = rwlib.check(_tree(draws))
    seconds = {**seconds, "checking": time.perf_counter() - start}
    seconds["all"] = seconds["compiling"] + seconds["sampling"]
    worst = _worst(draws.posterior)
    least = min(worst["ess_bulk"]["value"], worst["ess_tail"]["value"])
    n_gradients = draws.n_gradients + draws.n_gradients_warmup
    of_group = arviz_base.from_dict({"posterior": {name: draws.posterior[name] for name in GROUP}})[
        "posterior"
    ].dataset
    mcse = arviz_stats.mcse(of_group)
    return {
        "seconds": seconds,
        "draws": draws.diverging.size,
        "worst": worst,
        "ess": least,
        "ess_per_second": {name: least / seconds[name] for name in ("all", "sampling")},
        "gradients": {"warmup": draws.n_gradients_warmup, "sampling": draws.n_gradients},
        "gradients_per_second": n_gradients / seconds["sampling"],
        "ess_per_gradient": least / draws.n_gradients,
        "divergences": int(draws.diverging.sum()),
        "e_bfmi": report.worst["e_bfmi"],
        "passes_check": bool(report),
        "mean": {name: float(of_group[name].mean()) for name in GROUP},
        "mcse": {name: float(mcse[name]) for name in GROUP},
        "share_below_valley": {
            str(subject): (draws.posterior["alpha_neg"][..., subject] < valley).mean(axis=-1).tolist()
            for subject, valley in valleys.items()
        },
    }


def _worst(posterior):
    """The largest R-hat and the smallest effective sample sizes, each with the name of its parameter."""
    names, columns = [], []
    for variable, values in posterior.items():
        values = np.asarray(values)
        of_people = values.ndim == 3
        names += [f"{variable}[{i}]" for i in range(values.shape[2])] if of_people else [variable]
        columns.append(np.moveaxis(values, -1, 0) if of_people else values[None])
    r_hat, ess_bulk, ess_tail = diagnose(np.concatenate(columns))
    # NaN, where a diagnostic cannot be computed, is the worst, for argmin and argmax too.
    places = {"r_hat": np.argmax(r_hat), "ess_bulk": np.argmin(ess_bulk), "ess_tail": np.argmin(ess_tail)}
    values = {"r_hat": r_hat, "ess_bulk": ess_bulk, "ess_tail": ess_tail}
    return {what: {"parameter": names[i], "value": float(values[what][i])} for what, i in places.items()}


def _tree(draws):
    of_people = {name: ["subject"] for name in PEOPLE}
    stats = {"diverging": draws.diverging, "energy": draws.energy}
    return arviz_base.from_dict({"posterior": draws.posterior, "sample_stats": stats}, dims=of_people)
