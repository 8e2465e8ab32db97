"""What is possible in data, but seldom meant: one sentence for each kind."""

import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData

__all__ = ["suspicions"]

FEW_CHOICES = 20  # of a person, below which they say little
RARE = 0.01  # share of choices of an action, below which it may be a code of something else
Q0 = 0.5  # an agent's first value


def suspicions(data: ChoiceData) -> list[str]:
    """Say what in some data is suspicious.

    Parameters
    ----------
    data : ChoiceData

    Returns
    -------
    sentences : list of str
        About subjects' labels that differ by case or blanks alone; actions that are hardly ever chosen; people who always
        chose the same or chose less than 20 times; and rewards that never lie on both sides of an agent's first value.

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
    plain = {}
    for label in data.subjects:
        other = plain.setdefault(str(label).strip().casefold(), label)
        if other is not label:
            found.append(f"Subjects {other!r} and {label!r} differ by case or blanks alone: are they one person?")
            break

    counts = pd.Series(np.asarray(data.choices)[scored]).value_counts().reindex(range(data.n_actions), fill_value=0)
    total = int(counts.sum())
    rare = [i for i in range(data.n_actions) if counts[i] < RARE * total]
    if rare:
        named = ", ".join(f"{data.actions[i]!r} ({counts[i]} times)" for i in rare[:3])
        found.append(f"Of {total} choices hardly any were of the action {named}: is it a code of something else?")

    choices = np.ma.masked_array(np.asarray(data.choices), ~scored)
    of_person = scored.sum(axis=1)
    same = (of_person > 1) & np.asarray((choices.max(axis=1) == choices.min(axis=1)).filled(False))
    few = of_person < FEW_CHOICES
    for which, what in ((same, "always chose the same action"), (few, f"made fewer than {FEW_CHOICES} choices")):
        people = np.flatnonzero(which)
        if len(people):
            more = f" and {len(people) - 3} more" if len(people) > 3 else ""
            named = ", ".join(repr(data.subjects[i]) for i in people[:3])
            found.append(f"{len(people)} of {data.n_subjects} subjects ({named}{more}) {what}: their data say little.")

    shown = np.asarray(data.mask if data.design.feedback is None else data.mask & data.design.feedback)
    rewards = np.asarray(data.rewards)[shown]
    if len(rewards) and not rewards.min() < Q0 < rewards.max():
        zero, one = data.reward_scale
        low, high, start = (zero + (one - zero) * float(x) for x in (rewards.min(), rewards.max(), Q0))
        found.append(
            f"Rewards run from {low:g} to {high:g}, but agents start from a value of {start:g}, at the edge of that or beyond "
            "it: every first reward is then a surprise of one sign. Give scale=, or fix q0 in the model."
        )
    return found
