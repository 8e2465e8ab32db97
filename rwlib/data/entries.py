"""What a user gives for choices, rewards and labels: as new arrays and as Python's own values, or refused."""

import datetime
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

__all__ = ["as_columns", "as_flags", "as_labels", "as_numbers", "as_scale", "as_trials"]


def as_numbers(name: str, values: object) -> np.ndarray:
    """A new array of doubles, which hold every whole number that may be a choice.

    Examples
    --------
    >>> from rwlib.data.entries import as_numbers
    >>> as_numbers("choices", [[0, 1]]).tolist()
    [[0.0, 1.0]]
    """
    try:
        return np.array(values, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, as many for each subject: {error}.") from error


def as_flags(name: str, values: object) -> np.ndarray:
    """A new array of flags, 0 and 1 among them; the odd ones are found by their place later.

    Examples
    --------
    >>> from rwlib.data.entries import as_flags
    >>> as_flags("mask", ["yes"])
    Traceback (most recent call last):
    ValueError: mask holds 'yes', of type str; each entry must be True or False.
    """
    array = np.array(values)
    if array.dtype.kind in "biuf":
        return array.astype(float)
    odd = next(x for x in array.ravel().tolist() if not isinstance(x, bool))
    raise ValueError(f"{name} holds {odd!r}, of type {type(odd).__name__}; each entry must be True or False.")


def as_labels(kind: str, given: Iterable, n_wanted: int) -> tuple:
    """Labels as Python's own numbers and texts, which can be stored, compared and found again.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.entries import as_labels
    >>> as_labels("subject", np.array([7, 9]), 2)
    (7, 9)
    """
    scalars = np.integer | np.floating | np.str_
    labels = tuple(label.item() if isinstance(label, scalars) else label for label in given)
    if len(labels) != n_wanted:
        of_what = "rows of choices" if kind == "subject" else f"{kind}s"
        raise ValueError(f"There are {len(labels)} {kind} labels for {n_wanted} {of_what}.")
    for label in labels:
        if isinstance(label, bool) or not isinstance(label, int | float | str) or label != label:
            raise ValueError(
                f"The {kind} label {label!r} is neither a number nor a text; write it as a text."
            )
    first = {}
    for label in labels:
        other = first.setdefault(str(label), label)
        if type(other) is not type(label):
            raise ValueError(
                f"The {kind} labels {other!r} and {label!r} are the same as text; each {kind} needs its own."
            )
    if len(first) < n_wanted or len(set(labels)) < n_wanted:
        twice = next(label for label in labels if labels.count(label) > 1)
        raise ValueError(f"The {kind} label {twice!r} occurs more than once; each {kind} needs its own.")
    return labels


def as_columns(what: str, columns: Mapping | pd.DataFrame | tuple, n_wanted: int, of_what: str) -> tuple:
    """What is known of people, or of blocks, as pairs of a name and values that can be compared and stored.

    Dates become texts, as in ``"2026-11-28"``, and pandas' missing values become None.

    Examples
    --------
    >>> from rwlib.data.entries import as_columns
    >>> as_columns("people", {"age": [20, 30]}, 2, "subjects")
    (('age', (20, 30)),)
    """
    if isinstance(columns, pd.DataFrame):
        columns = columns.to_dict("list")
    found = []
    for name, values in dict(columns).items():
        values = tuple(_plain(x) for x in values)
        if len(values) != n_wanted:
            raise ValueError(f"{what}[{name!r}] has {len(values)} entries; there are {n_wanted} {of_what}.")
        for i, value in enumerate(values):
            if not (value is None or isinstance(value, bool | int | float | str)):
                raise ValueError(
                    f"{what}[{name!r}] holds {value!r}, of type {type(value).__name__}, as entry {i}; write "
                    "it as a number or a text."
                )
        found.append((name, values))
    return tuple(found)


def _plain(value):
    """One of Python's own numbers or texts, if the value is as much."""
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, datetime.date):  # a Timestamp, too
        return value.isoformat().removesuffix("T00:00:00")
    return value.item() if isinstance(value, np.generic) else value


def as_trials(trials: object, shape: tuple[int, ...]) -> np.ndarray | None:
    """Numbers of trials as they stand in a table, if there are any.

    Examples
    --------
    >>> from rwlib.data.entries import as_trials
    >>> as_trials([[1, 2, 3]], (1, 2))
    Traceback (most recent call last):
    ValueError: trials has shape (1, 3), but choices has (1, 2); they must agree.
    """
    if trials is None:
        return None
    trials = as_numbers("trials", trials)
    if trials.shape != shape:
        raise ValueError(f"trials has shape {trials.shape}, but choices has {shape}; they must agree.")
    return trials


def as_scale(scale: Iterable) -> tuple[float, float]:
    """Which rewards are 0 and 1, as plain numbers.

    Examples
    --------
    >>> from rwlib.data.entries import as_scale
    >>> as_scale([0, 100])
    (0.0, 100.0)
    """
    zero, one = map(float, scale)
    if not (np.isfinite(zero) and np.isfinite(one) and one > zero):
        raise ValueError(f"reward_scale is {tuple(scale)}; the first number must be below the second.")
    return zero, one
