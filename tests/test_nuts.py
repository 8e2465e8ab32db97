"""The sampler's own kernel, against distributions whose moments are known and against NumPyro's NUTS."""

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer import MCMC, NUTS

import rwlib
from rwlib import hierarchy, nuts

COVARIANCE = np.array([[1.0, 0.9], [0.9, 2.0]])
PRECISION = np.linalg.inv(COVARIANCE)


def correlated_normal(position):
    slope = jnp.asarray(PRECISION, position.dtype) @ position
    return 0.5 * position @ slope, slope


def run(potential, n_dims, passes=30_000, step_size=0.5, max_depth=10, n_chains=4):
    settings = nuts.Settings(jnp.ones(n_dims), jnp.array(0.8), jnp.array(max_depth), jnp.array(False))
    keys = jax.random.split(jax.random.key(0), n_chains)
    chains = jax.vmap(lambda key: nuts.new_chain(key, jnp.zeros(n_dims), jnp.array(step_size)))(keys)
    one_pass = jax.vmap(lambda chain: nuts.step(chain, settings, potential))
    _, draws = jax.jit(lambda chains: jax.lax.scan(lambda chains, _: one_pass(chains), chains, length=passes))(chains)
    return jax.tree.map(np.asarray, draws)


def test_a_correlated_normal_has_its_mean_variances_and_covariance():
    draws = run(correlated_normal, 2)
    n = draws.finished.sum(axis=0).min()
    position = np.stack([draws.position[draws.finished[:, i], i][:n] for i in range(4)])
    for statistic, expected in ((position[..., 0], 0.0), (position[..., 0] ** 2, 1.0), (position[..., 1] ** 2, 2.0), (position.prod(-1), 0.9)):
        error = statistic.std() / np.sqrt(float(arviz_stats.ess(statistic)))
        assert abs(statistic.mean() - expected) < 4 * error


def test_no_trajectory_is_longer_than_allowed():
    draws = run(correlated_normal, 2, passes=3000, step_size=0.01, max_depth=3)
    assert draws.n_steps[draws.finished].max() == 2**3 - 1


def test_a_trajectory_turns_back_before_it_has_gone_round_a_normal():
    draws = run(lambda x: (0.5 * jnp.sum(x**2), x), 3, passes=5000, step_size=0.1)
    # Half a period is π / 0.1 = 31 steps; a doubling overshoots it at most once, but for a rare start with little momentum.
    n_steps = draws.n_steps[draws.finished]
    assert (n_steps <= 63).mean() > 0.97 and n_steps.mean() > 15


def test_a_leap_that_explodes_is_a_divergence():
    steep = run(lambda x: (0.5e6 * jnp.sum(x**2), 1e6 * x), 1, passes=500, step_size=1.0)
    assert steep.diverging[steep.finished].any()


def test_moving_back_undoes_moving_and_its_jacobian_is_that_of_autodiff():
    rng = np.random.default_rng(1)
    sites = {"beta_group_mean": jnp.array(0.4), "beta_group_sd": jnp.array(-0.7), "beta_offset": jnp.asarray(rng.normal(size=5))}
    weights = {"beta": jnp.asarray(rng.uniform(size=5))}
    moved = hierarchy.move(sites, weights)
    back, log_jacobian = hierarchy.move_back(moved, weights)
    np.testing.assert_allclose(back["beta_offset"], sites["beta_offset"], rtol=1e-5)
    jacobian = jax.jacobian(lambda u: hierarchy.move_back({**moved, "beta_offset": u}, weights)[0]["beta_offset"])(moved["beta_offset"])
    np.testing.assert_allclose(log_jacobian, np.linalg.slogdet(jacobian)[1], rtol=1e-4)


@pytest.fixture(scope="module")
def small_data():
    rng = np.random.default_rng(2)
    params = {"alpha_pos": rng.beta(5, 5, 8), "alpha_neg": rng.beta(5, 5, 8), "beta": rng.gamma(8, 0.5, 8)}
    return rwlib.simulate(jax.random.key(3), rwlib.bernoulli_outcomes(jax.random.key(4), [0.2, 0.7], 80), params).data


def test_the_group_posterior_is_that_of_numpyros_nuts(small_data):
    ours = rwlib.fit(small_data, num_samples=1500, seed=5, target_accept=0.95, progress_bar=False).posterior
    non_centred = rwlib.ASYMMETRIC._replace(parameters=tuple(p._replace(centred=False) for p in rwlib.ASYMMETRIC.parameters))
    theirs = MCMC(
        NUTS(hierarchy.hierarchical_model, target_accept_prob=0.95), num_warmup=500, num_samples=1500, num_chains=2,
        chain_method="vectorized", progress_bar=False,
    )  # fmt: skip
    theirs.run(jax.random.key(6), small_data, non_centred)
    draws = theirs.get_samples(group_by_chain=True)
    for name in (f"{p.name}_group_{what}" for p in rwlib.ASYMMETRIC.parameters for what in ("mean", "sd")):
        one, other = np.asarray(ours[name]), np.asarray(draws[name], float)
        for power in (1, 2):
            error = np.hypot(*(np.std(x**power) / np.sqrt(float(arviz_stats.ess(x**power))) for x in (one, other)))
            assert abs((one**power).mean() - (other**power).mean()) < 4.5 * error, (name, power)
