r"""A learning rate that follows recent surprises: fast after a change, slow when all goes as expected.

With the surprise :math:`\delta = r - Q`, the value and the associability :math:`A` of the chosen action
move by

.. math::

    Q \leftarrow Q + \kappa\,A\,\delta \qquad A \leftarrow A + \eta\,(|\delta| - A)

where the value learns with the associability from *before* this surprise. They start at :math:`Q_0` and 1.
Choices follow the softmax of :math:`\beta Q`. Parameters: ``salience`` (:math:`\kappa`) and
``associability_rate`` (:math:`\eta`) in (0, 1), ``beta`` above 0, and ``q0``, 0.5 unless given. As
:math:`\eta` goes to 0 this becomes the Rescorla-Wagner rule with the learning rate :math:`\kappa`. Made for
rewards in [0, 1].

References
----------
Pearce, J. M., & Hall, G. (1980). A model for Pavlovian learning: Variations in the effectiveness of
conditioned but not of unconditioned stimuli. https://doi.org/10.1037/0033-295X.87.6.532

Li, J., Schiller, D., Schoenbaum, G., Phelps, E. A., & Daw, N. D. (2011). Differential roles of human striatum
and amygdala in associative learning. https://doi.org/10.1038/nn.2904 (This hybrid of the two rules.)

Examples
--------
After five wins there is little surprise left. The faster associability followed, the less the first loss
teaches:

>>> import rwlib
>>> from rwlib.agents.pearce_hall import PEARCE_HALL
>>> data = rwlib.ChoiceData([[0] * 7], [[1.0] * 5 + [0.0] * 2], n_actions=2)
>>> for rate in (0.1, 0.9):
...     params = {"salience": 0.5, "associability_rate": rate, "beta": 3.0}
...     print(rwlib.trialwise_log_likelihood(data, params, PEARCE_HALL.agent)[0, -2:].round(2).tolist())
[-0.22, -0.49]
[-0.28, -0.33]
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rwlib.fitting.models import GroupParameter, Model
from rwlib.model.agents import Agent, Parameter

__all__ = ["PEARCE_HALL", "PEARCE_HALL_AGENT"]


class Memory(NamedTuple):
    """What the agent carries from trial to trial."""

    value: Float[Array, " n_actions"]
    associability: Float[Array, " n_actions"]


def _start(params, n_actions):
    value = jnp.full(n_actions, params["q0"])
    return Memory(value, jnp.ones_like(value))


def _log_probabilities(memory, seen, params):
    return jax.nn.log_softmax(params["beta"] * memory.value)


def _learn(memory, outcome, params):
    value, associability = memory
    surprise = outcome.reward - value
    learned = params["salience"] * associability * surprise
    followed = params["associability_rate"] * (jnp.abs(surprise) - associability)
    return Memory(value + outcome.chosen * learned, associability + outcome.chosen * followed)


#: Learns the faster, the larger the last surprises were.
PEARCE_HALL_AGENT = Agent(
    _start,
    _log_probabilities,
    _learn,
    parameters=(
        Parameter("salience", 0.0, 1.0),
        Parameter("associability_rate", 0.0, 1.0),
        Parameter("beta", 0.0, math.inf),
        Parameter("q0", -math.inf, math.inf, 0.5),
    ),
)

#: Both rates anywhere between 0 and 1, β about 3.
PEARCE_HALL = Model(
    "Pearce-Hall",
    (
        GroupParameter("salience", "expit", 0.0, 1.0, 1.0),
        GroupParameter("associability_rate", "expit", 0.0, 1.0, 1.0),
        GroupParameter("beta", "exp", 1.0, 1.0, 0.5),
    ),
    PEARCE_HALL_AGENT,
)
