"""Chapter 10: a verdict on a recovery."""

import numpy as np
from scipy.stats import norm

from rwlib.exercises.answers import call, checker, demand, in_words

__all__ = ["check_verdict"]


@checker
def check_verdict(verdict):
    """Check ``verdict(true, draws)``.

    Parameters
    ----------
    verdict : callable
        Returns a list of complaints in words.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_verdict
    >>> check_verdict(lambda true, draws: [])
    Not yet: alpha is 3.8 standard errors too high on average, and there is no complaint about it.
    """

    def complaints_about(what, **kinds):
        """Complaints about a fit with these parameters, each given as (bias, SD of its draws), both in units
        of the errors' SD."""
        true, draws = {}, {}
        for name, (bias, sd) in kinds.items():
            true[name] = np.random.default_rng(len(name)).uniform(0.2, 0.8, 40)
            # Errors and draws at quantiles, so that nothing hangs on chance.
            error = np.random.default_rng(len(name) + 1).permutation(_normal(40)) + bias
            draws[name] = true[name] + 0.1 * (error + sd * _normal(400)[:, None])
        returned = call(verdict, true, draws)
        demand(
            isinstance(returned, list | tuple) and all(isinstance(each, str) for each in returned),
            f"of {what} it returns {in_words(returned)}, and it should be a list of complaints in words",
        )
        return returned

    found = complaints_about("a good fit", alpha=(0, 1), temperature=(0, 1))
    demand(
        not found,
        "nothing is wrong with a fit without bias whose 90% intervals hold 36 of 40 truths, and it says: "
        f"{found[0] if found else ''}",
    )
    found = complaints_about("a fit with bias", alpha=(0.6, 1))
    demand(found, "alpha is 3.8 standard errors too high on average, and there is no complaint about it")
    demand("alpha" in found[0], f"a complaint should name its parameter, and this one does not: {found[0]}")
    found = complaints_about("a fit with bias", temperature=(-0.6, 1))
    demand(found, "temperature is 3.8 standard errors too low on average, and there is no complaint about it")
    found = complaints_about("a fit with narrow intervals", alpha=(0, 0.5))
    demand(found, "the 90% intervals hold 24 of 40 truths, and there is no complaint about it")
    found = complaints_about("a fit with slightly narrow intervals", alpha=(0, 0.8))
    demand(
        not found,
        "the 90% intervals hold 32 of 40 truths, as more than one in a thousand right fits would, and it "
        f"says: {found[0] if found else ''}",
    )
    found = complaints_about("a fit with a little bias", alpha=(0.4, 1))
    demand(
        not found,
        "a bias of 2.5 standard errors is no reason to complain (the standard error of a mean of 40 errors "
        f"is their SD over the root of 40), and it says: {found[0] if found else ''}",
    )
    found = complaints_about("a fit with one bad parameter", alpha=(0, 1), temperature=(0, 0.5))
    demand(
        len(found) == 1 and "temperature" in found[0],
        "only the intervals of temperature are too narrow, beside an alpha without fault, and it says: "
        f"{'; '.join(found) or 'nothing'}",
    )
    return "it complains of bias and of narrow intervals, and of nothing else"


def _normal(n):
    return norm.ppf((np.arange(n) + 0.5) / n)
