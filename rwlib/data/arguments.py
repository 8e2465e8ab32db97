"""What may be given to ``read_choices``: one line for each argument."""

import numbers
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["check_arguments"]


def check_arguments(given: Mapping[str, object]) -> None:
    """Refuse an argument of another kind than it must be, before anything is read.

    Parameters
    ----------
    given : dict
        The arguments of :func:`rwlib.data.reading.read_choices` by their names.

    Raises
    ------
    ValueError
        About the first that does not fit: it names the argument, what was given, and what to give.

    Examples
    --------
    >>> from rwlib.data.arguments import check_arguments
    >>> check_arguments({"forced": True})
    Traceback (most recent call last):
    ValueError: forced is True; give the name of a column.
    """
    for name, value in given.items():
        fits, wanted = ARGUMENTS[name]
        if not fits(value):
            shown = repr(value)
            shown = shown if len(shown) <= 60 and "\n" not in shown else f"of type {type(value).__name__}"
            raise ValueError(f"{name} is {shown}; give {wanted}.")


def _is_text(x):
    return isinstance(x, str)


def _in_order(x):
    """Several things in an order: no text, no set, no dictionary."""
    return isinstance(
        x, list | tuple | range | np.ndarray | pd.Index | pd.Series | pd.api.extensions.ExtensionArray
    )


def _names(x):
    return _is_text(x) or (_in_order(x) and all(map(_is_text, x)))


def _some_names(x):
    return _names(x) and len(x) > 0


def _grouped_names(x):
    """Columns, or for each name of an array its column or columns."""
    return _names(x) or (
        isinstance(x, Mapping) and all(map(_is_text, x)) and all(map(_some_names, x.values()))
    )


def _offered(x):
    """Columns, or what each label in one column stands for."""
    return _names(x) or (
        isinstance(x, Mapping)
        and all(map(_is_text, x))
        and all(isinstance(labels, Mapping) and all(map(_in_order, labels.values())) for labels in x.values())
    )


def _source(x):
    if isinstance(x, str | Path | pd.DataFrame | Iterator):
        return True
    return isinstance(x, list | tuple) and all(isinstance(path, str | Path) for path in x)


def _or_none(fits):
    return lambda x: x is None or fits(x)


A_COLUMN, COLUMNS = "the name of a column", "the name of a column, or a list of such names"
ARRAYS = "a list of columns, or a dictionary of names and columns, as in {'stakes': ['stake_1', 'stake_2']}"

#: For each argument whether a value fits, and what to give.
ARGUMENTS = {
    "source": (_source, "a path, a pattern such as 'data/*.csv', a list of paths, or a pandas.DataFrame"),
    "subject": (_is_text, A_COLUMN),
    "trial": (_or_none(_is_text), f"{A_COLUMN}, or None for rows in the order in which they stand"),
    "choice": (_is_text, A_COLUMN),
    "reward": (_some_names, f"{A_COLUMN}, or of two: what was won and what was lost"),
    "n_actions": (
        _or_none(lambda x: isinstance(x, numbers.Integral) and not isinstance(x, bool)),
        "a whole number",
    ),
    "actions": (
        _or_none(lambda x: _in_order(x) and len(x) > 0),
        "a list of the labels as they stand in the table, action 0 first",
    ),
    "offered": (
        _or_none(_offered),
        f"{COLUMNS}, or one column and what its labels stand for, as in {{'pair': {{'AB': ['A', 'B']}}}}",
    ),
    "choice_is": (
        lambda x: x in (None, "option", "position") if _is_text(x) or x is None else _in_order(x),
        "'option' or 'position', or a list of what the places in offered= are called, as in ['f', 'j']",
    ),
    "missed": (lambda x: True, "a label, or a list of labels"),
    "block": (_or_none(_names), COLUMNS),
    "feedback": (_or_none(_is_text), A_COLUMN),
    "forced": (_or_none(_is_text), A_COLUMN),
    "before": (_or_none(_grouped_names), ARRAYS),
    "after": (_or_none(_grouped_names), ARRAYS),
    "people": (_or_none(_names), COLUMNS),
    "scale": (lambda x: True, "'unit', or the two rewards that become 0 and 1"),  # see `_scaled`
    "where": (
        _or_none(lambda x: isinstance(x, Mapping)),
        "a dictionary of columns and the values that rows must have there, as in {'phase': 'test'}",
    ),
    "sep": (lambda x: _is_text(x) and len(x) == 1, "the one sign between fields, such as ';' or '\\t'"),
    "decimal": (lambda x: _is_text(x) and x in (".", ","), "'.' or ','"),
    "encoding": (_is_text, "the name of an encoding, such as 'utf-8-sig' or 'latin-1'"),
}
