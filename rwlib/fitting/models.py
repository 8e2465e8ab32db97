"""What a model is: its parameters with their transforms and priors, its agent, and the models that are ready
made."""

import dataclasses
import functools
import hashlib
import inspect
import math
import re
import types
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from rwlib.model.agents import Agent, check_is_agent
from rwlib.model.parameters import long_names, subject_parameters
from rwlib.model.rescorla_wagner import RANDOM_AGENT, RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT

__all__ = [
    "ASYMMETRIC",
    "ASYMMETRIC_STICKY",
    "ASYMMETRIC_TEMPERATURE",
    "ASYMMETRIC_TRACE",
    "RANDOM",
    "SYMMETRIC",
    "SYMMETRIC_STICKY",
    "SYMMETRIC_TRACE",
    "TRANSFORMS",
    "WIN_STAY_LOSE_SHIFT",
    "GroupParameter",
    "Model",
    "check_fitted",
    "check_model",
    "model_fingerprint",
]

#: From the real line, on which a group is normal, to a parameter's own range.
TRANSFORMS = {
    "expit": jax.scipy.special.expit,
    "exp": jnp.exp,
    "softplus": jax.nn.softplus,
    "identity": lambda x: x,
}
TRANSFORMED_RANGES = {
    "expit": (0.0, 1.0),
    "exp": (0.0, math.inf),
    "softplus": (0.0, math.inf),
    "identity": (-math.inf, math.inf),
}
#: What a fit calls its own dimensions; two variables of one name cannot be stored.
NAMES_OF_DIMENSIONS = ("chain", "draw", "sample", "subject", "trial", "condition")
#: What a fit adds to a parameter's name for whatever else it keeps of it.
ENDINGS = re.compile(r"_(group_mean|group_sd|offset|unbounded|(effect|shift)(_.*)?)")
#: A place in memory, in what an object says of itself (in capitals on Windows).
PLACE = re.compile(r" at 0x[0-9a-fA-F]+")


class GroupParameter(NamedTuple):
    """One parameter of the agent, and how it is distributed over the group's subjects.

    Subject i has the value transform(group mean + group SD · zᵢ) with zᵢ ~ N(0, 1); the group mean is
    N(mean_location, mean_scale) and the group SD half-normal with scale sd_scale, all before the transform.
    The transform ``"expit"`` leads to numbers between 0 and 1, ``"exp"`` and ``"softplus"`` to positive ones,
    and ``"identity"`` to any.

    The form in which it is sampled does not change the posterior, only how well NUTS moves. By default it
    moves the zᵢ, which is right where subjects' data say little. ``centred=True`` moves the values before the
    transform directly, N(group mean, group SD), which is right where they say much. With the two other moves
    of ``fit`` it hardly matters.
    """

    name: str
    transform: str
    mean_location: float
    mean_scale: float
    sd_scale: float
    centred: bool = False


class Effect(NamedTuple):
    """A column about people that a parameter's group mean follows: its coefficient, before the transform, is
    N(0, scale).

    The column itself belongs to the data (:mod:`rwlib.fitting.effects`).
    """

    parameter: str
    scale: float


class Shift(NamedTuple):
    """By how much a parameter moves with the conditions of a task: one more number for each person, added
    before the transform.

    How much of it each condition adds belongs to the data (:mod:`rwlib.fitting.effects`).
    """

    parameter: str
    over_people: GroupParameter


class Regressors(NamedTuple):
    """What a model's effects and shifts multiply."""

    of_people: Float[Array, "n_effects n_subjects"]
    of_conditions: Float[Array, "n_shifts n_conditions"]


@dataclasses.dataclass(frozen=True)
class Model:
    """A model is its name, its parameters, and the agent that they belong to; the rest follows.

    Parameters
    ----------
    name : str
    parameters : tuple of GroupParameter
        Those that are estimated.
    agent : Agent, default RESCORLA_WAGNER_AGENT
    fixed : dict of numbers, optional
        Parameters of the agent that are known, the same for everybody: ``{"q0": 0.0}`` where people expect
        nothing.
    effects, shifts : tuples of Effect, of Shift
        What parameters follow: ``fit`` fills them in where it is given ``group`` or ``within``.

    Examples
    --------
    >>> import dataclasses
    >>> import rwlib
    >>> from_nothing = dataclasses.replace(rwlib.ASYMMETRIC, name="from 0", fixed={"q0": 0.0})
    >>> from_nothing.fixed
    (('q0', 0.0),)
    """

    name: str
    parameters: tuple[GroupParameter, ...]
    agent: Agent = RESCORLA_WAGNER_AGENT
    fixed: Mapping[str, float] | tuple[tuple[str, float], ...] = ()
    effects: tuple[Effect, ...] = ()
    shifts: tuple[Shift, ...] = ()

    def __post_init__(self):
        # As tuples, since what JAX compiles for must be hashable.
        if isinstance(self.parameters, list | tuple):
            object.__setattr__(self, "parameters", tuple(map(_in_plain_numbers, self.parameters)))
        object.__setattr__(self, "fixed", _as_fixed(self.fixed))

    @property
    def personal(self) -> tuple[GroupParameter, ...]:
        """What each person has a number of: the parameters, and how far they move with conditions."""
        return (*self.parameters, *(shift.over_people for shift in self.shifts))

    _replace = dataclasses.replace  # a changed copy is made as with the NamedTuples that a model is made of


def _in_plain_numbers(parameter):
    """A parameter as a fit can store it: without NumPy's own kinds of numbers."""
    if not isinstance(parameter, GroupParameter):
        return parameter  # check_model says so
    numbers = np.generic | np.ndarray | jax.Array
    given = parameter._asdict().items()
    plain = {name: x.item() for name, x in given if isinstance(x, numbers) and x.ndim == 0}
    return parameter._replace(**plain)


def _as_fixed(fixed):
    """Names and plain numbers."""
    try:
        pairs = dict(fixed).items()
    except (TypeError, ValueError):
        raise ValueError(
            f"fixed is {fixed!r}; give a dictionary of numbers, as in fixed={{'q0': 0.0}}."
        ) from None
    if not isinstance(fixed, Mapping) and len(pairs) < len(fixed):
        raise ValueError(f"fixed is {fixed!r}; give one number for each name.")
    for name, value in pairs:
        if not isinstance(name, str):
            raise ValueError(f"fixed has the name {name!r}; give the name of a parameter, a text.")
        if not _is_number(value):
            raise ValueError(f"fixed[{name!r}] is {value!r}; give one number, which holds for everybody.")
    return tuple((name, float(value)) for name, value in pairs)


def _is_number(value):
    if isinstance(value, str):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


_BETA = GroupParameter("beta", "exp", mean_location=1.0, mean_scale=1.0, sd_scale=0.5)
_STICKINESS = GroupParameter("stickiness", "identity", mean_location=0.0, mean_scale=1.0, sd_scale=1.0)


def _rate(name):
    return GroupParameter(name, "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0)


#: The course's model: two learning rates and an inverse temperature.
ASYMMETRIC = Model("asymmetric", (_rate("alpha_pos"), _rate("alpha_neg"), _BETA))

#: One learning rate for good and bad surprises.
SYMMETRIC = Model("symmetric", (_rate("alpha"), _BETA))

#: Both once more, with a tendency to repeat the last choice (or, where it is negative, to leave it).
ASYMMETRIC_STICKY = Model("asymmetric, sticky", (*ASYMMETRIC.parameters, _STICKINESS))
SYMMETRIC_STICKY = Model("symmetric, sticky", (*SYMMETRIC.parameters, _STICKINESS))

#: Both with a tendency to repeat what was chosen in the last few trials, which fades at a rate of its own.
ASYMMETRIC_TRACE = Model("asymmetric, choice trace", (*ASYMMETRIC_STICKY.parameters, _rate("trace_rate")))
SYMMETRIC_TRACE = Model("symmetric, choice trace", (*SYMMETRIC_STICKY.parameters, _rate("trace_rate")))

#: Repeat what paid, leave what did not, with a share of random choices.
WIN_STAY_LOSE_SHIFT = Model(
    "win-stay, lose-shift",
    (GroupParameter("lapse", "expit", mean_location=-1.0, mean_scale=1.0, sd_scale=1.0),),
    WIN_STAY_LOSE_SHIFT_AGENT,
)

#: Chance: nothing to estimate, and the least that any other model must beat.
RANDOM = Model("random", (), RANDOM_AGENT)

#: The course's model with a temperature in (0, 1): no subject's inverse temperature can then be below 1.
ASYMMETRIC_TEMPERATURE = Model("asymmetric, temperature", (*ASYMMETRIC.parameters[:2], _rate("temperature")))


def model_fingerprint(model: Model) -> str:
    """A short text that changes with the model: its parameters, their priors, or a line of its agent's code.

    ``fit`` stores it with the draws, so that they are not scored with another model of the same name.
    (Functions that the agent's own functions call are not looked into.)

    Parameters
    ----------
    model : Model

    Returns
    -------
    fingerprint : str

    Examples
    --------
    >>> from rwlib import ASYMMETRIC, SYMMETRIC
    >>> from rwlib.fitting.models import model_fingerprint
    >>> model_fingerprint(ASYMMETRIC) == model_fingerprint(SYMMETRIC)
    False
    """
    functions = [f for f in model.agent if callable(f)]
    content = [
        model.name,
        *map(tuple, model.parameters),
        model.fixed,
        model.agent.parameters,
        *map(_code, functions),
        *map(tuple, model.effects),
        *((shift.parameter, tuple(shift.over_people)) for shift in model.shifts),
    ]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def check_fitted(attrs: Mapping, model: Model) -> None:
    """Refuse draws that are not of this model.

    Parameters
    ----------
    attrs : mapping
        The attributes of a fit, or of other draws: those without a ``model`` or ``model_fingerprint`` may be
        of any.
    model : Model

    Raises
    ------
    ValueError
        If they are of another model, or of another one that has the same name.

    Examples
    --------
    >>> from rwlib import ASYMMETRIC
    >>> from rwlib.fitting.models import check_fitted
    >>> check_fitted({"model": "symmetric"}, ASYMMETRIC)
    Traceback (most recent call last):
    ValueError: The draws are of the model 'symmetric', not of 'asymmetric'.
    """
    if attrs.get("model", model.name) != model.name:
        raise ValueError(f"The draws are of the model {attrs['model']!r}, not of {model.name!r}.")
    if "model_fingerprint" in attrs and attrs["model_fingerprint"] != model_fingerprint(model):
        raise ValueError(
            f"The draws are of another model that is called {model.name!r}, too: its parameters, priors or "
            "agent differ. Give the model that was fitted."
        )


def _code(function):
    """What a function does, as far as its source and the values that it closes over say."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _code(function.func), _said(function.args), _said(dict(sorted(function.keywords.items())))
    if not hasattr(function, "__code__") and hasattr(function, "__dict__"):  # an object that can be called
        return _said(function), _code(type(function).__call__), _said(vars(function))
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt that keeps no source, or not a function of Python's
        source = _instructions(function.__code__) if hasattr(function, "__code__") else _said(function)
    closed_over = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return source, [_code(value) if callable(value) else _said(value) for value in closed_over]


def _said(value):
    """What an object says of itself, but for places in memory, which differ between sessions; in a list, a
    tuple (an Agent, say) or a dictionary, functions are told apart by what they do."""
    said = repr(value)
    if PLACE.search(said):
        if isinstance(value, Mapping):
            value = tuple(value.items())
        if isinstance(value, list | tuple):
            return [_code(x) if callable(x) else _said(x) for x in value]
    return PLACE.sub("", said)


def _instructions(code):
    """What a compiled function does, with its constants and those of the functions in it."""
    constants = [_instructions(x) if isinstance(x, types.CodeType) else repr(x) for x in code.co_consts]
    return code.co_code.hex(), code.co_names, constants


def check_model(model: Model) -> None:
    """Refuse, before anything is compiled, a model that cannot be fitted.

    Parameters
    ----------
    model : Model

    Raises
    ------
    ValueError
        If it is not a model, its agent is none, a parameter that the agent needs is missing, or a parameter
        has an unknown transform, a name that is taken or cannot be stored, a range that does not fit, or
        impossible priors. The message names it. (A name that the agent's functions never read is refused by
        :func:`rwlib.model.agent_check.check_agent`, which knows the task.)

    Examples
    --------
    >>> from rwlib import SYMMETRIC
    >>> from rwlib.fitting.models import check_model
    >>> check_model(SYMMETRIC._replace(fixed={"alpha": 0.5}))
    Traceback (most recent call last):
    ValueError: The model 'symmetric' both estimates 'alpha' and holds it fixed.
    """
    if not isinstance(model, Model):
        raise ValueError(f"model is {model!r}; give a Model, such as rwlib.ASYMMETRIC.")
    if type(model.parameters) is not tuple or not all(
        isinstance(p, GroupParameter) for p in model.parameters
    ):
        raise ValueError(
            f"The parameters of the model {model.name!r} are {model.parameters!r}; give a tuple of "
            f"GroupParameter."
        )
    check_is_agent(model.agent)
    names = [p.name for p in model.parameters]
    for name in names:
        if not isinstance(name, str) or not name.strip(" .") or "/" in name or not name.isprintable():
            raise ValueError(
                f"The model {model.name!r} has a parameter {name!r}; a name must be a text without '/', so "
                "that a fit can store it."
            )
        if names.count(name) > 1:
            raise ValueError(f"The model {model.name!r} has the parameter {name!r} more than once.")
        if name in NAMES_OF_DIMENSIONS:
            raise ValueError(
                f"The model {model.name!r} has a parameter {name!r}, which is what a fit calls one of its "
                "dimensions; give it another name."
            )
    _check_derived_names(model.name, names)
    ranges = {p.name: p for p in model.agent.parameters}
    for name, _ in model.fixed:
        if name in names:
            raise ValueError(f"The model {model.name!r} both estimates {name!r} and holds it fixed.")
    for p in model.parameters:
        where = f"Parameter {p.name!r} of the model {model.name!r}"
        if not isinstance(p.transform, str) or p.transform not in TRANSFORMS:
            raise ValueError(
                f"{where} has the transform {p.transform!r}; known are {', '.join(map(repr, TRANSFORMS))}."
            )
        prior = p.mean_location, p.mean_scale, p.sd_scale
        if not all(map(_is_number, prior)) or not (
            math.isfinite(p.mean_location) and 0 < p.mean_scale < math.inf and 0 < p.sd_scale < math.inf
        ):
            raise ValueError(
                f"{where} has mean_location {p.mean_location!r}, mean_scale {p.mean_scale!r} and sd_scale "
                f"{p.sd_scale!r}; the location must be a finite number and both scales positive ones."
            )
        low, high = TRANSFORMED_RANGES[p.transform]
        allowed = ranges.get(long_names((p.name,), model.agent)[0])
        if allowed is not None and not (allowed.low <= low and high <= allowed.high):
            raise ValueError(
                f"{where} must lie in [{allowed.low}, {allowed.high}], but the transform {p.transform!r} "
                f"leads to ({low}, {high}); 'expit' leads to (0, 1), 'exp' and 'softplus' to positive "
                "numbers."
            )
    middle = {p.name: float(TRANSFORMS[p.transform](p.mean_location)) for p in model.parameters}
    subject_parameters({**middle, **dict(model.fixed)}, 1, model.agent)


def _check_derived_names(model_name, names):
    """Refuse parameters of which one would be stored under what a fit calls a part of another."""
    for name in names:
        for other in names:
            ending = name.removeprefix(other)
            if ending != name and ENDINGS.fullmatch(ending):
                raise ValueError(
                    f"The model {model_name!r} has a parameter {name!r} beside {other!r}; under that name a "
                    f"fit keeps what belongs to {other!r}. Give it another name."
                )
        if name.endswith(("_group_mean", "_group_sd")):
            raise ValueError(
                f"The model {model_name!r} has a parameter {name!r}, which reads like a group's mean or SD. "
                "Give it another name: a fit adds these endings itself."
            )
