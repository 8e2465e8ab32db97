"""Formulas: the columns that they make of a table, and what these are called and compare."""

import re
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.columns import alike

__all__ = ["Term", "columns_of", "names_in"]


class Term(NamedTuple):
    """One column of a formula, as it stands in the model.

    ``label`` is what it is called (``"diagnosis: patient"``). ``meaning`` says what is compared: two labels
    (``"patient − control"``), or numbers that lie one SD apart (``"1 SD = 9.8, mean 34.2"``, in the column's
    own units). ``low`` and ``high`` are what the centred column holds at the two ends of the comparison; 0 is
    its mean over people, or over conditions. Where the column has more than two values, the ends are −0.5 and
    0.5.
    """

    parameter: str
    label: str
    meaning: str
    low: float
    high: float


def names_in(formula: str) -> list[str]:
    """The columns that a formula reads, and the functions in it that formulas do not know.

    Examples
    --------
    >>> from rwlib.fitting.formulas import names_in
    >>> names_in("diagnosis * log(age)")
    ['age', 'diagnosis']
    """
    from formulaic import Formula

    return _names(_factors(Formula(formula)))


def columns_of(
    parameter: str, formula: str, table: pd.DataFrame, data: ChoiceData, what: str
) -> list[tuple[Term, np.ndarray]]:
    """Each column that a formula makes of a table, centred, and what it is called.

    Parameters
    ----------
    parameter : str
        Whose formula it is.
    formula : str
    table : pandas.DataFrame
        The columns that it may read, with a row for each person or condition.
    data : ChoiceData
        Named in messages: what other columns there are.
    what : {"people", "conditions"}
        What a row of the table is.

    Returns
    -------
    columns : list of (Term, array of shape (n_rows,))
        In units that :func:`rwlib.fitting.effects.describe` explains.

    Raises
    ------
    ValueError
        If the formula cannot be read or evaluated, names no column or leaves out the intercept, or a column
        is unknown, constant, incomplete, not finite, or follows from others.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.formulas import columns_of
    >>> data = rwlib.ChoiceData([[0, 1]] * 3, [[1.0, 0.0]] * 3, people={"age": [20, 30, 40]})
    >>> ((term, column),) = columns_of("beta", "log(age)", data.person_table, data, "people")
    >>> term.label, term.meaning, column.round(2).tolist()
    ('log(age)', '1 SD = 0.284, mean 3.36', [-1.29, 0.15, 1.15])
    """
    from formulaic import Formula  # takes a while, and few fits need it

    where = f"The formula {formula!r} of {parameter!r}"
    try:
        parsed = Formula(formula)
        factors = _factors(parsed)
        as_labels = {name for factor in factors if factor.expr.startswith("C(") for name in _names([factor])}
        for column in _names(factors):
            _check_column(where, column, table, data, what, column in as_labels)
    except ValueError:
        raise
    except Exception as error:  # formulaic raises several of its own, and Python's
        raise ValueError(f"{where} cannot be read: {str(error).splitlines()[0]}") from error
    meanings = {}
    in_units = partial(_in_units, where, table.index, factors, meanings)
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused by name
            matrix = _each_in_units(parsed, factors).get_model_matrix(
                table, context={"in_units": in_units}, na_action="raise"
            )
    except Exception as error:
        # formulaic wraps what its functions raise
        refused = next((e for e in (error, error.__cause__) if isinstance(e, _Refused)), None)
        raise ValueError(f"{refused or f'{where} cannot be evaluated: {error}'}") from error
    if "Intercept" not in getattr(matrix, "columns", ()):
        raise ValueError(f"{where} has no intercept, which is the group mean: leave out '0', '-1' and '~'.")
    contrasts = {str(factor): state for factor, state in matrix.model_spec.factor_contrasts.items()}
    found, before = [], [np.ones(len(table))]
    for name in matrix.columns.drop("Intercept"):
        column = matrix[name].to_numpy(float)
        label, meaning = _words(name, factors, meanings, contrasts)
        if np.linalg.matrix_rank(np.stack([*before, column])) == len(before):
            others = ", ".join(repr(term.label) for term, _ in found) or "the group mean"
            raise ValueError(
                f"{where} has the column {label!r}, which follows from {others}: what belongs to which "
                "cannot be told. Leave one of them out."
            )
        before.append(column)
        centred = column - column.mean()
        # The two that are compared, or half an SD to both sides of the mean.
        ends = (centred.min(), centred.max()) if len(set(column)) == 2 else (-0.5, 0.5)
        found.append((Term(parameter, label, meaning, *map(float, ends)), centred))
    if not found:
        columns = list(_tables(data)[what].columns)
        raise ValueError(f"{where} names no column: leave it out, or name one of {columns}.")
    return found


def _tables(data):
    return {"people": data.person_table, "conditions": data.condition_table}


def _factors(parsed):
    """What a formula multiplies and adds: columns, and functions of them."""
    return list(dict.fromkeys(x for term in parsed for x in term.factors if x.eval_method.value != "literal"))


def _names(factors):
    """The columns and functions that are named, in alphabetical order, but for those that formulas know."""
    from formulaic.transforms import TRANSFORMS
    from formulaic.utils.variables import get_expression_variables

    named = set()
    for factor in factors:
        if factor.eval_method.value == "lookup":
            named.add(factor.expr)
            continue
        quoted = re.findall("`(.+?)`", factor.expr)
        rest = get_expression_variables(re.sub("`.+?`", "0", factor.expr), {})
        named |= {*quoted, *(str(x).split(".")[0] for x in rest)} - TRANSFORMS.keys()
    return sorted(named)


def _check_column(where, column, table, data, what, as_labels):
    if column not in table.columns:
        of_what = _tables(data)
        there = ", ".join(map(repr, of_what[what].columns)) or "none"
        other, argument = {"people": ("conditions", "within"), "conditions": ("people", "group")}[what]
        remedy = f"Read them with {dict(people='people=', conditions='block=')[what]}[{column!r}]."
        if column in of_what[other].columns:
            remedy = f"{column!r} is a column about {other}: give it to {argument}."
        raise ValueError(
            f"{where} reads {column!r}, but the data's columns about {what} are {there}. {remedy}"
        )
    values = table[column]
    missing = values.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"{where} reads {column!r}, which has no value for {_row(table.index, missing)}. Leave that out "
            "with where=, or fill it in."
        )
    if not pd.api.types.is_numeric_dtype(values):
        _check_labels(where, column, values, as_labels)
    if values.nunique() == 1:
        (value,) = values.unique().tolist()
        raise ValueError(
            f"{where} reads {column!r}, which is {value!r} for every {table.index.name}: it cannot explain a "
            "difference. Leave it out."
        )


def _check_labels(where, column, values, as_labels):
    """Refuse labels that may be slips: text among numbers, and one word written in two ways."""
    labels = values[~values.map(lambda x: isinstance(x, bool | np.bool_))].map(str)
    numbers = pd.to_numeric(labels.str.replace(",", "."), errors="coerce").notna()
    commas = labels.str.fullmatch(r"\s*[+-]?\d*,\d+\s*")
    if not as_labels and ((numbers.any() and not numbers.all()) or commas.any()):
        text = labels[~numbers | commas].iloc[0]
        raise ValueError(
            f"{where} reads {column!r}, which has the text {text!r} among numbers. Make numbers of all its "
            f"values, or write C({column}) if they are labels."
        )
    blank = labels.str.strip() == ""
    if blank.any():
        raise ValueError(
            f"{where} reads {column!r}, which holds blanks alone for {_row(values.index, blank.to_numpy())}."
        )
    if pair := alike(pd.unique(labels)):
        raise ValueError(
            f"{where} reads {column!r}, in which {pair[0]!r} and {pair[1]!r} differ by case or blanks alone: "
            "write them in the same way."
        )


def _row(index, where):
    """The first row for which something holds, by its label."""
    return f"{index.name} {index[where].tolist()[0]!r}"


# Units


class _Refused(ValueError):
    """What is raised from within formulaic, to be told from its own errors."""


def _each_in_units(parsed, factors):
    """The formula with a call of in_units around each factor: units are taken of what a function returns, and
    before products are."""
    from formulaic import Formula
    from formulaic.parser.types import Factor, Term

    def wrapped(factor):
        if factor not in factors:
            return factor
        inner = f"`{factor.expr}`" if factor.eval_method.value == "lookup" else factor.expr
        return Factor(f"in_units({inner}, number={factors.index(factor)})", eval_method="python")

    return Formula([Term(map(wrapped, term.factors)) for term in parsed])


def _in_units(where, index, factors, meanings, values, number):
    """Factor ``number`` as the model multiplies it, leaving in ``meanings`` what one step of it means."""
    from formulaic.materializers.types import FactorValues

    if isinstance(values, FactorValues) and values.__formulaic_metadata__.kind.value == "categorical":
        return values  # of C(…), which has its own contrasts
    if isinstance(values, FactorValues):  # of a function with several columns, such as poly
        columns = values.__wrapped__
        if not isinstance(columns, Mapping):
            names = values.__formulaic_metadata__.column_names or ()
            columns = dict(zip(names, np.transpose(columns), strict=True))
        meanings[number] = "1 SD"
        return {name: _standardised(column) for name, column in columns.items()}
    values = pd.Series(values)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.astype(float)
        unusable = ~np.isfinite(numbers.to_numpy())
        if unusable.any():
            value, row = numbers[unusable].iloc[0], _row(index, unusable)
            raise _Refused(f"{where}: {factors[number].expr!r} is {value:g} for {row}.")
        if numbers.nunique() == 1:
            raise _Refused(
                f"{where}: {factors[number].expr!r} is the same for every {index.name}. Leave it out."
            )
        if numbers.nunique() == 2:
            low, high = numbers.min(), numbers.max()
            meanings[number] = f"{high:g} − {low:g}"
            return (numbers - low) / (high - low)
        meanings[number] = f"1 SD = {numbers.std(ddof=0):.3g}, mean {numbers.mean():.3g}"
        return _standardised(numbers)
    return pd.Series(pd.Categorical(values.map(str)), values.index)


def _standardised(numbers):
    return (numbers - np.mean(numbers)) / np.std(numbers)


def _words(name, factors, meanings, contrasts):
    """What a column of the matrix is called, and what it compares."""
    from formulaic.transforms.contrasts import TreatmentContrasts

    labels, compared = [], []
    each_factor = r"(in_units\(.*?, number=(\d+)\))(?:\[(.*?)\])?(?=:in_units\(|$)"
    for call, number, field in re.findall(each_factor, name):
        factor = factors[int(number)]
        column, state = factor.expr, contrasts.get(call)
        if state is None:
            labels.append(f"{column}[{field}]" if field else column)
            compared.append(meanings[int(number)])
            continue
        if column.startswith("C("):
            (column,) = _names([factor])
        level, of_all = field.removeprefix("T."), field in map(str, state.levels)
        labels.append(f"{column}: {level}")
        if of_all:  # beside the others' columns, as in an interaction without the main effect
            compared.append(level)
        elif isinstance(state.contrasts, TreatmentContrasts):
            base = state.contrasts.base
            compared.append(f"{level} − {base if base in state.levels else state.levels[0]}")
        else:
            compared.append("as in the formula")
    together = " × ".join(f"({x})" for x in compared) if len(compared) > 1 else compared[0]
    return " × ".join(labels), together
