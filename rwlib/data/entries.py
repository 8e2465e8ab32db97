"""What users give for choices, rewards and columns: new arrays and Python's own values, or refused."""

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.data.labels import as_sequence, in_order_of, labels_to_index

__all__ = [
    "as_array",
    "as_columns",
    "as_flags",
    "as_numbers",
    "as_scale",
    "as_trials",
    "check_not_masked",
]


# Numbers


def check_not_masked(name: str, values: object) -> None:
    """Refuse arrays of numpy.ma that mask something: other arrays would hold what lies under the mask.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.entries import check_not_masked
    >>> check_not_masked("choices", np.ma.masked_array([0, 99], mask=[False, True]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: choices is an array of numpy.ma with masked entries, which would count like others. ...
    """
    if np.ma.is_masked(values) or isinstance(values, list | tuple) and any(map(np.ma.is_masked, values)):
        raise ValueError(
            f"{name} is an array of numpy.ma with masked entries, which would count like others. Give plain "
            "numbers, as from .filled(0); where nobody chose, the argument mask of ChoiceData says so."
        )


def as_array(name: str, values: object) -> np.ndarray:
    """An array of NumPy, of whatever type.

    Examples
    --------
    >>> from rwlib.data.entries import as_array
    >>> as_array("design.forced", [0, [1]])
    Traceback (most recent call last):
    ValueError: design.forced must be one array, with as many entries in each row.
    """
    check_not_masked(name, values)
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be one array, with as many entries in each row.") from error


def as_numbers(name: str, values: object) -> np.ndarray:
    """A new array of doubles, which hold every whole number that may be a choice.

    Examples
    --------
    >>> from rwlib.data.entries import as_numbers
    >>> as_numbers("choices", [[0, 1]]).tolist()
    [[0.0, 1.0]]
    """
    check_not_masked(name, values)
    try:
        array = np.asarray(values)
        if values is None or array.dtype.kind in "cMm":  # whose parts, or units, would be lost
            raise TypeError("they are " + ("None" if values is None else f"of type {array.dtype}"))
        return np.array(array, float)
    except (TypeError, ValueError, OverflowError) as error:
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
    array = as_array(name, values)
    if array.dtype.kind not in "biuf":
        for x in array.ravel().tolist():
            if not isinstance(x, bool | int | float | np.bool_ | np.number):
                raise ValueError(
                    f"{name} holds {x!r}, of type {type(x).__name__}; each entry must be True or False."
                )
    return array.astype(float)


# What is known of people, and of blocks


def as_columns(what: str, columns: object, labels: Sequence, kind: str) -> tuple:
    """What is known of people, or of blocks, as pairs of a name and values that can be compared and stored.

    What carries labels is matched with those of the data, and lists stand in their order: see
    :func:`rwlib.data.labels.in_order_of`. Dates become texts, as in ``"2026-11-28"``, and pandas' missing
    values become None.

    Examples
    --------
    >>> from rwlib.data.entries import as_columns
    >>> as_columns("people", {"age": [20, 30]}, ("ann", "bob"), "subject")
    (('age', (20, 30)),)
    """
    if isinstance(columns, pd.DataFrame):
        columns = in_order_of(labels, labels_to_index(columns, kind), what, kind).to_dict("list")
    found = []
    for name, values in _pairs(what, columns, kind):
        column = f"{what}[{name!r}]"
        values = in_order_of(labels, values, column, kind)
        values = values.values if isinstance(values, xr.DataArray) else values
        values = tuple(_plain(x) for x in as_sequence(column, values))
        if len(values) != len(labels):
            raise ValueError(f"{column} has {len(values)} entries; there are {len(labels)} {kind}s.")
        for i, value in enumerate(values):
            if not (value is None or isinstance(value, bool | int | float | str)):
                raise ValueError(
                    f"{column} holds {value!r}, of type {type(value).__name__}, as entry {i}; write "
                    "it as a number or a text."
                )
        found.append((name, values))
    return tuple(found)


def _pairs(what, columns, kind):
    """Names and columns, as in a dictionary."""
    try:
        return dict(() if columns is None else columns).items()
    except (TypeError, ValueError):
        raise ValueError(
            f"{what} is {columns!r}; give a dictionary or a table, with one entry for each {kind} in each "
            "column."
        ) from None


def _plain(value):
    """One of Python's own numbers or texts, if the value is as much."""
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, datetime.date):  # a Timestamp, too
        return value.isoformat().removesuffix("T00:00:00")
    return value.item() if isinstance(value, np.generic) else value


# Trials and their rewards


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


def as_scale(scale: object) -> tuple[float, float]:
    """Which rewards are 0 and 1, as plain numbers.

    Examples
    --------
    >>> from rwlib.data.entries import as_scale
    >>> as_scale([0, 100])
    (0.0, 100.0)
    """
    try:
        zero, one = map(float, scale)
    except (TypeError, ValueError):
        raise ValueError(
            f"reward_scale is {scale!r}; give the two rewards that became 0 and 1, as in (0, 100)."
        ) from None
    if not (np.isfinite(zero) and np.isfinite(one) and one > zero):
        raise ValueError(f"reward_scale is {tuple(scale)}; the first number must be below the second.")
    return zero, one
