"""Draw from the posterior: three moves for each draw, chains on all cores, a warm-up that learns from all
chains of a data set."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc_util import dual_averaging

from rwlib.fitting import moves
from rwlib.data.choices import ChoiceData
from rwlib.fitting.hierarchy import (
    effect_rows,
    log_likelihood_of_people,
    number_of_people,
    regressions,
)
from rwlib.fitting.models import Model, Regressors
from rwlib.fitting.positions import (
    draw_from_prior,
    effects_of,
    group_prior,
    log_density,
    mirror,
    sides_of,
    split,
    to_people,
    to_position,
)
from rwlib.fitting.proposals import Proposals, learn_proposals, rough_proposals
from rwlib.fitting.stretch import Stretch, learn_stretch, rough_stretch, stretch, unstretch
from rwlib.running.machine import n_cores

__all__ = ["MAX_DEPTH", "Sample", "Schedule", "Adaptation", "sample"]

MAX_DEPTH = 10  # a trajectory has at most 2¹⁰ − 1 steps
DRAWS_PER_CALL = 20  # of every chain in one compiled call, between two looks at the progress


class Schedule(NamedTuple):
    """How long and how carefully to sample."""

    num_warmup: int
    num_samples: int
    num_chains: int
    target_accept: float
    seeds: tuple[int, ...]  # one for each data set


class Adaptation(NamedTuple):
    """What the warm-up learns of each data set."""

    step_size: np.ndarray  # (n_datasets,)
    shape: Stretch  # of the posterior, with n_datasets in front
    proposals: Proposals


class Draw(NamedTuple):
    """A draw from the posterior, and what NUTS did for it."""

    position: np.ndarray  # in single precision, with positive SDs
    potential_energy: np.ndarray  # minus the log density of the position
    energy: np.ndarray
    n_steps: np.ndarray
    depth: np.ndarray
    acceptance_rate: np.ndarray
    diverging: np.ndarray


class Sample(NamedTuple):
    """Draws, (n_datasets, n_chains, n_draws, …); how often each person jumped, (n_datasets, n_chains,
    n_subjects); the adaptation."""

    draws: Draw
    jump_rate: np.ndarray
    adaptation: Adaptation


class Chain(NamedTuple):
    """Where a chain is, with the gradient by its position, and its search for a step size."""

    key: jax.Array
    place: moves.Place
    step_search: tuple  # of NumPyro's `dual_averaging`: first the logarithm of the step size and its average


start_search, continue_search = dual_averaging()


def sample(
    data: ChoiceData,
    model: Model,
    schedule: Schedule,
    progress: Callable[[int], object] = lambda n_draws: None,
    num_threads: int | None = None,
    regressors: Regressors | None = None,
) -> Sample:
    """Draw from the posterior of every data set in a stack.

    After each transition of NUTS, people and groups jump, and the groups are drawn given the people
    (:mod:`rwlib.fitting.moves`). A chain's draws depend on its data set, its seed and the settings, and
    neither on the number of threads nor on the other data sets. Rounding may differ where the compiled
    program is another, and grows from draw to draw.

    Parameters
    ----------
    data : ChoiceData
        Stacked: choices, rewards and mask have shape (n_datasets, n_subjects, n_trials).
    model : Model
    schedule : Schedule
    progress : callable
        Told the number of new draws now and then.
    num_threads : int, optional
        How many threads share the chains. Default: one for each core.
    regressors : Regressors, optional
        Stacked, where the model has effects or shifts.

    Returns
    -------
    sample : Sample

    References
    ----------
    Warm-up in growing windows: Stan Development Team, *Stan Reference Manual*, section 15.2. Pooling the
    chains: Hoffman, M. D., & Sountsov, P. (2022), https://proceedings.mlr.press/v151/hoffman22a.html.
    """
    n_datasets = len(data.choices)
    n_subjects = number_of_people(data, regressors)
    studied = data, regressors
    shares = np.array_split(
        np.arange(schedule.num_chains), _number_of_shares(schedule.num_chains, num_threads)
    )
    interrupted, lock = threading.Event(), threading.Lock()

    def count(n_draws):
        with lock:
            progress(n_draws)

    def draw(chains, adaptation, n_draws, first, max_depth, adapting):
        """``n_draws`` of every chain, each share of the chains in a thread of its own."""
        settings = dict(max_depth=max_depth, adapting=adapting, target_accept=schedule.target_accept)
        work = partial(_draw_share, studied, model, adaptation, settings, n_draws, first, count, interrupted)
        of_shares = threads.map(work, [jax.tree.map(lambda x: x[:, share], chains) for share in shares])
        return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *of_shares)

    # Energies are sums over all trials of all subjects, whose differences single precision loses.
    with jax.enable_x64(True), ThreadPoolExecutor(len(shares)) as threads:
        try:
            chains = _start(model, schedule, n_datasets, n_subjects, regressors)
            adaptation = _first_adaptation(model, n_datasets, n_subjects)
            for share in {len(share): share for share in shares}.values():  # compile once, not in each thread
                settings = dict(max_depth=0, adapting=False, target_accept=schedule.target_accept)
                _advance(
                    jax.tree.map(lambda x: x[:, share], chains), studied, adaptation, 0, 0, settings, model
                )
            first, windows = 0, _windows(schedule.num_warmup)
            for i, n_draws in enumerate(windows):
                chains = _set_step_size(chains, adaptation)
                # First without NUTS: jumps bring chains that start anywhere to where the posterior is, at
                # little cost.
                chains, draws, _ = draw(
                    chains, adaptation, n_draws, first, max_depth=MAX_DEPTH if i else 0, adapting=i > 0
                )
                first += n_draws
                if i:
                    adaptation = adaptation._replace(
                        step_size=np.exp(np.asarray(chains.step_search[1]).mean(axis=1))
                    )
                # The last window is for the step size only, and one draw has no shape.
                if i < len(windows) - 1 and n_draws * schedule.num_chains > 1:
                    adaptation = _learn(draws.position, adaptation, model, n_subjects, regressors)
            chains = _set_step_size(chains, adaptation)
            _, draws, n_jumps = draw(
                chains, adaptation, schedule.num_samples, first, max_depth=MAX_DEPTH, adapting=False
            )
        except BaseException:  # Ctrl-C too: threads must not run on to the end
            interrupted.set()
            raise
    return Sample(draws, n_jumps / schedule.num_samples, adaptation)


def _number_of_shares(num_chains, num_threads):
    """One for each core; an accelerator takes all chains at once."""
    if num_threads is None:
        num_threads = n_cores() if jax.default_backend() == "cpu" else 1
    return min(num_chains, max(num_threads, 1))


def _of_dataset(i, regressors):
    """Those of one data set, as NumPy arrays."""
    return None if regressors is None else jax.tree.map(lambda x: np.asarray(x)[i], regressors)


def _start(model, schedule, n_datasets, n_subjects, regressors):
    """Chains across the prior, each with a key of its own."""
    pairs = [[(seed, chain) for chain in range(schedule.num_chains)] for seed in schedule.seeds]
    position = np.array(
        [
            [
                draw_from_prior(np.random.default_rng(pair), model, n_subjects, _of_dataset(i, regressors))
                for pair in row
            ]
            for i, row in enumerate(pairs)
        ]
    )
    keys = np.array(
        [
            [jax.random.key_data(jax.random.fold_in(jax.random.key(seed), chain)) for seed, chain in row]
            for row in pairs
        ]
    )
    shape = position.shape[:2]
    # The first draws are made without NUTS, which alone reads density and gradient.
    place = moves.Place(position, np.zeros(shape), np.zeros(position.shape))
    return Chain(keys, place, (*(np.zeros(shape) for _ in range(3)), np.zeros(shape, int), np.zeros(shape)))


def _set_step_size(chains, adaptation):
    """Begin the search for a step size at the one found so far."""
    log_step = np.broadcast_to(np.log(adaptation.step_size)[:, None], chains.place.potential_energy.shape)
    zero = np.zeros(log_step.shape)
    return chains._replace(step_search=(log_step, log_step, zero, zero.astype(int), np.log(10.0) + log_step))


def _windows(num_warmup):
    """Draws per chain in each window of the warm-up."""
    counts = [
        n for n in (round(share * num_warmup) for share in (0.08, 0.08, 0.12, 0.16, 0.2, 0.2)) if n >= 5
    ]
    return [*counts, max(num_warmup - sum(counts), 1)] if counts else [1, max(num_warmup - 1, 1)]


def _first_adaptation(model, n_datasets, n_subjects):
    """Guesses: the proposals are those of the prior."""
    proposals = rough_proposals(*map(np.asarray, group_prior(model)), n_subjects)
    first = Adaptation(np.array(0.1), rough_stretch(model, n_subjects), proposals)
    return jax.tree.map(lambda x: np.broadcast_to(x, (n_datasets, *x.shape)), first)


def _learn(positions, adaptation, model, n_subjects, regressors):
    """The shape of the posterior, and the proposals of jumps, from what all chains of a data set drew in a
    window."""
    learned, centred = [], np.array([p.centred for p in model.personal])
    for i, pooled in enumerate(positions.reshape(len(positions), -1, positions.shape[-1]).astype(float)):
        of_each, along = _of_dataset(i, regressors), 0.0
        if model.effects:
            along = np.asarray(regressions(effects_of(pooled, model), model, of_each))
        means, sds, subjects = split(pooled, model, n_subjects)
        sds = np.where(centred, np.exp(sds), sds)
        people = np.where(centred[:, None], subjects, means[..., None] + along + sds[..., None] * subjects)
        proposals = learn_proposals(people, means, sds, along.mean(axis=0) if model.effects else None)
        learned.append((learn_stretch(pooled, model, n_subjects, of_each), proposals))
    shape, proposals = jax.tree.map(lambda *of_each: np.stack(of_each), *learned)
    return adaptation._replace(shape=shape, proposals=proposals)


def _draw_share(studied, model, adaptation, settings, n_draws, first, count, interrupted, chains):
    """``n_draws`` of every chain in a share: the chains as they are then, the draws, and the number of each
    person's jumps."""
    with jax.enable_x64(True):  # a setting of the thread
        found, n_jumps, n_done = [], 0, 0
        while not (n_done == n_draws and found) and not interrupted.is_set():
            n_now = min(DRAWS_PER_CALL, n_draws - n_done)
            chains, draws, jumps = _advance(
                chains, studied, adaptation, first + n_done, n_now, settings, model
            )
            found.append(jax.tree.map(lambda x: np.asarray(x)[:, :, :n_now], draws))
            n_jumps, n_done = n_jumps + np.asarray(jumps), n_done + n_now
            count(n_now * chains.key.shape[0] * chains.key.shape[1])
        return (
            jax.tree.map(np.asarray, chains),
            jax.tree.map(lambda *parts: np.concatenate(parts, axis=2), *found),
            n_jumps,
        )


@partial(jax.jit, static_argnames="model")
def _advance(chains, studied, adaptation, first, n_draws, settings, model):
    """At most DRAWS_PER_CALL draws of all chains (n_datasets, n_chains): the one program in which a fit
    spends its time."""
    n_datasets, n_chains = chains.key.shape[:2]
    side_by_side = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), chains)
    of_each = jax.tree.map(lambda x: jnp.repeat(jnp.asarray(x), n_chains, axis=0), (studied, adaptation))

    def one_draw(i, carry):
        chains, kept, jumps = carry
        chains, draw, jumped = jax.vmap(
            lambda chain, of_chain: _one_draw(chain, *of_chain, first + i, settings, model)
        )(chains, of_each)
        return chains, jax.tree.map(lambda all_, new: all_.at[:, i].set(new), kept, draw), jumps + jumped

    number, n_dims = jnp.zeros((n_datasets * n_chains, DRAWS_PER_CALL)), chains.place.position.shape[-1]
    count = number.astype(int)
    kept = Draw(
        jnp.zeros((*number.shape, n_dims), jnp.float32),
        number,
        number,
        count,
        count,
        number,
        count.astype(bool),
    )
    jumps = jnp.zeros((len(number), adaptation.proposals.mean.shape[-1]), int)
    result = jax.lax.fori_loop(0, n_draws, one_draw, (side_by_side, kept, jumps))
    return jax.tree.map(lambda x: x.reshape(n_datasets, n_chains, *x.shape[1:]), result)


def _one_draw(chain, studied, adaptation, draw_number, settings, model):
    """NUTS, a jump of people and groups, and the groups given the people."""
    keys = jax.random.split(jax.random.fold_in(jax.random.wrap_key_data(chain.key), draw_number), 4)
    data, regressors = studied
    minus_log_density = lambda position: -log_density(position, data, model, regressors)  # noqa: E731

    # NUTS moves in coordinates in which the posterior is round.
    moved = unstretch(chain.place.position, adaptation.shape)
    _, pull_back = jax.vjp(partial(stretch, shape=adaptation.shape), moved)
    start = moves.Place(moved, chain.place.potential_energy, *pull_back(chain.place.gradient))
    place, trajectory = moves.nuts(
        keys[0],
        start,
        jnp.exp(chain.step_search[0]),
        settings["max_depth"],
        MAX_DEPTH,
        lambda moved: minus_log_density(stretch(moved, adaptation.shape)),
    )
    searched = continue_search(settings["target_accept"] - trajectory.acceptance_rate, chain.step_search)
    step_search = jax.tree.map(
        lambda new, old: jnp.where(settings["adapting"], new, old), searched, chain.step_search
    )

    position, n_subjects = stretch(place.position, adaptation.shape), adaptation.proposals.mean.shape[-1]
    sides = sides_of(position, model, n_subjects)
    people, group = to_people(position, model, n_subjects, regressors)
    effects, prior = effects_of(position, model), group_prior(model)
    along = regressions(effects, model, regressors) if model.effects else None
    people, group, jumped = moves.jump(
        keys[1], people, group, adaptation.proposals, prior, partial(_score, *studied, model), along
    )
    group = moves.draw_group(keys[2], people - along if model.effects else people, group, prior)
    if model.effects:
        scales = jnp.array([effect.scale for effect in model.effects])
        effects = moves.draw_effects(keys[3], people, group, scales, effect_rows(model), regressors.of_people)
    positive = to_position(people, group, model, effects, regressors)
    # A trajectory may end where an SD is negative. The next one has to start there: NUTS leaves the posterior
    # of SDs with either sign as it is, and its coordinates have no such symmetry, so that from the mirror
    # image it would go elsewhere. While the coordinates are still learned, all chains stand on one side.
    position = jnp.where(settings["adapting"], positive, mirror(positive, sides, model, n_subjects))
    place = moves.Place(position, *jax.value_and_grad(minus_log_density)(position))
    draw = Draw(
        positive.astype(jnp.float32),
        place.potential_energy,
        trajectory.energy,
        trajectory.n_steps,
        trajectory.depth,
        trajectory.acceptance_rate,
        trajectory.diverging,
    )
    return Chain(chain.key, place, step_search), draw, jumped


def _score(data, regressors, model, places):
    """Log-likelihood of each of many people, (n_places, n_parameters, n_subjects), for their own data:
    (n_places, n_subjects)."""
    return jax.vmap(lambda people: log_likelihood_of_people(people, data, model, regressors))(places)
