"""What a chain moves: one flat vector for a group and its people, and the density that it has.

It holds the parameters' group means, their group SDs, the effects of columns about people, and for each
parameter one number for each subject. Where a parameter is not centred, the subjects' numbers are their
offsets z, and the SD stands there with either sign: θ = μ + σ z (where there are effects, they move μ) is the
same for (σ, z) and (−σ, −z), so that a half-normal SD can be moved as a normal one, which has neither an edge
at 0 nor the long tail of a logarithm. Where it is centred, the subjects' numbers are their values before the
transform, and the SD stands there as its logarithm.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data.choices import ChoiceData
from rwlib.fitting.hierarchy import (
    effect_sites,
    log_likelihood_of_people,
    number_of_people,
    regressions,
)
from rwlib.fitting.models import Model, Regressors
from rwlib.fitting.moves import GroupPrior
from rwlib.fitting.proposals import Group, People

__all__ = [
    "draw_from_prior",
    "effects_of",
    "group_prior",
    "log_density",
    "mirror",
    "sides_of",
    "split",
    "to_people",
    "to_position",
    "to_sites",
]

Position = Float[Array, " n_dims"]


def split(position: Float[ArrayLike, "... n_dims"], model: Model, n_subjects: int) -> tuple:
    """Group means, group SDs as they stand, and subjects' numbers: views of a position, or of many.

    Parameters
    ----------
    position : array of NumPy or JAX, shape (..., n_dims)
    model : Model
    n_subjects : int

    Returns
    -------
    means, sds : arrays, shape (..., n_parameters)
    subjects : array, shape (..., n_parameters, n_subjects)

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib import WIN_STAY_LOSE_SHIFT
    >>> from rwlib.fitting.positions import split
    >>> split(np.arange(5.0), WIN_STAY_LOSE_SHIFT, n_subjects=3)
    (array([0.]), array([1.]), array([[2., 3., 4.]]))
    """
    n = len(model.personal)
    return (
        position[..., :n],
        position[..., n : 2 * n],
        position[..., 2 * n + len(model.effects) :].reshape(*position.shape[:-1], n, n_subjects),
    )


def effects_of(position: Float[ArrayLike, "... n_dims"], model: Model) -> Float[ArrayLike, "... n_effects"]:
    """The effects of columns about people: a view of a position, or of many.

    Parameters
    ----------
    position : array of NumPy or JAX, shape (..., n_dims)
    model : Model

    Returns
    -------
    effects : array, shape (..., n_effects)
    """
    first = 2 * len(model.personal)
    return position[..., first : first + len(model.effects)]


def log_density(
    position: Position, data: ChoiceData, model: Model, regressors: Regressors | None = None
) -> Float[Array, ""]:
    """Logarithm of the density of a position: priors, and the likelihood of the choices.

    Parameters
    ----------
    position : array, shape (n_dims,)
    data : ChoiceData
    model : Model
    regressors : Regressors, optional
        Where the model has effects or shifts.

    Returns
    -------
    log_density : array, shape ()
        Up to log 2 for each parameter that is not centred, that of
        :func:`rwlib.fitting.hierarchy.hierarchical_model`, with the Jacobian of the coordinates.

    References
    ----------
    Centring: Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007).
    https://doi.org/10.1214/088342307000000014. An SD with a sign: Gelman, A. (2006). Prior distributions for
    variance parameters in hierarchical models. https://doi.org/10.1214/06-BA117A

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib import WIN_STAY_LOSE_SHIFT, ChoiceData
    >>> from rwlib.fitting.positions import log_density
    >>> data = ChoiceData([[0, 1]], [[1.0, 0.0]])
    >>> position = jnp.array([-1.0, 0.5, 0.2])
    >>> mirrored = -position.at[0].set(1.0)
    >>> log_density_of = lambda position: log_density(position, data, WIN_STAY_LOSE_SHIFT)
    >>> bool(log_density_of(position) == log_density_of(mirrored))
    True
    """
    n_subjects, effects = number_of_people(data, regressors), effects_of(position, model)
    total, people = 0.0, []
    for effect, value in zip(model.effects, effects):
        total += norm.logpdf(value, 0.0, effect.scale)
    along = regressions(effects, model, regressors) if model.effects else None
    for i, (p, mean, sd, subjects) in enumerate(zip(model.personal, *split(position, model, n_subjects))):
        total += norm.logpdf(mean, p.mean_location, p.mean_scale)
        if model.effects:
            mean = mean + along[i]
        if p.centred:  # `sd` is a logarithm
            total += (
                math.log(2)
                + norm.logpdf(jnp.exp(sd), 0.0, p.sd_scale)
                + sd
                + norm.logpdf(subjects, mean, jnp.exp(sd)).sum()
            )
            people.append(subjects)
        else:
            total += norm.logpdf(sd, 0.0, p.sd_scale) + norm.logpdf(subjects).sum()
            people.append(mean + sd * subjects)
    return total + log_likelihood_of_people(people, data, model, regressors).sum()


def to_people(
    position: Position, model: Model, n_subjects: int, regressors: Regressors | None = None
) -> tuple[People, Group]:
    """The people of a position, before the transform, and their group.

    Parameters
    ----------
    position : array, shape (n_dims,)
    model : Model
    n_subjects : int
    regressors : Regressors, optional
        Where the model has effects.

    Returns
    -------
    people : array, shape (n_parameters, n_subjects)
    group : Group
    """
    means, sds, subjects = split(position, model, n_subjects)
    centred = jnp.array([p.centred for p in model.personal])
    mean = means[:, None]
    if model.effects:
        mean = mean + regressions(effects_of(position, model), model, regressors)
    people = jnp.where(centred[:, None], subjects, mean + sds[:, None] * subjects)
    return people, Group(means, jnp.where(centred, sds, jnp.log(jnp.abs(sds))))


def to_position(
    people: People,
    group: Group,
    model: Model,
    effects: Float[ArrayLike, " n_effects"] | tuple = (),
    regressors: Regressors | None = None,
) -> Position:
    """The inverse of :func:`to_people`; of two positions that are the same, the one with positive SDs.

    Parameters
    ----------
    people : array, shape (n_parameters, n_subjects)
    group : Group
    model : Model
    effects : array, shape (n_effects,), optional
    regressors : Regressors, optional
        Where the model has effects.

    Returns
    -------
    position : array, shape (n_dims,)
    """
    centred, sds = jnp.array([p.centred for p in model.personal]), jnp.exp(group.log_sd)
    mean, effects = group.mean[:, None], [effects] if model.effects else []
    if model.effects:
        mean = mean + regressions(*effects, model, regressors)
    subjects = jnp.where(centred[:, None], people, (people - mean) / sds[:, None])
    return jnp.concatenate([group.mean, jnp.where(centred, group.log_sd, sds), *effects, subjects.ravel()])


def sides_of(position: Position, model: Model, n_subjects: int) -> Float[Array, " n_parameters"]:
    """The sign with which each group SD stands in a position: −1 or 1, and 1 where it is a logarithm.

    Parameters
    ----------
    position : array, shape (n_dims,)
    model : Model
    n_subjects : int

    Returns
    -------
    sides : array, shape (n_parameters,)
    """
    _, sds, _ = split(position, model, n_subjects)
    centred = jnp.array([p.centred for p in model.personal])
    return jnp.where(centred | (sds >= 0), 1.0, -1.0)


def mirror(
    position: Position, sides: Float[Array, " n_parameters"], model: Model, n_subjects: int
) -> Position:
    """The same group and people, with SDs and offsets z of some parameters multiplied by −1.

    Parameters
    ----------
    position : array, shape (n_dims,)
    sides : array, shape (n_parameters,)
        From :func:`sides_of`.
    model : Model
    n_subjects : int

    Returns
    -------
    position : array, shape (n_dims,)

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib import WIN_STAY_LOSE_SHIFT
    >>> from rwlib.fitting.positions import mirror
    >>> mirror(jnp.array([-1.0, 0.5, 0.2]), jnp.array([-1.0]), WIN_STAY_LOSE_SHIFT, n_subjects=1).tolist()
    [-1.0, -0.5, -0.20000000298023224]
    """
    means, sds, subjects = split(position, model, n_subjects)
    effects = effects_of(position, model)
    return jnp.concatenate([means, sides * sds, effects, (sides[:, None] * subjects).ravel()])


def to_sites(
    positions: Float[np.ndarray, "... n_dims"], model: Model, n_subjects: int
) -> dict[str, np.ndarray]:
    """The sites of the NumPyro model at many positions with positive SDs, on NumPyro's unbounded scale: an SD
    is its logarithm.

    Parameters
    ----------
    positions : array, shape (..., n_dims)
    model : Model
    n_subjects : int

    Returns
    -------
    sites : dict of arrays, shape (...) or (..., n_subjects)
    """
    sites, (means, sds, subjects) = {}, split(positions, model, n_subjects)
    effects = effects_of(positions, model)
    sites |= {site: effects[..., i] for i, site in enumerate(effect_sites(model))}
    for i, p in enumerate(model.personal):
        sites[f"{p.name}_group_mean"] = means[..., i]
        sites[f"{p.name}_group_sd"] = sds[..., i] if p.centred else np.log(sds[..., i])
        sites[f"{p.name}_unbounded" if p.centred else f"{p.name}_offset"] = subjects[..., i, :]
    return sites


def group_prior(model: Model) -> GroupPrior:
    """The priors of all parameters' groups.

    Parameters
    ----------
    model : Model

    Returns
    -------
    prior : GroupPrior
    """
    return GroupPrior(
        *(jnp.array([getattr(p, what) for p in model.personal], float) for what in GroupPrior._fields)
    )


def draw_from_prior(
    rng: np.random.Generator, model: Model, n_subjects: int, regressors: Regressors | None = None
) -> Float[np.ndarray, " n_dims"]:
    """A position drawn from the prior, where a chain may start: chains that start far apart show what does
    not mix.

    Parameters
    ----------
    rng : numpy.random.Generator
    model : Model
    n_subjects : int
    regressors : Regressors, optional
        Where the model has effects.

    Returns
    -------
    position : array, shape (n_dims,)
    """
    location, scale, sd_scale, centred = np.array(
        [(p.mean_location, p.mean_scale, p.sd_scale, p.centred) for p in model.personal], float
    ).T
    means, sds = rng.normal(location, scale), np.abs(rng.normal(0.0, sd_scale))
    offsets = rng.normal(size=(len(means), n_subjects))
    effects = rng.normal(0.0, np.array([effect.scale for effect in model.effects]))
    mean = means[:, None]
    if model.effects:
        mean = mean + np.asarray(regressions(effects, model, regressors))
    subjects = np.where(centred[:, None], mean + sds[:, None] * offsets, offsets)
    return np.concatenate([means, np.where(centred, np.log(sds), sds), effects, subjects.ravel()])
