"""How often a fit with its defaults passes `check`, and whether it says what a long run says; for chapter 8.

    python -m studies.default_fits      what is missing is run

Four problems, each one data set that is fitted with many seeds: the course's forty people; twenty people of
100 trials and ten of 60 with two arms; and twenty whose outcomes are −1 and 1, read on the unit scale. No
fit is run again here, whatever `rwlib.check` says of it. Of every fit the table has a row for each parameter
of the group: posterior mean and its Monte Carlo error, with verdict and diagnostics of the fit. The rows of
the problem's long run, of ten times as many draws, have a "seed" of −1.
"""

import jax
import numpy as np
import pandas as pd

import rwlib
from rwlib.fitting.convergence import diagnose
from rwlib.fitting.inference import fit_many
from studies import results

TWO_ARMS = (0.3, 0.7)
PROBLEMS = {  # people, trials, arms
    "the course's": (40, 200, rwlib.FIVE_ARMS),
    "20 × 100, two arms": (20, 100, TWO_ARMS),
    "10 × 60, two arms": (10, 60, TWO_ARMS),
    "20 × 100, −1 and 1": (20, 100, TWO_ARMS),
}
N_SEEDS = {"the course's": 50}  # 20 of the others
TOGETHER = 10  # fits of a piece, side by side
LONG = 10_000  # draws of each chain of the long run


def data_of(problem: str) -> rwlib.ChoiceData:
    """The people of chapter 6, or others like them."""
    n_subjects, n_trials, reward_probs = PROBLEMS[problem]
    alpha_pos, alpha_neg, temperature = np.random.default_rng(52).beta(5, 5, size=(3, n_subjects))
    params = {"alpha_pos": alpha_pos, "alpha_neg": alpha_neg, "beta": 1 / temperature}
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(5), reward_probs, n_trials)
    data = rwlib.simulate(jax.random.key(59), outcomes, params).data
    if not problem.endswith("−1 and 1"):
        return data
    person, trial = np.indices(data.choices.shape).reshape(2, -1)
    paid = 2 * np.asarray(data.rewards).ravel() - 1
    table = {"subject": person, "trial": trial, "choice": np.asarray(data.choices).ravel(), "reward": paid}
    return rwlib.read_choices(pd.DataFrame(table), scale="unit")


def piece(problem: str, seeds: list[int]) -> pd.DataFrame:
    """Fits with these seeds. (A worker of the study has one core: hence one thread.)"""
    data, rows = data_of(problem), []
    num_samples = LONG if seeds == [-1] else 1000
    settings = dict(num_samples=num_samples, warn=False, num_threads=1)
    fits = fit_many([data] * len(seeds), seeds=[abs(seed) for seed in seeds], **settings)
    rows = [row for seed, fit in zip(seeds, fits) for row in of_fit(fit, seed)]
    return pd.DataFrame(rows).assign(problem=problem)


def of_fit(fit, seed):
    report, posterior = rwlib.check(fit), fit["posterior"].to_dataset()
    names = [name for name in posterior if str(name).endswith(("_group_mean", "_group_sd"))]
    draws = np.stack([posterior[name].values for name in names]).astype(float)
    error = draws.std(axis=(1, 2)) / np.sqrt(diagnose(draws).ess_bulk)
    of_all = {"seed": seed, "passes": bool(report), **report.worst}
    for name, mean, mcse in zip(names, draws.mean(axis=(1, 2)), error):
        yield {"name": name, "mean": mean, "mcse": mcse, **of_all}


def pieces() -> list[dict]:
    """The long run of each problem, and then its fits."""
    found = []
    for problem in PROBLEMS:
        found.append(dict(problem=problem, seeds=[-1]))
        for first in range(0, N_SEEDS.get(problem, 20), TOGETHER):
            found.append(dict(problem=problem, seeds=list(range(first, first + TOGETHER))))
    return found


def against_long_run(table: pd.DataFrame) -> pd.DataFrame:
    """The fits, with the distance of each posterior mean from the long run's, in Monte Carlo errors of
    both."""
    long = table[table["seed"] < 0].set_index(["problem", "name"])[["mean", "mcse"]]
    fits = table[table["seed"] >= 0].join(long, on=["problem", "name"], rsuffix="_long")
    return fits.assign(z=(fits["mean"] - fits["mean_long"]) / np.hypot(fits["mcse"], fits["mcse_long"]))


STUDY = results.Study(
    "default_fits", piece, pieces(), settings=dict(problems=PROBLEMS, long=LONG), renewal=(7, 10)
)


if __name__ == "__main__":
    fits = against_long_run(results.take(STUDY))
    passed = fits.drop_duplicates(["problem", "seed"]).groupby("problem", sort=False)["passes"]
    z = fits.groupby("problem", sort=False)["z"].agg(["std", "min", "max"])
    print(passed.agg(["sum", "size"]).join(z).round(2).to_string())
