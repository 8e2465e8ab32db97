"""Observed choices and rewards: one immutable container, and reading and writing tables."""

import dataclasses
from collections.abc import Hashable, Sequence
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from jaxtyping import Array, Bool, Num

__all__ = ["ChoiceData", "read_choices", "write_choices"]

MOST_ACTIONS = 2**24  # single precision counts so far without a gap

Table = Num[Array, "n_subjects n_trials"] | Num[np.ndarray, "n_subjects n_trials"] | Sequence
Mask = Bool[Array, "n_subjects n_trials"] | Bool[np.ndarray, "n_subjects n_trials"] | Sequence


@dataclasses.dataclass(frozen=True, eq=False)
class ChoiceData:
    """What each subject chose and received, trial by trial.

    Immutable, and a JAX pytree: ``choices``, ``rewards`` and ``mask`` are its leaves, so it can be
    passed through ``jit`` and ``vmap``. Values that are not being traced are checked when it is made.
    Two are equal when all they hold is equal. Like arrays, they cannot be hashed.

    Parameters
    ----------
    choices : array of int, shape (n_subjects, n_trials)
        Chosen action, from 0 to n_actions − 1.
    rewards : array of float, shape (n_subjects, n_trials)
        Outcome of the chosen action, in reward units.
    mask : array of bool, shape (n_subjects, n_trials), optional
        False where no choice was made (a missed response, or the end of a shorter session). Such a
        trial teaches nothing and counts nothing; its choice and reward are ignored and become −1 and 0, so
        that it cannot count again by a change of the mask alone. Default: all True.
    n_actions : int, optional
        Number of actions on offer. Default: the largest choice plus one.
    subjects : sequence of labels, optional
        One label per subject, a number or a text, distinct also when written as text. Default: 0, 1, 2, …

    Raises
    ------
    ValueError
        If shapes differ, a choice is out of range, a reward is not finite in the session's precision, a
        label is neither number nor text, or labels repeat.

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
    subjects: Sequence[Hashable] | np.ndarray | None = None

    def __post_init__(self):
        choices, rewards, mask = self.choices, self.rewards, self.mask
        if any(isinstance(leaf, jax.core.Tracer) for leaf in (choices, rewards, mask)):
            if mask is None or self.n_actions is None:
                raise ValueError("Inside jit or vmap, ChoiceData needs its mask and n_actions spelled out.")
            subjects = range(choices.shape[0]) if self.subjects is None else self.subjects
            object.__setattr__(self, "subjects", tuple(subjects))
            return
        precision = np.float64 if jax.config.jax_enable_x64 else np.float32
        choices, rewards = _numbers("choices", choices), _numbers("rewards", rewards)
        mask = np.ones(choices.shape, bool) if mask is None else _numbers("mask", mask)
        if choices.ndim != 2 or 0 in choices.shape:
            raise ValueError(
                f"choices has shape {choices.shape}; "
                "it must be (n_subjects, n_trials), with at least one of each."
            )
        for name, array in (("rewards", rewards), ("mask", mask)):
            if array.shape != choices.shape:
                raise ValueError(f"{name} has shape {array.shape}, but choices has {choices.shape}; they must agree.")
        subjects = _labels(range(len(choices)) if self.subjects is None else self.subjects, len(choices))

        def check(bad, array, complaint):
            if bad.any():
                row, trial = np.argwhere(bad)[0]
                at = f"(subject {subjects[row]!r}, trial index {trial})"
                raise ValueError(f"{complaint.format(f'{array[row, trial]:.15g}')} {at}")

        check((mask != 0) & (mask != 1), mask, "An entry of mask is {}; each must be True or False.")
        mask = mask.astype(bool)
        if not mask.any():
            raise ValueError("mask is False everywhere: there is no choice to learn from.")
        whole = "A choice is {}; choices must be whole numbers 0, 1, 2, …."
        missed = "A choice is {}, which marks a missed trial: set mask to False there."
        check(mask & (choices == -1), choices, missed)
        with np.errstate(invalid="ignore"):  # NaN and inf are not whole
            check(mask & ~((choices >= 0) & (choices % 1 == 0)), choices, whole)
        with np.errstate(over="ignore"):
            too_large = np.isfinite(rewards) & ~np.isfinite(rewards.astype(precision))
        without = "A reward is {}; set mask to False on trials without an outcome."
        check(mask & ~np.isfinite(rewards), rewards, without)
        check(
            mask & too_large,
            rewards,
            f"A reward is {{}}, too large for {np.dtype(precision).name}: count rewards in a larger unit.",
        )
        n_actions = choices[mask].max() + 1 if self.n_actions is None else self.n_actions
        if not (n_actions >= 1 and n_actions % 1 == 0):
            raise ValueError(f"n_actions is {n_actions}; it must be a whole number, at least 1.")
        check(
            mask & (choices >= n_actions),
            choices,
            f"A choice is {{}}, but with n_actions={n_actions} choices run from 0 to {n_actions - 1}. "
            "Do yours start at 1? Subtract 1.",
        )
        if n_actions > MOST_ACTIONS:
            raise ValueError(
                f"There would be {n_actions:.0f} actions; there may be {MOST_ACTIONS}. "
                "Are the choices codes? Number the actions 0, 1, 2, …."
            )
        # What a masked trial holds must not matter, so it is set to something harmless that is no choice.
        self.__setstate__(
            {
                "choices": np.where(mask, choices, -1).astype(np.int32),
                "rewards": np.where(mask, rewards, 0.0).astype(precision),
                "mask": mask.copy(),
                "n_actions": int(n_actions),
                "subjects": subjects,
            }
        )

    def __setstate__(self, state):
        # For pickle and copy, too, which would forget that the arrays are read-only.
        for name, value in state.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, name, value)

    def __eq__(self, other):
        if not isinstance(other, ChoiceData):
            return NotImplemented
        arrays = ("choices", "rewards", "mask")
        return (self.n_actions, self.subjects) == (other.n_actions, other.subjects) and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays
        )

    @property
    def n_subjects(self) -> int:
        return self.choices.shape[0]

    @property
    def n_trials(self) -> int:
        return self.choices.shape[1]


def _numbers(name, values):
    """A new array of doubles, which hold every whole number that may be a choice."""
    try:
        return np.array(values, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, as many for each subject: {error}.") from error


def _labels(subjects, n_subjects):
    """Labels as Python's own numbers and texts, which can be stored, compared and found again."""
    scalars = np.integer | np.floating | np.str_
    labels = tuple(label.item() if isinstance(label, scalars) else label for label in subjects)
    if len(labels) != n_subjects:
        raise ValueError(f"There are {len(labels)} subject labels for {n_subjects} rows of choices.")
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, int | float | str) or label != label:
            raise ValueError(
                f"The subject label {label!r} is neither a number nor a text; write it as a text."
            )
    first = {}
    for label in labels:
        other = first.setdefault(str(label), label)
        if type(other) is not type(label):
            raise ValueError(
                f"The subject labels {other!r} and {label!r} are the same as text; each row needs its own."
            )
    if len(first) < n_subjects or len(set(labels)) < n_subjects:
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"The subject label {twice!r} occurs more than once; each row needs its own.")
    return labels


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
