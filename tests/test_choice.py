import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from reference_agent import choice_probabilities
from reference_agent import softmax as plain_softmax

from rwlib import softmax
from rwlib.model.choice import choice_log_probabilities, sample_choice, with_lapses

VALUES = st.sampled_from([1, 2, 5, 10]).flatmap(
    lambda n: arrays(np.float32, n, elements=st.floats(-20, 20, width=32))
)
ANY_FINITE = arrays(
    np.float32,
    st.sampled_from([1, 2, 6]),
    elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
)


@given(VALUES, st.floats(0, 30, width=32))
def test_softmax_agrees_with_plain_numpy(value, beta):
    np.testing.assert_allclose(
        softmax(value, beta), plain_softmax(np.float32(beta) * value), rtol=2e-4, atol=1e-7
    )


@given(ANY_FINITE, st.floats(0, 1e30))
def test_softmax_is_a_distribution_for_any_finite_input(value, beta):
    probabilities = softmax(value, beta)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(probabilities.sum(), 1.0, rtol=1e-5)


@given(VALUES, st.floats(-100, 100, width=32))
def test_only_differences_between_values_matter(value, shift):
    np.testing.assert_allclose(softmax(value + np.float32(shift), 2.0), softmax(value, 2.0), atol=2e-4)


def test_beta_multiplies():
    np.testing.assert_allclose(softmax(np.array([0.0, 1.0]), 3.0)[1], 1 / (1 + np.exp(-3)), rtol=1e-6)
    np.testing.assert_allclose(softmax(np.array([0.0, 1.0]), 0.0), 0.5)


def test_one_beta_per_subject():
    value = np.random.default_rng(0).normal(size=(3, 7, 4))
    beta = np.arange(21.0).reshape(3, 7)
    expected = [[plain_softmax(beta[i, j] * value[i, j]) for j in range(7)] for i in range(3)]
    np.testing.assert_allclose(softmax(value, beta), expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(softmax(value, beta[..., None]), expected, rtol=1e-4, atol=1e-7)


def test_a_beta_that_would_broadcast_over_actions_is_refused():
    with pytest.raises(ValueError, match=r"beta has shape \(4,\)"):
        softmax(np.zeros(4), np.ones(4))


def test_a_single_number_has_no_actions_to_choose_from():
    with pytest.raises(ValueError, match="one entry per action"):
        softmax(jnp.float32(1.0))


@given(
    st.sampled_from([2, 5, 8]),
    st.integers(0, 10**6),
    st.floats(0, 20, width=32),
    st.floats(-4, 4, width=32),
    st.floats(0, 1, width=32),
)
def test_stickiness_and_lapse_agree_with_a_plain_loop(n_actions, seed, beta, stickiness, lapse):
    rng = np.random.default_rng(seed)
    value, trace = rng.normal(size=n_actions), rng.dirichlet(np.ones(n_actions))
    expected = choice_probabilities(value, trace, beta, stickiness, lapse)
    log_probs = choice_log_probabilities(value, trace, beta, stickiness, lapse)
    np.testing.assert_allclose(np.exp(log_probs), expected, rtol=2e-4, atol=1e-7)


def test_log_probabilities_stay_finite_where_probabilities_underflow():
    log_probs = choice_log_probabilities(np.array([0.0, 1.0]), np.zeros(2), beta=500.0)
    np.testing.assert_allclose(log_probs, [-500.0, 0.0], atol=1e-3)


def test_the_gradient_is_finite_when_nobody_lapses():
    def log_p(lapse, beta):
        return choice_log_probabilities(jnp.array([0.0, 1.0]), jnp.zeros(2), beta, 0.0, lapse)[0]

    assert np.isfinite(jax.grad(log_p, argnums=(0, 1))(0.0, 200.0)).all()


@pytest.mark.parametrize("lapse", [1e-20, 1e-5, 0.3, 1.0])
@pytest.mark.parametrize("log_softmax", [-700.0, -80.0, -5.0, 0.0])
def test_lapses_are_mixed_in_although_the_softmax_may_underflow(lapse, log_softmax):
    with np.errstate(divide="ignore"):
        expected = np.logaddexp(np.log1p(-lapse) + log_softmax, np.log(lapse / 3))
    found = with_lapses(jnp.float32(log_softmax), jnp.float32(lapse), 3)
    np.testing.assert_allclose(found.log_probability, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(found.softmax_ratio, np.exp(log_softmax - expected), rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(found.uniform_ratio, np.exp(-np.log(3) - expected), rtol=1e-5)


def test_choices_are_as_frequent_as_their_probabilities():
    probabilities = np.array([0.1, 0.2, 0.3, 0.4])
    n = 20_000
    keys = jax.random.split(jax.random.key(7), n)
    choices = jax.vmap(sample_choice, in_axes=(0, None))(keys, jnp.log(probabilities))
    frequency = np.bincount(choices, minlength=4) / n
    np.testing.assert_array_less(
        np.abs(frequency - probabilities), 4.5 * np.sqrt(probabilities * (1 - probabilities) / n)
    )


def test_the_same_key_makes_the_same_choice():
    log_probs = jnp.log(jnp.full(10, 0.1))
    assert sample_choice(jax.random.key(3), log_probs) == sample_choice(jax.random.key(3), log_probs)
