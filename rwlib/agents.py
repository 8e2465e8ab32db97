"""Who plays: how an agent chooses and what it learns, one trial at a time. Simulation and likelihood share it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from rwlib.choice import choice_log_probabilities
from rwlib.learning import asymmetric_rescorla_wagner_update

__all__ = ["RANDOM_AGENT", "RESCORLA_WAGNER_AGENT", "WIN_STAY_LOSE_SHIFT_AGENT", "Agent"]


class Agent(NamedTuple):
    """One subject as three functions. A session is ``start`` once, then ``log_probabilities`` and ``learn`` on each trial.

    ``parameters`` are the names of :data:`rwlib.parameters.RANGES` that the functions find in ``params``.
    ``start(params, n_actions)`` returns the state before the first trial, ``log_probabilities(state, params)`` the
    log-probability of each action, and ``learn(state, chosen, reward, params)`` the state after an outcome, where ``chosen``
    is 1 for the action taken and 0 elsewhere.
    """

    parameters: tuple[str, ...]
    start: Callable[[dict, int], Any]
    log_probabilities: Callable[[Any, dict], Float[Array, " n_actions"]]
    learn: Callable[[Any, Num[Array, " n_actions"] | Bool[Array, " n_actions"], Num[Array, ""], dict], Any]


class Memory(NamedTuple):
    """What a Rescorla-Wagner agent carries from trial to trial."""

    value: Float[Array, " n_actions"]
    choice_trace: Float[Array, " n_actions"]


def _rescorla_wagner_start(params, n_actions):
    value = jnp.broadcast_to(params["q0"], (n_actions,))
    return Memory(value, jnp.zeros_like(value))


def _rescorla_wagner_log_probabilities(memory, params):
    return choice_log_probabilities(
        memory.value, memory.choice_trace, params["beta"], params["stickiness"], params["lapse"]
    )


def _rescorla_wagner_learn(memory, chosen, reward, params):
    value, _ = asymmetric_rescorla_wagner_update(memory.value, (reward, chosen), params["alpha_pos"], params["alpha_neg"])
    trace = memory.choice_trace
    return Memory(value, trace + params["trace_rate"] * (chosen - trace))


#: Learns values from prediction errors and chooses by softmax: the agent of the course. Beside the values it keeps
#: a trace of its choices, which moves towards the last one at ``trace_rate``: at 1, the trace is the last choice.
RESCORLA_WAGNER_AGENT = Agent(
    ("alpha_pos", "alpha_neg", "beta", "stickiness", "trace_rate", "lapse", "q0"),
    _rescorla_wagner_start,
    _rescorla_wagner_log_probabilities,
    _rescorla_wagner_learn,
)


class LastTrial(NamedTuple):
    """What a win-stay, lose-shift agent carries from trial to trial."""

    chosen: Num[Array, " n_actions"]
    won: Num[Array, ""]


def _last_trial_start(params, n_actions):
    nothing = jnp.zeros(n_actions, params["lapse"].dtype)
    return LastTrial(nothing, nothing[0])


def _last_trial_log_probabilities(last, params):
    n_actions = last.chosen.shape[-1]
    shift = (1 - last.chosen) / (n_actions - 1)
    rule = jnp.where(last.chosen.any(), jnp.where(last.won > 0, last.chosen, shift), 1 / n_actions)
    return jnp.log((1 - params["lapse"]) * rule + params["lapse"] / n_actions)


def _last_trial_learn(last, chosen, reward, params):
    return LastTrial(chosen.astype(last.chosen.dtype), (reward > params["q0"]).astype(last.won.dtype))


#: Repeats a choice that paid more than ``q0`` and otherwise moves to one of the others, all equally likely; with
#: probability ``lapse`` it chooses at random instead.
WIN_STAY_LOSE_SHIFT_AGENT = Agent(("lapse", "q0"), _last_trial_start, _last_trial_log_probabilities, _last_trial_learn)


#: Chooses at random, all actions equally likely, whatever happened. It has no parameters.
RANDOM_AGENT = Agent(
    (),
    start=lambda params, n_actions: jnp.full(n_actions, -jnp.log(n_actions)),
    log_probabilities=lambda log_probabilities, params: log_probabilities,
    learn=lambda log_probabilities, chosen, reward, params: log_probabilities,
)
