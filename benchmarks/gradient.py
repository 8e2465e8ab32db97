"""Value and gradient of the summed log-likelihood, for several chains at once."""

import time

import jax
import numpy as np

import rwlib
from benchmarks.plain import numpy_value_and_gradient, scan_log_likelihood, tutorial_log_likelihood
from benchmarks.problem import course_data

CHAINS = 1, 4, 16
ROUNDS = 30


def compiled(log_likelihood, data):
    """Value and gradient at parameters of shape (n_chains, n_subjects), as a sampler that moves all chains
    together asks for them."""
    # The data are an argument, as in `rwlib.fit`: XLA must not compute with them before the clock starts.
    program = jax.jit(
        jax.vmap(jax.value_and_grad(lambda theta, data: log_likelihood(data, theta)), in_axes=(0, None))
    )
    return lambda theta: jax.block_until_ready(program(theta, data))


def rwlib_log_likelihood(data, theta):
    return rwlib.log_likelihood(data, theta).sum()


def some_parameters(n_chains, n_subjects):
    rng = np.random.default_rng(0)
    shape = n_chains, n_subjects
    theta = {
        "alpha_pos": rng.beta(5, 5, shape),
        "alpha_neg": rng.beta(5, 5, shape),
        "beta": 1 / rng.beta(5, 5, shape),
    }
    return {name: x.astype(np.float32) for name, x in theta.items()}


def seconds_of_each(ways, rounds):
    """Median seconds of one call of each. They take turns, so that a busy moment of the machine hits all of
    them."""
    taken = {name: [] for name in ways}
    for _ in range(rounds):
        for name, call in ways.items():
            n_calls = 5 if name != "numpy" else 1
            start = time.perf_counter()
            for _ in range(n_calls):
                call()
            taken[name].append((time.perf_counter() - start) / n_calls)
    return {name: float(np.median(x)) for name, x in taken.items()}


def assert_equal(one, other):
    """Equal up to single precision: sums of hundreds of trials agree to about four digits."""
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max())


def measure():
    data = course_data()
    ways = {
        "rwlib": compiled(rwlib_log_likelihood, data),
        "scan": compiled(scan_log_likelihood, data),
        "tutorial": compiled(tutorial_log_likelihood, data),
        "numpy": lambda theta: numpy_value_and_gradient(data, theta),
    }
    results = []
    for n_chains in CHAINS:
        theta = some_parameters(n_chains, data.n_subjects)
        for way in ways.values():  # compiles, too
            assert_equal(way(theta), ways["numpy"](theta))
        calls = {name: lambda way=way: way(theta) for name, way in ways.items()}
        results.append({"chains": n_chains, "seconds": seconds_of_each(calls, ROUNDS)})
    return {
        "sizes": {"subjects": data.n_subjects, "trials": data.n_trials, "actions": data.n_actions},
        "rounds": ROUNDS,
        "rows": results,
    }
