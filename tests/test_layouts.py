"""Files as other programs write them are read as they are, with documented arguments and without being
edited."""

import csv
import io
import json
import re
import warnings

import numpy as np
import pandas as pd
import pytest

from rwlib import read_choices

N_PEOPLE, N_TRIALS = 3, 24
RNG = np.random.default_rng(14)
CHOICES = RNG.integers(0, 2, (N_PEOPLE, N_TRIALS))
WON = RNG.integers(0, 2, (N_PEOPLE, N_TRIALS))
MISSED = (1, 5)  # this person did not choose on this trial


def quietly(*arguments, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_choices(*arguments, **settings)


def assert_read(data, missed=False):
    mask = np.ones((N_PEOPLE, N_TRIALS), bool)
    mask[MISSED] = not missed
    np.testing.assert_array_equal(data.mask, mask)
    np.testing.assert_array_equal(data.choices, np.where(mask, CHOICES, -1))
    np.testing.assert_array_equal(data.rewards, np.where(mask, WON, 0))


# hBayesDM: tabs, choices from 1, and all that `inst/extdata` has in the way of line ends and quotes.


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_hbayesdm_bandit2arm(tmp_path, line_end):
    rows = [["subjID", "trial", "choice", "outcome"]]
    rows += [[i + 1, t + 1, CHOICES[i, t] + 1, 2 * WON[i, t] - 1] for i, t in np.ndindex(N_PEOPLE, N_TRIALS)]
    path = tmp_path / "bandit2arm_exampleData.txt"
    path.write_bytes(line_end.join("\t".join(map(str, row)) for row in rows).encode())
    data = quietly(path, sep="\t", subject="subjID", reward="outcome", actions=[1, 2], scale=(-1, 1))
    assert_read(data)
    assert data.subjects == (1, 2, 3) and data.actions == (1, 2) and data.reward_scale == (-1.0, 1.0)


def test_hbayesdm_bandit4arm_has_gains_losses_and_no_trials(tmp_path):
    gain, loss = WON, -(1 - WON)
    rows = [["subjID", "gain", "loss", "choice"]]
    rows += [[102 + i, gain[i, t], loss[i, t], CHOICES[i, t] + 1] for i, t in np.ndindex(N_PEOPLE, N_TRIALS)]
    path = tmp_path / "bandit4arm_exampleData.txt"
    path.write_bytes("\r".join("\t".join(map(str, row)) for row in rows).encode())
    settings = dict(sep="\t", subject="subjID", trial=None, actions=[1, 2], scale=(-1, 1))
    assert_read(quietly(path, reward=("gain", "loss"), **settings))
    with pytest.warns(UserWarning, match=r"not read: 'loss' \(reward=\)"):
        read_choices(path, reward="gain", **settings)


def test_hbayesdm_prl_with_blocks_and_columns_that_say_nothing(tmp_path):
    rows = [
        [
            "ExperimentName",
            "subjID",
            "block",
            "trial",
            "choice",
            "outcome",
            "choice.ACC",
            "choice.RT",
            "Subject_Block",
        ]
    ]
    for i, t in np.ndindex(N_PEOPLE, N_TRIALS):
        block, trial = divmod(t, 12)
        told = [f"{5038 + i}_{block + 1}"]
        rows.append(
            ["PRL", 5038 + i, block + 1, trial + 1, CHOICES[i, t] + 1, 50 * WON[i, t] - 25, 1, 300 + t, *told]
        )
    path = tmp_path / "prl_multipleB_exampleData.txt"
    path.write_bytes("\r".join("\t".join(map(str, row)) for row in rows).encode())
    settings = dict(sep="\t", subject="subjID", reward="outcome", actions=[1, 2], scale="unit")
    data = quietly(path, block="block", **settings)
    assert_read(data)
    assert data.blocks == (1, 2) and (data.design.block == np.repeat([0, 1], 12)).all()
    with pytest.raises(
        ValueError, match="Row 12 repeats trial 1 of subject '5038'.*pass its column as block="
    ):
        read_choices(path, **settings)


def test_hbayesdm_pst_has_pairs_as_digits_and_1_for_the_first(tmp_path):
    rows = ['"subjID"\t"type"\t"choice"\t"reward"']
    rows += [
        f"{i}\t{[12, 34, 56][t % 3]}\t{CHOICES[i, t]}\t{WON[i, t]}" for i, t in np.ndindex(N_PEOPLE, N_TRIALS)
    ]
    path = tmp_path / "pst_exampleData.txt"
    path.write_text("\n".join(rows), encoding="utf8")
    settings = dict(sep="\t", subject="subjID", trial=None)
    with pytest.warns(UserWarning, match="look like parts of the design, and were not read: 'type'"):
        read_choices(path, **settings)
    with pytest.raises(ValueError, match=r"Row 0 has '12' in column 'type'; it must list what was on offer"):
        read_choices(path, offered="type", **settings)
    pairs = {12: [2, 1], 34: [4, 3], 56: [6, 5]}
    data = quietly(path, offered={"type": pairs}, choice_is="position", **settings)
    np.testing.assert_array_equal(data.choices, 2 * (np.arange(N_TRIALS) % 3) + 1 - CHOICES)
    assert data.actions == (1, 2, 3, 4, 5, 6) and (data.design.offered.sum(axis=2) == 2).all()
    with pytest.raises(ValueError, match=r"Row 2 has '56' in column 'type'"):
        read_choices(path, offered={"type": {12: [2, 1], 34: [4, 3]}}, choice_is="position", **settings)


# jsPsych


def jspsych_rows(i, told):
    rows = [
        {
            "rt": 5212,
            "stimulus": '<p>Welcome, "you"</p>\n',
            "response": " ",
            "trial_type": "html-keyboard-response",
        }
    ]
    for t in range(N_TRIALS):
        rows.append(
            {
                "rt": None,
                "stimulus": "+",
                "response": None,
                "trial_type": "html-keyboard-response",
                "task": "fixation",
            }
        )
        missed = (i, t) == MISSED
        key = None if missed else "fj"[CHOICES[i, t]]
        rows.append(
            {
                "rt": None if missed else 400 + t,
                "stimulus": "<img src='a.png'><img src='b.png'>",
                "response": key,
                "trial_type": "html-keyboard-response",
                "task": "bandit",
                "reward": None if missed else told(WON[i, t]),
            }
        )
    rows.append({"rt": 9000, "response": {"age": "30", "remarks": 'none, "really"'}, "trial_type": "survey"})
    return [{**row, "trial_index": n, "participant": f"p{i:02d}"} for n, row in enumerate(rows)]


SETTINGS = dict(
    where={"task": "bandit"},
    subject="participant",
    trial="trial_index",
    choice="response",
    actions=["f", "j"],
)


def as_jspsych_csv(rows):
    """Everything in quotes, objects as JSON, as jsPsych's own export has it."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        cells = [row.get(name, "") for name in names]
        writer.writerow([cell if isinstance(cell, str) else json.dumps(cell) for cell in cells])
    return out.getvalue()


@pytest.mark.parametrize("told", [int, bool], ids=["as number", "as true or false"])
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_jspsych_with_a_file_for_each_person(tmp_path, ending, told):
    for i in range(N_PEOPLE):
        rows = jspsych_rows(i, told)
        text = as_jspsych_csv(rows) if ending == "csv" else json.dumps(rows)
        (tmp_path / f"session_{i}.{ending}").write_bytes(text.encode())
    data = quietly(tmp_path / f"*.{ending}", **SETTINGS)
    assert_read(data, missed=True)
    assert data.subjects == ("p00", "p01", "p02")


def test_jspsych_with_a_button_s_number_as_response(tmp_path):
    rows = [row for i in range(N_PEOPLE) for row in jspsych_rows(i, int)]
    for row in rows:
        if row.get("task") == "bandit" and row["response"]:
            row["response"] = "fj".index(row["response"])
    (tmp_path / "all.json").write_text(json.dumps(rows))
    assert_read(quietly(tmp_path / "all.json", **{**SETTINGS, "actions": None}), missed=True)
    with pytest.raises(ValueError, match="holds JSON, not a table; let its name end in .json"):
        (tmp_path / "all.txt").write_text(json.dumps(rows))
        read_choices(tmp_path / "all.txt", **SETTINGS)


def test_an_object_where_a_choice_belongs_is_named(tmp_path):
    (tmp_path / "all.json").write_text(json.dumps(jspsych_rows(0, int)))
    with pytest.raises(
        ValueError, match="Row 49 has {'age': '30', .* in column 'response'; it must be one number or text"
    ):
        read_choices(
            tmp_path / "all.json",
            **{**SETTINGS, "where": {"trial_type": ["survey", "html-keyboard-response"]}},
        )


# Gorilla and PsychoPy


@pytest.mark.parametrize("last_line", ["END OF FILE", "END OF FILE,,,,,,,", None])
def test_gorilla(tmp_path, last_line):
    names = (
        "Event Index,Participant Private ID,Trial Number,Screen Name,Zone Type,Reaction Time,Response,Outcome"
    )
    lines, event = [names], 1
    for i in range(N_PEOPLE):
        lines.append(f"{event},{70001 + i},BEGIN TASK,,,,,")
        for t in range(N_TRIALS):
            lines.append(f"{event + 1},{70001 + i},{t + 1},Fixation,content_text,250.5,,")
            response = "TIMED OUT" if (i, t) == MISSED else ("blue card", "red card")[CHOICES[i, t]]
            outcome = "" if (i, t) == MISSED else WON[i, t]
            lines.append(
                f"{event + 2},{70001 + i},{t + 1},Choice,response_button_text,812.11,{response},{outcome}"
            )
            event += 2
        lines.append(f"{event},{70001 + i},END TASK,,,,,")
    path = tmp_path / "data_exp_12345-v3_task-abcd.csv"
    path.write_bytes(
        ("\ufeff" + "\r\n".join([*lines, *([last_line] if last_line else [])]) + "\r\n").encode()
    )
    settings = dict(
        subject="Participant Private ID", trial="Trial Number", choice="Response", reward="Outcome"
    )
    data = quietly(
        path,
        where={"Screen Name": "Choice", "Zone Type": "response_button_text"},
        actions=["blue card", "red card"],
        missed="TIMED OUT",
        **settings,
    )
    assert_read(data, missed=True)
    assert data.subjects == (70001, 70002, 70003)
    with pytest.raises(
        ValueError, match=r"Row 0 has 'BEGIN TASK' in column 'Trial Number', which is not a number"
    ):
        read_choices(path, actions=["blue card", "red card"], **settings)


def test_psychopy_with_a_file_for_each_person(tmp_path):
    names = (
        "instr.keys,trials.thisRepN,trials.thisN,key_resp.keys,key_resp.rt,outcome,participant,session,date,"
    )
    for i in range(N_PEOPLE):
        about = f"{i + 1:03d},001,2026-11-2{i}_10h00.00.000,"
        lines = [names, f"space,,,,,,{about}"]
        for t in range(N_TRIALS):
            key = "None,," if (i, t) == MISSED else f"{('left', 'right')[CHOICES[i, t]]},0.51,{WON[i, t]}"
            lines.append(f",0,{t},{key},{about}")
        lines.append(f"return,,,,,,{about}")
        (tmp_path / f"{i + 1:03d}_bandit_2026.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    settings = dict(
        subject="participant",
        trial="trials.thisN",
        choice="key_resp.keys",
        reward="outcome",
        actions=["left", "right"],
    )
    data = quietly(tmp_path / "*.csv", where={"trials.thisN": pd.Series.notna}, **settings)
    assert_read(data, missed=True)
    assert data.subjects == ("001", "002", "003")
    with pytest.raises(
        ValueError, match=r"Row 0 of 001_bandit_2026.csv has no 'trials.thisN'.*pandas.Series.notna"
    ):
        read_choices(tmp_path / "*.csv", **settings)


# What spreadsheets do


def rows_of_spreadsheet():
    for i, t in np.ndindex(N_PEOPLE, N_TRIALS):
        yield (
            f"Müller {i}",
            t + 1,
            "links" if CHOICES[i, t] == 0 else "rechts",
            f"{WON[i, t] / 2:.1f}".replace(".", ","),
        )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "cp1252"])
@pytest.mark.parametrize("sep", [";", "\t"])
def test_a_german_spreadsheet(tmp_path, encoding, sep):
    lines = [
        sep.join(["Person", "Durchgang", "Wahl", "Gewinn"]),
        *(sep.join(map(str, row)) for row in rows_of_spreadsheet()),
    ]
    path = tmp_path / "Auswahl.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    names = dict(
        subject="Person", trial="Durchgang", choice="Wahl", reward="Gewinn", actions=["links", "rechts"]
    )
    settings = dict(sep=sep, decimal=",", scale=(0, 0.5), **names)
    needed = {} if encoding.startswith("utf-8") else {"encoding": encoding}
    data = quietly(path, **needed, **settings)
    assert_read(data)
    assert data.subjects[0] == "Müller 0"
    if needed:
        with pytest.raises(ValueError, match="Pass encoding=.*'utf-16'"):
            read_choices(path, **settings)
    else:
        with pytest.raises(ValueError, match=re.escape(f"pass sep={sep!r}")):
            read_choices(path, **{**settings, "sep": ","})
        with pytest.raises(ValueError, match=r"Row \d+ has '0,\d' in column 'Gewinn'.*decimal=','"):
            read_choices(path, **{**settings, "decimal": "."})


def test_whole_numbers_that_became_decimals_beside_empty_cells(tmp_path):
    table = pd.DataFrame(
        {"subject": np.repeat([1.0, 2.0, 3.0], N_TRIALS), "trial": np.tile(np.arange(N_TRIALS), 3)}
    )
    table["choice"], table["reward"] = CHOICES.ravel() + 1.0, WON.ravel()
    table.loc[N_TRIALS + 5, ["choice", "reward"]] = np.nan
    table.to_csv(tmp_path / "choices.csv", index=False)
    data = quietly(tmp_path / "choices.csv", actions=[1, 2])
    assert_read(data, missed=True)
    assert data.subjects == (1, 2, 3)


def test_files_whose_columns_stand_in_another_order(tmp_path):
    for i in range(N_PEOPLE):
        table = pd.DataFrame({"trial": np.arange(N_TRIALS), "choice": CHOICES[i], "reward": WON[i]})
        table = table if i else table.assign(comment="none")[["comment", "reward", "choice", "trial"]]
        table.to_csv(tmp_path / f"{i}.csv", index=False)
    assert_read(quietly(tmp_path / "*.csv", subject="file"))
    with pytest.raises(ValueError, match="no column 'comment'"):
        read_choices(tmp_path / "*.csv", subject="file", people=["comment"])
