"""Chapter 17: what a fit says of each trial, joined to a table by labels."""

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.exercises.answers import call, checker, demand, in_words, number

__all__ = ["check_with_surprise"]

N_TRIALS = 12
ADDED = ("surprise", "surprise_sd")


@checker
def check_with_surprise(with_surprise):
    """Check ``with_surprise(table, followed)``, with four people whose rows stand in no order.

    Parameters
    ----------
    with_surprise : callable
        Returns the table with all of its rows, in their order, and two more columns, ``surprise`` and
        ``surprise_sd``, from what :func:`rwlib.results.trialwise.trialwise` returned. They are empty where a
        trial was missed.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_with_surprise
    >>> check_with_surprise(lambda table, followed: table)
    Not yet: the table that is returned has no column surprise.
    """
    table, followed, expected = _table_and_trials()
    given = table.copy()
    returned = call(with_surprise, given, followed, words="with_surprise(table, followed)")
    demand(
        isinstance(returned, pd.DataFrame),
        f"with_surprise returns {in_words(returned)}, and it should be a table",
    )
    demand(given.equals(table), "with_surprise changes the table that it is given: add columns to a copy")
    for column in (*table.columns, *ADDED):
        demand(column in returned.columns, f"the table that is returned has no column {column}")
    n_rows, n_missed = len(table), int(table["choice"].isna().sum())
    demand(
        len(returned) != n_rows - n_missed,
        f"the {n_missed} missed trials are dropped: keep all {n_rows} rows of the table, and leave the "
        "surprise of these empty",
    )
    demand(
        len(returned) == n_rows,
        f"the table that is returned has {len(returned)} rows, and it should be the {n_rows} of the table: "
        "a row belongs to one person and one trial",
    )
    labels = list(zip(returned["subject"], returned["trial"]))
    for row, (now, before) in enumerate(zip(labels, zip(table["subject"], table["trial"]))):
        demand(
            now == before,
            f"rows are in another order: row {row} is trial {now[1]} of {now[0]}, and it was trial "
            f"{before[1]} of {before[0]}",
        )
    rest = list(table.columns)
    same = returned[rest].reset_index(drop=True).equals(table.reset_index(drop=True))
    demand(same, "columns that were there have changed: add two, and leave the others as they are")
    for column, values in expected.items():
        got = pd.to_numeric(returned[column], errors="coerce").to_numpy(float)
        for (subject, trial), value, right in zip(labels, got, values):
            where = f"trial {trial} of {subject}"
            demand(
                np.isnan(value) or not np.isnan(right),
                f"{where} was missed and has the {column} {number(value)}, which is another trial's: join by "
                "subject and trial",
            )
            demand(
                np.isclose(value, right, equal_nan=True),
                f"{where} has the {column} {'NaN' if np.isnan(value) else number(value)}, and it should be "
                f"{number(right)}: join by subject and trial, as the table numbers it",
            )
    return "each surprise stands in its own trial's row, and no row is lost"


def _table_and_trials():
    """A laboratory's table in no order, what ``trialwise`` would return, and what belongs into each row."""
    rng = np.random.default_rng(17)
    people, first = ["kim", "ada", "zoe", "bo"], np.array([[1], [1], [3], [1]])  # zoe's file begins late
    numbers = first + np.arange(N_TRIALS)
    missed = np.zeros(numbers.shape, bool)
    missed[[0, 2, 2], [4, 0, 7]] = True
    found = {
        name: np.where(missed, np.nan, rng.uniform(low, 4 * low, missed.shape).round(3))
        for name, low in (("surprise", 0.5), ("surprise_sd", 0.02))
    }
    found["probability"] = 2.0 ** -found["surprise"]
    followed = xr.Dataset(
        {name: (("subject", "trial"), values) for name, values in found.items()},
        {
            "subject": people,
            "trial": np.arange(N_TRIALS),
            "trial_label": (("subject", "trial"), numbers.astype(float)),
        },
    )
    table = pd.DataFrame(
        {
            "subject": np.repeat(people, N_TRIALS),
            "trial": numbers.ravel(),
            "choice": np.where(missed, np.nan, rng.integers(0, 2, missed.shape)).ravel(),
            "rt": rng.uniform(0.3, 0.9, missed.size).round(3),
        }
    )
    order = rng.permutation(len(table))
    return table.iloc[order], followed, {name: found[name].ravel()[order] for name in ADDED}
