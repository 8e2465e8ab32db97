import dataclasses
import pickle
import subprocess
import sys
from copy import deepcopy

import jax
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from rwlib import ChoiceData, Design, read_choices, write_choices
from rwlib.data.entries import as_flags

TABLE = pd.DataFrame(
    {
        "subject": ["eve", "ada", "eve", "ada", "eve"],
        "trial": [2, 1, 1, 2, 3],
        "choice": [1, 0, 0, 1, np.nan],
        "reward": [1.0, 0.0, 0.5, 1.0, np.nan],
    }
)


def test_trials_are_sorted_within_subjects_and_missed_ones_masked():
    data = read_choices(TABLE)
    assert data.subjects == ("eve", "ada")
    np.testing.assert_array_equal(data.choices, [[0, 1, -1], [0, 1, -1]])
    np.testing.assert_array_equal(data.rewards, [[0.5, 1.0, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_array_equal(data.mask, [[True, True, False], [True, True, False]])


def test_dates_and_missing_values_about_people_can_be_stored():
    people = {"since": pd.to_datetime(["2026-11-28", None]), "age": pd.array([20, None], dtype="Int64")}
    data = ChoiceData([[0, 1]] * 2, [[1.0, 0.0]] * 2, people=pd.DataFrame(people))
    assert dict(data.people) == {"since": ("2026-11-28", None), "age": (20, None)}


def test_what_is_neither_number_nor_text_is_refused_about_people():
    with pytest.raises(ValueError, match=r"people\['age'\] holds \[1\], of type list, as entry 0"):
        ChoiceData([[0, 1]] * 2, [[1.0, 0.0]] * 2, people={"age": [[1], [2]]})


def test_columns_may_have_other_names(tmp_path):
    renamed = TABLE.rename(columns={"subject": "id", "trial": "t", "choice": "key", "reward": "points"})
    renamed.to_csv(tmp_path / "choices.csv", index=False)
    data = read_choices(tmp_path / "choices.csv", subject="id", trial="t", choice="key", reward="points")
    np.testing.assert_array_equal(data.choices, read_choices(TABLE).choices)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(2, 5), st.integers(0, 10**6))
@pytest.mark.filterwarnings("ignore")  # of tiny data, which are suspicious
def test_what_is_written_is_read_back_unchanged(n_subjects, n_trials, n_actions, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((n_subjects, n_trials)) > 0.3
    mask[0, 0] = True
    data = ChoiceData(
        rng.integers(n_actions, size=mask.shape),
        rng.normal(size=mask.shape),
        mask,
        n_actions,
        [f"s{i}" for i in range(n_subjects)],
    )
    shuffled = write_choices(data).sample(frac=1, random_state=seed)
    again = read_choices(shuffled, n_actions=n_actions, scale=(0, 1))
    order = [again.subjects.index(label) for label in data.subjects]
    for name in ("choices", "rewards", "mask"):
        np.testing.assert_array_equal(getattr(again, name)[order], getattr(data, name))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="reward"), "no column 'reward'"),
        (lambda t: t.iloc[:0], "no rows"),
        (lambda t: t.assign(choice=t["choice"] + 1), "seem to start at 1"),
        (lambda t: t.assign(trial=1), "repeats trial 1 of subject 'eve'"),
        (lambda t: t.assign(reward=np.nan), "a choice but no 'reward'"),
        (lambda t: t.assign(choice=["left", 0, 0, 1, 1]), "Row 0 has 'left' in column 'choice'"),
        (lambda t: t.assign(subject=["eve", None, "eve", "ada", "eve"]), "Row 1 has no 'subject'"),
        (lambda t: t.assign(choice=[0.5, 0, 0, 1, np.nan]), "whole numbers"),
    ],
)
def test_a_bad_table_is_refused_and_the_place_named(change, message):
    with pytest.raises(ValueError, match=message):
        read_choices(change(TABLE))


def test_choices_beyond_the_number_of_actions_are_named():
    with pytest.raises(
        ValueError, match=r"A choice is 2, but with n_actions=2 .*subject 'ada', trial index 1"
    ):
        ChoiceData([[0, 2]], [[0.0, 1.0]], n_actions=2, subjects=["ada"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"choices": [0, 1], "rewards": [0.0, 1.0]}, r"choices has shape \(2,\)"),
        ({"choices": [[0, 1]], "rewards": [[0.0]]}, r"rewards has shape \(1, 1\)"),
        ({"choices": [[0, -1]], "rewards": [[0.0, 1.0]]}, "A choice is -1"),
        ({"choices": [[0, -2]], "rewards": [[0.0, 1.0]]}, r"A choice is -2; .*trial index 1"),
        ({"choices": [[0, np.inf]], "rewards": [[0.0, 1.0]]}, r"A choice is inf; .*trial index 1"),
        ({"choices": [[0, np.nan]], "rewards": [[0.0, 1.0]]}, r"A choice is nan; .*trial index 1"),
        ({"choices": [[0, 3e9]], "rewards": [[0.0, 1.0]]}, "There would be 3000000001 actions"),
        ({"choices": [[0, 1]], "rewards": [[0.0, 1e39]]}, r"A reward is 1e\+39, too large for float32"),
        ({"choices": [["left", "right"]], "rewards": [[0.0, 1.0]]}, "choices must be numbers"),
        ({"choices": [[0, 1]], "rewards": [[0.0, 1.0]], "mask": [[1, 2]]}, "An entry of mask is 2"),
        ({"choices": [[0, 1]], "rewards": [[0.0, 1.0]], "n_actions": 0}, "n_actions is 0"),
        ({"choices": [[0, 1]], "rewards": [[0.0, np.nan]]}, "A reward is nan"),
        (
            {"choices": [[0], [1]], "rewards": [[0.0], [1.0]], "subjects": ["a", "a"]},
            "'a' occurs more than once",
        ),
        (
            {"choices": [[0], [1]], "rewards": [[0.0], [1.0]], "subjects": ["a"]},
            "1 subject labels for 2 rows",
        ),
        ({"choices": [[0]], "rewards": [[0.0]], "mask": [[False]]}, "mask is False everywhere"),
    ],
)
def test_bad_arrays_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ChoiceData(**arguments)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, "1"], "labels 1 and '1' are the same as text"),
        ([("a", 1), ("a", 2)], r"label \('a', 1\) is neither a number nor a text"),
        (["a", None], "label None is neither"),
        ([1.0, np.nan], "label nan is neither"),
        ([True, False], "label True is neither"),
    ],
)
def test_labels_that_cannot_be_stored_and_found_again_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        ChoiceData([[0], [1]], [[0.0], [1.0]], subjects=labels)


def test_what_a_masked_trial_holds_does_not_matter():
    data = ChoiceData([[0, 99]], [[1.0, np.nan]], [[True, False]], n_actions=2)
    np.testing.assert_array_equal(data.choices, [[0, -1]])
    np.testing.assert_array_equal(data.rewards, [[1.0, 0.0]])


def test_a_missed_trial_does_not_come_back_when_only_the_mask_changes():
    data = ChoiceData([[0, 1]], [[1.0, 0.0]], [[True, False]], 2, ["ada"])
    with pytest.raises(ValueError, match=r"-1, which marks a missed trial.*subject 'ada', trial index 1"):
        dataclasses.replace(data, mask=None)


def test_data_cannot_be_changed_by_accident():
    source = np.array([[0, 1]])
    data = ChoiceData(source, [[0.0, 1.0]])
    source[0, 0] = 1
    assert data.choices[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        data.choices[0, 0] = 1


@pytest.mark.parametrize("copy", [lambda data: pickle.loads(pickle.dumps(data)), deepcopy])
def test_a_copy_is_equal_and_read_only_too(copy):
    data = ChoiceData([[0, 1]], [[0.0, 1.0]], [[True, False]], 2, ["ada"])
    again = copy(data)
    assert again == data
    with pytest.raises(ValueError, match="read-only"):
        again.rewards[0, 0] = 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"choices": [[1, 1, 0]]},
        {"rewards": [[0.0, 0.0, 0.0]]},
        {"mask": [[True, False, True]]},
        {"n_actions": 3},
        {"subjects": ["eve"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_data_that_differ_in_anything_are_not_equal(change):
    data = ChoiceData([[0, 1, 0]], [[0.0, 1.0, 0.0]], subjects=["ada"])
    assert data == ChoiceData([[0, 1, 0]], [[0.0, 1.0, 0.0]], subjects=["ada"])
    assert data != dataclasses.replace(data, **change)


def test_data_have_no_hash():
    with pytest.raises(TypeError, match="unhashable type: 'ChoiceData'"):
        hash(ChoiceData([[0, 1]], [[0.0, 1.0]]))


@pytest.mark.parametrize("labels", [np.array([3, 1]), np.array(["b", "a"]), [np.float64(0.5), np.int32(2)]])
def test_labels_become_plain_numbers_and_texts(labels):
    data = ChoiceData([[0], [1]], [[0.0], [1.0]], subjects=labels)
    assert data.subjects == tuple(labels)
    assert {type(label) for label in data.subjects} <= {int, float, str}


def test_data_pass_through_jit():
    data = ChoiceData([[0, 1]], [[0.0, 1.0]], subjects=["ada"])
    back = jax.jit(lambda d: d)(data)
    assert back.subjects == ("ada",) and back.n_actions == 2
    np.testing.assert_array_equal(back.rewards, data.rewards)


AGES = pd.DataFrame({"age": [50, 20]}, index=["bob", "ann"])
TWO = dict(choices=[[0, 1]] * 2, rewards=[[1.0, 0.0]] * 2, subjects=["ann", "bob"])


@pytest.mark.parametrize(
    "people",
    [
        AGES,
        {"age": AGES["age"]},
        {"age": AGES["age"].to_dict()},
        {"age": xr.DataArray([50, 20], coords={"subject": ["bob", "ann"]})},
        AGES.rename_axis("subject").reset_index(),
        AGES.rename_axis("subject").reset_index().set_axis([48, 0]),
    ],
    ids=["index", "Series", "dict", "DataArray", "column", "column beside numbers of rows"],
)
def test_what_carries_labels_is_matched_with_people_by_label(people):
    data = ChoiceData(**TWO, people=people)
    assert data.people == (("age", (20, 50)),)
    assert data.person_table["age"].to_dict() == {"ann": 20, "bob": 50}


def test_lists_and_tables_whose_rows_are_only_counted_stand_in_the_order_of_people():
    for people in (AGES.reset_index(drop=True), {"age": [50, 20]}, {"age": AGES["age"].to_numpy()}):
        assert ChoiceData(**TWO, people=people).people == (("age", (50, 20)),)


@pytest.mark.parametrize(
    ("people", "message"),
    [
        (AGES.rename({"bob": "eve"}), "people has nothing for the subject 'bob'"),
        (
            pd.concat([AGES, AGES.rename(str.upper)]),
            "people has the subject 'BOB', which the data do not have",
        ),
        (pd.concat([AGES, AGES]), "people has the subject 'bob' more than once"),
        (AGES.set_axis([0, 48]), "people has nothing for the subject 'ann'.* It has 0, 48"),
        ({"age": {"ann": 20}}, r"people\['age'\] has nothing for the subject 'bob'"),
    ],
)
def test_labels_that_are_not_those_of_the_data_are_refused(people, message):
    with pytest.raises(ValueError, match=message):
        ChoiceData(**TWO, people=people)


def test_numbers_that_may_be_labels_or_count_rows_are_refused():
    three = dict(choices=[[0, 1]] * 3, rewards=[[1.0, 0.0]] * 3, subjects=[2, 0, 1])
    ages = pd.DataFrame({"age": [10, 20, 30]})
    with pytest.raises(
        ValueError, match="people has the index 0, 1, …, which may hold subject labels or count"
    ):
        ChoiceData(**three, people=ages)
    assert ChoiceData(**three, people=ages.rename_axis("subject")).people == (("age", (30, 10, 20)),)


def test_numbers_and_texts_are_the_same_labels():
    ages = AGES.set_axis(["8", "7"])
    assert ChoiceData(**TWO | {"subjects": [7, 8]}, people=ages).people == (("age", (20, 50)),)


@pytest.mark.parametrize(
    "conditions",
    [
        pd.DataFrame({"dose": [0, 5]}, index=["placebo", "drug"]),
        pd.DataFrame({"block": ["placebo", "drug"], "dose": [0, 5]}),
    ],
)
def test_conditions_are_matched_with_blocks_by_label(conditions):
    design = Design(block=[0, 1])
    data = ChoiceData(
        [[0, 1]], [[1.0, 0.0]], design=design, blocks=["drug", "placebo"], conditions=conditions
    )
    assert dict(data.conditions)["dose"] == (5, 0)


def test_tables_with_a_row_for_each_person_are_matched_by_label():
    choices = pd.DataFrame([[0, 1], [1, 1]], index=["bob", "ann"])
    rewards = pd.DataFrame([[0.25, 0.25], [0.5, 0.5]], index=["ann", "bob"])
    block = Design(block=choices)
    for subjects in (None, ["bob", "ann"], ["ann", "bob"]):
        data = ChoiceData(choices, rewards, subjects=subjects, design=block).of_subjects([0, 1])
        place = data.subjects.index("ann")
        assert data.subjects == tuple(subjects or ["bob", "ann"])
        assert data.choices[place].tolist() == data.design.block[place].tolist() == [1, 1]
        assert data.rewards[place].tolist() == [0.25, 0.25]


@pytest.mark.parametrize("name", ["choices", "rewards", "mask"])
def test_arrays_of_numpy_ma_do_not_lose_their_masks_silently(name):
    given = {"choices": [[0, 1]], "rewards": [[1.0, 0.0]], "mask": [[True, True]]}
    given[name] = np.ma.masked_array(given[name], mask=[[False, True]])
    with pytest.raises(ValueError, match=f"{name} is an array of numpy.ma with masked entries"):
        ChoiceData(**given)


def test_flags_may_come_as_pythons_objects():
    assert as_flags("mask", np.array([[True, False]], dtype=object)).tolist() == [[1.0, 0.0]]


def test_a_choice_that_was_not_on_offer_is_named_as_the_table_names_it():
    design = Design(offered=[[True, False, True], [True, True, False]])
    with pytest.raises(
        ValueError, match=r"'B' was not on offer.*'a', trial index 0, which the table calls 7\)"
    ):
        ChoiceData(
            [[1, 0]], [[1.0, 0.0]], actions=["A", "B", "C"], subjects=["a"], trials=[[7, 9]], design=design
        )


def test_what_is_of_another_kind_than_it_must_be_is_refused_in_our_words():
    # In a process of its own, since the tests check types before ChoiceData can.
    code = """
import numpy as np
from rwlib import ChoiceData, Design
given = dict(choices=[[0, 1]], rewards=[[1.0, 0.0]])
for change in (
    dict(actions={0: "left", 1: "right"}),
    dict(actions="ab"),
    dict(subjects=5),
    dict(blocks=5),
    dict(people="age"),
    dict(people={"age": 5}),
    dict(design={"block": [0, 1]}),
    dict(design=Design(offered=True)),
    dict(n_actions="2"),
    dict(reward_scale=100),
    dict(choices=None),
    dict(rewards=[[1j, 0.0]]),
    dict(mask=[[True, None]]),
):
    try:
        print(ChoiceData(**given | change))
    except ValueError as error:
        print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    in_order = "give a list, in order, such as ['a', 'b']."
    assert said.splitlines() == [
        f"actions is {{0: 'left', 1: 'right'}}; {in_order}",
        f"actions is 'ab'; {in_order}",
        f"subjects is 5; {in_order}",
        f"blocks is 5; {in_order}",
        "people is 'age'; give a dictionary or a table, with one entry for each subject in each column.",
        f"people['age'] is 5; {in_order}",
        "design is of type dict; give an rwlib.Design.",
        "design.offered has shape (); it must be (1, 2, 2), or without the first.",
        "n_actions is '2'; it must be a whole number, at least 1.",
        "reward_scale is 100; give the two rewards that became 0 and 1, as in (0, 100).",
        "choices must be numbers, as many for each subject: they are None.",
        "rewards must be numbers, as many for each subject: they are of type complex128.",
        "mask holds None, of type NoneType; each entry must be True or False.",
    ]


def test_a_table_with_labels_is_not_turned_round_beside_rows_without():
    choices = pd.DataFrame([[0, 1], [1, 1]], index=["bob", "ann"])
    rewards = np.array([[0.25, 0.25], [0.5, 0.5]])
    with pytest.raises(ValueError, match="choices carries labels, in another order .* rewards carries none"):
        ChoiceData(choices, rewards, subjects=["ann", "bob"])
    same = ChoiceData(choices, rewards, subjects=["bob", "ann"])
    assert same == ChoiceData(choices.to_numpy(), rewards, subjects=["bob", "ann"])


def test_arrays_of_xarray_and_what_agents_see_are_matched_by_label():
    rewards = pd.DataFrame([[0.25, 0.25], [0.5, 0.5]], index=["ann", "bob"])
    choices = xr.DataArray([[0, 1], [1, 1]], {"subject": ["bob", "ann"]}, ("subject", "trial"))
    cue = pd.DataFrame([[7.0, 7.0], [9.0, 9.0]], index=["bob", "ann"])
    data = ChoiceData(choices, rewards, subjects=["ann", "bob"], design=Design(before={"cue": cue}))
    assert np.asarray(data.choices).tolist() == [[1, 1], [0, 1]]
    assert np.asarray(data.design.before["cue"]).tolist() == [[9, 9], [7, 7]]


def test_columns_of_trials_in_another_order_are_refused():
    choices = pd.DataFrame([[0, 1]], columns=["t1", "t2"])
    with pytest.raises(ValueError, match=r"rewards stand in another order .*rewards\[choices.columns\]"):
        ChoiceData(choices, pd.DataFrame([[0.0, 1.0]], columns=["t2", "t1"]))
