import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rwlib.model.parameters import subject_parameters
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

GIVEN = {"alpha_pos": np.array([0.2, 0.4]), "alpha_neg": np.array([0.1, 0.3]), "beta": np.array([1.0, 2.0])}


def test_parameters_left_out_have_no_effect():
    full = subject_parameters(GIVEN)
    assert list(full) == [p.name for p in RESCORLA_WAGNER_AGENT.parameters]
    for name, neutral in (("stickiness", 0.0), ("trace_rate", 1.0), ("lapse", 0.0), ("q0", 0.5)):
        np.testing.assert_array_equal(full[name], [neutral, neutral])


def test_temperature_stands_for_its_inverse():
    params = {"alpha_pos": 0.5, "alpha_neg": 0.5, "temperature": np.array([0.5, 4.0])}
    np.testing.assert_allclose(subject_parameters(params)["beta"], [2.0, 0.25])


def test_one_number_stands_for_all_subjects():
    np.testing.assert_allclose(subject_parameters({**GIVEN, "lapse": 0.25})["lapse"], [0.25, 0.25])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"alpha_pos": np.array([0.2, 1.2])}, r"'alpha_pos'\] is 1.2.* at subject 1"),
        ({"alpha_neg": np.array([np.nan, 0.2])}, r"'alpha_neg'\] is nan at subject 0"),
        ({"beta": np.array([-1.0, 0.2])}, r"'beta'\] is -1.0 at subject 0"),
        ({"lapse": np.array([0.0, 2.0])}, r"'lapse'\] is 2.0"),
        ({"trace_rate": np.array([0.5, -0.5])}, r"'trace_rate'\] is -0.5"),
        ({"temperature": 1.0}, "both 'beta' and 'temperature'"),
        ({"alpha": 0.5}, "both 'alpha_pos' and 'alpha'"),
        ({"beta": np.ones(3)}, r"has shape \(2,\)"),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        subject_parameters({**GIVEN, **change})


def test_a_missing_parameter_is_named():
    with pytest.raises(ValueError, match="lacks 'beta'"):
        subject_parameters({"alpha_pos": 0.5, "alpha_neg": 0.5})


def test_a_temperature_of_zero_is_refused():
    with pytest.raises(ValueError, match="temperature"):
        subject_parameters({"alpha_pos": 0.5, "alpha_neg": 0.5, "temperature": np.array([0.0])})


def test_parameters_that_jax_traces_pass():
    beta = jax.jit(lambda b: subject_parameters({"alpha_pos": 0.5, "alpha_neg": 0.5, "beta": b})["beta"])(
        jnp.ones(3)
    )
    np.testing.assert_array_equal(beta, np.ones(3))
