"""Each move by itself: applied to draws of a distribution that is known, it must leave that distribution as
it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from rwlib.fitting import moves
from rwlib.fitting.proposals import Group, Proposals

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
    return np.where(
        rng.uniform(size=n) < P_LEFT, LEFT.rvs(n, random_state=rng), RIGHT.rvs(n, random_state=rng)
    )


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

LOCATION, SCALE, SD_SCALE = np.array([0.5, -1.0]), np.array([1.0, 0.7]), np.array([1.5, 0.8])
PRIOR = moves.GroupPrior(*(jnp.asarray(x) for x in (LOCATION, SCALE, SD_SCALE)))
NOISE = np.array([0.8, 0.5])  # of the measurement of each of two parameters


def proposals_beside_the_posterior(n_subjects):
    """A jump must be right whatever the proposals are: these are correlated, and sit elsewhere than prior and
    posterior."""
    means = np.array([[0.0, 0.0], [0.5, -0.5], [2.0, -0.5], [-1.0, -2.0]])
    choleskys = np.array(
        [
            [[1.5, 0.0], [0.0, 1.0]],
            [[3.0, 0.0], [0.0, 2.0]],
            [[0.7, 0.0], [0.5, 0.5]],
            [[1.0, 0.0], [-0.5, 0.6]],
        ]
    )
    cholesky, inverse = (
        np.tile(x[:, None], (1, n_subjects, 1, 1)) for x in (choleskys, np.linalg.inv(choleskys))
    )
    of_groups = np.array([[0.8, -0.7], [1.2, 0.8]]), np.array([[0.6, 0.6], [0.9, 0.6]])
    return Proposals(np.tile(means[..., None], (1, 1, n_subjects)), cholesky, inverse, *of_groups)


def some_groups(rng, n, n_subjects):
    """Groups from the prior, people from them, and a noisy measurement of each person."""
    mean, sd = rng.normal(LOCATION, SCALE, (n, 2)), np.abs(rng.normal(0, SD_SCALE, (n, 2)))
    people = rng.normal(mean[..., None], sd[..., None], (n, 2, n_subjects))
    return (
        Group(jnp.asarray(mean), jnp.log(sd)),
        jnp.asarray(people),
        jnp.asarray(rng.normal(people, NOISE[:, None])),
    )


@jax.jit
def jump_of_measured(key, people, group, seen, along):
    measured = lambda places: (-0.5 * ((places - seen) / NOISE[:, None]) ** 2).sum(axis=1)
    proposals = proposals_beside_the_posterior(people.shape[-1])
    return moves.jump(key, people, group, proposals, PRIOR, measured, along)


@pytest.mark.parametrize("n_subjects", [1, 3])
@pytest.mark.parametrize(
    "along", [None, [[0.8, -0.4, 0.3], [-1.0, 0.2, 0.5]]], ids=["one group", "regression"]
)
def test_jumps_of_people_and_groups_leave_the_model_that_made_them_as_it_is(n_subjects, along):
    """Geweke (2004): group from the prior, people from the group, data from the people; all must still belong
    together."""
    group, people, seen = some_groups(np.random.default_rng(5), N // 2, n_subjects)
    if along is not None:
        along = jnp.asarray(along)[:, :n_subjects]
        people, seen = people + along, seen + along
    jumped = jax.vmap(jump_of_measured, in_axes=(0, 0, 0, 0, None))
    first_people, first_group = people, group
    for key in jax.random.split(jax.random.key(6), 8):
        people, group, _ = jumped(jax.random.split(key, len(people)), people, group, seen, along)
    assert np.mean(np.asarray(people != first_people)) > 0.7
    assert np.mean(np.asarray(group.log_sd != first_group.log_sd)) > 0.7
    if along is not None:
        people, seen = people - along, seen - along
    mean, sd, people, seen = (np.asarray(x) for x in (group.mean, jnp.exp(group.log_sd), people, seen))
    for i in range(2):
        assert_same_distribution(mean[:, i], stats.norm(LOCATION[i], SCALE[i]).cdf)
        assert_same_distribution(sd[:, i], stats.halfnorm(scale=SD_SCALE[i]).cdf)
        standard = (people[:, i] - mean[:, i, None]) / sd[:, i, None]
        assert_same_distribution(standard, stats.norm.cdf)
        assert_same_distribution((seen - people)[:, i], stats.norm(0.0, NOISE[i]).cdf)
        assert_same_mean(standard[:, 0] * (seen - people)[:, i, 0], 0.0)


def one_parameter(means, sds, n_subjects, group_mean, group_sd):
    cholesky = jnp.tile(jnp.asarray(sds, float)[:, None, None, None], (1, n_subjects, 1, 1))
    mean = jnp.tile(jnp.asarray(means, float)[:, None, None], (1, 1, n_subjects))
    return Proposals(
        mean, cholesky, 1 / cholesky, *(jnp.asarray(x, float)[:, None] for x in (group_mean, group_sd))
    )


def run_jumps(likelihood, people, prior, proposals, n_jumps, n_replicates):
    """People of many replicates after some jumps, from the same place."""

    def one(carry, key):
        people, group = carry
        people, group, _ = moves.jump(key, people, group, proposals, prior, likelihood)
        return (people, moves.draw_group(key, people, group, prior)), None

    def replicate(key):
        start = people, Group(jnp.zeros(1), jnp.zeros(1))
        return jax.lax.scan(one, start, jax.random.split(key, n_jumps))[0][0]

    return jax.jit(jax.vmap(replicate))(jax.random.split(jax.random.key(7), n_replicates))


def test_jumps_find_the_weights_of_a_persons_two_modes():
    prior = moves.GroupPrior(jnp.array([1.0]), jnp.array([2.0]), jnp.array([3.0]))
    seen_by_the_warm_up = one_parameter(
        [1.0, 1.0, 4.0, 4.0], [3.0, 6.0, 0.5, 0.5], 1, [1.0, 2.0], [2.0, 2.0]
    )  # one mode only
    people = run_jumps(
        lambda places: two_modes(places[:, 0]), jnp.full((1, 1), 4.0), prior, seen_by_the_warm_up, 60, N // 4
    )
    sd, place = np.linspace(0.005, 15, 1500)[:, None], np.linspace(-12, 12, 2001)
    of_prior = (stats.norm(1.0, np.sqrt(4 + sd**2)).pdf(place) * stats.halfnorm(scale=3.0).pdf(sd)).sum(
        axis=0
    )
    density = np.exp(np.asarray(two_modes(jnp.asarray(place)))) * of_prior
    assert_same_mean(people < 0, density[place < 0].sum() / density.sum())


def test_a_narrow_group_and_a_wide_one_with_an_unusual_person_in_it_get_their_weights():
    """Four people sit at 0; the fifth fits 0 or 6. Given a narrow group they are never at 6, and given that
    they are, it is wide."""
    n_subjects, width = 5, 0.1
    prior = moves.GroupPrior(jnp.zeros(1), jnp.array([0.5]), jnp.array([2.0]))
    places = np.array([0.0, 6.0])
    log_share = np.log([1e-6, 1 - 1e-6])

    def likelihood(people):
        near = -0.5 * ((people[:, 0] - places[0]) / width) ** 2
        both = -0.5 * ((people[:, 0, -1, None] - places) / width) ** 2 + log_share
        return near.at[:, -1].set(jax.scipy.special.logsumexp(both, axis=-1))

    learned = one_parameter([0.0, 0.0, 0.0, 6.0], [1.0, 2.0, 0.2, 0.2], n_subjects, [0.0, 1.0], [0.5, 1.5])
    people = run_jumps(likelihood, jnp.zeros((1, n_subjects)), prior, learned, 200, N // 20)
    mean, sd = np.linspace(-3, 3, 601)[:, None], np.linspace(0.005, 10, 2000)
    weight = stats.norm(0, 0.5).pdf(mean) * stats.halfnorm(scale=2.0).pdf(sd)
    at, away = (stats.norm(mean, np.hypot(sd, width)).pdf(place) for place in places)
    of_each = [share * (weight * at**4 * there).sum() for share, there in zip(np.exp(log_share), (at, away))]
    assert 0.1 < of_each[1] / sum(of_each) < 0.9
    assert_same_mean(people[:, 0, -1] > 3, of_each[1] / sum(of_each))


def test_a_person_who_jumps_is_told_from_one_who_stays():
    group, people, seen = some_groups(np.random.default_rng(8), 1, 1000)
    after, _, jumped = jump_of_measured(
        jax.random.key(9), people[0], jax.tree.map(lambda x: x[0], group), seen[0], None
    )
    np.testing.assert_array_equal(np.asarray(after != people[0]).any(axis=0), jumped)
    assert 0.1 < np.asarray(jumped).mean() < 1.0


# Groups given people


@pytest.mark.parametrize("n_subjects", [1, 2, 5, 40])
def test_groups_drawn_given_people_from_the_prior_follow_the_prior(n_subjects):
    """Geweke (2004): group from the prior, people from the group, and the move must leave the group's prior
    as it is."""
    rng = np.random.default_rng(n_subjects)
    location, scale, sd_scale = 0.7, 1.3, 0.6
    mean, sd = rng.normal(location, scale, N), np.abs(rng.normal(0, sd_scale, N))
    people = jnp.asarray(rng.normal(mean[:, None], sd[:, None], (N, n_subjects)))
    prior = moves.GroupPrior(*(jnp.full(N, x) for x in (location, scale, sd_scale)))
    group = Group(jnp.asarray(mean), jnp.log(jnp.asarray(sd)))
    for key in jax.random.split(jax.random.key(10), 3):
        group = moves.draw_group(key, people, group, prior)
    assert np.mean(np.asarray(group.log_sd) != np.log(sd)) > 0.95
    assert_same_distribution(group.mean, stats.norm(location, scale).cdf)
    assert_same_distribution(np.exp(group.log_sd), stats.halfnorm(scale=sd_scale).cdf)
    # A move that forgot the people would pass what stands above.
    standard = (
        (np.asarray(people).mean(axis=1) - np.asarray(group.mean))
        / np.exp(np.asarray(group.log_sd))
        * np.sqrt(n_subjects)
    )
    assert_same_distribution(standard, stats.norm.cdf)


def test_a_group_sd_that_people_hardly_determine_stays_near_its_prior_and_one_that_they_do_leaves_it():
    prior = moves.GroupPrior(jnp.zeros(2), jnp.ones(2), jnp.full(2, 0.5))
    people = jnp.stack([jnp.linspace(-3.0, 3.0, 200), jnp.zeros(200)])
    group = Group(jnp.zeros(2), jnp.zeros(2))
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
    _, (positions, trajectories) = jax.jit(
        lambda key: jax.lax.scan(draw, first, jax.random.split(key, n_draws))
    )(jax.random.key(seed + 1))
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
    assert (trajectories.n_steps <= 2**trajectories.depth - 1).all() and (
        trajectories.n_steps >= 2 ** (trajectories.depth - 1)
    ).all()


def test_no_trajectory_is_longer_than_allowed():
    _, trajectories = run_nuts(300, 2, 0.01, max_depth=3)
    assert trajectories.n_steps.max() == 2**3 - 1 and trajectories.depth.max() == 3


def test_without_depth_the_chain_stays():
    positions, trajectories = run_nuts(5, 3, 0.5, max_depth=0)
    assert (
        (positions == positions[0]).all()
        and not trajectories.n_steps.any()
        and not trajectories.diverging.any()
    )


def test_a_leap_that_explodes_is_a_divergence():
    _, trajectories = run_nuts(200, 1, 1.0, scales=1e-3)
    assert trajectories.diverging.all()
