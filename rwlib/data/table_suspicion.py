"""What is suspicious in a table's rows, and in the columns that were not read: one sentence for each kind."""

import itertools
import re
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from rwlib.data.columns import labels_of

__all__ = ["gaps_in_trials", "order_of_rows", "same_rows_twice", "unread_offer", "unread_parts_of_a_design"]

FEW_TO_REPEAT = 10  # trials, of which people may well do the same twice

#: Words in the names of columns, and the argument of `read_choices` that such columns are for.
PARTS_OF_A_DESIGN = {
    "after": {"foregone", "forgone", "unchosen", "counterfactual", "fictive"},
    "offered": set(
        "left right option options offered available shown displayed pair pairs item items image images arm"
        " arms symbol symbols".split()
    ),
    "block": set("block miniblock session run game round episode day visit".split()),
    "feedback": {"feedback", "phase", "stage", "test"},
    "forced": {"forced", "instructed", "free"},
    "before": {"stimulus", "stim", "cue", "context", "condition", "state", "type"},
    "reward": {"gain", "gains", "loss", "losses"},
    "where": {"missed", "timeout", "responded", "excluded"},
}

#: Words that say less of a column than others in its name do: "feedback_shown" is about feedback.
VAGUE = set("shown displayed item items image images arm arms symbol symbols".split())

#: Words in the name of a column that says something about a choice, not what could be chosen.
ABOUT_A_CHOICE = {"chosen", "selected", "picked", "best", "better", "correct", "optimal"}


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
    >>> from rwlib.data.table_suspicion import same_rows_twice
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


def order_of_rows(places: np.ndarray, who: np.ndarray, blocks: np.ndarray, trial: str) -> list[str]:
    """Say whether nobody's rows stand in the order of their trials, within a block.

    Parameters
    ----------
    places, who, blocks : arrays, shape (n_rows,)
        For each row the place of its trial among those of its subject, and the numbers of its subject and of
        its block. (Where trials are counted anew in blocks that take turns, rows may well change over.)
    trial : str
        The column that says which trial it is.

    Returns
    -------
    sentences : list of str
        One, or none.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.data.table_suspicion import order_of_rows
    >>> order_of_rows(np.array([2, 1, 0]), np.zeros(3, int), np.zeros(3, int), "trial")[0].split(":")[0]
    "Nobody's rows stand in the order of 'trial', by which they were sorted"
    """
    order = np.lexsort((blocks, who))
    person, back = who[order], np.diff(places[order]) < 0
    same = (np.diff(person) == 0) & (np.diff(blocks[order]) == 0)
    falls = np.bincount(person[1:], back & same, minlength=person[-1] + 1)
    if (falls[np.bincount(who) > 1] == 0).any() or not falls.any():
        return []
    return [
        f"Nobody's rows stand in the order of {trial!r}, by which they were sorted: does it say in which"
        " order people saw the trials? If rows stand in that order themselves, pass trial=None."
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
    >>> from rwlib.data.table_suspicion import gaps_in_trials
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
    >>> from rwlib.data.table_suspicion import unread_parts_of_a_design
    >>> table = pd.DataFrame({"blockNumber": [1, 1, 2], "age": 20})
    >>> unread_parts_of_a_design(table, np.zeros(3, int), {"block": []})[0].split(": ")[1]
    "'blockNumber' (block=). Pass them, or drop them."
    """
    read = {column for columns in parts.values() for column in columns}
    looks = []
    of_person = np.bincount(who)
    for column in table.columns:
        words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", str(column))}
        kinds = [kind for kind, names in PARTS_OF_A_DESIGN.items() if words & names]
        kinds.sort(key=lambda kind: words & PARTS_OF_A_DESIGN[kind] <= VAGUE)
        if column in read or not kinds or (parts.get(kinds[0]) and kinds[0] != "reward"):
            continue
        if kinds[0] == "offered" and words & ABOUT_A_CHOICE:
            continue
        n_values = table[column].map(repr, na_action="ignore").groupby(who).nunique().to_numpy()
        if kinds[0] == "block" and (n_values == of_person).all():  # as of a counter of trials
            continue
        if (n_values > 1).any():
            looks.append(f"{column!r} ({kinds[0]}=)")
    if not looks:
        return []
    return [
        f"Some columns look like parts of the design, and were not read: {', '.join(looks)}. Pass them, or"
        " drop them."
    ]


def unread_offer(table: pd.DataFrame, choice: str, made: np.ndarray, read: Collection[str]) -> list[str]:
    """Say whether two columns that were not read say what was on offer: one of them always holds the choice.

    Parameters
    ----------
    table : DataFrame
    choice : str
        The column of choices.
    made : array of bool, shape (n_rows,)
        Where there was a choice.
    read : collection of str
        The columns that were read.

    Returns
    -------
    sentences : list of str
        One, or none.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from rwlib.data.table_suspicion import unread_offer
    >>> table = pd.DataFrame({"choice": [*"ABCC"], "x": [*"ABAB"], "y": [*"BCCC"]})
    >>> unread_offer(table, "choice", np.ones(4, bool), {"choice"})[0].split(",")[0]
    "The choice always stands in 'x' or 'y'"
    """
    if table[choice].nunique() < 3:  # of two options both are always there
        return []
    picked = labels_of(table, choice)[made].infer_objects()
    candidates = {}
    for column in table.columns:
        cells = table[column].infer_objects()
        alike = cells.dtype == picked.dtype or (cells.dtype.kind in "if" and picked.dtype.kind in "if")
        if (
            column not in read
            and alike
            and (cells.dtype != object or cells.map(pd.api.types.is_scalar).all())
        ):
            holds = (cells[made] == picked).to_numpy(bool, na_value=False)
            if holds.any() and not holds.all():
                candidates[column] = holds
    for one, other in itertools.combinations(candidates, 2):
        if (candidates[one] | candidates[other]).all() and (table[one] != table[other])[made].all():
            return [
                f"The choice always stands in {one!r} or {other!r}, which were not read: do they say what was"
                f" on offer? Then pass offered=({one!r}, {other!r})."
            ]
    return []
