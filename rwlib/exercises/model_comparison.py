"""Chapter 13: a difference between two models, and how uncertain it is."""

import numpy as np
import xarray as xr

from rwlib.checking.leave_one_out import as_elpd
from rwlib.exercises.answers import call, checker, demand, in_words, number, numbers

__all__ = ["check_versus"]

KEYS = ("difference", "error over choices", "error over people")


@checker
def check_versus(versus):
    """Check ``versus(a, b)``, with six people of ten trials.

    Parameters
    ----------
    versus : callable
        Returns a dictionary with the keys difference, error over choices and error over people.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_versus
    >>> check_versus(lambda a, b: {"difference": b.elpd - a.elpd})
    Not yet: the difference is -7.506 where a is better by 7.506: take b off a.
    """
    rng = np.random.default_rng(13)
    # Hard trials are hard for both; some people gain, as a whole.
    hard, gain = rng.normal(-0.7, 0.5, size=(6, 10)), rng.normal(0.1, 0.3, size=(6, 1))
    noise = rng.normal(0, 0.1, size=(6, 10))
    a, b = _elpd(hard + gain + noise), _elpd(hard)
    gains = (a.elpd_i - b.elpd_i).values
    of_people = gains.reshape(6, 10).sum(axis=1)

    returned = call(versus, a, b)
    demand(
        isinstance(returned, dict),
        f"it returns {in_words(returned)}, and it should be a dictionary with the keys {', '.join(KEYS)}",
    )

    def answer(key):
        keys = ", ".join(map(str, returned)) or "none"
        demand(key in returned, f"the dictionary has the keys {keys}, and they should be {', '.join(KEYS)}")
        return float(numbers(returned[key], key, ()))

    difference, total = answer("difference"), gains.sum()
    demand(
        not np.isclose(difference, -total, rtol=1e-3),
        f"the difference is {number(difference)} where a is better by {number(total)}: take b off a",
    )
    demand(
        np.isclose(difference, total, rtol=1e-3),
        f"the difference is {number(difference)}, and the sum over choices of a - b is {number(total)}",
    )

    def compare(key, terms, mistakes):
        got, n = answer(key), len(terms)
        wanted = [np.sqrt(n) * terms.std(ddof=ddof) for ddof in (0, 1)]
        for wrong, sentence in mistakes:
            demand(
                not np.isclose(got, wrong, rtol=1e-3).any(),
                f"the {key} is {number(got)}, and it should be {number(wanted[1])}: {sentence}",
            )
        demand(
            np.isclose(got, wanted, rtol=1e-3).any(),
            f"the {key} is {number(got)}, and it should be {number(wanted[1])}, √{n} times the SD of {n} "
            "terms",
        )

    spread = np.array([gains.std(ddof=ddof) for ddof in (0, 1)])
    compare(
        "error over choices",
        gains,
        (
            (spread, "this is the SD of one choice; a sum of 60 is √60 times as uncertain"),
            (spread / np.sqrt(60), "this is the error of a mean; the difference is a sum, √60 times the SD"),
            (np.hypot(a.se, b.se), "the two scores of a choice go together; take their difference first"),
        ),
    )
    spread = np.array([of_people.std(ddof=ddof) for ddof in (0, 1)])
    compare(
        "error over people",
        of_people,
        (
            (spread, "this is the SD of one person's sum; a sum of 6 people is √6 times as uncertain"),
            (spread / np.sqrt(6), "this is the error of a mean; the difference is a sum, √6 times the SD"),
            (np.sqrt(6) * spread / 10, "add up each person's choices, and do not average them"),
            (np.sqrt(60) * spread, "there are 6 terms, one a person, and not 60"),
        ),
    )
    return "the difference and both of its errors"


def _elpd(scores):
    """Scores of (n_subjects, n_trials) as `rwlib.loo_by_trial` returns them."""
    subject, trial = (places.ravel() for places in np.indices(scores.shape))
    coords = {"subject": ("point", subject), "trial": ("point", trial)}
    elpd_i = xr.DataArray(scores.ravel(), dims="point", coords=coords)
    return as_elpd("loo", elpd_i, p=0.0, n_samples=1000, pareto_k=xr.full_like(elpd_i, 0.1))
