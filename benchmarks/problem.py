"""The data that all contestants are given: the course's forty people, and 300 people in a reversal task."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

import rwlib
from benchmarks.plain import numpy_value_and_gradient

REVERSAL_PEOPLE, REVERSAL_TRIALS, REVERSAL_ARMS = 300, 90, 3
TRIALS_PER_BLOCK = 15  # then another arm is the best one
BEST, OTHERS = 0.8, 0.2  # probabilities of a reward
#: Mean and SD of the simulated group before the transform. Many learning rates lie near 0 or 1. In 90 trials,
#: some people's choices then fit two places: a large alpha_neg with one beta, a small one with another.
REVERSAL_GROUP = {"alpha_pos": (0.0, 1.5), "alpha_neg": (0.0, 2.5), "beta": (1.0, 0.5)}
#: People of the reversal task with two modes, found by asking `valley` about all 300.
TWO_MODES = (43, 116, 121, 196, 253, 282)
N_GRID = 31  # points of a grid along each parameter
DEEP = 0.5  # the density in a valley, at most, in units of the lower one of the two peaks beside it
SHARE = 0.05  # of the probability, at least, on either side of a valley


class Problem(NamedTuple):
    """Data to fit, and people of whom it is known that their posterior has two modes."""

    label: str
    data: Callable[[], rwlib.ChoiceData]
    two_modes: tuple[int, ...]


def course_data(n_subjects=40, n_trials=200):
    """The subjects of chapters 5 to 10, from the same seeds; other sizes for the study of growth."""
    rng = np.random.default_rng(52)
    truth = {name: rng.beta(5, 5, size=n_subjects) for name in ("alpha_pos", "alpha_neg", "temperature")}
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(5), rwlib.FIVE_ARMS, n_trials)
    return rwlib.simulate(jax.random.key(59), outcomes, truth).data


def reversal_data():
    """As large as real data: 300 people, 90 trials, three arms, another of which is best every 15 trials."""
    rng = np.random.default_rng(3)
    unbounded = {name: rng.normal(*group, REVERSAL_PEOPLE) for name, group in REVERSAL_GROUP.items()}
    best = np.arange(REVERSAL_TRIALS) // TRIALS_PER_BLOCK % REVERSAL_ARMS
    probs = np.where(np.arange(REVERSAL_ARMS) == best[:, None], BEST, OTHERS)
    outcomes = (rng.random(probs.shape) < probs).astype(float)
    return rwlib.simulate(jax.random.key(3), outcomes, _bounded(unbounded)).data


def valley(data, subject):
    """Where the posterior of a person's alpha_neg is low between two modes, or None if it has one mode.

    The posterior is that given the simulated group, computed on a grid over all three parameters and added up
    over the other two. With 300 people the group is known so well that the full posterior looks the same.

    Parameters
    ----------
    data : ChoiceData
        Of :func:`reversal_data`.
    subject : int

    Returns
    -------
    alpha_neg : float or None
        A learning rate in (0, 1).
    """
    standard = np.linspace(-3, 3, N_GRID)
    along = {name: mean + sd * standard for name, (mean, sd) in REVERSAL_GROUP.items()}
    points = dict(zip(along, (x.ravel() for x in np.meshgrid(*along.values(), indexing="ij"))))
    person = rwlib.ChoiceData(data.choices[[subject]], data.rewards[[subject]], n_actions=data.n_actions)
    log_likelihood, _ = numpy_value_and_gradient(
        person, {name: x[:, None] for name, x in _bounded(points).items()}
    )
    log_prior = -0.5 * sum(((points[name] - mean) / sd) ** 2 for name, (mean, sd) in REVERSAL_GROUP.items())
    log_density = (log_likelihood + log_prior).reshape(N_GRID, N_GRID, N_GRID)
    density = np.exp(log_density - log_density.max()).sum(axis=(0, 2))

    inner = range(1, N_GRID - 1)
    lower_peak = np.array([min(density[:i].max(), density[i + 1 :].max()) for i in inner])
    deepest = 1 + int(np.argmin(density[1:-1] / lower_peak))
    lighter_side = min(density[:deepest].sum(), density[deepest + 1 :].sum())
    if density[deepest] > DEEP * lower_peak[deepest - 1] or lighter_side < SHARE * density.sum():
        return None
    return float(_bounded(along)["alpha_neg"][deepest])


def _bounded(unbounded):
    return {name: np.exp(x) if name == "beta" else 1 / (1 + np.exp(-x)) for name, x in unbounded.items()}


PROBLEMS = {
    "course": Problem("the course's: 40 people × 200 trials × 5 arms", course_data, ()),
    "reversal": Problem("reversal task: 300 people × 90 trials × 3 arms", reversal_data, TWO_MODES),
}
