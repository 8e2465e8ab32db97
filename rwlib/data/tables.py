"""Files of many kinds, opened as one pandas table in which every row has as many fields as the first."""

import codecs
import csv
import glob
import json
import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["open_table"]

FILE = "file"  # the column that says from which file a row is, where there are several
MARKS_OF_UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


def open_table(
    source: str | Path | pd.DataFrame | Sequence[str | Path],
    *,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
    where: Mapping[str, object] | None = None,
    text: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Open a table, or many that belong together.

    Parameters
    ----------
    source : path, pattern, sequence of paths, or DataFrame
        A CSV file, a JSON file with a list of rows (as jsPsych writes), or an Excel file (which needs the
        package openpyxl). A pattern such as ``"data/*.csv"`` stands for all files that fit.
    sep, decimal, encoding : str
        How a CSV file is written: ``";"`` or ``"\\t"`` between fields, ``","`` for decimals, ``"utf-16"``.
    where : dict, optional
        Rows to keep: for each column the value, or a list of the values, that they must have; or a function
        of the column that says which rows, such as ``pandas.Series.notna`` where it must not be empty.
    text : tuple of str
        Columns of CSV files that hold labels: ``01`` stays another label than ``1``.

    Returns
    -------
    table : DataFrame
        Its index is the number of each row in its file, from 0 below the header. If there are several files,
        it has the columns that all of them have, and a column ``file``, a file's name without its ending.

    Raises
    ------
    ValueError
        If there is no such file, a row has more or fewer fields than the first, or the fields are divided by
        something else than ``sep``.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.tables import open_table
    >>> table = pd.DataFrame({"kind": ["instruction", "choice"], "key": [None, 1]})
    >>> open_table(table, where={"kind": "choice"})
         kind  key
    1  choice  1.0
    """
    if isinstance(source, pd.DataFrame):
        table = source.reset_index(drop=True)
    else:
        paths = _paths(source)
        tables = [_open_one(path, sep, decimal, encoding, text) for path in paths]
        table = tables[0] if len(paths) == 1 else _one_below_the_other(paths, tables)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"The table has two columns {twice[0]!r}; rename one of them.")
    for column, values in (where or {}).items():
        if column not in table.columns:
            there = ", ".join(map(repr, table.columns))
            raise ValueError(f"where names the column {column!r}, which the table lacks; it has {there}.")
        if callable(values):
            kept, wanted = np.asarray(values(table[column]), bool), ["what where asks for"]
        else:
            wanted = list(values) if isinstance(values, list | tuple | set) else [values]
            texts = {str(x) for x in wanted}  # a column of labels holds texts, though they may be numbers
            kept = table[column].map(lambda x: x in wanted or str(x) in texts).to_numpy(bool)
        if not kept.any():
            raise ValueError(
                f"No row has {' or '.join(map(repr, wanted))} in column {column!r}; there are "
                f"{_some(table[column])}."
            )
        table = table[kept]
    if table.empty:
        raise ValueError("The table has no rows.")
    return table


def _some(values):
    return ", ".join(values.map(repr).drop_duplicates().head(5))


def _paths(source):
    if isinstance(source, str | Path):
        text = str(source)
        if any(sign in text for sign in "*?[") and not Path(text).exists():
            paths = [Path(path) for path in sorted(glob.glob(text))]
            if not paths:
                raise ValueError(f"No file fits the pattern {text!r}.")
            return paths
        source = [source]
    paths = [Path(path) for path in source]
    for path in paths:
        if not path.is_file():
            raise ValueError(f"There is no file {str(path)!r} (the working folder is {Path.cwd()}).")
    if not paths:
        raise ValueError("There is no file to read: the list is empty.")
    return paths


def _open_one(path, sep, decimal, encoding, labels):
    ending = path.suffix.lower()
    if ending in (".xlsx", ".xls", ".ods"):
        try:
            return pd.read_excel(path)
        except Exception as error:  # of many packages
            raise ValueError(f"{path.name} cannot be read: {error}") from error
    try:
        raw = path.read_bytes()
        text = raw.decode(encoding).removeprefix("\ufeff")
    except (UnicodeError, LookupError) as error:
        raise ValueError(
            f"{path.name} cannot be read as {encoding}: {error}. Pass encoding=, for example 'utf-16' or"
            " 'latin-1'."
        ) from error
    if codecs.lookup(encoding).name == "utf-16" and not raw.startswith(MARKS_OF_UTF_16):
        raise ValueError(
            f"{path.name} does not begin as files in UTF-16 do. Leave encoding= out, or pass 'latin-1' or"
            " 'utf-16-le'."
        )
    if "\0" in text:
        raise ValueError(
            f"{path.name} holds zero bytes, so it is not text in {encoding}. Pass encoding='utf-16'?"
        )
    if ending == ".json":
        return _rows_of_json(path, text)
    text = re.sub("\r\n?", "\n", text)
    text = re.sub(r'\n"?END OF FILE"?,*\s*$', "\n", text)  # Gorilla's last line
    _check_fields(path, text, sep)
    try:
        return pd.read_csv(
            StringIO(text),
            sep=sep,
            decimal=decimal,
            index_col=False,
            dtype=dict.fromkeys(labels, str),
            low_memory=False,
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path.name} cannot be read as a table: {error}") from error


def _rows_of_json(path, text):
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name} is not whole JSON: {error}.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path.name} must hold a list of rows, each with named entries.")
    return pd.DataFrame(rows)


def _check_fields(path, text, sep):
    """Every line has as many fields as the first, since pandas fills up short lines without a word."""
    if not text.strip():
        raise ValueError(f"{path.name} is empty.")
    if text.lstrip()[0] in "[{":
        raise ValueError(f"{path.name} holds JSON, not a table; let its name end in .json.")
    header, _, below = text.lstrip("\n").partition("\n")
    if re.fullmatch(r'"?sep=.?"?', header.strip()):
        raise ValueError(
            f"The first line of {path.name} is {header!r}, which is a note for spreadsheets; delete it, and "
            "pass sep= if the sign in it is no comma."
        )
    again = below.split("\n").index(header) if f"\n{header}\n" in f"\n{below}\n" else -1
    if again >= 0:
        raise ValueError(
            f"Row {again} of {path.name} repeats the first line. If files were put one below the other,"
            " delete that line, and see that nobody's rows are there twice."
        )
    if sep not in header:
        other = [sign for sign in ",;\t|" if sign != sep and sign in header]
        if other:
            raise ValueError(
                f"The first line of {path.name} has no {sep!r} but {other[0]!r}: pass sep={other[0]!r}."
            )
    names = next(csv.reader([header], delimiter=sep))
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise ValueError(f"{path.name} has two columns {twice[0]!r}; rename one of them.")
    if '"' in text:  # fields may hold separators and line ends; only a parser knows
        csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # an answer in a survey may be long
        lines = csv.reader(StringIO(text), delimiter=sep)
        counts = np.array([len(line) for line in lines if line])
    else:
        raw = np.frombuffer(text.strip("\n").encode() + b"\n", np.uint8)
        ends = np.flatnonzero(raw == ord("\n"))
        before = np.concatenate([[0], np.cumsum(raw == ord(sep))[ends]])
        counts = np.diff(before) + 1
        counts = counts[np.diff(np.concatenate([[-1], ends])) > 1]  # not those of blank lines
    odd = np.flatnonzero(counts != counts[0])
    if len(odd):
        raise ValueError(
            f"Row {odd[0] - 1} of {path.name} has {counts[odd[0]]} fields, but the first line names"
            f" {counts[0]} columns. Was the file cut off, or does a field hold the separator?"
        )


def _one_below_the_other(paths, tables):
    for path, table in zip(paths, tables):
        if FILE in table.columns:
            raise ValueError(
                f"{path.name} has a column {FILE!r}, which is to hold the name of the file; rename it."
            )
    names = [f"{row} of {path.name}" for path, table in zip(paths, tables) for row in range(len(table))]
    tables = [table.assign(**{FILE: path.stem}) for path, table in zip(paths, tables)]
    return pd.concat(tables, ignore_index=True, join="inner").set_axis(names)
