"""Observed choices and rewards: one immutable container, and reading and writing tables."""

import dataclasses
from collections.abc import Hashable, Sequence
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Num

__all__ = ["ChoiceData", "read_choices", "write_choices"]

Table = Num[Array, "n_subjects n_trials"] | Num[np.ndarray, "n_subjects n_trials"] | Sequence
Mask = Bool[Array, "n_subjects n_trials"] | Bool[np.ndarray, "n_subjects n_trials"] | Sequence


@dataclasses.dataclass(frozen=True)
class ChoiceData:
    """What each subject chose and received, trial by trial.

    Immutable, and a JAX pytree: ``choices``, ``rewards`` and ``mask`` are its leaves, so it can be
    passed through ``jit`` and ``vmap``. Values that are not being traced are checked when it is made.

    Parameters
    ----------
    choices : array of int, shape (n_subjects, n_trials)
        Chosen action, from 0 to n_actions − 1.
    rewards : array of float, shape (n_subjects, n_trials)
        Outcome of the chosen action, in reward units.
    mask : array of bool, shape (n_subjects, n_trials), optional
        False where no choice was made (a missed response, or the end of a shorter session). Such a
        trial teaches nothing and counts nothing; its choice and reward are ignored. Default: all True.
    n_actions : int, optional
        Number of actions on offer. Default: the largest choice plus one.
    subjects : sequence of labels, optional
        One distinct label per subject. Default: 0, 1, 2, …

    Raises
    ------
    ValueError
        If shapes differ, a choice is out of range, a reward is not finite, or labels repeat.

    Examples
    --------
    >>> from rwlib import ChoiceData
    >>> data = ChoiceData(choices=[[0, 1, 1]], rewards=[[0.0, 1.0, 1.0]], subjects=["ada"])
    >>> data.n_subjects, data.n_trials, data.n_actions
    (1, 3, 2)
    """

    choices: Table
    rewards: Table
    mask: Mask | None = None
    n_actions: int | None = None
    subjects: Sequence[Hashable] | None = None

    def __post_init__(self):
        choices, rewards, mask = self.choices, self.rewards, self.mask
        if any(isinstance(leaf, jax.core.Tracer) for leaf in (choices, rewards, mask)):
            if mask is None or self.n_actions is None:
                raise ValueError("Inside jit or vmap, ChoiceData needs its mask and n_actions spelled out.")
            subjects = range(choices.shape[0]) if self.subjects is None else self.subjects
            object.__setattr__(self, "subjects", tuple(subjects))
            return
        choices, rewards = np.asarray(choices), np.asarray(rewards, np.result_type(float, np.float32))
        mask = np.ones(choices.shape, bool) if mask is None else np.asarray(mask, bool)
        if choices.ndim != 2 or 0 in choices.shape:
            raise ValueError(f"choices has shape {choices.shape}; it must be (n_subjects, n_trials), with at least one of each.")
        for name, array in (("rewards", rewards), ("mask", mask)):
            if array.shape != choices.shape:
                raise ValueError(f"{name} has shape {array.shape}, but choices has {choices.shape}; they must agree.")
        subjects = tuple(range(len(choices)) if self.subjects is None else self.subjects)
        if len(subjects) != len(choices):
            raise ValueError(f"There are {len(subjects)} subject labels for {len(choices)} rows of choices.")
        if len(set(subjects)) < len(subjects):
            twice = next(label for label in subjects if subjects.count(label) > 1)
            raise ValueError(f"The subject label {twice!r} occurs more than once; each row needs its own.")
        if not mask.any():
            raise ValueError("mask is False everywhere: there is no choice to learn from.")

        def check(bad, array, complaint):
            if (bad & mask).any():
                row, trial = np.argwhere(bad & mask)[0]
                raise ValueError(f"{complaint.format(array[row, trial])} (subject {subjects[row]!r}, trial index {trial})")

        as_float = choices.astype(float)
        check(as_float != np.floor(as_float), choices, "A choice is {}; choices must be whole numbers 0, 1, 2, ….")
        check(as_float < 0, choices, "A choice is {}; choices must be whole numbers 0, 1, 2, ….")
        check(~np.isfinite(rewards), rewards, "A reward is {}; set mask to False on trials without an outcome.")
        n_actions = int(as_float[mask].max()) + 1 if self.n_actions is None else int(self.n_actions)
        if n_actions < 1:
            raise ValueError(f"n_actions is {n_actions}; there must be at least one action.")
        check(
            as_float >= n_actions,
            choices,
            f"A choice is {{}}, but with n_actions={n_actions} choices run from 0 to {n_actions - 1}. Do yours start at 1? Subtract 1.",
        )
        # What a masked trial holds must not matter, so it is set to something harmless.
        tidy = {
            "choices": np.where(mask, as_float, 0).astype(np.int32),
            "rewards": np.where(mask, rewards, 0.0).astype(np.float64 if jax.config.jax_enable_x64 else np.float32),
            "mask": mask.copy(),
        }
        for name, array in tidy.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_actions", n_actions)
        object.__setattr__(self, "subjects", subjects)

    @property
    def n_subjects(self) -> int:
        return self.choices.shape[0]

    @property
    def n_trials(self) -> int:
        return self.choices.shape[1]


def _flatten(data):
    return (data.choices, data.rewards, data.mask), (data.n_actions, data.subjects)


def _unflatten(static, leaves):
    # JAX also rebuilds pytrees with placeholders for leaves, which no check could accept.
    data = object.__new__(ChoiceData)
    for name, value in zip(("choices", "rewards", "mask", "n_actions", "subjects"), (*leaves, *static)):
        object.__setattr__(data, name, value)
    return data


jax.tree_util.register_pytree_node(ChoiceData, _flatten, _unflatten)


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
