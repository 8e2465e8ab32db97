"""The agents of the course: Rescorla-Wagner learning with softmax choice, and two that learn no values."""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from rwlib.model.agents import Agent, Parameter
from rwlib.model.choice import choice_log_probabilities
from rwlib.model.learning import asymmetric_rescorla_wagner_update

__all__ = ["RANDOM_AGENT", "RESCORLA_WAGNER_AGENT", "WIN_STAY_LOSE_SHIFT_AGENT"]


class Memory(NamedTuple):
    """What a Rescorla-Wagner agent carries from trial to trial."""

    value: Float[Array, " n_actions"]
    choice_trace: Float[Array, " n_actions"]


def _rescorla_wagner_start(params, n_actions):
    value = jnp.broadcast_to(params["q0"], (n_actions,))
    return Memory(value, jnp.zeros_like(value))


def _rescorla_wagner_log_probabilities(memory, seen, params):
    return choice_log_probabilities(
        memory.value, memory.choice_trace, params["beta"], params["stickiness"], params["lapse"], seen.offered
    )


def _rescorla_wagner_learn(memory, outcome, params):
    learned, _ = asymmetric_rescorla_wagner_update(
        memory.value, (outcome.reward, outcome.chosen), params["alpha_pos"], params["alpha_neg"]
    )
    forgotten = (1 - outcome.chosen) * params["forgetting"] * (params["q0"] - memory.value)
    return _remember_choice(memory, outcome, params)._replace(value=learned + forgotten)


def _remember_choice(memory, outcome, params):
    trace = memory.choice_trace
    return memory._replace(choice_trace=trace + params["trace_rate"] * (outcome.chosen - trace))


_Q0 = Parameter("q0", -math.inf, math.inf, 0.5)
_LAPSE = Parameter("lapse", 0.0, 1.0, 0.0)

#: Learns values from prediction errors and chooses by softmax: the agent of the course. Values of actions
#: that were not chosen go back towards ``q0`` at the rate ``forgetting``. Beside the values it keeps a trace
#: of its choices, which moves towards the last one at ``trace_rate``; at 1, it is the last one. A choice
#: without feedback leaves its trace, and no value moves.
RESCORLA_WAGNER_AGENT = Agent(
    _rescorla_wagner_start,
    _rescorla_wagner_log_probabilities,
    _rescorla_wagner_learn,
    without_feedback=_remember_choice,
    parameters=(
        Parameter("alpha_pos", 0.0, 1.0),
        Parameter("alpha_neg", 0.0, 1.0),
        Parameter("beta", 0.0, math.inf),
        Parameter("stickiness", -math.inf, math.inf, 0.0),
        Parameter("trace_rate", 0.0, 1.0, 1.0),
        Parameter("forgetting", 0.0, 1.0, 0.0),
        _LAPSE,
        _Q0,
    ),
)


class LastTrial(NamedTuple):
    """What a win-stay, lose-shift agent carries from trial to trial."""

    chosen: Num[Array, " n_actions"]
    won: Num[Array, ""]


def _last_trial_start(params, n_actions):
    nothing = jnp.zeros(n_actions, params["lapse"].dtype)
    return LastTrial(nothing, nothing[0])


def _last_trial_log_probabilities(last, seen, params):
    offered = seen.offered.astype(last.won.dtype)
    wanted = offered * jnp.where(last.won > 0, last.chosen, 1 - last.chosen)
    # Nothing has happened yet, or what was wanted is not on offer.
    wanted = jnp.where(last.chosen.any() & wanted.any(), wanted, offered)
    return jnp.log((1 - params["lapse"]) * wanted / wanted.sum() + params["lapse"] * offered / offered.sum())


def _last_trial_learn(last, outcome, params):
    return LastTrial(
        outcome.chosen.astype(last.chosen.dtype), (outcome.reward > params["q0"]).astype(last.won.dtype)
    )


#: Repeats a choice that paid more than ``q0`` and otherwise moves to one of the others, all equally likely;
#: with probability ``lapse`` it chooses at random instead.
WIN_STAY_LOSE_SHIFT_AGENT = Agent(
    _last_trial_start, _last_trial_log_probabilities, _last_trial_learn, parameters=(_LAPSE, _Q0)
)


#: Chooses at random, all actions equally likely, whatever happened. It has no parameters.
RANDOM_AGENT = Agent(
    start=lambda params, n_actions: jnp.full(n_actions, -jnp.log(n_actions)),
    log_probabilities=lambda log_probabilities, seen, params: log_probabilities,
    learn=lambda log_probabilities, outcome, params: log_probabilities,
)
