"""One column of a table: as numbers, as flags, as labels, or as what it says of each person.

A table's index holds what its rows are called in messages: their numbers in the file, from 0 below the
header.
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

__all__ = [
    "alike",
    "check_column",
    "flags_in",
    "labels_of",
    "numbers_for_agent",
    "numbers_in",
    "of_each_person",
    "row_where",
]

WHOLE = re.compile(r"-?[1-9][0-9]*|0")  # a whole number, as numbers are written: 01 is another label than 1


def row_where(table: pd.DataFrame, odd: np.ndarray) -> tuple[int, str]:
    """The first row where something is odd: its place, and what it is called."""
    place = int(np.argmax(odd))
    return place, f"Row {table.index[place]}"


def alike(labels: Iterable) -> tuple | None:
    """The first two labels that differ by case or blanks alone, if there are such.

    Examples
    --------
    >>> from rwlib.data.columns import alike
    >>> alike(["left", "right", "Left "])
    ('left', 'Left ')
    """
    plain = {}
    for label in labels:
        other = plain.setdefault(re.sub(r"[\s\u200b\ufeff]+", "", str(label)).casefold(), label)
        if other != label:
            return other, label
    return None


def check_column(table: pd.DataFrame, column: str, lists: bool = False) -> None:
    """Refuse a column that is not there, or whose cells are no plain values (as they may be in JSON)."""
    if column not in table.columns:
        raise ValueError(
            f"The table has no column {column!r}; it has {', '.join(map(repr, table.columns))}. Say what"
            " yours are called, as in subject='id'."
        )
    values = table[column]
    if values.dtype == object and not lists:
        odd = ~values.map(pd.api.types.is_scalar).to_numpy(bool)
        if odd.any():
            place, row = row_where(table, odd)
            raise ValueError(
                f"{row} has {values.iloc[place]!r} in column {column!r}; it must be one number or text. Take"
                " the part that you need into a column of its own."
            )


def numbers_in(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column as numbers; NaN where it is empty."""
    values = table[column]
    if pd.api.types.is_numeric_dtype(values):  # or true and false
        numbers = values.to_numpy(float, na_value=np.nan)
        odd = np.isinf(numbers)
    else:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)
        filled = values.notna() & (values.astype(str).str.strip() != "")
        odd = np.isinf(numbers) | np.isnan(numbers) & filled.to_numpy(bool)
        flags = values.map(lambda x: isinstance(x, bool)).to_numpy(bool)
        if (filled & ~flags).any():  # as in JSON, where true may stand beside 1
            odd |= flags
    if odd.any():
        place, row = row_where(table, odd)
        value = values.iloc[place]
        remedy = _about_commas(value) if isinstance(value, str) else ""
        raise ValueError(f"{row} has {value!r} in column {column!r}, which is not a number.{remedy}")
    return numbers


def _about_commas(value):
    if re.fullmatch(r"\s*[+-]?[1-9]\d{0,2}(,\d{3})+\s*", value):
        return (
            " If its comma is that of thousands, read the table with pandas.read_csv(path, thousands=',') "
            "and give that; if it is a decimal comma, pass decimal=','."
        )
    if re.fullmatch(r"\s*[+-]?\d*,\d+\s*", value):
        return " Is that a decimal comma? Pass decimal=','."
    return ""


def flags_in(table: pd.DataFrame, column: str, made: np.ndarray) -> np.ndarray:
    """A column of true and false; empty cells are allowed where no choice was made."""
    values = table[column]
    missing = values.isna().to_numpy()
    odd = missing & made
    if not odd.any():
        odd = ~missing & ~values.map(_is_flag).to_numpy(bool)
    if odd.any():
        place, row = row_where(table, odd)
        raise ValueError(
            f"{row} has {_shown(values, place)} in column {column!r}; it must be True or False, or 1 or 0."
        )
    return np.where(missing, False, values.where(~missing, False)).astype(bool)


def _shown(values, place):
    """A cell as messages show it."""
    return repr(values.iloc[[place]].tolist()[0])


def _is_flag(x):
    return isinstance(x, bool | np.bool_) or (isinstance(x, int | float | np.number) and x in (0, 1))


def numbers_for_agent(table: pd.DataFrame, columns: str | Sequence[str], made: np.ndarray) -> np.ndarray:
    """One column, or several side by side, as numbers; empty cells are allowed where no choice was made."""
    names = [columns] if isinstance(columns, str) else list(columns)
    found = np.stack([numbers_in(table, column) for column in names], axis=1)
    odd = np.isnan(found) & made[:, None]
    if odd.any():
        _, row = row_where(table, odd.any(axis=1))
        column = names[np.argwhere(odd)[0][1]]
        raise ValueError(f"{row} has nothing in column {column!r}, though a choice was made.")
    found = np.where(np.isnan(found), 0.0, found)
    if (found % 1 == 0).all() and (np.abs(found) < 2**31).all():
        found = found.astype(np.int32)  # which may be an index
    return found[:, 0] if isinstance(columns, str) else found


def of_each_person(table: pd.DataFrame, column: str, who: np.ndarray, labels: Sequence) -> list:
    """What a column says of each person."""
    values = table[column].astype(object).where(table[column].notna(), None)  # pd.NA equals nothing
    first = values[~pd.Series(who).duplicated().to_numpy()].to_list()
    same = pd.Series([first[i] for i in who], index=values.index, dtype=object)
    odd = (~((values == same) | (values.isna() & same.isna()))).to_numpy(bool)
    if odd.any():
        place, row = row_where(table, odd)
        raise ValueError(
            f"{row} has {_shown(table[column], place)} in column {column!r}, where subject "
            f"{labels[who[place]]!r} had {same.iloc[place]!r} before. A column about people must be the same "
            "in all their rows; one about trials goes into before= or after=."
        )
    return first


def labels_of(table: pd.DataFrame, column: str) -> pd.Series:
    """Labels as Python's own numbers and texts, in which 1.0 is written 1; None where there is none."""
    codes, unique = pd.factorize(table[column])
    unique = list(unique.tolist())
    texts = [x for x in unique if isinstance(x, str)]
    over_lines = [x for x in texts if "\n" in x or "\r" in x]
    if over_lines:
        _, row = row_where(table, codes == unique.index(over_lines[0]))
        raise ValueError(
            f"{row} has {over_lines[0]!r} in column {column!r}, over several lines. Is there a stray quote?"
        )
    for ending in ("", ".0"):  # as numbers are written where some cells of their column are empty
        if (
            texts
            and len(texts) == len(unique)
            and all(x.endswith(ending) and WHOLE.fullmatch(x.removesuffix(ending)) for x in texts)
        ):
            unique = [int(x.removesuffix(ending)) for x in texts]
            break
    else:
        if all(isinstance(x, float) and x % 1 == 0 for x in unique):
            unique = [int(x) for x in unique]
    found = np.empty(len(unique) + 1, dtype=object)
    found[:-1], found[-1] = unique, None
    return pd.Series(found[codes], index=table.index, dtype=object)
