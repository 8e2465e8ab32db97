"""`make newest`: which bounds are kept, which steps are tried, and what is said of them."""

import sys

import pytest

from tools import newest

LISTED = """\
# what the course uses

jax==0.10.2
numpyro
xarray<=2026.1   # trace plots fail with later ones
"""


def test_bounds_are_those_of_the_list():
    assert newest.bounds(LISTED) == ["jax==0.10.2", "xarray<=2026.1"]


def test_a_list_without_bounds_names_the_same_packages():
    assert newest.without_bounds(LISTED) == "jax\nnumpyro\nxarray\n"


def test_pins_are_those_for_this_system():
    text = "a==1\n    # via b\nc==2 ; sys_platform == 'none'\nc==3 ; sys_platform != 'none'\n"
    assert newest.pins(text) == {"a": "1", "c": "3"}


def step(name, code, **settings):
    return newest.Step(name, [sys.executable, "-c", code], **settings)


def test_what_a_step_says_is_kept(tmp_path):
    newest.try_in_turn([step("import", "import sys; print('out'); print('err', file=sys.stderr)")], tmp_path)
    assert sorted(newest.log_of(step("import", ""), tmp_path).read_text().split()) == ["err", "out"]


@pytest.mark.parametrize(["needed", "tried"], [(False, ["first", "second"]), (True, ["first"])])
def test_the_steps_after_a_failure_are_tried_unless_they_need_it(tmp_path, needed, tried):
    failing = step("first", "raise SystemExit(1)", needed_by_others=needed)
    broken = newest.try_in_turn([failing, step("second", "")], tmp_path)
    assert broken == [failing]
    assert [path.stem.removeprefix("newest-") for path in sorted(tmp_path.glob("*.log"))] == tried


def test_a_step_is_not_given_the_settings_of_the_make_that_runs_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MAKEFLAGS", "VENV=elsewhere")
    reading = step("env", "import os; print(os.environ.get('MAKEFLAGS'))")
    newest.try_in_turn([reading], tmp_path)
    assert newest.log_of(reading, tmp_path).read_text().strip() == "None"


def report(tmp_path, broken=(), before=None, now=None, held=()):
    return newest.report(list(broken), before or {}, now or {}, list(held), tmp_path)


def test_what_moved_is_listed_and_what_stayed_is_not(tmp_path):
    said = report(tmp_path, before={"a": "1", "b": "1", "c": "1"}, now={"a": "2", "b": "1", "d": "1"})
    assert "a 1 -> 2" in said and "c 1, which is gone" in said and "d 1, which is new" in said
    assert "b 1" not in said


def test_what_is_held_is_listed(tmp_path):
    assert "(ALL=1 lifts these bounds): jax==0.10.2" in report(tmp_path, held=["jax==0.10.2"])


def test_a_broken_step_is_named_with_the_end_of_its_log(tmp_path):
    failing = step("tests", "print(*range(100), sep='\\n'); raise SystemExit(1)")
    said = report(tmp_path, newest.try_in_turn([failing], tmp_path))
    assert (
        "BROKEN: tests" in said
        and "\n  99" in said
        and "\n  80\n" not in said
        and "Nothing broke" not in said
    )


def test_if_nothing_broke_it_is_said(tmp_path):
    assert report(tmp_path).endswith("Nothing broke.")
