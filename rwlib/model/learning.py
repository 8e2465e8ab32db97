"""One update of values after one outcome. Nothing here knows about choices."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Num, Shaped
from jax.typing import ArrayLike

__all__ = ["Record", "asymmetric_rescorla_wagner_update"]


class Record(NamedTuple):
    """What a trial leaves behind: the values before its outcome, and how far the outcome was from them."""

    value: Num[Array, "..."]
    prediction_error: Num[Array, "..."]


def asymmetric_rescorla_wagner_update(
    value: Num[ArrayLike, "..."],
    outcome_chosen: tuple[Num[ArrayLike, "..."], Shaped[ArrayLike, "..."]],
    alpha_pos: Num[ArrayLike, "..."],
    alpha_neg: Num[ArrayLike, "..."],
) -> tuple[Num[Array, "..."], Record]:
    r"""Move each chosen value towards its outcome, at a rate that depends on the surprise's sign.

    .. math::

        \delta = r - Q, \qquad
        Q \leftarrow Q + \alpha^{+}\,\delta \;\text{ if } \delta > 0, \qquad
        Q \leftarrow Q + \alpha^{-}\,\delta \;\text{ if } \delta < 0

    Arguments and result have the form that :func:`jax.lax.scan` asks of a step: the first argument is
    the carry, the second is this trial's input, and the result is the pair (new carry, outputs).

    Parameters
    ----------
    value : array or float
        Expected value of each action before the outcome, in reward units.
    outcome_chosen : tuple of (outcome, chosen)
        ``outcome`` is the reward, in the same units. ``chosen`` is 1 (or True) where the action was
        taken and 0 where it was not; a value that was not chosen stays as it is.
    alpha_pos, alpha_neg : array or float
        Learning rates in (0, 1) for outcomes better and worse than expected.
        All four arguments may have any shapes that broadcast against each other.

    Returns
    -------
    updated_value : array
        Values after the outcome.
    record : Record
        ``value`` *before* the outcome, and ``prediction_error`` = outcome − value, which is 0 where
        ``chosen`` is 0.

    References
    ----------
    Rescorla, R. A., & Wagner, A. R. (1972). A theory of Pavlovian conditioning. In *Classical
    Conditioning II*, 64–99. Two rates: Lefebvre et al. (2017), https://doi.org/10.1038/s41562-017-0067

    Examples
    --------
    >>> from rwlib import asymmetric_rescorla_wagner_update
    >>> updated, record = asymmetric_rescorla_wagner_update(0.5, (1.0, 1), 0.4, 0.1)
    >>> print(f"{updated:.2f} {record.prediction_error:.2f}")
    0.70 0.50
    """
    outcome, chosen = outcome_chosen
    value = jnp.asarray(value)
    # `where`, not a product: an outcome that was never observed may be NaN and must not leak in.
    prediction_error = jnp.where(jnp.asarray(chosen) != 0, outcome - value, 0.0)
    # A surprise of exactly 0 takes no step whichever rate it is given.
    learning_rate = jnp.where(prediction_error > 0, alpha_pos, alpha_neg)
    return value + learning_rate * prediction_error, Record(value, prediction_error)
