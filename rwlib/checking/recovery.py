"""How well known parameters come back: simulate, fit, and compare estimates with the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Num

from rwlib.data.design import Design
from rwlib.fitting.inference import fit_and_check
from rwlib.fitting.models import ASYMMETRIC, TRANSFORMS, Model
from rwlib.fitting.request import check_seed, check_share
from rwlib.model.simulation import simulate
from rwlib.model.tasks import FIVE_ARMS, bernoulli_outcomes

__all__ = ["recover_parameters", "recovery_correlations", "recovery_table"]


def recovery_table(true: Mapping[str, ArrayLike], fit: xr.DataTree, interval: float = 0.9) -> pd.DataFrame:
    """Compare posterior means and intervals with the parameters that the data were simulated from.

    Parameters
    ----------
    true : dict of arrays, shape (n_subjects,)
        True values. ``temperature`` and ``beta`` stand for each other's inverse where the fit has the other
        one.
    fit : xarray.DataTree
        As returned by :func:`rwlib.fitting.inference.fit`, for the same subjects in the same order.
    interval : float in (0, 1), default 0.9
        Probability of the central posterior interval whose coverage is counted.

    Returns
    -------
    table : pandas.DataFrame
        One row per parameter. ``r``: correlation of estimates with the truth, blind to bias (NaN where the
        truth is the same for all). ``bias``: mean of estimate − truth. ``rmse``: root mean squared error.
        ``coverage``: share of subjects whose interval holds the truth; it should be near ``interval``.
        ``sd_true`` and ``sd_estimated``: spread over subjects; partial pooling makes the second smaller.

    Raises
    ------
    ValueError
        If a parameter is not in the fit, its shape does not fit, or ``interval`` is not in (0, 1).

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib import recovery_table
    >>> truth = np.array([0.2, 0.5, 0.8])
    >>> draws = truth + 0.1 + 0.1 * np.random.default_rng(0).normal(size=(4, 500, 3))
    >>> fit = arviz_base.from_dict({"posterior": {"alpha_pos": draws}})
    >>> print(recovery_table({"alpha_pos": truth}, fit)[["r", "bias"]].round(1))
                 r  bias
    alpha_pos  1.0   0.1
    """
    check_share("interval", interval)
    rows = {}
    for name, truth in true.items():
        draws, truth = _draws(fit, name), np.asarray(truth, float)
        _check_shape(name, truth, draws)
        estimate = draws.mean(axis=0)
        low, high = np.quantile(draws, [(1 - interval) / 2, (1 + interval) / 2], axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where the truth does not vary
            r = np.corrcoef(truth, estimate)[0, 1]
        rows[name] = {
            "r": r,
            "bias": np.mean(estimate - truth),
            "rmse": np.sqrt(np.mean((estimate - truth) ** 2)),
            "coverage": np.mean((low <= truth) & (truth <= high)),
            "sd_true": truth.std(ddof=1),
            "sd_estimated": estimate.std(ddof=1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def recovery_correlations(true: Mapping[str, ArrayLike], fit: xr.DataTree) -> pd.DataFrame:
    """Correlate each estimated parameter with each true one.

    The diagonal says what comes back; anything far from zero beside it says which parameter is mistaken
    for which (compare with the correlations among the true values themselves).

    Parameters
    ----------
    true : dict of arrays, shape (n_subjects,)
    fit : xarray.DataTree
        As returned by :func:`rwlib.fitting.inference.fit`.

    Returns
    -------
    correlations : pandas.DataFrame
        Estimated parameters in rows, true ones in columns.

    Raises
    ------
    ValueError
        If a parameter is not in the fit or its shape does not fit.

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib import recovery_correlations
    >>> truth = {"alpha_pos": np.array([0.2, 0.5, 0.8]), "alpha_neg": np.array([0.5, 0.1, 0.5])}
    >>> draws = {name: np.tile(value, (4, 10, 1)) for name, value in truth.items()}
    >>> fit = arviz_base.from_dict({"posterior": draws})
    >>> print(recovery_correlations(truth, fit).round(2).abs())
               alpha_pos  alpha_neg
    alpha_pos        1.0        0.0
    alpha_neg        0.0        1.0
    """
    names = list(true)
    estimates = []
    for name in names:
        draws = _draws(fit, name)
        _check_shape(name, np.asarray(true[name]), draws)
        estimates.append(draws.mean(axis=0))
    both = np.corrcoef(estimates, [np.asarray(true[name], float) for name in names])
    return pd.DataFrame(both[: len(names), len(names) :], index=names, columns=names)


def recover_parameters(
    n_subjects: int,
    n_trials: int,
    beta: float | None = None,
    *,
    n_datasets: int = 10,
    seed: int = 0,
    model: Model = ASYMMETRIC,
    reward_probs: Sequence[float] = FIVE_ARMS,
    outcomes: Num[ArrayLike, "n_trials n_actions"] | None = None,
    design: Design = Design(),
    interval: float = 0.9,
    **settings: Any,
) -> pd.DataFrame:
    """Simulate a design many times, fit all data sets side by side, and say how well the parameters come
    back.

    The subjects of all data sets come from one population, in the middle of the model's priors: each group
    mean at the prior's location, each group SD at half its scale. Only beta's group mean is part of the
    design.

    Every fit is checked, and those that fail are fitted once more, by the rule of
    :func:`rwlib.fitting.inference.fit_and_check`. Those that fail again are counted and left out.

    Parameters
    ----------
    n_subjects, n_trials : int
        Of each data set.
    beta : float, optional
        Median of the subjects' inverse temperatures, above 0. Default: that of the prior.
    n_datasets : int, default 10
        More give the table less noise. Each has subjects, outcomes and choices of its own.
    seed : int, default 0
        Of everything random.
    model : Model, default ASYMMETRIC
        Simulates and is fitted. Where ``beta`` is given, it must be one of its parameters, with transform
        exp.
    reward_probs : sequence of float, default FIVE_ARMS
        Probability with which each arm pays. Each data set has outcomes of its own.
    outcomes : array, shape (n_trials, n_actions), optional
        What each action would have paid on each trial, the same for all data sets, in place of
        ``reward_probs``.
    design : Design, optional
        What the task does apart from paying, the same for all subjects or for each of the ``n_subjects``.
    interval : float in (0, 1), default 0.9
        Probability of the intervals whose coverage is counted.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`.

    Returns
    -------
    table : pandas.DataFrame
        One row per parameter, over the subjects of all data sets whose fit passes, and one per group mean
        (``<name>_group_mean``, before the transform), over these data sets. Columns: ``n_subjects``,
        ``n_trials``, ``beta``, ``seed``, ``parameter``; those of :func:`recovery_table`, NaN where no fit
        passes; ``n_datasets``, how many of them had to be ``n_refitted``, and how many have a fit that
        ``n_passed``; and the largest ``r_hat`` and all ``divergences`` of the fits, those that fail included.

    Raises
    ------
    ValueError
        If the model has no such beta, ``beta`` or ``n_datasets`` is impossible, or outcomes or design do not
        fit.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import rwlib
    >>> design = dict(n_subjects=4, n_trials=20, beta=3.0, n_datasets=1)
    >>> short = dict(num_warmup=50, num_samples=50, progress_bar=False)
    >>> table = rwlib.recover_parameters(**design, model=rwlib.SYMMETRIC, **short)
    >>> table["parameter"].tolist()
    ['alpha', 'beta', 'alpha_group_mean', 'beta_group_mean']
    >>> table["n_datasets"].tolist()
    [1, 1, 1, 1]

    A grid of designs is a study, whose pieces are kept on disk:

    .. code-block:: python

        grid = [dict(n_subjects=n, n_trials=200, beta=b) for n in (20, 40) for b in (1.0, 3.0, 6.0)]
        table = rwlib.run_study(rwlib.recover_parameters, grid, "my_recovery")
    """
    check_share("interval", interval)
    check_seed(seed)
    group_means, simulated = _simulate_design(
        model, n_subjects, n_trials, beta, n_datasets, seed, reward_probs, outcomes, design
    )
    seeds = [seed + i for i in range(n_datasets)]
    checked = fit_and_check([data for _, data in simulated], model, seeds=seeds, **settings)
    kept = [(true, each.fit) for (true, _), each in zip(simulated, checked) if each.passes]
    worst = [each.report.worst for each in checked]
    diagnostics = dict(
        n_datasets=n_datasets,
        n_refitted=sum(each.refitted for each in checked),
        n_passed=len(kept),
        r_hat=max(each["r_hat"] for each in worst),
        divergences=int(sum(each["divergences"] for each in worst)),
    )
    table = _pooled(kept, group_means, interval).rename_axis("parameter").reset_index()
    return pd.DataFrame(
        dict(n_subjects=n_subjects, n_trials=n_trials, beta=beta, seed=seed) | dict(table) | diagnostics
    )


def _simulate_design(model, n_subjects, n_trials, beta, n_datasets, seed, reward_probs, outcomes, design):
    """The group means, before the transform, and each data set with its subjects' true parameters."""
    if beta is not None and not any(p.name == "beta" and p.transform == "exp" for p in model.parameters):
        raise ValueError(
            f"The model {model.name!r} has no parameter 'beta' with transform 'exp', which the design sets."
        )
    if beta is not None and not beta > 0:
        raise ValueError(f"beta is {beta}; it must be above 0.")
    if n_datasets < 1:
        raise ValueError(f"n_datasets is {n_datasets}; it must be at least 1.")
    if outcomes is not None and len(outcomes) != n_trials:
        raise ValueError(f"outcomes has {len(outcomes)} trials, but n_trials is {n_trials}.")
    group_means = {
        p.name: float(np.log(beta)) if p.name == "beta" and beta is not None else p.mean_location
        for p in model.parameters
    }
    simulated = []
    for i in range(n_datasets):
        rng = np.random.default_rng([seed, i])
        task_key, play_key = (jax.random.key(k) for k in rng.integers(2**32, size=2))
        offsets = {p.name: p.sd_scale / 2 * rng.normal(size=n_subjects) for p in model.parameters}
        true = {
            p.name: np.asarray(TRANSFORMS[p.transform](group_means[p.name] + offsets[p.name]))
            for p in model.parameters
        }
        paid = bernoulli_outcomes(task_key, reward_probs, n_trials) if outcomes is None else outcomes
        simulated.append((true, simulate(play_key, paid, true | dict(model.fixed), model.agent, design).data))
    return group_means, simulated


def _pooled(kept, group_means, interval):
    """One table over the subjects of all fits, and over their group means; NaN where there is no fit."""
    if not kept:
        names = [*group_means, *(f"{name}_group_mean" for name in group_means)]
        return pd.DataFrame(np.nan, names, ["r", "bias", "rmse", "coverage", "sd_true", "sd_estimated"])
    subjects, fits = zip(*kept)
    names = list(group_means)
    posteriors = _equally_long([fit["posterior"].to_dataset() for fit in fits])
    of_subjects = xr.concat([posterior[names] for posterior in posteriors], dim="subject")
    of_groups = xr.concat(
        [posterior[[f"{name}_group_mean" for name in names]] for posterior in posteriors], dim="dataset"
    )
    true_subjects = {name: np.concatenate([true[name] for true in subjects]) for name in names}
    true_groups = {f"{name}_group_mean": np.full(len(fits), mean) for name, mean in group_means.items()}
    tables = [
        recovery_table(
            true, xr.DataTree.from_dict({"posterior": draws.transpose("chain", "draw", ...)}), interval
        )
        for true, draws in ((true_subjects, of_subjects), (true_groups, of_groups))
    ]
    return pd.concat(tables)


def _equally_long(posteriors):
    """Every second draw of a fit that was run again with twice as many, so that all can be joined."""
    shortest = min(posterior.sizes["draw"] for posterior in posteriors)
    return [p.isel(draw=slice(None, None, p.sizes["draw"] // shortest)).drop_vars("draw") for p in posteriors]


def _draws(fit, name):
    """All draws of one parameter, shape (n_draws, n_subjects)."""
    posterior = fit["posterior"]
    inverse = {"temperature": "beta", "beta": "temperature"}.get(name)
    if name in posterior:
        values = posterior[name].values
    elif inverse in posterior:
        values = 1.0 / posterior[inverse].values
    else:
        raise ValueError(
            f"The fit has no parameter {name!r}; it has {', '.join(map(repr, posterior.data_vars))}."
        )
    return values.reshape(-1, *values.shape[2:])


def _check_shape(name, truth, draws):
    if truth.shape != draws.shape[1:]:
        raise ValueError(
            f"true[{name!r}] has shape {truth.shape}, but the fit has {draws.shape[1:]} for it: one value "
            f"per subject."
        )
