"""NUTS for many chains at once: each pass takes one leapfrog step of every chain, and no chain waits for another.

A trajectory of NUTS is as long as it needs to be. Where chains run side by side and each iteration is one
trajectory, all wait for the longest. Here the unit is the leapfrog step: a chain whose trajectory has ended
records a draw and begins the next one while the others are still on their way.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

__all__ = ["Chain", "Draw", "Settings", "new_chain", "step"]

MAX_DEPTH = 10  # a trajectory has at most 2¹⁰ − 1 steps
MAX_ENERGY_ERROR = 1000.0  # beyond it, a trajectory counts as diverging

Vector = Float[Array, " n_dims"]
Number = Float[Array, ""]
Count = Int[Array, ""]
Flag = Bool[Array, ""]
#: Minus the log density at a position, and its gradient.
Potential = Callable[[Vector], tuple[Number, Vector]]


class Point(NamedTuple):
    """One state of a trajectory."""

    position: Vector
    momentum: Vector
    gradient: Vector


class Proposal(NamedTuple):
    """The state that becomes the next draw if the trajectory ends now."""

    position: Vector
    gradient: Vector
    potential: Number
    energy: Number


class StepSize(NamedTuple):
    """Dual averaging of the step size's logarithm."""

    log_size: Number
    log_average: Number
    log_centre: Number
    sum_error: Number
    count: Count


class Chain(NamedTuple):
    """A chain between two leapfrog steps: its trajectory so far, and the half that is being added to it."""

    key: PRNGKeyArray
    step_size: StepSize
    fresh: Flag  # nothing is known yet but a position
    left: Point
    right: Point
    proposal: Proposal
    log_weight: Number
    momentum_sum: Vector
    start_energy: Number
    depth: Count
    n_steps: Count
    sum_accept: Number
    # The new half, which joins the trajectory when it is as long as the rest.
    going_right: Flag
    front: Point
    half_proposal: Proposal
    half_log_weight: Number
    half_momentum_sum: Vector
    n_leaves: Count
    checkpoint_momentum: Float[Array, "max_depth n_dims"]
    checkpoint_sum: Float[Array, "max_depth n_dims"]


class Draw(NamedTuple):
    """What a pass leaves behind. It is a draw from the posterior only where ``finished`` is True."""

    finished: Flag
    position: Vector  # in single precision
    potential_energy: Number
    energy: Number
    n_steps: Count
    acceptance_rate: Number
    diverging: Flag
    step_size: Number
    log_step_average: Number  # what adapting has found so far


class Settings(NamedTuple):
    """What may change between two calls without compiling anew."""

    inverse_mass: Vector  # the diagonal
    target_accept: Number
    max_depth: Count
    adapting: Flag


def new_chain(key: PRNGKeyArray, position: Vector, step_size: Number) -> Chain:
    """Put a chain at a position. Its first step evaluates the potential there and begins a trajectory.

    Parameters
    ----------
    key : jax.random.key
    position : array, shape (n_dims,)
    step_size : array, shape ()
        Where dual averaging of the step size begins.

    Returns
    -------
    chain : Chain
    """
    nothing, zero = jnp.zeros_like(position), jnp.zeros((), position.dtype)
    log_size = jnp.log(step_size).astype(position.dtype)
    adaptation = StepSize(log_size, log_size, jnp.log(10.0) + log_size, zero, jnp.zeros((), int))
    proposal = Proposal(position, nothing, zero, zero)
    checkpoints = jnp.zeros((MAX_DEPTH, *position.shape), position.dtype)
    settings = Settings(jnp.ones_like(position), zero, jnp.zeros((), int), jnp.array(False))
    chain = _new_trajectory(key, adaptation, proposal, nothing, jnp.array(True), checkpoints, checkpoints, settings)
    return chain._replace(fresh=jnp.array(True))


def step(chain: Chain, settings: Settings, potential: Potential) -> tuple[Chain, Draw]:
    """Take one leapfrog step of one chain, and all that follows from it.

    Parameters
    ----------
    chain : Chain
    settings : Settings
    potential : callable
        From a position to minus the log density and its gradient.

    Returns
    -------
    chain : Chain
    draw : Draw
        A draw where ``draw.finished``, to be ignored elsewhere.

    References
    ----------
    Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. *JMLR*, 15, 1593–1623. Multinomial weights and the
    turning criterion: Betancourt, M. (2017), https://doi.org/10.48550/arXiv.1701.02434. The trajectory without
    recursion: Phan, D., Pradhan, N., & Jankowiak, M. (2019), https://doi.org/10.48550/arXiv.1912.11554. One step at a
    time for chains side by side: Dance, H., et al. (2025), https://doi.org/10.48550/arXiv.2503.17405.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> from rwlib import nuts
    >>> normal = lambda position: (0.5 * jnp.sum(position**2), position)
    >>> settings = nuts.Settings(jnp.ones(2), jnp.array(0.8), jnp.array(10), jnp.array(False))
    >>> chain = nuts.new_chain(jax.random.key(0), jnp.zeros(2), jnp.array(0.5))
    >>> _, draws = jax.lax.scan(lambda chain, _: nuts.step(chain, settings, normal), chain, length=20_000)
    >>> draws.position[draws.finished].std(axis=0).round(1).tolist()
    [1.0, 1.0]
    """
    key, momentum_key, uniform_key = jax.random.split(chain.key, 3)
    take_leaf, take_half, direction = jax.random.uniform(uniform_key, (3,), chain.log_weight.dtype)
    inverse_mass = settings.inverse_mass
    size = jnp.exp(chain.step_size.log_size)
    move = jnp.where(chain.fresh, 0.0, jnp.where(chain.going_right, size, -size))
    front, value = _leapfrog(chain.front, move, inverse_mass, potential)

    # One more leaf of the new half.
    energy = value + _kinetic(front.momentum, inverse_mass)
    error = energy - chain.start_energy
    error = jnp.where(jnp.isnan(error), jnp.inf, error)
    diverging = error > MAX_ENERGY_ERROR
    n_steps, n_leaves = chain.n_steps + 1, chain.n_leaves + 1
    sum_accept = chain.sum_accept + jnp.minimum(1.0, jnp.exp(-error))
    half_log_weight = jnp.logaddexp(chain.half_log_weight, -error)
    leaf = Proposal(front.position, front.gradient, value, energy)
    half_proposal = _select(jnp.log(take_leaf) < -error - half_log_weight, leaf, chain.half_proposal)
    half_momentum_sum = chain.half_momentum_sum + front.momentum
    half_turns, checkpoint_momentum, checkpoint_sum = _check_half(chain, front.momentum, half_momentum_sum, inverse_mass)
    failed = half_turns | diverging

    # The half is complete: it joins the trajectory.
    joins = (n_leaves == 1 << chain.depth) & ~failed
    proposal = _select(joins & (jnp.log(take_half) < half_log_weight - chain.log_weight), half_proposal, chain.proposal)
    proposal = _select(chain.fresh, leaf, proposal)
    left = _select(joins & ~chain.going_right, front, chain.left)
    right = _select(joins & chain.going_right, front, chain.right)
    momentum_sum = chain.momentum_sum + jnp.where(joins, half_momentum_sum, 0.0)
    log_weight = jnp.where(joins, jnp.logaddexp(chain.log_weight, half_log_weight), chain.log_weight)
    depth = chain.depth + joins
    ends = joins & (_turns(left.momentum, right.momentum, momentum_sum, inverse_mass) | (depth >= settings.max_depth))
    ends = ends | failed | chain.fresh

    accept = sum_accept / n_steps
    finished = ends & ~chain.fresh
    step_size = _select(finished & settings.adapting, _adapt(chain.step_size, settings.target_accept - accept), chain.step_size)
    draw = Draw(
        finished=finished, position=proposal.position.astype(jnp.float32), potential_energy=proposal.potential, energy=proposal.energy,
        n_steps=n_steps, acceptance_rate=accept, diverging=diverging, step_size=size, log_step_average=step_size.log_average,
    )  # fmt: skip

    # What comes next: another leaf, another half at either end, or another trajectory from the proposal.
    going_right = jnp.where(joins | ends, direction < 0.5, chain.going_right)
    going_on = Chain(
        key=key, step_size=step_size, fresh=jnp.array(False), left=left, right=right, proposal=proposal, log_weight=log_weight,
        momentum_sum=momentum_sum, start_energy=chain.start_energy, depth=depth, n_steps=n_steps, sum_accept=sum_accept,
        going_right=going_right, front=_select(joins, _select(going_right, right, left), front), half_proposal=half_proposal,
        half_log_weight=jnp.where(joins, -jnp.inf, half_log_weight), half_momentum_sum=jnp.where(joins, 0.0, half_momentum_sum),
        n_leaves=jnp.where(joins, 0, n_leaves), checkpoint_momentum=checkpoint_momentum, checkpoint_sum=checkpoint_sum,
    )  # fmt: skip
    # Drawn with the digits of single precision: a kick needs no more, and twice the digits cost twice the time.
    momentum = jax.random.normal(momentum_key, left.momentum.shape, jnp.float32) / jnp.sqrt(inverse_mass)
    # Old checkpoints do no harm: each is written before it is read.
    anew = _new_trajectory(key, step_size, proposal, momentum, going_right, checkpoint_momentum, checkpoint_sum, settings)
    return _select(ends, anew, going_on), draw


def _new_trajectory(key, step_size, proposal, momentum, going_right, checkpoint_momentum, checkpoint_sum, settings):
    start = Point(proposal.position, momentum, proposal.gradient)
    zero, none = jnp.zeros_like(proposal.potential), jnp.zeros((), int)
    return Chain(
        key=key, step_size=step_size, fresh=jnp.array(False), left=start, right=start, proposal=proposal, log_weight=zero,
        momentum_sum=momentum, start_energy=proposal.potential + _kinetic(momentum, settings.inverse_mass), depth=none,
        n_steps=none, sum_accept=zero, going_right=going_right, front=start, half_proposal=proposal,
        half_log_weight=zero - jnp.inf, half_momentum_sum=jnp.zeros_like(momentum), n_leaves=none,
        checkpoint_momentum=checkpoint_momentum, checkpoint_sum=checkpoint_sum,
    )  # fmt: skip


def _leapfrog(point, size, inverse_mass, potential):
    halfway = point.momentum - 0.5 * size * point.gradient
    position = point.position + size * inverse_mass * halfway
    value, gradient = potential(position)
    return Point(position, halfway - 0.5 * size * gradient, gradient), value


def _kinetic(momentum, inverse_mass):
    return 0.5 * jnp.sum(inverse_mass * momentum**2)


def _turns(left, right, momentum_sum, inverse_mass):
    """Whether the ends of a stretch of trajectory have begun to approach each other."""
    velocity = inverse_mass * (momentum_sum - 0.5 * (left + right))
    return ((left * velocity).sum(-1) <= 0) | ((right * velocity).sum(-1) <= 0)


def _check_half(chain, momentum, momentum_sum, inverse_mass):
    """Check every balanced stretch that ends at the newest leaf, from checkpoints at their first leaves.

    Leaf n, counted from 0, is kept when n is even, in the row given by the number of ones among the bits of n // 2.
    A leaf ends as many stretches as there are ones at the end of n.
    """
    n, rows = chain.n_leaves, jnp.arange(MAX_DEPTH)
    newest = jnp.bitwise_count(n >> 1).astype(n.dtype)
    n_ended = jnp.bitwise_count((~n & (n + 1)) - 1).astype(n.dtype)
    keep = ((n % 2 == 0) & (rows == newest))[:, None]
    first = jnp.where(keep, momentum, chain.checkpoint_momentum)
    first_sum = jnp.where(keep, momentum_sum, chain.checkpoint_sum)
    turns = _turns(first, momentum, momentum_sum - first_sum + first, inverse_mass)
    return (turns & (rows > newest - n_ended) & (rows <= newest)).any(), first, first_sum


def _adapt(state, error):
    """Hoffman & Gelman (2014), section 3.2, with their constants."""
    count = state.count + 1
    sum_error = state.sum_error + error
    log_size = state.log_centre - sum_error * jnp.sqrt(1.0 * count) / (0.05 * (count + 10))
    share = (1.0 * count) ** -0.75
    return StepSize(log_size, share * log_size + (1 - share) * state.log_average, state.log_centre, sum_error, count)


def _select(condition, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)
