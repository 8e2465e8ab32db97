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
    log_density,
    split,
    to_people,
    to_position,
    to_sites,
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
