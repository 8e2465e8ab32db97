"""What NUTS moves in the place of a position: the same, stretched until the posterior is about round."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

from rwlib.fitting.hierarchy import effect_rows
from rwlib.fitting.models import Model, Regressors
from rwlib.fitting.positions import Position, split

__all__ = ["Stretch", "learn_stretch", "rough_stretch", "stretch", "unstretch"]


class Stretch(NamedTuple):
    """A linear map from what NUTS moves to a position, under which the posterior is round: what the warm-up
    learns of its shape.

    A group is stretched along its own correlations, and each person along theirs; and when the group shifts,
    each person's numbers shift along by ``slope``, so that people whom their data determine stay where the
    data want them. A mass matrix with these blocks would do the same.
    """

    centre: Float[Array, " n_dims"]
    group: Float[Array, "n_groups n_groups"]  # lower triangular; of all means, SDs and effects
    slope: Float[Array, "n_subjects n_parameters n_groups"]
    people: Float[Array, "n_subjects n_parameters n_parameters"]  # lower triangular


def stretch(moved: Position, shape: Stretch) -> Position:
    """From what NUTS moves to a position.

    Parameters
    ----------
    moved : array, shape (n_dims,)
    shape : Stretch

    Returns
    -------
    position : array, shape (n_dims,)
    """
    n_subjects, n_parameters, n_groups = shape.slope.shape
    group = shape.group @ moved[:n_groups]
    subjects = jnp.einsum("spq,qs->ps", shape.people, moved[n_groups:].reshape(n_parameters, n_subjects))
    subjects += jnp.einsum("spg,g->ps", shape.slope, group)
    return shape.centre + jnp.concatenate([group, subjects.ravel()])


def unstretch(position: Position, shape: Stretch) -> Position:
    """The inverse of :func:`stretch`.

    Parameters
    ----------
    position : array, shape (n_dims,)
    shape : Stretch

    Returns
    -------
    moved : array, shape (n_dims,)
    """
    n_subjects, n_parameters, n_groups = shape.slope.shape
    deviation = position - shape.centre
    subjects = deviation[n_groups:].reshape(n_parameters, n_subjects) - jnp.einsum(
        "spg,g->ps", shape.slope, deviation[:n_groups]
    )
    group = solve_triangular(shape.group, deviation[:n_groups], lower=True)
    subjects = solve_triangular(shape.people, subjects.T[..., None], lower=True)[..., 0].T
    return jnp.concatenate([group, subjects.ravel()])


def rough_stretch(model: Model, n_subjects: int) -> Stretch:
    """Scales alone, with which a warm-up begins.

    A group mean is known far better than a person's offset: without this, the first trajectories take ten
    times as many steps.

    Parameters
    ----------
    model : Model
    n_subjects : int

    Returns
    -------
    shape : Stretch
    """
    n, n_groups = len(model.personal), 2 * len(model.personal) + len(model.effects)
    centred, sd_scales = (
        np.array([p.centred for p in model.personal], bool),
        np.array([p.sd_scale for p in model.personal]),
    )
    means = sd_scales / n_subjects**0.5
    sds = np.where(centred, (2 / n_subjects) ** 0.5, sd_scales * (0.5 / n_subjects) ** 0.5)
    effects = np.array([effect.scale for effect in model.effects]) / n_subjects**0.5
    people = np.diag(np.where(centred, sd_scales / 2, 0.8))
    return Stretch(
        np.zeros(n_groups + n * n_subjects),
        np.diag([*means, *sds, *effects]),
        np.zeros((n_subjects, n, n_groups)),
        np.tile(people, (n_subjects, 1, 1)),
    )


def learn_stretch(
    positions: Float[np.ndarray, "n_draws n_dims"],
    model: Model,
    n_subjects: int,
    regressors: Regressors | None = None,
) -> Stretch:
    r"""The shape of a posterior, from draws of it.

    Given the group, a person's offsets have the covariance C = (I + F)⁻¹, with F what the data add to the
    prior's information. If the group mean moves by dμ or the group SD by dσ, the value that the data favour
    stays, so the offsets move by −(I − C)(dμ + z dσ) / σ on average; an effect moves μ by its column. As in
    Stan, covariances of few draws are pulled towards a guess.

    Parameters
    ----------
    positions : array, shape (n_draws, n_dims)
    model : Model
    n_subjects : int
    regressors : Regressors, optional
        Where the model has effects.

    Returns
    -------
    shape : Stretch
    """
    rough, n_draws = rough_stretch(model, n_subjects), len(positions)
    n, n_groups = len(model.personal), len(rough.group)
    centre = positions.mean(axis=0)
    deviation = positions - centre
    group, (_, _, subjects) = deviation[:, :n_groups], split(deviation, model, n_subjects)
    covariance = np.einsum("dps,dqs->spq", subjects, subjects)
    pull = lambda sum_of_products, guess: (sum_of_products + 5 * guess) / (n_draws + 5)  # noqa: E731
    not_centred = np.array([not p.centred for p in model.personal], float)
    _, sds, offsets = split(centre, model, n_subjects)
    # What the data take from the variance that an offset has in the group.
    taken = np.eye(n) - covariance / n_draws
    taken *= not_centred[:, None] * not_centred / np.where(not_centred, sds, 1.0)
    slope = np.concatenate([-taken, -taken * offsets.T[:, None, :]], axis=2)
    if model.effects:
        by_effects = -taken[..., effect_rows(model)] * regressors.of_people.T[:, None, :]
        slope = np.concatenate([slope, by_effects], axis=2)
    left = subjects - np.einsum("spg,dg->dps", slope, group)
    covariance = np.einsum("dps,dqs->spq", left, left)
    return Stretch(
        centre,
        np.linalg.cholesky(pull(group.T @ group, rough.group**2)),
        slope,
        np.linalg.cholesky(pull(covariance, rough.people**2)),
    )
