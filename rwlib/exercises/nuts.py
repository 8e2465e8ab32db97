"""Chapter 8: a random walk, without gradients."""

import numpy as np

from rwlib.exercises.answers import call, checker, demand, numbers

__all__ = ["check_random_walks"]


@checker
def check_random_walks(random_walks):
    """Check ``random_walks(n_dimensions, seed)``.

    Parameters
    ----------
    random_walks : callable
        Returns the first dimension of 1,000 draws of 8 walks on independent standard normals, (8, 1000).

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.exercises import check_random_walks
    >>> check_random_walks(lambda n_dimensions, seed: np.zeros((1000, 8)))
    Not yet: the draws have the shape (1000, 8), trials first; walks should be in rows: (8, 1000).
    """

    def answer(n_dimensions, seed):
        draws = call(random_walks, n_dimensions, seed)
        demand(
            np.shape(draws) != (1000, 8),
            "the draws have the shape (1000, 8), trials first; walks should be in rows: (8, 1000)",
        )
        return numbers(draws, "what it returns", (8, 1000))

    few, many = answer(2, 81), answer(126, 82)
    demand((answer(2, 81) == few).all(), "the same seed gives other draws: make the generator from the seed")
    demand((answer(2, 83) != few).any(), "another seed gives the same draws: the seed is not used")
    demand(
        len(np.unique(np.diff(few, axis=1), axis=0)) == 8,
        "some walks make the same steps: each needs noise and a decision of its own",
    )
    moved = (np.diff(few, axis=1) != 0).mean()
    demand(
        moved < 1,
        "in 2 dimensions every draw differs from the one before: where a proposal is refused, the old place "
        "counts once more",
    )
    sd = few.std()
    demand(
        abs(sd - 1) < 0.2 and abs(few.mean()) < 0.3,
        f"in 2 dimensions the draws have the mean {few.mean():.2f} and the SD {sd:.2f}, and it should be 0 "
        "and 1: look at the log density, -(q**2).sum() / 2, and at the rule that accepts",
    )
    demand(
        0.3 < moved < 0.6,
        f"in 2 dimensions {moved:.0%} of proposals are accepted, and with noise of SD 2.4 / sqrt(2) it "
        "should be nearly half",
    )
    moved = (np.diff(many, axis=1) != 0).mean()
    demand(
        0.15 < moved < 0.35,
        f"in 126 dimensions {moved:.0%} of proposals are accepted, and it should be about a quarter: noise "
        "of SD 2.4 / sqrt(126) in every dimension, and one decision for all of them",
    )
    return "the walks stay where the density is, in 2 dimensions and in 126"
