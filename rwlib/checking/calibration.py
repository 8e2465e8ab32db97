"""Is the posterior as wide as it should be? Simulation-based calibration of any model that can be fitted."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Num

from rwlib.data.design import Design
from rwlib.data.choices import ChoiceData
from rwlib.fitting.hierarchy import log_likelihood_of_model
from rwlib.fitting.models import Model
from rwlib.fitting.inference import fit_and_check
from rwlib.fitting.request import Settings, check_seed
from rwlib.fitting.trees import evenly_spaced
from rwlib.checking.prediction import sample_prior
from rwlib.model.simulation import simulate

__all__ = [
    "calibrate",
    "rank_table",
    "score_people",
    "simulate_from_prior",
]

BATCH = 512  # sets of parameters that are scored side by side


@partial(jax.jit, static_argnames="model")
def score_people(data: ChoiceData, people: Mapping[str, ArrayLike], model: Model) -> jax.Array:
    """Log-probability of each subject's session under many sets of parameters.

    Parameters
    ----------
    data : ChoiceData
    people : dict of arrays, shape (n_people,) or (n_people, n_subjects)
        Parameters of the model: of one person after the other, as whom every subject is scored; or a set of
        all subjects after the other.
    model : Model

    Returns
    -------
    log_likelihood : array, shape (n_people, n_subjects)
        In nats.

    Examples
    --------
    >>> import numpy as np, rwlib
    >>> from rwlib.checking.calibration import score_people
    >>> data = rwlib.ChoiceData([[0, 1], [1, 1]], [[0.0, 1.0], [0.0, 1.0]])
    >>> people = {"alpha": np.array([0.5, 0.5, 0.5]), "beta": np.array([0.0, 1.0, 2.0])}
    >>> score_people(data, people, rwlib.ASYMMETRIC).shape
    (3, 2)
    """
    return jax.lax.map(lambda person: log_likelihood_of_model(data, person, model), people, batch_size=BATCH)


# Calibration


def simulate_from_prior(
    model: Model,
    outcomes: Num[ArrayLike, "n_trials n_actions"],
    *,
    n_datasets: int,
    n_subjects: int,
    seed: int,
    design: Design = Design(),
) -> list[tuple[dict[str, np.ndarray], ChoiceData]]:
    """Draw groups and their subjects from a model's prior, and let each group play the task.

    Parameters
    ----------
    model : Model
    outcomes : array, shape (n_trials, n_actions)
        What each action would have paid on each trial; the same table for all subjects.
    n_datasets : int
        How many groups, one for each data set.
    n_subjects : int
        In each group.
    seed : int
    design : Design, optional
        Of every data set.

    Returns
    -------
    datasets : list of pairs (true, data)
        ``true`` maps the names of parameters to their values: ``<name>_group_mean`` and ``<name>_group_sd``,
        single numbers, and ``<name>``, shape (n_subjects,).

    Raises
    ------
    ValueError
        If a count is below 1.

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> from rwlib.checking.calibration import simulate_from_prior
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7], n_trials=50)
    >>> true, data = simulate_from_prior(rwlib.SYMMETRIC, outcomes, n_datasets=2, n_subjects=4, seed=1)[0]
    >>> list(true)
    ['alpha_group_mean', 'alpha_group_sd', 'alpha', 'beta_group_mean', 'beta_group_sd', 'beta']
    >>> data.choices.shape
    (4, 50)
    """
    check_seed(seed)
    if n_datasets < 1:
        raise ValueError(f"n_datasets is {n_datasets}; it must be at least 1.")
    prior_key, play_key = jax.random.split(jax.random.key(seed))
    prior = sample_prior(prior_key, model, n_subjects, n_datasets)["prior"].dataset
    tables = jnp.broadcast_to(jnp.asarray(outcomes, float), (n_subjects, *np.shape(outcomes)))
    datasets = []
    for i, key in enumerate(jax.random.split(play_key, n_datasets)):
        true = {str(name): np.asarray(values.values[0, i]) for name, values in prior.data_vars.items()}
        subjects = {parameter.name: true[parameter.name] for parameter in model.parameters}
        subjects |= dict(model.fixed)
        datasets.append((true, simulate(key, tables, subjects, model.agent, design).data))
    return datasets


def rank_table(true: Mapping[str, ArrayLike], fit: xr.DataTree, n_ranks: int = 100) -> pd.DataFrame:
    """Find the place of each true value among draws from its posterior.

    Neighbouring draws of a chain resemble each other, which would spoil the ranks. So only ``n_ranks`` − 1
    draws are used, evenly spaced over all chains.

    Parameters
    ----------
    true : dict of arrays
        As from :func:`simulate_from_prior`.
    fit : xarray.DataTree
        Of data that were simulated with ``true``, with the same subjects in the same order.
    n_ranks : int, default 100
        How many ranks there are, from 0 to ``n_ranks`` − 1.

    Returns
    -------
    table : pandas.DataFrame
        One row for each number in ``true``. ``parameter``: its name, with the subject's place in square
        brackets; ``true``; ``rank``: how many of the draws lie below the true value; ``n_ranks``; ``ess``:
        how many independent draws the fit is worth for this parameter. It should be above ``n_ranks``.

    Raises
    ------
    ValueError
        If the fit lacks a parameter, its shape does not fit, a draw or a true value is not a number, or there
        are fewer draws than ranks.

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib.checking.calibration import rank_table
    >>> draws = np.random.default_rng(0).normal(size=(4, 500))
    >>> fit = arviz_base.from_dict({"posterior": {"x": draws}})
    >>> rank_table({"x": -5.0}, fit)["rank"].tolist(), rank_table({"x": 5.0}, fit)["rank"].tolist()
    ([0], [99])
    """
    posterior = fit["posterior"].dataset
    n_draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    _check_n_ranks(n_ranks, n_draws)
    kept = evenly_spaced(n_draws, n_ranks - 1)
    rows = []
    for name, truth in true.items():
        if name not in posterior:
            raise ValueError(f"The fit has no {name!r}; it has {', '.join(map(repr, posterior.data_vars))}.")
        truth, draws = np.asarray(truth, float), posterior[name].values
        if draws.shape[2:] != truth.shape:
            raise ValueError(
                f"true[{name!r}] has shape {truth.shape}, but the fit has {draws.shape[2:]} for it."
            )
        if not (np.isfinite(truth).all() and np.isfinite(draws).all()):
            raise ValueError(
                f"{name!r} has a true value or a draw that is not a finite number; such a fit has no ranks."
            )
        ess = arviz_stats.ess(posterior[[name]])[name].values
        below = (draws.reshape(n_draws, *truth.shape)[kept] < truth).sum(axis=0)
        for index in np.ndindex(truth.shape):
            label = name + "".join(f"[{i}]" for i in index)
            rows.append((label, truth[index], int(below[index]), n_ranks, float(ess[index])))
    return pd.DataFrame(rows, columns=["parameter", "true", "rank", "n_ranks", "ess"])


def _check_n_ranks(n_ranks, n_draws):
    if not 2 <= n_ranks <= n_draws:
        raise ValueError(f"n_ranks is {n_ranks}; with {n_draws} draws it must lie between 2 and {n_draws}.")


def calibrate(
    model: Model,
    outcomes: Num[ArrayLike, "n_trials n_actions"],
    *,
    n_datasets: int,
    n_subjects: int,
    seed: int,
    design: Design = Design(),
    true_model: Model | None = None,
    n_ranks: int = 100,
    **settings: Any,
) -> pd.DataFrame:
    """Simulate many data sets from the prior, fit all of them side by side, and rank the truth in each
    posterior.

    If the truth is drawn from the prior, and the sampler finds the posterior of the model that made the data,
    then every rank is equally probable. Any fault in the prior, the likelihood, the simulation or the sampler
    shows as ranks that are not.

    Ranks of parameters do not see everything: a posterior that ignores the data and returns the prior has
    uniform ones. So the log-likelihood of the data is ranked as well, at the truth among those at the draws.

    Every fit is checked, and those that fail are fitted once more, by the rule of
    :func:`rwlib.fitting.inference.fit_and_check`.

    Parameters
    ----------
    model : Model
        The model to fit.
    outcomes : array, shape (n_trials, n_actions)
        The task, the same for all data sets.
    n_datasets, n_subjects : int
    seed : int
        Of everything random: of parameters, choices and the sampler.
    true_model : Model, optional
        The model that makes parameters and data. Default: the one that is fitted. Parameters that only one of
        the two models has are left out of the table, and so is the log-likelihood if ``true_model`` lacks a
        parameter of ``model``.
    n_ranks : int, default 100
        See :func:`rank_table`.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`.

    Returns
    -------
    ranks : pandas.DataFrame
        Columns ``dataset`` (from 0), those of :func:`rank_table`, ``passes`` (whether
        :func:`rwlib.fitting.diagnostics.check` accepts the fit) and ``refitted`` (whether it is a second
        one). Rows for the group-level parameters, for three subjects (fewer where there are fewer), and for
        ``log_likelihood``, that of all subjects' choices in nats by the fitted model.

    Raises
    ------
    ValueError
        If a count is impossible, or the two models have no parameter in common.

    References
    ----------
    Talts, S., Betancourt, M., Simpson, D., Vehtari, A., & Gelman, A. (2018). Validating
    Bayesian inference algorithms with simulation-based calibration.
    https://doi.org/10.48550/arXiv.1804.06788. Modrak, M., et al. (2023). Simulation-based calibration
    checking for Bayesian computation: The choice of test quantities shapes sensitivity.
    https://doi.org/10.1214/23-BA1404 (the log-likelihood).

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7], n_trials=10)
    >>> settings = dict(n_subjects=3, n_ranks=20, num_warmup=50, num_samples=50, progress_bar=False)
    >>> ranks = rwlib.calibrate(rwlib.WIN_STAY_LOSE_SHIFT, outcomes, n_datasets=1, seed=1, **settings)
    >>> ranks["parameter"].unique().tolist()
    ['lapse_group_mean', 'lapse_group_sd', 'lapse[0]', 'lapse[1]', 'lapse[2]', 'log_likelihood']

    For a long study, cut it into pieces that are kept on disk. The same call goes on after an interruption:

    .. code-block:: python

        def work(seed):
            return rwlib.calibrate(rwlib.ASYMMETRIC, outcomes, n_datasets=20, n_subjects=20, seed=seed)

        ranks = rwlib.run_study(work, [dict(seed=seed) for seed in range(10)], "my_calibration")
    """
    _check_n_ranks(n_ranks, Settings(**settings).n_draws)  # now, not after minutes of sampling
    true_model = true_model or model
    shared = {parameter.name for parameter in model.parameters} & {
        parameter.name for parameter in true_model.parameters
    }
    if not shared:
        raise ValueError(
            f"The models {true_model.name!r} and {model.name!r} have no parameter in common: there is "
            f"nothing to rank."
        )
    names = {
        name
        for parameter in shared
        for name in (f"{parameter}_group_mean", f"{parameter}_group_sd", parameter)
    }

    drawn = simulate_from_prior(
        true_model, outcomes, n_datasets=n_datasets, n_subjects=n_subjects, seed=seed, design=design
    )
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(n_datasets)]
    checked = fit_and_check([data for _, data in drawn], model, seeds=seeds, **settings)
    tables = []
    for i, ((true, data), each) in enumerate(zip(drawn, checked)):
        wanted = {name: value[:3] if value.ndim else value for name, value in true.items() if name in names}
        posterior = each.fit["posterior"].to_dataset().isel(subject=slice(3))
        if all(parameter.name in true for parameter in model.parameters):
            of_truth, of_draws = _log_likelihoods(true, data, model, each.fit)
            wanted["log_likelihood"] = of_truth
            posterior["log_likelihood"] = (("chain", "draw"), of_draws)
        table = rank_table(wanted, xr.DataTree.from_dict({"posterior": posterior}), n_ranks)
        tables.append(pd.DataFrame({"dataset": i, **table, "passes": each.passes, "refitted": each.refitted}))
    return pd.concat(tables, ignore_index=True)


def _log_likelihoods(true, data, model, fit):
    """Of all subjects' choices, at the true parameters and at each posterior draw (n_chains, n_draws)."""
    posterior = fit["posterior"]
    n_chains, n_draws = posterior.sizes["chain"], posterior.sizes["draw"]
    # The truth is scored as one more draw, by the same program, so that rounding cannot favour either.
    sets = {
        p.name: np.concatenate(
            [posterior[p.name].values.reshape(n_chains * n_draws, -1), true[p.name][None]]
        ).astype(np.float32)
        for p in model.parameters
    }
    scores = np.asarray(score_people(data.without_labels(), sets, model), float).sum(axis=1)
    return scores[-1], scores[:-1].reshape(n_chains, n_draws)
