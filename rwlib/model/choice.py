"""From values to choice probabilities, and from probabilities to a choice."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray, Shaped

__all__ = ["choice_log_probabilities", "sample_choice", "softmax"]


def softmax(value: Num[ArrayLike, "..."], beta: Num[ArrayLike, "..."] = 1.0) -> Float[Array, "..."]:
    r"""Turn values into choice probabilities.

    .. math:: p_a = \frac{e^{\beta Q_a}}{\sum_b e^{\beta Q_b}}

    Parameters
    ----------
    value : array, shape (..., n_actions)
        Values, in reward units. Any finite number is safe: nothing overflows.
    beta : array or float, default 1.0
        Inverse temperature, in 1 / reward units. It *multiplies* the values: 0 makes every choice
        equally likely, a large one makes the best action certain. One number, or one for each leading
        index of ``value``: shape ``value.shape[:-1]``, or anything that broadcasts to it.

    Returns
    -------
    probabilities : array, shape (..., n_actions)
        Non-negative, and summing to one over the last axis.

    Raises
    ------
    ValueError
        If ``value`` has no axis to normalise over, or the shape of ``beta`` does not fit.

    References
    ----------
    Luce, R. D. (1959). *Individual Choice Behavior*. Sutton, R. S., & Barto, A. G. (2018).
    *Reinforcement Learning*, 2nd ed., section 2.8.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib import softmax
    >>> softmax(jnp.array([0.0, 1.0]), beta=2.0).tolist()
    [0.119, 0.881]
    """
    value, beta = jnp.asarray(value, float), jnp.asarray(beta, float)
    if value.ndim == 0:
        raise ValueError(
            f"softmax needs one entry per action in the last axis; got the single number {value}."
        )
    if beta.ndim > value.ndim or (beta.ndim == value.ndim and beta.shape[-1] != 1):
        raise ValueError(
            f"beta has shape {beta.shape}, which does not fit values of shape {value.shape}: give one "
            f"number, or one per leading index, shape {value.shape[:-1]}."
        )
    if beta.ndim < value.ndim:
        beta = beta[..., None]
    # Only differences between values matter, so the largest is moved to 0 before anything can
    # overflow; the limits keep inf − inf and 0 · inf (both NaN) out for the most extreme inputs.
    limit = jnp.finfo(value.dtype).max
    below_best = jnp.maximum(value - value.max(-1, keepdims=True), -limit)
    return jax.nn.softmax(jnp.clip(beta * below_best, -limit, limit), axis=-1)


def choice_log_probabilities(
    value: Num[ArrayLike, "... n_actions"],
    choice_trace: Shaped[ArrayLike, "... n_actions"],
    beta: Num[ArrayLike, "..."],
    stickiness: Num[ArrayLike, "..."] = 0.0,
    lapse: Num[ArrayLike, "..."] = 0.0,
    offered: Bool[ArrayLike, "... n_actions"] | None = None,
) -> Float[Array, "... n_actions"]:
    r"""Log of the softmax, with a pull towards earlier choices and a share of random choices.

    .. math:: p_a = (1 - \xi)\,\mathrm{softmax}(\beta Q + \kappa\, c)_a + \xi / n_\mathrm{actions}

    where the trace :math:`c_a` says how much the action was chosen lately: 1 for the action chosen last and 0
    elsewhere, or a record that fades over several trials,
    :math:`c \leftarrow c + \rho\,(\mathrm{chosen} - c)`. Logs, because a likelihood
    multiplies hundreds of probabilities and their product underflows.

    Parameters
    ----------
    value : array, shape (..., n_actions)
        Values, in reward units.
    choice_trace : array, shape (..., n_actions)
        From 0 to 1; all 0 before the first trial.
    beta : array or float
        Inverse temperature, > 0.
    stickiness : array or float, default 0
        κ, in logits for a full trace: positive repeats, negative switches.
    lapse : array or float in [0, 1], default 0
        ξ, the probability of a uniformly random choice.
    offered : array of bool, shape (..., n_actions), optional
        Which actions can be chosen; softmax and random choices are among these. Default: all.

    Returns
    -------
    log_probabilities : array, shape (..., n_actions)
        Minus infinity for actions that are not on offer.

    References
    ----------
    Lapse: Nassar, M. R., & Frank, M. J. (2016). https://doi.org/10.1016/j.cobeha.2016.04.003.
    Stickiness and trace: Sugawara, M., & Katahira, K. (2021). https://doi.org/10.1038/s41598-020-80593-7.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib.model.choice import choice_log_probabilities
    >>> value, trace = jnp.array([0.5, 0.5]), jnp.array([1, 0])
    >>> log_probs = choice_log_probabilities(value, trace, beta=3.0, stickiness=1.0, lapse=0.1)
    >>> jnp.exp(log_probs).tolist()
    [0.708, 0.292]
    """
    # In the precision of the arrays, or, where all are plain numbers or whole ones, in that of the session.
    precision = jnp.result_type(value, choice_trace, beta, stickiness, lapse, float)
    value, choice_trace = jnp.asarray(value, precision), jnp.asarray(choice_trace, precision)
    beta, stickiness, lapse = (jnp.asarray(x, precision)[..., None] for x in (beta, stickiness, lapse))
    logit = beta * value + stickiness * choice_trace
    if offered is None or (isinstance(offered, np.ndarray) and offered.all()):
        return with_lapses(jax.nn.log_softmax(logit, axis=-1), lapse, value.shape[-1]).log_probability
    offered = jnp.asarray(offered)
    log_softmax = jax.nn.log_softmax(jnp.where(offered, logit, -jnp.inf), axis=-1)
    log_softmax = jnp.where(offered, log_softmax, 0.0)  # whose derivative is a number
    n_offered = offered.sum(axis=-1, keepdims=True).astype(precision)
    return jnp.where(offered, with_lapses(log_softmax, lapse, n_offered).log_probability, -jnp.inf)


class Lapsing(NamedTuple):
    """Log-probability of a choice if some are random, and how probable it is either way, relative to that."""

    log_probability: Float[Array, "..."]
    softmax_ratio: Float[Array, "..."]
    uniform_ratio: Float[Array, "..."]


def with_lapses(
    log_softmax: Float[Array, "..."], lapse: Float[Array, "..."], n_actions: int | Num[Array, "..."]
) -> Lapsing:
    r"""Mix a share of random choices into the softmax, in logs.

    .. math:: \log p' = \log\left((1 - \xi)\,p + \xi / n_\mathrm{actions}\right)

    Values and derivatives are right at :math:`\xi = 0`, too, and where :math:`p` underflows; a derivative
    that no float can hold is a very large number.

    Parameters
    ----------
    log_softmax : array, shape (...)
        :math:`\log p`, in nats.
    lapse : array in [0, 1], broadcasts to shape (...)
        ξ, the probability of a uniformly random choice.
    n_actions : int or array that broadcasts to shape (...)
        As many as are on offer.

    Returns
    -------
    lapsing : Lapsing
        Arrays of shape (...): :math:`\log p'`, :math:`p / p'` and :math:`n_\mathrm{actions}^{-1} / p'`. The
        derivative of :math:`\log p'` by :math:`\log p` is :math:`(1 - \xi)\,p / p'`; that by :math:`\xi` is
        the last ratio less the one before.

    References
    ----------
    Nassar, M. R., & Frank, M. J. (2016). https://doi.org/10.1016/j.cobeha.2016.04.003

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib.model.choice import with_lapses
    >>> with_lapses(jnp.array([-500.0, -500.0]), jnp.array([0.0, 0.1]), n_actions=2).log_probability.tolist()
    [-500.0, -2.996]
    """
    log_uniform, limits = -jnp.log(n_actions), jnp.finfo(log_softmax.dtype)
    most = 0.9 * jnp.log(limits.max)  # sums of its exponential stay finite
    # A softmax smaller than this makes no difference beside lapses, unless these are below 1e-30.
    log_softmax = jnp.maximum(log_softmax, jnp.where(lapse > 0, log_uniform - most, limits.min))
    uniform = jnp.exp(jnp.minimum(log_uniform - log_softmax, most))  # relative to the softmax
    both = (1 - lapse) + lapse * uniform
    return Lapsing(log_softmax + jnp.log(both), 1 / both, uniform / both)


def sample_choice(key: PRNGKeyArray, log_probabilities: Float[Array, "... n_actions"]) -> Int[Array, "..."]:
    """Draw one action from its log-probabilities.

    Parameters
    ----------
    key : jax.random.key
        Gives the same choice each time; use each key once.
    log_probabilities : array, shape (..., n_actions)
        Logs of probabilities (or of anything proportional to them) over the last axis.

    Returns
    -------
    choice : array of int, shape (...)
        Integers from 0 to n_actions − 1.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib.model.choice import sample_choice
    >>> int(sample_choice(jax.random.key(0), jnp.log(jnp.array([0.0, 1.0, 0.0]))))
    1
    """
    return jax.random.categorical(key, log_probabilities, axis=-1)
