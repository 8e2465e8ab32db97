"""Three moves of a Markov chain over a group and its people, each of which leaves the posterior as it is.

*NUTS* moves everything together along the slope of the posterior. It is the only one of the three that finds
the directions in which the whole group shifts, and it cannot pass from one mode of a person to another. Given
the group, people are independent: a *jump* offers every person a few places at once
(:mod:`rwlib.fitting.proposals`), and so passes between modes. Given the people, the *group* follows from
textbook formulas, without any likelihood.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jax.scipy.special import logsumexp
from jax.scipy.stats import logistic, norm
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from numpyro.infer.hmc_util import IntegratorState, build_tree, euclidean_kinetic_energy, velocity_verlet

from rwlib.fitting.proposals import (
    Group,
    OfParameters,
    People,
    Proposals,
    log_density_of_groups,
    log_density_of_people,
    propose_groups,
    propose_people,
)

__all__ = ["GroupPrior", "Place", "Trajectory", "draw_effects", "draw_group", "jump", "keep_one", "nuts"]

NUM_GROUP_PROPOSALS = 4  # of each group SD

Vector = Float[Array, " n_dims"]
Number = Float[Array, ""]


class Place(NamedTuple):
    """Where a chain is, with minus the log density there and its gradient."""

    position: Vector
    potential_energy: Number
    gradient: Vector


class Trajectory(NamedTuple):
    """What NUTS did to get to its next place. ``depth`` is how often the trajectory doubled."""

    energy: Number
    n_steps: Int[Array, ""]
    depth: Int[Array, ""]
    acceptance_rate: Number
    diverging: Bool[Array, ""]


class GroupPrior(NamedTuple):
    """Group means are N(mean_location, mean_scale), group SDs half-normal with scale sd_scale."""

    mean_location: OfParameters
    mean_scale: OfParameters
    sd_scale: OfParameters


def nuts(
    key: PRNGKeyArray,
    place: Place,
    step_size: Number,
    max_depth: Int[Array, ""],
    depth_limit: int,
    potential: Callable[[Vector], Number],
) -> tuple[Place, Trajectory]:
    """One transition of NumPyro's NUTS, with a mass of 1 in all directions.

    Parameters
    ----------
    key : jax.random.key
    place : Place
    step_size : array, shape ()
    max_depth : array of int, shape ()
        The trajectory has at most 2^max_depth − 1 steps. With 0 there is none, and the chain stays.
    depth_limit : int
        No ``max_depth`` is larger: memory is set aside for it.
    potential : callable
        From a position to minus the log density.

    Returns
    -------
    place : Place
    trajectory : Trajectory

    References
    ----------
    Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. *JMLR*, 15, 1593–1623. Multinomial weights and
    the turning criterion: Betancourt, M. (2017), https://doi.org/10.48550/arXiv.1701.02434. The trajectory
    without recursion: Phan, D., Pradhan, N., & Jankowiak, M. (2019),
    https://doi.org/10.48550/arXiv.1912.11554.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib.fitting import moves
    >>> normal = lambda position: 0.5 * jnp.sum(position**2)
    >>> def draw(place, key):
    ...     place, _ = moves.nuts(key, place, jnp.array(0.5), jnp.array(10), 10, normal)
    ...     return place, place.position
    >>> start = moves.Place(jnp.zeros(2), jnp.array(0.0), jnp.zeros(2))
    >>> _, draws = jax.lax.scan(draw, start, jax.random.split(jax.random.key(0), 2000))
    >>> draws.std(axis=0).round(1).tolist()
    [1.0, 1.0]
    """
    momentum_key, tree_key = jax.random.split(key)
    # Drawn with the digits of single precision: a kick needs no more, and twice the digits cost twice the
    # time.
    momentum = jax.random.normal(momentum_key, place.position.shape, jnp.float32).astype(place.position.dtype)
    start = IntegratorState(place.position, momentum, place.potential_energy, place.gradient)
    _, leapfrog = velocity_verlet(potential, euclidean_kinetic_energy)
    tree = build_tree(
        leapfrog,
        euclidean_kinetic_energy,
        start,
        jnp.ones_like(momentum),
        step_size,
        tree_key,
        max_tree_depth=(max_depth, depth_limit),
    )
    acceptance_rate = tree.sum_accept_probs / jnp.maximum(tree.num_proposals, 1)
    trajectory = Trajectory(
        tree.z_proposal_energy, tree.num_proposals, tree.depth, acceptance_rate, tree.diverging
    )
    return Place(tree.z_proposal, tree.z_proposal_pe, tree.z_proposal_grad), trajectory


def keep_one(key: PRNGKeyArray, log_weights: Float[Array, "n_places ..."]) -> Int[Array, "..."]:
    r"""Choose one of several places with probability proportional to its weight: iterated
    sampling-importance-resampling.

    The first place is where the chain is now, the others are independent proposals from a density q. With
    weights π / q the choice leaves the density π as it is, whatever q may be. The present place must be among
    them.

    Parameters
    ----------
    key : jax.random.key
    log_weights : array, shape (n_places, ...)
        log(π / q), each up to the same constant. NaN stands for a place that cannot be.

    Returns
    -------
    index : array of int, shape (...)
        0 where the chain stays.

    References
    ----------
    Andrieu, C., Doucet, A., & Holenstein, R. (2010). Particle Markov chain Monte Carlo methods.
    https://doi.org/10.1111/j.1467-9868.2009.00736.x

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib.fitting.moves import keep_one
    >>> int(keep_one(jax.random.key(0), jnp.array([-jnp.inf, 0.0, jnp.nan])))
    1
    """
    log_weights = jnp.where(jnp.isnan(log_weights), -jnp.inf, log_weights)
    return jax.random.categorical(key, log_weights, axis=0)


def jump(
    key: PRNGKeyArray,
    people: People,
    group: Group,
    proposals: Proposals,
    prior: GroupPrior,
    log_likelihood: Callable[[Array], Array],
    regressions: Float[Array, "n_parameters n_subjects"] | None = None,
) -> tuple[People, Group, Bool[Array, " n_subjects"]]:
    r"""Offer every person some places at once, let the group jump given what is on offer, and let each person
    keep one place or stay.

    With w\ :sub:`ik` = likelihood / proposal density for place k of person i, the group moves by the density
    prior(group) · Π\ :sub:`i` Σ\ :sub:`k` w\ :sub:`ik` p(place\ :sub:`k` | group), one parameter after the
    other, and then each person takes place k with probability proportional to w\ :sub:`ik` p(place\ :sub:`k`
    | group). Since the group does not wait for any person to move first, it passes between places that differ
    in both: a wide group with one unusual person in it, and a narrow one without. One likelihood without a
    gradient serves everybody.

    Parameters
    ----------
    key : jax.random.key
    people : array, shape (n_parameters, n_subjects)
        Before the transform.
    group : Group
    proposals : Proposals
    prior : GroupPrior
    log_likelihood : callable
        From many people, (n_places, n_parameters, n_subjects), to the log-likelihood of each, (n_places,
        n_subjects).
    regressions : array, shape (n_parameters, n_subjects), optional
        How far each person's mean lies from the group's; default: nowhere. It stays as it is.

    Returns
    -------
    people : array, shape (n_parameters, n_subjects)
    group : Group
    jumped : array of bool, shape (n_subjects,)

    References
    ----------
    Gunawan, D., Hawkins, G. E., Tran, M.-N., Kohn, R., & Brown, S. D. (2020). New estimation approaches for
    the hierarchical linear ballistic accumulator model. https://doi.org/10.1016/j.jmp.2020.102368

    Examples
    --------
    Forty people about whom the data say nothing come to be spread as their group is, and the group as its
    prior:

    >>> import jax, jax.numpy as jnp
    >>> from rwlib.fitting import moves, proposals
    >>> one, normal = jnp.ones((4, 40, 1, 1)), jnp.array([[1.0], [0.5]])
    >>> of_all = proposals.Proposals(jnp.ones((4, 1, 40)), one, one, normal, normal)
    >>> prior = moves.GroupPrior(jnp.array([1.0]), jnp.array([0.1]), jnp.array([0.5]))
    >>> no_data = lambda places: jnp.zeros((len(places), 40))
    >>> def draw(place, key):
    ...     people, group, _ = moves.jump(key, *place, of_all, prior, no_data)
    ...     return (people, group), jnp.exp(2 * group.log_sd)
    >>> start = jnp.ones((1, 40)), proposals.Group(jnp.ones(1), jnp.zeros(1))
    >>> _, variance = jax.lax.scan(draw, start, jax.random.split(jax.random.key(0), 20_000))
    >>> variance.mean().round(1).item()
    0.2
    """
    people_key, groups_key, choice_key = jax.random.split(key, 3)
    places = jnp.concatenate([people[None], propose_people(people_key, proposals)])
    log_weight = log_likelihood(places) - log_density_of_people(places, proposals)
    log_weight = jnp.where(jnp.isnan(log_weight), -jnp.inf, log_weight)

    means, sds = propose_groups(groups_key, proposals)
    means, sds = (
        jnp.concatenate([group.mean[None], means]),
        jnp.concatenate([jnp.exp(group.log_sd)[None], sds]),
    )
    log_offer = norm.logpdf(means, prior.mean_location, prior.mean_scale) + norm.logpdf(
        sds, 0.0, prior.sd_scale
    )
    log_offer -= log_density_of_groups(means, sds, proposals)
    # Where people would be if all had the group's mean.
    levelled = places if regressions is None else places - regressions
    of_group = (
        -0.5 * ((levelled - group.mean[:, None]) / jnp.exp(group.log_sd)[:, None]) ** 2
        - group.log_sd[:, None]
    )
    log_weight += of_group.sum(axis=1)
    keys, kept_groups = jax.random.split(choice_key, len(means[0]) + 1), []
    for i, key_of_parameter in enumerate(keys[1:]):
        # (n_groups, n_places, n_subjects): as if this parameter had each of the groups on offer.
        standard = (levelled[:, i] - means[:, i, None, None]) / sds[:, i, None, None]
        log_joint = log_weight - of_group[:, i] - 0.5 * standard**2 - jnp.log(sds[:, i, None, None])
        kept = keep_one(key_of_parameter, log_offer[:, i] + logsumexp(log_joint, axis=1).sum(axis=1))
        log_weight = log_joint[kept]
        kept_groups.append(kept)
    kept_groups = jnp.stack(kept_groups)[None]
    group = Group(
        jnp.take_along_axis(means, kept_groups, axis=0)[0],
        jnp.log(jnp.take_along_axis(sds, kept_groups, axis=0)[0]),
    )
    kept = keep_one(keys[0], log_weight)
    return jnp.take_along_axis(places, kept[None, None], axis=0)[0], group, kept > 0


def draw_group(key: PRNGKeyArray, people: People, group: Group, prior: GroupPrior) -> Group:
    r"""Draw group means, and then group SDs, given the people (and what they would be but for effects).

    The mean is normal. The logarithm l of the SD has the density

    .. math:: \log p(l) = -(n - 1)\, l - \tfrac12 S e^{-2 l} - \tfrac12 e^{2 l} / s^2 + \text{const},
        \qquad S = \sum_i (\theta_i - \mu)^2

    for n people θᵢ and a half-normal prior with scale s. It has one peak, at which x = e²ˡ solves
    x² / s² + (n − 1) x = S. Proposals come from a logistic distribution around the peak, and :func:`keep_one`
    chooses.

    Parameters
    ----------
    key : jax.random.key
    people : array, shape (n_parameters, n_subjects)
        Before the transform.
    group : Group
        The present one.
    prior : GroupPrior

    Returns
    -------
    group : Group

    References
    ----------
    Yu, Y., & Meng, X.-L. (2011). To center or not to center: That is not the question.
    https://doi.org/10.1198/jcgs.2011.203main

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib.fitting import moves
    >>> from rwlib.fitting.proposals import Group
    >>> people = 2.0 + 0.5 * jax.random.normal(jax.random.key(0), (1, 1000))
    >>> prior = moves.GroupPrior(*(jnp.array([x]) for x in (0.0, 1.0, 1.0)))
    >>> group = moves.draw_group(jax.random.key(1), people, Group(jnp.zeros(1), jnp.zeros(1)), prior)
    >>> group.mean.round(1).tolist(), jnp.exp(group.log_sd).round(1).tolist()
    ([2.0], [0.5])
    """
    mean_key, proposal_key, choice_key = jax.random.split(key, 3)
    n_parameters, n_subjects = people.shape
    precision = 1 / prior.mean_scale**2 + n_subjects * jnp.exp(-2 * group.log_sd)
    centre = (
        prior.mean_location / prior.mean_scale**2 + people.sum(axis=1) * jnp.exp(-2 * group.log_sd)
    ) / precision
    mean = centre + jax.random.normal(mean_key, (n_parameters,), people.dtype) / jnp.sqrt(precision)

    squares = jnp.maximum(((people - mean[:, None]) ** 2).sum(axis=1), jnp.finfo(people.dtype).tiny)
    n = n_subjects - 1
    peak = 2 * squares / (n + jnp.sqrt(n**2 + 4 * squares / prior.sd_scale**2))  # of the variance
    curvature = 2 * squares / peak + 2 * peak / prior.sd_scale**2
    # The logistic distribution's tails are heavier than the density's.
    width = 0.7 / jnp.sqrt(curvature)
    steps = jax.random.logistic(proposal_key, (NUM_GROUP_PROPOSALS, n_parameters), people.dtype)
    places = jnp.concatenate([group.log_sd[None], 0.5 * jnp.log(peak) + width * steps])
    log_density = (
        -n * places - 0.5 * squares * jnp.exp(-2 * places) - 0.5 * (jnp.exp(places) / prior.sd_scale) ** 2
    )
    log_proposal = logistic.logpdf(places, 0.5 * jnp.log(peak), width)
    kept = keep_one(choice_key, log_density - log_proposal)
    return Group(mean, jnp.take_along_axis(places, kept[None], axis=0)[0])


def draw_effects(
    key: PRNGKeyArray,
    people: People,
    group: Group,
    scales: Float[Array, " n_effects"],
    rows: Int[np.ndarray, " n_effects"],
    columns: Float[Array, "n_effects n_subjects"],
) -> Float[Array, " n_effects"]:
    r"""Draw the effects of columns about people, given the people and their group: a Bayesian regression with
    a known SD.

    The effects γ of one parameter are normal, with the precision
    :math:`X^\top X / \sigma^2 + \mathrm{diag}(1/s^2)`; those of different parameters are independent.

    Parameters
    ----------
    key : jax.random.key
    people : array, shape (n_parameters, n_subjects)
        Before the transform.
    group : Group
    scales : array, shape (n_effects,)
        SDs of the effects' priors.
    rows : array of int, shape (n_effects,)
        The parameter of each effect.
    columns : array, shape (n_effects, n_subjects)

    Returns
    -------
    effects : array, shape (n_effects,)

    References
    ----------
    Lindley, D. V., & Smith, A. F. M. (1972). Bayes estimates for the linear model.
    https://doi.org/10.1111/j.2517-6161.1972.tb00885.x

    Examples
    --------
    >>> import jax, jax.numpy as jnp, numpy as np
    >>> from rwlib.fitting import moves
    >>> from rwlib.fitting.proposals import Group
    >>> age = jnp.linspace(-1, 1, 1000)[None]
    >>> people = 2.0 + 0.7 * age + 0.1 * jax.random.normal(jax.random.key(0), (1, 1000))
    >>> group = Group(jnp.array([2.0]), jnp.log(jnp.array([0.1])))
    >>> effects = moves.draw_effects(jax.random.key(1), people, group, jnp.ones(1), np.array([0]), age)
    >>> effects.round(1).tolist()
    [0.7]
    """
    same = jnp.asarray(rows[:, None] == rows)
    precisions = jnp.exp(-2 * group.log_sd)[rows]
    precision = same * (columns @ columns.T) * precisions[:, None] + jnp.diag(1 / scales**2)
    explained = (columns * (people - group.mean[:, None])[rows]).sum(axis=1) * precisions
    cholesky = jnp.linalg.cholesky(precision)
    centre = solve_triangular(cholesky, explained, lower=True)
    noise = jax.random.normal(key, scales.shape, people.dtype)
    return solve_triangular(cholesky, centre + noise, lower=True, trans=1)
