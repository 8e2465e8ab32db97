import functools
import json
import subprocess
import sys
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest

import rwlib
from rwlib import ASYMMETRIC, ASYMMETRIC_TEMPERATURE, GroupParameter, Model
from rwlib.fitting import models
from rwlib.fitting.models import check_fitted, check_model, model_fingerprint


def test_the_temperature_model_excludes_inverse_temperatures_below_one():
    parameter = ASYMMETRIC_TEMPERATURE.parameters[-1]
    assert parameter.name == "temperature" and parameter.transform == "expit"


def learn_half_as_fast(memory, outcome, params):
    return ASYMMETRIC.agent.learn(memory, outcome._replace(reward=0.5 * outcome.reward), params)


def learn_a_third_as_fast(memory, outcome, params):
    return ASYMMETRIC.agent.learn(memory, outcome._replace(reward=0.3 * outcome.reward), params)


def test_a_model_with_another_agent_or_prior_has_another_fingerprint_though_its_name_is_the_same():
    wider = ASYMMETRIC._replace(
        parameters=(ASYMMETRIC.parameters[0]._replace(mean_scale=2.0), *ASYMMETRIC.parameters[1:])
    )
    slow, slower = (
        ASYMMETRIC._replace(agent=ASYMMETRIC.agent._replace(learn=f))
        for f in (learn_half_as_fast, learn_a_third_as_fast)
    )
    fingerprints = [model_fingerprint(model) for model in (ASYMMETRIC, wider, slow, slower)]
    assert len(set(fingerprints)) == 4


def test_a_fingerprint_tells_functions_apart_by_what_they_close_over():
    def scaled(factor):
        return ASYMMETRIC._replace(
            agent=ASYMMETRIC.agent._replace(
                learn=lambda m, o, p: ASYMMETRIC.agent.learn(m, o._replace(reward=factor * o.reward), p)
            )
        )

    assert model_fingerprint(scaled(0.5)) == model_fingerprint(scaled(0.5)) != model_fingerprint(scaled(0.6))


@pytest.mark.parametrize(
    "agent",
    ["AGENT", "AGENT._replace(start=partial(AGENT.start))", "AGENT._replace(learn=closing_over(object()))"],
)
def test_the_same_model_has_the_same_fingerprint_in_another_process(agent):
    code = f"""
from functools import partial
from rwlib import SYMMETRIC
from rwlib.fitting.models import model_fingerprint
AGENT = SYMMETRIC.agent
def closing_over(x): return lambda *given: x
print(model_fingerprint(SYMMETRIC._replace(agent={agent})))"""
    each = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(2)]
    assert each[0].stdout.strip() and each[0].stdout == each[1].stdout, each[0].stderr


def test_a_fingerprint_tells_partial_functions_apart():
    start = ASYMMETRIC.agent.start

    def model(*given, **named):
        return ASYMMETRIC._replace(agent=ASYMMETRIC.agent._replace(start=partial(start, *given, **named)))

    each = [model_fingerprint(one) for one in (ASYMMETRIC, model(), model(1), model(n_actions=1))]
    assert len(set(each)) == 4


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("beta", "beta"), "the parameter 'beta' more than once"),
        (("draw",), "a parameter 'draw', which is what a fit calls one of its dimensions"),
        (("beta", "beta_group_mean"), "a parameter 'beta_group_mean' beside 'beta'"),
        (("beta_unbounded", "beta"), "a parameter 'beta_unbounded' beside 'beta'"),
        (("beta", "beta_shift"), "a parameter 'beta_shift' beside 'beta'"),
        (("beta", "beta_effect_term"), "a parameter 'beta_effect_term' beside 'beta'"),
        (("x_group_sd",), "a parameter 'x_group_sd', which reads like a group's mean or SD"),
        (("gain/loss",), "a parameter 'gain/loss'; a name must be a text without '/'"),
        (("..",), "a parameter '..'; a name must be a text"),
    ],
)
def test_a_name_that_is_taken_or_cannot_be_stored_is_refused(names, said):
    parameters = tuple(GroupParameter(name, "exp", 1.0, 1.0, 0.5) for name in names)
    with pytest.raises(ValueError, match=said):
        check_model(Model("taken", parameters))


def test_numbers_of_numpy_in_a_prior_are_stored_as_pythons_own():
    parameter = GroupParameter("beta", "exp", np.float32(1), np.int64(1), np.float64(0.5), np.True_)
    (kept,) = Model("numpy", (parameter,)).parameters
    assert json.loads(json.dumps(kept)) == ["beta", "exp", 1.0, 1, 0.5, True]


@pytest.mark.parametrize("scale", [0.0, -1.0, np.inf, np.nan])
def test_an_impossible_prior_is_refused(scale):
    bad = ASYMMETRIC._replace(
        parameters=(ASYMMETRIC.parameters[0]._replace(sd_scale=scale), *ASYMMETRIC.parameters[1:])
    )
    with pytest.raises(ValueError, match="Parameter 'alpha_pos' of the model 'asymmetric' has mean_location"):
        check_model(bad)


def test_draws_of_another_model_of_the_same_name_are_refused():
    slow = ASYMMETRIC._replace(agent=ASYMMETRIC.agent._replace(learn=learn_half_as_fast))
    attrs = {"model": "asymmetric", "model_fingerprint": model_fingerprint(ASYMMETRIC)}
    check_fitted(attrs, ASYMMETRIC)
    with pytest.raises(ValueError, match="another model that is called 'asymmetric', too"):
        check_fitted(attrs, slow)


def _by(step):
    def learn(memory, outcome, params):
        return memory + step

    return learn


class _Learn:
    def __init__(self, step):
        self.step = step

    def __call__(self, memory, outcome, params):
        return memory + self.step


def _wrapped(agent):
    return lambda memory, outcome, params: agent.learn(memory, outcome, params)


def _first_of(rules):
    return lambda memory, outcome, params: rules[0](memory, outcome, params)


@pytest.mark.parametrize(
    "with_step",
    [
        lambda step: _wrapped(rwlib.SYMMETRIC.agent._replace(learn=_by(step))),
        lambda step: _first_of([_by(step)]),
        lambda step: _first_of({0: _by(step)}),
        lambda step: functools.partial(_by(step)),
        lambda step: functools.partial(lambda memory, outcome, params, rule: rule, rule=_by(step)),
        _Learn,
    ],
    ids=["in an agent", "in a list", "in a dictionary", "partial", "keyword of a partial", "object"],
)
def test_functions_inside_of_others_belong_to_the_fingerprint_of_a_model(with_step):
    def print_of(step):
        agent = rwlib.SYMMETRIC.agent._replace(learn=with_step(step))
        return model_fingerprint(rwlib.SYMMETRIC._replace(agent=agent))

    assert print_of(0.1) == print_of(0.1) != print_of(0.9)


def test_names_of_fixed_parameters_are_texts_and_come_once():
    with pytest.raises(ValueError, match="fixed has the name 0"):
        models._as_fixed({0: 1.0})  # which the tests' own check of types lets no model have
    with pytest.raises(ValueError, match="give one number for each name"):
        rwlib.SYMMETRIC._replace(fixed=(("q0", 0.3), ("q0", 0.4)))


def test_priors_may_hold_arrays_of_one_number():
    prior = rwlib.GroupParameter("alpha", "expit", jnp.array(0.0), np.array(1.0), 1.0)
    model = rwlib.Model("mine", (prior, rwlib.SYMMETRIC.parameters[1]))
    assert model.parameters[0] == ("alpha", "expit", 0.0, 1.0, 1.0, False)
