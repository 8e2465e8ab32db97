"""Outcome tables: what each arm would have paid on each trial, whether or not it was chosen."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num, PRNGKeyArray
from jax.typing import ArrayLike

__all__ = ["FIVE_ARMS", "bernoulli_outcomes"]

#: Reward probabilities of the five-armed task that the course uses throughout.
FIVE_ARMS = (0.2, 0.4, 0.8, 0.1, 0.5)


def bernoulli_outcomes(
    key: PRNGKeyArray, reward_probs: Num[ArrayLike, " n_actions"] | Sequence[float], n_trials: int
) -> Float[Array, "n_trials n_actions"]:
    """Draw a table of wins (1) and losses (0) for arms with fixed reward probabilities.

    Parameters
    ----------
    key : jax.random.key
        Gives the same table each time. Use another key for the agents that play it.
    reward_probs : array, shape (n_actions,)
        Probability, in [0, 1], that each arm pays 1.
    n_trials : int
        Number of trials, at least 1.

    Returns
    -------
    outcomes : array of 0.0 and 1.0, shape (n_trials, n_actions)

    Raises
    ------
    ValueError
        If a probability lies outside [0, 1] or ``n_trials`` is below 1.

    Examples
    --------
    >>> import jax
    >>> from rwlib import bernoulli_outcomes
    >>> bernoulli_outcomes(jax.random.key(0), [0.2, 0.4, 0.8, 0.1, 0.5], n_trials=200).shape
    (200, 5)
    """
    reward_probs = np.asarray(reward_probs, float)
    if reward_probs.ndim != 1 or reward_probs.size == 0:
        raise ValueError(
            f"reward_probs must be a list with one probability per arm; got an array of shape "
            f"{reward_probs.shape}."
        )
    outside = ~((reward_probs >= 0) & (reward_probs <= 1))
    if outside.any():
        arm = int(np.flatnonzero(outside)[0])
        raise ValueError(f"reward_probs[{arm}] is {reward_probs[arm]}; a probability lies between 0 and 1.")
    if n_trials < 1:
        raise ValueError(f"n_trials is {n_trials}; a task needs at least one trial.")
    wins = jax.random.bernoulli(key, jnp.asarray(reward_probs), (int(n_trials), reward_probs.size))
    return wins.astype(float)
