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
    "as_shown",
    "check_column",
    "floats_in",
    "flags_in",
    "labels_of",
    "numbers_for_agent",
    "numbers_in",
    "of_each_person",
    "row_where",
    "written",
]

WHOLE = re.compile(r"-?[1-9][0-9]*|0")  # a whole number, as numbers are written: 01 is another label than 1


def row_where(table: pd.DataFrame, odd: np.ndarray) -> tuple[int, str]:
    """The first row where something is odd: its place, and what it is called."""
    place = int(np.argmax(odd))
    return place, f"Row {table.index[place]}"


def as_shown(values: pd.Series, place: int) -> str:
    """A cell as messages show it: as a value of Python's own."""
    return repr(values.iloc[[place]].tolist()[0])


def written(label: object) -> str:
    """A label as text, in which 1.0 is 1: so a file holds it where other cells of its column are empty.

    Examples
    --------
    >>> from rwlib.data.columns import written
    >>> [written(label) for label in (1, 1.0, "1.0", "1.50", "01.0")]
    ['1', '1', '1', '1.50', '01.0']
    """
    text = str(label)
    return text[:-2] if text.endswith(".0") and WHOLE.fullmatch(text[:-2]) else text


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
                f"{row} has {as_shown(values, place)} in column {column!r}; it must be one number or text. "
                "Take the part that you need into a column of its own."
            )


def numbers_in(table: pd.DataFrame, column: str, remedy: str = "") -> np.ndarray:
    """A column as numbers; NaN where it is empty. Texts are read with the decimal sign of the table."""
    values, decimal = table[column], table.attrs.get("decimal", ".")
    if values.dtype.kind in "cmM":  # complex numbers and times
        numbers, odd = np.full(len(values), np.nan), values.notna().to_numpy()
    elif pd.api.types.is_numeric_dtype(values):  # or true and false
        numbers = values.to_numpy(float, na_value=np.nan)
        odd = np.isinf(numbers)
    else:
        texts = values.map(_with_point) if decimal == "," else values
        numbers = floats_in(texts)
        filled = values.notna() & (values.astype(str).str.strip() != "")
        odd = np.isinf(numbers) | np.isnan(numbers) & filled.to_numpy(bool)
        flags = values.map(lambda x: isinstance(x, bool)).to_numpy(bool)
        if (filled & ~flags).any():  # as in JSON, where true may stand beside 1
            odd |= flags
    if odd.any():
        place, row = row_where(table, odd)
        value = values.iloc[place]
        remedy = (_about_signs(value, decimal) if isinstance(value, str) else "") or remedy
        raise ValueError(
            f"{row} has {as_shown(values, place)} in column {column!r}, which is not a number.{remedy}"
        )
    return numbers


def _with_point(x):
    """A text with a decimal comma, for a parser that wants a point; one with a point is no number then."""
    return x.replace(".", "?").replace(",", ".") if isinstance(x, str) else x


def floats_in(values: pd.Series) -> np.ndarray:
    """Numbers, and NaN for whatever is none."""
    try:
        found = pd.to_numeric(values, errors="coerce")
    except OverflowError:  # a whole number of hundreds of digits, which JSON may hold
        found = pd.to_numeric(values.astype(str), errors="coerce")
    if found.dtype.kind == "c":
        real = values.map(lambda x: np.nan if isinstance(x, complex) else x)
        found = pd.to_numeric(real, errors="coerce")
    return found.to_numpy(float, na_value=np.nan)


def _about_signs(value, decimal):
    if decimal == ",":
        if re.fullmatch(r"\s*[+-]?\d{1,3}(\.\d{3})+(,\d*)?\s*", value):
            return (
                " If its point is that of thousands, read the table with pandas.read_csv(path, sep=…, "
                "decimal=',', thousands='.') and give that; if it is a decimal point, leave decimal= out."
            )
        if re.fullmatch(r"\s*[+-]?\d*\.\d+\s*", value):
            return " Is that a decimal point? decimal=',' was passed; leave it out."
        return ""
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
            f"{row} has {as_shown(values, place)} in column {column!r}; it must be True or False, or 1 or 0."
        )
    return np.where(missing, False, values.where(~missing, False)).astype(bool)


def _is_flag(x):
    return isinstance(x, bool | np.bool_) or (isinstance(x, int | float | np.number) and x in (0, 1))


def numbers_for_agent(
    table: pd.DataFrame, columns: str | Sequence[str], needed: np.ndarray, why: str
) -> np.ndarray:
    """One column, or several side by side, as numbers; cells may be empty where they are not needed."""
    names = [columns] if isinstance(columns, str) else list(columns)
    remedy = " An agent reads numbers: make a column of them, as with pandas.factorize."
    found = np.stack([numbers_in(table, column, remedy) for column in names], axis=1)
    odd = np.isnan(found) & needed[:, None]
    if odd.any():
        _, row = row_where(table, odd.any(axis=1))
        column = names[np.argwhere(odd)[0][1]]
        raise ValueError(
            f"{row} has nothing in column {column!r}, though {why}. Fill in a number, and where it must not "
            "count let another column say so to the agent."
        )
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
            f"{row} has {as_shown(table[column], place)} in column {column!r}, where subject "
            f"{labels[who[place]]!r} had {same.iloc[place]!r} before. A column about people must be the same "
            "in all their rows; one about trials goes into before= or after=."
        )
    return first


def labels_of(table: pd.DataFrame, column: str) -> pd.Series:
    """Labels as Python's own numbers and texts, in which 1.0 is written 1; None where there is none."""
    codes, unique = pd.factorize(table[column])
    unique = [x.item() if isinstance(x, np.integer | np.floating) else x for x in unique.tolist()]
    texts = {x for x in unique if isinstance(x, str)}
    over_lines = [i for i, x in enumerate(unique) if x in texts and ("\n" in x or "\r" in x)]
    if over_lines:
        _, row = row_where(table, codes == over_lines[0])
        raise ValueError(
            f"{row} has {unique[over_lines[0]]!r} in column {column!r}, over several lines. Is there a stray "
            "quote?"
        )
    # Where other cells of a column are empty, 7 is written 7.0; so it may be in one file of several.
    plain = {x: written(x) for x in texts}
    if texts and len(texts) == len(unique) and all(WHOLE.fullmatch(x) for x in plain.values()):
        unique = [int(plain[x]) for x in unique]
    elif all(isinstance(x, float) and x % 1 == 0 for x in unique):
        unique = [int(x) for x in unique]
    else:
        unique = [plain[x] if plain.get(x) in texts else x for x in unique]
    found = np.empty(len(unique) + 1, dtype=object)
    found[:-1], found[-1] = unique, None
    return pd.Series(found[codes], index=table.index, dtype=object)
