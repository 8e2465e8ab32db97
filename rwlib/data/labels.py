"""Labels of people and blocks: as Python's own values, and what carries labels matched with the data's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

__all__ = [
    "Labels",
    "as_labels",
    "as_sequence",
    "has_labelled_rows",
    "in_order_of",
    "labels_on",
    "labels_to_index",
]

#: Dimensions of a fit whose numbers are no labels.
OTHERS = ("chain", "draw", "sample", "trial", "action")

#: Labels in an order, as Python, NumPy and pandas have them.
Labels = Sequence | np.ndarray | pd.Index | pd.Series | pd.api.extensions.ExtensionArray


def as_sequence(name: str, given: object) -> tuple:
    """Labels, or the like, in the order in which they were given.

    A dictionary would lose its values, a set has no order, and a text would fall into its letters.

    Examples
    --------
    >>> from rwlib.data.labels import as_sequence
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
    >>> from rwlib.data.labels import labels_on
    >>> labels_on(pd.Series([0.1, 0.9], index=["bob", "ann"])), labels_on(pd.Series([0.1, 0.9]))
    (['bob', 'ann'], None)
    """
    if isinstance(values, Mapping):
        return list(values)
    if isinstance(values, pd.Series | pd.DataFrame):
        return None if _counts_rows(values.index) else values.index.tolist()
    if isinstance(values, xr.DataArray) and values.ndim:
        first = values.dims[0]
        return values.indexes[first].tolist() if first in values.indexes and first not in OTHERS else None
    return None


def has_labelled_rows(values: object, n_rows: int) -> bool:
    """Whether values may carry labels of as many rows: a table, an array of xarray, or a dictionary of rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.labels import has_labelled_rows
    >>> has_labelled_rows(pd.DataFrame([[0, 1]]), 1), has_labelled_rows([[0, 1]], 1)
    (True, False)
    """
    if isinstance(values, Mapping):
        return True
    if isinstance(values, pd.DataFrame | xr.DataArray):
        return values.ndim > 1 and len(values) == n_rows
    return False


def _counts_rows(index):
    default = pd.RangeIndex(len(index))
    return isinstance(index, pd.RangeIndex) and index.name is None and index.equals(default)


def labels_to_index(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """A table with the labels of its rows as index, where they stand in a column of that name.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.labels import labels_to_index
    >>> labels_to_index(pd.DataFrame({"subject": ["bob", "ann"], "age": [50, 20]}), "subject").index.tolist()
    ['bob', 'ann']
    """
    if kind in table.columns and table.index.name != kind:
        # What a block is called may itself be a condition.
        return table.set_index(kind, drop=kind == "subject")
    return table


def in_order_of(labels: Sequence | np.ndarray, values: Any, name: str, kind: str) -> Any:
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
    >>> from rwlib.data.labels import in_order_of
    >>> in_order_of(["ann", "bob"], {"bob": 50, "ann": 20}, "people['age']", "subject")
    [20, 50]
    """
    given = labels_on(values)
    if given is None:
        numbers, texts = [str(i) for i in range(len(labels))], [str(label) for label in labels]
        if (
            isinstance(values, pd.Series | pd.DataFrame)
            and len(values) == len(labels)
            and texts != numbers
            and set(texts) == set(numbers)
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
    about = (
        f"Its rows are matched with the data by label. It has {_some(given)}, the data {_some(labels)}. If "
        f"they stand in the order of the data's {kind}s, give them without labels, as by .to_numpy()."
    )
    for label in labels:
        if str(label) not in texts:
            raise ValueError(f"{name} has nothing for the {kind} {label!r}. {about}")
    for label, text in zip(given, texts):
        if text not in wanted:
            raise ValueError(f"{name} has the {kind} {label!r}, which the data do not have. {about}")
        if texts.count(text) > 1:
            raise ValueError(f"{name} has the {kind} {label!r} more than once. {about}")
    raise ValueError(f"{name} has other {kind}s than the data, or other numbers of them. {about}")


def _some(labels, most=6):
    shown = ", ".join(map(repr, labels[:most]))
    return shown + (", …" if len(labels) > most else "")


def as_labels(kind: str, given: object, n_wanted: int) -> tuple:
    """Labels as Python's own numbers and texts, which can be stored, compared and found again.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.labels import as_labels
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
