import inspect
import subprocess
import sys
import warnings

import pytest
from warned_lines import warned_lines

import rwlib
from rwlib import ASYMMETRIC, GroupParameter, Model, fit, fit_many
from rwlib.fitting.request import Settings, suspicious_rewards

DATA = rwlib.ChoiceData([[0, 1, 2]], [[0.0, 1.0, 1.0]])
SHORT = dict(num_warmup=5, num_samples=4, num_chains=1, progress_bar=False)


@pytest.mark.parametrize(
    ("rewards", "model", "warns"),
    [
        ([[-1.0, 1.0]], ASYMMETRIC, True),
        ([[0.0, 50.0]], ASYMMETRIC, True),
        ([[0.0, 1.0]], ASYMMETRIC, False),
        ([[-1.0, 1.0]], ASYMMETRIC._replace(fixed={"q0": 0.0}), False),
    ],
)
def test_rewards_for_which_a_model_has_no_start_are_warned_of(rewards, model, warns):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(rwlib.ChoiceData([[0, 1]], rewards), model, **SHORT)
    assert any("Rewards run from" in str(each.message) for each in caught) == warns


def test_warnings_point_at_the_line_that_asked_for_the_fit():
    set_up = """
import rwlib
data = rwlib.ChoiceData([[0, 1]], [[0.0, 50.0]])
short = dict(num_warmup=5, num_samples=4, num_chains=1, progress_bar=False)
def one():
    rwlib.fit(data, **short)
def many():
    rwlib.fit_many([data, data], **short)
def many_of_one():
    rwlib.fit_many([data], **short)
"""
    assert warned_lines("one, many, many_of_one", set_up) == [[("<string>", 1), ("<string>", 1)]] * 3


def test_data_sets_of_different_designs_are_refused():
    plain = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]])
    blocked = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]], design=rwlib.Design(block=[[0, 1]]))
    with pytest.raises(
        ValueError, match="The design of data set 1 says block, and that of data set 0 says no"
    ):
        fit_many([plain, blocked], **SHORT)


def test_settings_have_one_default_everywhere():
    of_fit = {name: p.default for name, p in inspect.signature(fit).parameters.items()}
    shared = Settings._field_defaults.keys() & of_fit.keys()
    assert len(shared) == 5 and all(Settings._field_defaults[name] == of_fit[name] for name in shared)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 0}, "num_samples is 0"),
        ({"num_warmup": 0}, "num_warmup is 0"),
        ({"num_chains": 0}, "num_chains is 0"),
        ({"target_accept": 1.5}, "target_accept is 1.5"),
        ({"seed": -1}, "A seed is -1"),
        (
            {"model": Model("m", (GroupParameter("alpha", "logit", 0, 1, 1),))},
            "transform 'logit'; known are 'expit'",
        ),
        ({"model": Model("m", (GroupParameter("alpha", "identity", 0, 1, 1),))}, r"must lie in \[0.0, 1.0\]"),
        ({"model": Model("m", (GroupParameter("beta", "exp", 1, -1, 1),))}, "mean_scale -1"),
        ({"model": Model("m", (GroupParameter("beta", "exp", 1, 1, 1),))}, "lacks 'alpha_pos'"),
        ({"model": rwlib.RANDOM}, "nothing to fit"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fit(DATA, **settings)


def test_what_is_no_data_or_no_model_is_refused_in_our_words():
    # In a process of its own, since the tests check types before `fit` can.
    code = """
import pandas as pd
import rwlib
table = pd.DataFrame({"subject": ["a"] * 4, "trial": range(4), "choice": [0, 1, 0, 1]}).assign(reward=1.0)
data = rwlib.read_choices(table)
for call in (
    lambda: rwlib.fit(table),
    lambda: rwlib.fit_many(data),
    lambda: rwlib.fit(data, "symmetric"),
    lambda: rwlib.predict_next(None, table, None),
    lambda: rwlib.loo_by_trial(table, rwlib.RANDOM),
    lambda: rwlib.kfold_by_subject(table, rwlib.RANDOM),
):
    try:
        call()
    except ValueError as error:
        print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    no_data = "The data are of type DataFrame; make a ChoiceData of them, with read_choices if it is a table."
    assert said == [
        "Data set 0 is of type DataFrame; make a ChoiceData of it, with read_choices if it is a table.",
        "datasets is one ChoiceData; give a list of them, or call fit.",
        "model is 'symmetric'; give a Model, such as rwlib.ASYMMETRIC.",
        *(no_data, no_data, no_data),
    ]


def test_the_range_of_rewards_is_that_of_what_was_shown():
    def said_of(feedback):
        design = rwlib.Design(feedback=feedback)
        data = rwlib.ChoiceData([[0, 1, 1, 0]], [[3.0, 5.0, 4.0, 4.0]], design=design)
        return suspicious_rewards([data], rwlib.SYMMETRIC)

    (said,) = said_of([True, True, True, False])
    assert said.startswith("Rewards run from 3 to 5,") and "fixed={'q0': 4}" in said
    assert said_of([False] * 4) == []
