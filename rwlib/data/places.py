"""Where each row of a table goes: its subject, its block, and its place among the subject's trials."""

import warnings

import numpy as np
import pandas as pd

from rwlib.data.columns import labels_of, numbers_in, row_where

__all__ = ["blocks_of", "filled_on", "numbered", "places_of", "trials_of"]


def numbered(table, column):
    """The number of each row's label, in the order in which labels first appear, and the labels."""
    values = labels_of(table, column)
    if values.isna().any():
        _, row = row_where(table, values.isna().to_numpy())
        raise ValueError(f"{row} has no {column!r}.")
    codes, labels = pd.factorize(values)
    return codes, labels.tolist()


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


def trials_of(table, trial):
    """The number of each row's trial."""
    if trial is None:
        return np.arange(len(table), dtype=float)
    trials = numbers_in(table, trial)
    if np.isnan(trials).any():
        _, row = row_where(table, np.isnan(trials))
        raise ValueError(
            f"{row} has no {trial!r}. If it is no trial of the task, leave it out with where=, as in "
            f"where={{{trial!r}: pandas.Series.notna}}. (trial=None takes rows in their order.)"
        )
    if (trials % 1 != 0).any():
        place, row = row_where(table, trials % 1 != 0)
        warnings.warn(
            f"{row} has the trial {trials[place]:g}: trials are sorted as numbers, so that 1.10 comes before"
            " 1.2.",
            stacklevel=3,
        )
    return trials


def places_of(table, subject, trial, who, blocks, trials):
    """For each row, the trial's place among those of its subject."""
    keys = pd.DataFrame({"who": who, "block": blocks, "trial": trials})
    # Trials may be counted on over blocks, and then a block may come back; or anew in each.
    by = ["who", "trial"]
    if keys.duplicated(by).any():
        by = ["who", "block", "trial"]
        repeated = keys.duplicated(by).to_numpy()
        if repeated.any():
            place, row = row_where(table, repeated)
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
            raise ValueError(
                f"{row} repeats {trial} {trials[place]:g} of subject {str(table[subject].iloc[place])!r}. "
                + remedy
            )
        # In the order of each person's own blocks, which may not be that of the others'.
        keys["block"] = (
            keys.assign(row=np.arange(len(keys))).groupby(["who", "block"])["row"].transform("min")
        )
    order = keys.sort_values(by, kind="stable").index.to_numpy()
    place = np.empty(len(table), int)
    place[order] = keys.loc[order].groupby("who", sort=False).cumcount().to_numpy()
    return place


def filled_on(blocks):
    """After a subject's last trial, the block stays what it was."""
    last = np.take_along_axis(blocks, (blocks >= 0).sum(axis=1, keepdims=True) - 1, axis=1)
    return np.where(blocks < 0, last, blocks)
