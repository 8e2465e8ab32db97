"""The three moves in one draw. (Each is tested by itself in test_moves, and fits in test_inference.)"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rwlib
from rwlib.fitting import sampling
from rwlib.fitting.effects import describe
from rwlib.fitting.moves import Place
from rwlib.fitting.positions import draw_from_prior, group_prior, log_density, mirror, sides_of
from rwlib.fitting.proposals import rough_proposals
from rwlib.fitting.stretch import rough_stretch

N_SUBJECTS, N_CHAINS = 3, 100
RNG = np.random.default_rng(0)
DATA = rwlib.ChoiceData(RNG.integers(2, size=(N_SUBJECTS, 4)), RNG.integers(2, size=(N_SUBJECTS, 4)))
MODEL = rwlib.SYMMETRIC


def test_a_mirrored_position_has_the_same_density_and_the_other_side():
    position = jnp.asarray(draw_from_prior(RNG, MODEL, N_SUBJECTS))
    sides = jnp.array([1.0, -1.0])
    other = mirror(position, sides, MODEL, N_SUBJECTS)
    np.testing.assert_array_equal(sides_of(other, MODEL, N_SUBJECTS), sides)
    np.testing.assert_allclose(log_density(other, DATA, MODEL), log_density(position, DATA, MODEL), rtol=1e-6)


@pytest.fixture(scope="module")
def one_draw_of_many_chains():
    """Positions after a draw, as kept and where the next one starts, with the warm-up going on or over."""
    start = np.stack([draw_from_prior(RNG, MODEL, N_SUBJECTS) for _ in range(N_CHAINS)])
    proposals = rough_proposals(*map(np.asarray, group_prior(MODEL)), N_SUBJECTS)
    adaptation = sampling.Adaptation(np.array(0.3), rough_stretch(MODEL, N_SUBJECTS), proposals)
    adaptation, data = jax.tree.map(lambda x: np.asarray(x)[None], (adaptation, DATA.without_labels()))
    found = {}
    with jax.enable_x64(True):
        minus_log_density = lambda position: -log_density(position, DATA, MODEL)
        place = Place(start, *jax.vmap(jax.value_and_grad(minus_log_density))(start))
        keys = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(1), N_CHAINS))
        keys, place = jax.tree.map(lambda x: np.asarray(x)[None], (keys, place))
        chains = sampling._set_step_size(sampling.Chain(keys, place, ()), adaptation)
        for adapting in (True, False):
            settings = dict(max_depth=sampling.MAX_DEPTH, adapting=adapting, target_accept=0.9)
            after, draws, _ = sampling._advance(chains, (data, None), adaptation, 0, 1, settings, MODEL)
            found[adapting] = np.asarray(draws.position)[0, :, 0], np.asarray(after.place.position)[0]
    return found


def side_of_each(positions):
    return np.asarray(jax.vmap(lambda position: sides_of(position, MODEL, N_SUBJECTS))(positions))


def test_once_draws_are_kept_a_chain_goes_on_from_the_side_of_zero_where_its_sd_came_to_stand(
    one_draw_of_many_chains,
):
    """From the mirror image NUTS would go elsewhere, in coordinates without that symmetry: with few people,
    whose group SDs often change sides, group means came out wrong by a twentieth of their SD."""
    kept, goes_on_from = one_draw_of_many_chains[False]
    sides = side_of_each(goes_on_from)
    assert (sides == -1).any() and (sides == 1).any()
    mirrored = jax.vmap(lambda position, side: mirror(position, side, MODEL, N_SUBJECTS))(goes_on_from, sides)
    np.testing.assert_allclose(kept, mirrored, rtol=1e-6)


def test_while_coordinates_are_learned_all_chains_stand_on_one_side(one_draw_of_many_chains):
    _, goes_on_from = one_draw_of_many_chains[True]
    assert (side_of_each(goes_on_from) == 1).all()


@pytest.mark.parametrize("adapting", [True, False])
def test_kept_draws_have_positive_sds(one_draw_of_many_chains, adapting):
    kept, _ = one_draw_of_many_chains[adapting]
    assert (side_of_each(kept) == 1).all()


@pytest.mark.parametrize("formulas", [{}, {"group": {"beta": "age"}}, {"within": {"beta": "drug"}}])
def test_no_random_key_is_used_twice_in_a_draw(formulas):
    """Effects once shared their random numbers with the proposals of group SDs, and so were correlated with
    them."""
    data = rwlib.ChoiceData(
        DATA.choices,
        DATA.rewards,
        design=rwlib.Design(block=np.tile([0, 0, 1, 1], (N_SUBJECTS, 1))),
        blocks=["on", "off"],
        conditions={"drug": ["on", "off"]},
        people={"age": [20.0, 35.0, 50.0]},
    )
    study = describe(data, MODEL, **{"group": {}, "within": {}} | formulas)
    proposals = rough_proposals(*map(np.asarray, group_prior(study.model)), N_SUBJECTS)
    adaptation = sampling.Adaptation(np.array(0.3), rough_stretch(study.model, N_SUBJECTS), proposals)
    position = draw_from_prior(RNG, study.model, N_SUBJECTS, study.regressors)
    with jax.enable_x64(True), jax.debug_key_reuse(True):
        chain = sampling.Chain(
            jax.random.key_data(jax.random.key(2)),
            Place(position, np.array(0.0), np.zeros_like(position)),
            (*3 * [np.array(0.0)], np.array(0), np.array(0.0)),
        )
        settings = dict(max_depth=2, adapting=False, target_accept=0.9)
        studied = jax.tree.map(jnp.asarray, (study.data.without_labels(), study.regressors))
        arrays = jax.tree.map(jnp.asarray, (chain, adaptation, settings))
        jax.jit(
            lambda chain, adaptation, settings: sampling._one_draw(
                chain, studied, adaptation, 0, settings, study.model
            )
        )(*arrays)
