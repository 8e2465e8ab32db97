"""Designs: what is on offer, where runs begin, what is shown and what is forced, against a plain loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rwlib
from rwlib.model.likelihood import _trialwise
from rwlib.model.parameters import subject_parameters

N_SUBJECTS, N_TRIALS, N_ACTIONS = 6, 40, 4
NAMES = ("alpha_pos", "alpha_neg", "beta", "stickiness", "trace_rate", "forgetting", "lapse", "q0")


def random_params(seed, names=NAMES):
    rng = np.random.default_rng([1, seed])
    size = N_SUBJECTS
    values = {
        "alpha_pos": rng.uniform(0.1, 0.9, size),
        "alpha_neg": rng.uniform(0.1, 0.9, size),
        "beta": rng.uniform(1, 6, size),
        "stickiness": rng.normal(size=size),
        "trace_rate": rng.uniform(0.2, 0.9, size),
        "forgetting": rng.uniform(0.1, 0.6, size),
        "lapse": rng.uniform(0.05, 0.2, size),
        "q0": rng.uniform(0.2, 0.8, size),
    }
    return {name: values[name] for name in names}


def random_data(seed, parts=("offered", "block", "feedback", "forced")):
    rng = np.random.default_rng([2, seed])
    shape = N_SUBJECTS, N_TRIALS
    offered = np.zeros((*shape, N_ACTIONS), bool)
    for row in np.ndindex(shape):
        offered[row][rng.choice(N_ACTIONS, rng.integers(2, N_ACTIONS + 1), replace=False)] = True
    if "offered" not in parts:
        offered[:] = True
    choices = np.array([rng.choice(np.flatnonzero(row)) for row in offered.reshape(-1, N_ACTIONS)]).reshape(
        shape
    )
    found = {
        "offered": offered,
        "block": np.sort(rng.integers(0, 4, shape), axis=1),
        "feedback": rng.random(shape) < 0.7,
        "forced": np.where(rng.random(shape) < 0.2, choices, -1),
    }
    design = rwlib.Design(**{name: found[name] for name in parts})
    mask = rng.random(shape) < 0.9
    rewards = (rng.random(shape) < 0.5).astype(float)
    return rwlib.ChoiceData(choices, rewards, mask, N_ACTIONS, design=design)


def by_hand(data, params):
    """Log-probability of each scored choice, in plain NumPy."""
    full = {"stickiness": 0.0, "trace_rate": 1.0, "forgetting": 0.0, "lapse": 0.0, "q0": 0.5} | params
    design, found = data.design, np.zeros(data.choices.shape)
    for s in range(data.n_subjects):
        p = {name: np.broadcast_to(x, data.n_subjects)[s] for name, x in full.items()}
        value = trace = np.zeros(data.n_actions)
        for t in range(data.n_trials):
            if t == 0 or (design.block is not None and design.block[s, t] != design.block[s, t - 1]):
                value, trace = np.full(data.n_actions, p["q0"]), np.zeros(data.n_actions)
            if not data.mask[s, t]:
                continue
            on_offer = np.ones(data.n_actions, bool) if design.offered is None else design.offered[s, t]
            weight = np.where(on_offer, np.exp(p["beta"] * value + p["stickiness"] * trace), 0.0)
            prob = (1 - p["lapse"]) * weight / weight.sum() + p["lapse"] * on_offer / on_offer.sum()
            choice, reward = data.choices[s, t], data.rewards[s, t]
            if design.forced is None or design.forced[s, t] < 0:
                found[s, t] = np.log(prob[choice])
            if design.feedback is None or design.feedback[s, t]:
                error = reward - value[choice]
                new = value + p["forgetting"] * (p["q0"] - value)
                new[choice] = value[choice] + (p["alpha_pos"] if error > 0 else p["alpha_neg"]) * error
                value = new
            trace = trace + p["trace_rate"] * (np.eye(data.n_actions)[choice] - trace)
    return found


PARTS = [("offered",), ("block",), ("feedback",), ("forced",), ("offered", "block", "feedback", "forced"), ()]


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
@pytest.mark.parametrize("names", [NAMES, NAMES[:3]], ids=["all parameters", "the course's"])
def test_every_choice_is_scored_as_in_a_plain_loop(parts, names):
    data, params = random_data(1, parts), random_params(1, names)
    expected = by_hand(data, params)
    np.testing.assert_allclose(rwlib.trialwise_log_likelihood(data, params), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(rwlib.log_likelihood(data, params), expected.sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("parts", PARTS, ids="+".join)
def test_the_one_pass_gradient_is_that_of_autodiff(parts):
    with jax.enable_x64(True):
        data, params = random_data(2, parts), {name: jnp.asarray(x) for name, x in random_params(2).items()}
        value, gradient = jax.value_and_grad(lambda p: rwlib.log_likelihood(data, p).sum())(params)
        plain = lambda p: _trialwise(data, subject_parameters(p, N_SUBJECTS)).sum()
        expected, slopes = jax.value_and_grad(plain)(params)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        for name in NAMES:
            np.testing.assert_allclose(gradient[name], slopes[name], rtol=1e-8, atol=1e-9, err_msg=name)


def test_second_derivatives_work_with_a_design():
    with jax.enable_x64(True):
        data, params = random_data(3), {name: jnp.asarray(x) for name, x in random_params(3).items()}
        beta = lambda way: jax.hessian(lambda b: way({**params, "beta": b}))(params["beta"])
        ours = beta(lambda p: rwlib.log_likelihood(data, p).sum())
        expected = beta(lambda p: _trialwise(data, subject_parameters(p, N_SUBJECTS)).sum())
        np.testing.assert_allclose(ours, expected, rtol=1e-7, atol=1e-9)


def test_a_simulated_agent_keeps_to_the_design():
    design = random_data(4).design
    outcomes = np.random.default_rng(4).integers(0, 2, (N_SUBJECTS, N_TRIALS, N_ACTIONS)).astype(float)
    simulation = rwlib.simulate(jax.random.key(4), outcomes, random_params(4), design=design)
    choices = simulation.data.choices
    assert np.take_along_axis(design.offered, choices[..., None], 2).all()
    forced = design.forced >= 0
    np.testing.assert_array_equal(choices[forced], design.forced[forced])
    scores = rwlib.trialwise_log_likelihood(simulation.data, random_params(4))
    chosen = np.take_along_axis(np.asarray(simulation.choice_probs), choices[..., None], 2)[..., 0]
    np.testing.assert_allclose(np.exp(scores)[~forced], chosen[~forced], rtol=1e-4)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"block": [0, 0, 2**32, 2**32]}, r"design.block is 4294967296 \(subject number 0, trial index 2\)"),
        ({"block": [1.7e9, 1.7e9, 1.8e9, 1.8e9]}, "design.block is 1700000000 .*number the blocks 0, 1, 2"),
        ({"block": [0, -1, 1, 1]}, r"design.block is -1 \(subject number 0, trial index 1\)"),
        ({"block": [0, 0, np.nan, 1]}, r"design.block is nan \(subject number 0, trial index 2\)"),
        ({"forced": [2**32, -1, -1, -1]}, "design.forced is 4294967296 .*from 0 to 1, or -1"),
        ({"feedback": [1, 2, 1, 1]}, r"design.feedback is 2 \(subject number 0, trial index 1\)"),
        ({"feedback": ["yes", "no", "no", "no"]}, "design.feedback holds 'yes', of type str"),
    ],
)
def test_a_part_that_cannot_be_meant_is_refused_with_its_place(parts, message):
    with pytest.raises(ValueError, match=message):
        rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], design=rwlib.Design(**parts))


def test_flags_of_a_design_may_come_as_pythons_objects():
    feedback = np.array([True, False, True, True], dtype=object)
    design = rwlib.Design(feedback=feedback)
    data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], design=design)
    assert data.design.feedback.tolist() == [[True, False, True, True]]
