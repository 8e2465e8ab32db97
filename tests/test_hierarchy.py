import subprocess
import sys

import numpy as np
import pytest

from rwlib import ASYMMETRIC, ASYMMETRIC_TEMPERATURE, SYMMETRIC
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


def test_the_same_model_has_the_same_fingerprint_in_another_process():
    imports = "from rwlib import SYMMETRIC; from rwlib.fitting.models import model_fingerprint; "
    code = imports + "print(model_fingerprint(SYMMETRIC))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert found == model_fingerprint(SYMMETRIC)


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
