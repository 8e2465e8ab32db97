"""Files of many kinds, opened as one pandas table in which every row has as many fields as the first."""

import codecs
import csv
import glob
import json
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.columns import written

__all__ = ["open_table"]

FILE = "file"  # the column that says from which file a row is, where there are several
MARKS_OF_PACKED_FILES = b"\x1f\x8b", b"PK\x03\x04"  # gzip and zip
MARKS_OF_UTF_16 = codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE


def open_table(
    source: str | Path | pd.DataFrame | Iterable[str | Path],
    *,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
    where: Mapping[str, object] | None = None,
    text: tuple[str, ...] = (),
    needed: Sequence[str] = (),
) -> pd.DataFrame:
    """Open a table, or many that belong together.

    Parameters
    ----------
    source : path, pattern, sequence of paths, or DataFrame
        A CSV file, a JSON file with a list of rows (as jsPsych writes), or an Excel file of one sheet (which
        needs ``pip install rwlib[excel]``). A pattern such as ``"data/*.csv"`` stands for all files that fit.
    sep, encoding : str
        How files of text are written: ``";"`` or ``"\\t"`` between the fields of a CSV file, ``"utf-16"``.
        They say nothing of a DataFrame.
    decimal : str
        The sign of decimals wherever numbers are written as texts.
    where : dict, optional
        Rows to keep: for each column the value, or a list of the values, that they must have; or a function
        of the column that says which rows, such as ``pandas.Series.notna`` where it must not be empty.
    text : tuple of str
        Columns of CSV files that hold labels: ``01`` stays another label than ``1``.
    needed : sequence of str
        Columns that every file must have, if any has them. Those of ``where`` are among them.

    Returns
    -------
    table : DataFrame
        Its index is the number of each row in its file, from 0 below the header. If there are several files,
        a column ``file`` holds a file's name without its ending, behind its folders where names repeat; what
        a file lacks is empty. The table's ``attrs`` keep the sign of decimals.

    Raises
    ------
    ValueError
        If there is no such file, a row has more or fewer fields than the first, the fields are divided by
        something else than ``sep``, or one of several files lacks a column that is needed.

    Warns
    -----
    UserWarning
        If some of several files have the same name, and ``file`` is among the columns that are needed.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.tables import open_table
    >>> table = pd.DataFrame({"kind": ["instruction", "choice"], "key": [None, 1]})
    >>> open_table(table, where={"kind": "choice"})
         kind  key
    1  choice  1.0
    """
    needed = [*needed, *(where or {})]
    if isinstance(source, pd.DataFrame):
        table = _with_plain_index(source, needed)
    else:
        paths = _paths(source)
        tables = [_open_one(path, sep, decimal, encoding, text) for path in paths]
        table = tables[0] if len(paths) == 1 else _one_below_the_other(paths, tables, needed)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"The table has two columns {twice[0]!r}; rename one of them.")
    for column, values in (where or {}).items():
        if column not in table.columns:
            there = ", ".join(map(repr, table.columns))
            raise ValueError(f"where names the column {column!r}, which the table lacks; it has {there}.")
        table = table[_kept(table[column], values)]
    if table.empty:
        raise ValueError("The table has no rows.")
    table.attrs = {"decimal": decimal}
    return table


def _with_plain_index(table, needed):
    if table.columns.nlevels > 1:
        raise ValueError(
            f"The table's columns have names of {table.columns.nlevels} parts, such as {table.columns[0]!r}; "
            "give each a single one, as in table.columns = ['_'.join(names) for names in table.columns]."
        )
    for column in needed:
        if column in table.index.names and column not in table.columns:
            raise ValueError(
                f"{column!r} is in the table's index and not among its columns: give table.reset_index()."
            )
    return table.reset_index(drop=True)


def _kept(cells, values):
    """Which rows have what ``where`` asks for in one column."""
    if isinstance(values, Callable):
        kept, wanted = values(cells), ["what where asks for"]
        if np.shape(kept) != (len(cells),) or not pd.api.types.is_bool_dtype(pd.Series(kept)):
            raise ValueError(
                f"The function in where for column {cells.name!r} gives something of type "
                f"{type(kept).__name__}; it must give True or False for each row."
            )
        kept = pd.Series(kept).to_numpy(bool, na_value=False)
    else:
        several = pd.api.types.is_list_like(values)
        wanted = list(values) if several else [values]
        filled = [x for x in wanted if not _is_empty(x)]
        texts = {written(x) for x in filled}  # a column of labels holds texts, though they may be numbers

        def fits(x):
            return len(filled) < len(wanted) if _is_empty(x) else written(x) in texts or x in filled

        try:
            codes, kinds = pd.factorize(cells, use_na_sentinel=False)
            kept = np.array([fits(x) for x in kinds], bool)[codes]
        except TypeError:  # cells may be lists, in JSON
            kept = cells.map(fits).to_numpy(bool)
    if not kept.any():
        raise ValueError(
            f"No row has {' or '.join(map(repr, wanted))} in column {cells.name!r}; there are {_some(cells)}."
        )
    return kept


def _is_empty(x):
    return pd.api.types.is_scalar(x) and pd.isna(x)


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
        return _sheet(path)
    try:
        raw = path.read_bytes()
        if raw.startswith(MARKS_OF_PACKED_FILES):
            raise ValueError(f"{path.name} is a packed file, not a table: unpack it first.")
        text = raw.decode(encoding).removeprefix("\ufeff")
    except (UnicodeError, LookupError) as error:
        raise ValueError(
            f"{path.name} cannot be read as {encoding}: {error}. Pass encoding=, for example 'utf-16' or"
            " 'latin-1'. If it is no text but a file of SPSS, MATLAB or R, open it with pandas or another"
            " package, and give the DataFrame."
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


def _sheet(path):
    try:
        sheets = pd.read_excel(path, sheet_name=None)
    except ImportError as error:
        raise ValueError(f"{path.name} cannot be read: {error} pip install 'rwlib[excel]' does.") from error
    except Exception as error:  # of many packages
        raise ValueError(f"{path.name} cannot be read: {error}") from error
    filled = {name: sheet for name, sheet in sheets.items() if len(sheet)}
    if len(filled) > 1:
        raise ValueError(
            f"{path.name} has {len(filled)} sheets with rows: {', '.join(map(repr, filled))}. Open the one "
            f"that you mean with pandas.read_excel(path, sheet_name={next(iter(filled))!r}), and give that."
        )
    return next(iter((filled or sheets).values()))


def _rows_of_json(path, text):
    def row_from(pairs):
        row = dict(pairs)
        if len(row) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"{path.name} has a row with two entries {twice!r}; nobody knows which counts.")
        return row

    try:
        rows = json.loads(text, object_pairs_hook=row_from)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path.name} is not whole JSON: {error}. If each of its lines is a row, open it with "
            "pandas.read_json(path, lines=True), and give that."
        ) from error
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


def _one_below_the_other(paths, tables, needed):
    for path, table in zip(paths, tables):
        if FILE in table.columns:
            raise ValueError(
                f"{path.name} has a column {FILE!r}, which is to hold the name of the file; rename it."
            )
    labels = _names_of_files(paths)
    for column in needed:
        lack = [label for label, table in zip(labels, tables) if column not in table.columns]
        if 0 < len(lack) < len(paths):
            raise ValueError(
                f"{len(lack)} of {len(paths)} files have no column {column!r}, which the others have: the "
                f"first is {lack[0]}."
            )
    stems = [path.stem for path in paths]
    if FILE in needed and 1 < len(set(stems)) < len(stems):  # where all are called alike, folders are people
        twice = [label for label, stem in zip(labels, stems) if stems.count(stem) > 1]
        warnings.warn(
            f"{twice[0]!r} and {twice[1]!r} are files of the same name, and are read as two. If one person"
            " has both, put the tables together with pandas.concat, with a column that says who it is.",
            stacklevel=4,
        )
    rows = [
        f"{row} of {label}{path.suffix}"
        for label, path, table in zip(labels, paths, tables)
        for row in range(len(table))
    ]
    tables = [table.assign(**{FILE: label}) for label, table in zip(labels, tables)]
    return pd.concat(tables, ignore_index=True).set_axis(rows)


def _names_of_files(paths):
    """Names without endings, with as many folders before them as it takes to tell them apart."""
    parts = [path.absolute().with_suffix("").parts for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(of_one[-depth:]) for of_one in parts]
        if len(set(labels)) == len(labels):
            return labels
    twice = next(path for i, path in enumerate(paths) if parts.index(parts[i]) < i)
    raise ValueError(f"{str(twice)!r} is read twice, or with two endings; give each file once.")
