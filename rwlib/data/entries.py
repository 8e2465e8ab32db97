"""What a user gives for choices, rewards and labels: as new arrays and as Python's own values, or refused."""

import datetime
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

__all__ = [
    "as_array",
    "as_columns",
    "as_flags",
    "as_labels",
    "as_numbers",
    "as_scale",
    "as_sequence",
    "as_trials",
    "check_not_masked",
    "in_order_of",
    "labels_on",
    "labels_to_index",
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


# Labels


def as_sequence(name: str, given: object) -> tuple:
    """Labels, or the like, in the order in which they were given.

    A dictionary would lose its values, a set has no order, and a text would fall into its letters.

    Examples
    --------
    >>> from rwlib.data.entries import as_sequence
    >>> as_sequence("actions", {0: "left", 1: "right"})
    Traceback (most recent call last):
    ValueError: actions is {0: 'left', 1: 'right'}; give a list, in order, such as ['a', 'b'].
    """
    try:
        if isinstance(given, str | bytes | Mapping | set | frozenset | pd.DataFrame):
            raise TypeError
        return tuple(given)
    except TypeError:
        raise ValueError(f"{name} is {given!r}; give a list, in order, such as ['a', 'b'].") from None


def labels_on(values: object) -> list | None:
    """The labels that values carry, if they do: the keys of a dictionary, the index of a Series or a
    DataFrame, or the first coordinate of a DataArray. (pandas counts rows where nobody says what they are
    called. Such an index holds no labels, unless it has a name.)

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.entries import labels_on
    >>> labels_on(pd.Series([0.1, 0.9], index=["bob", "ann"])), labels_on(pd.Series([0.1, 0.9]))
    (['bob', 'ann'], None)
    """
    if isinstance(values, Mapping):
        return list(values)
    if isinstance(values, pd.Series | pd.DataFrame):
        return None if _counts_rows(values.index) else values.index.tolist()
    if isinstance(values, xr.DataArray) and values.ndim and values.dims[0] in values.indexes:
        return values.indexes[values.dims[0]].tolist()
    return None


def _counts_rows(index):
    default = pd.RangeIndex(len(index))
    return isinstance(index, pd.RangeIndex) and index.name is None and index.equals(default)


def labels_to_index(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """A table with the labels of its rows as index, where they stand in a column of that name.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.entries import labels_to_index
    >>> labels_to_index(pd.DataFrame({"subject": ["bob", "ann"], "age": [50, 20]}), "subject").index.tolist()
    ['bob', 'ann']
    """
    if kind in table.columns and table.index.name != kind:
        # What a block is called may itself be a condition.
        return table.set_index(kind, drop=kind == "subject")
    return table


def in_order_of(labels: Sequence, values: object, name: str, kind: str) -> object:
    """Values in the order of these labels if they carry labels of their own, and otherwise as they are.

    Parameters
    ----------
    labels : sequence
        Those of the data.
    values : object
    name : str
        What messages call the values.
    kind : {"subject", "block"}
        What it is that has these labels.

    Returns
    -------
    values : object
        Of the same kind; a list where they were a dictionary.

    Raises
    ------
    ValueError
        If their labels are others than those of the data, or might be numbers of rows as well.

    Examples
    --------
    >>> from rwlib.data.entries import in_order_of
    >>> in_order_of(["ann", "bob"], {"bob": 50, "ann": 20}, "people['age']", "subject")
    [20, 50]
    """
    given = labels_on(values)
    if given is None:
        numbers = list(range(len(labels)))
        if (
            isinstance(values, pd.Series | pd.DataFrame)
            and len(values) == len(labels)
            and list(labels) != numbers
            and set(labels) == set(numbers)
        ):
            raise ValueError(
                f"{name} has the index 0, 1, …, which may hold {kind} labels or count rows, and the data's "
                f"{kind}s stand in the order {_some(labels)}. If the index holds labels, name it, as by "
                f".rename_axis({kind!r}); otherwise give lists or arrays."
            )
        return values
    if given == list(labels):
        return list(values.values()) if isinstance(values, Mapping) else values
    rows = _rows_of(labels, given, name, kind)
    if isinstance(values, Mapping):
        return [values[given[row]] for row in rows]
    return values.iloc[rows] if isinstance(values, pd.Series | pd.DataFrame) else values[rows]


def _rows_of(labels, given, name, kind):
    """Where each label of the data stands among those that were given: as it is, or as text, in which the
    labels of data differ, too."""
    for form in (lambda label: label, str):
        place = {form(label): row for row, label in enumerate(given)}
        if len(place) == len(given) == len(labels) and all(form(label) in place for label in labels):
            return [place[form(label)] for label in labels]
    texts, wanted = [str(label) for label in given], {str(label) for label in labels}
    about = f"Its rows are matched with the data by label. It has {_some(given)}, the data {_some(labels)}."
    for label in labels:
        if str(label) not in texts:
            raise ValueError(f"{name} has nothing for the {kind} {label!r}. {about}")
    for label, text in zip(given, texts):
        if text not in wanted:
            raise ValueError(f"{name} has the {kind} {label!r}, which the data do not have. {about}")
        if texts.count(text) > 1:
            raise ValueError(f"{name} has the {kind} {label!r} more than once. {about}")


def _some(labels, most=6):
    shown = ", ".join(map(repr, labels[:most]))
    return shown + (", …" if len(labels) > most else "")


def as_labels(kind: str, given: object, n_wanted: int) -> tuple:
    """Labels as Python's own numbers and texts, which can be stored, compared and found again.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.entries import as_labels
    >>> as_labels("subject", np.array([7, 9]), 2)
    (7, 9)
    """
    scalars = np.integer | np.floating | np.str_
    labels = as_sequence(f"{kind}s", given)
    labels = tuple(label.item() if isinstance(label, scalars) else label for label in labels)
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


# What is known of people, and of blocks


def as_columns(what: str, columns: object, labels: Sequence, kind: str) -> tuple:
    """What is known of people, or of blocks, as pairs of a name and values that can be compared and stored.

    What carries labels is matched with those of the data, and lists stand in their order: see
    :func:`in_order_of`. Dates become texts, as in ``"2026-11-28"``, and pandas' missing values become None.

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
