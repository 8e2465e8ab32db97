"""Any data that are written are read back, and a damaged file is never read as if it were whole.

A damage that cannot be seen in principle (another digit, the last digits of the last cell cut off) is left
out.
"""

import csv
import io
import json
import re
import traceback
import warnings
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rwlib import ChoiceData, Design, read_choices, write_choices

# What is there to be read: for each person, the choices that were made, in order, with all that belongs to
# them.


def contents(data):
    """What some data say, whatever the order of people, actions and blocks, and wherever trials were
    missed."""
    design, found = data.design, {}
    for i, t in np.argwhere(data.mask):
        shown = design.feedback is None or bool(design.feedback[i, t])
        block = None if design.block is None else data.blocks[design.block[i, t]]
        offered = range(data.n_actions) if design.offered is None else np.flatnonzero(design.offered[i, t])
        low, high = data.reward_scale
        reward = round(low + (high - low) * float(data.rewards[i, t]), 5) if shown else None
        row = (
            str(data.actions[data.choices[i, t]]),
            reward,
            tuple(sorted(str(data.actions[j]) for j in offered)),
            block,
        )
        found.setdefault(str(data.subjects[i]), []).append(row)
    return {person: in_runs(rows) for person, rows in found.items()}


def in_runs(rows):
    """Rows whose block, in the last place, stays the same are one run. Nothing is carried over, so their
    order is free."""
    return sorted(([row[:-1] for row in run] for _, run in groupby(rows, key=lambda row: row[-1])), key=repr)


class File(NamedTuple):
    """A file that can be read, as cells; the first row names the columns."""

    cells: list
    settings: dict
    actions: list
    in_pairs: bool

    @property
    def names(self):
        return self.cells[0]

    def column(self, name):
        return self.names.index(name)

    def truth(self, rows=None):
        """What the cells say, by a plain loop."""
        people = {}
        for cells in self.cells[1:] if rows is None else rows:
            row = dict(zip(self.names, cells))
            people.setdefault(row["subject"], []).append(row)
        found = {}
        for person, rows in people.items():
            anew = len({row["trial"] for row in rows}) < len(rows)
            rows = sorted(rows, key=lambda row: (row.get("block") if anew else 0, int(row["trial"])))
            made = []
            for row in rows:
                pair = [row["left"], row["right"]] if self.in_pairs else self.actions
                if row["choice"] != "":
                    choice = pair[int(row["choice"])] if "choice_is" in self.settings else row["choice"]
                    reward = float(row["reward"]) if row["reward"] != "" else None
                    made.append((str(choice), reward, tuple(sorted(map(str, pair))), row.get("block")))
            if made:
                found[str(person)] = in_runs(made)
        return found

    def text(self, sep=",", line_end="\n"):
        out = io.StringIO()
        csv.writer(out, delimiter=sep, lineterminator=line_end).writerows(self.cells)
        return out.getvalue()

    def replaced(self, row, name, value):
        cells = [list(each) for each in self.cells]
        cells[row][self.column(name)] = value
        return self._replace(cells=cells)


@st.composite
def whole_files(draw):
    """Files as they should be: with people, actions, pairs, blocks and a phase without feedback of many
    kinds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    people = draw(
        st.sampled_from(
            [["p01", "p02"], ["1", "2", "3"], ["Ada", "Bo Lund"], ["Müller", "Weiß"], ["s,1", "s;2"]]
        )
    )
    named = draw(st.booleans())
    in_pairs = named and draw(st.booleans())
    n_actions = draw(st.integers(3, 4)) if in_pairs else draw(st.integers(2, 3))
    actions = [f"arm {chr(65 + i)}" if named else str(i) for i in range(n_actions)]
    by_place = in_pairs and draw(st.booleans())
    blocks, anew = draw(st.booleans()), draw(st.booleans())
    untold = draw(st.booleans())
    settings = {"actions": actions} if named else {}
    settings |= {"offered": ("left", "right")} if in_pairs else {}
    settings |= {"choice_is": "position"} if by_place else {}
    settings |= {"block": "block"} if blocks else {}
    settings |= {"feedback": "reward"} if untold else {}
    settings |= {"people": ["age"]} if draw(st.booleans()) else {}
    names = [
        "subject",
        "trial",
        "choice",
        "reward",
        *(["left", "right"] if in_pairs else []),
        *(["block"] if blocks else []),
    ]
    names += [*settings.get("people", []), "note"]
    cells = []
    for i, person in enumerate(people):
        for t in range(26):
            pair = rng.choice(n_actions, 2, replace=False)
            which = (
                int(rng.integers(2 if in_pairs else n_actions))
                if t > 3
                else t % (2 if in_pairs else n_actions)
            )
            choice = which if by_place else actions[pair[which]] if in_pairs else actions[which]
            reward = (
                "" if untold and t >= 20 else str(rng.choice(["0.2", "0.7"])) if t > 1 else ["0.2", "0.7"][t]
            )
            row = {"subject": person, "trial": str(t % 13 if blocks and anew else t), "choice": str(choice)}
            row |= {"reward": str(reward), "left": actions[pair[0]], "right": actions[pair[1]]}
            row |= {
                "block": f"b{t // 13}",
                "age": str(20 + i),
                "note": ["", "ok", "slow, tired", 'said "hm"'][t % 4],
            }
            cells.append([row[name] for name in names])
    return File([names, *cells], settings, actions, in_pairs)


# Damages. Each gives bytes, changed settings, and what may then be read without a word (nothing, if the list
# is empty).


def an_empty_cell(file, random):
    name, row = random.choice(file.names[:-1]), random.randrange(1, len(file.cells))
    damaged = file.replaced(row, name, random.choice(["", "NA", "null", "#N/A"]))
    right = []
    if name == "choice":
        right = [file.replaced(row, name, "").truth()]
    if file.cells[row][file.column(name)] == "":
        right = [file.truth()]
    if name == "reward" and "feedback" in file.settings:
        right = [file.replaced(row, name, "").truth()]
    return damaged.text(), {}, right


def a_text_for_a_number(file, random):
    name, row = random.choice(["trial", "reward", "choice"]), random.randrange(1, len(file.cells))
    text = random.choice(
        ["x", "--", "1,5", "l", "#REF!", "TRUE", "0x1", "1-Feb", "²", "1 2", "nan?", "1e400", "-inf", "{}"]
    )
    return file.replaced(row, name, text).text(), {}, []


def another_code(file, random):
    row = random.randrange(1, len(file.cells))
    code = random.choice(["99", "-1", "1.5", "7", "1e9", "4", "-999", str(len(file.actions))])
    return file.replaced(row, "choice", code).text(), {}, []


def another_reward(file, random):
    row = random.randrange(1, len(file.cells))
    return file.replaced(row, "reward", random.choice(["-3", "5", "1e39", "1.01"])).text(), {}, []


def rows_twice(file, random):
    row = random.randrange(1, len(file.cells))
    cells = list(file.cells)
    cells.insert(random.randrange(1, len(cells)), cells[row])
    return file._replace(cells=cells).text(), {}, []


def rows_lost(file, random):
    row, n = random.randrange(1, len(file.cells) - 2), random.randrange(1, 3)
    damaged = file._replace(cells=file.cells[:row] + file.cells[row + n :])
    return damaged.text(), {}, [damaged.truth()]


def rows_shuffled(file, random):
    rows = file.cells[1:]
    random.shuffle(rows)
    return file._replace(cells=[file.names, *rows]).text(), {}, [file.truth()]


def columns_in_another_order(file, random):
    order = list(range(len(file.names)))
    random.shuffle(order)
    return file._replace(cells=[[row[i] for i in order] for row in file.cells]).text(), {}, [file.truth()]


def names_swapped(file, random):
    pairs = [
        ("choice", "reward"),
        ("trial", "reward"),
        ("trial", "choice"),
        ("subject", "trial"),
        ("subject", "reward"),
    ]
    a, b = (file.column(name) for name in random.choice(pairs))
    names = list(file.names)
    names[a], names[b] = names[b], names[a]
    return file._replace(cells=[names, *file.cells[1:]]).text(), {}, []


def a_name_changed(file, random):
    name = random.choice(file.names[:4])
    names = list(file.names)
    names[file.column(name)] = random.choice(
        [name.upper(), f" {name}", f"{name}\u200b", "", f"{name}.1", file.names[1 - len(name) % 2]]
    )
    return (
        file._replace(cells=[names, *file.cells[1:]]).text(),
        {},
        [file.truth()] if names == file.names else [],
    )


def blanks_or_case(file, random):
    name, row = random.choice(file.names[:-1]), random.randrange(1, len(file.cells))
    old = file.cells[row][file.column(name)]
    new = random.choice([f" {old}", f"{old} ", old.upper(), f"{old}\xa0", old.swapcase(), f"{old}\u200b"])
    return file.replaced(row, name, new).text(), {}, [file.truth()] if name != "block" else [file.truth()]


def another_block(file, random):
    if "block" not in file.settings:
        return an_empty_cell(file, random)
    row = random.choice(
        [
            i
            for i in range(3, len(file.cells) - 2)
            if len({file.cells[j][file.column("block")] for j in range(i - 2, i + 3)}) == 1
        ]
    )
    return file.replaced(row, "block", random.choice(["b0", "b1", "b9"])).text(), {}, [file.truth()]


def another_offer(file, random):
    name, row = random.choice(["left", "right"]), random.randrange(1, len(file.cells))
    if not file.in_pairs:
        return another_code(file, random)
    other = file.cells[row][file.column("left" if name == "right" else "right")]
    return file.replaced(row, name, random.choice([other, "arm Z", "arm a", "0"])).text(), {}, []


def another_trial(file, random):
    row = random.randrange(1, len(file.cells))
    damaged = file.replaced(row, "trial", random.choice(["1000", "-50", "7.5", "3", "1e6"]))
    order = damaged.truth() if file.cells[row][1] == damaged.cells[row][1] else None
    return damaged.text(), {}, [order]


def another_age(file, random):
    if "people" not in file.settings:
        return a_text_for_a_number(file, random)
    return (
        file.replaced(random.randrange(1, len(file.cells)), "age", random.choice(["", "99", "old"])).text(),
        {},
        [],
    )


def another_separator(file, random):
    sep, told = random.sample([",", ";", "\t", "|"], 2)
    return file.text(sep), {"sep": told}, []


def a_decimal_comma(file, random):
    i = file.column("reward")
    cells = [file.names, *([*row[:i], row[i].replace(".", ","), *row[i + 1 :]] for row in file.cells[1:])]
    return file._replace(cells=cells).text(random.choice([",", ";"])), {"sep": random.choice([",", ";"])}, []


def another_encoding(file, random):
    told, encoding = (
        random.choice([None, "utf-8", "utf-16"]),
        random.choice(["utf-16", "utf-16-le", "latin-1", "utf-8-sig"]),
    )
    right = [file.truth()] if encoding != "utf-16-le" or told == "utf-16" else []
    return file.text().encode(encoding), {} if told is None else {"encoding": told}, right


def other_line_ends(file, random):
    text = file.text(line_end=random.choice(["\r\n", "\r"]))
    if random.random() < 0.5:
        text = re.sub("\r\n?", lambda _: random.choice(["\n", "\r\n"]), text)
    return text.rstrip() if random.random() < 0.5 else text, {}, [file.truth()]


def stray_quotes(file, random):
    text = file.text()
    for _ in range(random.choice([1, 2, 2, 3])):
        at = random.choice([random.randrange(len(text)), text.find(",", random.randrange(len(text))) + 1])
        text = text[:at] + '"' + text[at:]
    return text, {}, [file.truth()]


def zero_bytes_and_marks(file, random):
    text, sign = file.text(), random.choice(["\0", "\ufeff", "\x1a", "\x0b"])
    at = random.randrange(len(text))
    return text[:at] + sign + text[at:], {}, [file.truth()] if sign != "\0" else []


def cut_off(file, random):
    text = file.text()
    at = random.randrange(len(text))
    rows = list(csv.reader(io.StringIO(text[:at])))
    whole = [row for row in rows[1:] if len(row) == len(file.names)]  # the last column is not read
    right = [file.truth(whole)] if whole and all(len(row) == len(file.names) for row in rows) else []
    return text[:at], {}, right


def odd_lines(file, random):
    lines, n = file.text().split("\n")[:-1], len(file.names)
    kind = random.choice(
        [
            "",
            ",",
            "   ",
            "# comment",
            "," * (n - 1),
            "Total" + "," * (n - 1),
            ",".join(file.names),
            "header",
            "sep",
        ]
    )
    at = random.randrange(len(lines))
    if kind == "header":
        return "\n".join(lines[1:]), {}, []
    if kind == "sep":
        lines[at] += ","
        return "\n".join(lines), {}, []
    lines.insert(at, kind)
    right = [file.truth()] if kind == "" or (kind == lines[1] and at == 0) else []
    return "\n".join(lines), {}, right


def nothing_much(file, random):
    return random.choice(["", "\n", " ", ",".join(file.names), "\ufeff", ",,,\n", "[]", "{", "\0"]), {}, []


def an_argument_forgotten(file, random):
    optional = [name for name in ("offered", "block", "feedback") if name in file.settings]
    if not optional:
        return file.text(), {}, [file.truth()]
    name = random.choice(optional)
    more = {"choice_is": "option"} if name == "offered" else {}
    return file.text(), {name: None, **more}, []


DAMAGES = [
    an_empty_cell, a_text_for_a_number, another_code, another_reward, rows_twice, rows_lost,
    rows_shuffled, columns_in_another_order, names_swapped, a_name_changed, blanks_or_case, another_block,
    another_offer, another_trial, another_age, another_separator, a_decimal_comma, another_encoding,
    other_line_ends, stray_quotes, zero_bytes_and_marks, cut_off, odd_lines, nothing_much,
    an_argument_forgotten,
]  # fmt: skip


def outcome_of(path, arguments):
    """The data that are read and what was said, or the error, which must be one of ours."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            data = read_choices(path, **arguments)
        except ValueError as error:
            raised_in = traceback.extract_tb(error.__traceback__)[-1].filename
            assert "rwlib" in raised_in, f"raised in {raised_in}: {error}"
            assert re.search(
                r"Row \d|\.(csv|json) |column|no rows|choice|reward|label", str(error), re.IGNORECASE
            ), error
            return None, str(error)
    assert all(warning.category is UserWarning for warning in said), [
        str(warning.message) for warning in said
    ]
    return data, [str(warning.message) for warning in said]


def check_a_damaged_file(folder, file, damage, random):
    written, changes, right = damage(file, random)
    path = folder / "choices.csv"
    path.write_bytes(written if isinstance(written, bytes) else written.encode("utf-8"))
    data, said = outcome_of(path, {**file.settings, **changes})
    if data is not None and not said:
        assert contents(data) in right, f"read without a word: {damage.__name__}"
    return "refused" if data is None else "warned" if said else "right"


def check_mangled_bytes(folder, file, random):
    """Bytes changed at random: a changed digit cannot be seen, but nothing may crash."""
    as_json = random.random() < 0.3
    rows = [dict(zip(file.names, row)) for row in file.cells[1:]]
    written = bytearray((json.dumps(rows) if as_json else file.text()).encode())
    for _ in range(random.choice([1, 2, 5, 50])):
        at = random.randrange(len(written))
        written[at : at + random.choice([0, 1, 1, 40])] = random.choice(
            [b"", b"9", b'"', b",", b"\n", b"\0", b"\xff", b"[1]", b"null,"]
        )
    path = folder / ("choices.json" if as_json else "choices.csv")
    path.write_bytes(bytes(written))
    data, said = outcome_of(path, file.settings)
    return "refused" if data is None else "warned" if said else "read"


CELLS_OF_JSON = [
    None,
    [],
    [1, "a"],
    {},
    {"a": 1},
    True,
    -1,
    1e300,
    10**30,
    "x",
    "",
    "NA",
    5.5,
    float("nan"),
    float("inf"),
]


def check_a_cell_of_json(folder, file, random):
    """In JSON a cell may be anything."""
    row, name = random.randrange(1, len(file.cells)), random.choice(file.names[:-1])
    damaged = file.replaced(row, name, random.choice(CELLS_OF_JSON))
    path = folder / "choices.json"
    path.write_text(json.dumps([dict(zip(file.names, cells)) for cells in damaged.cells[1:]]))
    data, said = outcome_of(path, file.settings)
    if data is not None and not said:
        as_missed = [file.replaced(row, name, "").truth()] if name in ("choice", "reward") else []
        moved = [damaged.truth()] if name == "trial" and damaged.cells[row][file.column(name)] == -1 else []
        assert contents(data) in [
            file.truth(),
            *as_missed,
            *moved,
        ], f"read without a word: {damaged.cells[row]}"
    return "refused" if data is None else "warned" if said else "right"


def read_many(folder, n_files):
    counts = {}

    @settings(max_examples=n_files, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(
        whole_files(),
        st.sampled_from([*DAMAGES, "bytes", "bytes", "cell"]),
        st.randoms(use_true_random=False),
    )
    def read(file, damage, random):
        if damage == "bytes":
            outcome = check_mangled_bytes(folder, file, random)
        elif damage == "cell":
            outcome = check_a_cell_of_json(folder, file, random)
        else:
            outcome = check_a_damaged_file(folder, file, damage, random)
        counts[outcome] = counts.get(outcome, 0) + 1

    read()
    return counts


@settings(max_examples=30)
@given(file=whole_files())
def test_whole_files_are_read_rightly_and_without_a_word(tmp_path_factory, file):
    path = tmp_path_factory.mktemp("whole") / "choices.csv"
    path.write_text(file.text(), encoding="utf8")
    data, said = outcome_of(path, file.settings)
    assert said == [] and contents(data) == file.truth()


def test_damaged_files_are_read_rightly_or_named(tmp_path):
    assert set(read_many(tmp_path, 200)) >= {"refused", "warned", "right"}


@pytest.mark.slow
def test_ten_thousand_damaged_files(tmp_path):
    counts = read_many(tmp_path, 10_000)
    print(counts)
    assert sum(counts.values()) >= 10_000


# What is written is read back.


def texts(signs):
    return st.text(signs, min_size=1, max_size=6).filter(
        lambda label: label.strip() == label and not label.endswith(".0")
    )


LABELS = texts("abcXYZ019 äß,;'\"#-_.|[")
PLAIN_LABELS = texts("abcXYZ019 äß#-_.")  # of actions, which may stand in a list of what was on offer


@st.composite
def any_data(draw):
    n_people, n_trials, n_actions = draw(st.integers(1, 4)), draw(st.integers(1, 8)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = n_people, n_trials
    choices, mask = rng.integers(n_actions, size=shape), rng.random(shape) < 0.8
    mask[0, 0] = True
    offered = rng.random((*shape, n_actions)) < 0.5
    np.put_along_axis(offered, choices[..., None], True, 2)
    np.put_along_axis(offered, (choices[..., None] + 1) % n_actions, True, 2)
    parts = {
        "offered": offered,
        "block": np.sort(rng.integers(0, 3, shape), axis=1),
        "feedback": rng.random(shape) < 0.7,
        "forced": np.where(rng.random(shape) < 0.3, choices, -1),
        "before": {"cue": rng.integers(0, 5, shape), "stakes": rng.normal(size=(*shape, 2))},
        "after": {"other outcome": rng.random(shape)},
    }
    kept = draw(st.sets(st.sampled_from(sorted(parts))))

    def distinct(n, texts=LABELS):
        return draw(st.lists(st.one_of(texts, st.integers(-5, 200)), min_size=n, max_size=n, unique_by=str))

    scale = draw(st.sampled_from([(0.0, 1.0), (0.0, 100.0), (-1.0, 1.0), (-25.0, 0.5)]))
    people = (
        {"age": rng.integers(18, 80, n_people).tolist(), "group": [f"g{i % 2}" for i in range(n_people)]}
        if draw(st.booleans())
        else {}
    )
    return ChoiceData(
        choices,
        rng.random(shape).round(3),
        mask,
        n_actions,
        subjects=distinct(n_people),
        design=Design(**{name: parts[name] for name in kept}),
        people=people,
        actions=distinct(n_actions, PLAIN_LABELS),
        blocks=distinct(3) if "block" in kept else None,
        reward_scale=scale,
    )


@settings(max_examples=60, phases=[Phase.generate])
@given(data=any_data())
@pytest.mark.filterwarnings("ignore")  # of tiny data, which are suspicious
def test_what_is_written_is_read_back(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("written") / "choices.csv"
    table = write_choices(data, path)
    before = {"cue": "cue", "stakes": ["stakes_0", "stakes_1"]}
    again = read_choices(
        path,
        actions=data.actions,
        scale=data.reward_scale,
        people=[name for name, _ in data.people],
        before=before if data.design.before else (),
        after=["other outcome"] if data.design.after else (),
        **{name: name for name in ("offered", "block", "feedback", "forced") if name in table},
    )
    assert contents(again) == contents(data)
    assert again.actions == data.actions and again.reward_scale == data.reward_scale
    assert list(map(str, again.subjects)) == list(map(str, data.subjects))
    np.testing.assert_array_equal(again.mask, data.mask)
    np.testing.assert_array_equal(again.choices, data.choices)
    np.testing.assert_allclose(again.rewards[again.mask], data.rewards[data.mask], rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(again.scored, data.scored)
    assert again.people == data.people
    for mine, theirs in ((again.design.before, data.design.before), (again.design.after, data.design.after)):
        assert mine.keys() == theirs.keys()
        for name in mine:
            np.testing.assert_allclose(mine[name], theirs[name])
