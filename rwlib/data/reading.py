"""From a table with a row for each trial to ChoiceData. What could be read in two ways is refused."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.arguments import check_arguments
from rwlib.data.choices import ChoiceData
from rwlib.data.columns import (
    check_column,
    flags_in,
    labels_of,
    numbers_for_agent,
    numbers_in,
    of_each_person,
    row_where,
    written,
)
from rwlib.data.design import Design
from rwlib.data.labels import Labels
from rwlib.data.options import options_in
from rwlib.data.places import are_times, blocks_of, filled_on, numbered, places_of, trials_of
from rwlib.data.suspicion import suspicions
from rwlib.data.table_suspicion import (
    gaps_in_trials,
    order_of_rows,
    same_rows_twice,
    unread_offer,
    unread_parts_of_a_design,
)
from rwlib.data.tables import open_table
from rwlib.data.writing import write_choices

__all__ = ["read_choices", "write_choices"]


def read_choices(
    source: str | Path | pd.DataFrame | Sequence[str | Path],
    *,
    subject: str = "subject",
    trial: str | None = "trial",
    choice: str = "choice",
    reward: str | Sequence[str] = "reward",
    n_actions: int | None = None,
    actions: Labels | None = None,
    offered: Sequence[str] | str | Mapping[str, Mapping] | None = None,
    choice_is: str | Sequence | None = None,
    missed: object = (),
    block: str | Sequence[str] | None = None,
    feedback: str | None = None,
    forced: str | None = None,
    before: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    after: Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    people: Sequence[str] | None = None,
    scale: str | Sequence | None = None,
    where: Mapping[str, object] | None = None,
    sep: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8-sig",
) -> ChoiceData:
    """Read a table with one row per trial.

    Rows may come in any order: each subject's are sorted by ``trial``, with a warning if nobody's stand in
    that order. An empty choice is a missed trial and is masked. Subjects with fewer trials are masked at the
    end. Subjects keep the order in which they first appear.

    Parameters
    ----------
    source : path, pattern, sequence of paths, or DataFrame
        A CSV, JSON or Excel file, or several: see :func:`rwlib.data.tables.open_table`. With several,
        ``"file"`` may be the ``subject``.
    subject, trial, choice, reward : str
        Names of the columns. ``trial=None`` takes rows in the order in which they stand. Two columns for the
        reward are what was won and what was lost, with either sign.
    n_actions : int, optional
        Number of actions, where choices are numbers 0, 1, 2, … Give it when some action may never have been
        chosen.
    actions : sequence of labels, optional
        What the table calls the actions: action 0 first. Choices may then be any texts or numbers.
    offered : str, sequence of str, or dict, optional
        Columns that say which actions were on offer, such as ``("left", "right")``; or one column that holds
        a list; or one whose labels stand for actions, ``{"pair": {"AB": ["A", "B"], "CD": ["C", "D"]}}``.
    choice_is : "option", "position", or sequence of labels, optional
        Whether a choice names the action (as where this is left out), or the place in ``offered`` where it
        was shown: 0, 1, … or the column's name. If places have other names, these, in the order of
        ``offered``, as in ``["f", "j"]``.
    missed : label, or sequence of labels, optional
        What stands in the column of choices where a trial was missed, such as 99 or "timeout". An empty cell
        always does.
    block : str or sequence of str, optional
        Columns in which a change begins a new run, with whatever an agent keeps in its memory. Trials may be
        counted anew in each block. What the columns say (a session, a drug) is kept for ``fit(within=…)``.
    feedback : str, optional
        Column that is false (0) where the outcome was not shown. The name of the reward's column: it was
        shown where there is one.
    forced : str, optional
        Column that is true (1) where the choice was made for the person.
    before, after : sequence of str, or dict, optional
        Columns that an agent may read before a choice or only after it. A dictionary gives them other names,
        and makes one array of several columns, as in ``{"stakes": ["stake_left", "stake_right"]}``. Those of
        ``after`` may be empty where the outcome was not shown, and count as 0.
    people : sequence of str, optional
        Columns about the person (group, age), which must be the same in all rows of a subject.
    scale : "unit" or (float, float), optional
        Which rewards become 0 and 1. ``"unit"``: the smallest and the largest. Needed where a reward lies
        outside 0 to 1, since an agent's first values, and priors, are for rewards on that scale; ``(0, 1)``
        keeps rewards as they are.
    where, sep, decimal, encoding
        Which rows to keep, and how the file is written: see :func:`rwlib.data.tables.open_table`. ``sep`` is
        for CSV files, ``encoding`` for all that are text, ``decimal`` for numbers written as text anywhere.

    Returns
    -------
    data : ChoiceData

    Raises
    ------
    ValueError
        If anything could be read in more than one way, or not at all. The message names row (from 0, below
        the header; of which file, if there are several), column, value and remedy.

    Warns
    -----
    UserWarning
        If data are possible but suspicious: see :mod:`rwlib.data.suspicion` and
        :mod:`rwlib.data.table_suspicion`.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import read_choices
    >>> table = pd.DataFrame({"id": 10 * ["a"] + 10 * ["b"], "trial": 2 * [*range(10)]})
    >>> table["choice"], table["points"] = 5 * ["A", "B", "B", "A"], 10 * [0.0, 100.0]
    >>> data = read_choices(table, subject="id", reward="points", actions=["A", "B"], scale="unit")
    >>> data.n_subjects, data.actions, data.reward_scale
    (2, ('A', 'B'), (0.0, 100.0))
    """
    check_arguments(locals())  # nothing else is there yet
    rewards_in, blocks_in = _as_list(reward), _as_list(block)
    offered_in = offered if isinstance(offered, Mapping) else _as_list(offered)
    if isinstance(offered, Mapping) and len(offered) != 1:
        raise ValueError(
            f"offered names {len(offered)} columns; a dictionary is for one, whose labels stand for actions."
        )
    before, after = _named(before), _named(after)
    named = [choice] if actions is not None or offered_in else []
    parts = dict(
        subject=[subject], trial=_as_list(trial), choice=[choice], reward=rewards_in, block=blocks_in
    )
    parts |= dict(
        feedback=_as_list(feedback), forced=_as_list(forced), before=_flat(before), after=_flat(after)
    )
    parts |= dict(offered=list(offered_in), people=_as_list(people))
    table = open_table(
        source,
        sep=sep,
        decimal=decimal,
        encoding=encoding,
        where=where,
        text=(subject, *blocks_in, *offered_in, *named),
        needed=[column for columns in parts.values() for column in columns],
    )
    for part, columns in parts.items():
        for column in columns:
            check_column(table, column, lists=part == "offered" and len(columns) == 1)
    choice_is = choice_is if choice_is is None or isinstance(choice_is, str) else list(choice_is)
    if choice_is not in (None, "option") and not offered_in:
        raise ValueError(
            f"choice_is={choice_is!r} needs offered=, the columns that say what was shown at each place."
        )
    table = _without_missed(table, choice, rewards_in, missed)

    # Where each row goes: its subject, and its place among the subject's trials.
    who, labels = numbered(table, subject)
    blocks, block_labels, conditions = blocks_of(table, blocks_in)
    trials = trials_of(table, trial)
    place_of = places_of(table, subject, trial, who, blocks, trials)
    shape = len(labels), int(place_of.max()) + 1

    def spread(values, empty):
        filled = np.full((*shape, *np.shape(values)[1:]), empty, dtype=np.asarray(values).dtype)
        filled[who, place_of] = values
        return filled

    options = options_in(table, choice, n_actions, actions, offered_in, choice_is)
    made, chosen = options.made, options.chosen
    if not made.any():
        raise ValueError(f"No row has anything in column {choice!r}: there is no choice to learn from.")
    rewards, missing = _rewards(table, rewards_in)
    shown = made.copy()
    if feedback is not None:
        shown &= ~missing if feedback in rewards_in else flags_in(table, feedback, made)
    if (shown & missing).any():
        _, row = row_where(table, shown & missing)
        raise ValueError(
            f"{row} has a choice but no {rewards_in[0]!r}. If the outcome was not shown there, pass "
            f"feedback={rewards_in[0]!r}; if the trial was missed, leave the choice empty, too."
        )
    rewards, reward_scale = _scaled(rewards, shown, scale)
    was_forced = None if forced is None else flags_in(table, forced, made)
    _check_there_was_a_choice(table, options, was_forced)

    design = Design(
        offered=None if options.offered is None else spread(options.offered, False),
        block=None if block is None else filled_on(spread(blocks, -1)),
        feedback=None if feedback is None else spread(shown, True),
        forced=None if was_forced is None else spread(np.where(made & was_forced, chosen, -1), -1),
        before={
            name: spread(numbers_for_agent(table, columns, made, "a choice was made"), 0)
            for name, columns in before.items()
        },
        after={
            name: spread(numbers_for_agent(table, columns, shown, "the outcome was shown"), 0)
            for name, columns in after.items()
        },
    )
    data = ChoiceData(
        spread(np.where(made, chosen, 0), 0),
        spread(np.where(shown, rewards, 0.0), 0.0),
        spread(made, False),
        n_actions=n_actions,
        subjects=labels,
        design=design,
        people={name: of_each_person(table, name, who, labels) for name in parts["people"]},
        actions=options.actions,
        blocks=block_labels,
        conditions=conditions,
        trials=spread(trials, np.nan),
        reward_scale=reward_scale,
    )
    if trial is None:
        rows = pd.DataFrame({"choice": chosen, "made": made, "reward": rewards, "block": blocks})
        in_rows = same_rows_twice(rows, who, labels)
    else:
        in_rows = order_of_rows(place_of, who, blocks, trial)
        in_rows += [] if are_times(table, trial) else gaps_in_trials(trials, who, blocks, labels)
    unread = unread_parts_of_a_design(table, who, parts)
    if not offered_in:
        read = {column for columns in parts.values() for column in columns}
        unread = unread or unread_offer(table, choice, made, read)
    for suspicion in [*options.suspicions, *suspicions(data), *in_rows, *unread]:
        warnings.warn(suspicion, stacklevel=2)
    return data


# Columns


def _as_list(columns):
    return [] if columns is None else [columns] if isinstance(columns, str) else list(columns)


def _named(columns):
    """For each array that an agent reads the column, or the columns, that it is made of."""
    if isinstance(columns, Mapping):
        return {name: some if isinstance(some, str) else list(some) for name, some in columns.items()}
    return {name: name for name in _as_list(columns)}


def _flat(columns):
    return [name for some in columns.values() for name in _as_list(some)]


def _without_missed(table, choice, rewards, missed):
    """The table with an empty choice where its code says that the trial was missed, and an empty reward where
    the code stands there, too."""
    codes = [*missed] if pd.api.types.is_list_like(missed) else [missed]
    if not codes:
        return table
    codes = {written(code) for code in codes}
    gone = labels_of(table, choice).map(written).isin(codes)
    twice = {
        column: table[column].mask(gone & table[column].map(written).isin(codes))
        for column in rewards
        if table[column].dtype.kind not in "biuf"  # a number may be a reward
    }
    return table.assign(**twice, **{choice: table[choice].mask(gone)})


def _check_there_was_a_choice(table, options, was_forced):
    if options.offered is None:
        return
    alone = options.made & (options.offered.sum(axis=1) < 2)
    alone &= True if was_forced is None else ~was_forced
    if alone.any():
        place, row = row_where(table, alone)
        label = options.actions[int(options.chosen[place])]
        raise ValueError(
            f"{row} offers {label!r} only, which is no choice. If the computer chose there, mark such rows in"
            " a column of 0 and 1, and pass it as forced=; if something else was on offer, correct the row."
        )


# Rewards


def _rewards(table, columns):
    """The reward of each row, and where there is none."""
    if len(columns) > 2:
        raise ValueError(f"reward names {len(columns)} columns; give one, or what was won and what was lost.")
    remedy = (
        " Rewards are plain numbers, empty where no outcome was shown. Words can be made numbers, as in "
        "table['reward'].map({'win': 1, 'loss': 0})."
    )
    parts = [numbers_in(table, column, remedy) for column in columns]
    half = np.isnan(parts[0]) != np.isnan(parts[-1])
    if half.any():
        place, row = row_where(table, half)
        filled, empty = columns if np.isnan(parts[1][place]) else columns[::-1]
        raise ValueError(
            f"{row} has {filled!r} and no {empty!r}, so that nobody knows what it paid. Write 0 where "
            "nothing was won or lost, and leave both empty where the outcome was not shown."
        )
    if len(parts) == 2 and (parts[1] > 0).any() and (parts[1] < 0).any():
        _, row = row_where(table, parts[1] > 0)
        _, other = row_where(table, parts[1] < 0)
        raise ValueError(
            f"{row} has a number above 0 in column {columns[1]!r}, and {other.replace('Row', 'row', 1)} one "
            "below 0: losses must be all of one sign."
        )
    rewards = parts[0] if len(parts) == 1 else parts[0] - np.abs(parts[1])
    return rewards, np.isnan(rewards)


def _scaled(rewards, shown, scale):
    """Rewards in units in which the ends of ``scale`` are 0 and 1."""
    seen = rewards[shown]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    if scale is None:
        if low < 0 or high > 1:
            raise ValueError(
                f"Rewards run from {low:g} to {high:g}. Agents start from values, and priors are made, for"
                " rewards from 0 to 1, so say which rewards are to become 0 and 1: scale='unit' takes the"
                f" smallest and the largest of these data, scale=({low:g}, {high:g}) the same whatever the"
                " data are, and scale=(0, 1) keeps rewards as they are (then fix q0 in the model)."
            )
        scale = 0.0, 1.0
    elif isinstance(scale, str):
        if scale != "unit":
            raise ValueError(f"scale is {scale!r}; it must be 'unit', or the rewards that become 0 and 1.")
        if not low < high:
            raise ValueError(
                f"All rewards are {low:g}, so that there is no smallest and largest to scale by; give"
                " scale=(low, high)."
            )
        scale = low, high
    try:
        zero, one = map(float, scale)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"scale is {scale!r}; give 'unit', or the two rewards that become 0 and 1, as in scale=(0, 100)."
        ) from error
    if not (zero < one and np.isfinite([zero, one]).all()):
        raise ValueError(
            f"scale is {scale}; give two finite numbers, of which the first is below the second."
        )
    return (rewards - zero) / (one - zero), (zero, one)
