"""Reading tables: the right data, one clear error, or a warning that names the suspicion."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

from rwlib import read_choices, write_choices

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
    data = quietly(BLOCKS.sample(frac=1, random_state=1), block="block", subject="subject")
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
