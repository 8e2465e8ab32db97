"""How well does a model predict people whom its fit has not seen? K-fold cross-validation over people."""

import dataclasses
import warnings
from typing import Any

import jax
import numpy as np
import xarray as xr
from arviz_stats import ELPDData
from arviz_stats.base import array_stats

from rwlib.checking.calibration import score_people
from rwlib.checking.leave_one_out import as_elpd, in_single_precision
from rwlib.data.choices import ChoiceData, check_is_choice_data
from rwlib.fitting.inference import fit_and_check
from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.fitting.request import Settings, check_seed
from rwlib.model.likelihood import log_likelihood

__all__ = ["kfold_by_subject"]

MIN_N_EFF, MAX_ROUNDS = 100, 40  # of people drawn from a group


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
        Of the sampler: :class:`rwlib.fitting.request.Settings`.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        With ``kind`` "loo_kfold". ``elpd_i`` has one score for each subject, and as coordinates the number of
        their ``fold`` and whether its fit ``passes`` the check. ``n_eff_i`` is the number of independent
        draws that the average is worth: a subject's score has a Monte Carlo error of about one over its root.
        ``warning`` is True where one of these is not as it should be. For
        :func:`rwlib.checking.comparison.compare_by_person` and :func:`arviz_stats.compare`.

    Raises
    ------
    ValueError
        If ``data`` are no ChoiceData, or there are fewer than two folds, or more than subjects with a trial.

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
    check_is_choice_data(data)
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
        return as_elpd(
            "loo_kfold", of_everybody(scores, passes=always), p=np.nan, n_samples=1, n_folds=n_folds
        )

    # A subject without trials teaches the group nothing: masked, a fold's subjects are left out, and all data
    # stay equally large.
    anonymous = data.without_labels()
    training = [dataclasses.replace(data, mask=data.mask & (fold_of != i)[:, None]) for i in range(n_folds)]
    checked = fit_and_check(training, model, seeds=[seed + i for i in range(n_folds)], **settings)
    scores, n_eff = np.empty(data.n_subjects), np.empty(data.n_subjects)
    for i, (fold, each) in enumerate(zip(folds, checked)):
        # Every fold is filled up to the size of the largest, so that one compiled program serves all.
        rows = np.resize(fold, len(folds[0]))
        held_out = jax.tree.map(lambda x: x[rows], anonymous)
        of_fold = _score_strangers(
            held_out, each.fit["posterior"], model, draws_per_group, np.random.default_rng([seed, i])
        )
        scores[fold], n_eff[fold] = (values[: len(fold)] for values in of_fold)

    passes = np.array([each.passes for each in checked])
    elpd_i = of_everybody(scores, passes=("subject", passes[fold_of[everybody]]))
    n_eff_i = of_everybody(n_eff)
    n_draws = Settings(**settings).n_draws
    elpd = as_elpd("loo_kfold", elpd_i, p=np.nan, n_samples=n_draws, n_folds=n_folds)
    elpd.n_eff_i = n_eff_i
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
        people = in_single_precision(_people_of_group(posterior, model, draws_per_group, rng))
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
