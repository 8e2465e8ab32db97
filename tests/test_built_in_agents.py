"""The agents of ``rwlib.agents``: scored as a plain loop scores them, recovered, and calibrated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rwlib
from rwlib.agents.confirmation_bias import CONFIRMATION_BIAS
from rwlib.agents.forgetting import FORGETTING
from rwlib.agents.go_no_go import GO_NO_GO
from rwlib.agents.pearce_hall import PEARCE_HALL
from rwlib.checking.recovery import recovery_table
from rwlib.fitting.models import TRANSFORMS
from rwlib.fitting.inference import fit_and_check

MODELS = {model.name: model for model in (FORGETTING, CONFIRMATION_BIAS, PEARCE_HALL, GO_NO_GO)}
each_model = pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))


# The same agents as loops over NumPy numbers


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum())


def forgetting_by_hand(choices, rewards, extra, n_actions, alpha, beta, forgetting):
    value = np.full(n_actions, 0.5)
    for choice, reward in zip(choices, rewards):
        yield log_softmax(beta * value)[choice]
        for action in range(n_actions):
            rate, target = (alpha, reward) if action == choice else (forgetting, 0.5)
            value[action] += rate * (target - value[action])


def confirmation_by_hand(choices, rewards, extra, n_actions, alpha_confirm, alpha_disconfirm, beta):
    value = np.full(n_actions, 0.5)
    for choice, reward, foregone in zip(choices, rewards, extra["foregone"]):
        yield log_softmax(beta * value)[choice]
        for action in range(n_actions):
            error = (reward if action == choice else foregone[action]) - value[action]
            hoped_for = error > 0 if action == choice else error <= 0
            value[action] += (alpha_confirm if hoped_for else alpha_disconfirm) * error


def pearce_hall_by_hand(choices, rewards, extra, n_actions, salience, associability_rate, beta):
    value, associability = np.full(n_actions, 0.5), np.ones(n_actions)
    for choice, reward in zip(choices, rewards):
        yield log_softmax(beta * value)[choice]
        error = reward - value[choice]
        value[choice] += salience * associability[choice] * error
        associability[choice] += associability_rate * (abs(error) - associability[choice])


def go_no_go_by_hand(choices, rewards, extra, n_actions, alpha, beta, go_bias, pavlovian):
    action_value, cue_value = np.zeros((4, 2)), np.zeros(4)
    for choice, reward, cue in zip(choices, rewards, extra["cue"]):
        no_go, go = action_value[cue]
        logit = beta * (go - no_go + pavlovian * cue_value[cue]) + go_bias
        yield -np.log1p(np.exp(-logit if choice else logit))
        action_value[cue, choice] += alpha * (reward - action_value[cue, choice])
        cue_value[cue] += alpha * (reward - cue_value[cue])


BY_HAND = {
    FORGETTING.name: forgetting_by_hand,
    CONFIRMATION_BIAS.name: confirmation_by_hand,
    PEARCE_HALL.name: pearce_hall_by_hand,
    GO_NO_GO.name: go_no_go_by_hand,
}


# Tasks


def reversals(n_trials, seed, n_arms=2):
    """Arms that trade places every twenty trials: outcomes (n_trials, n_arms) of 0 and 1."""
    place = (np.arange(n_arms) + np.arange(n_trials)[:, None] // 20) % n_arms
    pays = np.linspace(0.9, 0.1, n_arms)[place]
    return (np.random.default_rng(seed).random((n_trials, n_arms)) < pays).astype(float)


def go_no_go_task(n_trials, seed):
    """Cues 0 to 3: go to win, go to avoid, hold to win, hold to avoid. What is right pays in 80%."""
    rng = np.random.default_rng(seed)
    cue = rng.permutation(np.arange(n_trials) % 4)
    right = np.arange(2) == (cue < 2)[:, None]
    good = rng.random((n_trials, 2)) < np.where(right, 0.8, 0.2)
    return good - (cue % 2)[:, None].astype(float), rwlib.Design(before={"cue": cue})


def task_of(model, n_trials, seed, n_arms=2):
    """What the arms pay, and the design that the model reads."""
    if model is GO_NO_GO:
        return go_no_go_task(n_trials, seed)
    outcomes = reversals(n_trials, seed, n_arms)
    return outcomes, rwlib.Design(after={"foregone": outcomes} if model is CONFIRMATION_BIAS else {})


def people_of(model, n_subjects, rng):
    """People in the middle of the model's priors, who differ."""
    unbounded = {p: p.mean_location + p.sd_scale * rng.normal(size=n_subjects) for p in model.parameters}
    return {p.name: np.asarray(TRANSFORMS[p.transform](values)) for p, values in unbounded.items()}


# Fast


@each_model
def test_the_likelihood_is_that_of_a_plain_loop(model):
    rng = np.random.default_rng(1)
    outcomes, design = task_of(model, 100, seed=2)
    true = people_of(model, 6, rng)
    data = rwlib.simulate(jax.random.key(3), outcomes, true, model.agent, design).data
    extra = {**design.before, **design.after}
    expected = [
        list(
            BY_HAND[model.name](
                data.choices[i], data.rewards[i], extra, 2, **{name: value[i] for name, value in true.items()}
            )
        )
        for i in range(6)
    ]
    ours = rwlib.trialwise_log_likelihood(data, true, model.agent)
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    total = rwlib.log_likelihood(data, true, model.agent)
    np.testing.assert_allclose(total, np.sum(expected, axis=1), rtol=1e-5)


@each_model
def test_the_gradient_is_finite_and_that_of_differences(model):
    outcomes, design = task_of(model, 60, seed=4)
    true = people_of(model, 3, np.random.default_rng(5))
    data = rwlib.simulate(jax.random.key(6), outcomes, true, model.agent, design).data
    slope = jax.grad(lambda params: rwlib.log_likelihood(data, params, model.agent).sum())(
        {name: jnp.asarray(value) for name, value in true.items()}
    )
    for name in true:
        nearby = (true | {name: true[name] + step} for step in (2e-3, -2e-3))
        up, down = (rwlib.log_likelihood(data, params, model.agent) for params in nearby)
        np.testing.assert_allclose(slope[name], (up - down) / 4e-3, rtol=0.03, atol=0.03)


def test_the_likelihood_of_a_forgetful_agent_with_five_arms_is_that_of_a_plain_loop():
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(7), rwlib.FIVE_ARMS, 100)
    params = {"alpha": 0.4, "beta": 3.0, "forgetting": 0.2}
    data = rwlib.simulate(jax.random.key(8), outcomes, params).data
    expected = sum(forgetting_by_hand(data.choices[0], data.rewards[0], {}, 5, **params))
    np.testing.assert_allclose(rwlib.log_likelihood(data, params), [expected], rtol=1e-5)


def test_the_foregone_outcome_of_two_actions_is_one_number():
    outcomes, design = task_of(CONFIRMATION_BIAS, 40, seed=9)
    params = {"alpha_confirm": 0.6, "alpha_disconfirm": 0.2, "beta": 3.0}
    data = rwlib.simulate(jax.random.key(10), outcomes, params, CONFIRMATION_BIAS.agent, design).data
    other = np.take_along_axis(outcomes, 1 - data.choices[0][:, None], axis=1)[:, 0]
    numbers = rwlib.ChoiceData(data.choices, data.rewards, design=rwlib.Design(after={"foregone": other}))
    by_table, by_number = (
        rwlib.log_likelihood(each, params, CONFIRMATION_BIAS.agent) for each in (data, numbers)
    )
    np.testing.assert_allclose(by_number, by_table, rtol=1e-6)


def test_without_a_difference_of_rates_the_confirming_learner_learns_from_both_arms_alike():
    """Each value is then learned as if its arm had been chosen on every trial."""
    outcomes, design = task_of(CONFIRMATION_BIAS, 40, seed=11)
    params = {"alpha_confirm": 0.3, "alpha_disconfirm": 0.3, "beta": 3.0}
    values = rwlib.simulate(jax.random.key(12), outcomes, params, CONFIRMATION_BIAS.agent, design).values[0]
    value = np.full(2, 0.5)
    for trial in range(40):
        np.testing.assert_allclose(values[trial], value, atol=1e-5)
        value = value + 0.3 * (outcomes[trial] - value)


def test_a_pearce_hall_learner_whose_associability_never_moves_is_a_rescorla_wagner_learner():
    data = rwlib.simulate(jax.random.key(13), reversals(40, 14), {"alpha": 0.4, "beta": 3.0}).data
    still = {"salience": 0.4, "associability_rate": 0.0, "beta": 3.0}
    ours = rwlib.log_likelihood(data, still, PEARCE_HALL.agent)
    np.testing.assert_allclose(ours, rwlib.log_likelihood(data, {"alpha": 0.4, "beta": 3.0}), rtol=1e-5)


@pytest.mark.parametrize("cue", [-1, 4])
def test_a_cue_that_does_not_exist_gives_no_likelihood(cue):
    data = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]], design=rwlib.Design(before={"cue": [0, cue]}))
    params = {"alpha": 0.3, "beta": 2.0, "go_bias": 0.0, "pavlovian": 0.0}
    assert np.isnan(rwlib.log_likelihood(data, params, GO_NO_GO.agent)).all()


# Slow: a few minutes each on two cores


@pytest.mark.slow
@each_model
def test_it_is_recovered(model):
    """Over three groups, all of whose fits pass: people are told apart, with little bias; intervals cover."""
    drawn = []
    for seed in range(3):
        outcomes, design = task_of(model, 240, seed, n_arms=3)
        true = people_of(model, 20, np.random.default_rng([15, seed]))
        drawn.append((true, rwlib.simulate(jax.random.key(seed), outcomes, true, model.agent, design).data))
    settings = dict(seeds=range(3), num_samples=500, progress_bar=False)
    checked = fit_and_check([data for _, data in drawn], model, **settings)
    assert all(each.passes for each in checked), [str(each.report) for each in checked]
    tables = [recovery_table(true, each.fit) for (true, _), each in zip(drawn, checked)]
    mean = sum(tables) / len(tables)
    print(f"\n{model.name}, {sum(each.refitted for each in checked)} refitted\n{mean.round(2)}")
    assert (mean["r"] > 0.5).all() and mean["coverage"].between(0.8, 1.0).all()
    assert (mean["bias"].abs() < 0.35 * mean["sd_true"]).all()


@pytest.mark.slow
@each_model
def test_it_is_calibrated(model):
    outcomes, design = task_of(model, 60, seed=16)
    ranks = rwlib.calibrate(
        model, outcomes, design=design, n_datasets=40, n_subjects=8, seed=17, n_ranks=50, num_samples=500,
        progress_bar=False,
    )  # fmt: skip
    verdict = rwlib.calibration_verdict(ranks, band=1 - 0.01 / ranks["parameter"].nunique())
    print(f"\n{model.name}\n{verdict}\n{verdict.table.round(3)}")
    assert verdict, str(verdict)
    assert verdict.n_left_out <= 5
