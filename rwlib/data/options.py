"""Which action was chosen in each row of a table, and which ones were on offer."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rwlib.data.columns import (
    WHOLE,
    alike,
    as_shown,
    floats_in,
    labels_of,
    numbers_in,
    row_where,
    written,
)
from rwlib.data.labels import Labels

__all__ = ["Options", "labels_listed_in", "options_in"]

NOTHING = object()  # where a row offers less than others


class Options(NamedTuple):
    """What a table says of choices, row by row."""

    made: np.ndarray  # where there was a choice
    chosen: np.ndarray  # number of the action; anything where there was none
    offered: np.ndarray | None  # which actions were on offer, one column each
    actions: list | None  # what the actions are called
    suspicions: list  # a sentence, where choices could be places as well


def options_in(
    table: pd.DataFrame,
    choice: str,
    n_actions: int | None,
    actions: Labels | None,
    offered: Mapping | Sequence[str],
    choice_is: str | Sequence | None,
) -> Options:
    """Read choices, and what was on offer if a table says so; the arguments are those of ``read_choices``."""
    if actions is None and not offered:
        return _numbered(table, choice, n_actions)

    picked = labels_of(table, choice)
    made = picked.notna().to_numpy()
    shown = _on_offer(table, offered, made) if offered else None
    if actions is None:
        found = [label for label in pd.unique(shown.to_numpy().ravel()) if label is not NOTHING]
        actions = sorted(found, key=lambda x: (isinstance(x, str), x))
    actions = list(actions)
    numbers = {written(label): i for i, label in enumerate(actions)}  # in a file 1 and "1" are the same
    if len(numbers) < len(actions):
        raise ValueError(
            f"actions names {next(x for i, x in enumerate(actions) if numbers[written(x)] != i)!r} twice."
        )
    if n_actions is not None and n_actions != len(actions):
        raise ValueError(
            f"n_actions is {n_actions}, but there are {len(actions)} actions: {_named(actions)}."
        )

    if shown is None:
        return Options(made, _by_name(table, picked, made, actions, numbers, ""), None, actions, [])

    at_places = np.stack([_found(shown[place], {**numbers, written(NOTHING): -1}) for place in shown], axis=1)
    unknown = np.isnan(at_places)
    if unknown.any():
        place, row = row_where(table, unknown.any(axis=1))
        label = shown.iloc[place, int(np.argmax(unknown[place]))]
        raise ValueError(f"{row} offers {label!r}, which is not among the actions {_named(actions)}.")
    at_places = at_places.astype(int)
    was_offered = (at_places[:, :, None] == np.arange(len(actions))).any(axis=1)
    was_offered |= ~was_offered.any(axis=1, keepdims=True)  # where nothing was, and no choice was made

    if choice_is not in ("option", None):
        chosen, suspicions = _by_position(table, picked, made, at_places, offered, choice_is), []
    else:
        places = [*range(at_places.shape[1]), *(offered if len(offered) > 1 else ())]
        a_place = picked.isin(places).to_numpy()
        hint = " Is it a place among what was on offer? Pass choice_is='position'."
        may_be_places = bool(made.any() and a_place[made].all())
        chosen = _by_name(table, picked, made, actions, numbers, hint if may_be_places else "")
        odd = made & ~was_offered[np.arange(len(chosen)), chosen]
        if odd.any():
            place, row = row_where(table, odd)
            on_offer = [label for label in shown.iloc[place] if label is not NOTHING]
            raise ValueError(
                f"{row} has the choice {picked.iloc[place]!r}, but on offer were {_named(on_offer)}."
                + (hint if may_be_places else "")
            )
        suspicions = []
        if choice_is is None and may_be_places and _other_by_place(picked, made, at_places, offered, chosen):
            labels = _named(sorted(picked[made].unique(), key=str))
            suspicions = [
                f"Every choice ({labels}) names an option, and could be a place among {_named(offered)} as "
                "well; it was read as an option. Say which it is: choice_is='option' or choice_is='position'."
            ]
    return Options(made, chosen, was_offered, actions, suspicions)


def _named(labels):
    return ", ".join(map(repr, labels))


def _numbered(table, choice, n_actions):
    """Choices that are numbers from 0, with nothing said about their names."""
    values = table[choice].dropna()
    if len(values) and np.isnan(floats_in(values)).all():
        found = sorted(values.astype(str).unique())[:6]
        twice = alike(found)
        alone = f" (But {twice[0]!r} and {twice[1]!r} differ by case or blanks alone.)" if twice else ""
        raise ValueError(
            f"Row {values.index[0]} has {values.iloc[0]!r} in column {choice!r}, which is not a number. If "
            "that is what an action is called, pass all of them in your order, as in "
            f"actions={found}.{alone}"
        )
    numbers = numbers_in(table, choice, " If it marks a missed trial, pass it as missed.")
    made = ~np.isnan(numbers)

    def refuse(odd, complaint):
        if odd.any():
            place, row = row_where(table, odd)
            value = f"{numbers[place]:.15g}"
            raise ValueError(
                f"{row} has the choice {value} in column {choice!r}; {complaint.format(value=value)}"
            )

    missed = "If {value} marks a missed trial, pass missed={value}."
    refuse(made & (numbers < 0), f"choices are numbered from 0. {missed}")
    refuse(made & (numbers % 1 != 0), "choices must be whole numbers.")
    if made.any() and n_actions is None and numbers[made].min() == 1:
        raise ValueError(
            "The smallest choice is 1, so choices seem to start at 1: pass actions=[1, 2, …] with all of"
            " them. If action 0 exists and was never chosen, pass n_actions."
        )
    if n_actions is None:
        _check_gaps(table, choice, np.unique(numbers[made]), numbers)
    else:
        refuse(
            made & (numbers >= n_actions),
            f"with n_actions={n_actions} the largest is {n_actions - 1}. {missed}",
        )
    return Options(made, numbers, None, None, [])


def _check_gaps(table, choice, found, numbers):
    """Numbers that leave some out may be codes of keys or of missed trials."""
    if len(found) == 0 or len(found) == found[-1] + 1:
        return
    never = int(found[-1]) + 1 - len(found)
    _, row = row_where(table, numbers == found[-1])
    few = ", ".join(f"{x:.15g}" for x in found[:6]) + (", …" if len(found) > 6 else "")
    last = f"{found[-1]:.15g}"
    raise ValueError(
        f"The choices are {few}, so {never} action{'s' * (never > 1)} below the largest one "
        f"{'was' if never == 1 else 'were'} never chosen. {row} is the first with {last} in column "
        f"{choice!r}. If {last} marks a missed trial, pass missed={last}. If these are codes of keys, pass "
        f"all of them as actions=[{few}]. If there really are {found[-1] + 1:.15g} actions, pass "
        f"n_actions={found[-1] + 1:.15g}."
    )


def _found(labels, numbers):
    """The number of each label, NaN for those that have none."""
    return labels.map(
        {label: numbers.get(written(label), np.nan) for label in labels.dropna().unique()}
    ).to_numpy(float)


def _by_name(table, picked, made, actions, numbers, hint):
    chosen = _found(picked, numbers)
    unknown = made & np.isnan(chosen)
    if unknown.any():
        place, row = row_where(table, unknown)
        label = picked.iloc[place]
        missed = "" if hint else f" If it marks a missed trial, pass missed={label!r}."
        other = next((action for action in actions if alike([action, label])), None)
        if other is not None:
            missed = f" It differs from {other!r} by case or blanks alone: write both in the same way."
        elif not hint and made.any() and not np.isfinite(chosen[made]).any():
            missed = " No choice is among them: give the labels as they stand in the column."
        raise ValueError(
            f"{row} has the choice {label!r}, which is not among the actions {_named(actions)}.{hint}{missed}"
        )
    return np.where(made, chosen, 0).astype(int)


def _places(n_places, columns):
    """What places are called, where nothing else is said of them."""
    return {str(i): i for i in range(n_places)} | (
        {name: i for i, name in enumerate(columns)} if len(columns) > 1 else {}
    )


def _other_by_place(picked, made, at_places, columns, chosen):
    """Whether choices can be places, and would then be other actions than as names of options."""
    place = _found(picked[made], _places(at_places.shape[1], columns)).astype(int)
    there = at_places[made][np.arange(len(place)), place]
    return bool((there >= 0).all() and (there != chosen[made]).any())


def _by_position(table, picked, made, at_places, columns, choice_is):
    """The action shown at the place that each choice names."""
    n_places = at_places.shape[1]
    if choice_is == "position":
        called, names = f"0 to {n_places - 1}", _places(n_places, columns)
    else:
        called, names = _named(choice_is), {written(name): i for i, name in enumerate(choice_is)}
        if len(names) != n_places:
            raise ValueError(
                f"choice_is names {len(names)} places ({called}); there are {n_places} in {_named(columns)}."
            )
    place = _found(picked, names)
    odd = made & np.isnan(place)
    place = np.where(np.isnan(place), 0, place).astype(int)
    chosen = at_places[np.arange(len(place)), place]
    odd |= made & (chosen < 0)
    if odd.any():
        first, row = row_where(table, odd)
        raise ValueError(
            f"{row} has the choice {picked.iloc[first]!r}, which is no place in {_named(columns)}: places are"
            f" {called}. If yours are called otherwise, list their names in that order, as in"
            " choice_is=['f', 'j']; if it marks a missed trial, pass it as missed."
        )
    return np.maximum(chosen, 0)


def _on_offer(table, columns, made):
    """What each row offers, at one place in each column; it may be nothing where no choice was made."""
    if len(columns) > 1:
        shown = pd.DataFrame({place: labels_of(table, column) for place, column in enumerate(columns)})
        for place, column in enumerate(columns):
            empty = shown[place].isna().to_numpy()
            if (empty & made).any():
                _, row = row_where(table, empty & made)
                raise ValueError(f"{row} has nothing in column {column!r}; it must say what was on offer.")
        gone = shown.isna().any(axis=1).to_numpy()
        return shown.mask(np.broadcast_to(gone[:, None], shown.shape), NOTHING) if gone.any() else shown
    (column,) = columns
    if isinstance(columns, Mapping):
        said = {written(label): list(labels) for label, labels in columns[column].items()}  # 12 is "12"
        lists = [said.get(written(label), []) for label in labels_of(table, column)]
    else:
        lists = [labels_listed_in(cell) for cell in table[column]]
    empty = np.array([not labels for labels in lists]) & made
    if max(map(len, lists)) <= 1:  # 12 may stand for 1 and 2
        empty[:] = True
    if empty.any():
        place, row = row_where(table, empty)
        raise ValueError(
            f"{row} has {as_shown(table[column], place)} in column {column!r}; it must list what was on offer"
            f", as in 'A,B', or offered= must say it, as in offered={{{column!r}: {{'AB': ['A', 'B']}}}}."
        )
    rows = np.empty((len(lists), max(map(len, lists))), dtype=object)
    for row, labels in enumerate(lists):
        for place in range(rows.shape[1]):
            rows[row, place] = labels[place] if place < len(labels) else NOTHING
    return pd.DataFrame(rows, index=table.index)


def labels_listed_in(cell: object) -> list:
    """The labels in one cell, which is a list or written like one.

    Examples
    --------
    >>> from rwlib.data.options import labels_listed_in
    >>> [labels_listed_in(cell) for cell in ("A|B", "['A', 'B']", "array([0, 2])", "card (red)|card (blue)")]
    [['A', 'B'], ['A', 'B'], [0, 2], ['card (red)', 'card (blue)']]
    """
    if isinstance(cell, str):
        inside = _without_brackets(cell.strip())
        sign = next((sign for sign in "|;," if sign in inside), ",")
        parts = [part.strip(" '\"") for part in inside.split(sign)]
        return [int(part) if WHOLE.fullmatch(part) else part for part in parts if part]
    if isinstance(cell, list | tuple | np.ndarray):
        return [label.item() if isinstance(label, np.generic) else label for label in cell]
    return []


def _without_brackets(text):
    """The inside of a text that stands in brackets as a whole."""
    around = re.fullmatch(r"(?:array|set|tuple|list)?[\[({](.*)[\])}]", text, re.DOTALL)
    if around is None:
        return text
    depth = np.cumsum([(sign in "[({") - (sign in "])}") for sign in around[1]] or [0])
    return text if depth.min() < 0 else _without_brackets(around[1].strip())
