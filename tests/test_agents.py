import jax
import numpy as np
import pytest

import rwlib
from rwlib.model.rescorla_wagner import RANDOM_AGENT, RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT

RNG = np.random.default_rng(4)
DATA = rwlib.ChoiceData(
    RNG.integers(3, size=(4, 30)), RNG.integers(2, size=(4, 30)), RNG.random((4, 30)) > 0.1, n_actions=3
)
LAPSE = np.array([0.05, 0.2, 0.5, 1.0])


def plain_win_stay_lose_shift(choices, rewards, mask, n_actions, lapse):
    logs, last = [], None
    for choice, reward, counts in zip(choices, rewards, mask):
        if not counts:
            logs.append(0.0)
            continue
        if last is None:
            by_rule = 1 / n_actions
        elif last[1] > 0.5:
            by_rule = float(choice == last[0])
        else:
            by_rule = float(choice != last[0]) / (n_actions - 1)
        logs.append(np.log((1 - lapse) * by_rule + lapse / n_actions))
        last = choice, reward
    return logs


def test_win_stay_lose_shift_agrees_with_a_plain_loop():
    expected = [
        plain_win_stay_lose_shift(choices, rewards, mask, 3, lapse)
        for choices, rewards, mask, lapse in zip(DATA.choices, DATA.rewards, DATA.mask, LAPSE)
    ]
    ours = rwlib.trialwise_log_likelihood(DATA, {"lapse": LAPSE}, WIN_STAY_LOSE_SHIFT_AGENT)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_random_agent_scores_chance():
    expected = DATA.mask.sum(axis=1) * np.log(1 / 3)
    np.testing.assert_allclose(rwlib.log_likelihood(DATA, {}, RANDOM_AGENT), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("agent", "params"),
    [
        (WIN_STAY_LOSE_SHIFT_AGENT, {"lapse": LAPSE}),
        (RESCORLA_WAGNER_AGENT, {"alpha": np.array([0.1, 0.3, 0.6, 0.9]), "beta": 3.0, "stickiness": 0.5}),
    ],
)
def test_an_agent_is_scored_by_the_probabilities_it_chose_with(agent, params):
    simulation = rwlib.simulate(
        jax.random.key(0), rwlib.bernoulli_outcomes(jax.random.key(1), [0.2, 0.5, 0.8], 40), params, agent
    )
    chosen = np.take_along_axis(
        np.asarray(simulation.choice_probs), np.asarray(simulation.data.choices)[:, :, None], axis=2
    )[:, :, 0]
    np.testing.assert_allclose(
        rwlib.trialwise_log_likelihood(simulation.data, params, agent), np.log(chosen), rtol=1e-4, atol=1e-5
    )


def test_a_winner_stays_and_a_loser_shifts():
    outcomes = np.ones((10, 3))
    stays = rwlib.simulate(
        jax.random.key(2), outcomes, {"lapse": np.zeros(5)}, WIN_STAY_LOSE_SHIFT_AGENT
    ).data.choices
    assert (stays == stays[:, :1]).all()
    shifts = rwlib.simulate(
        jax.random.key(2), 0 * outcomes, {"lapse": np.zeros(5)}, WIN_STAY_LOSE_SHIFT_AGENT
    ).data.choices
    assert (np.diff(shifts, axis=1) != 0).all()


def test_one_learning_rate_stands_for_both():
    one = rwlib.log_likelihood(DATA, {"alpha": LAPSE, "beta": 2.0})
    both = rwlib.log_likelihood(DATA, {"alpha_pos": LAPSE, "alpha_neg": LAPSE, "beta": 2.0})
    np.testing.assert_array_equal(one, both)
    slope = jax.grad(lambda a: rwlib.log_likelihood(DATA, {"alpha": a, "beta": 2.0}).sum())(LAPSE)
    parts = jax.grad(lambda p: rwlib.log_likelihood(DATA, p | {"beta": 2.0}).sum())(
        {"alpha_pos": LAPSE, "alpha_neg": LAPSE}
    )
    np.testing.assert_allclose(slope, parts["alpha_pos"] + parts["alpha_neg"], rtol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        rwlib.SYMMETRIC,
        rwlib.SYMMETRIC_STICKY,
        rwlib.ASYMMETRIC_STICKY,
        rwlib.SYMMETRIC_TRACE,
        rwlib.ASYMMETRIC_TRACE,
        rwlib.WIN_STAY_LOSE_SHIFT,
    ],
    ids=lambda model: model.name,
)
def test_every_model_can_be_fitted(model):
    fit = rwlib.fit(DATA, model, num_warmup=60, num_samples=50, num_chains=2, progress_bar=False)
    assert {p.name for p in model.parameters} < set(fit.posterior.data_vars)
    assert np.isfinite(fit.sample_stats["lp"]).all()


def test_a_model_without_parameters_is_not_fitted():
    with pytest.raises(ValueError, match="'random' has no parameters"):
        rwlib.fit(DATA, rwlib.RANDOM)
