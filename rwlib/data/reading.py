"""From a table with a row for each trial to ChoiceData, with suspicion, and back."""

from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData

__all__ = ["read_choices", "write_choices"]


def read_choices(
    path_or_dataframe: str | Path | pd.DataFrame,
    *,
    subject: str = "subject",
    trial: str = "trial",
    choice: str = "choice",
    reward: str = "reward",
    n_actions: int | None = None,
) -> ChoiceData:
    """Read a table with one row per trial.

    Rows may come in any order: each subject's are sorted by ``trial``. An empty choice is a missed
    trial and is masked. Subjects with fewer trials are masked at the end. Subjects keep the order in
    which they first appear.

    Parameters
    ----------
    path_or_dataframe : path of a CSV file, or pandas DataFrame
    subject, trial, choice, reward : str
        Names of the columns.
    n_actions : int, optional
        Number of actions on offer. Give it when some action may never have been chosen.

    Returns
    -------
    data : ChoiceData

    Raises
    ------
    ValueError
        If a column is missing, a trial occurs twice, a choice or reward is not a number, choices seem
        to start at 1, or a reward is missing where a choice was made. The message names the row.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import read_choices
    >>> table = pd.DataFrame({"subject": ["a", "a"], "trial": [2, 1], "choice": [1, 0], "reward": [1.0, 0.0]})
    >>> print(read_choices(table).choices)
    [[0 1]]
    """
    table = path_or_dataframe if isinstance(path_or_dataframe, pd.DataFrame) else pd.read_csv(path_or_dataframe)
    for column in (subject, trial, choice, reward):
        if column not in table.columns:
            raise ValueError(f"The table has no column {column!r}; it has {', '.join(map(repr, table.columns))}.")
    if table.empty:
        raise ValueError("The table has no rows.")
    table = table.reset_index(drop=True)

    def numbers(column):
        values = pd.to_numeric(table[column], errors="coerce")
        bad = values.isna() & table[column].notna()
        if bad.any():
            row = bad.idxmax()
            raise ValueError(f"Row {row} has {table[column][row]!r} in column {column!r}, which is not a number.")
        return values

    for column in (subject, trial):
        if table[column].isna().any():
            raise ValueError(f"Row {table[column].isna().idxmax()} has no {column!r}.")
    trials, choices, rewards = numbers(trial), numbers(choice), numbers(reward)
    repeated = pd.DataFrame({"s": table[subject], "t": trials}).duplicated()
    if repeated.any():
        row = repeated.idxmax()
        raise ValueError(f"Row {row} repeats trial {table[trial][row]} of subject {str(table[subject][row])!r}.")
    unpaid = choices.notna() & rewards.isna()
    if unpaid.any():
        row = unpaid.idxmax()
        raise ValueError(f"Row {row} has a choice but no {reward!r}; leave the choice empty too if the trial was missed.")
    if n_actions is None and choices.min() == 1:
        raise ValueError("The smallest choice is 1, so choices seem to start at 1: subtract 1. If action 0 exists, pass n_actions.")

    labels = list(dict.fromkeys(table[subject]))
    by_subject = [np.flatnonzero((table[subject] == label).to_numpy()) for label in labels]
    shape = (len(labels), max(map(len, by_subject)))
    filled = {"choices": np.zeros(shape), "rewards": np.zeros(shape), "mask": np.zeros(shape, bool)}
    for row, index in enumerate(by_subject):
        index = index[np.argsort(trials.to_numpy()[index], kind="stable")]
        made = choices.notna().to_numpy()[index]
        filled["mask"][row, : len(index)] = made
        filled["choices"][row, : len(index)] = np.where(made, choices.to_numpy()[index], 0)
        filled["rewards"][row, : len(index)] = np.where(made, rewards.to_numpy()[index], 0)
    return ChoiceData(**filled, n_actions=n_actions, subjects=labels)


def write_choices(data: ChoiceData, path: str | Path | None = None) -> pd.DataFrame:
    """Turn choices back into a table, and write it as CSV when a path is given.

    Masked trials keep their row, with choice and reward left empty, so that reading the table gives
    the same data again (``read_choices(table, n_actions=data.n_actions)``).

    Parameters
    ----------
    data : ChoiceData
    path : path, optional
        Where to write the CSV file.

    Returns
    -------
    table : pandas.DataFrame
        Columns ``subject``, ``trial`` (from 0), ``choice`` and ``reward``.

    Examples
    --------
    >>> from rwlib import ChoiceData, write_choices
    >>> print(write_choices(ChoiceData([[0, 1]], [[0.0, 1.0]], subjects=["ada"])).to_csv(index=False))
    subject,trial,choice,reward
    ada,0,0,0.0
    ada,1,1,1.0
    <BLANKLINE>
    """
    mask = np.asarray(data.mask).ravel()
    table = pd.DataFrame(
        {
            "subject": np.repeat(np.array(data.subjects, dtype=object), data.n_trials),
            "trial": np.tile(np.arange(data.n_trials), data.n_subjects),
            "choice": pd.array(np.where(mask, np.asarray(data.choices).ravel(), 0), dtype="Int64"),
            "reward": np.where(mask, np.asarray(data.rewards).ravel(), np.nan),
        }
    )
    table.loc[~mask, "choice"] = pd.NA
    if path is not None:
        table.to_csv(path, index=False)
    return table
