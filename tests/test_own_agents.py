"""Agents that a reader writes: refused in words about the agent, or taken through the whole chain."""

import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from accepting import accept_all
from warned_lines import warned_lines

import rwlib
from rwlib.model.agent_check import check_agent
from rwlib.model.agents import session, trials_of


def start(params, n_actions):
    return jnp.full(n_actions, 0.5)


def log_probabilities(value, seen, params):
    return jax.nn.log_softmax(params["sharpness"] * value)


def learn(value, outcome, params):
    """All outcomes are shown; those of the actions that were not taken count less."""
    rate = jnp.where(outcome.chosen > 0, params["own"], params["other"])
    return value + rate * (outcome.extra["shown"] - value)


AGENT = rwlib.Agent(start, log_probabilities, learn)
MODEL = rwlib.Model(
    "full feedback",
    (
        rwlib.GroupParameter("own", "expit", 0.0, 1.0, 1.0),
        rwlib.GroupParameter("other", "expit", 0.0, 1.0, 1.0),
        rwlib.GroupParameter("sharpness", "exp", 1.0, 0.5, 0.5),
    ),
    AGENT,
)
NAMES = ("own", "other", "sharpness")
SHOWN = {"shown": np.random.default_rng(0).integers(0, 2, (4, 30, 2)).astype(float)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"start": lambda params, n_actions: params["first"]},
            "The agent's start reads the parameter 'first', which is not given",
        ),
        (
            {"log_probabilities": lambda value, seen, params: seen.extra["shown"]},
            "log_probabilities reads the column 'shown', which is not given, or known only after the choice",
        ),
        (
            {"log_probabilities": lambda value, seen, params: value[:1]},
            r"log_probabilities returns the shape \(1,\); with 2 actions it must be \(2,\)",
        ),
        (
            {"log_probabilities": lambda value, seen, params: [params["sharpness"] * x for x in value]},
            "log_probabilities returns a list; it must be one array, as jnp.stack makes",
        ),
        (
            {"log_probabilities": lambda value, seen, params: value @ jnp.ones(3)},
            "The agent's log_probabilities fails with 2 actions",
        ),
        (
            {"learn": lambda value, outcome, params: value.sum()},
            r"The agent's learn returns a memory of \(\), but start returns a memory of \(2,\)",
        ),
        (
            {"learn": lambda value, outcome, params: value + np.sign(outcome.reward) * params["own"]},
            "The agent's learn cannot be compiled.*functions of jnp in place of those of np",
        ),
        (
            {"log_probabilities": lambda value, seen, params: np.log(np.array(value))},
            "The agent's log_probabilities cannot be compiled.*functions of jnp in place of those of np",
        ),
        (
            {"learn": lambda value, outcome, params: value if outcome.reward > 0 else 0 * value},
            r"The agent's learn cannot be compiled.*write jnp.where\(condition, a, b\) in place of `if`",
        ),
        (
            {"learn": lambda value, outcome, params: value.__setitem__(0, params["own"])},
            r"The agent's learn fails with 2 actions.*array.at\[i\].add\(x\) in place of",
        ),
        (
            {"learn": lambda value, outcome, params: value},
            "params has 'own', which the agent never reads; it reads 'sharpness'",
        ),
    ],
)
def test_functions_that_do_not_fit_together_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        check_agent(AGENT._replace(**change), NAMES, 2, after=SHOWN)


@pytest.mark.parametrize("transform", [lambda x: x, jax.nn.softmax])
def test_probabilities_that_do_not_sum_to_one_are_warned_of(transform):
    agent = AGENT._replace(
        log_probabilities=lambda value, seen, params: transform(params["sharpness"] * value)
    )
    with pytest.warns(UserWarning, match="sum to .* in place of 1.*is jax.nn.log_softmax missing"):
        check_agent(agent, NAMES, 2, after=SHOWN)


def test_an_agent_whose_probabilities_are_nan_does_not_play():
    def by_count(value, seen, params):
        return jax.nn.log_softmax(params["bonus"] / jnp.sqrt(value))  # of counts, which are 0 at first

    counts = rwlib.Agent(
        lambda params, n_actions: jnp.zeros(n_actions),
        by_count,
        lambda value, outcome, params: value + outcome.chosen,
    )
    with pytest.raises(ValueError, match="log_probabilities are NaN on trial 0 of subject 0"):
        rwlib.simulate(jax.random.key(0), jnp.ones((5, 2)), {"bonus": 1.0}, counts)
    data = rwlib.ChoiceData([[0, 1]], [[1.0, 0.0]], subjects=["ada"])
    model = rwlib.Model("counts", (rwlib.GroupParameter("bonus", "identity", 1.0, 1.0, 1.0),), counts)
    with pytest.raises(ValueError, match="log-likelihood of subject 'ada', with the model 'counts'.*is nan"):
        rwlib.fit(data, model, progress_bar=False)


def test_a_branch_that_has_no_gradient_is_found_before_anything_is_sampled():
    def felt(value, outcome, params):
        reward = outcome.reward
        felt = jnp.where(reward >= 0, reward ** params["rho"], -((-reward) ** params["rho"]))
        return value + outcome.chosen * params["alpha"] * (felt - value)

    utility = rwlib.Agent(
        lambda params, n_actions: jnp.zeros(n_actions),
        lambda value, seen, params: jax.nn.log_softmax(3 * value),
        felt,
    )
    parameters = tuple(rwlib.GroupParameter(name, "expit", 0.0, 1.0, 1.0) for name in ("alpha", "rho"))
    data = rwlib.ChoiceData([[0, 1, 0, 1]], [[0.5, -0.5, 1.0, -1.0]], subjects=["ada"])
    assert np.isfinite(rwlib.log_likelihood(data, {"alpha": 0.5, "rho": 0.5}, utility)).all()
    with pytest.raises(ValueError, match="of subject 'ada'.*has no gradient by 'rho'.*jnp.where"):
        rwlib.fit(data, rwlib.Model("utility", parameters, utility), progress_bar=False)


def test_the_likelihood_is_that_of_a_plain_loop_and_so_is_its_gradient():
    design = rwlib.Design(after=SHOWN)
    choices = np.random.default_rng(1).integers(0, 2, (4, 30))
    rewards = np.take_along_axis(SHOWN["shown"], choices[..., None], 2)[..., 0]
    data = rwlib.ChoiceData(choices, rewards, n_actions=2, design=design)
    params = {
        "own": np.array([0.2, 0.4, 0.6, 0.8]),
        "other": np.full(4, 0.3),
        "sharpness": np.array([1.0, 2.0, 3.0, 4.0]),
    }

    def by_hand(person, own):
        value, total = np.full(2, 0.5), 0.0
        for choice, shown in zip(choices[person], SHOWN["shown"][person]):
            weight = np.exp(params["sharpness"][person] * value)
            total += np.log(weight[choice] / weight.sum())
            rate = np.where(np.arange(2) == choice, own, 0.3)
            value = value + rate * (shown - value)
        return total

    expected = [by_hand(i, params["own"][i]) for i in range(4)]
    np.testing.assert_allclose(rwlib.log_likelihood(data, params, AGENT), expected, rtol=1e-5)
    slope = jax.grad(lambda own: rwlib.log_likelihood(data, {**params, "own": own}, AGENT).sum())(
        jnp.asarray(params["own"])
    )
    steps = [
        (by_hand(i, params["own"][i] + 1e-5) - by_hand(i, params["own"][i] - 1e-5)) / 2e-5 for i in range(4)
    ]
    np.testing.assert_allclose(slope, steps, rtol=1e-3)
    many = jax.vmap(lambda own: rwlib.log_likelihood(data, {**params, "own": own}, AGENT))(
        jnp.stack([params["own"]] * 3)
    )
    np.testing.assert_allclose(many, np.tile(expected, (3, 1)), rtol=1e-5)


def test_an_agent_of_ones_own_goes_through_the_whole_chain():
    design, key = rwlib.Design(after=SHOWN), jax.random.key(2)
    truth = {"own": jnp.full(4, 0.6), "other": jnp.full(4, 0.3), "sharpness": jnp.full(4, 3.0)}
    data = rwlib.simulate(key, SHOWN["shown"], truth, AGENT, design).data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so short a fit is of no use
        fit = rwlib.fit(data, MODEL, num_warmup=60, num_samples=60, num_chains=2, progress_bar=False)
        elpd = rwlib.loo_by_trial(data, MODEL, fit)
    assert set(NAMES) < set(fit.posterior.data_vars) and elpd.n_data_points == 120
    again = rwlib.generate(key, SHOWN["shown"], fit, MODEL, design=design, num_draws=4)
    ahead = rwlib.predict_next(key, data, fit, MODEL, num_draws=4)
    assert again["posterior_predictive"]["choices"].shape == ahead["posterior_predictive"]["choices"].shape
    mean = float(np.log(ahead["posterior_predictive"]["probability"]).mean())
    assert -0.9 < mean < 0


def test_a_fixed_parameter_is_not_estimated_and_makes_the_difference_that_it_should():
    data = rwlib.ChoiceData([[0, 1, 1, 0, 1]], [[0.0, 1.0, 0.0, 0.0, 1.0]])
    from_nothing = rwlib.Model("from 0", rwlib.ASYMMETRIC.parameters, fixed={"q0": 0.0})
    fit = rwlib.fit(
        data, from_nothing, num_warmup=20, num_samples=60, num_chains=1, progress_bar=False, warn=False
    )
    assert "q0" not in fit.posterior
    draw = {name: fit.posterior[name].values[0, -1] for name in ("alpha_pos", "alpha_neg", "beta")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scored = rwlib.loo_by_trial(data, from_nothing, fit).elpd
    assert np.isfinite(scored)
    ours, default = (float(rwlib.log_likelihood(data, draw | more)[0]) for more in ({"q0": 0.0}, {}))
    assert abs(ours - default) > 1e-3
    with pytest.raises(ValueError, match="both estimates 'beta' and holds it fixed"):
        rwlib.fit(data, rwlib.Model("twice", rwlib.ASYMMETRIC.parameters, fixed={"beta": 1.0}))


def test_columns_of_64_bit_floats_are_read_without_a_warning_in_a_32_bit_session():
    design, params = (
        rwlib.Design(after={"shown": SHOWN["shown"][:, :7]}),
        {name: np.full(4, 0.3) for name in NAMES},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = rwlib.simulate(
            jax.random.key(0), np.ones((7, 2)), params, AGENT._replace(start=lambda p, n: start(p, n)), design
        ).data
    assert data.design.after["shown"].dtype == np.float64


def test_a_memory_has_the_precision_of_the_parameters_though_a_fit_allows_64_bits():
    data = rwlib.ChoiceData([[0, 1, 1]], [[1.0, 0.0, 1.0]])
    learn_alone = AGENT._replace(
        learn=lambda value, outcome, params: value + params["own"] * outcome.chosen * (outcome.reward - value)
    )
    with jax.enable_x64(True):
        params = {name: jnp.full(1, 0.3, jnp.float32) for name in ("own", "sharpness")}
        respond = lambda log_probs, given: (given, 1.0, log_probs)
        states, (log_probs) = session(
            learn_alone, params, 2, trials_of(data.design, data.mask), jnp.asarray(data.choices), respond
        )
    assert states.dtype == log_probs.dtype == jnp.float32


def test_recovery_of_an_agent_that_reads_columns(monkeypatch):
    accept_all(monkeypatch)
    outcomes = SHOWN["shown"][0]
    design = rwlib.Design(after={"shown": outcomes})
    short = dict(num_warmup=30, num_samples=30, num_chains=2, progress_bar=False)
    table = rwlib.recover_parameters(
        3, len(outcomes), model=MODEL, outcomes=outcomes, design=design, n_datasets=2, **short
    )
    assert set(NAMES) < set(table["parameter"]) and (table["n_datasets"] == 2).all()
    with pytest.raises(ValueError, match="outcomes has 30 trials, but n_trials is 7"):
        rwlib.recover_parameters(3, 7, model=MODEL, outcomes=outcomes, design=design)


class Own(NamedTuple):
    """A memory that calls something ``value`` that is no value of an action."""

    value: object


@pytest.mark.parametrize("shape", [(4, 2), (), (3,), (2,)], ids=str)
def test_what_a_memory_calls_value_is_one_only_with_a_number_for_each_action(shape):
    agent = rwlib.Agent(
        lambda params, n_actions: Own(jnp.zeros(shape)),
        lambda memory, seen, params: jax.nn.log_softmax(params["beta"] * jnp.arange(2)),
        lambda memory, outcome, params: memory,
    )
    # As many trials as actions, so that a number for each trial would fit, too.
    played = rwlib.simulate(jax.random.key(0), jnp.ones((2, 2)), {"beta": 1.0}, agent)
    has_values = shape == (2,)
    assert (played.values is not None) == (played.prediction_errors is not None) == has_values


def test_a_warning_about_an_agent_points_at_the_users_line():
    set_up = """
import jax, jax.numpy as jnp, numpy as np
import rwlib
def agent():  # another one each time, since each is warned of once
    return rwlib.Agent(
        lambda params, n_actions: jnp.zeros(n_actions),
        lambda value, seen, params: params["beta"] * value,
        lambda value, outcome, params: value + outcome.chosen,
    )
data = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]])
short = dict(num_warmup=5, num_samples=4, num_chains=1, progress_bar=False, warn=False)
def simulate():
    rwlib.simulate(jax.random.key(0), np.ones((3, 2)), {"beta": 1.0}, agent())
def log_likelihood():
    rwlib.log_likelihood(data, {"beta": 1.0}, agent())
def trialwise():
    rwlib.trialwise_log_likelihood(data, {"beta": 1.0}, agent())
def fit():
    rwlib.fit(data, rwlib.Model("m", (rwlib.GroupParameter("beta", "exp", 0.0, 1.0, 1.0),), agent()), **short)
"""
    assert warned_lines("simulate, log_likelihood, trialwise, fit", set_up) == [[("<string>", 1)]] * 4


def test_a_parameter_may_be_called_like_a_part_of_the_data():
    agent = rwlib.Agent(
        lambda params, n_actions: jnp.zeros(n_actions),
        lambda value, seen, params: np.log([0.5, 0.5]) + 0 * params["mask"],
        lambda value, outcome, params: value + outcome.chosen * params["rewards"] * (outcome.reward - value),
    )
    priors = [rwlib.GroupParameter(name, "expit", 0.0, 1.0, 1.0) for name in ("mask", "rewards")]
    data = rwlib.ChoiceData([[0, 1, 1]] * 2, [[1.0, 0.0, 1.0]] * 2)
    short = dict(num_warmup=20, num_samples=20, num_chains=2, progress_bar=False, warn=False)
    fitted = rwlib.fit(data, rwlib.Model("mine", tuple(priors), agent), **short)
    assert fitted["posterior"]["mask"].sizes["draw"] == 20
    assert fitted["constant_data"]["mask"].dims == ("subject", "trial")
