"""Chapter 16: the direction of a difference, and whether it is large enough to matter."""

import numpy as np

from rwlib.exercises.answers import call, checker, demand, number, numbers, pair

__all__ = ["check_direction_and_rope"]

ROPE = 0.05


@checker
def check_direction_and_rope(direction_and_rope):
    """Check ``direction_and_rope(low, high, rope)``, with four chains of 500 draws.

    Parameters
    ----------
    direction_and_rope : callable
        Takes draws of a parameter at both ends of a comparison, and returns the probability of direction of
        their difference and the share of draws in the region of practical equivalence.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_direction_and_rope
    >>> check_direction_and_rope(lambda low, high, rope: (0.5, 0.5))
    Not yet: where high is mostly below low, the probability of direction is 0.5, and it should be 0.8595.
    """
    rng = np.random.default_rng(16)
    low = rng.normal(0.5, 0.2, size=(4, 500))  # what is common to both ends is far wider than the difference
    step = rng.normal(0.06, 0.052, size=(4, 500))
    for high, place in ((low - step, "below"), (low + step, "above")):
        _compare(call(direction_and_rope, low, high, ROPE), low, high, place)
    return "direction and region, draw by draw"


def _compare(returned, low, high, place):
    parts = "the probability of direction, the share in the region"
    direction, inside = pair(returned, "what is returned", parts)
    difference, n_draws = high - low, high.size
    above, within = float(np.mean(difference > 0)), float(np.mean(np.abs(difference) < ROPE))
    right = max(above, 1 - above)
    sorted_apart = np.mean(np.sort(high, axis=None) > low.ravel())
    other_order = np.mean(np.sort(high, axis=None) > np.sort(low, axis=None))

    got = float(numbers(direction, "the probability of direction", ()))
    p_value = "this is a two-sided p value, and a probability of direction runs from one half to 1"
    belongs = "each draw of high belongs to one draw of low"
    _demand(
        got,
        right,
        f"where high is mostly {place} low, the probability of direction is",
        (
            (1 - right, "take the larger of the shares above and below 0"),
            (2 * (1 - right), p_value),
            (1.0, "compare draw by draw, and summarise last"),
            (right * n_draws, "take a share of the draws, and not their number"),
            *((max(x, 1 - x), belongs) for x in (sorted_apart, other_order)),
        ),
    )
    got = float(numbers(inside, "the share in the region", ()))
    sides = "the region has two sides, from minus rope to plus rope"
    _demand(
        got,
        within,
        "the share in the region is",
        (
            (np.mean(difference < ROPE), sides),
            (np.mean(difference > -ROPE), sides),
            (np.mean((difference > 0) & (difference < ROPE)), sides),
            (1 - within, "this is the share outside"),
            (
                np.mean(np.abs(difference) < ROPE / 2),
                "the region reaches rope to each side, and not half of it",
            ),
            (float(abs(difference.mean()) < ROPE), "this looks at the mean alone; ask each draw"),
            (within * n_draws, "take a share of the draws, and not their number"),
        ),
    )


def _demand(got, right, what, mistakes):
    said = f"{what} {number(got)}, and it should be {number(right)}"
    for wrong, sentence in mistakes:
        demand(not np.isclose(got, wrong, atol=1e-6), f"{said}: {sentence}")
    demand(np.isclose(got, right, atol=1e-6), said)
