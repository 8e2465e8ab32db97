"""NumPyro's NUTS alone, on rwlib's likelihood, with offsets from the group or with beta centred."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import numpy as np
from numpyro.infer import NUTS

from benchmarks.contestant import BETA_CENTRED, NON_CENTRED, Contestant, Draws, Settings
from benchmarks.judging import GROUP, PEOPLE
from rwlib.fitting.hierarchy import hierarchical_model

SETTINGS = Settings(
    num_warmup=1000,
    num_samples=1000,
    num_chains=4,
    target_acceptance=0.8,
    max_tree_depth=10,
    precision="trials in float32, sums and sampler in float64",
    start="uniform in (−2, 2) before the transforms, NumPyro's default",
    parameterisation="non-centred",
    mass_matrix="diagonal, learned by each chain by itself",
    likelihood="derivative carried forward in one pass (rwlib)",
    chains_share="a thread for each chain, all with one program",
    compiling="ahead of time, one program for warm-up and draws",
    kept_on_disk="JAX's cache of compiled programs",
    limits="none that we know of",
)


def prepare(model, make_arguments, data, settings, seed):
    """Compile one chain ahead of time. ``model`` is called with what ``make_arguments`` makes of the data."""
    keys = jax.random.split(jax.random.key(seed), settings.num_chains)
    arguments = make_arguments(data)
    with jax.enable_x64("float64" in settings.precision):
        program = jax.jit(partial(_draw_chain, model, settings)).lower(keys[0], arguments).compile()
    return partial(_sample, program, keys, arguments, settings)


def _draw_chain(model, settings, key, arguments):
    """NumPyro's `MCMC`, written out: gradients of the warm-up are counted, and nothing is compiled twice."""
    kernel = NUTS(
        model, target_accept_prob=settings.target_acceptance, max_tree_depth=settings.max_tree_depth
    )
    start = kernel.init(key, settings.num_warmup, None, arguments, {})

    def one_draw(state, _):
        state = kernel.sample(state, arguments, {})
        return state, (state.z, state.diverging, state.energy, state.num_steps)

    length = settings.num_warmup + settings.num_samples
    _, (position, diverging, energy, n_steps) = jax.lax.scan(one_draw, start, length=length)
    kept = jax.tree.map(lambda x: x[settings.num_warmup :], (position, diverging, energy))
    sites = jax.vmap(kernel.postprocess_fn(arguments, {}))(kept[0])
    return {name: sites[name] for name in [*GROUP, *PEOPLE]}, *kept[1:], n_steps


def _sample(program, keys, arguments, settings):
    with ThreadPoolExecutor(len(keys)) as threads:
        chains = list(threads.map(lambda key: jax.tree.map(np.asarray, program(key, arguments)), keys))
    posterior, diverging, energy, n_steps = jax.tree.map(lambda *parts: np.stack(parts), *chains)
    n_gradients = int(n_steps[:, settings.num_warmup :].sum())
    return Draws(posterior, diverging, energy, n_gradients, int(n_steps.sum()) - n_gradients)


def _one_pass(model):
    return partial(prepare, partial(hierarchical_model, model=model), lambda data: (data,))


NUMPYRO = Contestant(
    label="NumPyro's NUTS on rwlib's likelihood",
    packages=(),
    settings=SETTINGS,
    prepare=_one_pass(NON_CENTRED),
    num_seeds={"course": 5, "reversal": 2},
    num_warm_seeds={"course": 1, "reversal": 0},
    why_fewer_seeds="a fit takes a minute, and several in the reversal task, where compiling is a small part",
)
NUMPYRO_BETA_CENTRED = NUMPYRO._replace(
    label=f"{NUMPYRO.label}, beta centred",
    settings=SETTINGS._replace(parameterisation="beta centred, learning rates non-centred"),
    prepare=_one_pass(BETA_CENTRED),
    num_seeds={"course": 3, "reversal": 1},
)
