"""What is possible in data, but seldom meant: one sentence for each kind."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.columns import alike

__all__ = ["gaps_in_trials", "same_rows_twice", "suspicions", "unread_parts_of_a_design"]

FEW_CHOICES = 20  # of a person, below which they say little
RARE = 0.01  # share of choices of an action, below which it may be a code of something else
Q0 = 0.5  # an agent's first value
SELDOM = 0.05  # share of rewards
AWAY = 0.9  # share of the range of rewards that is empty, beyond which a few at its end may be a code
UNLIKELY = 0.01  # probability
FEW_TO_REPEAT = 10  # trials, of which people may well do the same twice

#: Words in the names of columns, and the argument of `read_choices` that such columns are for.
PARTS_OF_A_DESIGN = {
    "offered": {"left", "right", "option", "options", "offered", "available", "pair", "pairs"},
    "block": {"block", "session", "run", "game"},
    "feedback": {"feedback", "phase", "stage", "test"},
    "forced": {"forced", "instructed", "free"},
    "before": {"stimulus", "stim", "cue", "context", "condition", "state", "type"},
    "reward": {"gain", "gains", "loss", "losses"},
    "where": {"missed", "timeout", "responded", "excluded"},
}


def suspicions(data: ChoiceData) -> list[str]:
    """Say what in some data is suspicious.

    Parameters
    ----------
    data : ChoiceData

    Returns
    -------
    sentences : list of str
        About labels that differ by case or blanks alone; actions that are hardly ever chosen, or chosen
        seldom and never paid for; a few rewards far away from all others; people who always chose the same or
        chose less than 20 times; people of whom something is not known; runs of a single trial; and rewards
        that never lie on both sides of an agent's first value.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib import ChoiceData
    >>> from rwlib.data.suspicion import suspicions
    >>> data = ChoiceData(np.tile([0, 1], (2, 15)), np.tile([0.0, 1.0], (2, 15)), subjects=["Ada", "ada "])
    >>> suspicions(data)
    ["Subjects 'Ada' and 'ada ' differ by case or blanks alone: are they one person?"]
    """
    found, scored = [], np.asarray(data.scored)
    for what, labels, same in (
        ("Subjects", data.subjects, "person"),
        ("Actions", data.actions or (), "action"),
        ("Blocks", data.blocks, "block"),
    ):
        if pair := alike(labels):
            found.append(
                f"{what} {pair[0]!r} and {pair[1]!r} differ by case or blanks alone: are they one {same}?"
            )

    counts = (
        pd.Series(np.asarray(data.choices)[scored])
        .value_counts()
        .reindex(range(data.n_actions), fill_value=0)
    )
    total = int(counts.sum())
    rare = [i for i in range(data.n_actions) if counts[i] < max(RARE * total, 2)]
    if rare:
        named = ", ".join(f"{data.actions[i]!r} ({counts[i]} times)" for i in rare[:3])
        found.append(
            f"Of {total} choices hardly any were of the action {named}: is it a code of something else?"
        )

    shown = np.asarray(data.mask if data.design.feedback is None else data.mask & data.design.feedback)
    rewards = np.asarray(data.rewards)[shown]
    found += _unpaid(data, rewards, np.asarray(data.choices)[shown]) + _far_away(data, rewards)

    choices = np.ma.masked_array(np.asarray(data.choices), ~scored)
    of_person = scored.sum(axis=1)
    same = (of_person > 1) & np.asarray((choices.max(axis=1) == choices.min(axis=1)).filled(False))
    few = of_person < FEW_CHOICES
    for which, what in (
        (same, "always chose the same action"),
        (few, f"made fewer than {FEW_CHOICES} choices"),
    ):
        people = np.flatnonzero(which)
        if len(people):
            more = f" and {len(people) - 3} more" if len(people) > 3 else ""
            named = ", ".join(repr(data.subjects[i]) for i in people[:3])
            found.append(
                f"{len(people)} of {data.n_subjects} subjects ({named}{more}) {what}: their data say little."
            )

    for name, values in data.people:
        unknown = [label for label, value in zip(data.subjects, values) if value is None or value != value]
        if unknown:
            found.append(
                f"Nothing is known of {len(unknown)} of {data.n_subjects} subjects ({unknown[0]!r}) in column"
                f" {name!r}. Beware that a text such as NA, None or null stands for an empty cell in a file."
            )

    if data.design.block is not None:
        new = np.diff(data.design.block, axis=1) != 0
        ends = np.pad(new, ((0, 0), (1, 0)), constant_values=True) & np.pad(
            new, ((0, 0), (0, 1)), constant_values=True
        )
        alone = np.argwhere(ends & np.asarray(data.mask))
        if len(alone) and data.n_trials > 1:
            person, trial = alone[0]
            label = data.blocks[data.design.block[person, trial]]
            found.append(
                f"There are {len(alone)} runs of one trial (block {label!r} of subject "
                f"{data.subjects[person]!r}), in which nothing can be learned: is the column of blocks right?"
            )

    if len(rewards) and not rewards.min() < Q0 < rewards.max():
        low, high, start = (_in_the_table(data, x) for x in (rewards.min(), rewards.max(), Q0))
        found.append(
            f"Rewards run from {low:g} to {high:g}, but agents start from a value of {start:g}, at the edge"
            " of that or beyond it: every first reward is then a surprise of one sign. Give scale=, or fix"
            " q0 in the model."
        )
    return found


def _in_the_table(data, reward):
    """A reward as the table has it, before it was scaled."""
    zero, one = data.reward_scale
    return zero + (one - zero) * float(reward)


def _unpaid(data, rewards, choices):
    """The first or the last action may say that nothing was chosen: seldom there, and never paid for."""
    if not len(rewards) or data.n_actions < 3:
        return []
    unpaid, least = rewards == rewards.min(), _in_the_table(data, rewards.min())
    for i in (0, data.n_actions - 1):
        mine = choices == i
        n = int(mine.sum())
        if not 0 < n < len(choices) / data.n_actions / 2 or not unpaid[mine].all():
            continue
        if unpaid[~mine].mean() ** n < UNLIKELY:  # if it paid as the others do
            label = data.actions[i]
            return [
                f"Action {label!r} was chosen {n} times, seldom, and never paid more than {least:g}: does it"
                f" mark a missed trial? Then pass missed={label!r}."
            ]
    return []


def _far_away(data, rewards):
    """A few rewards far away from all others may be a code, and squeeze the others on the unit scale."""
    values, counts = np.unique(rewards, return_counts=True)
    if len(values) < 3:
        return []
    gaps = np.diff(values) / (values[-1] - values[0])
    for end, rest, gap in ((-1, values[:-1], gaps[-1]), (0, values[1:], gaps[0])):
        if gap > AWAY and counts[end] <= SELDOM * len(rewards):
            value, low, high = (_in_the_table(data, x) for x in (values[end], rest[0], rest[-1]))
            return [
                f"{counts[end]} of {len(rewards)} rewards are {value:g}, and all others lie between {low:g} "
                f"and {high:g}: is it a code of something else?"
            ]
    return []


def same_rows_twice(rows: pd.DataFrame, who: np.ndarray, labels: Sequence) -> list[str]:
    """Say whether what somebody did comes twice, as where a file was put below itself.

    Parameters
    ----------
    rows : DataFrame
        Choices, rewards and what else was read, in the order of the table.
    who : array, shape (n_rows,)
        The number of each row's subject.
    labels : sequence
        What subjects are called.

    Returns
    -------
    sentences : list of str
        One, or none.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from rwlib.data.suspicion import same_rows_twice
    >>> rows = pd.DataFrame({"choice": 2 * [0, 1, 1, 0, 1, 0, 1, 1, 0, 1]})
    >>> same_rows_twice(rows, np.zeros(20, int), ["ada"])[0].split(":")[0]
    "The rows of subject 'ada' come twice, the second half as the first"
    """
    order = np.argsort(who, kind="stable")
    kinds = np.stack([pd.factorize(rows[column])[0][order] for column in rows], axis=1)
    counts = np.bincount(who)
    starts, halves = np.cumsum(counts) - counts, counts // 2
    in_first = np.arange(len(who)) < np.repeat(starts + halves, counts)
    here = np.flatnonzero(in_first & np.repeat((counts % 2 == 0) & (halves >= FEW_TO_REPEAT), counts))
    there = here + np.repeat(halves, counts)[here]
    person = who[order][here]
    differ = np.bincount(person, (kinds[here] != kinds[there]).any(axis=1), minlength=len(counts))
    changes = np.bincount(person, (kinds[here] != kinds[starts[person]]).any(axis=1), minlength=len(counts))
    twice = np.flatnonzero((differ == 0) & (changes > 0))  # one who always did the same repeats nothing
    if not len(twice):
        return []
    return [
        f"The rows of subject {labels[twice[0]]!r} come twice, the second half as the first: was a file saved"
        " or read twice?"
    ]


def gaps_in_trials(trials: np.ndarray, who: np.ndarray, blocks: np.ndarray, labels: Sequence) -> list[str]:
    """Say where numbers of trials leave some out, if they mostly do not.

    Parameters
    ----------
    trials, who, blocks : arrays, shape (n_rows,)
        For each row the number of its trial, of its subject, and of its block.
    labels : sequence
        What subjects are called.

    Returns
    -------
    sentences : list of str
        One, or none.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.suspicion import gaps_in_trials
    >>> gaps_in_trials(np.array([1, 2, 4, 5]), np.zeros(4, int), np.zeros(4, int), ["ada"])[0].split(":")[0]
    "Subject 'ada' has trials 2 and 4 and none between"
    """
    keys = pd.DataFrame({"who": who, "block": blocks, "trial": trials}).sort_values(
        ["who", "trial"], kind="stable"
    )
    step = keys["trial"].diff().to_numpy()
    after_their_own = (keys["who"].diff() == 0).to_numpy()
    if (step[after_their_own] == 0).any():  # trials are counted anew in each block
        keys = keys.sort_values(["who", "block", "trial"], kind="stable")
        step = keys["trial"].diff().to_numpy()
        after_their_own = ((keys["who"].diff() == 0) & (keys["block"].diff() == 0)).to_numpy()
    gaps = after_their_own & (step > 1)
    if not 0 < gaps.sum() < 0.5 * after_their_own.sum():
        return []
    place = int(np.argmax(gaps))
    before, trial = keys["trial"].iloc[place - 1], keys["trial"].iloc[place]
    return [
        f"Subject {labels[keys['who'].iloc[place]]!r} has trials {before:g} and {trial:g} and none between:"
        " was a row lost or left out? What people saw there they learned from."
    ]


def unread_parts_of_a_design(
    table: pd.DataFrame, who: np.ndarray, parts: Mapping[str, Sequence[str]]
) -> list[str]:
    """Say which columns look like parts of a design and were not read.

    Parameters
    ----------
    table : DataFrame
    who : array, shape (n_rows,)
        The number of each row's subject.
    parts : dict
        For each argument of ``read_choices`` the columns that were read for it.

    Returns
    -------
    sentences : list of str
        One, or none: about columns that change within a person, whose name holds a word such as "left" or
        "block", and for which no argument of their kind was given.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from rwlib.data.suspicion import unread_parts_of_a_design
    >>> table = pd.DataFrame({"blockNumber": [1, 1, 2], "age": 20})
    >>> unread_parts_of_a_design(table, np.zeros(3, int), {"block": []})[0].split(": ")[1]
    "'blockNumber' (block=). Pass them, or drop them."
    """
    read = {column for columns in parts.values() for column in columns}
    looks = []
    for column in table.columns:
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", str(column))}
        kinds = [kind for kind, names in PARTS_OF_A_DESIGN.items() if words & names]
        if column in read or not kinds or (parts.get(kinds[0]) and kinds[0] != "reward"):
            continue
        values = table[column].map(repr, na_action="ignore")
        if (values.groupby(who).nunique() > 1).any():
            looks.append(f"{column!r} ({kinds[0]}=)")
    if not looks:
        return []
    return [
        f"Some columns look like parts of the design, and were not read: {', '.join(looks)}. Pass them, or"
        " drop them."
    ]
