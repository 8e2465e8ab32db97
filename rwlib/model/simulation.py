"""An agent in a task: a scan over trials, mapped over subjects."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, PRNGKeyArray

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design, check_design, design_in_order_of
from rwlib.data.labels import as_labels, in_order_of
from rwlib.model.agent_check import check_agent
from rwlib.model.agents import Agent, action_values, precision_of, session, trials_of
from rwlib.model.choice import sample_choice
from rwlib.model.parameters import Params, labels_in, of_labelled, subject_parameters
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

__all__ = ["Simulation", "simulate"]


class Simulation(NamedTuple):
    """Simulated choices, and what the agents thought while they made them.

    ``values``, ``choice_probs`` and ``prediction_errors`` have shape (n_subjects, n_trials, n_actions).
    Values and probabilities are those *before* the trial's outcome. An agent whose memory has no field
    ``value`` with one number for each action has None for them and for its prediction errors.
    """

    data: ChoiceData
    values: Float[Array, "n_subjects n_trials n_actions"] | None
    choice_probs: Float[Array, "n_subjects n_trials n_actions"]
    prediction_errors: Float[Array, "n_subjects n_trials n_actions"] | None


def simulate(
    key: PRNGKeyArray,
    outcomes: Num[ArrayLike, "... n_trials n_actions"] | xr.DataArray,
    params: Params,
    agent: Agent = RESCORLA_WAGNER_AGENT,
    design: Design = Design(),
) -> Simulation:
    """Let each subject play the task once.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per subject, so that subjects do not share their noise. The same key gives
        the same choices.
    outcomes : array or DataArray, shape (n_trials, n_actions) or (n_subjects, n_trials, n_actions)
        What each action would have paid on each trial, in reward units: one table for all, or one each.
    params : dict of arrays, shape (n_subjects,), or DataFrame
        See :func:`rwlib.model.parameters.subject_parameters`. Where they carry labels (a Series, a DataArray,
        a dictionary), the simulated people have those of the first, and the others are matched with it.
    agent : Agent, default RESCORLA_WAGNER_AGENT
    design : Design, optional
        What the task does apart from paying: what is on offer, where a run begins, what is shown.

    Returns
    -------
    simulation : Simulation

    Raises
    ------
    ValueError
        If ``params`` is not valid, the number of outcome tables is not the number of subjects, an outcome
        that would be shown is not finite, or nothing is on offer on a trial.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational modeling of
    behavioral data. https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib import bernoulli_outcomes, simulate
    >>> outcomes = bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=100)
    >>> params = {"alpha_pos": jnp.array([0.3, 0.6]), "alpha_neg": jnp.array([0.3, 0.1])}
    >>> params["beta"] = jnp.array([3.0, 3.0])
    >>> simulation = simulate(jax.random.key(1), outcomes, params)
    >>> simulation.data.choices.shape, simulation.values.shape
    ((2, 100), (2, 100, 2))
    """
    subjects = labels_in(params)
    if isinstance(outcomes, xr.DataArray) and outcomes.ndim == 3:
        outcomes = in_order_of(_labels_or_numbers(subjects, len(outcomes)), outcomes, "outcomes", "subject")
    outcomes = jnp.asarray(outcomes, float)
    if outcomes.ndim not in (2, 3):
        raise ValueError(
            f"outcomes has shape {outcomes.shape}; it must be (n_trials, n_actions), with n_subjects in "
            "front if each has its own."
        )
    params = of_labelled(params, subjects)
    params = subject_parameters(params, outcomes.shape[0] if outcomes.ndim == 3 else None, agent)
    n_subjects = len(next(iter(params.values()))) if params else len(outcomes) if outcomes.ndim == 3 else 1
    n_trials, n_actions = outcomes.shape[-2:]
    who = _labels_or_numbers(subjects, n_subjects)
    design = check_design(design_in_order_of(who, design), n_subjects, n_trials, n_actions)
    check_agent(agent, params, n_actions, design.before, design.after)
    outcomes = jnp.broadcast_to(outcomes, (n_subjects, n_trials, n_actions)).astype(precision_of(params))
    _check_task(outcomes, design)
    mask = np.ones((n_subjects, n_trials), bool)
    choices, rewards, values, choice_probs, errors = play_all(key, outcomes, params, agent, design, mask)
    if not isinstance(choice_probs, jax.core.Tracer) and np.isnan(choice_probs).any():
        subject, trial, _ = np.argwhere(np.isnan(choice_probs))[0]
        raise ValueError(
            f"The agent's log_probabilities are NaN on trial {trial} of subject {subject}: is there a"
            " division by 0, or the logarithm or root of a negative number?"
        )
    data = ChoiceData(choices, rewards, mask, n_actions, who, design)
    return Simulation(data, values, choice_probs, errors)


def _labels_or_numbers(labels, n_subjects):
    """What simulated people are called: numbers where labels repeat or are pairs, as those of draws are."""
    try:
        return range(n_subjects) if labels is None else as_labels("subject", labels, n_subjects)
    except ValueError:
        return range(n_subjects)


def _check_task(outcomes, design):
    """Refuse a task that would make an agent's probabilities NaN, which is not the agent's fault."""
    possible = np.ones(outcomes.shape, bool)
    if design.offered is not None:
        possible &= design.offered
        if not possible.any(axis=2).all():
            subject, trial = np.argwhere(~possible.any(axis=2))[0]
            raise ValueError(
                f"design.offered is False for all actions on trial {trial} of subject {subject}; somebody "
                "who chooses must have something to choose from."
            )
    if isinstance(outcomes, jax.core.Tracer) or np.isfinite(outcomes).all():
        return
    if design.forced is not None:
        forced = design.forced[..., None]
        possible &= (forced < 0) | (np.arange(outcomes.shape[2]) == forced)
    if design.feedback is not None:
        possible &= design.feedback[..., None]
    odd = possible & ~np.isfinite(outcomes)
    if odd.any():
        subject, trial, action = np.argwhere(odd)[0]
        raise ValueError(
            f"outcomes are {outcomes[subject, trial, action]} for action {action} on trial {trial} of "
            f"subject {subject}; what may be paid must be finite. Where an outcome is not shown, set "
            "design.feedback to False."
        )


# All in one program: each small one that JAX would otherwise compile for a new shape costs a tenth of a
# second.
@partial(jax.jit, static_argnames="agent")
def play_all(key, outcomes, params, agent, design, mask):
    """Choices, rewards, values, choice probabilities and prediction errors of every subject. Nobody plays
    where ``mask`` is False."""
    n_subjects, _, n_actions = outcomes.shape

    def respond(log_probs, given):
        outcome, trial_key, forced = given
        choice = sample_choice(trial_key, log_probs)
        if forced is not None:
            choice = jnp.where(forced < 0, choice, forced)
        reward = outcome[choice]
        return choice, reward, (choice, reward, jnp.exp(log_probs))

    keys = jax.vmap(lambda key: jax.random.split(key, outcomes.shape[1]))(jax.random.split(key, n_subjects))
    states, (choices, rewards, choice_probs) = session(
        agent, params, n_actions, trials_of(design, mask), (outcomes, keys, design.forced), respond
    )
    values, errors = action_values(states, outcomes.shape), None
    if values is not None:
        happened = mask if design.feedback is None else mask & design.feedback
        chosen = jnp.arange(n_actions) == choices[..., None]
        errors = jnp.where(chosen & happened[..., None], outcomes - values, 0.0)
    return choices, rewards, values, choice_probs, errors
