"""Run NUTS: chains on all cores, a warm-up that learns from all chains of a data set, and draws without waiting."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.util import constrain_fn, potential_energy

from rwlib import nuts
from rwlib.data import ChoiceData
from rwlib.hierarchy import Model, Start, hierarchical_model, learned_centring, move, move_back, starting_sites

__all__ = ["Run", "Sample", "constrain", "sample"]

PASSES = 128  # leapfrog steps of every chain in one compiled call, between two looks at the progress


class Run(NamedTuple):
    """How long and how carefully to sample."""

    num_warmup: int
    num_samples: int
    num_chains: int
    target_accept: float
    seeds: tuple[int, ...]  # one for each data set


class Sample(NamedTuple):
    """Draws of the model's sites on the unbounded scale, and the sampler's statistics: (n_datasets, n_chains, n_draws, …)."""

    position: np.ndarray
    potential_energy: np.ndarray
    energy: np.ndarray
    n_steps: np.ndarray
    acceptance_rate: np.ndarray
    diverging: np.ndarray
    step_size: np.ndarray


class Tuning(NamedTuple):
    """What the warm-up learns of each data set."""

    inverse_mass: np.ndarray  # (n_datasets, n_dims)
    weights: np.ndarray  # of centring, (n_datasets, n_parameters, n_subjects)
    step_size: np.ndarray  # (n_datasets,)


def sample(
    data: ChoiceData, model: Model, run: Run, progress: Callable[[int], object] = lambda n_draws: None, num_threads: int | None = None
) -> Sample:
    """Draw from the posterior of every data set in a stack.

    A chain's draws depend on its data set, its seed and the settings, and neither on the number of threads nor on
    the other data sets. Rounding may differ where the compiled program is another, and grows from draw to draw.

    Parameters
    ----------
    data : ChoiceData
        Stacked: choices, rewards and mask have shape (n_datasets, n_subjects, n_trials).
    model : Model
    run : Run
    progress : callable
        Told the number of new draws now and then.
    num_threads : int, optional
        How many threads share the chains. Default: one for each core.

    Returns
    -------
    sample : Sample

    References
    ----------
    Warm-up in growing windows: Stan Development Team, *Stan Reference Manual*, section 15.2. Pooling the chains: Hoffman,
    M. D., & Sountsov, P. (2022), https://proceedings.mlr.press/v151/hoffman22a.html.
    """
    shares = np.split(np.arange(run.num_chains), _number_of_shares(run.num_chains, num_threads))
    interrupted, lock = threading.Event(), threading.Lock()

    def count(n_draws):
        with lock:
            progress(n_draws)

    # Energies are sums over all trials of all subjects, whose differences single precision loses.
    with jax.enable_x64(True), ThreadPoolExecutor(len(shares)) as threads:
        try:

            def draw(window: int, n_draws: int, position, tuning, **settings):
                work = partial(_draw, data, model, run, window, n_draws, tuning, settings, count, interrupted)
                of_shares = threads.map(work, shares, [position[:, share] for share in shares])
                return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *of_shares)

            return _warm_up_and_sample(draw, data, model, run)
        except BaseException:  # Ctrl-C too: threads must not run on to the end
            interrupted.set()
            raise


def _number_of_shares(num_chains, num_threads):
    """One for each core, as far as chains divide evenly; an accelerator takes all chains at once."""
    if num_threads is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        num_threads = cores if jax.default_backend() == "cpu" else 1
    return max(n for n in range(1, num_chains + 1) if num_chains % n == 0 and n <= max(num_threads, 1))


def _warm_up_and_sample(draw, data, model, run):
    n_datasets, n_subjects = data.choices.shape[:2]
    centre, scale = (
        _join({name: np.asarray(getattr(site, what), float) for name, site in starting_sites(model, n_subjects).items()})
        for what in Start._fields
    )
    # Chains start further apart than their draws will spread, so that R-hat notices chains that never meet.
    spread = [[np.random.default_rng([seed, chain]).uniform(-2, 2, centre.shape) for chain in range(run.num_chains)] for seed in run.seeds]
    position = centre + scale * np.array(spread)
    no_weights = np.zeros((n_datasets, len(learned_centring(model)), n_subjects))
    tuning = Tuning(np.tile(scale**2, (n_datasets, 1)), no_weights, np.full(n_datasets, 0.3))

    windows = _windows(run.num_warmup)
    for i, (n_draws, learns) in enumerate(windows):
        # With a poor mass matrix, long trajectories are not worth their steps.
        draws, log_step = draw(i, n_draws, position, tuning, adapting=True, max_depth=7 if i == 0 else nuts.MAX_DEPTH)
        position = draws.position[:, :, -1].astype(float)
        tuning = tuning._replace(step_size=np.exp(log_step.mean(axis=1)))
        if learns:
            # A chain may first be flung to a group SD near 0. Not centred, it comes back; centred, it would be caught there.
            tuning = _learn(draws.position, tuning, scale, model, may_centre=i > 0)
    return draw(len(windows), run.num_samples, position, tuning, adapting=False, max_depth=nuts.MAX_DEPTH)[0]


def _windows(num_warmup):
    """Draws per chain in each window of the warm-up, and whether something is learned from it; the last one is for the step size only."""
    counts = [n for n in (round(share * num_warmup) for share in (0.08, 0.08, 0.12, 0.16, 0.2, 0.2)) if n >= 5]
    return [(n, True) for n in counts] + [(max(num_warmup - sum(counts), 1), False)]


def _learn(position, tuning, scale, model, may_centre):
    """New weights and a new mass matrix for each data set, from what all of its chains drew in a window."""
    n_draws = position.shape[1] * position.shape[2]
    # A variance is raised by four standard errors, as of half as many independent draws: centring what the data hardly
    # determine is worse than not centring what they do.
    doubt = 1.0 + 4 * (4 / n_draws) ** 0.5
    weights, inverse_mass = [], []
    for pooled in position.reshape(len(position), -1, position.shape[-1]).astype(float):
        sites = _split(pooled, model, tuning.weights.shape[-1])
        # How much of a subject's variance in the group their data remove: nothing, and it is best not centred.
        by_name = {name: may_centre * np.clip(1.0 - doubt * sites[f"{name}_offset"].var(axis=0), 0.0, 1.0) for name in learned_centring(model)}
        moved = _join(move(sites, by_name))
        # As in Stan, the variance of few draws is pulled towards a guess.
        inverse_mass.append((len(moved) * moved.var(axis=0) + 5 * scale**2) / (len(moved) + 5))
        weights.append(np.reshape(list(by_name.values()), tuning.weights.shape[1:]))
    return tuning._replace(inverse_mass=np.stack(inverse_mass), weights=np.stack(weights))


def _draw(data, model, run, window, n_draws, tuning, settings, count, interrupted, share, position):
    """``n_draws`` of every chain in a share, and the logarithm of the step size that each has found."""
    with jax.enable_x64(True):  # a setting of the thread
        settings = nuts.Settings(inverse_mass=tuning.inverse_mass, target_accept=run.target_accept, **settings)
        chains = _start(np.array(run.seeds), share, window, _each(_in_sampler, position, tuning, model), tuning.step_size)
        found, n_found = None, np.zeros(position.shape[:2], int)
        while (n_found < n_draws).any() and not interrupted.is_set():
            chains, passes = _advance(chains, data, tuning.weights, settings, model)
            passes = jax.tree.map(np.asarray, passes)
            if found is None:
                found = jax.tree.map(lambda x: np.empty((*n_found.shape, n_draws, *x.shape[3:]), x.dtype), passes)
            before = n_found.sum()
            for i, j in np.argwhere(n_found < n_draws):
                new = np.flatnonzero(passes.finished[:, i, j])[: n_draws - n_found[i, j]]
                for of_all, of_passes in zip(found, passes):
                    of_all[i, j, n_found[i, j] : n_found[i, j] + len(new)] = of_passes[new, i, j]
                n_found[i, j] += len(new)
            count(int(n_found.sum() - before))
        values = {name: getattr(found, name) for name in Sample._fields}
        values["position"] = _each(_in_model, found.position, tuning, model).astype(np.float32)
        return Sample(**values), found.log_step_average[:, :, -1]


def _each(change, positions, tuning, model):
    """Change the positions of each data set, between what the model has for sites and what NUTS moves."""
    return np.stack([change(position, weights, model) for position, weights in zip(positions, tuning.weights)])


def _in_sampler(position, weights, model):
    return _join(move(_split(position, model, weights.shape[-1]), _by_name(weights, model)))


def _in_model(position, weights, model):
    return _join(move_back(_split(position, model, weights.shape[-1]), _by_name(weights, model))[0])


@jax.jit
def _start(seeds, chains, window, position, step_size):
    """Put all chains (n_datasets, n_chains) at their positions."""

    def one_chain(seed, step_size, chain, position):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), chain), window)
        return nuts.new_chain(key, position, step_size)

    over_chains = jax.vmap(one_chain, in_axes=(None, None, 0, 0))
    return jax.vmap(over_chains, in_axes=(0, 0, None, 0))(seeds, step_size, chains, position)


@partial(jax.jit, static_argnames="model")
def _advance(chains, data, weights, settings, model):
    """PASSES leapfrog steps of all chains (n_datasets, n_chains): the one program in which a fit spends its time."""

    def one_chain(data, weights, inverse_mass, chain):
        return nuts.step(chain, settings._replace(inverse_mass=inverse_mass), _potential(data, weights, model))

    over_chains = jax.vmap(one_chain, in_axes=(None, None, None, 0))
    one_pass = jax.vmap(over_chains, in_axes=(0, 0, 0, 0))
    return jax.lax.scan(lambda chains, _: one_pass(data, weights, settings.inverse_mass, chains), chains, length=PASSES)


def _potential(data, weights, model):
    """Of one data set: minus the log density of what NUTS moves, and its gradient."""

    def value(moved):
        sites, log_jacobian = move_back(_split(moved, model, data.n_subjects), _by_name(weights, model))
        return potential_energy(hierarchical_model, (data, model), {}, sites) - log_jacobian

    return jax.value_and_grad(value)


# NUTS moves one flat vector, which compiles in a third of the time that many sites take.


def _join(sites):
    """From a dictionary of sites to flat vectors (…, n_dims), in the order of `_split`."""
    vectors = [x if name.endswith(("_offset", "_unbounded")) else x[..., None] for name, x in sorted(sites.items())]
    return np.concatenate(vectors, axis=-1)


def _split(position, model, n_subjects):
    """The inverse of `_join`, for arrays of NumPy and of JAX."""
    sites, first = {}, 0
    for name, site in sorted(starting_sites(model, n_subjects).items()):
        n = site.centre.size
        sites[name] = position[..., first : first + n] if site.centre.ndim else position[..., first]
        first += n
    return sites


def _by_name(weights, model):
    return dict(zip(learned_centring(model), weights))


@partial(jax.jit, static_argnames="model")
def constrain(position, data: ChoiceData, model: Model):
    """The model's variables, those of the subjects and of the group, at draws of one data set, (n_chains, n_draws, n_dims)."""

    def one_draw(position):
        sites = _split(position, model, data.n_subjects)
        return sites, constrain_fn(hierarchical_model, (data, model), {}, sites, return_deterministic=True)

    return jax.vmap(jax.vmap(one_draw))(position)
