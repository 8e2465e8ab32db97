"""Each move by itself: applied to draws of a distribution that is known, it must leave that distribution as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from rwlib import moves

N = 40_000  # replicates that a move treats at once, as if they were people or parameters


@pytest.fixture(autouse=True)
def in_double_precision():
    with jax.enable_x64(True):
        yield


def assert_same_distribution(draws, cdf, n_independent=None):
    """Kolmogorov's test, at a level that one run in 10,000 misses."""
    assert stats.kstest(np.asarray(draws).ravel()[:n_independent], cdf).pvalue > 1e-4


def assert_same_mean(draws, expected):
    draws = np.asarray(draws)
    assert abs(draws.mean() - expected) < 4 * draws.std() / np.sqrt(draws.size)


# Choosing among places

LEFT, RIGHT = stats.norm(-4.0, 0.5), stats.norm(4.0, 0.5)
P_LEFT = 0.3


def two_modes(x):
    return jnp.logaddexp(jnp.log(P_LEFT) - 2.0 * (x + 4.0) ** 2, jnp.log(1 - P_LEFT) - 2.0 * (x - 4.0) ** 2)


def draw_two_modes(rng, n):
    return np.where(rng.uniform(size=n) < P_LEFT, LEFT.rvs(n, random_state=rng), RIGHT.rvs(n, random_state=rng))


def choose_again(key, x, n_proposals=3):
    proposal_key, choice_key = jax.random.split(key)
    places = jnp.concatenate([x[None], 5.0 * jax.random.normal(proposal_key, (n_proposals, *x.shape))])
    kept = moves.keep_one(choice_key, two_modes(places) + 0.5 * (places / 5.0) ** 2)
    return jnp.take_along_axis(places, kept[None], axis=0)[0]


def test_keeping_one_of_few_places_leaves_a_distribution_with_two_modes_as_it_is():
    x = jnp.asarray(draw_two_modes(np.random.default_rng(0), N))
    for key in jax.random.split(jax.random.key(1), 5):
        x = choose_again(key, x)
    assert_same_distribution(x, lambda y: P_LEFT * LEFT.cdf(y) + (1 - P_LEFT) * RIGHT.cdf(y))


def test_keeping_one_of_few_places_finds_the_weights_of_two_modes_from_one_of_them():
    x = jnp.full(N, -4.0)
    for key in jax.random.split(jax.random.key(2), 60):
        x = choose_again(key, x)
    assert_same_mean(x < 0, P_LEFT)


def test_every_flow_between_the_modes_is_balanced():
    before = jnp.asarray(draw_two_modes(np.random.default_rng(3), N))
    after = choose_again(jax.random.key(4), before)
    to_right, to_left = np.asarray((before < 0) & (after > 0)), np.asarray((before > 0) & (after < 0))
    assert to_right.sum() > 500
    assert_same_mean(to_right.astype(float) - to_left, 0.0)


def test_a_place_that_cannot_be_is_never_kept():
    log_weights = jnp.broadcast_to(jnp.array([0.0, jnp.nan, -jnp.inf])[:, None], (3, 1000))
    assert not np.asarray(moves.keep_one(jax.random.key(0), log_weights)).any()


# Jumps

GROUP = moves.Group(jnp.array([0.5, -1.0]), jnp.log(jnp.array([1.5, 0.7])))
SEEN, NOISE = np.array([2.0, -0.5]), np.array([0.8, 0.5])  # a measurement of each of two parameters, with normal noise


def measured(places):
    return (-0.5 * ((places - SEEN[:, None]) / NOISE[:, None]) ** 2).sum(axis=1)


def posterior_of_measured():
    mean, sd = np.asarray(GROUP.mean), np.exp(np.asarray(GROUP.log_sd))
    precision = 1 / sd**2 + 1 / NOISE**2
    return stats.norm((mean / sd**2 + SEEN / NOISE**2) / precision, precision**-0.5)


def own_normal(share, n=N):
    """Correlated, and beside the posterior: a jump must be right whatever the proposals are."""
    cholesky = np.linalg.cholesky([[0.5, 0.3], [0.3, 0.4]])
    cholesky, inverse = (jnp.tile(jnp.asarray(x), (n, 1, 1)) for x in (cholesky, np.linalg.inv(cholesky)))
    return moves.OwnNormal(jnp.tile(jnp.array([[1.0], [-1.0]]), (1, n)), cholesky, inverse, jnp.array(share))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_a_jump_leaves_the_posterior_of_each_person_as_it_is(share):
    posterior = posterior_of_measured()
    people = jnp.asarray(posterior.rvs((N, 2), random_state=np.random.default_rng(5)).T)
    jumped_at_all = np.zeros(N, bool)
    for key in jax.random.split(jax.random.key(6), 5):
        people, jumped = moves.jump(key, people, GROUP, own_normal(share), measured)
        jumped_at_all |= np.asarray(jumped)
    assert jumped_at_all.mean() > 0.9
    for i, (mean, sd) in enumerate(zip(posterior.mean(), posterior.std())):
        assert_same_distribution(people[i], stats.norm(mean, sd).cdf)
    assert_same_mean((people[0] - posterior.mean()[0]) * (people[1] - posterior.mean()[1]), 0.0)


def test_jumps_find_the_weights_of_a_persons_two_modes():
    def likelihood(places):
        return two_modes(places[:, 0])

    group = moves.Group(jnp.array([1.0]), jnp.log(jnp.array([4.0])))
    own = moves.OwnNormal(jnp.full((1, N), 4.0), jnp.ones((N, 1, 1)), jnp.ones((N, 1, 1)), jnp.array(0.5))  # of the warm-up, which saw one mode
    people = jnp.full((1, N), 4.0)
    for key in jax.random.split(jax.random.key(7), 60):
        people, _ = moves.jump(key, people, group, own, likelihood)
    grid = np.linspace(-12, 12, 20_001)
    density = np.exp(np.asarray(two_modes(jnp.asarray(grid)))) * stats.norm(1.0, 4.0).pdf(grid)
    assert_same_mean(people < 0, density[grid < 0].sum() / density.sum())


def test_a_person_who_jumps_is_told_from_one_who_stays():
    people = jnp.asarray(posterior_of_measured().rvs((1000, 2), random_state=np.random.default_rng(8)).T)
    after, jumped = moves.jump(jax.random.key(9), people, GROUP, own_normal(0.5, 1000), measured)
    np.testing.assert_array_equal(np.asarray(after != people).any(axis=0), jumped)
    assert 0.2 < np.asarray(jumped).mean() < 1.0


# Groups given people


@pytest.mark.parametrize("n_subjects", [1, 2, 5, 40])
def test_groups_drawn_given_people_from_the_prior_follow_the_prior(n_subjects):
    """Geweke (2004): group from the prior, people from the group, and the move must leave the group's prior as it is."""
    rng = np.random.default_rng(n_subjects)
    location, scale, sd_scale = 0.7, 1.3, 0.6
    mean, sd = rng.normal(location, scale, N), np.abs(rng.normal(0, sd_scale, N))
    people = jnp.asarray(rng.normal(mean[:, None], sd[:, None], (N, n_subjects)))
    prior = moves.GroupPrior(*(jnp.full(N, x) for x in (location, scale, sd_scale)))
    group = moves.Group(jnp.asarray(mean), jnp.log(jnp.asarray(sd)))
    for key in jax.random.split(jax.random.key(10), 3):
        group = moves.draw_group(key, people, group, prior)
    assert np.mean(np.asarray(group.log_sd) != np.log(sd)) > 0.95
    assert_same_distribution(group.mean, stats.norm(location, scale).cdf)
    assert_same_distribution(np.exp(group.log_sd), stats.halfnorm(scale=sd_scale).cdf)
    # A move that forgot the people would pass what stands above.
    standard = (np.asarray(people).mean(axis=1) - np.asarray(group.mean)) / np.exp(np.asarray(group.log_sd)) * np.sqrt(n_subjects)
    assert_same_distribution(standard, stats.norm.cdf)


def test_a_group_sd_that_people_hardly_determine_stays_near_its_prior_and_one_that_they_do_leaves_it():
    prior = moves.GroupPrior(jnp.zeros(2), jnp.ones(2), jnp.full(2, 0.5))
    people = jnp.stack([jnp.linspace(-3.0, 3.0, 200), jnp.zeros(200)])
    group = moves.Group(jnp.zeros(2), jnp.zeros(2))
    for key in jax.random.split(jax.random.key(11), 20):
        group = moves.draw_group(key, people, group, prior)
    assert np.exp(group.log_sd[0]) > 1.0 and np.isfinite(group.log_sd[1]) and np.exp(group.log_sd[1]) < 1e-3


# NUTS


def run_nuts(n_draws, n_dims, step_size, max_depth=10, scales=1.0, seed=0):
    scales = jnp.broadcast_to(jnp.asarray(scales, float), (n_dims,))

    def potential(position):
        return 0.5 * jnp.sum((position / scales) ** 2)

    def draw(place, key):
        place, trajectory = moves.nuts(key, place, jnp.array(step_size), jnp.array(max_depth), 10, potential)
        return place, (place.position, trajectory)

    start = scales * jax.random.normal(jax.random.key(seed), (n_dims,))
    first = moves.Place(start, potential(start), jax.grad(potential)(start))
    _, (positions, trajectories) = jax.jit(lambda key: jax.lax.scan(draw, first, jax.random.split(key, n_draws)))(jax.random.key(seed + 1))
    return np.asarray(positions), jax.tree.map(np.asarray, trajectories)


@pytest.mark.parametrize("step_size", [0.5, 1.1])
def test_twenty_dimensions_keep_their_variance_at_small_and_large_steps(step_size):
    positions, trajectories = run_nuts(4000, 20, step_size)
    assert (trajectories.acceptance_rate.mean() < 0.9) == (step_size > 1)
    # Squares of neighbouring draws are nearly independent; a factor of two allows for what is left.
    assert abs((positions**2).mean() - 1.0) < 4 * np.sqrt(2 * 2 / positions.size)


def test_the_depth_is_how_often_the_trajectory_doubled():
    _, trajectories = run_nuts(500, 5, 0.3, scales=np.array([0.5, 1.0, 2.0, 3.0, 4.0]))
    assert trajectories.depth.max() > 3
    assert (trajectories.n_steps <= 2**trajectories.depth - 1).all() and (trajectories.n_steps >= 2 ** (trajectories.depth - 1)).all()


def test_no_trajectory_is_longer_than_allowed():
    _, trajectories = run_nuts(300, 2, 0.01, max_depth=3)
    assert trajectories.n_steps.max() == 2**3 - 1 and trajectories.depth.max() == 3


def test_without_depth_the_chain_stays():
    positions, trajectories = run_nuts(5, 3, 0.5, max_depth=0)
    assert (positions == positions[0]).all() and not trajectories.n_steps.any() and not trajectories.diverging.any()


def test_a_leap_that_explodes_is_a_divergence():
    _, trajectories = run_nuts(200, 1, 1.0, scales=1e-3)
    assert trajectories.diverging.all()
