"""Chapter 6: an interval from a profile."""

import numpy as np

from rwlib.exercises.answers import call, checker, demand, number, numbers, pair

__all__ = ["check_interval_of", "check_profile"]

RATES = np.linspace(0, 1, 101)


@checker
def check_profile(profile):
    """Check ``profile(beta, observed)``, with a session of 40 trials.

    Parameters
    ----------
    profile : callable
        Returns the largest log-likelihood that any two learning rates reach at this ``beta``. ``observed`` is
        the pair (chosen, rewards) of a person.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_profile
    >>> check_profile(lambda beta, observed: 60.0)
    Not yet: profile(2.0, observed) is 60, and a log-likelihood of choices is below 0: this is a cost.
    """
    choices, rewards = _session()
    observed = np.eye(3, dtype=bool)[choices], rewards
    got = {}
    for beta in (2.0, 6.0):
        got[beta] = float(numbers(call(profile, beta, observed), f"profile({beta}, observed)", ()))
        demand(
            got[beta] < 0,
            f"profile({beta}, observed) is {number(got[beta])}, and a log-likelihood of choices is below 0: "
            "this is a cost",
        )
    for beta in (2.0, 6.0):
        surface = _log_likelihood(*np.meshgrid(RATES, RATES, indexing="ij"), beta, choices, rewards)
        up, down = np.unravel_index(surface.argmax(), surface.shape)
        top = surface[up, down]
        at = f"profile({beta}, observed) is {got[beta]:.2f}"
        demand(
            got[beta] < top + 0.05,
            f"{at}, but with beta={beta} no two rates reach more than {top:.2f}: hold beta where it is",
        )
        demand(
            got[beta] > top - 0.02,
            f"{at}, but the rates {RATES[up]:.2f} and {RATES[down]:.2f} reach {top:.2f}: maximise over both "
            "rates, from more than one start",
        )
    return "at each β it is the best that any two rates can do"


@checker
def check_interval_of(interval_of):
    """Check ``interval_of(beta_values, heights)``.

    Parameters
    ----------
    interval_of : callable
        Returns the smallest and the largest of ``beta_values`` whose height is less than 1.92 below the top.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_interval_of
    >>> check_interval_of(lambda beta_values, heights: (beta_values[0], beta_values[-1]))
    Not yet: of a curve with its top at 4 the interval is 0 to 10, and it should be 3.1 to 4.9.
    """
    grid = np.linspace(0, 10, 101)
    curves = {
        "of a curve with its top at 4": (-100 - 2 * (grid - 4) ** 2, 3.1, 4.9),
        "of a curve that falls slowly to the right": (
            -50 - np.where(grid < 3, 2.0, 0.2) * (grid - 3) ** 2,
            2.1,
            6.0,
        ),
        "of a curve that keeps rising": (-30 - 8 / (grid + 0.5), 2.5, 10.0),
    }
    for what, (heights, *wanted) in curves.items():
        returned = pair(call(interval_of, grid, heights), "what it returns", "low, high")
        low, high = (float(numbers(end, "an end of the interval", ())) for end in returned)
        twice = grid[heights > heights.max() - 3.84]
        demand(
            not np.allclose([low, high], [twice.min(), twice.max()]) or np.allclose([low, high], wanted),
            f"{what} the interval is {number(low)} to {number(high)}, where the curve is 3.84 below its top; "
            "a log-likelihood falls by 1.92, and twice a log-likelihood by 3.84",
        )
        demand(
            np.allclose([low, high], wanted, atol=0.11),  # one step of the grid, or a line between two
            f"{what} the interval is {number(low)} to {number(high)}, and it should be {number(wanted[0])} "
            f"to {number(wanted[1])}",
        )
    return "it holds what is less than 1.92 below the top"


def _session(n_trials=40):
    """Choices and rewards of a person with the rates 0.6 and 0.3 and β = 3, on three arms."""
    rng = np.random.default_rng(3)
    value, choices, rewards = np.full(3, 0.5), [], []
    for outcome in (rng.random((n_trials, 3)) < [0.2, 0.5, 0.8]).astype(float):
        weight = np.exp(3 * value)
        choice = rng.choice(3, p=weight / weight.sum())
        error = outcome[choice] - value[choice]
        value[choice] += (0.6 if error > 0 else 0.3) * error
        choices.append(choice)
        rewards.append(outcome[choice])
    return np.array(choices), np.array(rewards)


def _log_likelihood(alpha_pos, alpha_neg, beta, choices, rewards):
    """In NumPy, for grids of rates."""
    value, total = np.full((3, *np.shape(alpha_pos)), 0.5), 0.0
    for choice, reward in zip(choices, rewards):
        logits = beta * value
        total = total + logits[choice] - np.log(np.exp(logits).sum(axis=0))
        error = reward - value[choice]
        value[choice] += np.where(error > 0, alpha_pos, alpha_neg) * error
    return total
