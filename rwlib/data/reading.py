"""From a table with a row for each trial to ChoiceData, and back. Nothing is guessed: what can be read in two ways is refused."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.data.suspicion import suspicions
from rwlib.data.tables import open_table

__all__ = ["read_choices", "write_choices"]


def read_choices(
    source: str | Path | pd.DataFrame | Sequence[str | Path],
    *,
    subject: str = "subject",
    trial: str | None = "trial",
    choice: str = "choice",
    reward: str | Sequence[str] = "reward",
    n_actions: int | None = None,
    actions: Sequence | None = None,
    offered: Sequence[str] | str | None = None,
    choice_is: str = "option",
    block: str | Sequence[str] | None = None,
    feedback: str | None = None,
    forced: str | None = None,
    before: Sequence[str] | Mapping[str, Sequence[str]] = (),
    after: Sequence[str] | Mapping[str, Sequence[str]] = (),
    people: Sequence[str] = (),
    scale: str | Sequence | None = None,
    where: Mapping[str, object] | None = None,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
) -> ChoiceData:
    """Read a table with one row per trial.

    Rows may come in any order: each subject's are sorted by ``trial``. An empty choice is a missed
    trial and is masked. Subjects with fewer trials are masked at the end. Subjects keep the order in
    which they first appear.

    Parameters
    ----------
    source : path, pattern, sequence of paths, or DataFrame
        A CSV, JSON or Excel file, or several: see :func:`rwlib.data.tables.open_table`. With several, ``"file"`` may be
        the ``subject``.
    subject, trial, choice, reward : str
        Names of the columns. ``trial=None`` takes rows in the order in which they stand. Two columns for the reward are
        what was won and what was lost, with either sign.
    n_actions : int, optional
        Number of actions, where choices are numbers 0, 1, 2, … Give it when some action may never have been chosen.
    actions : sequence of labels, optional
        What the table calls the actions: action 0 first. Choices may then be any texts or numbers.
    offered : str or sequence of str, optional
        Columns that say which actions were on offer, such as ``("left", "right")``; or one column that holds a list.
    choice_is : {"option", "position"}, default "option"
        Whether a choice names the action, or the place in ``offered`` where it was shown: 0, 1, … or the column's name.
    block : str or sequence of str, optional
        Columns in which a change begins a new run, with whatever an agent keeps in its memory. Trials may be counted
        anew in each block.
    feedback : str, optional
        Column that is false (0) where the outcome was not shown. The name of the reward's column: it was shown
        where there is one.
    forced : str, optional
        Column that is true (1) where the choice was made for the person.
    before, after : sequence of str, or dict of sequences of str, optional
        Columns that an agent may read before a choice or only after it. A dictionary makes one array of several columns.
    people : sequence of str, optional
        Columns about the person (group, age), which must be the same in all rows of a subject.
    scale : "unit" or (float, float), optional
        Which rewards become 0 and 1. ``"unit"``: the smallest and the largest. Needed where a reward lies outside 0 to 1,
        since an agent's first values, and priors, are for rewards on that scale; ``(0, 1)`` keeps rewards as they are.
    where, sep, decimal, encoding
        Which rows to keep, and how the file is written: see :func:`rwlib.data.tables.open_table`.

    Returns
    -------
    data : ChoiceData

    Raises
    ------
    ValueError
        If anything could be read in more than one way, or not at all. The message names row (from 0, below the header),
        column, value and remedy.

    Warns
    -----
    UserWarning
        If data are possible but suspicious: see :func:`rwlib.data.suspicion.suspicions`.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import read_choices
    >>> table = pd.DataFrame({"id": 10 * ["a"] + 10 * ["b"], "trial": 2 * [*range(10)], "choice": 5 * ["A", "B", "B", "A"],
    ...                       "points": 10 * [0.0, 100.0]})
    >>> data = read_choices(table, subject="id", reward="points", actions=["A", "B"], scale="unit")
    >>> data.n_subjects, data.actions, data.reward_scale
    (2, ('A', 'B'), (0.0, 100.0))
    """
    text = [subject, *_as_list(block), *_as_list(offered), *((choice,) if actions is not None or offered is not None else ())]
    table = open_table(source, sep=sep, decimal=decimal, encoding=encoding, where=where, text=tuple(text))
    rewards_in = _as_list(reward)
    given = [subject, *_as_list(trial), choice, *rewards_in, *_as_list(block), *_as_list(offered), *_as_list(feedback), *_as_list(forced)]
    given += [*_flat(before), *_flat(after), *people]
    for column in given:
        _check_column(table, column)
    if choice_is not in ("option", "position"):
        raise ValueError(f"choice_is is {choice_is!r}; it must be 'option' or 'position'.")
    if choice_is == "position" and offered is None:
        raise ValueError("choice_is='position' needs offered=, the columns that say what was shown at each place.")

    # Where each row goes: its subject, and its place among the subject's trials.
    who, labels = _labels_of(table, subject)
    blocks, block_labels = _blocks(table, _as_list(block))
    place_of = _places(table, subject, trial, who, blocks)
    shape = len(labels), int(place_of.max()) + 1

    def spread(values, empty):
        filled = np.full((*shape, *np.shape(values)[1:]), empty, dtype=np.asarray(values).dtype)
        filled[who, place_of] = values
        return filled

    made, choices, was_offered, actions = _choices(table, choice, n_actions, actions, _as_list(offered), choice_is)
    shown = made.copy()
    rewards, missing = _rewards(table, rewards_in)
    if feedback is not None:
        shown &= ~missing if feedback in rewards_in else _flags(table, feedback, made)
    unpaid = shown & missing
    if unpaid.any():
        row = int(np.argmax(unpaid))
        raise ValueError(
            f"Row {row} has a choice but no {rewards_in[0]!r}. If the outcome was not shown there, pass "
            f"feedback={rewards_in[0]!r}; if the trial was missed, leave the choice empty, too."
        )
    rewards, reward_scale = _scaled(rewards, shown, scale)
    was_forced = None if forced is None else _flags(table, forced, made)

    design = Design(
        offered=None if was_offered is None else spread(was_offered, False),
        block=None if block is None else _filled_on(spread(blocks, -1)),
        feedback=None if feedback is None else spread(shown, True),
        forced=None if was_forced is None else spread(np.where(was_forced, choices, -1), -1),
        before={name: spread(_columns(table, columns, made), 0) for name, columns in _named(before).items()},
        after={name: spread(_columns(table, columns, made), 0) for name, columns in _named(after).items()},
    )
    data = ChoiceData(
        spread(np.where(made, choices, 0), 0),
        spread(np.where(shown, rewards, 0.0), 0.0),
        spread(made, False),
        n_actions=n_actions,
        subjects=labels,
        design=design,
        people={name: _constant(table, name, who, labels) for name in people},
        actions=actions,
        blocks=block_labels,
        reward_scale=reward_scale,
    )
    for suspicion in suspicions(data):
        warnings.warn(suspicion, stacklevel=2)
    return data


# Columns


def _as_list(columns):
    return [] if columns is None else [columns] if isinstance(columns, str) else list(columns)


def _named(columns):
    return {name: _as_list(some) for name, some in columns.items()} if isinstance(columns, Mapping) else {name: name for name in _as_list(columns)}


def _flat(columns):
    return [name for some in _named(columns).values() for name in _as_list(some)]


def _check_column(table, column):
    if column not in table.columns:
        raise ValueError(
            f"The table has no column {column!r}; it has {', '.join(map(repr, table.columns))}. Say what yours are called, "
            "as in subject='id'."
        )


def _numbers(table, column):
    """A column as numbers; NaN where it is empty."""
    values = table[column]
    if pd.api.types.is_numeric_dtype(values):  # or true and false
        return values.to_numpy(float, na_value=np.nan)
    numbers = pd.to_numeric(values, errors="coerce")
    bad = numbers.isna() & values.notna() & (values.astype(str).str.strip() != "")
    if bad.any():
        row = bad.idxmax()
        value = values[row]
        comma = isinstance(value, str) and value.count(",") == 1 and value.replace(",", "").strip(" +-").isdigit()
        remedy = " Is that a decimal comma? Pass decimal=','." if comma else ""
        raise ValueError(f"Row {row} has {value!r} in column {column!r}, which is not a number.{remedy}")
    return numbers.to_numpy(float)


def _flags(table, column, made):
    """A column of true and false; empty cells are allowed where no choice was made."""
    values = table[column]
    missing = values.isna().to_numpy()
    odd = missing & made
    if not odd.any():
        odd = ~missing & ~values.map(lambda x: isinstance(x, bool | np.bool_) or (isinstance(x, int | float | np.number) and x in (0, 1))).to_numpy(bool)
    if odd.any():
        row = int(np.argmax(odd))
        raise ValueError(f"Row {row} has {values.tolist()[row]!r} in column {column!r}; it must be True or False, or 1 or 0.")
    return np.where(missing, False, values.where(~missing, False)).astype(bool)


def _columns(table, columns, made):
    """One column, or several side by side, as numbers; empty cells are allowed where no choice was made."""
    several = isinstance(columns, list)
    found = np.stack([_numbers(table, column) for column in _as_list(columns)], axis=1)
    odd = np.isnan(found) & made[:, None]
    if odd.any():
        row, place = np.argwhere(odd)[0]
        raise ValueError(f"Row {row} has nothing in column {_as_list(columns)[place]!r}, though a choice was made.")
    found = np.where(np.isnan(found), 0.0, found)
    if (found % 1 == 0).all() and (np.abs(found) < 2**31).all():
        found = found.astype(np.int32)  # which may be an index
    return found if several else found[:, 0]


def _constant(table, column, who, labels):
    """What a column says of each subject."""
    values = table[column]
    first = values[~pd.Series(who).duplicated().to_numpy()].to_list()
    same = pd.Series([first[i] for i in who], index=values.index, dtype=object)
    odd = ~((values.astype(object) == same) | (values.isna() & same.isna()))
    if odd.any():
        row = int(np.argmax(odd.to_numpy()))
        raise ValueError(
            f"Row {row} has {values.tolist()[row]!r} in column {column!r}, where subject {labels[who[row]]!r} had {same.iloc[row]!r} "
            "before. A column about people must be the same in all their rows; one about trials goes into before= or after=."
        )
    return first


# Places


def _labels_of(table, subject):
    values = _as_labels(table[subject])
    empty = values.isna()
    if empty.any():
        raise ValueError(f"Row {empty.idxmax()} has no {subject!r}.")
    who, labels = pd.factorize(values)
    return who, labels.tolist()


def _as_labels(values):
    """Texts that are whole numbers, written as numbers are, become numbers; ``01`` stays another label than ``1``."""
    if values.dtype != object and not isinstance(values.dtype, pd.StringDtype):
        return values
    texts = pd.Series(values.dropna().unique())
    if len(texts) and texts.map(lambda x: isinstance(x, str) and x.lstrip("-").isdigit() and str(int(x)) == x).all():
        return pd.to_numeric(values).astype("Int64").astype(object).where(values.notna())
    return values


def _blocks(table, columns):
    """The number of each row's block, in the order in which blocks first appear, and what they are called."""
    if not columns:
        return np.zeros(len(table), int), None
    for column in columns:
        if table[column].isna().any():
            raise ValueError(f"Row {table[column].isna().idxmax()} has no {column!r}.")
    if len(columns) == 1:
        codes, labels = pd.factorize(_as_labels(table[columns[0]]))
        return codes, labels.tolist()
    codes, labels = pd.factorize(pd.MultiIndex.from_frame(table[columns]))
    return codes, [", ".join(map(str, label)) for label in labels]


def _places(table, subject, trial, who, blocks):
    """For each row, the trial's place among those of its subject."""
    trials = np.arange(len(table), dtype=float)
    if trial is not None:
        trials = _numbers(table, trial)
        if np.isnan(trials).any():
            raise ValueError(f"Row {int(np.argmax(np.isnan(trials)))} has no {trial!r}. (trial=None takes rows in their order.)")
        odd = trials % 1 != 0
        if odd.any():
            row = int(np.argmax(odd))
            warnings.warn(
                f"Row {row} has the trial {trials[row]:g}: trials are sorted as numbers, so that 1.10 comes before 1.2.", stacklevel=4
            )
    keys = pd.DataFrame({"who": who, "block": blocks, "trial": trials})
    # Trials may be counted on over blocks, and then a block may come back; or anew in each.
    by = ["who", "trial"]
    if keys.duplicated(by).any():
        by = ["who", "block", "trial"]
        repeated = keys.duplicated(by)
        if repeated.any():
            row = repeated.idxmax()
            raise ValueError(
                f"Row {row} repeats {trial} {table[trial][row]} of subject {str(table[subject][row])!r}. If trials are counted anew in "
                "each block or session, pass its column as block=: values then start again there, as they must where "
                "the arms are new ones. If people went on learning, number the trials on over the blocks."
            )
    order = keys.sort_values(by, kind="stable").index.to_numpy()
    place = np.empty(len(table), int)
    counts = keys.loc[order].groupby("who", sort=False).cumcount().to_numpy()
    place[order] = counts
    return place


def _filled_on(blocks):
    """After a subject's last trial, the block stays what it was."""
    last = np.take_along_axis(blocks, (blocks >= 0).sum(axis=1, keepdims=True) - 1, axis=1)
    return np.where(blocks < 0, last, blocks)


# Choices and rewards


def _choices(table, choice, n_actions, actions, offered, choice_is):
    """Where a choice was made, the number of the action, what was on offer (or None), and the actions' labels."""
    if not offered and actions is None:
        numbers = _choice_numbers(table, choice)
        made = ~np.isnan(numbers)
        if made.any() and n_actions is None and numbers[made].min() == 1:
            raise ValueError(
                "The smallest choice is 1, so choices seem to start at 1: pass actions=[1, 2, …] with all of them. If action 0 "
                "exists and was never chosen, pass n_actions."
            )
        return made, numbers, None, None

    shown = _offered_labels(table, offered) if offered else None
    picked = _label_column(table[choice])
    made = picked.notna().to_numpy()
    if actions is None:
        actions = sorted(pd.unique(shown.to_numpy().ravel()), key=lambda x: (isinstance(x, str), x))
        actions = [label for label in actions if label is not NOTHING]
    actions = list(actions)
    numbers = {label: i for i, label in enumerate(actions)}
    if len(numbers) < len(actions):
        raise ValueError(f"actions names {next(x for x in actions if actions.count(x) > 1)!r} twice.")
    if n_actions is not None and n_actions != len(actions):
        raise ValueError(f"n_actions is {n_actions}, but there are {len(actions)} actions: {_named_all(actions)}.")

    was_offered, at_places = None, None
    if shown is not None:
        at_places = np.stack([shown[place].map({**numbers, NOTHING: -1}).to_numpy(float) for place in shown], axis=1)
        if np.isnan(at_places).any():
            row, place = np.argwhere(np.isnan(at_places))[0]
            raise ValueError(f"Row {row} offers {shown.iloc[row, place]!r}, which is not among the actions {_named_all(actions)}.")
        at_places = at_places.astype(int)
        was_offered = (at_places[:, :, None] == np.arange(len(actions))).any(axis=1)

    if choice_is == "position":
        codes = _at_position(picked, made, at_places, offered)
    else:
        codes = picked.map(numbers).to_numpy(float)
        unknown = made & np.isnan(codes)
        if unknown.any():
            row = int(np.argmax(unknown))
            label = picked.iloc[row]
            hint = " Is it a place? Pass choice_is='position'." if offered and label in range(at_places.shape[1]) else ""
            raise ValueError(f"Row {row} has the choice {label!r}, which is not among the actions {_named_all(actions)}.{hint}")
        codes = np.where(made, codes, 0).astype(int)
    if was_offered is not None:
        odd = made & ~was_offered[np.arange(len(codes)), codes]
        if odd.any():
            row = int(np.argmax(odd))
            on_offer = [label for label in shown.iloc[row] if label is not NOTHING]
            hint = " Is it a place? Pass choice_is='position'." if picked.iloc[row] in range(len(on_offer)) else ""
            raise ValueError(f"Row {row} has the choice {picked.iloc[row]!r}, but on offer were {_named_all(on_offer)}.{hint}")
    return made, codes, was_offered, actions


def _named_all(labels):
    return ", ".join(map(repr, labels))


def _choice_numbers(table, choice):
    values = table[choice].dropna()
    numbers = pd.to_numeric(values, errors="coerce")
    if len(values) and numbers.isna().all():
        found = sorted(values.astype(str).unique())[:6]
        raise ValueError(
            f"Row {values.index[0]} has {values.iloc[0]!r} in column {choice!r}, which is not a number. If that is what an action is "
            f"called, pass all of them in your order, as in actions={found}."
        )
    return _numbers(table, choice)


def _label_column(values):
    """Labels as Python's own numbers and texts, in which 1.0 is written 1; None where there is none."""
    values = _as_labels(values)
    missing = values.isna()
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.where(~missing, 0).astype(np.int64)
    return pd.Series(values.tolist(), dtype=object).where(~missing.to_numpy(), None)


NOTHING = ("nothing",)  # where a row offers less than others


def _offered_labels(table, columns):
    """What each row offers, at one place in each column."""
    if len(columns) > 1:
        shown = pd.DataFrame({place: _label_column(table[column]) for place, column in enumerate(columns)})
        for place, column in enumerate(columns):
            if shown[place].isna().any():
                raise ValueError(f"Row {shown[place].isna().idxmax()} has nothing in column {column!r}; it must say what was on offer.")
        return shown
    found = []
    for row, cell in enumerate(table[columns[0]]):
        if isinstance(cell, str):
            parts = [part.strip(" '\"") for part in cell.strip("[]() ").replace("|", ",").replace(";", ",").split(",")]
            cell = [int(part) if part.lstrip("-").isdigit() and str(int(part)) == part else part for part in parts if part]
        if not isinstance(cell, list | tuple | np.ndarray) or not len(cell):
            raise ValueError(f"Row {row} has {cell!r} in column {columns[0]!r}; it must list what was on offer, as in 'A,B'.")
        found.append([label.item() if isinstance(label, np.generic) else label for label in cell])
    most = max(map(len, found))
    rows = np.empty((len(found), most), dtype=object)
    for row, cell in enumerate(found):
        for place in range(most):
            rows[row, place] = cell[place] if place < len(cell) else NOTHING
    return pd.DataFrame(rows)


def _at_position(picked, made, at_places, columns):
    """The action shown at the place that each choice names."""
    n_places = at_places.shape[1]
    names = {i: i for i in range(n_places)} | ({name: i for i, name in enumerate(columns)} if len(columns) > 1 else {})
    place = picked.map(names).to_numpy(float)
    odd = made & np.isnan(place)
    place = np.where(np.isnan(place), 0, place).astype(int)
    codes = at_places[np.arange(len(place)), place]
    odd |= made & (codes < 0)
    if odd.any():
        row = int(np.argmax(odd))
        raise ValueError(
            f"Row {row} has the choice {picked.iloc[row]!r}, which is no place in {_named_all(columns)}: places are 0 to {n_places - 1}."
        )
    return np.maximum(codes, 0)


def _rewards(table, columns):
    """The reward of each row, and where there is none."""
    if len(columns) > 2:
        raise ValueError(f"reward names {len(columns)} columns; give one, or what was won and what was lost.")
    parts = [_numbers(table, column) for column in columns]
    rewards = parts[0] if len(parts) == 1 else parts[0] - np.abs(parts[1])
    return rewards, np.isnan(rewards)


def _scaled(rewards, shown, scale):
    """Rewards in units in which the ends of ``scale`` are 0 and 1."""
    seen = rewards[shown]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    if scale is None:
        if low < 0 or high > 1:
            raise ValueError(
                f"Rewards run from {low:g} to {high:g}. Agents start from values, and priors are made, for rewards from 0 to 1, so "
                "say which rewards are to become 0 and 1: scale='unit' takes the smallest and the largest of these data, "
                f"scale=({low:g}, {high:g}) the same whatever the data are, and scale=(0, 1) keeps rewards as they are (then fix q0 in "
                "the model)."
            )
        scale = 0.0, 1.0
    elif isinstance(scale, str):
        if scale != "unit":
            raise ValueError(f"scale is {scale!r}; it must be 'unit', or the rewards that become 0 and 1.")
        if not low < high:
            raise ValueError(f"All rewards are {low:g}, so that there is no smallest and largest to scale by; give scale=(low, high).")
        scale = low, high
    zero, one = map(float, scale)
    if not zero < one:
        raise ValueError(f"scale is {scale}; the first number must be below the second.")
    return (rewards - zero) / (one - zero), (zero, one)


def write_choices(data: ChoiceData, path: str | Path | None = None) -> pd.DataFrame:
    """Turn choices back into a table, and write it as CSV when a path is given.

    Masked trials keep their row, with choice and reward left empty, so that reading the table gives
    the same data again (``read_choices(table, actions=data.actions)``). Actions, blocks and subjects have the labels
    that they came with, and rewards are in the units in which people were paid.

    Parameters
    ----------
    data : ChoiceData
    path : path, optional
        Where to write the CSV file.

    Returns
    -------
    table : pandas.DataFrame
        Columns ``subject``, ``trial`` (from 0), ``choice`` and ``reward``; where the data have them also ``block``, ``offered``
        (labels with a bar between them), ``feedback``, ``forced``, those of ``before`` and ``after``, and those about people.

    Examples
    --------
    >>> from rwlib import ChoiceData, write_choices
    >>> print(write_choices(ChoiceData([[0, 1]], [[0.0, 1.0]], subjects=["ada"])).to_csv(index=False))
    subject,trial,choice,reward
    ada,0,0,0.0
    ada,1,1,1.0
    <BLANKLINE>
    """
    mask, design = np.asarray(data.mask).ravel(), data.design
    zero, one = data.reward_scale
    actions = np.array([*data.actions, None], dtype=object)
    if all(isinstance(label, int) for label in data.actions):
        choices = pd.array(np.where(mask, np.array(data.actions)[data.choices.ravel()], 0), dtype="Int64")
        choices[~mask] = pd.NA
    else:
        choices = np.where(mask, actions[data.choices.ravel()], None)
    shown = mask if design.feedback is None else mask & design.feedback.ravel()
    rewards = np.where(shown, zero + (one - zero) * np.asarray(data.rewards, float).ravel(), np.nan)
    table = pd.DataFrame(
        {
            "subject": np.repeat(np.array(data.subjects, dtype=object), data.n_trials),
            "trial": np.tile(np.arange(data.n_trials), data.n_subjects),
            "choice": choices,
            "reward": rewards,
        }
    )
    if design.block is not None:
        table["block"] = np.array(data.blocks, dtype=object)[design.block.ravel()]
    if design.offered is not None:
        rows = design.offered.reshape(-1, data.n_actions)
        table["offered"] = ["|".join(str(data.actions[i]) for i in np.flatnonzero(row)) for row in rows]
    if design.feedback is not None:
        table["feedback"] = design.feedback.ravel()
    if design.forced is not None:
        table["forced"] = design.forced.ravel() >= 0
    for name, values in {**design.before, **design.after}.items():
        flat = values.reshape(len(table), -1)
        names = [name] if values.ndim == 2 else [f"{name}_{i}" for i in range(flat.shape[1])]
        for column, numbers in zip(names, flat.T):
            table[column] = numbers
    for name, values in data.people:
        table[name] = np.repeat(np.array(values, dtype=object), data.n_trials)
    if path is not None:
        table.to_csv(path, index=False)
    return table
