"""Chapter 5: a world that changes."""

import jax
import numpy as np

from rwlib.exercises.answers import call, checker, demand, in_words, number, numbers

__all__ = ["check_reversal_outcomes"]

N_TRIALS = 2000  # enough to see in an arm's mean what it pays


@checker
def check_reversal_outcomes(reversal_outcomes):
    """Check ``reversal_outcomes(key, reward_probs, n_trials)``.

    Parameters
    ----------
    reversal_outcomes : callable
        Returns a table (n_trials, n_arms) of 0 and 1, in which the best and the worst arm trade their reward
        probabilities after half of the trials.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.exercises import check_reversal_outcomes
    >>> check_reversal_outcomes(rwlib.bernoulli_outcomes)
    Not yet: after the change the best arm of [0.2, 0.4, 0.8, 0.1, 0.5], 2, still pays on 0.80 of trials.
    """

    def answer(key, probs, n_trials=N_TRIALS):
        table = call(reversal_outcomes, key, probs, n_trials)
        table = numbers(table, "the table", (n_trials, len(probs)))
        demand(np.isin(table, (0, 1)).all(), "the table should hold 0 and 1 only")
        return table

    key = jax.random.key(51)
    for probs in (np.array([0.2, 0.4, 0.8, 0.1, 0.5]), np.array([0.7, 0.5, 0.3, 0.05])):
        best, worst = probs.argmax(), probs.argmin()
        swapped = probs.copy()
        swapped[[best, worst]] = probs[[worst, best]]
        table = answer(key, probs)
        first, second = np.split(table, 2)
        margin = 4.5 * np.sqrt(0.25 / len(first))
        of = f" of {in_words(probs)}"
        arm = np.argmax(np.abs(first.mean(axis=0) - probs))
        demand(
            abs(first[:, arm].mean() - probs[arm]) < margin,
            f"before the change arm {arm}{of} pays on {first[:, arm].mean():.2f} of trials, and it should be "
            f"{number(probs[arm])}",
        )
        demand(
            abs(second[:, best].mean() - probs[best]) > margin,
            f"after the change the best arm{of}, {best}, still pays on {second[:, best].mean():.2f} "
            "of trials",
        )
        arm = np.argmax(np.abs(second.mean(axis=0) - swapped))
        demand(
            abs(second[:, arm].mean() - swapped[arm]) < margin,
            f"after the change arm {arm}{of} pays on {second[:, arm].mean():.2f} of trials, and it should be "
            f"{number(swapped[arm])}",
        )
        kept = (probs == swapped).argmax()
        demand(
            (first[:, kept] != second[:, kept]).any(),
            f"both halves have the same luck: arm {kept} pays on the same trials in both; split the key",
        )
    again, other = answer(key, probs), answer(jax.random.key(52), probs)
    demand((again == table).all(), "the same key makes another table: draw from the key only")
    demand((other != table).any(), "another key makes the same table: the key is not used")
    return "the best and the worst arm trade places, and each half has luck of its own"
