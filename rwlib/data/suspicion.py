"""What is possible in data, but seldom meant: one sentence for each kind."""

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.columns import alike

__all__ = ["suspicions"]

FEW_CHOICES = 20  # of a person, below which they say little
RARE = 0.01  # share of choices of an action, below which it may be a code of something else
Q0 = 0.5  # an agent's first value
SELDOM = 0.05  # share of rewards
AWAY = 0.9  # share of the range of rewards that is empty, beyond which a few at its end may be a code
UNLIKELY = 0.01  # probability
HARDLY_POSSIBLE = 1e-6  # probability, of choices that hang together
MOST_ACTIONS = 100  # beyond which nobody looks at each
MANY = 0.4  # share of people, or of blocks
FAR_BEYOND = 0.5  # of the range of rewards that was named


def suspicions(data: ChoiceData) -> list[str]:
    """Say what in some data is suspicious.

    Parameters
    ----------
    data : ChoiceData

    Returns
    -------
    sentences : list of str
        About labels that differ by case or blanks alone; actions that are hardly ever chosen, chosen seldom
        and never paid for, or never chosen in a block or by some people; a few rewards far away from all
        others, or all far beyond the scale that was named; people who always chose the same or chose less
        than 20 times; people of whom something is not known; runs of a single trial; and rewards that never
        lie on both sides of an agent's first value.

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
    several = data.conditions if len(data.conditions) > 1 else ()  # of one column blocks have their labels
    for what, labels, same in (
        ("Subjects", data.subjects, "person"),
        ("Actions", data.actions or (), "action"),
        ("Blocks", data.blocks, "block"),
        *((f"In column {name!r},", _texts(values), "group") for name, values in data.people),
        *((f"In column {name!r},", _texts(values), "condition") for name, values in several),
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
    found += _unpaid(data, rewards, np.asarray(data.choices)[shown]) + _never_shown(data, shown)
    found += _on_offer_to_some(data) + (_far_away(data, rewards) or _beyond_the_scale(data, rewards))

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


def _texts(values):
    return sorted({x for x in values if isinstance(x, str)})


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


def _never_shown(data, shown):
    """An action without any outcome, where others have theirs, may say that nothing was chosen."""
    if data.design.feedback is None or not 2 < data.n_actions <= MOST_ACTIONS:
        return []
    choices, made = np.asarray(data.choices), np.asarray(data.mask)
    for i in range(data.n_actions):
        mine = made & (choices == i)
        n = int(mine.sum())
        if n and not shown[mine].any() and (1 - shown[made & ~mine].mean()) ** n < UNLIKELY:
            label = data.actions[i]
            return [
                f"Action {label!r} was chosen {n} times, and what it paid was never shown: does it mark a "
                f"missed trial? Then pass missed={label!r}."
            ]
    return []


def _on_offer_to_some(data):
    """Where a table does not say what was on offer, and some actions are never chosen in a block, or by some
    people, though elsewhere they often are."""
    if data.design.offered is not None or not 4 <= data.n_actions <= MOST_ACTIONS:
        return []
    scored = np.asarray(data.scored)
    choices, people = np.asarray(data.choices)[scored], np.nonzero(scored)[0]
    parts = [("by subject", people, data.subjects)]
    if data.design.block is not None:
        parts = [("in block", np.asarray(data.design.block)[scored], data.blocks), *parts]
    for where, part, labels in parts:
        counts = np.bincount(part * data.n_actions + choices, minlength=len(labels) * data.n_actions)
        counts = counts.reshape(len(labels), data.n_actions)
        of_others = counts.sum(axis=0) - counts
        share = of_others / np.maximum(of_others.sum(axis=1, keepdims=True), 1)
        never = (counts == 0) & (of_others > 0)
        by_chance = (1 - (share * never).sum(axis=1)) ** counts.sum(axis=1)
        odd = (never.sum(axis=1) > 1) & ((counts > 0).sum(axis=1) > 1) & (by_chance < HARDLY_POSSIBLE)
        # People settle on a few actions, each on others; what was not on offer splits them into groups.
        if (odd.mean() >= MANY and _falls_apart(counts > 0)) or (where == "in block" and odd.sum() > 1):
            i = int(np.argmax(odd))
            named = ", ".join(repr(data.actions[j]) for j in np.flatnonzero(never[i])[:4])
            return [
                f"Never chosen {where} {labels[i]!r}, though often elsewhere: {named}. Were they on offer"
                " there? If not, say with offered= what was: a choice is compared with all that there are."
            ]
    return []


def _falls_apart(chose):
    """Whether actions fall into groups, so that nobody chose of two of them."""
    chose = chose[:, chose.any(axis=0)].astype(int)
    linked = chose.T @ chose > 0
    for _ in range(len(linked).bit_length()):  # over one more, two, four, … people
        linked = linked.astype(int) @ linked > 0
    return not linked.all()


def _beyond_the_scale(data, rewards):
    """A scale that was named, and rewards that lie far outside of it: perhaps it is another file's."""
    if data.reward_scale == (0.0, 1.0) or not len(rewards):
        return []
    if rewards.min() >= -FAR_BEYOND and rewards.max() <= 1 + FAR_BEYOND:
        return []
    low, high = (_in_the_table(data, x) for x in (rewards.min(), rewards.max()))
    zero, one = data.reward_scale
    return [
        f"Rewards run from {low:g} to {high:g}, far beyond scale=({zero:g}, {one:g}): priors are for rewards"
        " that mostly lie between the two. Is it the scale of this task?"
    ]


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
