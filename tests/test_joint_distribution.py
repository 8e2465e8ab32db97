"""One draw of the sampler, all three moves in the real model, held against the prior (Geweke, 2004,
https://doi.org/10.1198/016214504000001132). Minutes long: `make test-slow`.

Chains start from the prior. Each then takes turns between new choices, given its people, and a draw, given
these choices. If both are right, every chain is still a draw from the prior after any number of turns: none
need mix, and what a draw does wrong adds up. The coordinates and proposals are those that a warm-up learned
from one data set.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

import rwlib
from rwlib.fitting import moves, sampling
from rwlib.fitting.effects import describe
from rwlib.fitting.hierarchy import in_conditions, regressions
from rwlib.fitting.models import TRANSFORMS
from rwlib.fitting.positions import draw_from_prior, effects_of, group_prior, log_density, to_people
from rwlib.model.parameters import subject_parameters
from rwlib.model.simulation import play_all

pytestmark = pytest.mark.slow

N_SUBJECTS, N_TRIALS, N_TURNS = 3, 20, 30
SETTINGS = {"max_depth": 6, "adapting": False, "target_accept": 0.8}
CENTRED = tuple(p._replace(centred=p.name != "beta") for p in rwlib.ASYMMETRIC.parameters)
MODELS = {
    "plain": (rwlib.ASYMMETRIC, {}),
    "centred": (rwlib.Model("centred", CENTRED), {}),
    "between people": (rwlib.ASYMMETRIC, {"group": {"alpha_neg": "age"}}),
    "within people": (rwlib.ASYMMETRIC, {"within": {"beta": "drug"}}),
}


def described(model, formulas):
    """A small study that can have either formula."""
    rng = np.random.default_rng(0)
    data = rwlib.ChoiceData(
        rng.integers(2, size=(N_SUBJECTS, N_TRIALS)),
        rng.integers(2, size=(N_SUBJECTS, N_TRIALS)),
        design=rwlib.Design(block=np.tile(np.arange(N_TRIALS) * 2 // N_TRIALS, (N_SUBJECTS, 1))),
        blocks=["on", "off"],
        conditions={"drug": ["on", "off"]},
        people={"age": [20.0, 35.0, 50.0]},
    )
    return describe(data, model, **{"group": {}, "within": {}} | formulas)


def tuning_of(study):
    """What a warm-up learns from one data set."""
    data, regressors = jax.tree.map(
        lambda x: np.asarray(x)[None], (study.data.without_labels(), study.regressors)
    )
    schedule = sampling.Schedule(200, 20, 4, SETTINGS["target_accept"], (0,))
    sampled = sampling.sample(data, study.model, schedule, regressors=regressors)
    return jax.tree.map(lambda x: x[0], sampled.adaptation)


def new_choices(key, position, study):
    """The choices of the people at a position, in a new task."""
    people, _ = to_people(position, study.model, N_SUBJECTS, study.regressors)
    params = {
        p.name: TRANSFORMS[p.transform](x).astype(jnp.float32)
        for p, x in zip(study.model.parameters, in_conditions(people, study.model, study.regressors))
    }
    data, agent, keys = study.data.without_labels(), study.model.agent, jax.random.split(key)
    params = subject_parameters({**dict(study.model.fixed), **params}, len(data.choices), agent)
    outcomes = jax.random.bernoulli(keys[0], jnp.array([0.3, 0.7]), (*data.choices.shape, 2))
    choices, rewards, *_ = play_all(
        keys[1], outcomes.astype(jnp.float32), params, agent, data.design, np.asarray(data.mask)
    )
    return dataclasses.replace(
        data, choices=choices.astype(data.choices.dtype), rewards=rewards.astype(data.rewards.dtype)
    )


def uniforms(position, study):
    """Groups, people and effects as probabilities, which are independent and uniform under the prior."""
    people, group = to_people(position, study.model, N_SUBJECTS, study.regressors)
    effects, along = effects_of(position, study.model), 0.0
    if study.model.effects:
        along = regressions(effects, study.model, study.regressors)
    sds, prior = jnp.exp(group.log_sd), group_prior(study.model)
    scales = jnp.array([effect.scale for effect in study.model.effects])
    return jnp.concatenate(
        [
            norm.cdf(group.mean, prior.mean_location, prior.mean_scale),
            2 * norm.cdf(sds / prior.sd_scale) - 1,
            norm.cdf((people - along - group.mean[:, None]) / sds[:, None]).ravel(),
            norm.cdf(effects / scales) if study.model.effects else jnp.zeros(0),
        ]
    )


def after_turns(kind, n_chains):
    """The probabilities of every chain at its end, (n_chains, n_quantities)."""
    study, settings = described(*MODELS[kind]), jax.tree.map(jnp.asarray, SETTINGS)
    adaptation, rng = tuning_of(study), np.random.default_rng(1)

    def turn(i, carry):
        key, position = carry
        data = new_choices(jax.random.fold_in(jax.random.wrap_key_data(key), N_TURNS + i), position, study)
        density = lambda position: -log_density(position, data, study.model, study.regressors)
        place = moves.Place(position, *jax.value_and_grad(density)(position))
        chain = sampling.Chain(key, place, (jnp.log(adaptation.step_size), *4 * [jnp.zeros(())]))
        studied = data, jax.tree.map(jnp.asarray, study.regressors)
        chain, _, _ = sampling._one_draw(chain, studied, adaptation, i, settings, study.model)
        return key, chain.place.position

    with jax.enable_x64(True):
        start = np.stack(
            [draw_from_prior(rng, study.model, N_SUBJECTS, study.regressors) for _ in range(n_chains)]
        )
        keys = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(2), n_chains))
        ends = jax.jit(jax.vmap(lambda *chain: jax.lax.fori_loop(0, N_TURNS, turn, chain)[1]))(keys, start)
        return np.asarray(jax.vmap(lambda position: uniforms(position, study))(ends))


def largest_z(drawn):
    """How far means, variances and correlations lie from those of independent uniform numbers."""
    standard = np.sqrt(12) * (drawn - 0.5)
    means, products = standard.mean(axis=0), standard.T @ standard / len(standard)
    np.fill_diagonal(products, (np.diag(products) - 1) / np.sqrt(0.8))  # the variance of a square is 0.8
    return np.sqrt(len(drawn)) * max(np.abs(means).max(), np.abs(products).max())


@pytest.mark.parametrize("kind", MODELS)
def test_draws_leave_the_joint_prior_of_groups_people_and_choices_as_it_is(kind):
    assert largest_z(after_turns(kind, n_chains=10_000)) < 4.5


def test_a_draw_of_groups_with_the_wrong_prior_is_noticed(monkeypatch):
    def wider(model):
        right = group_prior(model)
        return right._replace(sd_scale=1.3 * right.sd_scale)

    monkeypatch.setattr(sampling, "group_prior", wider)
    assert largest_z(after_turns("plain", n_chains=2_000)) > 4.5
