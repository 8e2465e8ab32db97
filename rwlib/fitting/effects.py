"""Parameters that follow columns about people, and that move with conditions: from formulas to a model and
the columns that it multiplies."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.fitting.formulas import Term, columns_of, names_in
from rwlib.fitting.models import Effect, GroupParameter, Model, Regressors, Shift

__all__ = ["Described", "describe"]


class Described(NamedTuple):
    """A model with effects and shifts, the data as it scores them, and what its terms are called.

    ``data`` has a row for each person. With ``within`` it has one for each condition of each person, all
    people's first condition before their second, and its ``trials`` say where in a person's session each
    trial stands. ``regressors`` holds the centred columns: ``of_people`` with shape (n_effects, n_subjects),
    and ``of_conditions`` with shape (n_shifts, n_conditions). It is None without a formula. ``effects`` and
    ``shifts`` say what each of these columns is, and ``conditions`` what each condition is called.
    """

    model: Model
    data: ChoiceData
    regressors: Regressors | None
    effects: tuple[Term, ...] = ()
    shifts: tuple[Term, ...] = ()
    conditions: tuple[str, ...] = ()


def describe(
    data: ChoiceData,
    model: Model,
    group: Mapping[str, str] | None = None,
    within: Mapping[str, str] | None = None,
) -> Described:
    """Let parameters follow columns about people, and move with conditions.

    All of it happens before the transform: in log odds for a rate, in logarithms for ``beta``.

    For a parameter in ``group``, the group mean of person i becomes μ + Σₖ γₖ xₖᵢ, with a column x and a
    coefficient γ for each term of the formula. Each coefficient is N(0, ``mean_scale``), as wide as the prior
    of the parameter's own group mean.

    A parameter in ``within`` becomes θᵢ + Σₖ cₖ Δₖᵢ for person i in a condition whose codes are c. Each
    person has a shift Δ of their own. Over people it is normal, with a mean that is N(0, ``mean_scale``) and
    an SD that is half-normal with scale ``sd_scale / 2``, half of the scale for the parameter's own SD.

    A formula reads columns in these units:

    - labels, and True and False: a column for each label but the first in alphabetical order, which is 1 for
      that label and 0 for the others. ``C(diagnosis, Treatment("patient"))`` compares with another label, and
      ``C(visit)`` takes numbers as labels;
    - numbers of two values: 0 for the smaller and 1 for the larger;
    - other numbers: minus their mean, divided by their SD, over people or over conditions. Of a function, as
      in ``log(age)`` or ``poly(age, 2)``, it is what the function returns that is so divided.

    Every column that results is centred, so that μ is the mean over these people whatever the columns are,
    and θᵢ lies in the middle of the conditions. Beside a product, as in ``"diagnosis * age"``, the
    coefficient of one column is its effect where the other is 0 in the units above: at the first label, the
    smaller number, or the mean.

    Parameters
    ----------
    data : ChoiceData
    model : Model
    group : dict of formulas, optional
        For each parameter the columns of ``data.people`` that it follows: ``{"alpha_neg": "diagnosis +
        age"}``.
    within : dict of formulas, optional
        For each parameter the columns of ``data.conditions`` that it moves with: ``{"beta": "drug"}``.

    Returns
    -------
    described : Described
        Without a formula: model and data as they are, and no regressors.

    Raises
    ------
    ValueError
        If ``group`` or ``within`` is no dictionary, a parameter or column is unknown, a formula cannot be
        read or evaluated, names no column or leaves out the intercept, or a column is constant, incomplete,
        or follows from others; with ``within`` also if nobody was in more than one condition.

    References
    ----------
    Formulas: Wilkinson, G. N., & Rogers, C. E. (1973). Symbolic description of factorial models for analysis
    of variance. https://doi.org/10.2307/2346786. Why columns are centred and numbers scaled (there by two
    SDs): Gelman, A. (2008). Scaling regression inputs by dividing by two standard deviations.
    https://doi.org/10.1002/sim.3107

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.effects import describe
    >>> people = {"diagnosis": ["control", "patient", "patient", "control"]}
    >>> data = rwlib.ChoiceData([[0, 1]] * 4, [[1.0, 0.0]] * 4, people=people)
    >>> described = describe(data, rwlib.SYMMETRIC, group={"alpha": "diagnosis"})
    >>> described.effects[0].label, described.regressors.of_people.tolist()
    ('diagnosis: patient', [[-0.5, 0.5, 0.5, -0.5]])

    With conditions, the data have a row for each condition of each person:

    >>> design = rwlib.Design(block=[0, 1])
    >>> data = rwlib.ChoiceData([[0, 1]] * 4, [[1.0, 0.0]] * 4, design=design, conditions={"dose": [0, 20]})
    >>> described = describe(data, rwlib.SYMMETRIC, within={"alpha": "dose"})
    >>> described.data.choices.shape, described.conditions, described.shifts[0].meaning
    ((8, 1), ('0', '20'), '20 − 0')
    """
    _check_formulas("group", group, model)
    _check_formulas("within", within, model)
    if not group and not within:
        return Described(model, data, None)
    scales = {p.name: p for p in model.parameters}
    of_people, effects, terms = [], [], []
    for parameter, formula in (group or {}).items():
        for term, column in columns_of(parameter, formula, data.person_table, data, "people"):
            terms.append(term)
            of_people.append(column)
            effects.append(Effect(parameter, scales[parameter].mean_scale))

    conditions, split = _conditions(data, within), data
    of_conditions, shifts, moved = [], [], []
    if within:
        for parameter, formula in within.items():
            for k, (term, column) in enumerate(
                columns_of(parameter, formula, conditions.table, data, "conditions")
            ):
                moved.append(term)
                of_conditions.append(column)
                p = scales[parameter]
                over_people = GroupParameter(
                    f"{parameter}_shift_{k}", "identity", 0.0, p.mean_scale, p.sd_scale / 2
                )
                shifts.append(Shift(parameter, over_people))
        split = _by_condition(data, conditions.of_block, len(conditions.table))
    regressors = Regressors(
        np.array(of_people, float).reshape(-1, data.n_subjects),
        np.array(of_conditions, float).reshape(-1, len(conditions.table)),
    )
    described = model._replace(effects=tuple(effects), shifts=tuple(shifts))
    return Described(described, split, regressors, tuple(terms), tuple(moved), conditions.labels)


def _check_formulas(what, formulas, model):
    """Refuse what cannot be a formula for a parameter."""
    if formulas is None:
        return
    if not isinstance(formulas, Mapping):
        raise ValueError(f"{what} is {formulas!r}; give a dictionary, as in {what}={{'beta': 'drug'}}.")
    names = [p.name for p in model.parameters]
    for parameter, formula in formulas.items():
        if parameter not in names:
            raise ValueError(
                f"{what} names {parameter!r}, which is no parameter of the model {model.name!r}; it has "
                f"{', '.join(map(repr, names))}."
            )
        if not isinstance(formula, str) or not formula.strip():
            raise ValueError(
                f"{what}[{parameter!r}] is {formula!r}; give a formula as text, such as 'diagnosis + age'."
            )


# Conditions


class _Conditions(NamedTuple):
    """What differs between blocks, as far as formulas read it: a row for each combination that occurs."""

    table: pd.DataFrame
    labels: tuple[str, ...]
    of_block: np.ndarray  # the number of each block's condition


def _conditions(data, within):
    table = data.condition_table
    used = []
    for formula in (within or {}).values():
        try:
            used += names_in(formula)
        except Exception:  # said by columns_of
            continue
    used = [column for column in table.columns if column in used]
    if not used:
        return _Conditions(pd.DataFrame(index=pd.RangeIndex(1, name="condition")), (), np.zeros(0, int))
    codes, _ = pd.factorize(pd.MultiIndex.from_frame(table[used].astype(object)))
    first = pd.Series(codes).drop_duplicates().index
    conditions = table.iloc[first][used].reset_index(drop=True)
    conditions.index.name = "condition"
    labels = tuple(", ".join(map(str, row)) for row in conditions.itertuples(index=False))
    return _Conditions(conditions, labels, codes)


def _by_condition(data, of_block, n_conditions):
    """The same trials with a row for each condition of each person: everybody's first condition, then
    everybody's second. A condition that a person did not play is masked. ``trials`` says where each trial
    comes from."""
    mask, block = np.asarray(data.mask), np.asarray(data.design.block)
    run = np.cumsum(np.diff(block, axis=1, prepend=block[:, :1]) != 0, axis=1)  # a block may come back
    condition = np.where(mask, of_block[block], -1)
    in_several = [len(set(row[row >= 0])) > 1 for row in condition]
    if not any(in_several):
        raise ValueError(
            "within is for conditions of the same people, but everybody was in one condition only. Read the "
            "column with people=, and give it to group."
        )
    length = max(int((condition == c).sum(axis=1).max()) for c in range(n_conditions))
    rows, take, there = [], [], []
    for c in range(n_conditions):
        for person in range(data.n_subjects):
            trials = np.flatnonzero(condition[person] == c)
            rows.append(person)
            take.append(np.pad(trials, (0, length - len(trials)), mode="edge" if len(trials) else "constant"))
            there.append(np.arange(length) < len(trials))
    rows, take, there = np.array(rows)[:, None], np.array(take), np.array(there)
    pick = lambda x: np.asarray(x)[rows, take]  # noqa: E731
    design = data.design._replace(block=run)
    design = Design(**{name: _picked(getattr(design, name), pick) for name in Design._fields})
    if design.forced is not None:
        design = design._replace(forced=np.where(there, design.forced, -1))
    return ChoiceData(
        np.where(there, pick(data.choices), 0),
        np.where(there, pick(data.rewards), 0.0),
        there,
        n_actions=data.n_actions,
        design=design,
        trials=np.where(there, take, -1),
    )


def _picked(part, pick):
    if part is None:
        return None
    return {name: pick(x) for name, x in part.items()} if isinstance(part, Mapping) else pick(part)
