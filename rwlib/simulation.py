"""An agent in a task: a scan over trials, mapped over subjects."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num, PRNGKeyArray

from rwlib.choice import choice_log_probabilities, sample_choice
from rwlib.data import ChoiceData
from rwlib.learning import asymmetric_rescorla_wagner_update
from rwlib.parameters import subject_parameters

__all__ = ["Simulation", "simulate"]


class Simulation(NamedTuple):
    """Simulated choices, and what the agents thought while they made them.

    ``values``, ``choice_probs`` and ``prediction_errors`` have shape (n_subjects, n_trials, n_actions).
    Values and probabilities are those *before* the trial's outcome.
    """

    data: ChoiceData
    values: Float[Array, "n_subjects n_trials n_actions"]
    choice_probs: Float[Array, "n_subjects n_trials n_actions"]
    prediction_errors: Float[Array, "n_subjects n_trials n_actions"]


def simulate(key: PRNGKeyArray, outcomes: Num[ArrayLike, "... n_trials n_actions"], params: Mapping[str, ArrayLike]) -> Simulation:
    """Let each subject play the task once.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per subject, so that subjects do not share their noise. The same key gives
        the same choices.
    outcomes : array, shape (n_trials, n_actions) or (n_subjects, n_trials, n_actions)
        What each action would have paid on each trial, in reward units: one table for all, or one each.
    params : dict of arrays, shape (n_subjects,)
        See :func:`rwlib.parameters.subject_parameters`.

    Returns
    -------
    simulation : Simulation

    Raises
    ------
    ValueError
        If ``params`` is not valid, or the number of outcome tables is not the number of subjects.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational modeling of
    behavioral data. https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib import bernoulli_outcomes, simulate
    >>> outcomes = bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=100)
    >>> params = {"alpha_pos": jnp.array([0.3, 0.6]), "alpha_neg": jnp.array([0.3, 0.1]), "beta": jnp.array([3.0, 3.0])}
    >>> simulation = simulate(jax.random.key(1), outcomes, params)
    >>> simulation.data.choices.shape, simulation.values.shape
    ((2, 100), (2, 100, 2))
    """
    outcomes = jnp.asarray(outcomes, float)
    if outcomes.ndim not in (2, 3):
        raise ValueError(f"outcomes has shape {outcomes.shape}; it must be (n_trials, n_actions), with n_subjects in front if each has its own.")
    params = subject_parameters(params, outcomes.shape[0] if outcomes.ndim == 3 else None)
    n_subjects = len(params["beta"])
    n_trials, n_actions = outcomes.shape[-2:]
    outcomes = jnp.broadcast_to(outcomes, (n_subjects, n_trials, n_actions))
    choices, rewards, *thoughts = _play_all(jax.random.split(key, n_subjects), outcomes, params)
    mask = jnp.ones((n_subjects, n_trials), bool)
    return Simulation(ChoiceData(choices, rewards, mask, n_actions, range(n_subjects)), *thoughts)


def _play(key, outcomes, params):
    """One subject's whole session."""

    def trial(carry, inputs):
        value, previous_choice = carry
        outcome, trial_key = inputs
        log_probs = choice_log_probabilities(value, previous_choice, params["beta"], params["stickiness"], params["lapse"])
        choice = sample_choice(trial_key, log_probs)
        chosen = jax.nn.one_hot(choice, n_actions)
        updated, (value, prediction_error) = asymmetric_rescorla_wagner_update(
            value, (outcome, chosen), params["alpha_pos"], params["alpha_neg"]
        )
        return (updated, chosen), (choice, outcome[choice], value, jnp.exp(log_probs), prediction_error)

    n_trials, n_actions = outcomes.shape
    start = (jnp.broadcast_to(params["q0"], (n_actions,)), jnp.zeros(n_actions))
    return jax.lax.scan(trial, start, (outcomes, jax.random.split(key, n_trials)))[1]


_play_all = jax.jit(jax.vmap(_play))
