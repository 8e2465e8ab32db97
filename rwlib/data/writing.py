"""From ChoiceData back to a table with a row for each trial."""

from pathlib import Path

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData, check_is_choice_data
from rwlib.data.options import labels_listed_in

__all__ = ["write_choices"]


def write_choices(data: ChoiceData, path: str | Path | None = None) -> pd.DataFrame:
    """Turn choices back into a table, and write it as CSV when a path is given.

    Masked trials keep their row, with choice and reward left empty, so that reading the table gives
    the same data again when it is told which columns there are, as in ``read_choices(table,
    actions=data.actions, scale=data.reward_scale, block="block")``. Actions, blocks and subjects have the
    labels that they came with, and rewards are in the units in which people were paid. Trials are numbered
    from 0, whatever the table called them that the data were read from (``data.trials`` keeps that).

    Parameters
    ----------
    data : ChoiceData
    path : path, optional
        Where to write the CSV file.

    Returns
    -------
    table : pandas.DataFrame
        Columns ``subject``, ``trial`` (from 0), ``choice`` and ``reward``; where the data have them also
        ``block``, ``offered`` (labels with a bar between them), ``feedback``, ``forced``, those of ``before``
        and ``after`` (with a number if they are several side by side), and those about people.

    Raises
    ------
    ValueError
        If two columns would have the same name, or actions could not be told apart in a list of what was on
        offer.

    Examples
    --------
    >>> from rwlib import ChoiceData, write_choices
    >>> print(write_choices(ChoiceData([[0, 1]], [[0.0, 1.0]], subjects=["ada"])).to_csv(index=False))
    subject,trial,choice,reward
    ada,0,0,0.0
    ada,1,1,1.0
    <BLANKLINE>
    """
    check_is_choice_data(data)
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
        for name, values in data.conditions:
            table[name] = np.array(values, dtype=object)[design.block.ravel()]
    if design.offered is not None:
        rows = design.offered.reshape(-1, data.n_actions)
        _check_can_be_listed(data.actions)
        table["offered"] = ["|".join(str(data.actions[i]) for i in np.flatnonzero(row)) for row in rows]
    if design.feedback is not None:
        table["feedback"] = design.feedback.ravel()
    if design.forced is not None:
        table["forced"] = design.forced.ravel() >= 0
    more = []
    for name, values in {**design.before, **design.after}.items():
        flat = values.reshape(len(table), -1)
        names = [name] if values.ndim == 2 else [f"{name}_{i}" for i in range(flat.shape[1])]
        for column, numbers in zip(names, flat.T):
            more.append((column, numbers))
    more += [(name, np.repeat(np.array(values, dtype=object), data.n_trials)) for name, values in data.people]
    for name, values in more:
        if name in table.columns:
            raise ValueError(
                f"The table would have two columns {name!r}; call what is in the data something else."
            )
        table[name] = values
    if path is not None:
        table.to_csv(path, index=False)
    return table


def _check_can_be_listed(actions):
    for action in actions:
        if [str(label) for label in labels_listed_in(f"{action}|x")] != [str(action), "x"]:
            raise ValueError(
                f"The action {action!r} cannot stand in a list of what was on offer, with bars between its "
                "labels: call it something without bars, brackets, quotes and blanks at its ends."
            )
