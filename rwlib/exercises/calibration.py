"""Chapter 12: calibration without a sampler."""

import numpy as np
import pandas as pd

from rwlib.exercises.answers import call, checker, demand, in_words, numbers

__all__ = ["check_calibrate_alone", "check_pick_by_weight"]


@checker
def check_pick_by_weight(pick_by_weight):
    """Check ``pick_by_weight(log_likelihood, uniforms)``.

    Parameters
    ----------
    pick_by_weight : callable
        From log-likelihoods (n_candidates, n_people) and numbers between 0 and 1 (n_draws, n_people), the
        places of the candidates that are picked, (n_draws, n_people).

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_pick_by_weight
    >>> check_pick_by_weight(lambda log_likelihood, uniforms: (uniforms * len(log_likelihood)).astype(int))
    Not yet: of candidates with the weights 0.1, 0.2, 0.7 it picks 33%, 33%, 33%: all alike, whatever their \
likelihood.
    """
    weights = np.array([[0.1, 0.6], [0.2, 0.3], [0.7, 0.1]])
    n = 1000
    uniforms = np.stack(
        [np.random.default_rng(i).permutation((np.arange(n) + 0.5) / n) for i in (0, 1)], axis=1
    )

    def shares(shift):
        picked = call(pick_by_weight, np.log(weights) + shift, uniforms)
        picked = numbers(picked, "what it returns", (n, 2))
        demand(
            np.isin(picked, (0, 1, 2)).all(),
            f"it returns numbers such as {in_words(picked[0])}, and they should be places of candidates: 0, "
            "1 or 2",
        )
        return np.stack([(picked == i).mean(axis=0) for i in range(3)])

    got = shares(0.0)
    words = ", ".join(f"{share:.0%}" for share in got[:, 0])
    at = f"of candidates with the weights 0.1, 0.2, 0.7 it picks {words}"
    demand(not np.allclose(got, 1 / 3, atol=0.02), f"{at}: all alike, whatever their likelihood")
    flat = np.log(weights) / np.log(weights).sum(axis=0)
    demand(
        not np.allclose(got, flat, atol=0.02),
        f"{at}: these are shares of the log-likelihood; take exp first",
    )
    demand(np.allclose(got[:, 0], weights[:, 0], atol=0.02), at)
    demand(
        np.allclose(got[:, 1], weights[:, 1], atol=0.02),
        "the second person's candidates are not picked by their own weights, 0.6, 0.3, 0.1: cumulate each "
        "column",
    )
    for shift, size in ((-2000.0, "-2000"), (2000.0, "2000")):
        demand(
            np.allclose(shares(shift), weights, atol=0.02),
            f"log-likelihoods near {size} are not picked by weight: exp leaves the range of floats, so take "
            "the largest off before",
        )
    return "candidates are picked as often as their weights say"


@checker
def check_calibrate_alone(calibrate_alone):
    """Check ``calibrate_alone(agent_params, n_trials, seed)``, with sixty trials.

    Parameters
    ----------
    calibrate_alone : callable
        Returns a table of ranks with the columns parameter, rank and n_ranks.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_calibrate_alone
    >>> check_calibrate_alone(lambda agent_params, n_trials, seed: ...)
    Not yet: your function({}, 60, seed=1) returns None: nothing is returned yet.
    """

    def ranks(agent_params):
        # As many trials as on the page, so that nothing is compiled anew.
        table = call(calibrate_alone, agent_params, 60, seed=1)
        demand(
            isinstance(table, pd.DataFrame) and {"parameter", "rank", "n_ranks"} <= set(table.columns),
            f"it returns {in_words(table)}, and it should be a table with the columns parameter, rank and "
            "n_ranks, as from table_of",
        )
        of_each = {name: part["rank"].to_numpy() for name, part in table.groupby("parameter")}
        demand(
            set(of_each) == {"alpha", "beta"},
            f"the table has ranks of {', '.join(map(str, of_each))}, and it should be alpha and beta",
        )
        for name, of_one in of_each.items():
            demand(
                len(of_one) == 200, f"{name} has {len(of_one)} ranks, and there should be 200, one a person"
            )
            demand(
                ((of_one >= 0) & (of_one <= 99)).all(),
                f"{name} has ranks from {of_one.min()} to {of_one.max()}; among 99 draws they go from 0 to "
                "99",
            )
        return of_each

    for name, of_one in ranks({}).items():
        mean = (of_one.mean() + 0.5) / 100
        demand(
            abs(mean - 0.5) < 0.1,  # five standard errors
            f"without further parameters the mean rank of {name} is {mean:.2f} of 1, and it should be near "
            "0.5: do people and candidates come from the same prior, and is the posterior one of the right "
            "person?",
        )
        demand(
            abs(of_one.std() / 100 - 12**-0.5) < 0.06,
            f"without further parameters the ranks of {name} have an SD of {of_one.std() / 100:.2f}, and "
            "uniform ones have 0.29: are candidates picked by weight?",
        )
    # Random choices look like a small beta, so the true one is above nearly all candidates.
    beta = (ranks({"lapse": 1.0})["beta"].mean() + 0.5) / 100
    demand(
        beta > 0.6,
        f"people who choose at random ({{'lapse': 1.0}}) have a mean rank of beta of {beta:.2f}, as if they "
        "did not: agent_params should go to the simulation, and to nothing else",
    )
    return "ranks are uniform where the model is right, and not where people lapse"
