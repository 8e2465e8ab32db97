"""Reading tables: the right data, one clear error, or a warning that names the suspicion."""

import gzip
import inspect
import json
import warnings

import numpy as np
import pandas as pd
import pytest

from rwlib import ChoiceData, Design, read_choices, write_choices
from rwlib.data.arguments import ARGUMENTS, check_arguments

N = 30
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "subject": np.repeat(["ann", "bob"], N),
        "trial": np.tile(np.arange(N), 2),
        "choice": RNG.integers(0, 2, 2 * N),
        "reward": RNG.integers(0, 2, 2 * N).astype(float),
    }
)
BLOCKS = TABLE.assign(block=np.tile(np.repeat(["x", "y", "z"], 10), 2), trial=np.tile(np.arange(10), 6))
PAIRS = TABLE.assign(left=np.tile(["A", "B"], N), right=np.tile(["C", "D", "C"], 2 * N // 3))
SHOWN = np.where(PAIRS["choice"] == 0, PAIRS["left"], PAIRS["right"])


def quietly(*arguments, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_choices(*arguments, **settings)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (
            {"choice": TABLE["choice"].where(TABLE.index % 9 > 0, 99)},
            {},
            r"choices are 0, 1, 99, so 97 actions .* never chosen",
        ),
        ({"choice": 2 * TABLE["choice"] + 18}, {}, r"choices are 18, 20, so 19 actions"),
        ({"choice": TABLE["choice"] + 1}, {}, r"seem to start at 1: pass actions=\[1, 2"),
        ({"choice": 0}, {}, "Only action 0 was ever chosen"),
        ({"choice": np.where(TABLE["choice"], "left", "right")}, {}, r"as in actions=\['left', 'right'\]"),
        (
            {"choice": np.where(TABLE["choice"], "A", "B")},
            {"actions": ["A", "C"]},
            r"Row \d+ has the choice 'B', which is not among the actions 'A', 'C'",
        ),
        ({"reward": 100 * TABLE["reward"]}, {}, r"Rewards run from 0 to 100\. .*scale='unit'"),
        ({"reward": TABLE["reward"] - 1}, {}, r"Rewards run from -1 to 0"),
        (
            {"reward": TABLE["reward"].where(TABLE.index != 7)},
            {},
            r"Row 7 has a choice but no 'reward'.*feedback='reward'",
        ),
        (
            {"reward": TABLE["reward"].astype(str).str.replace(".", ",")},
            {},
            r"Row 0 has '[01],0' in column 'reward'.*decimal=','",
        ),
        (
            {"forced": np.tile(["True", "False"], N)},
            {"forced": "forced"},
            r"Row 0 has 'True' in column 'forced'; it must be True or False",
        ),
        (
            {"age": np.arange(2 * N)},
            {"people": ["age"]},
            r"Row 1 has 1 in column 'age', where subject 'ann' had 0 before",
        ),
        (
            {"cue": np.where(TABLE.index == 5, np.nan, 1.0)},
            {"before": ["cue"]},
            "Row 5 has nothing in column 'cue'",
        ),
        (
            {"trial": TABLE["trial"] % 10},
            {},
            r"Row 10 repeats trial 0 of subject 'ann'.*pass its column as block=",
        ),
        ({}, {"scale": "units"}, "scale is 'units'"),
        ({}, {"scale": (0, 50, 100)}, r"scale is \(0, 50, 100\); give 'unit', or the two rewards"),
        ({}, {"scale": ("0", "fifty")}, r"scale is \('0', 'fifty'\); give 'unit'"),
        (
            {"reward": np.where(TABLE["reward"] > 0, "1,000", "500")},
            {},
            r"has '1,000' in column 'reward'.*thousands=','.*decimal=','",
        ),
        (
            {"reward": TABLE["reward"].where(TABLE["reward"] > 0), "loss": 1 - TABLE["reward"]},
            {"reward": ["reward", "loss"]},
            r"Row \d+ has 'loss' and no 'reward'.*Write 0 where nothing was won or lost",
        ),
        (
            {"choice": np.where(TABLE.index == 5, "Left", np.where(TABLE["choice"], "left", "right"))},
            {},
            "'Left' and 'left' differ by case or blanks alone|'left' and 'Left' differ by case",
        ),
        (
            {"choice": np.where(TABLE.index == 5, "Left", np.where(TABLE["choice"], "left", "right"))},
            {"actions": ["left", "right"]},
            "Row 5 has the choice 'Left'.*differs from 'left' by case or blanks alone",
        ),
        (  # other actions that are alike have nothing to do with it
            {"choice": np.where(TABLE.index == 5, "x", np.where(TABLE["choice"], "l", "L"))},
            {"actions": ["L", "l"]},
            "Row 5 has the choice 'x', which is not among the actions 'L', 'l'. If it marks a missed trial",
        ),
        (
            {
                "left": PAIRS["left"],
                "right": PAIRS["right"],
                "choice": np.where(TABLE["choice"], "left", "right"),
            },
            {"offered": ("left", "right")},
            "choice_is='position'",
        ),
        ({"reward": 0.3}, {"scale": "unit"}, "All rewards are 0.3"),
        (
            {"gain": 1.0, "loss": 2 * TABLE["reward"] - 1},
            {"reward": ("gain", "loss"), "scale": "unit"},
            r"Row \d+ has a number above 0 in column 'loss', and row \d+ one below 0",
        ),
        (
            {"left": PAIRS["left"], "right": np.where(PAIRS.index == 4, PAIRS["left"], PAIRS["right"])}
            | {"choice": np.where(PAIRS.index == 4, PAIRS["left"], SHOWN)},
            {"offered": ("left", "right")},
            "Row 4 offers 'A' only, which is no choice.*forced=",
        ),
        ({"choice": np.nan}, {}, "No row has anything in column 'choice'"),
        ({"subject": TABLE["subject"] == "ann"}, {}, "Row 0 has True in column 'subject', of type bool"),
        (
            {"subject": pd.Series([1] * N + ["1"] * N, dtype=object)},
            {},
            "Row 30 has '1' in column 'subject', and another row has 1: they are the same as text",
        ),
        ({"reward": "€1.50"}, {}, "Row 0 has '€1.50' in column 'reward'.*Rewards are plain numbers"),
        ({"trial": "10:00:00"}, {}, "Row 0 has '10:00:00' in column 'trial'.*trial=None"),
        ({"cue": "A.png"}, {"before": ["cue"]}, "Row 0 has 'A.png' in column 'cue'.*pandas.factorize"),
        (
            {"choice": TABLE["choice"].astype(str).where(TABLE.index != 5, ".")},
            {},
            "Row 5 has '.' in column 'choice'.*pass it as missed",
        ),
        ({}, {"actions": ["left", "right"]}, "Row 0 has the choice [01].*as they stand in the column"),
        (
            {"left": 0, "right": 1, "choice": 1 + TABLE["choice"]},
            {"offered": ("left", "right"), "choice_is": "position"},
            r"the choice 2, which is no place in 'left', 'right': places are 0 to 1.*choice_is=\['f', 'j'\]",
        ),
        (
            {"left": 0, "right": 1},
            {"offered": ("left", "right"), "choice_is": ["f", "j", "k"]},
            "choice_is names 3 places .*there are 2",
        ),
        ({}, {"scale": (0, np.inf)}, r"scale is \(0, inf\); give two finite numbers"),
        ({"choice": [10**400] + [0] * (2 * N - 1)}, {}, r"Row 0 has 10+ in column 'choice', which is not a"),
        (
            {"pair": TABLE.index % 2},
            {"offered": {"pair": {"01": ["A", "B"]}}},
            "Row 0 has 0 in column 'pair'; it must list",
        ),
        ({}, {"where": {"trial": lambda trials: True}}, "function in where for column 'trial' gives some"),
        ({}, {"choice_is": "place"}, "choice_is is 'place'"),
        ({}, {"choice_is": "position"}, "needs offered="),
        ({}, {"subject": "id"}, r"no column 'id'; it has 'subject'.*as in subject='id'"),
        ({}, {"where": {"kind": "choice"}}, "where names the column 'kind'"),
        (
            {"kind": "go"},
            {"where": {"kind": "choice"}},
            "No row has 'choice' in column 'kind'; there are 'go'",
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(change, settings, message):
    with pytest.raises(ValueError, match=message):
        quietly(TABLE.assign(**change), **settings)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"subject": np.repeat(["ann", "Ann "], N)}, {}, "'ann' and 'Ann ' differ by case or blanks alone"),
        (
            {"choice": np.where(TABLE.index < 20, "L", np.where(TABLE["choice"], "l", "r"))},
            {"actions": ["L", "l", "r"]},
            "Actions 'L' and 'l' differ by case or blanks alone",
        ),
        ({"pair": np.where(TABLE.index % 2, "xy", "yz")}, {}, r"'pair' \(offered=\)"),
        ({"choice": 0}, {"n_actions": 2}, r"hardly any were of the action 1 \(0 times\)"),
        (
            {"choice": np.where(TABLE["subject"] == "bob", 1, TABLE["choice"])},
            {},
            r"1 of 2 subjects \('bob'\) always chose the same",
        ),
        (
            {"reward": 0.5 + 0.5 * TABLE["reward"]},
            {},
            "Rewards run from 0.5 to 1, but agents start from a value of 0.5",
        ),
        ({"trial": TABLE["trial"] / 10}, {}, "1.10 comes before 1.2"),
        ({"trial": N - TABLE["trial"]}, {}, "Nobody's rows stand in the order of 'trial'"),
        (
            {"site": np.repeat(["Bonn", "bonn "], N)},
            {"people": ["site"]},
            "In column 'site', 'Bonn' and 'bonn ' differ by case or blanks alone",
        ),
        (
            {
                "day": np.tile(np.repeat([1, 2], 15), 2),
                "drug": np.tile(np.repeat(["placebo", "Placebo"], 15), 2),
            },
            {"block": ["day", "drug"]},
            "In column 'drug', 'Placebo' and 'placebo' differ by case or blanks alone",
        ),
        (
            {"reward": 100 * TABLE["reward"]},
            {"scale": (0, 10)},
            r"run from 0 to 100, far beyond scale=\(0, 10",
        ),
        (
            {
                "choice": np.where(TABLE.index % 7 == 3, 0, 1 + TABLE["choice"]),
                "reward": TABLE["reward"].where(TABLE.index % 7 != 3),
            },
            {"feedback": "reward"},
            "Action 0 was chosen 9 times, and what it paid was never shown.* pass missed=0",
        ),
        (
            {"left": TABLE["choice"], "right": 1 - TABLE["choice"]},
            {"offered": ("left", "right")},
            r"Every choice \(0, 1\) names an option, and could be a place.*choice_is='position'",
        ),
        (
            {
                "choice": np.where(TABLE.index % 7 == 3, 0, 1 + TABLE["choice"]),
                "reward": np.where(TABLE.index % 7 == 3, 0, TABLE["reward"]),
            },
            {},
            "Action 0 was chosen 9 times, seldom, and never paid more than 0.* pass missed=0",
        ),
        (
            {"reward": np.where(TABLE.index % 31 == 3, 9999, TABLE.index % 11)},
            {"scale": "unit"},
            "2 of 60 rewards are 9999, and all others lie between 0 and 10",
        ),
        (
            {"reward": np.where(TABLE.index == 3, -999, TABLE.index % 11)},
            {"scale": (0, 10)},
            "1 of 60 rewards are -999, and all others lie between 0 and 10",
        ),
    ],
)
def test_what_is_possible_and_suspicious_gets_one_warning(change, settings, message):
    with pytest.warns(UserWarning, match=message) as caught:
        read_choices(TABLE.assign(**change), **settings)
    assert sum(1 for each in caught if each.category is UserWarning) <= 2


@pytest.mark.parametrize("sizes", [(30,), (10, 30), (29, 12)])
def test_a_table_that_comes_twice_is_suspicious(sizes):
    people = [TABLE[:size].assign(subject=f"p{size}") for size in sizes]
    once = pd.concat(people)
    twice = pd.concat([once, once])
    with pytest.warns(UserWarning, match=f"rows of subject 'p{sizes[0]}' come twice") as caught:
        read_choices(twice, trial=None)
    assert sum("twice" in str(each.message) for each in caught) == 1
    with pytest.raises(ValueError, match="repeats trial 0.*cell for cell: was a file saved or read twice"):
        read_choices(twice)


def test_who_repeats_themselves_in_one_trial_less_has_no_row_twice():
    rows = pd.concat([TABLE[:30], TABLE[:29], TABLE[30:]])
    quietly(rows, trial=None)


def test_a_trial_that_comes_twice_in_a_block_has_another_remedy():
    again = BLOCKS.assign(block=np.tile(np.repeat(["x", "y"], [10, 20]), 2))
    with pytest.raises(ValueError, match=r"Its block is the same.*block=\['session', 'block'\]"):
        quietly(again, block="block")


def test_labels_of_pairs_may_be_texts_of_numbers():
    table = TABLE.assign(pair=np.where(PAIRS["left"] == "A", 12, 34), choice=TABLE["choice"])
    pairs = {"12": ["A", "B"], "34": ["C", "D"]}
    data = quietly(table, offered={"pair": pairs}, choice_is="position")
    assert data == quietly(table, offered={"pair": {12: ["A", "B"], 34: ["C", "D"]}}, choice_is="position")


def test_few_choices_are_suspicious():
    with pytest.warns(UserWarning, match="2 of 2 subjects .* fewer than 20 choices"):
        read_choices(TABLE[TABLE["trial"] < 19])


def test_actions_keep_their_names_and_their_order():
    data = quietly(TABLE.assign(choice=np.where(TABLE["choice"], "left", "right")), actions=["left", "right"])
    assert data.actions == ("left", "right") and data.n_actions == 2
    np.testing.assert_array_equal(data.choices.ravel(), 1 - TABLE["choice"])
    assert set(write_choices(data)["choice"]) == {"left", "right"}


@pytest.mark.parametrize("missed", [-1, -1.0, [-1], np.array([-1.0])])
def test_a_code_of_missed_trials_is_found_however_its_number_is_written(missed):
    data = quietly(TABLE.assign(choice=TABLE["choice"].where(TABLE.index != 4, -1)), missed=missed)
    assert not data.mask[0, 4] and data.mask.sum() == 2 * N - 1


@pytest.mark.parametrize("as_list", [False, True])
def test_a_choice_may_name_the_action_or_its_place(as_list):
    offered = ("left", "right")
    by_place = quietly(PAIRS, offered=offered, choice_is="position")
    by_name = PAIRS.assign(choice=SHOWN)
    if as_list:
        by_name, offered = by_name.assign(shown=by_name["left"] + "," + by_name["right"]), "shown"
    by_name = quietly(by_name, offered=offered)
    assert by_place == by_name and by_name.actions == ("A", "B", "C", "D")
    assert (by_name.design.offered.sum(axis=2) == 2).all()


def test_a_place_is_not_taken_for_an_action():
    with pytest.raises(ValueError, match="Is it a place"):
        quietly(PAIRS, offered=("left", "right"))


def test_a_choice_that_was_not_on_offer_is_named():
    wrong = PAIRS.assign(choice=np.where(PAIRS.index == 5, "D", SHOWN))
    with pytest.raises(ValueError, match=r"Row 5 has the choice 'D', but on offer were 'B', 'C'"):
        quietly(wrong, offered=("left", "right"))


def test_trials_may_be_counted_anew_in_each_block():
    with pytest.warns(UserWarning, match="Nobody's rows stand in the order of 'trial'"):
        data = read_choices(BLOCKS.sample(frac=1, random_state=1), block="block")
    in_order = quietly(BLOCKS, block="block").of_subjects([0, 1])
    ann, expected = (x.choices[x.subjects.index("ann")].reshape(3, 10) for x in (data, in_order))
    order = [
        [data.blocks[i] for i in data.design.block[data.subjects.index("ann"), ::10]].index(name)
        for name in "xyz"
    ]
    np.testing.assert_array_equal(ann[order], expected)


def test_a_block_that_comes_back_is_a_new_run_where_trials_are_counted_on():
    data = quietly(TABLE.assign(block=np.tile(np.repeat(["x", "y", "x"], 10), 2)), block="block")
    np.testing.assert_array_equal(data.design.block[0], np.repeat([0, 1, 0], 10))


def test_choices_without_feedback_and_forced_ones_are_told_apart():
    table = TABLE.assign(reward=TABLE["reward"].where(TABLE["trial"] < 20), forced=TABLE["trial"] >= 25)
    data = quietly(table.drop(columns="forced"), feedback="reward")
    np.testing.assert_array_equal(data.design.feedback[0], np.arange(N) < 20)
    assert data.scored.all()
    data = quietly(table, feedback="reward", forced="forced")
    assert (data.scored.sum(axis=1) == 25).all()


def test_columns_for_the_agent_and_about_people_are_kept():
    table = TABLE.assign(cue=TABLE["trial"] % 4, a=0.5, b=TABLE["reward"] / 2, age=np.repeat([20, 30], N))
    data = quietly(table, before=["cue"], after={"both": ["a", "b"]}, people=["age"])
    np.testing.assert_array_equal(data.design.before["cue"][0], np.arange(N) % 4)
    assert data.design.after["both"].shape == (2, N, 2)
    assert data.person_table["age"].to_dict() == {"ann": 20, "bob": 30}


def test_the_scale_of_rewards_is_kept():
    data = quietly(TABLE.assign(reward=100 * TABLE["reward"]), scale="unit")
    np.testing.assert_array_equal(data.rewards.ravel(), TABLE["reward"])
    assert data.reward_scale == (0.0, 100.0) and write_choices(data)["reward"].max() == 100
    won_and_lost = TABLE.assign(gain=2.0, loss=-4.0 * TABLE["reward"])
    data = quietly(won_and_lost, reward=("gain", "loss"), scale=(-2, 2))
    np.testing.assert_array_equal(data.rewards.ravel(), 1 - TABLE["reward"])


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("subject;trial;choice;reward\n1;1;0;1\n", {}, "has no ',' but ';': pass sep=';'"),
        ("subject,trial,choice,reward\n1,1,0\n", {}, "Row 0 of .* has 3 fields, but the first line names 4"),
        ("subject,trial,choice,reward\n1,1,0,1\n1,2,1,0,5\n", {}, "Row 1 of .* has 5 fields"),
        ('subject,trial,choice,reward\n"a\nb",1,0,1\n1,2,1\n', {}, "Row 1 of .* has 3 fields"),
        ("", {}, "is empty"),
        ("subject,trial,choice,reward\n", {}, "no rows"),
        ("subject,trial,choice,reward,reward\n1,1,0,1,1\n", {}, "has two columns 'reward'"),
        ("sep=;\nsubject;trial;choice;reward\n1;1;0;1\n", {"sep": ";"}, "'sep=;', which is a note for"),
        (
            "subject,trial,choice,reward\n1,1,0,1\nsubject,trial,choice,reward\n2,1,0,1\n",
            {},
            "Row 1 of .* repeats the first line",
        ),
        (
            "subject,trial,choice,reward\n1,1,0,1\n",
            {"encoding": "utf-16"},
            "does not begin as files in UTF-16",
        ),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, text, settings, message):
    path = tmp_path / "choices.csv"
    path.write_text(text, encoding="utf8")
    with pytest.raises(ValueError, match=message):
        quietly(path, **settings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("sep", "decimal"), [(",", "."), (";", ","), ("\t", ".")])
def test_files_are_read_as_they_were_written(tmp_path, encoding, sep, decimal):
    table, path = TABLE.assign(reward=TABLE["reward"] / 2 + 0.25), tmp_path / "choices.csv"
    table.to_csv(path, index=False, sep=sep, decimal=decimal, encoding=encoding)
    settings = {} if encoding != "utf-16" else {"encoding": encoding}
    assert quietly(path, sep=sep, decimal=decimal, **settings) == quietly(table)


def test_labels_with_a_leading_zero_stay_apart(tmp_path):
    path = tmp_path / "choices.csv"
    TABLE.assign(subject=np.repeat(["01", "1"], N)).to_csv(path, index=False)
    assert quietly(path).subjects == ("01", "1")
    TABLE.assign(subject=np.repeat([1, 2], N)).to_csv(path, index=False)
    assert quietly(path).subjects == (1, 2)


def test_one_file_for_each_person_is_read_by_a_pattern(tmp_path):
    for name, rows in TABLE.groupby("subject"):
        rows.drop(columns="subject").to_csv(tmp_path / f"{name}.csv", index=False)
    assert quietly(tmp_path / "*.csv", subject="file") == quietly(TABLE)
    with pytest.raises(ValueError, match="No file fits the pattern"):
        quietly(tmp_path / "*.tsv")


def test_a_list_of_rows_in_json_is_read_and_other_rows_left_out(tmp_path):
    path = tmp_path / "experiment.json"
    rows = [{"trial_type": "instructions", "rt": 3}, *TABLE.assign(trial_type="bandit").to_dict("records")]
    path.write_text(json.dumps(rows))
    assert quietly(path, where={"trial_type": "bandit"}) == quietly(TABLE)
    path.write_text("[{")
    with pytest.raises(ValueError, match="not whole JSON"):
        quietly(path)


def test_everything_that_is_written_is_read_back(tmp_path):
    table = PAIRS.assign(
        choice=SHOWN,
        block=np.tile(np.repeat([1, 2], N // 2), 2),
        reward=TABLE["reward"].where(TABLE["trial"] < 25),
        stake=TABLE["trial"] / 4,
        group=np.repeat(["old", "young"], N),
    )
    more = dict(block="block", feedback="reward", before=["stake"], people=["group"])
    data = quietly(table, offered=("left", "right"), **more)
    write_choices(data, tmp_path / "choices.csv")
    assert quietly(tmp_path / "choices.csv", offered="offered", actions=data.actions, **more) == data


# Arguments


def test_every_argument_of_the_reader_is_checked():
    assert list(ARGUMENTS) == list(inspect.signature(read_choices).parameters)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source", None),
        ("source", {"subject": [1]}),
        ("source", np.zeros(3)),
        ("source", TABLE["subject"]),
        ("subject", ["a", "b"]),
        ("choice", 1),
        ("trial", ["block", "trial"]),
        ("reward", None),
        ("reward", []),
        ("n_actions", "2"),
        ("n_actions", True),
        ("actions", {0: "left", 1: "right"}),
        ("actions", {"left", "right"}),
        ("actions", "AB"),
        ("actions", []),
        ("offered", 5),
        ("offered", {"pair": ["A", "B"]}),
        ("choice_is", {"f": "left"}),
        ("block", 0),
        ("feedback", ["a", "b"]),
        ("forced", True),
        ("before", {"stakes": 5}),
        ("after", 5),
        ("where", "trial < 5"),
        ("sep", r"\s+"),
        ("sep", ""),
        ("sep", None),
        ("decimal", "xx"),
        ("encoding", None),
    ],
)
def test_an_argument_of_another_kind_is_refused_by_its_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} is .*; give "):
        check_arguments({name: value})


# Silent no more


def test_7_and_7_0_are_one_person_in_files_of_several_sessions(tmp_path):
    first = TABLE.assign(subject=np.repeat([7, 8], N), session=1)
    second = first.assign(session=2, trial=first["trial"] + N).astype({"subject": float})
    first.to_csv(tmp_path / "1.csv", index=False)
    pd.concat([second, pd.DataFrame([{"session": 2}])]).to_csv(tmp_path / "2.csv", index=False)
    settings = dict(where={"choice": pd.Series.notna}, block="session")
    for actions in (None, [0, 1]):
        data = quietly(tmp_path / "*.csv", actions=actions, **settings)
        assert data.subjects == (7, 8) and data.n_trials == 2 * N
    assert quietly(tmp_path / "2.csv", **(settings | {"where": {"subject": 7}})).subjects == (7,)


def test_files_of_the_same_name_in_several_folders_are_several_people(tmp_path):
    for name, rows in TABLE.groupby("subject"):
        (tmp_path / name).mkdir()
        rows.drop(columns="subject").to_csv(tmp_path / name / "run.csv", index=False)
    assert quietly(tmp_path / "*" / "run.csv", subject="file").subjects == ("ann/run", "bob/run")
    TABLE[:N].to_csv(tmp_path / "ann" / "other.csv", index=False)
    with pytest.warns(UserWarning, match="'ann/run' and 'bob/run' are files of the same name"):
        read_choices(tmp_path / "*" / "*.csv", subject="file")
    with pytest.raises(ValueError, match="run.csv' is read twice"):
        quietly(2 * [tmp_path / "ann" / "run.csv"], subject="file")


@pytest.mark.parametrize("other", ["500", "500,5"])
def test_a_point_of_thousands_is_not_read_as_a_decimal_point(tmp_path, other):
    table = TABLE.assign(reward=np.where(TABLE["choice"] == 0, "1.000", other))
    table.to_csv(tmp_path / "choices.csv", index=False, sep=";")
    with pytest.raises(ValueError, match=r"has '1.000' in column 'reward'.*thousands='\.'"):
        quietly(tmp_path / "choices.csv", sep=";", decimal=",", scale="unit")


def test_decimal_commas_are_read_in_a_table_of_texts_too():
    table = TABLE.assign(reward=(TABLE["reward"] / 2 + 0.25).astype(str).str.replace(".", ","))
    assert quietly(table, decimal=",") == quietly(TABLE.assign(reward=TABLE["reward"] / 2 + 0.25))


def test_a_time_that_is_missing_does_not_come_first():
    times = pd.Series(pd.date_range("2026-11-28", periods=2 * N, freq="1234ms"))
    assert quietly(TABLE.assign(trial=times)) == quietly(TABLE)
    for odd in (times, times - times[0]):
        with pytest.raises(ValueError, match="Row 5 has no 'trial'"):
            quietly(TABLE.assign(trial=odd.where(TABLE.index != 5)))


@pytest.mark.parametrize(
    "reward",
    [pd.date_range("2026-11-28", periods=2 * N), TABLE["reward"] * 1j, (TABLE["reward"] * 1j).astype(object)],
)
def test_times_and_complex_numbers_are_no_rewards(reward):
    with pytest.raises(ValueError, match="Row 0 has .* in column 'reward', which is not a number"):
        quietly(TABLE.assign(reward=reward), scale="unit")


def test_one_slip_in_a_trial_number_does_not_change_everybody_s_runs():
    turns = TABLE.assign(block=np.where(TABLE["trial"] // 5 % 2 == 0, "A", "B"))
    assert (np.diff(quietly(turns, block="block").design.block, axis=1) != 0).sum() == 2 * 5
    with pytest.raises(ValueError, match="Row 6 repeats trial 3 of subject 'ann' in another block"):
        quietly(turns.assign(trial=turns["trial"].where(turns.index != 6, 3)), block="block")
    anew = turns.groupby(["subject", "block"]).cumcount()
    some = turns["trial"].where(turns["subject"] == "bob", anew)
    with pytest.raises(
        ValueError, match="Row 5 repeats trial 0 of subject 'ann'.*subject 'bob' are counted on"
    ):
        quietly(turns.assign(trial=some), block="block")


def sessions(subject, *parts):
    """Rows of one subject: of each part its session, its block and its trials."""
    return [
        dict(subject=subject, session=session, block=block, trial=trial)
        for session, block, trials in parts
        for trial in trials
    ]


@pytest.mark.parametrize(
    "dropped",
    [
        sessions("B", (1, 1, range(20)), (1, 2, range(20, 40))),
        sessions("B", (1, 1, range(20)), (1, 2, range(20, 40)), (2, 1, range(8))),
        sessions("B", (1, 0, range(1, 13)), (1, 1, range(1, 21)), (1, 2, range(21, 41))),
    ],
    ids=["after a session", "within a session", "with practice before"],
)
def test_people_who_drop_out_are_read_where_trials_count_on_over_the_blocks_of_a_session(dropped):
    whole = sessions("A", *((s, b, range(20 * b - 20, 20 * b)) for s in (1, 2) for b in (1, 2)))
    table = pd.DataFrame(whole + dropped)
    table = table.assign(choice=np.arange(len(table)) % 3 % 2, reward=np.arange(len(table)) % 5 % 2)
    data = quietly(table, block=["session", "block"])
    for i, rows in enumerate((table[:80], table[80:])):
        assert data.choices[i][np.asarray(data.mask)[i]].tolist() == rows["choice"].tolist()
        runs = (rows[["session", "block"]].diff().iloc[1:] != 0).any(axis=1).sum()
        assert (np.diff(np.asarray(data.design.block)[i][: len(rows)]) != 0).sum() == runs


@pytest.mark.parametrize("of", ["actions", "where", "missed"])
def test_what_pandas_gives_for_unique_values_is_a_list(of):
    words = TABLE.assign(choice=np.where(TABLE["choice"], "right", "left"))
    unique = words["choice"].astype("str").unique()
    if of == "actions":
        assert set(quietly(words, actions=unique).actions) == {"left", "right"}
    elif of == "where":
        people = words["subject"].astype("str").unique()
        assert quietly(TABLE, where={"subject": people}) == quietly(TABLE)
    else:
        coded = TABLE.assign(choice=TABLE["choice"].where(TABLE.index % 7 > 0, 99))
        assert quietly(coded, missed=pd.Series([99])) == quietly(coded, missed=99)


def test_whole_numbers_of_numpy_among_objects_are_labels():
    labels = pd.Series([np.int64(i // N) for i in range(2 * N)], dtype=object)
    assert quietly(TABLE.assign(subject=labels)).subjects == (0, 1)


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA])
def test_rows_without_a_value_can_be_asked_for(empty):
    table = TABLE.assign(note=pd.Series(np.where(TABLE["trial"] < 20, None, "a"), dtype=object))
    kept = quietly(table, where={"note": empty})
    assert kept == quietly(TABLE[TABLE["trial"] < 20])
    assert quietly(table, where={"note": [empty, "a"]}) == quietly(TABLE)


def test_people_who_each_exploit_other_actions_are_not_asked_about():
    rng = np.random.default_rng(4)
    favourites = np.stack([rng.choice(10, 3, replace=False) for _ in range(20)])
    choices = np.take_along_axis(favourites, rng.integers(3, size=(20, 150)), axis=1)
    table = pd.DataFrame({"choice": choices.ravel(), "reward": rng.integers(2, size=3000)})
    table = table.assign(subject=np.repeat(np.arange(20), 150), trial=np.tile(np.arange(150), 20))
    quietly(table, n_actions=10)


@pytest.mark.parametrize("lists", [["0|1"] * 60, ["0|1|2", "0|2"] * 30])
def test_choices_that_are_the_same_as_places_or_cannot_be_places_are_not_asked_about(lists):
    of_three = np.where(TABLE.index % 2, np.where(TABLE["choice"], 2, 0), TABLE.index // 2 % 3)
    choice = of_three if "0|2" in lists else TABLE["choice"]
    quietly(TABLE.assign(choice=choice, lists=lists), offered="lists")


def test_rows_of_contexts_that_take_turns_and_count_for_themselves_are_in_order():
    context = TABLE["trial"] % 2
    table = TABLE.assign(context=context, trial=TABLE["trial"] // 2)
    quietly(table, block="context")


@pytest.mark.parametrize("by", ["block", "people"])
def test_actions_that_are_chosen_in_one_block_or_by_some_people_only_are_asked_about(by):
    part = TABLE["trial"] // 15 if by == "block" else TABLE["subject"] == "bob"
    table = TABLE.assign(block=TABLE["trial"] // 15, choice=TABLE["choice"] + 2 * part)
    where = "in block 0" if by == "block" else "by subject 'ann'"
    with pytest.warns(UserWarning, match=f"Never chosen {where}, though often elsewhere: 2, 3"):
        read_choices(table, block="block")


@pytest.mark.parametrize(
    ("column", "argument"),
    [(name, "offered") for name in ("item1", "imageL", "arm_a", "symbol_1", "shown", "n_arms")]
    + [(name, "block") for name in ("round", "miniblock", "episode", "day", "visit")]
    + [(name, "after") for name in ("foregone", "outcome_unchosen", "counterfactual")]
    + [("feedback_shown", "feedback"), ("stim_image", "before"), ("test_item", "feedback")],
)
def test_parts_of_a_design_are_known_by_many_names(column, argument):
    with pytest.warns(UserWarning, match=rf"were not read: '{column}' \({argument}=\)"):
        read_choices(TABLE.assign(**{column: TABLE["trial"] // 10}))


@pytest.mark.parametrize(
    "columns",
    [{"chosen_symbol": TABLE["trial"] % 2}, {"best_arm": TABLE["trial"] % 2}, {"round": TABLE["trial"]}],
)
def test_what_is_said_of_a_choice_or_only_counts_trials_is_no_part_of_a_design(columns):
    quietly(TABLE.assign(**columns))


def test_two_columns_of_which_one_always_holds_the_choice_say_what_was_on_offer():
    table = PAIRS.rename(columns={"left": "x", "right": "y"}).assign(choice=SHOWN)
    with pytest.warns(UserWarning, match=r"always stands in 'x' or 'y'.*offered=\('x', 'y'\)"):
        read_choices(table, actions=[*"ABCD"])
    quietly(table.assign(x=table["x"].sample(frac=1, random_state=0).to_numpy()), actions=[*"ABCD"])
    numbers = table.replace({column: dict(zip("ABCD", range(1, 5))) for column in ("choice", "x", "y")})
    numbers = numbers.assign(answers=[np.arange(i) for i in range(2 * N)]).astype({"choice": str})
    with pytest.warns(UserWarning, match="always stands in 'x' or 'y'"):
        read_choices(numbers, actions=[1, 2, 3, 4])


def test_a_column_that_one_file_lacks_is_named_with_the_file_or_asked_about(tmp_path):
    halves = TABLE.assign(block=TABLE["trial"] // 10)
    halves[:N].to_csv(tmp_path / "1.csv", index=False)
    halves[N:].drop(columns="block").to_csv(tmp_path / "2.csv", index=False)
    with pytest.warns(UserWarning, match=r"were not read: 'block' \(block=\)"):
        read_choices(tmp_path / "*.csv")
    for settings in ({"block": "block"}, {"where": {"block": [0, 1]}}):
        with pytest.raises(ValueError, match="1 of 2 files have no column 'block'.*the first is 2"):
            quietly(tmp_path / "*.csv", **settings)


def test_an_entry_that_comes_twice_in_a_row_of_json_is_refused(tmp_path):
    path = tmp_path / "choices.json"
    path.write_text(json.dumps(TABLE.to_dict("records")).replace('"trial": 3,', '"trial": 3, "reward": 0,'))
    with pytest.raises(ValueError, match="row with two entries 'reward'"):
        quietly(path)


# Refused no more


def test_what_an_agent_sees_afterwards_may_be_empty_where_nothing_was_shown():
    shown = TABLE["trial"] < 20
    table = TABLE.assign(reward=TABLE["reward"].where(shown), other=TABLE["reward"].where(shown))
    data = quietly(table, after=["other"], feedback="reward")
    np.testing.assert_array_equal(data.design.after["other"][:, 20:], 0)
    with pytest.raises(
        ValueError, match="Row 25 has nothing in column 'other', though the outcome was shown"
    ):
        quietly(
            table.assign(reward=TABLE["reward"], other=TABLE["reward"].where(TABLE.index != 25)),
            after="other",
        )


@pytest.mark.parametrize("offered", [("left", "right"), "list"])
def test_a_missed_trial_need_not_say_what_was_on_offer(offered):
    table = PAIRS.assign(choice=SHOWN, list=PAIRS["left"] + "|" + PAIRS["right"]).astype(object)
    table.loc[4, ["left", "right", "list", "choice"]] = None
    data = quietly(table, offered=offered)
    assert data.mask.sum() == 2 * N - 1 and not data.mask[0, 4]
    with pytest.raises(ValueError, match="Row 4 has (nothing|None) in column"):
        quietly(table.assign(choice=SHOWN), offered=offered)


def test_a_code_of_missed_trials_may_stand_in_the_reward_as_well():
    texts = {name: TABLE[name].astype(str).where(TABLE.index != 4, ".") for name in ("choice", "reward")}
    data = quietly(TABLE.assign(**texts), missed=".")
    assert data.mask.sum() == 2 * N - 1 and not data.mask[0, 4]


def test_places_may_have_names_of_their_own():
    named = PAIRS.assign(choice=np.where(PAIRS["choice"] == 0, "f", "j"))
    by_place = quietly(PAIRS, offered=("left", "right"), choice_is="position")
    assert quietly(named, offered=("left", "right"), choice_is=["f", "j"]) == by_place
    signs = PAIRS.assign(choice=2 * PAIRS["choice"] - 1)
    assert quietly(signs, offered=("left", "right"), choice_is=[-1, 1]) == by_place


def test_who_says_that_choices_name_options_is_not_asked():
    table = TABLE.assign(left=TABLE["choice"], right=1 - TABLE["choice"])
    quietly(table, offered=("left", "right"), choice_is="option")


@pytest.mark.parametrize(
    "where", [{"kind": "a"}, {"kind": lambda kinds: kinds == "a"}, {"kind": np.array(["a", "b"])}]
)
def test_rows_are_kept_by_columns_with_empty_cells(where):
    kinds = pd.array(2 * N * ["a"], dtype="string")
    kinds[-1] = pd.NA
    assert quietly(TABLE.assign(kind=kinds), where=where).mask.sum() == 2 * N - 1


@pytest.mark.parametrize("cell", ["{0, 2}", "array([0, 2])", "[0, 2]", "(0,2)", "0|2"])
def test_lists_are_read_however_they_are_written(cell):
    data = quietly(TABLE.assign(choice=2 * TABLE["choice"], list=cell), offered="list")
    assert data.actions == (0, 2)


def test_labels_that_cannot_stand_in_a_list_are_not_written():
    data = ChoiceData(
        [[0, 1]], [[0.0, 1.0]], actions=["x|y", "z"], design=Design(offered=np.ones((2, 2), bool))
    )
    with pytest.raises(ValueError, match=r"action 'x\|y' cannot stand in a list"):
        write_choices(data)


# Files and tables of other kinds


def test_a_table_with_an_index_or_names_of_two_levels_is_told_what_to_do():
    with pytest.raises(ValueError, match=r"'subject' is in the table's index.*reset_index"):
        quietly(TABLE.set_index("subject"))
    with pytest.raises(ValueError, match="names of 2 parts.*single one"):
        quietly(TABLE.set_axis(pd.MultiIndex.from_product([["subject"], TABLE.columns]), axis=1))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv.gz", gzip.compress(b"subject", mtime=0), "is a packed file"),
        ("a.mat", b"$FL2\xff\xfe\x90", "DataFrame"),
        ("a.json", b'{"a": 1}\n{"a": 2}', "lines=True"),
        ("a.json", 100_000 * b"[", "not whole JSON"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_a_remedy(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        quietly(tmp_path / name)


def test_an_excel_file_is_read_and_one_of_several_sheets_refused(tmp_path):
    TABLE.to_excel(tmp_path / "one.xlsx", index=False)
    assert quietly(tmp_path / "one.xlsx") == quietly(TABLE)
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        for name, rows in TABLE.groupby("subject"):
            rows.to_excel(writer, sheet_name=name, index=False)
    with pytest.raises(ValueError, match="two.xlsx has 2 sheets with rows: 'ann', 'bob'.*sheet_name='ann'"):
        quietly(tmp_path / "two.xlsx")


def test_whoever_lacks_the_package_for_excel_is_told_how_to_get_it(tmp_path, monkeypatch):
    def without(*arguments, **settings):
        raise ImportError("Missing optional dependency 'openpyxl'.")

    monkeypatch.setattr(pd, "read_excel", without)
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"pip install 'rwlib\[excel\]'"):
        quietly(tmp_path / "a.xlsx")
