"""Which model predicts best? By trial, by subject, and with an error that counts people."""

import dataclasses
import warnings
from collections.abc import Mapping
from functools import partial
from typing import Any

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats import ELPDData
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from rwlib.fitting import hierarchy
from rwlib.checking.calibration import BATCH, score_people
from rwlib.data.choices import ChoiceData
from rwlib.data.design import arrays_of
from rwlib.fitting.hierarchy import TRANSFORMS, Model
from rwlib.fitting.inference import Settings, check_seed, fit_and_check
from rwlib.model.likelihood import log_likelihood, trialwise_log_likelihood

__all__ = [
    "compare_by_person",
    "compare_scores",
    "kfold_by_subject",
    "loo_by_trial",
    "scores_by_person",
]

AT_ONCE = 2**24  # scores of choices that are held at a time: a quarter of a gigabyte, with copies
NEGLIGIBLE = 0.01  # nats: an error of a choice's score that changes no comparison
MIN_N_EFF, MAX_ROUNDS = 100, 40  # of people drawn from a group, in `kfold_by_subject`


def loo_by_trial(data: ChoiceData, model: Model, fit: xr.DataTree | None = None) -> ELPDData:
    r"""Expected log predictive density when each choice in turn is left out, from one fit.

    .. math:: \sum_{i,t} \log \int p(c_{it} \mid h_{it}, \theta)\;
              p(\theta \mid \text{scores of all other choices})\, d\theta

    The choice is left out of the score only: it stays in the history *h* of later trials, where it and its
    reward still teach the agent. So this asks how well a choice is predicted by parameters that were not
    fitted to it, not how well the future is.

    Nothing is fitted again. Posterior draws are reweighted by one over the probability of the choice, and the
    largest weights are smoothed (PSIS). The shape k of their tail says whether that can be trusted.

    There is no tail to describe where all draws find a choice about equally probable, as where nobody has
    learned anything yet: the narrow heap of weights may have any shape, and k a value far above 0.7, although
    no weight matters. If the smallest and the largest log-probability differ by r, weights lie between 1 and
    exp(r), in units of the smallest. So their SD is at most (exp(r) − 1) / 2 (Popoviciu), their mean at least
    1, and the score's Monte Carlo error, from n independent draws, at most (exp(r) − 1) / (2 √n). Where that
    is below 0.01 the weights are left as they are, and k is −∞.

    Parameters
    ----------
    data : ChoiceData
    model : Model
    fit : xarray.DataTree, optional
        Of these data with this model. Left out only for a model without parameters, whose score is exact.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        As from :func:`arviz_stats.loo` with ``pointwise=True``, without the weights: ``elpd``, its standard
        error ``se`` over choices, ``p`` (by how much the fit is better on choices that it has seen),
        ``elpd_i``, and ``pareto_k``, which should be below ``good_k``. To compare models,
        :func:`compare_by_person` has the standard errors that count.

    Raises
    ------
    ValueError
        If the fit is missing, or one of another model or of other data.

    Warns
    -----
    UserWarning
        If some choice's k is above ``good_k``.

    References
    ----------
    Vehtari, A., Gelman, A., & Gabry, J. (2017). Practical Bayesian model evaluation
    using leave-one-out cross-validation and WAIC. https://doi.org/10.1007/s11222-016-9696-4. Bürkner, P.-C.,
    Gabry, J., & Vehtari, A. (2020). Approximate leave-future-out cross-validation for Bayesian time series
    models. https://doi.org/10.1080/00949655.2020.1783262. Vehtari, A., Simpson, D., Gelman, A., Yao, Y., &
    Gabry, J. (2024). Pareto smoothed importance sampling. *JMLR*, 25(72).

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
    row, trial = np.nonzero(data.scored)
    coords = {"subject": ("point", np.array(data.subjects)[row]), "trial": ("point", trial)}
    if not model.parameters:
        scores = np.asarray(trialwise_log_likelihood(data, dict(model.fixed), model.agent), float)[row, trial]
        elpd_i = xr.DataArray(scores, dims="point", coords=coords)
        return _elpd("loo", elpd_i, p=0.0, n_samples=1, pareto_k=xr.full_like(elpd_i, -np.inf))
    if fit is None:
        raise ValueError(f"The model {model.name!r} has parameters: give loo_by_trial a fit of it.")
    posterior = _posterior_of(fit, data, model)
    draws = {p.name: posterior[p.name].values.reshape(-1, data.n_subjects) for p in model.parameters}
    n_samples = posterior.sizes["chain"] * posterior.sizes["draw"]
    r_eff, anonymous = _relative_efficiency(posterior), data.without_labels()
    parts = []
    for people in _in_parts(
        np.flatnonzero(np.any(data.scored, axis=1)), AT_ONCE // (n_samples * data.n_trials)
    ):
        few = jax.tree.map(lambda x: x[people], anonymous)  # noqa: B023
        of_few = _in_single_precision({name: values[:, people] for name, values in draws.items()})
        by_trial = np.asarray(_score_trials(few, of_few, model))
        parts.append(_leave_out(by_trial[:, few.scored].T.astype(float), r_eff))
    elpd_i, p_i, pareto_k = (
        xr.DataArray(np.concatenate(values), dims="point", coords=coords) for values in zip(*parts)
    )
    elpd = _elpd("loo", elpd_i, p=float(p_i.sum()), n_samples=n_samples, pareto_k=pareto_k)
    large = int((pareto_k > elpd.good_k).sum())
    if large:
        elpd.warning = True
        warnings.warn(
            f"The scores of {large} of {elpd_i.size} choices by the model {model.name!r} are rough: their "
            f"Pareto k is above {elpd.good_k:.2f}, {float(pareto_k.max()):.2f} at most. Draw more, and look "
            "at what these choices have in common: the model may not expect them.",
            stacklevel=2,
        )
    return elpd


def _posterior_of(fit, data, model):
    """The posterior of the subjects of ``data``, in their order, unless the fit is of another model or of
    other data."""
    hierarchy.check_fitted(fit.attrs, model)
    for parameter in model.parameters:
        if "condition" in fit["posterior"][parameter.name].dims:
            raise ValueError(
                f"In this fit {parameter.name!r} moves with a condition, so nobody has one value of it. "
                "rwlib.add_groups(fit, 'log_likelihood') scores people in each condition, for arviz.loo."
            )
    fitted = hierarchy.of_subjects(fit["observed_data"].to_dataset(), data.subjects)
    fitted = fitted.drop_vars("trials", errors="ignore")  # what the table calls them does not matter
    given = {name: getattr(data, name) for name in ("choices", "rewards", "mask")} | arrays_of(data.design)
    for name in {**given, **fitted.data_vars}:
        if name not in given or name not in fitted or not np.array_equal(fitted[name].values, given[name]):
            raise ValueError(
                f"The fit is one of other data: {name!r} differs. Give the data that were fitted."
            )
    return hierarchy.of_subjects(fit["posterior"].to_dataset(), data.subjects)


def _relative_efficiency(posterior):
    """How many independent draws one draw is worth, on average over the parameters; at most 1."""
    n_samples = posterior.sizes["chain"] * posterior.sizes["draw"]
    if posterior.sizes["chain"] == 1:
        return 1.0
    ess = arviz_stats.ess(posterior, method="mean")
    return min(float(np.mean(np.concatenate([ess[name].values.ravel() for name in ess]))) / n_samples, 1.0)


def _in_parts(rows, size):
    """Neighbouring rows, at most ``size`` together."""
    return np.array_split(rows, -(-len(rows) // max(size, 1)))


def _leave_out(scores, r_eff):
    """Score of each choice without itself, by how much it is better with itself, and k.

    ``scores`` are log-probabilities under each draw, (n_choices, n_draws).
    """
    n_samples = scores.shape[1]
    within = np.expm1(np.ptp(scores, axis=1)) / 2 < NEGLIGIBLE * np.sqrt(r_eff * n_samples)
    log_weights, k = -scores, np.full(len(scores), -np.inf)
    if not within.all():
        # ArviZ cannot describe a tail of equal values. Noise below rounding breaks the ties.
        noise = 1e-9 * np.random.default_rng(0).uniform(size=(int((~within).sum()), n_samples))
        log_weights[~within], k[~within] = array_stats.psislw(scores[~within] + noise, r_eff=r_eff)
    log_weights -= logsumexp(log_weights, axis=1, keepdims=True)
    elpd = logsumexp(log_weights + scores, axis=1)
    return elpd, logsumexp(scores, axis=1) - np.log(n_samples) - elpd, k


def kfold_by_subject(
    data: ChoiceData,
    model: Model,
    *,
    n_folds: int = 10,
    seed: int = 0,
    draws_per_group: int = 25,
    **settings: Any,
) -> ELPDData:
    r"""Expected log predictive density of whole subjects that the fit has not seen.

    .. math:: \sum_i \log p(c_{i} \mid \text{all other folds' subjects})

    Subjects are dealt into folds at random, and for each fold the model is fitted to all others; the fits run
    side by side (:func:`arviz_stats.loo_kfold` would run them one after the other), are checked, and are run
    once more where they fail, by the rule of :func:`rwlib.fitting.inference.fit_and_check`. A subject who was
    left out is a new one: nothing is known of their parameters but the group. So the probability of their
    whole session is averaged over subjects drawn from the group, for each posterior draw of the group. Few of
    them may be like this person, and only those count. So more are drawn until each score rests on at least
    100.

    Parameters
    ----------
    data : ChoiceData
        Subjects without any trial belong to no fold and get no score.
    model : Model
    n_folds : int, default 10
        As many as there are subjects leaves out one at a time.
    seed : int, default 0
        Of the folds, the sampler, and the subjects drawn. Give all models of a comparison the same one.
    draws_per_group : int, default 25
        Subjects drawn from each posterior draw of the group at a time, at most 40 times.
    **settings
        Of the sampler: :class:`rwlib.fitting.inference.Settings`.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        With ``kind`` "loo_kfold". ``elpd_i`` has one score for each subject, and as coordinates the number of
        their ``fold`` and whether its fit ``passes`` the check. ``n_eff_i`` is the number of independent
        draws that the average is worth: a subject's score has a Monte Carlo error of about one over its root.
        ``warning`` is True where one of these is not as it should be. For :func:`compare_by_person` and
        :func:`arviz_stats.compare`.

    Raises
    ------
    ValueError
        If there are fewer than two folds, or more than subjects with a trial.

    Warns
    -----
    UserWarning
        If a fold's fit does not pass, or a subject's score still rests on fewer than 100 draws.

    References
    ----------
    Vehtari, A., & Ojanen, J. (2012). A survey of Bayesian predictive methods for model
    assessment, selection and comparison. https://doi.org/10.1214/12-SS102 (which data to leave out). Kong,
    A., Liu, J. S., & Wong, W. H. (1994). Sequential imputations and Bayesian missing data problems.
    https://doi.org/10.1080/01621459.1994.10476469 (effective draws).

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0], [1, 1, 0, 1]], [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]])
    >>> elpd = rwlib.kfold_by_subject(data, rwlib.RANDOM, n_folds=2)
    >>> elpd.elpd_i.values.tolist()
    [-2.773, -2.773]
    """
    everybody = np.flatnonzero(np.any(data.scored, axis=1))
    if not 2 <= n_folds <= len(everybody):
        raise ValueError(
            f"n_folds is {n_folds}; with {len(everybody)} subjects who have trials it must lie between 2 and "
            f"{len(everybody)}."
        )
    if draws_per_group % 1 or draws_per_group < 1:
        raise ValueError(f"draws_per_group is {draws_per_group}; it must be a whole number, at least 1.")
    check_seed(seed)
    folds = np.array_split(np.random.default_rng(seed).permutation(everybody), n_folds)
    fold_of = np.empty(data.n_subjects, int)
    for i, fold in enumerate(folds):
        fold_of[fold] = i

    def of_everybody(values, **more):
        coords = {
            "subject": np.array(data.subjects)[everybody],
            "fold": ("subject", fold_of[everybody]),
            **more,
        }
        return xr.DataArray(np.asarray(values)[everybody], dims="subject", coords=coords)

    if not model.parameters:
        scores = np.asarray(log_likelihood(data, dict(model.fixed), model.agent), float)
        always = ("subject", np.ones(len(everybody), bool))
        return _elpd("loo_kfold", of_everybody(scores, passes=always), p=np.nan, n_samples=1, n_folds=n_folds)

    # A subject without trials teaches the group nothing: masked, a fold's subjects are left out, and all data
    # stay equally large.
    anonymous = data.without_labels()
    training = [dataclasses.replace(data, mask=data.mask & (fold_of != i)[:, None]) for i in range(n_folds)]
    checked = fit_and_check(training, model, seeds=[seed + i for i in range(n_folds)], **settings)
    scores, n_eff = np.empty(data.n_subjects), np.empty(data.n_subjects)
    for i, (fold, each) in enumerate(zip(folds, checked)):
        # Every fold is filled up to the size of the largest, so that one compiled program serves all.
        rows = np.resize(fold, len(folds[0]))
        held_out = jax.tree.map(lambda x: x[rows], anonymous)  # noqa: B023
        of_fold = _score_strangers(
            held_out, each.fit["posterior"], model, draws_per_group, np.random.default_rng([seed, i])
        )
        scores[fold], n_eff[fold] = (values[: len(fold)] for values in of_fold)

    passes = np.array([each.passes for each in checked])
    elpd_i = of_everybody(scores, passes=("subject", passes[fold_of[everybody]]))
    n_eff_i = of_everybody(n_eff)
    n_draws = Settings(**settings).n_draws
    elpd = _elpd("loo_kfold", elpd_i, p=np.nan, n_samples=n_draws, n_folds=n_folds, n_eff_i=n_eff_i)
    elpd.warning = bool(not passes.all() or n_eff_i.min() < MIN_N_EFF)
    if not passes.all():
        worst = checked[int(np.argmin(passes))].report
        warnings.warn(
            f"{(~passes).sum()} of the {n_folds} folds' fits of the model {model.name!r} do not pass their "
            f"check, though run twice; their subjects' scores are not to be used. Fold {np.argmin(passes)}: "
            f"{worst}",
            stacklevel=2,
        )
    if n_eff_i.min() < MIN_N_EFF:
        who = n_eff_i["subject"].values.tolist()[int(np.argmin(n_eff_i.values))]
        warnings.warn(
            f"The score of subject {who!r} rests on {float(n_eff_i.min()):.0f} effective draws, fewer than "
            f"{MIN_N_EFF}: hardly anybody in the group of the model {model.name!r} is like this. Raise "
            "num_samples, or draws_per_group.",
            stacklevel=2,
        )
    return elpd


def _score_strangers(data, posterior, model, draws_per_group, rng):
    """Log-probability of each session, averaged over people drawn from the group.

    People are drawn until everybody's score rests on enough independent draws. Their numbers are returned,
    too.
    """
    n_groups = posterior.sizes["chain"] * posterior.sizes["draw"]
    weights = []  # of each round, in units of exp(top): (n_groups, n_subjects) sums, and those of squares
    top = np.full(data.n_subjects, -np.inf)
    for n_rounds in range(1, MAX_ROUNDS + 1):
        people = _in_single_precision(_people_of_group(posterior, model, draws_per_group, rng))
        logs = np.asarray(score_people(data, people, model), float).reshape(n_groups, draws_per_group, -1)
        top_before, top = top, np.maximum(top, logs.max(axis=(0, 1)))
        new = np.exp(logs - top)
        shrink = np.exp(top_before - top)
        sums = new.sum(axis=1) + (shrink * weights[0] if weights else 0.0)
        squares = (new**2).sum(axis=(0, 1)) + (shrink**2 * weights[1] if weights else 0.0)
        weights = [sums, squares]
        n_eff = np.minimum(
            sums.sum(axis=0) ** 2 / squares, _effective_groups(sums.reshape(*_shape(posterior), -1))
        )
        if n_eff.min() >= MIN_N_EFF:
            break
    return top + np.log(sums.mean(axis=0) / (n_rounds * draws_per_group)), n_eff


def _shape(posterior):
    return posterior.sizes["chain"], posterior.sizes["draw"]


def _effective_groups(weights):
    """Independent draws of the group that an average is worth, from the share of each in it.

    ``weights`` are those shares, (n_chains, n_draws, n_subjects).
    """
    n_samples = weights.shape[0] * weights.shape[1]
    # Few with large weights count as few (Kong et al.), and neighbours in a chain resemble each other (ESS).
    kish = weights.sum(axis=(0, 1)) ** 2 / (weights**2).sum(axis=(0, 1))
    ess = array_stats.ess(weights, chain_axis=0, draw_axis=1, method="mean")
    return kish * np.minimum(np.where(np.isfinite(ess), ess, n_samples) / n_samples, 1.0)


def scores_by_person(elpd: ELPDData) -> pd.Series:
    """Sum the scores of each person.

    Parameters
    ----------
    elpd : arviz_stats.ELPDData
        Of :func:`loo_by_trial` or :func:`kfold_by_subject`.

    Returns
    -------
    scores : pandas.Series
        In nats, with the subjects' labels as its index, in their order.

    Raises
    ------
    ValueError
        If the scores do not say whose they are, or rest on fits that do not pass.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.checking.comparison import scores_by_person
    >>> data = rwlib.ChoiceData([[0, 1], [1, 1]], [[0.0, 1.0], [0.0, 1.0]], subjects=["ada", "bob"])
    >>> scores_by_person(rwlib.loo_by_trial(data, rwlib.RANDOM)).round(2).to_dict()
    {'ada': -1.39, 'bob': -1.39}
    """
    elpd_i = elpd.elpd_i
    if elpd_i is None or "subject" not in elpd_i.coords:
        raise ValueError(
            "The scores do not say whose they are: elpd_i lacks the coordinate 'subject'. Take those of "
            "loo_by_trial or kfold_by_subject."
        )
    if "passes" in elpd_i.coords and not elpd_i["passes"].values.all():
        refused = sorted(set(elpd_i["fold"].values[~elpd_i["passes"].values].tolist()))
        raise ValueError(
            f"The fits of folds {refused} do not pass their check: their scores are not to be compared. Run "
            "the fits longer."
        )
    return pd.Series(elpd_i.values).groupby(elpd_i["subject"].values, sort=False).sum()


def compare_by_person(elpds: Mapping[str, ELPDData]) -> pd.DataFrame:
    r"""Put models in order, with the standard errors of their differences by person.

    .. math:: \mathrm{SE}(\Delta) = \sqrt{n \, \mathrm{Var}_i(\Delta_i)}

    People are what was sampled, and somebody whom a model fails is failed on many trials. Choices of one
    person are no independent evidence, and a standard error over choices, as in :func:`arviz_stats.compare`,
    is too small. So differences are summed within each of the n people, to Δᵢ, and their variance is taken
    between people.

    Parameters
    ----------
    elpds : dict of arviz_stats.ELPDData
        By the names of the models: all of :func:`loo_by_trial`, or all of :func:`kfold_by_subject`, for the
        same data.

    Returns
    -------
    table : pandas.DataFrame
        One row for each model, the best first. ``elpd``; ``difference`` to the best, at most 0; its
        ``standard_error`` (NaN with a single person); ``decided``: False where the difference is smaller than
        4, or smaller than 2 standard errors. For the best model ``decided`` says whether that holds of all
        others.

    Raises
    ------
    ValueError
        If there is no model, the scores are of different kinds or of different people or choices, or rest on
        fits that do not pass.

    References
    ----------
    Sivula, T., Magnusson, M., Matamoros, A. A., & Vehtari, A. (2020). Uncertainty in
    Bayesian leave-one-out cross-validation based model comparison. https://doi.org/10.48550/arXiv.2008.10296
    (differences below 4 have no reliable standard error).

    Examples
    --------
    >>> import numpy as np, rwlib
    >>> from rwlib.checking.comparison import compare_by_person
    >>> data = rwlib.ChoiceData(np.tile([0, 0, 0, 1, 0], (6, 4)), np.ones((6, 20)))
    >>> chance = rwlib.loo_by_trial(data, rwlib.RANDOM)
    >>> print(compare_by_person({"chance": chance, "chance again": chance}).round(1))
                  elpd  difference  standard_error  decided
    chance       -83.2         0.0             0.0    False
    chance again -83.2         0.0             0.0    False
    """
    if not elpds:
        raise ValueError("There is nothing to compare: give at least one model's score.")
    first_name, first = next(iter(elpds.items()))
    for name, elpd in elpds.items():
        same = elpd.kind == first.kind and elpd.elpd_i is not None and first.elpd_i is not None
        for coordinate in ("subject", "trial"):
            same = same and _labels(elpd, coordinate) == _labels(first, coordinate)
        if not same:
            raise ValueError(
                f"The scores of {first_name!r} ({first.kind}) and of {name!r} ({elpd.kind}) are not of the "
                "same kind and the same choices; score all models alike, on the same data."
            )
    return compare_scores(pd.DataFrame({name: scores_by_person(elpd) for name, elpd in elpds.items()}))


def _labels(elpd, coordinate):
    return elpd.elpd_i[coordinate].values.tolist() if coordinate in elpd.elpd_i.coords else None


def compare_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`compare_by_person`, from scores by person: for scores that were stored.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row for each person, one column for each model, in nats.

    Returns
    -------
    table : pandas.DataFrame
        See :func:`compare_by_person`.

    Raises
    ------
    ValueError
        If there is no model or nobody, or a score is not a number.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.checking.comparison import compare_scores
    >>> scores = pd.DataFrame({"rich": [-10.0, -20.0, -30.0], "simple": [-12.0, -23.0, -34.0]})
    >>> print(compare_scores(scores).round(2))
            elpd  difference  standard_error  decided
    rich   -60.0         0.0            0.00     True
    simple -69.0        -9.0            1.73     True
    """
    if scores.empty:
        raise ValueError(
            f"There is nothing to compare: the table has {scores.shape[0]} people and {scores.shape[1]} "
            "models."
        )
    if scores.isna().any(axis=None):
        person, model = scores.isna().stack().idxmax()
        raise ValueError(f"The score of {person!r} by the model {model!r} is missing.")
    total = scores.sum().sort_values(ascending=False, kind="stable")
    difference = scores[total.index].sub(scores[total.index[0]], axis=0)
    table = pd.DataFrame({"elpd": total, "difference": difference.sum()})
    table["standard_error"] = np.sqrt(len(scores) * difference.var(ddof=1))
    size = table["difference"].abs()
    table["decided"] = (size >= 4) & (size >= 2 * table["standard_error"])
    table.loc[total.index[0], "decided"] = bool(table["decided"].iloc[1:].all())
    return table


@partial(jax.jit, static_argnames="model")
def _score_trials(data, draws, model):
    """Log-probability of each choice under each draw, (n_draws, n_subjects, n_trials)."""
    score = lambda draw: trialwise_log_likelihood(data, {**draw, **dict(model.fixed)}, model.agent)  # noqa: E731
    return jax.lax.map(score, draws, batch_size=BATCH)


def _people_of_group(posterior, model, draws_per_group, rng):
    """New subjects, drawn from each posterior draw of the group: one array of all for each parameter."""
    people = {}
    for parameter in model.parameters:
        mean, sd = (
            posterior[f"{parameter.name}_group_{what}"].values.reshape(-1, 1) for what in ("mean", "sd")
        )
        unbounded = mean + sd * rng.normal(size=(len(mean), draws_per_group))
        people[parameter.name] = np.asarray(TRANSFORMS[parameter.transform](unbounded)).ravel()
    return people


def _in_single_precision(params):
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def _elpd(kind, elpd_i, *, p, n_samples, **more):
    """ArviZ's container, with its bound on k and its standard error, for scores that ArviZ did not add up."""
    n = elpd_i.size
    good_k = min(1 - 1 / np.log10(n_samples), 0.7) if n_samples > 1 else 0.7
    total, se = float(elpd_i.sum()), float(np.sqrt(n * elpd_i.var()))
    return ELPDData(
        kind,
        total,
        se,
        p,
        n_samples=n_samples,
        n_data_points=n,
        scale="log",
        warning=False,
        good_k=good_k,
        elpd_i=elpd_i,
        **more,
    )
