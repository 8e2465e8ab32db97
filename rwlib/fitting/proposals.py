"""Places that a jump may go to: for each person, and for each parameter's group. The warm-up learns where
they lie."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PRNGKeyArray

__all__ = [
    "Group",
    "Proposals",
    "learn_proposals",
    "log_density_of_groups",
    "log_density_of_people",
    "propose_groups",
    "propose_people",
    "rough_proposals",
]

FEWEST_PLACES, MOST_PLACES = 8, 32  # that a jump offers each person
AT_LEAST = 320  # places of all people together, below which a processor has time to spare
NUM_GROUPS = 8  # that a jump offers each parameter
WIDER = 2.0  # how much the second normal of a group is
EM_STEPS = 10
PSEUDO_DRAWS = (
    5  # as in Stan's warm-up: the covariance of few draws is pulled towards a guess that counts as so many
)

#: One row for each parameter, before the transform.
People = Float[Array, "n_parameters n_subjects"]
OfParameters = Float[Array, " n_parameters"]
Places = Float[Array, "n_places n_parameters n_subjects"]
Groups = Float[Array, "n_groups n_parameters"]


class Group(NamedTuple):
    """Mean, and logarithm of the SD, of each parameter over the group, before the transform."""

    mean: OfParameters
    log_sd: OfParameters


class Proposals(NamedTuple):
    """Where people and groups may jump to, whatever the present place of a chain.

    For each person four normals: one as wide as a group whose mean and SD are uncertain, one twice as wide,
    and two which together lie roughly where that person's posterior does: one for each mode, where there are
    two. For each parameter's group a normal of its mean, and one of its SD, of which the sign is dropped.
    """

    mean: Float[Array, "4 n_parameters n_subjects"]
    cholesky: Float[Array, "4 n_subjects n_parameters n_parameters"]  # of the covariances
    inverse: Float[Array, "4 n_subjects n_parameters n_parameters"]  # of those
    group_mean: Float[Array, "2 n_parameters"]  # its mean, its SD
    group_sd: Float[Array, "2 n_parameters"]  # as well


def propose_people(key: PRNGKeyArray, proposals: Proposals) -> Places:
    """Draw places for every person, each from one of the four normals.

    Parameters
    ----------
    key : jax.random.key
    proposals : Proposals

    Returns
    -------
    places : array, shape (n_places, n_parameters, n_subjects)
        Before the transform. Eight for each person, and up to 32 where there are fewer than 40 people.
    """
    normal_key, source_key = jax.random.split(key)
    n_parameters, n_subjects = proposals.mean.shape[1:]
    # Drawn with the digits of single precision, as the kick in `rwlib.fitting.moves.nuts`.
    n_places = min(max(FEWEST_PLACES, AT_LEAST // n_subjects), MOST_PLACES)
    noise = jax.random.normal(normal_key, (n_places, n_parameters, n_subjects), jnp.float32).astype(
        proposals.mean.dtype
    )
    from_each = proposals.mean[:, None] + jnp.einsum("csij,kjs->ckis", proposals.cholesky, noise)
    source = jax.random.randint(source_key, (1, n_places, 1, n_subjects), 0, len(from_each))
    return jnp.take_along_axis(from_each, source, axis=0)[0]


def log_density_of_people(places: Places, proposals: Proposals) -> Float[Array, "n_places n_subjects"]:
    """Log density with which :func:`propose_people` draws a place, but for the factor √2π of each parameter.

    Parameters
    ----------
    places : array, shape (n_places, n_parameters, n_subjects)
    proposals : Proposals

    Returns
    -------
    log_density : array, shape (n_places, n_subjects)
    """
    white = jnp.einsum("csij,ckjs->ckis", proposals.inverse, places - proposals.mean[:, None])
    log_determinant = jnp.log(jnp.diagonal(proposals.cholesky, axis1=2, axis2=3)).sum(axis=-1)
    from_each = -0.5 * (white**2).sum(axis=2) - log_determinant[:, None]
    return logsumexp(from_each, axis=0) - jnp.log(len(from_each))


def propose_groups(key: PRNGKeyArray, proposals: Proposals) -> tuple[Groups, Groups]:
    """Draw group means and group SDs of every parameter.

    Parameters
    ----------
    key : jax.random.key
    proposals : Proposals

    Returns
    -------
    means, sds : arrays, shape (n_groups, n_parameters)
    """
    noise = jax.random.normal(key, (2, NUM_GROUPS, proposals.group_mean.shape[1]), proposals.group_mean.dtype)
    means, sds = (
        (at + scale * x) for (at, scale), x in zip((proposals.group_mean, proposals.group_sd), noise)
    )
    return means, jnp.abs(sds)


def log_density_of_groups(means: Groups, sds: Groups, proposals: Proposals) -> Groups:
    """Log density with which :func:`propose_groups` draws a group mean and SD.

    Parameters
    ----------
    means, sds : arrays, shape (n_groups, n_parameters)
    proposals : Proposals

    Returns
    -------
    log_density : array, shape (n_groups, n_parameters)
    """
    folded = jnp.logaddexp(norm.logpdf(sds, *proposals.group_sd), norm.logpdf(-sds, *proposals.group_sd))
    return norm.logpdf(means, *proposals.group_mean) + folded


def rough_proposals(
    mean_location: Float[np.ndarray, " n_parameters"],
    mean_scale: Float[np.ndarray, " n_parameters"],
    sd_scale: Float[np.ndarray, " n_parameters"],
    n_subjects: int,
) -> Proposals:
    """Proposals from the prior of the groups alone, with which a warm-up begins.

    Parameters
    ----------
    mean_location, mean_scale, sd_scale : arrays, shape (n_parameters,)
        As in :class:`rwlib.fitting.moves.GroupPrior`.
    n_subjects : int

    Returns
    -------
    proposals : Proposals
    """
    spread = np.sqrt(mean_scale**2 + sd_scale**2)  # of a new person, as below
    mean = np.tile(mean_location[:, None], (4, 1, n_subjects))
    cholesky, inverse = (np.tile(np.diag(x), (4, n_subjects, 1, 1)) for x in (spread, 1 / spread))
    group_sd = np.stack([np.zeros(len(sd_scale)), sd_scale])
    return Proposals(mean, cholesky, inverse, np.stack([mean_location, mean_scale]), group_sd)


def learn_proposals(
    people: Float[np.ndarray, "n_draws n_parameters n_subjects"],
    group_means: Float[np.ndarray, "n_draws n_parameters"],
    group_sds: Float[np.ndarray, "n_draws n_parameters"],
    regressions: Float[np.ndarray, "n_parameters n_subjects"] | None = None,
) -> Proposals:
    """Proposals from draws of the posterior. A person's own normals are found by a few steps of EM for a
    mixture of equal parts.

    The draws of each person are first cut in two along the direction in which they vary most, where that
    leaves the least variance on both sides. So a mode that few draws have visited becomes a part of its own.

    Parameters
    ----------
    people : array, shape (n_draws, n_parameters, n_subjects)
        Before the transform.
    group_means, group_sds : arrays, shape (n_draws, n_parameters)
    regressions : array, shape (n_parameters, n_subjects), optional
        How far each person's mean lies from the group's; default: nowhere.

    Returns
    -------
    proposals : Proposals

    References
    ----------
    The cut: Otsu, N. (1979). A threshold selection method from gray-level histograms.
    https://doi.org/10.1109/TSMC.1979.4310076

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.fitting.proposals import learn_proposals
    >>> rng = np.random.default_rng(0)
    >>> draws = np.where(rng.random((500, 1, 1)) < 0.05, 5.0, 0.0) + 0.3 * rng.normal(size=(500, 1, 1))
    >>> learned = learn_proposals(draws, np.zeros((500, 1)), np.ones((500, 1)))
    >>> np.sort(learned.mean[2:].ravel()).round(1).tolist()
    [0.0, 5.0]
    """
    spread = np.sqrt((group_sds**2).mean(axis=0) + group_means.var(axis=0))  # of a new person
    x = (people / spread[:, None]).transpose(2, 0, 1)  # (n_subjects, n_draws, n_parameters)
    first = _cut_in_two(x)
    for _ in range(EM_STEPS):
        means, choleskys, log_densities = zip(*(_normal_of(x, weight) for weight in (first, 1 - first)))
        first = 1 / (1 + np.exp(np.clip(log_densities[1] - log_densities[0], -500, 500)))
    of_group = np.broadcast_to(group_means.mean(axis=0) / spread, means[0].shape)
    if regressions is not None:
        of_group = of_group + (regressions / spread[:, None]).T
    mean = spread[:, None] * np.stack([of_group, of_group, *means]).transpose(0, 2, 1)
    round_ = np.broadcast_to(np.eye(len(spread)), choleskys[0].shape)
    cholesky = spread[:, None] * np.stack([round_, WIDER * round_, *choleskys])
    moments = [
        np.stack([draws.mean(axis=0), np.maximum(draws.std(axis=0), 1e-3 * spread)])
        for draws in (group_means, group_sds)
    ]
    return Proposals(mean, cholesky, np.linalg.inv(cholesky), *moments)


def _cut_in_two(x):
    """1 for the draws on one side of the cut, 0 for the others: (n_subjects, n_draws)."""
    deviation = x - x.mean(axis=1, keepdims=True)
    direction = np.linalg.eigh(deviation.transpose(0, 2, 1) @ deviation)[1][..., -1:]
    along = (deviation @ direction)[..., 0]
    ordered, n = np.sort(along, axis=1), np.arange(1, along.shape[1])
    # The variance between the sides, up to a factor: the mean is 0.
    between = np.cumsum(ordered, axis=1)[:, :-1] ** 2 / (n * n[::-1])
    last = np.take_along_axis(ordered, between.argmax(axis=1)[:, None], axis=1)
    return (along <= last).astype(float)


def _normal_of(x, weight):
    """Mean and Cholesky factor of weighted draws, and the log density of each draw."""
    total = weight.sum(axis=1)[:, None]
    mean = (weight[..., None] * x).sum(axis=1) / np.maximum(total, np.finfo(float).tiny)
    deviation = x - mean[:, None]
    products = (weight[..., None] * deviation).transpose(0, 2, 1) @ deviation
    cholesky = np.linalg.cholesky(
        (products + PSEUDO_DRAWS * np.eye(x.shape[-1])) / (total[..., None] + PSEUDO_DRAWS)
    )
    white = deviation @ np.linalg.inv(cholesky).transpose(0, 2, 1)
    log_determinant = np.log(np.diagonal(cholesky, axis1=1, axis2=2)).sum(axis=1)
    return mean, cholesky, -0.5 * (white**2).sum(axis=-1) - log_determinant[:, None]
