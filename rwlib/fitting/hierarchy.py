"""From the group to its subjects: priors, transforms, centring, and the NumPyro model."""

import dataclasses
import hashlib
import inspect
import math
import types
from itertools import repeat
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data.choices import ChoiceData
from rwlib.model.agents import Agent
from rwlib.model.likelihood import log_likelihood_given
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
    "hierarchical_model",
    "model_fingerprint",
    "of_subjects",
    "sample_subjects",
]

#: Where JAX works in double precision, as in `fit`, a subject's trials are still scored in single precision,
#: at half the cost: only what is added up over subjects needs the digits.
SCORING = jnp.float32

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


class GroupParameter(NamedTuple):
    """One parameter of the agent, and how it is distributed over the group's subjects.

    Subject i has the value transform(group mean + group SD · zᵢ) with zᵢ ~ N(0, 1); the group mean is
    N(mean_location, mean_scale) and the group SD half-normal with scale sd_scale, all before the transform.

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
        if isinstance(self.parameters, list):
            object.__setattr__(self, "parameters", tuple(self.parameters))
        object.__setattr__(
            self, "fixed", tuple((name, float(value)) for name, value in dict(self.fixed).items())
        )

    @property
    def personal(self) -> tuple[GroupParameter, ...]:
        """What each person has a number of: the parameters, and how far they move with conditions."""
        return (*self.parameters, *(shift.over_people for shift in self.shifts))

    _replace = dataclasses.replace  # a changed copy is made as with the NamedTuples that a model is made of


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


def sample_subjects(
    parameter: GroupParameter, n_subjects: int, regression: Float[Array, " n_subjects"] | float = 0.0
) -> Float[Array, " n_subjects"]:
    """Declare one parameter's group mean, group SD and subjects to NumPyro; return the subjects' values.

    The sites are ``<name>_group_mean``, ``<name>_group_sd`` and
    ``<name>_offset`` (or ``<name>_unbounded`` where the parameter is centred); ``<name>`` itself is
    deterministic.

    Parameters
    ----------
    parameter : GroupParameter
    n_subjects : int
    regression : array, shape (n_subjects,), optional
        How far each person's mean lies from the group's, before the transform.

    Returns
    -------
    values : array, shape (n_subjects,)
        In the parameter's own range.

    Examples
    --------
    It must run inside a NumPyro model, or, as here, with a seed that stands in for one:

    >>> import numpyro
    >>> from rwlib import ASYMMETRIC
    >>> from rwlib.fitting.hierarchy import sample_subjects
    >>> with numpyro.handlers.seed(rng_seed=0):
    ...     beta = sample_subjects(ASYMMETRIC.parameters[2], n_subjects=5)
    >>> beta.shape
    (5,)
    """
    return TRANSFORMS[parameter.transform](_declare(parameter, n_subjects, regression))


def _declare(parameter, n_subjects, regression):
    """The sites of one parameter; the subjects' values before the transform."""
    name = parameter.name
    group_mean = numpyro.sample(
        f"{name}_group_mean", dist.Normal(parameter.mean_location, parameter.mean_scale)
    )
    group_sd = numpyro.sample(f"{name}_group_sd", dist.HalfNormal(parameter.sd_scale))
    mean = group_mean + regression
    with numpyro.plate("subject", n_subjects):
        if parameter.centred:
            unbounded = numpyro.sample(f"{name}_unbounded", dist.Normal(mean, group_sd))
        else:
            unbounded = mean + group_sd * numpyro.sample(f"{name}_offset", dist.Normal(0.0, 1.0))
    numpyro.deterministic(name, TRANSFORMS[parameter.transform](unbounded))
    return unbounded


def hierarchical_model(
    data: ChoiceData, model: Model = ASYMMETRIC, regressors: Regressors | None = None
) -> None:
    """Draw subjects from a group and score their observed choices: the NumPyro model that ``fit`` samples.

    The score enters through ``numpyro.factor``, since it is the log-likelihood of whole sessions, not a
    distribution that NumPyro knows.

    Parameters
    ----------
    data : ChoiceData
        Everything the model needs: number of subjects, of trials and of actions are read from it.
    model : Model, default ASYMMETRIC
    regressors : Regressors, optional
        Where the model has effects or shifts.

    References
    ----------
    Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007). A general framework for the parametrization
    of hierarchical models. https://doi.org/10.1214/088342307000000014

    Examples
    --------
    >>> import numpyro
    >>> from rwlib import ASYMMETRIC, ChoiceData
    >>> from rwlib.fitting.hierarchy import hierarchical_model
    >>> data = ChoiceData([[0, 1, 1]], [[0.0, 1.0, 1.0]])
    >>> with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.trace() as trace:
    ...     hierarchical_model(data, ASYMMETRIC)
    >>> [name for name in trace if name.startswith("beta")]
    ['beta_group_mean', 'beta_group_sd', 'beta_offset', 'beta']
    """
    n_subjects = data.n_subjects if regressors is None else regressors.of_people.shape[-1]
    sites = zip(effect_sites(model), model.effects)
    effects = [numpyro.sample(site, dist.Normal(0.0, effect.scale)) for site, effect in sites]
    along = regressions(jnp.array(effects), model, regressors) if effects else repeat(0.0)
    people = [_declare(p, n_subjects, moved) for p, moved in zip(model.personal, along)]
    numpyro.factor("log_likelihood", log_likelihood_of_people(people, data, model, regressors).sum())


def effect_sites(model: Model) -> list[str]:
    """What each effect is called in the NumPyro model: by its parameter, with a number."""
    names = [effect.parameter for effect in model.effects]
    return [f"{name}_effect_{names[:i].count(name)}" for i, name in enumerate(names)]


def regressions(
    effects: Float[ArrayLike, "... n_effects"], model: Model, regressors: Regressors
) -> Float[Array, "... n_parameters n_subjects"]:
    """How far each person's mean lies from the group's, before the transform.

    Parameters
    ----------
    effects : array, shape (..., n_effects)
    model : Model
    regressors : Regressors

    Returns
    -------
    regressions : array, shape (..., n_parameters, n_subjects)
        A row for each of ``model.personal``.
    """
    belongs = effect_rows(model) == np.arange(len(model.personal))[:, None]
    return jnp.einsum("pe,...e,es->...ps", belongs.astype(float), effects, regressors.of_people)


def effect_rows(model: Model) -> np.ndarray:
    """For each effect the number of its parameter among ``model.personal``."""
    place = {p.name: i for i, p in enumerate(model.personal)}
    return np.array([place[effect.parameter] for effect in model.effects], int)


def log_likelihood_of_people(
    people: Sequence[Float[Array, " n_subjects"]] | Float[Array, "n_parameters n_subjects"],
    data: ChoiceData,
    model: Model,
    regressors: Regressors | None,
) -> Float[Array, " n_subjects"]:
    """The log-likelihood of each person's choices, in all conditions together.

    Parameters
    ----------
    people : sequence of arrays, shape (n_subjects,)
        Before the transform; one for each of ``model.personal``.
    data : ChoiceData
        Where the model has shifts, with a row for each condition of each person: everybody's first condition,
        then everybody's second, and so on.
    model : Model
    regressors : Regressors

    Returns
    -------
    log_likelihood : array, shape (n_subjects,)
    """
    params = {
        p.name: TRANSFORMS[p.transform](x).astype(SCORING)
        for p, x in zip(model.parameters, in_conditions(people, model, regressors))
    }
    by_row = log_likelihood_of_model(data, params, model)
    return by_row.reshape(-1, len(people[0])).sum(axis=0) if model.shifts else by_row


def in_conditions(
    people: Sequence[Float[Array, " n_subjects"]] | Float[Array, "n_parameters n_subjects"],
    model: Model,
    regressors: Regressors | None,
) -> list[Float[Array, " n_rows"]]:
    """Each parameter in every condition, before the transform, in the order of the rows of data."""
    found = dict(zip((p.name for p in model.personal), people))
    if model.shifts:
        n_conditions = regressors.of_conditions.shape[-1]
        found = {name: jnp.tile(x, (n_conditions, 1)) for name, x in found.items()}
    for shift, of_conditions in zip(model.shifts, () if regressors is None else regressors.of_conditions):
        found[shift.parameter] += of_conditions[:, None] * found[shift.over_people.name]
    return [found[p.name].ravel() if model.shifts else found[p.name] for p in model.parameters]


def log_likelihood_of_model(
    data: ChoiceData, params: Mapping[str, Array], model: Model
) -> Float[Array, " n_subjects"]:
    """The log-likelihood of each subject's choices, given the estimated parameters and with the fixed ones
    where they are."""
    return log_likelihood_given(data, params, dict(model.fixed), model.agent)


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
    >>> from rwlib.fitting.hierarchy import model_fingerprint
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
    >>> from rwlib.fitting.hierarchy import check_fitted
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


def of_subjects(dataset: xr.Dataset, subjects: Sequence) -> xr.Dataset:
    """The part of a fit that belongs to these subjects, in their order: people are matched by label, never by
    place.

    Parameters
    ----------
    dataset : xarray.Dataset
        With a coordinate ``subject``.
    subjects : sequence of labels
        All subjects of the data, in any order.

    Returns
    -------
    dataset : xarray.Dataset

    Raises
    ------
    ValueError
        If a subject is missing on either side.

    Examples
    --------
    >>> import xarray as xr
    >>> from rwlib.fitting.hierarchy import of_subjects
    >>> fitted = xr.Dataset({"beta": ("subject", [1.0, 2.0])}, {"subject": ["ada", "bo"]})
    >>> of_subjects(fitted, ["bo", "ada"])["beta"].values
    array([2., 1.])
    """
    wanted = np.asarray(subjects).tolist()  # numbers beside texts become texts, as they do in xarray
    place = {label: i for i, label in enumerate(dataset["subject"].values.tolist())}
    only_here, only_there = (
        sorted(one - other, key=str) for one, other in ((set(wanted), set(place)), (set(place), set(wanted)))
    )
    if only_here or only_there:
        label = (only_here or only_there)[0]
        where, not_there = ("data", "the fit") if only_here else ("the fit", "data")
        raise ValueError(
            f"The subject {label!r} is in {where} and not in {not_there}: give the data that were fitted."
        )
    return dataset.isel(subject=[place[label] for label in wanted])


def _code(function):
    """What a function does, as far as its source and the values that it closes over say."""
    function = inspect.unwrap(function)
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt that keeps no source, or not a function of Python's
        source = _instructions(function.__code__) if hasattr(function, "__code__") else repr(function)
    closed_over = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    return source, [_code(value) if callable(value) else repr(value) for value in closed_over]


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
        If it is not a model, or a parameter has an unknown name or transform, a range that does not fit, or
        impossible priors. The message names it.

    Examples
    --------
    >>> from rwlib import SYMMETRIC
    >>> from rwlib.fitting.hierarchy import check_model
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
    ranges = {p.name: p for p in model.agent.parameters}
    for name, _ in model.fixed:
        if name in {p.name for p in model.parameters}:
            raise ValueError(f"The model {model.name!r} both estimates {name!r} and holds it fixed.")
    for p in model.parameters:
        where = f"Parameter {p.name!r} of the model {model.name!r}"
        if p.transform not in TRANSFORMS:
            raise ValueError(
                f"{where} has the transform {p.transform!r}; known are {', '.join(map(repr, TRANSFORMS))}."
            )
        if not (math.isfinite(p.mean_location) and 0 < p.mean_scale < math.inf and 0 < p.sd_scale < math.inf):
            raise ValueError(
                f"{where} has mean_location {p.mean_location}, mean_scale {p.mean_scale} and sd_scale "
                f"{p.sd_scale}; the location must be finite and both scales positive."
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
