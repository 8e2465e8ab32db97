r"""Learning from all outcomes: one rate for news that supports the choice, another for news that does not.

The outcomes of all actions are shown. With the surprise :math:`\delta_a = r_a - Q_a`, each value moves by

.. math::

    Q_a \leftarrow Q_a + \begin{cases}
    \alpha_\mathrm{con}\,\delta_a & \text{if } \delta_a > 0 \text{ and } a \text{ was chosen,
    or } \delta_a \le 0 \text{ and it was not} \\
    \alpha_\mathrm{dis}\,\delta_a & \text{otherwise}
    \end{cases}

and choices follow the softmax of :math:`\beta Q`. Parameters: ``alpha_confirm`` and ``alpha_disconfirm`` in
(0, 1), ``beta`` above 0, and ``q0``, 0.5 unless given. Without a bias both rates are the same.

The agent reads the column ``foregone``, known after the choice: what the actions that were not taken would
have paid. It is one number on each trial where there are two actions, or else one for each action, of which
that for the chosen one is not read.

References
----------
Palminteri, S., Lefebvre, G., Kilford, E. J., & Blakemore, S.-J. (2017). Confirmation bias in human
reinforcement learning: Evidence from counterfactual feedback processing.
https://doi.org/10.1371/journal.pcbi.1005684

Examples
--------
To the left a win and to the right a loss, as the chooser of the left side had hoped:

>>> import rwlib
>>> from rwlib.agents.confirmation_bias import CONFIRMATION_BIAS
>>> design = rwlib.Design(after={"foregone": [[0.0, 0.0]]})
>>> data = rwlib.ChoiceData([[0, 0]], [[1.0, 1.0]], n_actions=2, design=design)
>>> for confirm in (0.2, 0.8):
...     params = {"alpha_confirm": confirm, "alpha_disconfirm": 0.2, "beta": 2.0}
...     print(rwlib.trialwise_log_likelihood(data, params, CONFIRMATION_BIAS.agent).round(2).tolist())
[[-0.69, -0.51]]
[[-0.69, -0.18]]
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rwlib.fitting.models import GroupParameter, Model
from rwlib.model.agents import Agent, Parameter

__all__ = ["CONFIRMATION_BIAS", "CONFIRMATION_BIAS_AGENT"]


class Memory(NamedTuple):
    """What the agent carries from trial to trial."""

    value: Float[Array, " n_actions"]


def _start(params, n_actions):
    return Memory(jnp.full(n_actions, params["q0"]))


def _log_probabilities(memory, seen, params):
    return jax.nn.log_softmax(params["beta"] * memory.value)


def _learn(memory, outcome, params):
    was_chosen = outcome.chosen > 0
    surprise = jnp.where(was_chosen, outcome.reward, outcome.extra["foregone"]) - memory.value
    confirms = was_chosen == (surprise > 0)
    rate = jnp.where(confirms, params["alpha_confirm"], params["alpha_disconfirm"])
    return Memory(memory.value + rate * surprise)


#: Learns from all outcomes, by one rate where they support the choice and by another where they do not.
CONFIRMATION_BIAS_AGENT = Agent(
    _start,
    _log_probabilities,
    _learn,
    parameters=(
        Parameter("alpha_confirm", 0.0, 1.0),
        Parameter("alpha_disconfirm", 0.0, 1.0),
        Parameter("beta", 0.0, math.inf),
        Parameter("q0", -math.inf, math.inf, 0.5),
    ),
)

#: With the priors of the course: every rate is likely, and β is about 3.
CONFIRMATION_BIAS = Model(
    "confirmation bias",
    (
        GroupParameter("alpha_confirm", "expit", 0.0, 1.0, 1.0),
        GroupParameter("alpha_disconfirm", "expit", 0.0, 1.0, 1.0),
        GroupParameter("beta", "exp", 1.0, 1.0, 0.5),
    ),
    CONFIRMATION_BIAS_AGENT,
)
