"""Who plays: how an agent chooses and what it learns, one trial at a time. Simulation and likelihood share it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from rwlib.model.choice import choice_log_probabilities
from rwlib.model.learning import asymmetric_rescorla_wagner_update

__all__ = ["RANDOM_AGENT", "RESCORLA_WAGNER_AGENT", "WIN_STAY_LOSE_SHIFT_AGENT", "Agent"]


class Agent(NamedTuple):
    """One subject as three functions. A session is ``start`` once, then ``log_probabilities`` and ``learn`` on each trial.

    ``parameters`` are the names of :data:`rwlib.model.parameters.RANGES` that the functions find in ``params``.
    ``start(params, n_actions)`` returns the state before the first trial,
    ``log_probabilities(state, params)`` the log-probability of each action, and
    ``learn(state, chosen, reward, params)`` the state after an outcome, where ``chosen`` is 1 for the action
    taken and 0 elsewhere. Parameters, ``chosen`` and ``reward`` are floats of one precision. The state may be
    any tree of arrays whose shapes stay the same.
    """

    parameters: tuple[str, ...]
    start: Callable[[dict, int], Any]
    log_probabilities: Callable[[Any, dict], Float[Array, " n_actions"]]
    learn: Callable[[Any, Float[Array, " n_actions"], Float[Array, ""], dict], Any]


def precision_of(params: dict[str, Array]) -> jnp.dtype:
    """The float type of an agent with these parameters: theirs, or the session's where there are none."""
    return jnp.result_type(*params.values(), float)


def first_state(agent: Agent, params: dict, n_actions: int) -> Any:
    """An agent's state before the first trial, in types that learning does not change.

    Parameters
    ----------
    agent : Agent
    params : dict of numbers
        Of one subject.
    n_actions : int

    Returns
    -------
    state : tree of arrays
        What ``agent.start`` returns. A loop that JAX compiles carries arrays of fixed types, so whole numbers
        to which learning adds fractions, say, start as floats.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib.model.agents import RANDOM_AGENT, first_state
    >>> def learn(state, chosen, reward, params):
    ...     return (state + reward) / 2
    >>> agent = RANDOM_AGENT._replace(start=lambda params, n_actions: 0, learn=learn)
    >>> first_state(agent, {"beta": jnp.float32(1.0)}, n_actions=2).dtype
    dtype('float32')
    """
    chosen, reward = jnp.zeros(n_actions, precision_of(params)), jnp.zeros((), precision_of(params))
    state = jax.tree.map(jnp.asarray, agent.start(params, n_actions))
    settled = False
    while not settled:  # types only widen, and there are few of them
        learned = jax.eval_shape(agent.learn, state, chosen, reward, params)
        widened = jax.tree.map(lambda old, new: old.astype(jnp.result_type(old, new)), state, learned)
        settled = jax.tree.map(jnp.result_type, widened) == jax.tree.map(jnp.result_type, state)
        state = widened
    return state


def next_state(
    agent: Agent, state: Any, chosen: Array, reward: Array, counts: ArrayLike, params: dict
) -> Any:
    """An agent's state after a trial.

    Where the trial does not count, nothing happened: it teaches nothing, and the last choice stays the last.
    """
    learned = agent.learn(state, chosen, reward, params)
    return jax.tree.map(lambda old, new: jnp.where(counts, new, old).astype(old.dtype), state, learned)


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


#: Learns values from prediction errors and chooses by softmax: the agent of the course. Beside the values it
#: keeps a trace of its choices, which moves towards the last one at ``trace_rate``; at 1, it is the last one.
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
