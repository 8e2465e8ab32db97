"""Observed choices and rewards: one immutable container."""

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence

import jax
import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Array, Bool, Num

from rwlib.data.design import Design, check_design, check_is_design, parts_of, rows_of, with_parts
from rwlib.data.entries import as_array, as_columns, as_flags, as_numbers, as_scale, as_trials
from rwlib.data.labels import as_labels, as_sequence, has_labelled_rows, in_order_of, labels_on

__all__ = ["ChoiceData", "check_is_choice_data"]

MOST_ACTIONS = 2**24  # single precision counts so far without a gap

Labelled = pd.DataFrame | xr.DataArray | Mapping[Hashable, Sequence]
Table = Num[Array, "n_subjects n_trials"] | Num[np.ndarray, "n_subjects n_trials"] | Sequence | Labelled
Mask = Bool[Array, "n_subjects n_trials"] | Bool[np.ndarray, "n_subjects n_trials"] | Sequence | Labelled


@dataclasses.dataclass(frozen=True, eq=False)
class ChoiceData:
    """What each subject chose and received, trial by trial.

    Immutable, and a JAX pytree: ``choices``, ``rewards``, ``mask`` and the arrays of ``design`` are its
    leaves, so it can be passed through ``jit`` and ``vmap``. Values that are not being traced are checked
    when it is made. Two are equal when all they hold is equal, however trials are numbered. Like arrays,
    they cannot be hashed.

    What carries labels of its own (a table of pandas with an index, a dictionary) is matched with
    ``subjects`` or ``blocks`` by label. Arrays and lists, and tables whose rows pandas only counts, stand in
    their order.

    Parameters
    ----------
    choices : array of int, shape (n_subjects, n_trials)
        Chosen action, from 0 to n_actions − 1.
    rewards : array of float, shape (n_subjects, n_trials)
        Outcome of the chosen action, in reward units.
    mask : array of bool, shape (n_subjects, n_trials), optional
        False where no choice was made (a missed response, or the end of a shorter session). Such a
        trial teaches nothing and counts nothing; its choice and reward are ignored and become −1 and 0, so
        that it cannot count again by a change of the mask alone. Default: all True.
    n_actions : int, optional
        Number of actions on offer. Default: as many as there are labels in ``actions``, or else the largest
        choice plus one, which must be at least 2.
    subjects : sequence of labels, optional
        One label per subject, a number or a text, distinct also when written as text. Default: those that
        ``choices`` or ``rewards`` carry, or else 0, 1, 2, …
    design : Design, optional
        What the task does apart from paying: what is on offer, where a run begins, what is shown.
    people : dict of sequences or DataFrame, optional
        What is known of the subjects themselves (group, age): for each name one entry per subject. The labels
        of a DataFrame are its index, or its column ``subject``.
    actions, blocks : sequence of labels, optional
        What the actions 0, 1, … and the blocks 0, 1, … of the design are called. Default: their numbers.
    conditions : dict of sequences or DataFrame, optional
        What holds in each block (a drug, a session): for each name one entry per block. The labels of a
        DataFrame are its index, or its column ``block``.
    trials : array, shape (n_subjects, n_trials), optional
        What the table calls each trial, so that results find their way back to its rows. Default: 0, 1, 2, …
    reward_scale : (float, float), default (0.0, 1.0)
        What rewards 0 and 1 of ``rewards`` stand for, in the units in which people were paid.

    Raises
    ------
    ValueError
        If shapes differ, a choice is out of range or was not on offer, a reward is not finite in the
        session's precision, a label is neither number nor text, labels repeat, or what carries labels has
        others than the data.

    Examples
    --------
    >>> from rwlib import ChoiceData
    >>> data = ChoiceData(choices=[[0, 1, 1]], rewards=[[0.0, 1.0, 1.0]], subjects=["ada"])
    >>> data.n_subjects, data.n_trials, data.n_actions
    (1, 3, 2)
    """

    choices: Table
    rewards: Table
    mask: Mask | None = None
    n_actions: int | None = None
    subjects: Sequence[Hashable] | np.ndarray | None = None
    design: Design = Design()
    people: Mapping[str, Iterable] | pd.DataFrame | tuple = ()
    actions: Sequence[Hashable] | np.ndarray | None = None
    blocks: Sequence[Hashable] | np.ndarray | None = None
    conditions: Mapping[str, Iterable] | pd.DataFrame | tuple = ()
    trials: Table | None = None
    reward_scale: Sequence = (0.0, 1.0)

    def __post_init__(self):
        choices, rewards, mask = self.choices, self.rewards, self.mask
        if any(isinstance(leaf, jax.core.Tracer) for leaf in (choices, rewards, mask)):
            if mask is None or self.n_actions is None:
                raise ValueError("Inside jit or vmap, ChoiceData needs its mask and n_actions spelled out.")
            subjects = range(choices.shape[0]) if self.subjects is None else self.subjects
            object.__setattr__(self, "subjects", tuple(subjects))
            object.__setattr__(
                self, "actions", tuple(range(self.n_actions) if self.actions is None else self.actions)
            )
            object.__setattr__(self, "blocks", tuple(() if self.blocks is None else self.blocks))
            return
        precision = np.float64 if jax.config.jax_enable_x64 else np.float32
        check_is_design(self.design)
        tables = {name: getattr(self, name) for name in ("choices", "rewards", "mask", "trials")}
        tables |= parts_of(self.design)
        subjects, tables = _by_subject(self.subjects, tables)
        choices, rewards, mask, trials = (tables[name] for name in ("choices", "rewards", "mask", "trials"))
        design = with_parts(self.design, tables)
        choices, rewards = as_numbers("choices", choices), as_numbers("rewards", rewards)
        mask = np.ones(choices.shape, bool) if mask is None else as_flags("mask", mask)
        if choices.ndim != 2 or 0 in choices.shape:
            raise ValueError(
                f"choices has shape {choices.shape}; it must be (n_subjects, n_trials), with at least one of "
                "each."
            )
        for name, array in (("rewards", rewards), ("mask", mask)):
            if array.shape != choices.shape:
                raise ValueError(
                    f"{name} has shape {array.shape}, but choices has {choices.shape}; they must agree."
                )
        n_subjects, n_trials = choices.shape
        subjects = as_labels("subject", range(n_subjects) if subjects is None else subjects, n_subjects)
        trials = as_trials(trials, choices.shape)

        def check(bad, array, complaint):
            if bad.any():
                row, trial = np.argwhere(bad)[0]
                value = array[row, trial]
                value = repr(value) if array.dtype == object else f"{value:.15g}"
                numbered = "" if trials is None else f", which the table calls {trials[row, trial]:.15g}"
                at = f"(subject {subjects[row]!r}, trial index {trial}{numbered})"
                raise ValueError(f"{complaint.format(value)} {at}")

        check((mask != 0) & (mask != 1), mask, "An entry of mask is {}; each must be True or False.")
        mask = mask.astype(bool)
        if not mask.any():
            raise ValueError(
                "mask is False everywhere: there is no choice to learn from. (In a table, every choice is "
                "empty, or stands for a missed trial.)"
            )
        whole = "A choice is {}; choices must be whole numbers 0, 1, 2, …."
        missed = "A choice is {}, which marks a missed trial: set mask to False there."
        check(mask & (choices == -1), choices, missed)
        with np.errstate(invalid="ignore"):  # NaN and inf are not whole
            check(mask & ~((choices >= 0) & (choices % 1 == 0)), choices, whole)
        n_actions = self._number_of_actions(choices[mask])
        check(
            mask & (choices >= n_actions),
            choices,
            f"A choice is {{}}, but with n_actions={n_actions} choices run from 0 to {n_actions - 1}. "
            "Do yours start at 1? Subtract 1.",
        )
        if n_actions > MOST_ACTIONS:
            raise ValueError(
                f"There would be {n_actions:.0f} actions; there may be {MOST_ACTIONS}. Are the choices "
                "codes? Number the actions 0, 1, 2, …."
            )
        n_actions = int(n_actions)
        design = check_design(design, n_subjects, n_trials, n_actions)
        with np.errstate(over="ignore"):
            too_large = np.isfinite(rewards) & ~np.isfinite(rewards.astype(precision))
        shown = mask if design.feedback is None else mask & design.feedback
        without = (
            "A reward is {}; where the outcome was not shown, set design.feedback to False, and where no "
            "choice was made, mask."
        )
        check(shown & ~np.isfinite(rewards), rewards, without)
        check(
            shown & too_large,
            rewards,
            f"A reward is {{}}, too large for {np.dtype(precision).name}: count rewards in a larger unit.",
        )
        # Numbers that stood in for labels follow the number of actions.
        actions = None if self.actions is None else as_sequence("actions", self.actions)
        named = actions is not None and actions != tuple(range(len(actions)))
        actions = as_labels("action", actions if named else range(n_actions), n_actions)
        at_choice = np.where(mask, choices, 0).astype(int)
        called = np.array([*actions, None], dtype=object)[at_choice]
        if design.offered is not None:
            was_offered = np.take_along_axis(design.offered, at_choice[..., None], axis=2)[..., 0]
            check(mask & ~was_offered, called, "The choice {} was not on offer.")
            alone = design.offered.sum(axis=2) < 2
            if design.forced is not None:
                alone &= design.forced < 0
            check(
                mask & alone,
                called,
                "Only the action {} was on offer, which is no choice. If it was made for the person, say so "
                "in design.forced (in read_choices, by forced=). In a table, do the columns of what was on "
                "offer name the same action twice?",
            )
        if design.forced is not None:
            check(
                mask & (design.forced >= 0) & (design.forced != choices),
                called,
                "The choice {} is not the one in design.forced.",
            )
        n_blocks = 0 if design.block is None else int(design.block.max()) + 1
        blocks = range(n_blocks) if self.blocks is None else as_sequence("blocks", self.blocks)
        blocks = as_labels("block", blocks, max(n_blocks, len(blocks)))
        # What a masked trial holds must not matter, so it is set to something harmless that is no choice.
        self.__setstate__(
            {
                "choices": np.where(mask, choices, -1).astype(np.int32),
                "rewards": np.where(shown, rewards, 0.0).astype(precision),
                "mask": mask.copy(),
                "n_actions": n_actions,
                "subjects": subjects,
                "design": design,
                "people": as_columns("people", self.people, subjects, "subject"),
                "actions": actions,
                "blocks": blocks,
                "trials": trials,
                "conditions": as_columns("conditions", self.conditions, blocks, "block"),
                "reward_scale": as_scale(self.reward_scale),
            }
        )

    def _number_of_actions(self, choices):
        """As given, or as labels or choices say."""
        if self.n_actions is not None:
            try:
                possible = self.n_actions >= 1 and self.n_actions % 1 == 0
            except (TypeError, ValueError):  # a text, or several numbers
                possible = False
            if not possible:
                raise ValueError(f"n_actions is {self.n_actions!r}; it must be a whole number, at least 1.")
            return self.n_actions
        if self.actions is not None:
            return len(as_sequence("actions", self.actions))
        if self.design.offered is not None:
            offered = as_array("design.offered", self.design.offered)
            if offered.ndim:  # otherwise check_design says what is wrong
                return offered.shape[-1]
        n_actions = choices.max() + 1
        if n_actions == 1:
            raise ValueError(
                "Only action 0 was ever chosen, so nobody knows how many there were: pass n_actions. (With "
                "one action every choice would be certain.)"
            )
        if n_actions <= MOST_ACTIONS:
            chosen = np.unique(choices).astype(int)
            if len(chosen) < n_actions:
                never = sorted(set(range(int(n_actions))) - set(chosen.tolist()))
                raise ValueError(
                    f"The choices are {_listed(chosen)}, so {len(never)} action{'s' * (len(never) > 1)} "
                    f"below the largest one {'was' if len(never) == 1 else 'were'} never chosen "
                    f"({_listed(never)}). Are some of them codes, of keys or of missed trials? Number the "
                    f"actions 0, 1, 2, … and mask missed trials. If there really are {n_actions:.0f} "
                    f"actions, pass n_actions={n_actions:.0f}."
                )
        return n_actions

    def __setstate__(self, state):
        # For pickle and copy, too, which would forget that the arrays are read-only.
        for name, value in state.items():
            for array in jax.tree.leaves(value):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
            object.__setattr__(self, name, value)

    def __eq__(self, other):
        if not isinstance(other, ChoiceData):
            return NotImplemented
        pair = (dataclasses.replace(data, trials=None) for data in (self, other))
        (leaves, static), (their_leaves, their_static) = map(_flatten, pair)
        same_parts = jax.tree.structure(leaves) == jax.tree.structure(their_leaves)
        return (
            same_parts
            and static == their_static
            and all(map(np.array_equal, jax.tree.leaves(leaves), jax.tree.leaves(their_leaves)))
        )

    @property
    def n_subjects(self) -> int:
        return self.choices.shape[0]

    @property
    def n_trials(self) -> int:
        return self.choices.shape[1]

    @property
    def scored(self) -> Bool[Array, "n_subjects n_trials"] | Bool[np.ndarray, "n_subjects n_trials"]:
        """Where a person made a choice of their own."""
        return self.mask if self.design.forced is None else self.mask & (self.design.forced < 0)

    @property
    def person_table(self) -> pd.DataFrame:
        """``people``, with a row for each subject and their labels as index."""
        return pd.DataFrame(dict(self.people), index=pd.Index(self.subjects, name="subject"))

    @property
    def condition_table(self) -> pd.DataFrame:
        """``conditions``, with a row for each block and their labels as index."""
        return pd.DataFrame(dict(self.conditions), index=pd.Index(self.blocks, name="block"))

    def without_labels(self) -> "ChoiceData":
        """What a likelihood reads. Without labels, equally large data share one compiled program."""
        return dataclasses.replace(
            self,
            subjects=None,
            people=(),
            actions=None,
            blocks=None,
            conditions=(),
            trials=None,
            reward_scale=(0.0, 1.0),
        )

    def of_subjects(self, rows: np.ndarray | Sequence[int]) -> "ChoiceData":
        """The data of some subjects, in the order of ``rows``, which counts from 0."""
        rows = np.asarray(rows)
        people = {name: [values[row] for row in rows] for name, values in self.people}
        leaves = {name: getattr(self, name)[rows] for name in ("choices", "rewards", "mask")}
        leaves |= {} if self.trials is None else {"trials": self.trials[rows]}
        subjects = [self.subjects[row] for row in rows]
        design = rows_of(self.design, rows)
        return dataclasses.replace(self, **leaves, subjects=subjects, design=design, people=people)


def _by_subject(subjects, tables):
    """Subjects' labels, if anything says them, and tables with a row for each subject in their order."""
    # A Series has a label for each trial, and so have tables of another size than choices.
    size = len(tables["choices"]) if hasattr(tables["choices"], "__len__") else 0
    labelled = {
        name: x
        for name, x in tables.items()
        if has_labelled_rows(x, size) or (isinstance(x, pd.DataFrame) and not name.startswith("design."))
    }
    _check_same_columns(labelled)
    if subjects is None:
        subjects = next((labels for labels in map(labels_on, labelled.values()) if labels is not None), None)
    if subjects is None:
        return None, tables
    subjects = as_sequence("subjects", subjects)
    ordered = {name: in_order_of(subjects, x, name, "subject") for name, x in labelled.items()}
    own = {name: labels_on(x) for name, x in labelled.items()}
    moved = [name for name, given in own.items() if given and [*map(str, given)] != [*map(str, subjects)]]
    plain = [name for name, x in tables.items() if own.get(name) is None and _has_rows(x, len(subjects))]
    if moved and plain:
        raise ValueError(
            f"{moved[0]} carries labels, in another order than subjects, and {plain[0]} carries none: whose "
            f"rows are those of {plain[0]}? Give both with labels, as tables of pandas, or both without, as "
            "by .to_numpy()."
        )
    return subjects, tables | ordered


def _check_same_columns(tables):
    """Refuse tables whose columns, one for each trial, are called alike and stand in another order."""
    named = {
        name: x.columns.tolist()
        for name, x in tables.items()
        if isinstance(x, pd.DataFrame) and not isinstance(x.columns, pd.RangeIndex)
    }
    for name, columns in named.items():
        first, wanted = next(iter(named.items()))
        if columns != wanted and sorted(map(str, columns)) == sorted(map(str, wanted)):
            raise ValueError(
                f"The columns of {name} stand in another order than those of {first}, from which trials are "
                f"counted: write {name}[{first}.columns]."
            )


def _has_rows(x, n_subjects):
    """Whether it has a row for each subject, and not an entry for each trial."""
    if isinstance(x, list | tuple):
        return len(x) == n_subjects and all(isinstance(row, Sequence | np.ndarray) for row in x)
    return getattr(x, "ndim", 0) > 1 and len(x) == n_subjects


def check_is_choice_data(data: object) -> None:
    """Refuse a table, or anything else, in the place of a ChoiceData.

    Raises
    ------
    ValueError
        If ``data`` is no :class:`ChoiceData`.

    Examples
    --------
    >>> from rwlib.data.choices import check_is_choice_data
    >>> check_is_choice_data({"choice": [0, 1]})
    Traceback (most recent call last):
    ValueError: The data are of type dict; make a ChoiceData of them, with read_choices if it is a table.
    """
    if not isinstance(data, ChoiceData):
        raise ValueError(
            f"The data are of type {type(data).__name__}; make a ChoiceData of them, with read_choices if it"
            " is a table."
        )


def _listed(numbers, most=6):
    """Some numbers in words."""
    shown = ", ".join(str(int(x)) for x in numbers[:most])
    return shown + (", …" if len(numbers) > most else "")


LEAVES = ("choices", "rewards", "mask", "design", "trials")
STATIC = ("n_actions", "subjects", "people", "actions", "blocks", "conditions", "reward_scale")


def _flatten(data):
    return tuple(getattr(data, name) for name in LEAVES), tuple(getattr(data, name) for name in STATIC)


def _unflatten(static, leaves):
    # JAX also rebuilds pytrees with placeholders for leaves, which no check could accept.
    data = object.__new__(ChoiceData)
    for name, value in zip((*LEAVES, *STATIC), (*leaves, *static)):
        object.__setattr__(data, name, value)
    return data


jax.tree_util.register_pytree_node(ChoiceData, _flatten, _unflatten)
