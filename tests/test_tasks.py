import jax
import numpy as np
import pytest

from rwlib import FIVE_ARMS, bernoulli_outcomes


def test_outcomes_are_as_frequent_as_their_probabilities():
    n = 20_000
    outcomes = np.asarray(bernoulli_outcomes(jax.random.key(0), FIVE_ARMS, n))
    assert outcomes.shape == (n, 5) and set(np.unique(outcomes)) == {0.0, 1.0}
    p = np.array(FIVE_ARMS)
    np.testing.assert_array_less(np.abs(outcomes.mean(0) - p), 4.5 * np.sqrt(p * (1 - p) / n))


def test_arms_pay_independently_of_each_other():
    outcomes = np.asarray(bernoulli_outcomes(jax.random.key(1), [0.5, 0.5], 20_000))
    assert abs(np.corrcoef(outcomes.T)[0, 1]) < 4.5 / np.sqrt(20_000)


def test_the_same_key_gives_the_same_table_and_another_key_another():
    one, same, other = (bernoulli_outcomes(jax.random.key(k), [0.5, 0.5], 50) for k in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_certain_arms_are_certain():
    outcomes = bernoulli_outcomes(jax.random.key(0), [0.0, 1.0], 100)
    np.testing.assert_array_equal(outcomes, np.tile([0.0, 1.0], (100, 1)))


@pytest.mark.parametrize(
    ("probs", "n_trials", "message"),
    [
        ([0.5, 1.5], 10, r"reward_probs\[1\] is 1.5"),
        ([np.nan], 10, r"reward_probs\[0\] is nan"),
        ([0.5], 0, "n_trials is 0"),
        ([], 5, "one probability per arm"),
    ],
)
def test_a_bad_task_is_refused(probs, n_trials, message):
    with pytest.raises(ValueError, match=message):
        bernoulli_outcomes(jax.random.key(0), probs, n_trials)
