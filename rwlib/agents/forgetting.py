r"""Values of actions that were not chosen fade: the course's agent, with its rate of forgetting estimated.

.. math::

    Q_a \leftarrow \begin{cases}
    Q_a + \alpha\,(r - Q_a) & \text{if } a \text{ was chosen} \\
    Q_a + \varphi\,(Q_0 - Q_a) & \text{otherwise}
    \end{cases}

Parameters of the model: ``alpha`` in (0, 1), ``beta`` above 0, ``forgetting`` (:math:`\varphi`) in (0, 1).
At 0 nothing is forgotten. At :math:`\varphi = \alpha` a trial on which an action was not chosen counts as
one on which it paid :math:`Q_0`.

References
----------
Ito, M., & Doya, K. (2009). Validation of decision-making models and analysis of decision variables in the
rat basal ganglia. https://doi.org/10.1523/JNEUROSCI.6157-08.2009 (There values fade to 0.)

Examples
--------
After a win on the left, a choice of the right side is the likelier the more of it was forgotten meanwhile:

>>> import rwlib
>>> from rwlib.agents.forgetting import FORGETTING
>>> data = rwlib.ChoiceData([[0, 1, 1]], [[1.0, 0.5, 0.5]])
>>> for forgetting in (0.0, 0.5):
...     params = {"alpha": 0.5, "beta": 4.0, "forgetting": forgetting}
...     print(rwlib.trialwise_log_likelihood(data, params, FORGETTING.agent).round(2).tolist())
[[-0.69, -1.31, -1.31]]
[[-0.69, -1.31, -0.97]]
"""

from rwlib.fitting.models import SYMMETRIC, GroupParameter, Model

__all__ = ["FORGETTING"]

#: One learning rate, an inverse temperature, and forgetting. Its gradient is the one-pass gradient of the
#: course's agent.
FORGETTING = Model(
    "forgetting", (*SYMMETRIC.parameters, GroupParameter("forgetting", "expit", 0.0, 1.0, 1.0))
)
