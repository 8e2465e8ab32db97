import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_agent import trialwise_log_likelihood as plain

from rwlib import ChoiceData, log_likelihood, trialwise_log_likelihood
from rwlib.model.likelihood import _trialwise
from rwlib.model.parameters import subject_parameters

CORE = ("alpha_pos", "alpha_neg", "beta")
# Compiled once per shape and set of parameters, not once per example.
one_pass_gradient = jax.jit(jax.grad(lambda params, data: log_likelihood(data, params).sum()))
autodiff_gradient = jax.jit(
    jax.grad(lambda params, data: _trialwise(data, subject_parameters(params, data.n_subjects)).sum())
)
EVERYTHING = (*CORE, "stickiness", "trace_rate", "lapse", "q0")
SETS = [
    CORE,
    (*CORE, "stickiness"),
    (*CORE, "stickiness", "trace_rate"),
    (*CORE, "trace_rate"),
    (*CORE, "lapse"),
    (*CORE, "q0"),
    (*CORE, "stickiness", "lapse", "q0"),
    EVERYTHING,
]


@pytest.fixture(autouse=True, scope="module")
def float64():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def random_case(seed, n_subjects=4, n_trials=30, n_actions=3, share_masked=0.2, binary=True):
    rng = np.random.default_rng(seed)
    shape = (n_subjects, n_trials)
    mask = rng.random(shape) >= share_masked
    mask[0, 0] = True
    rewards = rng.integers(0, 2, shape).astype(float) if binary else rng.normal(0, 3, shape)
    data = ChoiceData(rng.integers(n_actions, size=shape), rewards, mask, n_actions)
    params = {
        "alpha_pos": rng.uniform(0.01, 0.99, n_subjects),
        "alpha_neg": rng.uniform(0.01, 0.99, n_subjects),
        "beta": rng.uniform(0.1, 10, n_subjects),
        "stickiness": rng.normal(size=n_subjects),
        "trace_rate": rng.uniform(0.05, 0.95, n_subjects),
        "lapse": rng.uniform(0.01, 0.5, n_subjects),
        "q0": rng.normal(0.5, 0.5, n_subjects),
    }
    return data, params


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([2, 7]), st.sampled_from(SETS), st.booleans())
def test_log_likelihood_agrees_with_a_plain_loop(seed, n_actions, names, binary):
    data, params = random_case(seed, n_actions=n_actions, binary=binary)
    given_params = {name: params[name] for name in names}
    expected = np.array(
        [
            plain(
                data.choices[i],
                data.rewards[i],
                data.mask[i],
                n_actions,
                **{name: v[i] for name, v in given_params.items()},
            )
            for i in range(data.n_subjects)
        ]
    )
    np.testing.assert_allclose(trialwise_log_likelihood(data, given_params), expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(log_likelihood(data, given_params), expected.sum(1), rtol=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([2, 7]), st.sampled_from(SETS), st.booleans())
def test_one_pass_gradient_equals_autodiff_of_the_plain_scan(seed, n_actions, names, binary):
    data, params = random_case(seed, n_actions=n_actions, binary=binary)
    given_params = {name: params[name] for name in names}
    by_autodiff = autodiff_gradient(given_params, data)
    in_one_pass = one_pass_gradient(given_params, data)
    for name in names:
        np.testing.assert_allclose(in_one_pass[name], by_autodiff[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", EVERYTHING)
def test_gradient_agrees_with_finite_differences(name):
    data, params = random_case(5)
    step = 1e-6

    def total(change):
        return float(log_likelihood(data, {**params, name: params[name] + change}).sum())

    slope = jax.grad(lambda p: log_likelihood(data, p).sum())(params)[name].sum()
    np.testing.assert_allclose(slope, (total(step) - total(-step)) / (2 * step), rtol=1e-5, atol=1e-5)


def test_second_derivatives_are_those_of_the_plain_scan():
    data, params = random_case(6, n_subjects=2)
    exact = jax.hessian(lambda p: _trialwise(data, subject_parameters(p)).sum())(params)
    ours = jax.hessian(lambda p: log_likelihood(data, p).sum())(params)
    for a in EVERYTHING:
        for b in EVERYTHING:
            np.testing.assert_allclose(ours[a][b], exact[a][b], rtol=1e-8, atol=1e-8)


def test_a_weighted_sum_and_vmap_over_parameters_have_the_right_gradient():
    data, params = random_case(7)
    weights = jnp.arange(4.0)
    many = {name: jnp.stack([params[name], params[name] * 0.9]) for name in CORE}
    ours = jax.vmap(jax.grad(lambda p: (weights * log_likelihood(data, p)).sum()))(many)
    exact = jax.vmap(jax.grad(lambda p: (weights * _trialwise(data, subject_parameters(p)).sum(1)).sum()))(
        many
    )
    for name in CORE:
        np.testing.assert_allclose(ours[name], exact[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_subjects", [3, 35])  # few are lined up; more are filled up to a multiple of 8
def test_proposals_of_all_chains_scored_side_by_side_agree_with_a_plain_loop(n_subjects):
    data, params = random_case(14, n_subjects=n_subjects)
    several = np.array([[1.0, 0.9], [0.8, 0.7], [0.6, 0.5]])  # three chains with two proposals each
    many = {name: several[:, :, None] * value for name, value in params.items()}
    score = jax.jit(jax.vmap(jax.vmap(lambda p, data: log_likelihood(data, p), (0, None)), (0, None)))
    for chain, proposal in np.ndindex(3, 2):
        of_each = [{name: x[chain, proposal, i] for name, x in many.items()} for i in range(n_subjects)]
        observed = zip(data.choices, data.rewards, data.mask)
        expected = [plain(*of_one, 3, **p).sum() for of_one, p in zip(observed, of_each)]
        np.testing.assert_allclose(score(many, data)[chain, proposal], expected, rtol=1e-9)


def test_data_sets_scored_side_by_side_each_get_their_own_score():
    cases = [random_case(seed) for seed in (15, 16)]
    stacked, params = jax.tree.map(lambda *leaves: np.stack(leaves), *cases)
    side_by_side = jax.vmap(log_likelihood)(stacked, params)
    for i, case in enumerate(cases):
        np.testing.assert_allclose(side_by_side[i], log_likelihood(*case), rtol=1e-12)


@pytest.mark.parametrize("n_subjects", [3, 35])
def test_the_value_alone_is_the_value_beside_the_gradient(n_subjects):
    data, params = random_case(17, n_subjects=n_subjects, n_trials=200)
    single = {name: np.float32(value) for name, value in params.items()}
    beside_gradient, _ = jax.vjp(lambda p: log_likelihood(data, p), single)
    alone = log_likelihood(data, single)
    assert alone.dtype == beside_gradient.dtype == np.float64  # sums in the widest float
    np.testing.assert_allclose(alone, beside_gradient, rtol=1e-7)


def test_masked_trials_count_nothing_and_teach_nothing():
    data, params = random_case(8, share_masked=0.3)
    trialwise = np.asarray(trialwise_log_likelihood(data, params))
    assert (trialwise[~data.mask] == 0).all()
    for i in range(data.n_subjects):  # the same subject with those trials cut out
        kept = data.mask[i]
        shorter = ChoiceData(data.choices[i][None, kept], data.rewards[i][None, kept], n_actions=3)
        one = {name: value[i : i + 1] for name, value in params.items()}
        np.testing.assert_allclose(log_likelihood(shorter, one)[0], trialwise[i].sum(), rtol=1e-10)


def test_a_choice_trace_with_rate_1_is_the_previous_choice():
    data, params = random_case(19)
    one_back = {name: value for name, value in params.items() if name != "trace_rate"}
    traced = log_likelihood(data, {**params, "trace_rate": 1.0})
    np.testing.assert_allclose(traced, log_likelihood(data, one_back), rtol=1e-12)


def test_what_stands_in_a_masked_trial_reaches_neither_value_nor_gradient():
    params = {
        "alpha_pos": jnp.array([0.3]),
        "alpha_neg": jnp.array([0.6]),
        "beta": jnp.array([2.0]),
        "stickiness": jnp.array([0.5]),
    }
    choices, mask = [[0, 1, 1, 0]], [[True, True, False, True]]
    found = [
        jax.value_and_grad(lambda params, data: log_likelihood(data, params).sum())(
            params, ChoiceData(choices, [[1.0, 0.0, x, 1.0]], mask)
        )
        for x in (0.0, np.nan, np.inf)
    ]
    for other in found[1:]:
        jax.tree.map(np.testing.assert_array_equal, found[0], other)


def test_extreme_inverse_temperatures_stay_finite():
    data, params = random_case(9)
    extreme = {**{name: params[name] for name in CORE}, "beta": np.array([0.0, 1e-8, 1e4, 1e6])}
    value, slope = jax.value_and_grad(lambda p: log_likelihood(data, p).sum())(extreme)
    assert np.isfinite(value)
    assert all(np.isfinite(s).all() for s in slope.values())


def test_without_lapses_an_underflowing_choice_has_one_value_and_a_gradient_without_nan():
    data = ChoiceData([[0, 0, 0, 0]], [[0.0, 0.0, 0.0, 0.0]], n_actions=2)
    steep = {"alpha_pos": 0.9, "alpha_neg": 0.9, "beta": 500.0}
    never = {name: np.float32([x]) for name, x in {**steep, "lapse": 0.0}.items()}
    expected = plain([0] * 4, [0.0] * 4, [True] * 4, 2, **steep).sum()
    (value, slope) = jax.value_and_grad(lambda p: log_likelihood(data, p).sum())(never)
    for found in (value, log_likelihood(data, never)[0], trialwise_log_likelihood(data, never).sum()):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    without = jax.grad(lambda p: log_likelihood(data, p | {"lapse": 0.0}).sum())({k: never[k] for k in CORE})
    for name in CORE:
        np.testing.assert_allclose(slope[name], without[name], rtol=1e-6, err_msg=name)
    assert np.isfinite(slope["lapse"]).all() and slope["lapse"] > 0  # a lapse would explain this far better


@pytest.mark.parametrize("derivative", [jax.grad, jax.hessian])
def test_derivatives_by_a_lapse_of_0_agree_with_those_written_out(derivative):
    data, params = random_case(18, n_subjects=1)
    log_p = trialwise_log_likelihood(data, {**params, "lapse": 0.0})[data.mask]
    by_hand = derivative(lambda lapse: jnp.log((1 - lapse) * jnp.exp(log_p) + lapse / 3).sum())(0.0)
    one_pass = derivative(lambda lapse: log_likelihood(data, {**params, "lapse": lapse})[0])(0.0)
    by_trial = derivative(lambda lapse: trialwise_log_likelihood(data, {**params, "lapse": lapse}).sum())(0.0)
    np.testing.assert_allclose([one_pass, by_trial], [by_hand, by_hand], rtol=1e-9)


def test_a_random_chooser_scores_chance():
    data, params = random_case(10, share_masked=0.0)
    chance = {**{name: params[name] for name in CORE}, "beta": np.zeros(4)}
    np.testing.assert_allclose(log_likelihood(data, chance), 30 * np.log(1 / 3), rtol=1e-12)


def test_float32_is_exact_enough():
    data, params = random_case(11, n_trials=400)
    exact = log_likelihood(data, params)
    jax.config.update("jax_enable_x64", False)
    single = log_likelihood(data, {name: np.float32(value) for name, value in params.items()})
    jax.config.update("jax_enable_x64", True)
    np.testing.assert_allclose(single, exact, rtol=1e-5)


def test_parameters_for_another_number_of_subjects_are_refused():
    data, params = random_case(12)
    with pytest.raises(ValueError, match="with 4 subjects"):
        log_likelihood(data, {name: value[:3] for name, value in params.items()})


def test_memory_of_the_gradient_does_not_grow_with_the_number_of_trials():
    def bytes_beside_the_data(n_trials):
        data, params = random_case(13, n_subjects=40, n_trials=n_trials, n_actions=5)
        # With the data as constants, no rearranged copy of them counts among what the program works in.
        program = (
            jax.jit(jax.value_and_grad(lambda p: log_likelihood(data, p).sum()))
            .lower({name: params[name] for name in CORE})
            .compile()
        )
        return program.memory_analysis().temp_size_in_bytes

    few, many = bytes_beside_the_data(50), bytes_beside_the_data(1600)
    n_carried = (
        40 * 8 * (5 * 3 + 4)
    )  # values and two sensitivities of five actions, the sum and its three slopes
    assert many <= few + 512 and many < 4 * n_carried


def test_a_parameter_that_the_agent_does_not_have_is_named():
    data = ChoiceData([[0, 1]], [[0.0, 1.0]])
    with pytest.raises(ValueError, match="params has 'alfa_pos', which the agent never reads"):
        log_likelihood(data, {"alpha": 0.5, "beta": 2.0, "alfa_pos": 0.5})
