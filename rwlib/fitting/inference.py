"""Fit the hierarchical model: draw from its posterior, and warn if the draws cannot be believed."""

import dataclasses
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from rwlib.running.compilation import keep_compiled_programs
from rwlib.running.machine import shows_progress
from rwlib.data.choices import ChoiceData
from rwlib.fitting.diagnostics import Report, check
from rwlib.fitting.effects import describe
from rwlib.fitting.hierarchy import check_finite
from rwlib.fitting.models import ASYMMETRIC, Model
from rwlib.fitting.request import Settings, check_alike, check_request, suspicious_rewards
from rwlib.fitting.sampling import Schedule, sample
from rwlib.fitting.trees import to_datatree
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

__all__ = ["CheckedFit", "fit", "fit_and_check", "fit_many"]

# The acceptance rate at which step sizes aim. Group SDs of few people can be very small, and there long steps
# leave the posterior's narrow part (divergences); small data are fast enough at shorter ones.
TARGET_ACCEPT, CAREFUL = 0.95, 0.99
FEW_PEOPLE = 20  # fewer are fitted with CAREFUL, and so is a fit that is run again


def fit(
    data: ChoiceData,
    model: Model = ASYMMETRIC,
    *,
    group: Mapping[str, str] | None = None,
    within: Mapping[str, str] | None = None,
    num_warmup: int = 300,
    num_samples: int = 1000,
    num_chains: int = 4,
    seed: int = 0,
    progress_bar: bool | None = None,
    target_accept: float | None = None,
    warn: bool = True,
) -> xr.DataTree:
    """Draw from the posterior of the hierarchical model, given the choices.

    Each draw is made by three moves (:mod:`rwlib.fitting.moves`): a transition of NumPyro's NUTS, which moves
    everything together; a jump of every person and of the group, which passes between modes; and the group
    drawn given its people. Chains start across the prior and run side by side in one compiled program per
    core. The same seed gives the same draws on the same machine and versions.

    Parameters
    ----------
    data : ChoiceData
    model : Model, default ASYMMETRIC
        Which parameters there are, with their priors.
    group : dict of formulas, optional
        What the group means of parameters follow: ``{"alpha_neg": "diagnosis + age"}``, with columns of
        ``data.people``. See :func:`rwlib.fitting.effects.describe`.
    within : dict of formulas, optional
        What moves parameters of the same people: ``{"beta": "drug"}``, with columns of ``data.conditions``.
    num_warmup : int, default 300
        Iterations per chain in which the sampler finds its step size, mass matrix and proposals. They are
        dropped.
    num_samples : int, default 1000
        Draws kept per chain.
    num_chains : int, default 4
        Chains, each with a starting point of its own; what the warm-up learns, it learns from all of them.
        Fewer than four make R-hat a weak test.
    seed : int, default 0
        Seed of the chains' starting points and of the sampler.
    progress_bar : bool, optional
        Default: shown, unless the environment variable ``RWLIB_PROGRESS_BAR`` is 0.
    target_accept : float in (0, 1), optional
        Larger values take smaller steps: slower, and the first remedy for divergences. Default: 0.95, and
        0.99 for fewer than 20 people, whose group SDs may be very small.
    warn : bool, default True
        Warn, with the text of :func:`rwlib.fitting.diagnostics.check`, if the fit does not pass. False is for
        studies that count such fits themselves.

    Returns
    -------
    fit : xarray.DataTree
        Groups: ``posterior`` (each parameter with dimensions chain, draw, subject, and
        ``<name>_group_mean`` and ``<name>_group_sd`` on the scale before the transform; with ``group`` also
        ``<name>_effect``; with ``within`` also ``<name>_shift``, its group mean and its group SD, and the
        parameter has a dimension ``condition``),
        ``unconstrained_posterior`` (the sites of :func:`rwlib.fitting.hierarchy.hierarchical_model` on
        NumPyro's unbounded scale), ``sample_stats`` (``lp`` is the log density of the unconstrained
        posterior), ``sampler`` (what the warm-up learned, and how often each person jumped),
        ``observed_data`` (``choices``) and ``constant_data`` (``rewards``, ``mask`` and what else the data
        say of trials). The coordinate ``subject`` carries the labels of ``data.subjects``.

    Raises
    ------
    ValueError
        If ``data`` or ``model`` is something else, a count is too small, ``target_accept`` is not in (0, 1),
        the seed is negative, a formula cannot be meant (:func:`rwlib.fitting.effects.describe`), or an agent
        of your own has no finite log-likelihood or gradient in the middle of the prior.

    Warns
    -----
    UserWarning
        If the fit does not pass :func:`rwlib.fitting.diagnostics.check`, or if rewards lie outside 0 to 1 and
        the model does not say from which value people start.

    References
    ----------
    Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. *JMLR*, 15, 1593–1623.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=20)
    >>> params = {"alpha_pos": jnp.full(3, 0.4), "alpha_neg": jnp.full(3, 0.2), "beta": jnp.full(3, 3.0)}
    >>> data = rwlib.simulate(jax.random.key(1), outcomes, params).data
    >>> fit = rwlib.fit(data, num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> fit.posterior["beta"].dims
    ('chain', 'draw', 'subject')
    """
    settings = Settings(num_warmup, num_samples, num_chains, target_accept, progress_bar)
    (fitted,) = _fit_side_by_side([data], model, group, within, [seed], warn, settings)
    return fitted


def fit_many(
    datasets: Sequence[ChoiceData],
    model: Model = ASYMMETRIC,
    *,
    group: Mapping[str, str] | None = None,
    within: Mapping[str, str] | None = None,
    seeds: Sequence[int] | None = None,
    warn: bool = True,
    **settings: Any,
) -> list[xr.DataTree]:
    """Fit many data sets of the same size side by side, in one compiled program.

    Each data set gets a posterior of its own; nothing is pooled between them. Far faster than one :func:`fit`
    after the other where data sets are small, as in a study of recovery or calibration.

    Parameters
    ----------
    datasets : sequence of ChoiceData
        With the same numbers of subjects, trials and actions.
    model : Model, default ASYMMETRIC
    group, within : dict of formulas, optional
        As in :func:`fit`; each data set has its own columns.
    seeds : sequence of int, optional
        One for each data set. Default: 0, 1, 2, …
    warn : bool, default True
        As in :func:`fit`; there is one warning for all fits that do not pass.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`.

    Returns
    -------
    fits : list of xarray.DataTree
        One for each data set, as from :func:`fit`.

    Raises
    ------
    ValueError
        If there is no data set, their sizes differ, there is not one seed for each, a setting is impossible,
        or an agent of your own has no finite log-likelihood or gradient in the middle of the prior.

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> fits = rwlib.fit_many([data, data], **short)
    >>> len(fits), fits[1].posterior["beta"].shape
    (2, (2, 50, 1))
    """
    return _fit_side_by_side(datasets, model, group, within, seeds, warn, Settings(**settings))


def _fit_side_by_side(datasets, model, group, within, seeds, warn, settings):
    """What :func:`fit` and :func:`fit_many` do: called by both, so that its warnings find the user's line."""
    check_request(datasets, model, seeds, settings)
    for suspicion in suspicious_rewards(datasets, model) if warn else ():
        warnings.warn(suspicion, stacklevel=3)
    target_accept = settings.target_accept
    if target_accept is None:
        target_accept = TARGET_ACCEPT if datasets[0].n_subjects >= FEW_PEOPLE else CAREFUL

    described = [describe(data, model, group, within) for data in datasets]
    check_alike(described)
    # Labels are of no use to the sampler; without them, equally large data share one compiled program.
    blocks = range(max(len(each.data.blocks) for each in described))
    anonymous = [
        (dataclasses.replace(each.data.without_labels(), blocks=blocks), each.regressors)
        for each in described
    ]
    if model.agent is not RESCORLA_WAGNER_AGENT:  # whose gradient is known by heart
        for (unlabelled, columns), data in zip(anonymous, datasets):
            check_finite(unlabelled, described[0].model, columns, data.subjects)
    stacked, regressors = jax.tree.map(lambda *leaves: np.stack(leaves), *anonymous)
    seeds = tuple(map(int, range(len(datasets)) if seeds is None else seeds))
    num_warmup, num_samples, num_chains = map(int, settings[:3])
    schedule = Schedule(num_warmup, num_samples, num_chains, target_accept, seeds)
    total = len(datasets) * num_chains * (num_warmup + num_samples)
    with (
        keep_compiled_programs(),
        tqdm(
            total=total,
            disable=not shows_progress(settings.progress_bar),
            desc="NUTS",
            unit=" draws",
            leave=False,
        ) as bar,
    ):
        sampled = sample(stacked, described[0].model, schedule, bar.update, settings.num_threads, regressors)
    of_each = [jax.tree.map(lambda x: x[i], sampled) for i in range(len(datasets))]
    fits = [
        to_datatree(*each, schedule, seed)
        for *each, seed in zip(of_each, datasets, described, schedule.seeds)
    ]
    for fit in fits if group or within else ():
        fit.attrs |= {"group": json.dumps(dict(group or {})), "within": json.dumps(dict(within or {}))}
    if warn:
        reports = [check(fit) for fit in fits]
        failed = [i for i, report in enumerate(reports) if not report]
        if failed:
            many = (
                f"{len(failed)} of {len(fits)} fits do not pass check; the first of them is number "
                f"{failed[0]}. "
                if len(fits) > 1
                else ""
            )
            warnings.warn(f"{many}{reports[failed[0]]}", stacklevel=3)
    return fits


class CheckedFit(NamedTuple):
    """A fit, and what :func:`rwlib.fitting.diagnostics.check` says of it. ``refitted``: it is the second of
    two."""

    fit: xr.DataTree
    report: Report
    refitted: bool

    @property
    def passes(self) -> bool:
        return bool(self.report)


def fit_and_check(
    datasets: Sequence[ChoiceData],
    model: Model,
    *,
    seeds: Sequence[int],
    group: Mapping[str, str] | None = None,
    within: Mapping[str, str] | None = None,
    **settings: Any,
) -> list[CheckedFit]:
    """Fit many data sets side by side, check every fit, and fit once more where the check refuses it.

    A study must say beforehand what becomes of fits that fail. This is the rule of all studies here. A fit
    that :func:`rwlib.fitting.diagnostics.check` refuses is run once more, with another seed, twice the draws
    and a ``target_accept`` of at least 0.99. If that one is refused too, it is returned as it is, to be
    counted and left out of every summary. The rule sees draws and data and never the truth that made them.
    But fits of unusual data fail more often, so those that are left are no random part of all data sets.

    Parameters
    ----------
    datasets : sequence of ChoiceData
        With the same numbers of subjects, trials and actions.
    model : Model
    seeds : sequence of int
        One for each data set.
    group, within : dict of formulas, optional
        As in :func:`fit`.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`. With fewer than 4 chains of 1,000 draws few
        fits pass.

    Returns
    -------
    checked : list of CheckedFit
        One for each data set, in their order.

    Raises
    ------
    ValueError
        As :func:`fit_many`.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.inference import fit_and_check
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False)
    >>> checked = fit_and_check([data, data], rwlib.SYMMETRIC, seeds=[1, 2], **short)
    >>> checked[1].passes, checked[1].refitted, checked[1].fit.posterior.sizes["draw"]
    (False, True, 100)
    """
    first = Settings(**settings)
    careful = max(first.target_accept or CAREFUL, CAREFUL)
    again = first._replace(num_samples=2 * first.num_samples, target_accept=careful)
    formulas = dict(group=group, within=within)
    fits = fit_many(datasets, model, seeds=seeds, warn=False, **formulas, **first._asdict())
    checked = [CheckedFit(fit, check(fit), refitted=False) for fit in fits]
    for i in [i for i, each in enumerate(checked) if not each.passes]:
        # One at a time: few fail, and one program, compiled once, serves however many they are.
        seed = _another(seeds[i])
        (fit,) = fit_many([datasets[i]], model, seeds=[seed], warn=False, **formulas, **again._asdict())
        checked[i] = CheckedFit(fit, check(fit), refitted=True)
    return checked


def _another(seed):
    """Another seed, which follows from the first."""
    return int(np.random.SeedSequence([int(seed), 1]).generate_state(1)[0])
