"""The long studies whose results pages quote: each must be that of the code now. And how one is renewed."""

import json
import sys
import types
from contextlib import contextmanager

import pandas as pd
import pytest

from benchmarks.pieces import ROOT
from rwlib.running.fingerprint import changes
from studies import renew, results


NAMES = results.names()


PAGES = [page for folder in ("chapters", "deeper") for page in (ROOT / folder).glob("*.md")]


@pytest.mark.parametrize("name", NAMES)
def test_make_studies_takes_every_study(name):
    assert f"-m studies.{name}" in (ROOT / "Makefile").read_text(encoding="utf8")


@pytest.mark.parametrize("name", NAMES)
def test_a_renewal_runs_pieces_that_are_there(name):
    study = results.find(name)
    assert study.renewal and max(study.renewal) < len(study.pieces)


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_result_is_that_of_the_code_now(name):
    about = results.read_about(name)
    moved = changes(about["fingerprint"], results.code(results.find(name)))
    if moved and "superseded" in about:
        pytest.xfail(f"To be taken again: {about['superseded']}")
    assert not moved, (
        f"The code has moved past studies/{name}.csv: {', '.join(moved)}. Run `python -m studies.{name}`, "
        f"or `python -m studies.renew {name}` if the change should not matter."
    )


@pytest.mark.parametrize("name", [name for name in NAMES if "superseded" in results.read_about(name)])
def test_pages_say_that_a_stored_result_is_of_code_that_was_wrong(name):
    readers = [page for page in PAGES if f"studies/{name}.csv" in page.read_text(encoding="utf8")]
    assert readers
    for page in readers:
        assert "before an error of the sampler was put right" in " ".join(
            page.read_text(encoding="utf8").split()
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_result_has_as_many_rows_as_its_pieces_gave(name):
    pieces = results.read_about(name)["pieces"]
    assert len(pd.read_csv(results.table_path(name))) == sum(piece["rows"] for piece in pieces)


SCALE = 1.0
LABEL = "a"


def draws(n: int) -> pd.DataFrame:
    return pd.DataFrame({"n": n, "x": [SCALE * (i + 1) / 7 for i in range(n)], "label": LABEL})


STUDY = results.Study("toy", draws, [{"n": 2}, {"n": 3}], settings={"scale": SCALE}, renewal=(1,))


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """A toy study that has been taken, in a folder of its own; each piece is run in this process."""

    def run_study(work, pieces, folder, **settings):
        (folder := results.Path(folder) / "pieces").mkdir(parents=True, exist_ok=True)
        tables = [work(**piece) for piece in pieces]
        for piece, table in zip(pieces, tables, strict=True):
            stored = {"settings": piece, "seconds": 60.0, "columns": table.to_dict("list")}
            (folder / f"{piece['n']}.json").write_text(json.dumps(stored))
        return pd.concat(tables, ignore_index=True)

    monkeypatch.setattr(results, "HERE", tmp_path / "studies")
    monkeypatch.setattr(results.rwlib, "run_study", run_study)
    monkeypatch.setitem(sys.modules, "studies.toy", types.SimpleNamespace(STUDY=STUDY))
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "toy.py").touch()
    results.take(STUDY)


def test_what_made_a_result_is_written_beside_it(taken):
    about = results.read_about("toy")
    assert about["command"] == "python -m studies.toy"
    assert about["settings"] == {"scale": 1.0}
    assert about["minutes"] == 2.0
    assert about["pieces"][1] == {"settings": {"n": 3}, "rows": 3, "minutes": 1.0}
    assert {"python", "jax", "numpyro"} <= about["versions"].keys()
    assert about["fingerprint"] == results.code(STUDY)


def test_the_table_that_is_returned_is_the_one_that_is_stored(taken):
    table = results.stored_form(pd.concat([draws(2), draws(3)], ignore_index=True))
    pd.testing.assert_frame_equal(pd.read_csv(results.table_path("toy")), table)
    assert table["x"][0] == 0.142857


def test_a_result_whose_code_has_not_changed_is_left_alone(taken, capsys):
    before = results.about_path("toy").read_bytes()
    assert renew.main([]) == 0
    assert results.about_path("toy").read_bytes() == before
    assert "has not changed" in capsys.readouterr().out


def test_a_change_without_consequences_renews_the_fingerprint(taken, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 1.0 + 1e-9)
    assert renew.main(["toy"]) == 0
    about = results.read_about("toy")
    assert about["fingerprint"] == results.code(STUDY)
    assert about["renewals"][0]["pieces"] == [1]
    assert "SCALE (was 1.0, is 1.000000001)" in about["renewals"][0]["changes"][0]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SCALE", 1.001, "x in 3 of 3 rows, first in row 0: stored is 0.142857, now it is 0.143"),
        ("LABEL", "b", "label in 3 of 3 rows, first in row 0: stored is a, now it is b"),
    ],
)
def test_a_change_with_consequences_is_told_and_renews_nothing(taken, monkeypatch, capsys, name, value, said):
    before = results.about_path("toy").read_bytes()
    monkeypatch.setattr(sys.modules[__name__], name, value)
    assert renew.main(["toy"]) == 1
    assert said in capsys.readouterr().out
    assert results.about_path("toy").read_bytes() == before


@pytest.fixture
def on_another_machine(taken, monkeypatch):
    """A machine on which all codes give other numbers than are stored; and what the older code gives."""
    stored = results.code(STUDY)
    monkeypatch.setattr(sys.modules[__name__], "SCALE", 1.01)
    there = {"rows": draws(3), "code": stored}

    @contextmanager
    def running_beside(commit, name, settings):
        assert (commit, name, settings) == ("abc", "toy", [{"n": 3}])
        yield lambda: (there["rows"], there["code"])

    monkeypatch.setattr(renew, "running_beside", running_beside)
    return there


def test_on_another_machine_the_older_code_decides_whether_a_result_holds(on_another_machine):
    assert renew.main(["toy"]) == 1
    assert renew.main(["toy", "--beside", "abc"]) == 0
    about = results.read_about("toy")
    assert about["fingerprint"] == results.code(STUDY)
    assert about["renewals"][0]["beside"] == "abc" and about["renewals"][0]["machine"]["cores"]


def test_beside_older_code_that_draws_otherwise_nothing_is_renewed(on_another_machine):
    on_another_machine["rows"]["x"] *= 1.01
    assert renew.main(["toy", "--beside", "abc"]) == 1


def test_only_the_code_of_the_stored_result_can_vouch_for_it(on_another_machine, capsys):
    on_another_machine["code"] = {"another": "code"}
    assert renew.main(["toy", "--beside", "abc"]) == 1
    assert "what is stored is not of the code of abc" in capsys.readouterr().out


def test_a_study_that_has_lost_a_piece_is_not_renewed(taken, monkeypatch):
    shrunk = STUDY._replace(pieces=STUDY.pieces[:-1], renewal=(0,))
    monkeypatch.setitem(sys.modules, "studies.toy", types.SimpleNamespace(STUDY=shrunk))
    assert renew.renew("toy") == ["the pieces: some that are stored are no longer among those of the study"]


def test_pieces_that_were_added_are_run_and_take_their_places(taken, monkeypatch):
    before = pd.read_csv(results.table_path("toy"))
    first, *others = STUDY.pieces
    grown = STUDY._replace(pieces=[first, {"n": 4}, *others], renewal=(0, 2))
    monkeypatch.setitem(sys.modules, "studies.toy", types.SimpleNamespace(STUDY=grown))
    assert renew.renew("toy") == []
    about, table = results.read_about("toy"), pd.read_csv(results.table_path("toy"))
    assert about["fingerprint"] == results.code(grown) and about["renewals"][0]["added"] == [1]
    assert [piece["settings"] for piece in about["pieces"]] == grown.pieces
    new = range(first["n"], first["n"] + 4)
    assert [piece["rows"] for piece in about["pieces"]][:2] == [first["n"], 4]
    pd.testing.assert_frame_equal(table.drop(new).reset_index(drop=True), before)
    pd.testing.assert_frame_equal(table.loc[new].reset_index(drop=True), results.stored_form(draws(4)))


def test_a_result_that_does_not_say_what_made_it_is_refused(taken, capsys):
    results.about_path("toy").unlink()
    assert renew.main(["toy"]) == 1
    assert "no studies/toy.json that says which code made" in capsys.readouterr().out


def test_a_study_that_does_not_exist_is_refused(taken):
    with pytest.raises(ValueError, match="There is no study 'nix'.*stored ones are toy"):
        results.find("nix")


@pytest.mark.parametrize(
    ("stored", "now", "n_differences"),
    [
        ([0.123456, -1e6], [0.123457, -1.00001e6], 0),  # one in the last of six digits
        ([0.123456], [0.123459], 1),
        ([0.0], [1e-9], 0),
        ([0.0], [1e-7], 1),
        ([1.0, None], [1.0, None], 0),
        ([1.0, None], [1.0, 2.0], 1),
        ([100000], [100001], 1),  # whole numbers must be equal
        ([2, 3], [2.0, 3.0], 0),
        ([True, False], [True, True], 1),
        (["a", None], ["a", None], 0),
        (["a"], ["b"], 1),
        ([1.0], [1.0, 1.0], 1),
    ],
)
def test_tables_are_the_same_up_to_the_last_digit_that_is_stored(stored, now, n_differences):
    tables = [pd.DataFrame({"x": values}) for values in (stored, now)]
    assert len(renew.differences(*tables)) == n_differences
