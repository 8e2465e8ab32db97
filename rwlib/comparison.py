"""Which model predicts best? By trial, by subject, and how often the answer is right."""

import dataclasses
import warnings
from collections.abc import Sequence
from functools import partial

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats import ELPDData
from jax.typing import ArrayLike
from jaxtyping import Num

from rwlib.calibration import simulate_from_prior
from rwlib.data import ChoiceData
from rwlib.hierarchy import TRANSFORMS, Model
from rwlib.inference import check, fit_many
from rwlib.likelihood import log_likelihood, trialwise_log_likelihood

__all__ = ["confusion_matrix", "inversion_matrix", "kfold_by_subject", "loo_by_trial", "recover_models"]

BATCH = 512  # parameter sets that are scored side by side


def loo_by_trial(data: ChoiceData, model: Model, fit: xr.DataTree | None = None) -> ELPDData:
    r"""Expected log predictive density when each choice in turn is left out, from one fit.

    .. math:: \sum_{i,t} \log \int p(c_{it} \mid h_{it}, \theta)\; p(\theta \mid \text{scores of all other choices})\, d\theta

    The choice is left out of the score only: it stays in the history *h* of later trials, where it and its reward still teach the agent.
    So this asks how well a choice is predicted by parameters that were not fitted to it, not how well the future is.

    Nothing is fitted again. Posterior draws are reweighted by one over the probability of the choice, and the largest
    weights are smoothed (PSIS). The shape k of their tail says whether that can be trusted.

    Parameters
    ----------
    data : ChoiceData
    model : Model
    fit : xarray.DataTree, optional
        Of these data with this model. Left out only for a model without parameters, whose score is exact.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        As from :func:`arviz_stats.loo` with ``pointwise=True``: ``elpd``, its standard error ``se``, ``p`` (by how
        much the fit is better on choices that it has seen), ``elpd_i``, and ``pareto_k``, which should be below ``good_k``. For
        :func:`arviz_stats.compare`.

    Raises
    ------
    ValueError
        If the fit is missing, or one of another model or of other data.

    References
    ----------
    Vehtari, A., Gelman, A., & Gabry, J. (2017). Practical Bayesian model evaluation using leave-one-out
    cross-validation and WAIC. https://doi.org/10.1007/s11222-016-9696-4. Bürkner, P.-C., Gabry, J., & Vehtari, A. (2020).
    Approximate leave-future-out cross-validation for Bayesian time series models. https://doi.org/10.1080/00949655.2020.1783262

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> rwlib.loo_by_trial(data, rwlib.RANDOM).elpd
    -2.773
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, num_warmup=50, num_samples=100, progress_bar=False)
    >>> bool(rwlib.loo_by_trial(data, rwlib.SYMMETRIC, fit).elpd < 0)
    True
    """
    row, trial = np.nonzero(data.mask)
    coords = {"subject": ("point", np.array(data.subjects)[row]), "trial": ("point", trial)}
    if not model.parameters:
        scores = np.asarray(trialwise_log_likelihood(data, {}, model.agent), float)[row, trial]
        elpd_i = xr.DataArray(scores, dims="point", coords=coords)
        return _elpd("loo", elpd_i, p=0.0, pareto_k=xr.full_like(elpd_i, -np.inf))
    if fit is None:
        raise ValueError(f"The model {model.name!r} has parameters: give loo_by_trial a fit of it.")
    if fit.attrs.get("model", model.name) != model.name:
        raise ValueError(f"The fit is one of the model {fit.attrs['model']!r}, not of {model.name!r}.")
    for name in ("choices", "rewards", "mask"):
        if not np.array_equal(fit["observed_data"][name], getattr(data, name)):
            raise ValueError(f"The fit is one of other data: its {name} differ.")
    posterior = fit["posterior"].dataset
    draws = {p.name: posterior[p.name].values.reshape(-1, data.n_subjects) for p in model.parameters}
    by_trial = np.asarray(_score_trials(dataclasses.replace(data, subjects=None), _in_single_precision(draws), model.agent))
    scores = by_trial[:, row, trial].reshape(posterior.sizes["chain"], posterior.sizes["draw"], -1).astype(float)
    # ArviZ cannot describe a tail of equal values, as where all draws agree on a first choice. Noise below rounding breaks the ties.
    scores += 1e-9 * np.random.default_rng(0).uniform(size=scores.shape)
    scores = xr.DataArray(scores, dims=("chain", "draw", "point"), coords=coords)
    # From the posterior ArviZ reads how many independent draws the chains are worth.
    return arviz_stats.loo(xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": xr.Dataset({"choice": scores})}), pointwise=True)


def kfold_by_subject(
    data: ChoiceData,
    model: Model,
    *,
    n_folds: int = 5,
    seed: int = 0,
    draws_per_group: int = 25,
    num_warmup: int = 300,
    num_samples: int = 500,
    num_chains: int = 4,
    progress_bar: bool | None = None,
) -> ELPDData:
    r"""Expected log predictive density of whole subjects that the fit has not seen.

    .. math:: \sum_i \log p(c_{i} \mid \text{all other folds' subjects})

    Subjects are dealt into folds at random, and for each fold the model is fitted to all others; the fits run side by side
    (:func:`arviz_stats.loo_kfold` would run them one after the other). A subject who was left out is a new one: nothing is known
    of their parameters but the group. So the probability of their whole session is averaged over subjects drawn from
    the group, for each posterior draw of the group.

    Parameters
    ----------
    data : ChoiceData
    model : Model
    n_folds : int, default 5
        As many as there are subjects leaves out one at a time.
    seed : int, default 0
        Of the folds, the sampler, and the subjects drawn. Give all models of a comparison the same one.
    draws_per_group : int, default 25
        Subjects drawn from each posterior draw of the group.
    num_warmup, num_samples, num_chains, progress_bar
        As in :func:`rwlib.inference.fit`.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        With ``kind`` "loo_kfold", for :func:`arviz_stats.compare`. ``elpd_i`` has one score for each subject. ``n_eff_i`` is the
        number of independent draws that the average is worth: a subject's score has a Monte Carlo error of about one over
        its root.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or more than subjects.

    Warns
    -----
    UserWarning
        If some subject's average is worth fewer than 25 draws: raise ``draws_per_group``.

    References
    ----------
    Vehtari, A., & Ojanen, J. (2012). A survey of Bayesian predictive methods for model assessment, selection and
    comparison. https://doi.org/10.1214/12-SS102 (which data to leave out).

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0], [1, 1, 0, 1]], [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
    >>> short = dict(num_warmup=50, num_samples=50, progress_bar=False)
    >>> elpd = rwlib.kfold_by_subject(data, rwlib.SYMMETRIC, n_folds=2, **short)
    >>> elpd.elpd_i.shape
    (2,)
    """
    if not 2 <= n_folds <= data.n_subjects:
        raise ValueError(f"n_folds is {n_folds}; with {data.n_subjects} subjects it must lie between 2 and {data.n_subjects}.")
    folds = np.array_split(np.random.default_rng(seed).permutation(data.n_subjects), n_folds)
    as_array = partial(xr.DataArray, dims="subject", coords={"subject": list(data.subjects)})
    if not model.parameters:
        scores = np.asarray(log_likelihood(data, {}, model.agent), float)
        return _elpd("loo_kfold", as_array(scores), p=np.nan, n_folds=n_folds)

    # A subject without trials teaches the group nothing: masked, a fold's subjects are left out, and all data stay equally large.
    everybody = np.arange(data.n_subjects)
    training = [dataclasses.replace(data, mask=data.mask & ~np.isin(everybody, fold)[:, None]) for fold in folds]
    settings = dict(num_warmup=num_warmup, num_samples=num_samples, num_chains=num_chains, progress_bar=progress_bar)
    fits = fit_many(training, model, seeds=[seed + i for i in range(n_folds)], **settings)
    scores, n_eff = np.empty(data.n_subjects), np.empty(data.n_subjects)
    for i, (fold, fit) in enumerate(zip(folds, fits)):
        people = _people_of_group(fit, model, draws_per_group, np.random.default_rng([seed, i]))
        # Every fold is filled up to the size of the largest, so that one compiled program serves all.
        rows = np.resize(fold, len(folds[0]))
        held_out = ChoiceData(data.choices[rows], data.rewards[rows], data.mask[rows], data.n_actions)
        logs = np.asarray(_score_sessions(held_out, _in_single_precision(people), model.agent), float)[:, : len(fold)]
        weights = np.exp(logs - logs.max(axis=0))
        scores[fold] = np.log(weights.mean(axis=0)) + logs.max(axis=0)
        n_eff[fold] = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
    if n_eff.min() < 25:
        worst = data.subjects[n_eff.argmin()]
        warnings.warn(f"The score of subject {worst!r} rests on {n_eff.min():.0f} effective draws; raise draws_per_group.", stacklevel=2)
    return _elpd("loo_kfold", as_array(scores), p=np.nan, n_folds=n_folds, n_eff_i=as_array(n_eff))


def recover_models(
    true_model: Model,
    models: Sequence[Model],
    outcomes: Num[ArrayLike, "n_trials n_actions"],
    *,
    n_datasets: int,
    n_subjects: int,
    seed: int,
    num_warmup: int = 300,
    num_samples: int = 250,
    num_chains: int = 4,
    progress_bar: bool | None = None,
) -> pd.DataFrame:
    """Simulate with one model, fit all of them, and score each fit by :func:`loo_by_trial`.

    Parameters
    ----------
    true_model : Model
        Makes the data. Each data set has a group of its own, drawn from this model's prior: to simulate from a population
        that you have in mind, give the model priors that describe it.
    models : sequence of Model
        To be fitted, with different names.
    outcomes : array, shape (n_trials, n_actions)
        The task, the same for all data sets.
    n_datasets, n_subjects : int
    seed : int
        Of everything random.
    num_warmup, num_samples, num_chains, progress_bar
        As in :func:`rwlib.inference.fit`.

    Returns
    -------
    table : pandas.DataFrame
        One row for each data set and model: ``seed`` and ``dataset`` (from 0), ``true`` and ``fitted`` (names of models), ``elpd``,
        its standard error ``se``, ``pareto_k`` (the largest), and ``r_hat`` (the largest) and ``divergences`` of the fit. For
        :func:`confusion_matrix`.

    Raises
    ------
    ValueError
        If two of ``models`` have the same name.

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=20)
    >>> models = [rwlib.RANDOM, rwlib.WIN_STAY_LOSE_SHIFT]
    >>> short = dict(num_warmup=50, num_samples=50, progress_bar=False)
    >>> table = rwlib.recover_models(rwlib.RANDOM, models, outcomes, n_datasets=3, n_subjects=2, seed=1, **short)
    >>> len(table)
    6
    """
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise ValueError(f"Two of the models have the same name: {', '.join(map(repr, names))}.")
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(n_datasets)]
    datasets = [data for _, data in simulate_from_prior(true_model, outcomes, n_datasets=n_datasets, n_subjects=n_subjects, seed=seed)]
    settings = dict(num_warmup=num_warmup, num_samples=num_samples, num_chains=num_chains, progress_bar=progress_bar)
    rows = []
    for model in models:
        fits = fit_many(datasets, model, seeds=seeds, **settings) if model.parameters else [None] * n_datasets
        for i, (data, fit) in enumerate(zip(datasets, fits)):
            elpd = loo_by_trial(data, model, fit)
            worst = check(fit).worst if fit else {"r_hat": 1.0, "divergences": 0}
            scores = (float(elpd.elpd), float(elpd.se), float(elpd.pareto_k.max()))
            rows.append((seed, i, true_model.name, model.name, *scores, worst["r_hat"], int(worst["divergences"])))
    return pd.DataFrame(rows, columns=["seed", "dataset", "true", "fitted", "elpd", "se", "pareto_k", "r_hat", "divergences"])


def confusion_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """How often each model wins, for each model that made the data: P(estimated | true).

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`recover_models`: several tables, one below the other, for all true models. A data set is told by ``true``,
        ``seed`` and ``dataset``. The model with the largest ``elpd`` wins it; if several share that, each wins a part.

    Returns
    -------
    confusion : pandas.DataFrame
        True models in rows, estimated ones in columns, in the order of the table. Rows sum to one.

    Raises
    ------
    ValueError
        If a score is missing, is not a number, or occurs twice.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import confusion_matrix
    >>> rows = [(0, "a", "a", -1.0), (0, "a", "b", -2.0), (1, "a", "a", -3.0), (1, "a", "b", -2.0), (0, "b", "a", -2.0), (0, "b", "b", -1.0)]
    >>> table = pd.DataFrame(rows, columns=["dataset", "true", "fitted", "elpd"]).assign(seed=0)
    >>> print(confusion_matrix(table).rename_axis(index=None))
    estimated    a    b
    a          0.5  0.5
    b          0.0  1.0
    """
    true, fitted = (list(dict.fromkeys(table[column])) for column in ("true", "fitted"))
    of_dataset = ["true", "seed", "dataset"]
    twice = table.duplicated([*of_dataset, "fitted"])
    if twice.any():
        raise ValueError(f"The table has two scores for one data set and model: {table.loc[twice, [*of_dataset, 'fitted']].iloc[0].to_dict()}.")
    scores = table.pivot(index=of_dataset, columns="fitted", values="elpd")
    if scores.isna().any(axis=None):
        dataset, lacking = scores.isna().stack().idxmax()[:-1], scores.isna().stack().idxmax()[-1]
        raise ValueError(f"The table has no score of {lacking!r} for {dict(zip(of_dataset, dataset))}; each data set needs one of every model.")
    wins = scores.eq(scores.max(axis=1), axis=0)
    confusion = wins.div(wins.sum(axis=1), axis=0).groupby("true").mean().loc[true, fitted]
    return confusion.rename_axis(index="true", columns="estimated")


def inversion_matrix(confusion: pd.DataFrame, prior: Sequence[float] | None = None) -> pd.DataFrame:
    r"""What a winner says about the truth: P(true | estimated), by Bayes' rule.

    .. math:: P(\text{true} \mid \text{estimated}) = \frac{P(\text{estimated} \mid \text{true})\, P(\text{true})}
        {\sum_{\text{true}} P(\text{estimated} \mid \text{true})\, P(\text{true})}

    Parameters
    ----------
    confusion : pandas.DataFrame
        True models in rows, estimated ones in columns; rows sum to one.
    prior : sequence of float, optional
        Probability of each true model before any data, in the order of the rows. Default: all equal.

    Returns
    -------
    inversion : pandas.DataFrame
        The same rows and columns. Columns sum to one; that of a model which never wins is empty (NaN), since nothing is
        known about it.

    Raises
    ------
    ValueError
        If the rows of ``confusion`` do not sum to one, or ``prior`` is not a probability for each row.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import inversion_matrix
    >>> confusion = pd.DataFrame([[0.9, 0.1], [0.6, 0.4]], ["simple", "rich"], ["simple", "rich"])
    >>> print(inversion_matrix(confusion))
            simple  rich
    simple     0.6   0.2
    rich       0.4   0.8
    """
    values = confusion.to_numpy(float)
    if not ((values >= 0).all() and np.allclose(values.sum(axis=1), 1.0)):
        raise ValueError(f"The rows of a confusion matrix sum to one; these sum to {values.sum(axis=1).round(3).tolist()}.")
    before = np.full(len(values), 1 / len(values)) if prior is None else np.asarray(prior, float)
    if before.shape != (len(values),) or not ((before >= 0).all() and np.isclose(before.sum(), 1.0)):
        raise ValueError(f"prior must hold a probability for each of the {len(values)} true models, with a sum of one; it is {prior}.")
    joint = values * before[:, None]
    total = joint.sum(axis=0)
    return pd.DataFrame(np.divide(joint, total, out=np.full_like(joint, np.nan), where=total > 0), confusion.index, confusion.columns)


@partial(jax.jit, static_argnames="agent")
def _score_trials(data, draws, agent):
    """Log-probability of each choice under each draw, (n_draws, n_subjects, n_trials)."""
    return jax.lax.map(lambda draw: trialwise_log_likelihood(data, draw, agent), draws, batch_size=BATCH)


@partial(jax.jit, static_argnames="agent")
def _score_sessions(data, people, agent):
    """Log-probability of each subject's session, if they were each of the people in turn: (n_people, n_subjects)."""
    return jax.lax.map(lambda person: log_likelihood(data, person, agent), people, batch_size=BATCH)


def _people_of_group(fit, model, draws_per_group, rng):
    """New subjects, drawn from each posterior draw of the group: one array of all of them for each parameter."""
    people = {}
    for parameter in model.parameters:
        mean, sd = (fit["posterior"][f"{parameter.name}_group_{what}"].values.reshape(-1, 1) for what in ("mean", "sd"))
        unbounded = mean + sd * rng.normal(size=(len(mean), draws_per_group))
        people[parameter.name] = np.asarray(TRANSFORMS[parameter.transform](unbounded)).ravel()
    return people


def _in_single_precision(params):
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def _elpd(kind, elpd_i, p, **more):
    """ArviZ's container, filled with scores that were not computed by ArviZ."""
    n = elpd_i.size
    total, se = float(elpd_i.sum()), float(np.sqrt(n * elpd_i.var()))
    return ELPDData(kind, total, se, p, n_samples=1, n_data_points=n, scale="log", warning=False, good_k=0.7, elpd_i=elpd_i, **more)
