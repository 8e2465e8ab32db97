import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from reference_agent import choice_probabilities, trace_after, update

import rwlib
from rwlib import FIVE_ARMS, Design, bernoulli_outcomes, simulate

RNG = np.random.default_rng(11)
PARAMS = {
    "alpha_pos": RNG.beta(5, 5, 6),
    "alpha_neg": RNG.beta(5, 5, 6),
    "beta": RNG.uniform(1, 5, 6),
    "stickiness": RNG.normal(size=6),
    "trace_rate": RNG.uniform(size=6),
    "lapse": RNG.uniform(0, 0.3, 6),
    "q0": RNG.uniform(0, 1, 6),
}
OUTCOMES = bernoulli_outcomes(jax.random.key(0), FIVE_ARMS, 60)


def test_values_and_probabilities_agree_with_a_plain_loop_over_the_same_choices():
    simulation = simulate(jax.random.key(1), OUTCOMES, PARAMS)
    for subject in range(6):
        p = {name: value[subject] for name, value in PARAMS.items()}
        value, trace = [p["q0"]] * 5, [0.0] * 5
        for trial in range(60):
            np.testing.assert_allclose(simulation.values[subject, trial], value, atol=1e-5)
            expected = choice_probabilities(value, trace, p["beta"], p["stickiness"], p["lapse"])
            np.testing.assert_allclose(simulation.choice_probs[subject, trial], expected, atol=1e-5)
            choice = int(simulation.data.choices[subject, trial])
            value, errors = update(
                value, np.asarray(OUTCOMES[trial]), np.arange(5) == choice, p["alpha_pos"], p["alpha_neg"]
            )
            np.testing.assert_allclose(simulation.prediction_errors[subject, trial], errors, atol=1e-5)
            assert simulation.data.rewards[subject, trial] == OUTCOMES[trial, choice]
            trace = trace_after(trace, choice, p["trace_rate"])


def test_choices_are_as_frequent_as_the_probabilities_they_were_drawn_from():
    n = 4000
    params = {"alpha_pos": np.full(n, 0.3), "alpha_neg": np.full(n, 0.3), "beta": np.full(n, 2.0)}
    simulation = simulate(jax.random.key(2), OUTCOMES[:10], params)
    chosen = np.asarray(simulation.data.choices)[..., None] == np.arange(5)
    probs = np.asarray(simulation.choice_probs)
    z = (chosen - probs).sum(0) / np.sqrt((probs * (1 - probs)).sum(0))
    assert np.abs(z).max() < 4.5


def test_subjects_with_equal_parameters_make_different_choices():
    params = {"alpha_pos": np.full(5, 0.3), "alpha_neg": np.full(5, 0.3), "beta": np.full(5, 1.0)}
    choices = np.asarray(simulate(jax.random.key(3), OUTCOMES, params).data.choices)
    assert len({tuple(row) for row in choices}) == 5


def test_the_same_key_gives_the_same_data_and_another_key_others():
    one, same, other = (simulate(jax.random.key(k), OUTCOMES, PARAMS).data.choices for k in (4, 4, 5))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_each_subject_may_have_its_own_outcomes():
    tables = jnp.stack([jnp.zeros((20, 2)), jnp.ones((20, 2))])
    params = {"alpha_pos": 0.5, "alpha_neg": 0.5, "beta": 1.0}
    np.testing.assert_array_equal(
        simulate(jax.random.key(0), tables, params).data.rewards, [[0.0] * 20, [1.0] * 20]
    )


def test_an_arm_that_always_pays_is_preferred_in_the_end():
    outcomes = np.tile([0.0, 1.0, 0.0], (200, 1))
    params = {"alpha_pos": np.full(50, 0.4), "alpha_neg": np.full(50, 0.4), "beta": np.full(50, 8.0)}
    late = np.asarray(simulate(jax.random.key(0), outcomes, params).data.choices)[:, 100:]
    assert (late == 1).mean() > 0.95


def test_a_number_of_outcome_tables_that_is_not_the_number_of_subjects_is_refused():
    with pytest.raises(ValueError, match="with 3 subjects"):
        simulate(jax.random.key(0), np.zeros((3, 20, 5)), PARAMS)


def test_people_keep_the_labels_of_their_parameters_and_these_are_matched_with_one_another():
    by_place = {"alpha": np.array([0.1, 0.9]), "beta": np.array([5.0, 1.0])}
    labelled = {
        "alpha": pd.Series([0.1, 0.9], index=["bob", "ann"]),
        "beta": pd.Series([1.0, 5.0], index=["ann", "bob"]),
    }
    one, other = (simulate(jax.random.key(6), OUTCOMES, params).data for params in (by_place, labelled))
    np.testing.assert_array_equal(one.choices, other.choices)
    assert one.subjects == (0, 1) and other.subjects == ("bob", "ann")
    with pytest.raises(ValueError, match=r"params\['beta'\] has nothing for the subject 'bob'"):
        simulate(jax.random.key(6), OUTCOMES, labelled | {"beta": labelled["beta"].rename({"bob": "eve"})})


def test_labels_of_draws_which_repeat_are_no_labels_of_people():
    params = {"alpha": pd.Series([0.1, 0.9], index=[3, 3]), "beta": 2.0}
    assert simulate(jax.random.key(7), OUTCOMES, params).data.subjects == (0, 1)


ONE = {"alpha": 0.5, "beta": 2.0}


def test_outcomes_that_are_not_numbers_are_not_blamed_on_the_agent():
    outcomes = np.array(OUTCOMES)
    outcomes[3, 1] = np.nan
    with pytest.raises(ValueError, match="outcomes are nan for action 1 on trial 3 of subject 0"):
        simulate(jax.random.key(8), outcomes, ONE)
    never = np.ones(outcomes.shape, bool)
    never[3, 1] = False
    for design in (Design(offered=never), Design(feedback=never[:, 1])):
        played = simulate(jax.random.key(8), outcomes, ONE, design=design)
        assert np.isfinite(played.choice_probs).all()


def test_a_trial_on_which_nothing_is_on_offer_is_not_blamed_on_the_agent():
    offered = np.ones(OUTCOMES.shape, bool)
    offered[3] = False
    with pytest.raises(ValueError, match="design.offered is False for all actions on trial 3 of subject 0"):
        simulate(jax.random.key(9), OUTCOMES, ONE, design=Design(offered=offered))


def test_what_carries_subjects_labels_is_matched_with_those_of_the_parameters():
    params = {"alpha": pd.Series([0.1, 0.2], index=["ann", "bob"]), "beta": 2.0}
    stake = pd.DataFrame([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], index=["bob", "ann"])
    paid = xr.DataArray(
        np.ones((2, 3, 2)) * [[[1.0]], [[0.5]]], {"subject": ["bob", "ann"]}, ("subject", "t", "a")
    )
    data = simulate(jax.random.key(0), paid, params, design=rwlib.Design(before={"stake": stake})).data
    assert data.subjects == ("ann", "bob")
    assert np.asarray(data.design.before["stake"])[:, 0].tolist() == [2.0, 1.0]
    assert np.asarray(data.rewards)[:, 0].tolist() == [0.5, 1.0]
    with pytest.raises(ValueError, match="has nothing for the subject 'ann'"):
        simulate(jax.random.key(0), paid.assign_coords(subject=["bob", "eve"]), params)
