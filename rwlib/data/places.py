"""Where each row of a table goes: its subject, its block, and its place among the subject's trials."""

import warnings

import numpy as np
import pandas as pd

from rwlib.data.columns import as_shown, labels_of, numbers_in, row_where

__all__ = ["are_times", "blocks_of", "filled_on", "numbered", "places_of", "trials_of"]

ANEW = 1 / 3  # share of rows outside the largest block whose trial is repeated where each block counts anew


def numbered(table, column):
    """The number of each row's label, in the order in which labels first appear, and the labels."""
    values = labels_of(table, column)
    if values.isna().any():
        _, row = row_where(table, values.isna().to_numpy())
        raise ValueError(f"{row} has no {column!r}.")
    codes, labels = pd.factorize(values)
    as_text = {}
    for code, label in enumerate(labels):
        place, row = row_where(table, codes == code) if not _is_label(label) else (0, "")
        if row:
            raise ValueError(
                f"{row} has {as_shown(table[column], place)} in column {column!r}, of type "
                f"{type(label).__name__}; a label is a number or a text: make it one, as in "
                f"table.astype({{{column!r}: str}})."
            )
        other = as_text.setdefault(str(label), label)
        if other is not label:
            _, row = row_where(table, codes == code)
            raise ValueError(
                f"{row} has {label!r} in column {column!r}, and another row has {other!r}: they are the same "
                "as text. Write both in the same way."
            )
    return codes, labels.tolist()


def _is_label(x):
    return isinstance(x, int | float | str) and not isinstance(x, bool)


def blocks_of(table, columns):
    """The number of each row's block, what blocks are called, and what each column says of them."""
    if not columns:
        return np.zeros(len(table), int), None, {}
    parts = {column: numbered(table, column) for column in columns}
    codes, first = pd.factorize(pd.MultiIndex.from_arrays([codes for codes, _ in parts.values()]))
    said = {
        column: [names[of_block[i]] for of_block in first]
        for i, (column, (_, names)) in enumerate(parts.items())
    }
    labels = (
        said[columns[0]] if len(columns) == 1 else [", ".join(map(str, row)) for row in zip(*said.values())]
    )
    return codes, labels, said


def are_times(table, trial):
    """Whether trials are told apart by dates or by durations."""
    return trial is not None and table[trial].dtype.kind in "mM"


def trials_of(table, trial):
    """The number of each row's trial; of times, the seconds since the first."""
    if trial is None:
        return np.arange(len(table), dtype=float)
    times = are_times(table, trial)
    if times:
        trials = (table[trial] - table[trial].min()).dt.total_seconds().to_numpy()
    else:
        remedy = (
            " If the row is no trial of the task, leave it out with where=. If the column holds times or "
            "names, pass trial=None: rows are then taken in the order in which they stand."
        )
        trials = numbers_in(table, trial, remedy)
    if np.isnan(trials).any():
        _, row = row_where(table, np.isnan(trials))
        raise ValueError(
            f"{row} has no {trial!r}. If it is no trial of the task, leave it out with where=, as in "
            f"where={{{trial!r}: pandas.Series.notna}}. (trial=None takes rows in their order.)"
        )
    if not times and (trials % 1 != 0).any():
        place, row = row_where(table, trials % 1 != 0)
        warnings.warn(
            f"{row} has the trial {trials[place]:g}: trials are sorted as numbers, so that 1.10 comes before"
            " 1.2.",
            stacklevel=3,
        )
    return trials


def places_of(table, subject, trial, who, blocks, trials):
    """For each row, the trial's place among those of its subject."""
    order = np.lexsort((trials, who))
    repeated = _as_before(order, who, trials)
    # Trials may be counted on over blocks, and then a block may come back; or anew in each.
    if repeated.any():
        # Numbered in the order of each person's own blocks, which may not be that of the others'.
        own_blocks, _ = pd.factorize(who * (blocks.max() + 1) + blocks)
        order = np.lexsort((trials, own_blocks, who))
        _check_blocks_are_others(
            table, subject, trial, blocks, trials, _as_before(order, who, own_blocks, trials)
        )
        doubtful = _in_doubt(who, own_blocks, order, np.lexsort((trials, who)))
        _check_all_count_anew(table, subject, trial, who, own_blocks, trials, repeated, doubtful)
    counts = np.bincount(who)
    place = np.empty(len(table), int)
    place[order] = np.arange(len(table)) - np.repeat(np.cumsum(counts) - counts, counts)
    return place


def _in_doubt(who, own_blocks, order, by_trial):
    """For each person whether it matters if their trials are counted anew: sorted by blocks, rows leave the
    order in which they stand; and sorted by trials, a block comes back."""
    moved = np.bincount(who[order[1:]], (np.diff(order) < 0) & (np.diff(who[order]) == 0), who.max() + 1)
    runs = np.bincount(who[by_trial], np.diff(own_blocks[by_trial], prepend=-1) != 0, who.max() + 1)
    n_blocks = np.bincount(who[np.unique(own_blocks, return_index=True)[1]], minlength=who.max() + 1)
    return (moved > 0) & (runs > n_blocks)


def _as_before(order, *keys):
    """For each row whether an earlier one has the same keys, by which ``order`` sorts."""
    same = np.all([np.diff(key[order]) == 0 for key in keys], axis=0)
    found = np.zeros(len(order), bool)
    found[order[1:][same]] = True
    return found


def _repeats(table, subject, trial, trials, odd):
    """The first row that is odd, in words."""
    place, row = row_where(table, odd)
    return f"{row} repeats {trial} {trials[place]:g} of subject {str(table[subject].iloc[place])!r}"


def _check_blocks_are_others(table, subject, trial, blocks, trials, repeated):
    """Where a trial is repeated, its block is another one."""
    if not repeated.any():
        return
    if table.astype(str).duplicated().to_numpy()[repeated].all():  # cells may be lists
        remedy = "All such rows are there twice, cell for cell: was a file saved or read twice?"
    elif blocks.any():
        remedy = (
            "Its block is the same as well: are trials counted anew in another column, too? Then pass"
            " both, as in block=['session', 'block']."
        )
    else:
        remedy = (
            "If trials are counted anew in each block or session, pass its column as block=: values"
            " then start again there, as they must where the arms are new ones. If people went on"
            " learning, number the trials on over the blocks."
        )
    raise ValueError(f"{_repeats(table, subject, trial, trials, repeated)}. {remedy}")


def _check_all_count_anew(table, subject, trial, who, own_blocks, trials, repeated, doubtful):
    """One slip in a column must not change the order of everybody's trials."""
    n_repeated, largest = np.bincount(who, repeated), np.zeros(who.max() + 1)
    sizes, person = np.bincount(own_blocks), np.empty(own_blocks.max() + 1, int)
    person[own_blocks] = who
    np.maximum.at(largest, person, sizes)
    outside = np.bincount(who) - largest  # rows that are not in a person's largest block
    slip = doubtful & (n_repeated > 0) & (n_repeated < ANEW * outside)
    if slip.any():
        raise ValueError(
            f"{_repeats(table, subject, trial, trials, repeated & slip[who])} in another block, though that "
            "person's trials are mostly counted on over blocks. Which is right? Correct the number, or count "
            "anew in each block."
        )
    on = doubtful & (n_repeated == 0) & (outside > 0)
    if on.any():
        here = _repeats(table, subject, trial, trials, repeated)
        other = str(table[subject].iloc[int(np.argmax(on[who]))])
        raise ValueError(
            f"{here}, whose trials are counted anew in each block, while "
            f"those of subject {other!r} are counted on over blocks. Count everybody's in the same way."
        )


def filled_on(blocks):
    """After a subject's last trial, the block stays what it was."""
    last = np.take_along_axis(blocks, (blocks >= 0).sum(axis=1, keepdims=True) - 1, axis=1)
    return np.where(blocks < 0, last, blocks)
