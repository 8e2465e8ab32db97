"""Draws under the names and labels that their user knows, in the form of ArviZ."""

import json

import arviz_base
import numpy as np
import xarray as xr

from rwlib.data.choices import ChoiceData
from rwlib.data.design import arrays_of
from rwlib.fitting.effects import Described
from rwlib.fitting.hierarchy import effect_sites, regressions
from rwlib.fitting.models import TRANSFORMS, model_fingerprint
from rwlib.fitting.positions import draw_from_prior, effects_of, split, to_sites
from rwlib.fitting.sampling import MAX_DEPTH, Sample, Schedule

__all__ = ["data_in", "evenly_spaced", "prior_draws", "to_datatree"]


def to_datatree(
    sampled: Sample, data: ChoiceData, described: Described, schedule: Schedule, seed: int
) -> xr.DataTree:
    """Name what was sampled, as :func:`rwlib.fitting.inference.fit` returns it.

    Parameters
    ----------
    sampled : Sample
        From :func:`rwlib.fitting.sampling.sample`, of one data set: its arrays begin with (num_chains,
        num_samples).
    data : ChoiceData
        As the user gave it.
    described : Described
        What was fitted to it, from :func:`rwlib.fitting.effects.describe`.
    schedule : Schedule
        With which it was sampled.
    seed : int
        That of this data set.

    Returns
    -------
    fit : xarray.DataTree
        With the groups ``posterior``, ``unconstrained_posterior``, ``sample_stats``, ``sampler``,
        ``observed_data`` (``choices``) and ``constant_data`` (``rewards``, ``mask``, and what the design says
        of trials). Each parameter has dimensions chain, draw and subject, and where it shifts also
        condition; group means, group SDs, effects and shifts are on the scale before the transform. The
        attributes hold settings, model and labels, so that data and model can be had back
        (:mod:`rwlib.results.fitted`).

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> from rwlib.fitting.effects import describe
    >>> from rwlib.fitting.sampling import Schedule, sample
    >>> from rwlib.fitting.trees import to_datatree
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], subjects=["ada"])
    >>> schedule = Schedule(num_warmup=50, num_samples=50, num_chains=2, target_accept=0.99, seeds=(0,))
    >>> stack = jax.tree.map(lambda x: x[None], data.without_labels())
    >>> sampled = jax.tree.map(lambda x: x[0], sample(stack, rwlib.SYMMETRIC, schedule))
    >>> fit = to_datatree(sampled, data, describe(data, rwlib.SYMMETRIC), schedule, seed=0)
    >>> dict(fit.posterior["beta"].sizes), fit.posterior["subject"].values.tolist()
    ({'chain': 2, 'draw': 50, 'subject': 1}, ['ada'])
    """
    draws, adaptation, n_subjects, model = sampled.draws, sampled.adaptation, data.n_subjects, described.model
    sites = to_sites(draws.position, model, n_subjects)
    posterior, dims, terms, log_jacobian = _posterior(draws.position, data, described)
    constant = {name: np.asarray(getattr(data, name)) for name in ("rewards", "mask")}
    constant |= arrays_of(data.design)
    if data.trials is not None:
        constant["trials"] = np.asarray(data.trials)
    by_subject = [name for name, value in sites.items() if value.ndim == 3]
    settings = {name: value for name, value in schedule._asdict().items() if name != "seeds"} | {
        "seed": seed,
        "max_depth": MAX_DEPTH,
    }
    of_model = {
        "model": model.name,
        "model_fingerprint": model_fingerprint(model._replace(effects=(), shifts=())),
        "parameters": json.dumps(model.parameters),
        "fixed": json.dumps(dict(model.fixed)),
        "n_actions": data.n_actions,
        "reward_scale": data.reward_scale,
        "labels": json.dumps(
            {
                name: dict(value) if name in ("people", "conditions") else value
                for name in ("subjects", "actions", "blocks", "people", "conditions", "reward_scale")
                for value in [getattr(data, name)]
            }
        ),
    }
    coords = {
        "subject": list(data.subjects),
        "trial": np.arange(data.n_trials),
        "action": list(data.actions),
        "condition": list(described.conditions),
        **_labels(terms),
    }
    tree = arviz_base.from_dict(
        {
            "posterior": posterior,
            "unconstrained_posterior": sites,
            "sample_stats": {
                "lp": log_jacobian - draws.potential_energy,
                **{
                    name: getattr(draws, name)
                    for name in ("energy", "n_steps", "acceptance_rate", "diverging")
                },
                "tree_depth": draws.depth,
                "step_size": np.full(draws.energy.shape, adaptation.step_size),
            },
        },
        coords=coords,
        dims={**dims, **{name: ["subject"] for name in by_subject}},
        attrs={"/": settings | of_model},
    )
    # Apart, since a parameter may be called like a part of the data.
    of_trials = arviz_base.from_dict(
        {
            # What the model explains, and what it is given: plots of predictions take the first.
            "observed_data": {"choices": np.asarray(data.choices)},
            "constant_data": constant,
        },
        coords=coords,
        dims={
            **{name: ["subject", "trial"] for name in ("choices", *constant)},
            "offered": ["subject", "trial", "action"],
        },
    )
    for group in ("observed_data", "constant_data"):
        tree[group] = xr.DataTree(of_trials[group].to_dataset())
    names, shape = [p.name for p in model.personal], adaptation.shape
    of_groups = [f"{name}_{what}" for what in ("group_mean", "group_sd") for name in names]
    of_groups += effect_sites(model)
    learned = {
        "step_size": adaptation.step_size,
        "jump_rate": (("chain", "subject"), sampled.jump_rate),
        # The stretch under which NUTS moves (rwlib.fitting.stretch), which stands for a mass matrix.
        "stretch_centre": ("dimension", shape.centre),
        "stretch_group": (("group", "group_moved"), shape.group),
        "stretch_slope": (("subject", "parameter", "group"), shape.slope),
        "stretch_people": (("subject", "parameter", "parameter_moved"), shape.people),
    }
    coords = {
        "subject": list(data.subjects),
        "parameter": names,
        "group": of_groups,
        "chain": np.arange(schedule.num_chains),
    }
    tree["sampler"] = xr.DataTree(xr.Dataset(learned, coords))
    tree["posterior"] = xr.DataTree(tree["posterior"].to_dataset().assign_coords(_said(terms)))
    return tree


def data_in(fit: xr.DataTree) -> xr.Dataset:
    """The choices that a fit explains, and all that its model was given with them.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.

    Returns
    -------
    arrays : xarray.Dataset
        ``choices``, ``rewards`` and ``mask``, with dimensions subject and trial; if the data have them also
        ``trials`` and what their design says of trials.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.trees import data_in
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> fit = rwlib.fit(data, num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> data_in(fit)["choices"].values.tolist(), list(data_in(fit))
    ([[0, 1, 1, 0]], ['choices', 'rewards', 'mask'])
    """
    observed = fit["observed_data"].to_dataset()  # which held all of it before version 0.2
    return observed.merge(fit["constant_data"].to_dataset()) if "constant_data" in fit.children else observed


def prior_draws(data: ChoiceData, described: Described, num_draws: int, seed: int) -> xr.Dataset:
    """Draw from the prior, with the names that the posterior has.

    Parameters
    ----------
    data : ChoiceData
        Whose people, conditions and columns the draws are for. Nothing is read of their choices.
    described : Described
        Of these data, from :func:`rwlib.fitting.effects.describe`.
    num_draws : int
        At least 1.
    seed : int

    Returns
    -------
    prior : xarray.Dataset
        One chain of ``num_draws`` draws. Names, dimensions and scales are those of the posterior.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.effects import describe
    >>> from rwlib.fitting.trees import prior_draws
    >>> data = rwlib.ChoiceData([[0, 1]] * 3, [[1.0, 0.0]] * 3)
    >>> prior = prior_draws(data, describe(data, rwlib.SYMMETRIC), num_draws=5, seed=0)
    >>> dict(prior["alpha"].sizes), bool(((prior["alpha"] > 0) & (prior["alpha"] < 1)).all())
    ({'chain': 1, 'draw': 5, 'subject': 3}, True)
    """
    rng = np.random.default_rng(seed)
    position = np.stack(
        [
            draw_from_prior(rng, described.model, data.n_subjects, described.regressors)
            for _ in range(num_draws)
        ]
    )
    variables, dims, terms, _ = _posterior(position[None], data, described)
    coords = {"subject": list(data.subjects), "condition": list(described.conditions), **_labels(terms)}
    tree = arviz_base.from_dict({"prior": variables}, coords=coords, dims=dims)
    return tree["prior"].to_dataset().assign_coords(_said(terms))


def evenly_spaced(n: int, most: int) -> np.ndarray:
    """Which draws to keep where fewer will do: at most ``most`` of n places, from the first to the last.

    Examples
    --------
    >>> from rwlib.fitting.trees import evenly_spaced
    >>> evenly_spaced(10, 4).tolist(), evenly_spaced(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(int)


def _labels(terms):
    return {dim: [term.label for term in of_dim] for dim, of_dim in terms.items()}


def _said(terms):
    """What the terms of formulas mean, beside their labels."""
    return {
        f"{dim}_{what}": (dim, [getattr(term, what) for term in of_dim])
        for dim, of_dim in terms.items()
        for what in ("meaning", "low", "high")
    }


def _posterior(position, data, described):
    """What is drawn of groups, terms and people: variables, their dimensions, the terms along those, and the
    log Jacobian that belongs to the density of the sites."""
    model, places = described.model, {p.name: i for i, p in enumerate(described.model.personal)}
    means, sds, subjects = split(position, model, data.n_subjects)
    groups, unbounded, log_jacobian = {}, [], 0.0
    effects = effects_of(position, model)
    along = np.asarray(regressions(effects, model, described.regressors)) if model.effects else None
    for i, p in enumerate(model.personal):
        mean, sd, x = means[..., i], sds[..., i], subjects[..., i, :]
        groups |= {f"{p.name}_group_mean": mean, f"{p.name}_group_sd": np.exp(sd) if p.centred else sd}
        if not p.centred:
            # What moved was an SD with either sign, of half the density; the site is its logarithm, whose
            # Jacobian is the SD.
            log_jacobian = log_jacobian + np.log(2.0 * sd.astype(float))
            mean = mean[..., None] + along[..., i, :] if model.effects else mean[..., None]
            x = mean + sd[..., None] * x
        unbounded.append(x)
    variables, dims, terms = {}, {}, {}
    for p in model.parameters:
        name, x = p.name, unbounded[places[p.name]]
        variables |= {f"{name}_{what}": groups[f"{name}_{what}"] for what in ("group_mean", "group_sd")}
        of_effects = [k for k, term in enumerate(described.effects) if term.parameter == name]
        if of_effects:
            terms[f"{name}_effect_term"] = [described.effects[k] for k in of_effects]
            variables[f"{name}_effect"] = effects[..., of_effects]
            dims[f"{name}_effect"] = [f"{name}_effect_term"]
        of_shifts = [k for k, term in enumerate(described.shifts) if term.parameter == name]
        dims[name] = ["subject"]
        if of_shifts:
            dim, rows = f"{name}_shift_term", [f"{name}_shift_{i}" for i in range(len(of_shifts))]
            terms[dim] = [described.shifts[k] for k in of_shifts]
            for what in ("group_mean", "group_sd"):
                variables[f"{name}_shift_{what}"] = np.stack(
                    [groups[f"{row}_{what}"] for row in rows], axis=-1
                )
                dims[f"{name}_shift_{what}"] = [dim]
            shifts = np.stack([unbounded[places[row]] for row in rows], axis=-1)
            variables[f"{name}_shift"], dims[f"{name}_shift"] = shifts, ["subject", dim]
            x = x[..., None] + shifts @ described.regressors.of_conditions[of_shifts].astype(shifts.dtype)
            dims[name] = ["subject", "condition"]
        variables[name] = np.asarray(TRANSFORMS[p.transform](x))
    order = [*(name for name in variables if name not in places), *(p.name for p in model.parameters)]
    return {name: variables[name] for name in order}, dims, terms, log_jacobian
