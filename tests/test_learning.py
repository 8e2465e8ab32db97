import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference_agent import update

from rwlib import asymmetric_rescorla_wagner_update

FINITE = st.floats(-100, 100, width=32)
RATE = st.floats(0.01, 0.99)


@given(st.data(), st.sampled_from([1, 2, 5, 12]), RATE, RATE)
def test_update_agrees_with_a_plain_loop_for_any_number_of_actions(data, n_actions, alpha_pos, alpha_neg):
    value = data.draw(arrays(np.float32, n_actions, elements=FINITE))
    outcome = data.draw(arrays(np.float32, n_actions, elements=FINITE))
    chosen = data.draw(arrays(bool, n_actions))
    expected_value, expected_error = update(value, outcome, chosen, alpha_pos, alpha_neg)

    updated, (before, error) = asymmetric_rescorla_wagner_update(
        value, (outcome, chosen), alpha_pos, alpha_neg
    )

    np.testing.assert_allclose(updated, expected_value, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(error, expected_error, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(before, value)


def test_good_and_bad_surprises_use_their_own_rate():
    better, _ = asymmetric_rescorla_wagner_update(0.5, (1.0, 1), 0.4, 0.1)
    worse, _ = asymmetric_rescorla_wagner_update(0.5, (0.0, 1), 0.4, 0.1)
    np.testing.assert_allclose([better, worse], [0.7, 0.45], rtol=1e-6)


def test_an_action_not_chosen_keeps_its_value_whatever_its_outcome():
    updated, (_, error) = asymmetric_rescorla_wagner_update(
        np.array([0.3, 0.3]), (np.array([np.nan, 1.0]), np.array([0, 1])), 0.5, 0.5
    )
    np.testing.assert_allclose(updated, [0.3, 0.65], rtol=1e-6)
    np.testing.assert_array_equal(error[0], 0.0)


def test_no_surprise_no_change():
    updated, (_, error) = asymmetric_rescorla_wagner_update(0.25, (0.25, 1), 0.9, 0.1)
    assert float(updated) == 0.25 and float(error) == 0.0


def test_arguments_broadcast_over_subjects_and_actions():
    value, chosen = np.full((3, 4), 0.5), np.eye(4)[:3]
    updated, _ = asymmetric_rescorla_wagner_update(value, (1.0, chosen), np.array([[0.1], [0.2], [0.3]]), 0.1)
    np.testing.assert_allclose(updated, 0.5 + 0.5 * chosen * np.array([[0.1], [0.2], [0.3]]), rtol=1e-6)


def test_the_pair_it_returns_is_what_scan_needs():
    outcomes, chosen = jnp.ones((6, 2)), jnp.tile(jnp.array([1.0, 0.0]), (6, 1))

    def step(value, outcome_chosen):
        return asymmetric_rescorla_wagner_update(value, outcome_chosen, 0.5, 0.1)

    last, (values, errors) = jax.lax.scan(step, jnp.full(2, 0.5), (outcomes, chosen))
    np.testing.assert_allclose(values[:, 0], 1 - 0.5 ** np.arange(1, 7), rtol=1e-6)
    np.testing.assert_allclose(last, [1 - 0.5**7, 0.5], rtol=1e-6)
    np.testing.assert_allclose(errors[:, 1], 0.0)
