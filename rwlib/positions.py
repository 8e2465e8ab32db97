"""What a chain moves: one flat vector for a group and its people, and the density that it has.

For each parameter there stand, one after the other, the group mean, the group SD, and one number for each subject. Where a parameter
is not centred, the subjects' numbers are their offsets z, and the SD stands there with either sign: θ = μ + σ z is the same for
(σ, z) and (−σ, −z), so that a half-normal SD can be moved as a normal one, which has neither an edge at 0 nor the long tail
of a logarithm. Where it is centred, the subjects' numbers are their values before the transform, and the SD stands there as its
logarithm.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data import ChoiceData
from rwlib.hierarchy import SCORING, TRANSFORMS, Model
from rwlib.likelihood import log_likelihood
from rwlib.moves import Group, GroupPrior, People

__all__ = ["draw_from_prior", "group_prior", "log_density", "rough_scales", "split", "to_people", "to_position", "to_sites"]

Position = Float[Array, " n_dims"]


def split(position: Float[ArrayLike, "... n_dims"], model: Model, n_subjects: int) -> list[tuple]:
    """Group mean, group SD as it stands, and subjects' numbers of each parameter: views of a position, or of many.

    Parameters
    ----------
    position : array of NumPy or JAX, shape (..., n_dims)
    model : Model
    n_subjects : int

    Returns
    -------
    parts : list of (mean, sd, subjects)
        Of shapes (...), (...) and (..., n_subjects), one for each parameter.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib import WIN_STAY_LOSE_SHIFT
    >>> from rwlib.positions import split
    >>> split(np.arange(5.0), WIN_STAY_LOSE_SHIFT, n_subjects=3)
    [(np.float64(0.0), np.float64(1.0), array([2., 3., 4.]))]
    """
    n = 2 + n_subjects
    return [(position[..., i * n], position[..., i * n + 1], position[..., i * n + 2 : (i + 1) * n]) for i in range(len(model.parameters))]


def log_density(position: Position, data: ChoiceData, model: Model) -> Float[Array, ""]:
    """Logarithm of the density of a position: priors, and the likelihood of the choices.

    Parameters
    ----------
    position : array, shape (n_dims,)
    data : ChoiceData
    model : Model

    Returns
    -------
    log_density : array, shape ()
        Up to log 2 for each parameter that is not centred, that of :func:`rwlib.hierarchy.hierarchical_model`, with the Jacobian of the
        coordinates.

    References
    ----------
    Centring: Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007). https://doi.org/10.1214/088342307000000014. An SD with a
    sign: Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. https://doi.org/10.1214/06-BA117A

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from rwlib import WIN_STAY_LOSE_SHIFT, ChoiceData
    >>> from rwlib.positions import log_density
    >>> data = ChoiceData([[0, 1]], [[1.0, 0.0]])
    >>> position = jnp.array([-1.0, 0.5, 0.2])
    >>> bool(log_density(position, data, WIN_STAY_LOSE_SHIFT) == log_density(-position.at[0].set(1.0), data, WIN_STAY_LOSE_SHIFT))
    True
    """
    total, params = 0.0, {}
    for p, (mean, sd, subjects) in zip(model.parameters, split(position, model, data.n_subjects)):
        total += norm.logpdf(mean, p.mean_location, p.mean_scale)
        if p.centred:  # `sd` is a logarithm
            total += math.log(2) + norm.logpdf(jnp.exp(sd), 0.0, p.sd_scale) + sd + norm.logpdf(subjects, mean, jnp.exp(sd)).sum()
            unbounded = subjects
        else:
            total += norm.logpdf(sd, 0.0, p.sd_scale) + norm.logpdf(subjects).sum()
            unbounded = mean + sd * subjects
        params[p.name] = TRANSFORMS[p.transform](unbounded).astype(SCORING)
    return total + log_likelihood(data, params, model.agent).sum()


def to_people(position: Position, model: Model, n_subjects: int) -> tuple[People, Group]:
    """The people of a position, before the transform, and their group.

    Parameters
    ----------
    position : array, shape (n_dims,)
    model : Model
    n_subjects : int

    Returns
    -------
    people : array, shape (n_parameters, n_subjects)
    group : Group
    """
    parts = split(position, model, n_subjects)
    people = [x if p.centred else mean + sd * x for p, (mean, sd, x) in zip(model.parameters, parts)]
    log_sd = [sd if p.centred else jnp.log(jnp.abs(sd)) for p, (_, sd, _) in zip(model.parameters, parts)]
    return jnp.stack(people), Group(jnp.stack([mean for mean, _, _ in parts]), jnp.stack(log_sd))


def to_position(people: People, group: Group, model: Model) -> Position:
    """The inverse of :func:`to_people`; of two positions that are the same, the one with positive SDs.

    Parameters
    ----------
    people : array, shape (n_parameters, n_subjects)
    group : Group
    model : Model

    Returns
    -------
    position : array, shape (n_dims,)
    """
    parts = []
    for p, x, mean, log_sd in zip(model.parameters, people, group.mean, group.log_sd):
        sd = jnp.exp(log_sd)
        parts += [mean[None], log_sd[None], x] if p.centred else [mean[None], sd[None], (x - mean) / sd]
    return jnp.concatenate(parts)


def to_sites(positions: Float[np.ndarray, "... n_dims"], model: Model, n_subjects: int) -> dict[str, np.ndarray]:
    """The sites of the NumPyro model at many positions with positive SDs, on NumPyro's unbounded scale: an SD is its logarithm.

    Parameters
    ----------
    positions : array, shape (..., n_dims)
    model : Model
    n_subjects : int

    Returns
    -------
    sites : dict of arrays, shape (...) or (..., n_subjects)
    """
    sites = {}
    for p, (mean, sd, x) in zip(model.parameters, split(positions, model, n_subjects)):
        sites[f"{p.name}_group_mean"] = mean
        sites[f"{p.name}_group_sd"] = sd if p.centred else np.log(sd)
        sites[f"{p.name}_unbounded" if p.centred else f"{p.name}_offset"] = x
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
    return GroupPrior(*(jnp.array([getattr(p, what) for p in model.parameters], float) for what in GroupPrior._fields))


def draw_from_prior(rng: np.random.Generator, model: Model, n_subjects: int) -> Float[np.ndarray, " n_dims"]:
    """A position drawn from the prior, where a chain may start: chains that start far apart show what does not mix.

    Parameters
    ----------
    rng : numpy.random.Generator
    model : Model
    n_subjects : int

    Returns
    -------
    position : array, shape (n_dims,)
    """
    parts = []
    for p in model.parameters:
        mean, sd, offset = rng.normal(p.mean_location, p.mean_scale), abs(rng.normal(0.0, p.sd_scale)), rng.normal(size=n_subjects)
        parts += [[mean], [np.log(sd)], mean + sd * offset] if p.centred else [[mean], [sd], offset]
    return np.concatenate(parts)


def rough_scales(model: Model, n_subjects: int) -> Float[np.ndarray, " n_dims"]:
    """How far the draws of each dimension will roughly spread, before anything is known.

    A group mean is known far better than a person's offset: without this, the first trajectories take ten times as many steps.

    Parameters
    ----------
    model : Model
    n_subjects : int

    Returns
    -------
    scales : array, shape (n_dims,)
    """
    parts = []
    for p in model.parameters:
        sd, people = ((2 / n_subjects) ** 0.5, p.sd_scale / 2) if p.centred else (p.sd_scale * (0.5 / n_subjects) ** 0.5, 0.8)
        parts += [[p.sd_scale / n_subjects**0.5], [sd], np.full(n_subjects, people)]
    return np.concatenate(parts)
