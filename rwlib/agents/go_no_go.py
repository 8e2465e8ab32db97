r"""Act or hold back: instrumental values beside a Pavlovian bias, by which a promising cue makes people act.

Each trial shows one of four cues :math:`s`. Action 1 is go, action 0 is no-go. The value of each action at
this cue and the value of the cue itself learn from the reward, and start at 0:

.. math::

    Q_{s,a} \leftarrow Q_{s,a} + \alpha\,(r - Q_{s,a}) \qquad V_s \leftarrow V_s + \alpha\,(r - V_s)

.. math::

    P(\mathrm{go}) = \mathrm{expit}\big(\beta\,(Q_{s,1} + \pi V_s - Q_{s,0}) + b\big)

Parameters: ``alpha`` in (0, 1); ``beta`` above 0, the sensitivity to rewards; ``go_bias`` (:math:`b`), any
number of logits; ``pavlovian`` (:math:`\pi`), any number. Where it is above 0, a cue that stands for reward
makes people act, and one that stands for punishment makes them hold back. Made for rewards of −1, 0 and 1.

The agent reads the column ``cue``, known before the choice: 0, 1, 2 or 3. (With any other number, the
log-likelihood is NaN.) The paper's own model has a share of random choices besides.

References
----------
Guitart-Masip, M., Huys, Q. J. M., Fuentemilla, L., Dayan, P., Duzel, E., & Dolan, R. J. (2012). Go and
no-go learning in reward and punishment: Interactions between affect and effect.
https://doi.org/10.1016/j.neuroimage.2012.04.024

Examples
--------
Holding back was punished, so going is better. A Pavlovian bias works against it, since the cue is a bad one:

>>> import rwlib
>>> from rwlib.agents.go_no_go import GO_NO_GO
>>> design = rwlib.Design(before={"cue": [2, 2]})
>>> data = rwlib.ChoiceData([[0, 1]], [[-1.0, 0.0]], design=design)
>>> for pavlovian in (0.0, 1.0):
...     params = {"alpha": 0.5, "beta": 2.0, "go_bias": 0.0, "pavlovian": pavlovian}
...     print(rwlib.trialwise_log_likelihood(data, params, GO_NO_GO.agent).round(2).tolist())
[[-0.69, -0.31]]
[[-0.69, -0.69]]
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from rwlib.fitting.models import GroupParameter, Model
from rwlib.model.agents import Agent, Parameter

__all__ = ["GO_NO_GO", "GO_NO_GO_AGENT"]

N_CUES = 4  # go or no-go, to win or to avoid a loss
GO = np.array([0, 1])


class Memory(NamedTuple):
    """What the agent carries from trial to trial."""

    action_value: Float[Array, "n_cues n_actions"]
    cue_value: Float[Array, " n_cues"]


def _is_cue(cue):
    """1 for the cue that is shown and 0 for the others; not a number for one that does not exist."""
    exists = (cue >= 0) & (cue < N_CUES)
    return jnp.where(exists, jnp.arange(N_CUES) == cue, jnp.nan)


def _start(params, n_actions):
    nothing = jnp.zeros_like(params["alpha"])
    return Memory(jnp.full((N_CUES, n_actions), nothing), jnp.full(N_CUES, nothing))


def _log_probabilities(memory, seen, params):
    is_cue = _is_cue(seen.extra["cue"])
    promise = params["pavlovian"] * (is_cue @ memory.cue_value)
    logit = params["beta"] * (is_cue @ memory.action_value + promise * GO) + params["go_bias"] * GO
    return jax.nn.log_softmax(logit)


def _learn(memory, outcome, params):
    is_cue = _is_cue(outcome.extra["cue"])
    of_action = is_cue[:, None] * outcome.chosen * (outcome.reward - memory.action_value)
    of_cue = is_cue * (outcome.reward - memory.cue_value)
    return Memory(
        memory.action_value + params["alpha"] * of_action, memory.cue_value + params["alpha"] * of_cue
    )


#: Learns what each cue is worth and what each action is worth at each cue; a promising cue makes it act.
GO_NO_GO_AGENT = Agent(
    _start,
    _log_probabilities,
    _learn,
    parameters=(
        Parameter("alpha", 0.0, 1.0),
        Parameter("beta", 0.0, math.inf),
        Parameter("go_bias", -math.inf, math.inf),
        Parameter("pavlovian", -math.inf, math.inf),
    ),
)

#: Neither bias is expected in one direction: their group means are 0 at the prior's middle.
GO_NO_GO = Model(
    "go/no-go",
    (
        GroupParameter("alpha", "expit", -1.0, 1.0, 0.5),
        GroupParameter("beta", "exp", 1.0, 0.5, 0.5),
        GroupParameter("go_bias", "identity", 0.0, 1.0, 0.5),
        GroupParameter("pavlovian", "identity", 0.0, 0.5, 0.5),
    ),
    GO_NO_GO_AGENT,
)
