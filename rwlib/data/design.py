"""What a task does apart from paying: what is on offer, where a run begins, what is shown, and what is chosen
for people."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Shaped

from rwlib.data.entries import as_array, as_flags
from rwlib.data.labels import has_labelled_rows, in_order_of

__all__ = ["Design", "check_design", "check_is_design", "design_in_order_of", "parts_of", "with_parts"]

MOST_BLOCKS = 2**20  # more are no blocks, but times or dates


class Design(NamedTuple):
    """What happens on each trial apart from choices and rewards. Every part is optional.

    Parameters
    ----------
    offered : array of bool, shape (n_trials, n_actions) or (n_subjects, n_trials, n_actions), optional
        Which actions could be chosen. Default: all of them, always.
    block : array of int, shape (n_trials,) or (n_subjects, n_trials), optional
        The number of each trial's block, 0, 1, 2, …. Where it differs from that of the trial before, a new
        run begins: whatever an agent keeps in its memory starts again, and its parameters stay. Default: each
        subject has one run.
    feedback : array of bool, shape (n_trials,) or (n_subjects, n_trials), optional
        False where the outcome of a choice was not shown. Such a choice is scored, and teaches nothing.
    forced : array of int, shape (n_trials,) or (n_subjects, n_trials), optional
        The action that was chosen *for* the person, or −1 where they chose themselves. Such a trial teaches,
        and is not scored.
    before, after : dict of arrays, shape (n_trials, ...) or (n_subjects, n_trials, ...), optional
        Whatever else an agent may read, by name: what people see before they choose (stimuli, stakes), and
        what they see only afterwards (outcomes of the actions that were not taken).

    Examples
    --------
    Two of three arms are on offer on each of three trials, and a new run begins with the third:

    >>> import numpy as np
    >>> import rwlib
    >>> offered = np.array([[True, True, False], [True, False, True], [False, True, True]])
    >>> design = rwlib.Design(offered=offered, block=np.array([0, 0, 1]))
    >>> data = rwlib.ChoiceData([[0, 2, 1]], [[1.0, 0.0, 1.0]], design=design)
    >>> rwlib.trialwise_log_likelihood(data, {"alpha": 0.5, "beta": 2.0}).round(2).tolist()
    [[-0.69, -0.97, -0.69]]
    """

    offered: Shaped[ArrayLike, "... n_trials n_actions"] | None = None
    block: Shaped[ArrayLike, "... n_trials"] | None = None
    feedback: Shaped[ArrayLike, "... n_trials"] | None = None
    forced: Shaped[ArrayLike, "... n_trials"] | None = None
    before: Mapping[str, Shaped[ArrayLike, "..."]] = {}
    after: Mapping[str, Shaped[ArrayLike, "..."]] = {}


def check_is_design(design: object) -> None:
    """Refuse anything else in the place of a Design.

    Examples
    --------
    >>> from rwlib.data.design import check_is_design
    >>> check_is_design({"block": [0, 0, 1, 1]})
    Traceback (most recent call last):
    ValueError: design is of type dict; give an rwlib.Design.
    """
    if not isinstance(design, Design):
        raise ValueError(f"design is of type {type(design).__name__}; give an rwlib.Design.")


def parts_of(design: Design) -> dict[str, Any]:
    """Each part of a design under the name that messages call it.

    Examples
    --------
    >>> from rwlib.data.design import Design, parts_of
    >>> parts_of(Design(block=[0, 1], before={"stake": [1.0, 2.0]}))
    {'design.block': [0, 1], "design.before['stake']": [1.0, 2.0]}
    """
    found = {f"design.{name}": getattr(design, name) for name in ("offered", "block", "feedback", "forced")}
    for when in ("before", "after"):
        seen = getattr(design, when)
        if isinstance(seen, Mapping):  # otherwise check_design says what is wrong
            found |= {f"design.{when}[{name!r}]": x for name, x in seen.items()}
    return {name: x for name, x in found.items() if x is not None}


def with_parts(design: Design, parts: Mapping[str, Any]) -> Design:
    """The design with these parts, under the names that :func:`parts_of` gives them.

    Examples
    --------
    >>> from rwlib.data.design import Design, with_parts
    >>> with_parts(Design(block=[0, 1]), {"design.block": [1, 1]}).block
    [1, 1]
    """
    changed = {
        name: parts[f"design.{name}"]
        for name in ("offered", "block", "feedback", "forced")
        if f"design.{name}" in parts
    }
    for when in ("before", "after"):
        seen = getattr(design, when)
        if isinstance(seen, Mapping):
            changed[when] = {name: parts.get(f"design.{when}[{name!r}]", x) for name, x in seen.items()}
    return design._replace(**changed)


def design_in_order_of(subjects: Sequence, design: Design) -> Design:
    """The design with the parts that carry subjects' labels in the order of these subjects.

    Raises
    ------
    ValueError
        If a part has other labels.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.data.design import Design, design_in_order_of
    >>> block = pd.DataFrame([[0, 1], [0, 0]], index=["bob", "ann"])
    >>> design_in_order_of(["ann", "bob"], Design(block=block)).block.to_numpy().tolist()
    [[0, 0], [0, 1]]
    """
    check_is_design(design)
    ordered = {
        name: in_order_of(subjects, x, name, "subject")
        for name, x in parts_of(design).items()
        if has_labelled_rows(x, len(subjects))
    }
    return with_parts(design, ordered)


def check_design(design: Design, n_subjects: int, n_trials: int, n_actions: int) -> Design:
    """The design with every part spelled out for each subject, if all of them fit the task.

    Parameters
    ----------
    design : Design
    n_subjects, n_trials, n_actions : int

    Returns
    -------
    design : Design
        Of NumPy arrays with shape (n_subjects, n_trials, ...); parts that were left out are still ``None``.

    Raises
    ------
    ValueError
        If a part has another shape or impossible values. The message names it.

    Examples
    --------
    >>> from rwlib.data.design import Design, check_design
    >>> check_design(Design(block=[0, 0, 1]), n_subjects=2, n_trials=3, n_actions=2).block.shape
    (2, 3)
    """
    check_is_design(design)
    size = n_subjects, n_trials

    def spread(name, values, rest=(), of_any_size=False):
        values = as_array(f"design.{name}", values)
        shapes = [(*size, *rest), (n_trials, *rest)]
        if of_any_size:
            shapes = [values.shape[:2], values.shape[:1]]
            fits = size in shapes or (n_trials,) in shapes
            rest = values.shape[2:] if values.shape[:2] == size else values.shape[1:]
        else:
            fits = values.shape in shapes
        if not fits:
            wanted = ", ".join(map(str, (*size, *rest)))
            raise ValueError(
                f"design.{name} has shape {values.shape}; it must be ({wanted}), or without the first."
            )
        return np.array(np.broadcast_to(values, (*size, *rest)))

    def flags(name, values, rest=()):
        values = spread(name, values, rest)
        if values.dtype != bool:
            values = as_flags(f"design.{name}", values)
            refuse((values != 0) & (values != 1), name, values, "each entry must be True or False.")
        return values.astype(bool)

    def whole(name, values, low, high, remedy):
        values = spread(name, values)
        if values.dtype.kind not in "iuf":
            raise ValueError(f"design.{name} is of type {values.dtype}; it must be whole numbers.")
        with np.errstate(invalid="ignore"):  # NaN and inf are not whole
            odd = ~((values % 1 == 0) & (values >= low) & (values <= high))
        refuse(odd, name, values, remedy)
        return values.astype(np.int32)

    def refuse(odd, name, values, remedy):
        if odd.any():
            row, trial, *_ = np.argwhere(odd)[0]
            at = f"(subject number {row}, trial index {trial})"
            raise ValueError(f"design.{name} is {values[odd][0]:.15g} {at}; {remedy}")

    def columns(name, mapping):
        if not isinstance(mapping, Mapping):
            raise ValueError(
                f"design.{name} is of type {type(mapping).__name__}; give a dictionary of arrays."
            )
        found = {}
        for key, values in mapping.items():
            values = spread(f"{name}[{key!r}]", values, of_any_size=True)
            if values.dtype.kind not in "biuf":
                raise ValueError(
                    f"design.{name}[{key!r}] is of type {values.dtype}; an agent can read numbers only."
                )
            if not np.isfinite(values).all():
                at = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
                raise ValueError(f"design.{name}[{key!r}]{list(at)} is {values[at]}; it must be finite.")
            found[key] = values
        return found

    parts = {}
    if design.offered is not None:
        parts["offered"] = flags("offered", design.offered, (n_actions,))
    if design.block is not None:
        remedy = "number the blocks 0, 1, 2, …: where the number changes, a new run begins."
        parts["block"] = whole("block", design.block, 0, MOST_BLOCKS - 1, remedy)
    if design.feedback is not None:
        parts["feedback"] = flags("feedback", design.feedback)
    if design.forced is not None:
        remedy = f"it must be an action from 0 to {n_actions - 1}, or -1 where people chose themselves."
        parts["forced"] = whole("forced", design.forced, -1, n_actions - 1, remedy)
    parts["before"], parts["after"] = columns("before", design.before), columns("after", design.after)
    both = parts["before"].keys() & parts["after"].keys()
    if both:
        raise ValueError(
            f"{min(both)!r} is in both design.before and design.after; it is seen either before a choice or "
            f"after it."
        )
    return Design(**parts)


def rows_of(design: Design, rows: np.ndarray) -> Design:
    """The design of some of the subjects."""
    return jax.tree.map(lambda x: x[rows], design)


def arrays_of(design: Design) -> dict[str, Shaped[ArrayLike, "n_subjects n_trials ..."]]:
    """Every part that a checked design has, by name: what is stored beside choices and compared with what was
    stored."""
    parts = {name: getattr(design, name) for name in ("offered", "block", "feedback", "forced")}
    seen = {f"{when}_{name}": x for when in ("before", "after") for name, x in getattr(design, when).items()}
    return {name: np.asarray(x) for name, x in (parts | seen).items() if x is not None}
