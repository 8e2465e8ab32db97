import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import potential_energy
from scipy import stats

from rwlib import ASYMMETRIC, ASYMMETRIC_TEMPERATURE, ChoiceData, GroupParameter, Model, log_likelihood
from rwlib.fitting.hierarchy import hierarchical_model
from rwlib.fitting.positions import (
    draw_from_prior,
    group_prior,
    learn_stretch,
    log_density,
    rough_stretch,
    split,
    stretch,
    to_people,
    to_position,
    to_sites,
    unstretch,
)

RNG = np.random.default_rng(0)
DATA = ChoiceData(RNG.integers(3, size=(4, 25)), RNG.integers(2, size=(4, 25)), n_actions=3)
BY_HAND = {
    "expit": lambda x: 1 / (1 + np.exp(-x)),
    "exp": np.exp,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "identity": lambda x: x,
}
EVERY_KIND = Model(
    "every kind",
    (
        GroupParameter("alpha_pos", "expit", 0.3, 0.7, 0.8, centred=True),
        GroupParameter("alpha_neg", "expit", 0.0, 1.0, 1.0),
        GroupParameter("beta", "softplus", 1.0, 1.0, 0.5),
        GroupParameter("stickiness", "identity", 0.0, 0.5, 0.4, centred=True),
        GroupParameter("lapse", "expit", -3.0, 1.0, 0.6),
    ),
)
MODELS = [ASYMMETRIC, ASYMMETRIC_TEMPERATURE, EVERY_KIND]


def with_negative_sds(position, model):
    position = np.array(position)
    _, sds, offsets = split(position, model, 4)
    for i, p in enumerate(model.parameters):
        if not p.centred:
            sds[i] *= -1
            offsets[i] *= -1
    return position


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_log_density_is_the_sum_of_priors_and_likelihood(model):
    position = draw_from_prior(np.random.default_rng(1), model, 4)
    expected, params = 0.0, {}
    for p, mean, sd, x in zip(model.parameters, *split(position, model, 4)):
        expected += stats.norm.logpdf(mean, p.mean_location, p.mean_scale)
        if p.centred:
            expected += (
                stats.halfnorm.logpdf(np.exp(sd), scale=p.sd_scale)
                + sd
                + stats.norm.logpdf(x, mean, np.exp(sd)).sum()
            )
        else:
            expected += stats.norm.logpdf(sd, scale=p.sd_scale) + stats.norm.logpdf(x).sum()
        params[p.name] = BY_HAND[p.transform](x if p.centred else mean + sd * x)
    expected += float(log_likelihood(DATA, params).sum())

    np.testing.assert_allclose(log_density(jnp.asarray(position), DATA, model), expected, rtol=1e-5)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_log_density_is_that_of_the_numpyro_model_but_for_coordinates(model):
    for seed in range(3):
        position = draw_from_prior(np.random.default_rng(seed), model, 4)
        coordinates = sum(
            np.log(2 * sd) for p, sd in zip(model.parameters, split(position, model, 4)[1]) if not p.centred
        )
        sites = {name: jnp.asarray(x) for name, x in to_sites(position, model, 4).items()}
        numpyros = -potential_energy(hierarchical_model, (DATA, model), {}, sites)
        np.testing.assert_allclose(
            log_density(jnp.asarray(position), DATA, model) + coordinates, numpyros, rtol=1e-5
        )


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_an_sd_with_the_other_sign_is_the_same_place(model):
    position = draw_from_prior(np.random.default_rng(2), model, 4)
    other = with_negative_sds(position, model)
    assert not np.array_equal(position, other)
    np.testing.assert_allclose(
        log_density(jnp.asarray(other), DATA, model),
        log_density(jnp.asarray(position), DATA, model),
        rtol=1e-6,
    )
    for one, same in zip(
        jax.tree.leaves(to_people(jnp.asarray(position), model, 4)),
        jax.tree.leaves(to_people(jnp.asarray(other), model, 4)),
    ):
        np.testing.assert_allclose(one, same, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_people_and_group_lead_back_to_their_position(model):
    position = draw_from_prior(np.random.default_rng(3), model, 4)
    people, group = to_people(jnp.asarray(position), model, 4)
    np.testing.assert_allclose(to_position(people, group, model), position, rtol=1e-4)


def test_starting_positions_follow_the_prior():
    positions = np.stack(
        [draw_from_prior(np.random.default_rng(seed), EVERY_KIND, 2) for seed in range(2000)]
    )
    people, group = jax.vmap(lambda position: to_people(position, EVERY_KIND, 2))(jnp.asarray(positions))
    prior = group_prior(EVERY_KIND)
    for i in range(len(EVERY_KIND.parameters)):
        assert (
            stats.kstest(group.mean[:, i], stats.norm(prior.mean_location[i], prior.mean_scale[i]).cdf).pvalue
            > 1e-4
        )
        assert (
            stats.kstest(np.exp(group.log_sd[:, i]), stats.halfnorm(scale=prior.sd_scale[i]).cdf).pvalue
            > 1e-4
        )
        standard = (people[:, i] - group.mean[:, i, None]) / np.exp(group.log_sd[:, i, None])
        assert stats.kstest(np.asarray(standard).ravel(), stats.norm.cdf).pvalue > 1e-4


# The stretch under which NUTS moves


def some_posterior(n_subjects=30, n_draws=4000, seed=0):
    """Draws of group and people of a model with normal data: half of the people are known well, half
    hardly."""
    rng, model = np.random.default_rng(seed), ASYMMETRIC
    taken = np.where(np.arange(n_subjects) % 2, 0.9, 0.05)
    mean, sd = rng.normal(0.4, 0.1, (n_draws, 3)), np.exp(rng.normal(-0.3, 0.1, (n_draws, 3)))
    favoured = np.random.default_rng(99).normal(size=(3, n_subjects)) * 0.7 + 0.4
    offsets = taken * (favoured - mean[..., None]) / sd[..., None] + np.sqrt(1 - taken) * rng.normal(
        size=(n_draws, 3, n_subjects)
    )
    return np.concatenate([mean, sd, offsets.reshape(n_draws, -1)], axis=1), model, n_subjects


def moved_of(positions, shape):
    return np.asarray(jax.vmap(lambda position: unstretch(position, shape))(jnp.asarray(positions)))


def test_unstretching_undoes_stretching():
    positions, model, n_subjects = some_posterior()
    for shape in (learn_stretch(positions, model, n_subjects), rough_stretch(model, n_subjects)):
        np.testing.assert_allclose(
            stretch(jnp.asarray(moved_of(positions[:1], shape)[0]), shape), positions[0], rtol=1e-3, atol=1e-5
        )


def test_a_learned_stretch_makes_a_posterior_round():
    positions, model, n_subjects = some_posterior()
    moved = moved_of(some_posterior(seed=1)[0], learn_stretch(positions, model, n_subjects))
    eigenvalues = np.linalg.eigvalsh(np.cov(moved.T))
    assert 0.6 < eigenvalues[0] and eigenvalues[-1] < 1.6
    # With scales alone it stays long and narrow, since people whom the data determine must follow the group.
    rough = np.linalg.eigvalsh(np.corrcoef(positions.T))
    assert rough[0] < 0.3


def test_a_stretch_learned_from_few_draws_can_be_used():
    positions, model, n_subjects = some_posterior(n_draws=5)
    shape = learn_stretch(positions, model, n_subjects)
    assert (
        all(np.isfinite(x).all() for x in shape) and (np.diagonal(shape.people, axis1=1, axis2=2) > 0).all()
    )


def test_centred_people_do_not_follow_their_group():
    rng = np.random.default_rng(3)
    positions = np.stack([draw_from_prior(rng, EVERY_KIND, 4) for _ in range(50)])
    slope = learn_stretch(positions, EVERY_KIND, 4).slope
    assert not slope[:, [0, 3]].any() and slope[:, 1].any()
