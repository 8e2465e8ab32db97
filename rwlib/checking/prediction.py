"""What a model predicts about behaviour, before it has seen data (prior) and after (posterior).

There are two kinds of prediction. *Generative*: agents play the task again, and each choice has its
consequences (:func:`generate`). *One step ahead*: each choice is predicted from the choices and rewards that
were really observed before it (:func:`predict_next`). Both can be compared with what was observed
(:mod:`rwlib.checking.summaries`).
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Bool, Num, PRNGKeyArray
from numpyro.infer import Predictive

from rwlib.model.agent_check import check_agent
from rwlib.model.agents import precision_of, session, trials_of
from rwlib.model.choice import sample_choice
from rwlib.data.choices import ChoiceData, check_is_choice_data
from rwlib.data.design import Design, check_design, design_in_order_of
from rwlib.data.labels import has_labelled_rows, in_order_of
from rwlib.fitting.hierarchy import of_subjects, sample_subjects
from rwlib.fitting.models import ASYMMETRIC, Model, check_fitted, check_model, model_fingerprint
from rwlib.fitting.trees import evenly_spaced
from rwlib.model.parameters import subject_parameters
from rwlib.model.simulation import play_all

__all__ = ["generate", "predict_next", "sample_prior"]


def sample_prior(
    key: PRNGKeyArray, model: Model = ASYMMETRIC, n_subjects: int = 40, num_draws: int = 500
) -> xr.DataTree:
    """Draw groups, and their subjects, from a model's priors.

    Each draw is another group: its means and SDs, and then its subjects.

    Parameters
    ----------
    key : jax.random.key
        Gives the same draws each time.
    model : Model, default ASYMMETRIC
    n_subjects : int, default 40
        Subjects in each group, at least 1.
    num_draws : int, default 500
        Groups, at least 1.

    Returns
    -------
    tree : xarray.DataTree
        Group ``prior``, with the variables that the group ``posterior`` of
        :func:`rwlib.fitting.inference.fit` has and one chain.

    Raises
    ------
    ValueError
        If ``n_subjects`` or ``num_draws`` is below 1.

    References
    ----------
    Gabry, J., et al. (2019). Visualization in Bayesian workflow. https://doi.org/10.1111/rssa.12378

    Examples
    --------
    >>> import jax
    >>> from rwlib import sample_prior
    >>> tree = sample_prior(jax.random.key(0), n_subjects=20, num_draws=100)
    >>> dict(tree.prior["beta"].sizes)
    {'chain': 1, 'draw': 100, 'subject': 20}
    """
    check_model(model)
    for name, value in (("n_subjects", n_subjects), ("num_draws", num_draws)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1.")

    def declare():
        for parameter in model.parameters:
            sample_subjects(parameter, n_subjects)

    sites = Predictive(declare, num_samples=num_draws, parallel=True)(key) if model.parameters else {}
    kept = [p.name + suffix for p in model.parameters for suffix in ("_group_mean", "_group_sd", "")]
    dims = ("chain", "draw", "subject")
    variables = {name: (dims[: 1 + sites[name].ndim], np.asarray(sites[name])[None]) for name in kept}
    coords = {"chain": np.arange(1), "draw": np.arange(num_draws), "subject": np.arange(n_subjects)}
    of_model = {"model": model.name, "model_fingerprint": model_fingerprint(model)}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=of_model), "prior": xr.Dataset(variables, coords)})


def generate(
    key: PRNGKeyArray,
    outcomes: Num[ArrayLike, "... n_trials n_actions"] | xr.DataArray,
    draws: xr.DataTree,
    model: Model = ASYMMETRIC,
    *,
    mask: Bool[ArrayLike, "n_subjects n_trials"] | pd.DataFrame | xr.DataArray | None = None,
    design: Design = Design(),
    num_draws: int = 500,
) -> xr.DataTree:
    """Let the agents play the task again, with parameters from the posterior or the prior: the generative
    prediction.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per draw and subject.
    outcomes : array, shape (n_trials, n_actions) or (n_subjects, n_trials, n_actions)
        What each action would have paid on each trial: one table for all subjects, or one each. Observed
        choices do not say this, since nobody knows what the other actions would have paid.
    draws : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit` or :func:`sample_prior`. Of both, the posterior is taken.
    model : Model, default ASYMMETRIC
        The model that was fitted.
    mask : array of bool, shape (n_subjects, n_trials), optional
        ``data.mask`` of observed choices: no agent plays a trial that its subject missed. Default: all are
        played. Rows are in the order of the draws' subjects, as are those of ``outcomes``.
    design : Design, optional
        ``data.design`` of observed choices: the same actions are on offer, runs begin where they did, and
        choices that were forced are forced again.
    num_draws : int, default 500
        At most so many draws are used, evenly spaced along the chains.

    Returns
    -------
    predictions : xarray.DataTree
        Group ``posterior_predictive`` (or ``prior_predictive``) with ``choices`` and ``rewards``, dimensions
        chain, draw, subject, trial, and group ``constant_data`` with ``mask`` and what the design says of
        blocks, feedback and forced choices.

    Raises
    ------
    ValueError
        If ``draws`` are not those of ``model``, the outcome tables do not fit, a shape does not fit, or a
        parameter is out of range.

    References
    ----------
    Palminteri, S., Wyart, V., & Koechlin, E. (2017). The importance of falsification in computational
    cognitive modeling. https://doi.org/10.1016/j.tics.2017.03.011

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), rwlib.FIVE_ARMS, n_trials=30)
    >>> prior = rwlib.sample_prior(jax.random.key(1), n_subjects=4, num_draws=10)
    >>> predictions = rwlib.generate(jax.random.key(2), outcomes, prior)
    >>> dict(predictions.prior_predictive["choices"].sizes)
    {'chain': 1, 'draw': 10, 'subject': 4, 'trial': 30}
    """
    source, dataset, params = _parameters(draws, model, num_draws)
    n_subjects, subjects = dataset.sizes["subject"], dataset["subject"].values.tolist()
    if isinstance(outcomes, xr.DataArray) and outcomes.ndim == 3:
        outcomes = in_order_of(subjects, outcomes, "outcomes", "subject")
    if has_labelled_rows(mask, n_subjects):
        mask = in_order_of(subjects, mask, "mask", "subject")
    outcomes = np.asarray(outcomes, float)
    if outcomes.ndim not in (2, 3) or (outcomes.ndim == 3 and len(outcomes) != n_subjects):
        raise ValueError(
            f"outcomes has shape {outcomes.shape}; it must be (n_trials, n_actions), with {n_subjects} "
            f"subjects in front if each has its own."
        )
    if not np.isfinite(outcomes).all():
        at = tuple(np.argwhere(~np.isfinite(outcomes))[0].tolist())
        raise ValueError(
            f"outcomes{list(at)} is {outcomes[at]}; each action needs a finite outcome on each trial."
        )
    n_trials, n_actions = outcomes.shape[-2:]
    played = np.ones((n_subjects, n_trials), bool) if mask is None else np.asarray(mask, bool)
    if played.shape != (n_subjects, n_trials):
        raise ValueError(
            f"mask has shape {played.shape}; with these draws and outcomes it must be "
            f"{(n_subjects, n_trials)}."
        )
    design = check_design(design_in_order_of(subjects, design), n_subjects, n_trials, n_actions)
    check_agent(model.agent, params, n_actions, design.before, design.after)
    outcomes = np.broadcast_to(outcomes, (n_subjects, n_trials, n_actions))
    keys = jax.random.split(key, dataset.sizes["chain"] * dataset.sizes["draw"])
    choices, rewards = _play_again(keys, outcomes, params, model.agent, design, played)
    predicted = {"choices": np.where(played, choices, 0), "rewards": np.where(played, rewards, 0.0)}
    return _to_predictions(predicted, "generative", source, dataset, played, design, n_actions, model)


def predict_next(
    key: PRNGKeyArray,
    data: ChoiceData,
    draws: xr.DataTree,
    model: Model = ASYMMETRIC,
    *,
    num_draws: int = 500,
) -> xr.DataTree:
    """Predict each choice from the choices and rewards observed before it: the one-step-ahead prediction.

    What is predicted has no consequences: on the next trial the agent is told what the subject really did.
    Each subject is predicted with the draws of its own label, in whatever order they are. Subjects of a prior
    are nobody in particular: if their labels are others, they are taken in the order of ``data``.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per draw and subject.
    data : ChoiceData
        Observed choices, whose history the agents are given.
    draws : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit` or :func:`sample_prior`. Of both, the posterior is taken.
    model : Model, default ASYMMETRIC
        The model that was fitted.
    num_draws : int, default 500
        At most so many draws are used, evenly spaced along the chains.

    Returns
    -------
    predictions : xarray.DataTree
        Group ``posterior_predictive`` (or ``prior_predictive``) with ``choices``, one choice drawn for each
        trial, and ``probability`` of the choice that was observed, dimensions chain, draw, subject, trial;
        group ``constant_data`` with ``mask`` and the history, ``observed_choices`` and ``observed_rewards``.
        On trials that were missed or forced, ``probability`` is NaN.

    Raises
    ------
    ValueError
        If ``data`` are no ChoiceData, ``draws`` are not those of ``model`` or of the subjects of ``data``, or
        a parameter is out of its range.

    References
    ----------
    Palminteri, S., Wyart, V., & Koechlin, E. (2017). https://doi.org/10.1016/j.tics.2017.03.011

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1]], [[0.0, 1.0, 1.0]])
    >>> prior = rwlib.sample_prior(jax.random.key(0), n_subjects=1, num_draws=10)
    >>> predictions = rwlib.predict_next(jax.random.key(1), data, prior)
    >>> float(predictions.prior_predictive["probability"].sel(trial=0).mean())
    0.5
    """
    check_is_choice_data(data)
    source, dataset, params = _parameters(draws, model, num_draws, data.subjects)
    check_agent(model.agent, params, data.n_actions, data.design.before, data.design.after)
    keys = jax.random.split(key, dataset.sizes["chain"] * dataset.sizes["draw"])
    choices, probability = _replace_each(keys, data, params, model.agent)
    mask, scored = np.asarray(data.mask), np.asarray(data.scored)
    predicted = {"choices": np.where(mask, choices, 0), "probability": np.where(scored, probability, np.nan)}
    history = {"observed_choices": np.asarray(data.choices), "observed_rewards": np.asarray(data.rewards)}
    return _to_predictions(
        predicted, "one step ahead", source, dataset, mask, data.design, data.n_actions, model, history
    )


# Playing and following


@partial(jax.jit, static_argnames="agent")
def _play_again(keys, outcomes, params, agent, design, mask):
    """One whole study per draw, all in one program: (n_draws, n_subjects, n_trials) choices and rewards."""

    def one_draw(key, params):
        tables = jnp.asarray(outcomes, precision_of(params))
        return play_all(key, tables, params, agent, design, mask)[:2]

    return jax.vmap(one_draw)(keys, params)


@partial(jax.jit, static_argnames="agent")
def _replace_each(keys, data, params, agent):
    """Draw another choice for each trial of the observed history; and the probability of the observed one."""

    def respond(log_probs, given):
        trial_key, choice, reward = given
        return choice, reward, (sample_choice(trial_key, log_probs), jnp.exp(log_probs[choice]))

    def one_draw(key, params):
        keys = jax.vmap(lambda key: jax.random.split(key, data.n_trials))(
            jax.random.split(key, data.n_subjects)
        )
        history = keys, jnp.asarray(data.choices), jnp.asarray(data.rewards, precision_of(params))
        return session(agent, params, data.n_actions, trials_of(data.design, data.mask), history, respond)[1]

    return jax.vmap(one_draw)(keys, params)


# In and out of trees


def _parameters(draws, model, num_draws, subjects=None):
    """Which group the draws are from, those that are used, and the agent's parameters (n_draws, n_subjects).

    If ``subjects`` are given, theirs are the draws, in their order.
    """
    source = next((name for name in ("posterior", "prior") if name in draws.children), None)
    if source is None:
        raise ValueError(
            "draws has no group 'posterior' or 'prior'; it has "
            f"{', '.join(map(repr, draws.children)) or 'none'}."
        )
    check_fitted(draws.attrs, model)
    if num_draws < 1:
        raise ValueError(f"num_draws is {num_draws}; it must be at least 1.")
    dataset = draws[source].to_dataset()
    if subjects is not None:
        labels = np.asarray(subjects).tolist()
        drawn = dataset["subject"].values.tolist()
        if source == "prior" and len(drawn) == len(labels) and set(drawn) != set(labels):
            dataset = dataset.assign_coords(subject=labels)  # drawn for nobody in particular
        dataset = of_subjects(dataset, subjects)
    dataset = dataset.isel(chain=evenly_spaced(dataset.sizes["chain"], num_draws))
    dataset = dataset.isel(draw=evenly_spaced(dataset.sizes["draw"], num_draws // dataset.sizes["chain"]))
    shape, given = (dataset.sizes["chain"] * dataset.sizes["draw"], dataset.sizes["subject"]), {}
    for name in (p.name for p in model.parameters):
        if name not in dataset:
            raise ValueError(
                f"draws lack {name!r}, a parameter of the model {model.name!r}; they have "
                f"{', '.join(map(repr, dataset.data_vars))}."
            )
        if "condition" in dataset[name].dims:
            raise ValueError(
                f"In this fit {name!r} moves with a condition, so nobody has one value of it. "
                "rwlib.trialwise follows people through their conditions."
            )
        values = dataset[name].transpose("chain", "draw", "subject").values.reshape(shape)
        if not np.isfinite(values).all():
            draw, i = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(
                f"draws of {name!r} hold {values[draw, i]} for subject "
                f"{dataset['subject'].values.tolist()[i]!r}; they must be finite."
            )
        given[name] = values.ravel()
    complete = subject_parameters({**given, **dict(model.fixed)}, shape[0] * shape[1], model.agent)
    return source, dataset, {name: value.reshape(shape) for name, value in complete.items()}


def _to_predictions(predicted, kind, source, dataset, mask, design, n_actions, model, history=None):
    """A tree of predicted trials, (n_draws, n_subjects, n_trials), beside what they were predicted from."""
    of_design = {name: getattr(design, name) for name in ("block", "feedback", "forced")}
    coords = {dim: dataset[dim].values for dim in ("chain", "draw", "subject")} | {
        "trial": np.arange(mask.shape[1])
    }
    shape = tuple(map(len, coords.values()))
    predicted = {name: (tuple(coords), np.reshape(value, shape)) for name, value in predicted.items()}
    constant = {
        name: (("subject", "trial"), np.asarray(value))
        for name, value in {"mask": mask, **of_design, **(history or {})}.items()
        if value is not None
    }
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs={"kind": kind, "model": model.name, "n_actions": n_actions}),
            f"{source}_predictive": xr.Dataset(predicted, coords),
            "constant_data": xr.Dataset(constant, {dim: coords[dim] for dim in ("subject", "trial")}),
        }
    )
