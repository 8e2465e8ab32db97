"""Chapter 9: R-hat of ranks."""

import numpy as np
from arviz_stats import rhat
from scipy.stats import norm, rankdata

from rwlib.exercises.answers import call, checker, close, demand, number, numbers

__all__ = ["check_rank_rhat"]


@checker
def check_rank_rhat(rank_rhat):
    """Check ``rank_rhat(chains)`` against ArviZ's.

    Parameters
    ----------
    rank_rhat : callable
        From chains (n_chains, n_draws), the larger of the split R-hats of two sets of normal scores.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_rank_rhat
    >>> check_rank_rhat(lambda chains: chains)
    Not yet: what it returns has the shape (4, 400), and it should be ().
    """
    rng = np.random.default_rng(9)
    apart = rng.standard_t(1, size=(4, 400)) + np.array([[0.0], [0.0], [0.0], [3.0]])
    unequal = rng.normal(size=(4, 400)) * np.array([[1.0], [1.0], [1.0], [3.0]])
    skewed = rng.exponential(size=(4, 400)) * np.array([[1.0], [1.0], [1.0], [1.3]])
    cases = (
        ("for chains with wild draws, of which one is off", apart),
        ("for chains of which one is three times as wide", unequal),
        ("for skewed chains of which one is wider", skewed),
    )
    for what, chains in cases:
        got = float(numbers(call(rank_rhat, chains), "what it returns", ()))
        wanted = float(rhat(chains))
        should = f"it is {number(got)} {what}, and should be {number(wanted)}"
        # Some mistakes hardly differ, so a float of 64 bits is held against each.
        for wrong, sentence in _mistakes(chains):
            demand(not close(got, wrong, 1e-8) or close(got, wanted), f"{sentence}: {should}")
        demand(close(got, wanted), f"this is not ArviZ's R-hat: {should}")
    return "ArviZ's R-hat agrees"


def _mistakes(chains):
    """What some wrong functions return, and what is wrong with them."""
    distances = np.abs(chains - np.median(chains))
    from_mean = np.abs(chains - chains.mean())
    bulk, folded = _split(_scores(chains)), _split(_scores(distances))
    in_each = np.stack([_scores(chain) for chain in chains])
    without = norm.ppf(rankdata(chains).reshape(chains.shape) / (chains.size + 1))
    return (
        (_split(chains), "this is the R-hat of the draws themselves"),
        (
            _split(in_each),
            "the draws are ranked within each chain, which makes all chains alike; rank all at once",
        ),
        (
            _split(rankdata(chains).reshape(chains.shape)),
            "this is the R-hat of ranks; make normal scores of them",
        ),
        (_split(without), "the normal scores are not those of (rank - 3/8) / (n + 1/4)"),
        (bulk, "the distances from the median do not come in; take the larger of the two"),
        (folded, "the draws themselves do not come in, only their distances; take the larger of the two"),
        (max(bulk, _split(distances)), "the distances are not replaced by their normal scores"),
        (
            max(bulk, _split(_scores(from_mean))),
            "the distances are those from the mean, and should be from the median",
        ),
    )


def _scores(draws):
    return norm.ppf((rankdata(draws).reshape(draws.shape) - 3 / 8) / (draws.size + 1 / 4))


def _split(chains):
    halves = np.concatenate(np.split(chains, 2, axis=1))
    n, within = halves.shape[1], halves.var(axis=1, ddof=1).mean()
    return np.sqrt((n - 1) / n + halves.mean(axis=1).var(ddof=1) / within)
