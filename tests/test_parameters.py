import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import rwlib
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


DATA = rwlib.ChoiceData([[0, 1, 1, 0]] * 2, [[0, 1, 0, 1], [1, 1, 1, 1]], subjects=["ann", "bob"])
RATES = pd.Series([0.1, 0.9], index=["bob", "ann"])


@pytest.mark.parametrize(
    "params",
    [
        {"alpha": RATES, "beta": 3.0},
        {"alpha": RATES.to_dict(), "beta": 3.0},
        {"alpha": xr.DataArray(RATES.to_numpy(), coords={"subject": RATES.index.tolist()}), "beta": 3.0},
        pd.DataFrame({"alpha": RATES, "beta": 3.0}),
        pd.DataFrame({"alpha": RATES, "beta": 3.0}).rename_axis("subject").reset_index(),
        {"alpha": RATES[::-1].reset_index(drop=True), "beta": 3.0},
    ],
    ids=["Series", "dict", "DataArray", "DataFrame", "column", "without labels"],
)
@pytest.mark.parametrize("score", [rwlib.log_likelihood, rwlib.trialwise_log_likelihood])
def test_parameters_that_carry_labels_are_matched_with_people_by_label(score, params):
    expected = score(DATA, {"alpha": np.array([0.9, 0.1]), "beta": 3.0})
    np.testing.assert_array_equal(score(DATA, params), expected)


def test_parameters_of_other_people_are_refused():
    with pytest.raises(ValueError, match=r"params\['alpha'\] has nothing for the subject 'bob'"):
        rwlib.log_likelihood(DATA, {"alpha": RATES.rename({"bob": "eve"}), "beta": 3.0})


def test_what_is_of_another_kind_than_it_must_be_is_refused_in_our_words():
    # In a process of its own, since the tests check types before the functions can.
    code = """
import jax
import numpy as np
import pandas as pd
import rwlib
from rwlib.fitting.models import check_model
data = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]])
some = {"alpha": 0.5, "beta": 3.0}
table = pd.DataFrame({"choice": [0, 1]})
hidden = np.ma.masked_array([0.5], mask=[True])
for call in (
    lambda: rwlib.log_likelihood(data, "alpha"),
    lambda: rwlib.simulate(jax.random.key(0), np.ones((3, 2)), None),
    lambda: rwlib.log_likelihood(data, some | {"beta": "three"}),
    lambda: rwlib.log_likelihood(data, some | {"beta": hidden}),
    lambda: rwlib.log_likelihood(table, some),
    lambda: rwlib.trialwise_log_likelihood(table, some),
    lambda: rwlib.log_likelihood(data, some, rwlib.SYMMETRIC),
    lambda: rwlib.log_likelihood(data, some, rwlib.SYMMETRIC.agent._replace(parameters=["alpha"])),
    lambda: check_model(rwlib.SYMMETRIC._replace(agent=None)),
    lambda: check_model(rwlib.SYMMETRIC._replace(agent=rwlib.SYMMETRIC)),
    lambda: check_model(rwlib.Model("m", (rwlib.GroupParameter("beta", "exp", "0", 1.0, 1.0),))),
    lambda: rwlib.SYMMETRIC._replace(fixed={"q0": "zero"}),
    lambda: rwlib.SYMMETRIC._replace(fixed={"q0": [0.0, 1.0]}),
    lambda: rwlib.SYMMETRIC._replace(fixed=[0, 1]),
    lambda: rwlib.SYMMETRIC._replace(fixed=None),
):
    try:
        print(call())
    except ValueError as error:
        print(str(error).split(";")[0])
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [
        "params is 'alpha'",
        "params is None",
        "params['beta'] is 'three'",
        "params['beta'] is an array of numpy.ma with masked entries, which would count like others. Give "
        "plain numbers, as from .filled(0)",
        "The data are of type DataFrame",
        "The data are of type DataFrame",
        "agent is of type Model",
        "The agent's parameters are ['alpha']",
        "agent is of type NoneType",
        "agent is of type Model",
        "Parameter 'beta' of the model 'm' has mean_location '0', mean_scale 1.0 and sd_scale 1.0",
        "fixed['q0'] is 'zero'",
        "fixed['q0'] is [0.0, 1.0]",
        "fixed is [0, 1]",
        "fixed is None",
    ]


def test_a_row_of_a_table_gives_parameters_and_a_name_that_comes_twice_is_refused():
    data = rwlib.ChoiceData([[0, 1, 1]], [[1.0, 0.0, 1.0]])
    row = pd.DataFrame({"alpha": [0.1, 0.3], "beta": [1.0, 2.0]}).iloc[1]
    wanted = rwlib.log_likelihood(data, {"alpha": 0.3, "beta": 2.0})
    np.testing.assert_array_equal(rwlib.log_likelihood(data, row), wanted)
    twice = pd.DataFrame([[0.1, 0.2, 2.0]], columns=["alpha", "alpha", "beta"])
    with pytest.raises(ValueError, match="params has 'alpha' more than once"):
        rwlib.log_likelihood(data, twice)


def test_labels_that_may_count_rows_are_asked_about_as_texts_too():
    data = rwlib.ChoiceData([[0, 1]] * 3, [[1.0, 0.0]] * 3, subjects=["2", "0", "1"])
    with pytest.raises(ValueError, match="may hold subject labels or count rows"):
        rwlib.log_likelihood(data, {"alpha": pd.Series([0.1, 0.5, 0.9]), "beta": 2.0})


def test_repeated_labels_of_another_length_are_refused_in_words():
    alpha, beta = pd.Series([0.1, 0.2, 0.3], index=[3, 3, 4]), pd.Series([1.0, 2.0], index=[3, 4])
    with pytest.raises(ValueError, match="has other subjects than the data"):
        rwlib.simulate(jax.random.key(0), np.ones((3, 2)), {"alpha": alpha, "beta": beta})


def test_numbers_of_draws_are_no_labels_of_subjects():
    data = rwlib.ChoiceData([[0, 1]] * 3, [[1.0, 0.0]] * 3, subjects=list("abc"))
    alpha = xr.DataArray([0.1, 0.5, 0.9], {"draw": [0, 1, 2]}, "draw")
    wanted = rwlib.log_likelihood(data, {"alpha": alpha.values, "beta": 2.0})
    np.testing.assert_array_equal(rwlib.log_likelihood(data, {"alpha": alpha, "beta": 2.0}), wanted)
