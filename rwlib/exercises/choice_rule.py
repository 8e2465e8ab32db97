"""Chapter 2: the best action, except for some random ones."""

import jax.numpy as jnp

from rwlib.exercises.answers import agree, call, checker, close, demand, in_words, number, numbers

__all__ = ["check_epsilon_greedy"]


@checker
def check_epsilon_greedy(epsilon_greedy):
    """Check ``epsilon_greedy(value, epsilon)``.

    Parameters
    ----------
    epsilon_greedy : callable
        Returns choice probabilities, over the last axis, in the shape of ``value``.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_epsilon_greedy
    >>> check_epsilon_greedy(lambda value, epsilon: value)
    Not yet: with epsilon=0 the probabilities [0.2, 0.8, 0.5] add up to 1.5, and it should be 1.
    """
    value = jnp.array([0.2, 0.8, 0.5])

    def answer(value, epsilon):
        return numbers(call(epsilon_greedy, value, epsilon), "what it returns", value.shape)

    got = answer(value, 0.0)
    demand(
        close(got.sum(), 1),
        f"with epsilon=0 the probabilities {in_words(got)} add up to {number(got.sum())}, and it should be 1",
    )
    agree(got, [0, 1, 0], "action", "with epsilon=0 the best of [0.2, 0.8, 0.5] should be certain")

    got = answer(value, 0.2)
    demand(
        not close(got, [0.1, 0.8, 0.1]),
        "the best of three has 0.8 with epsilon=0.2, and it should have 0.8667: any of the actions at "
        "random, and so the best one, too",
    )
    demand(
        not close(got, [0.2 / 3, 0.8, 0.2 / 3]),
        "with epsilon=0.2 the probabilities of [0.2, 0.8, 0.5] add up to 0.9333: any of the actions at "
        "random, and so the best one, too",
    )
    words = f"with epsilon=0.2 the probabilities of [0.2, 0.8, 0.5] add up to {number(got.sum())}"
    demand(close(got.sum(), 1), f"{words}, and it should be 1")
    wanted = [0.2 / 3, 0.8 + 0.2 / 3, 0.2 / 3]
    demand(close(got[1], wanted[1]), f"{words}, but the best has {number(got[1])} and should have 0.8667")
    agree(got, wanted, "action", f"{words}, but a slip should lead to each action alike")
    demand(close(answer(value, 1.0), 1 / 3), "with epsilon=1 the three probabilities should be 1/3 each")

    tied = jnp.array([0.5, 0.5, 0.1])
    got = answer(tied, 0.0)
    demand(
        close(got, [0.5, 0.5, 0]),
        f"two actions share the best value in [0.5, 0.5, 0.1], and with epsilon=0 they have {number(got[0])} "
        f"and {number(got[1])}; they should have 0.5 each",
    )
    rows = jnp.array([[0.2, 0.8, 0.5], [0.5, 0.5, 0.1]])
    got = answer(rows, 0.2)
    agree(got[0], wanted, "action", "with two people in rows the first row is not what it was alone")
    second = [0.4 + 0.2 / 3, 0.4 + 0.2 / 3, 0.2 / 3]
    agree(
        got[1], second, "action", "each row has a best action of its own, and the second row's is not found"
    )
    return "the best action is taken, ties are shared, and a slip may lead to any action"
