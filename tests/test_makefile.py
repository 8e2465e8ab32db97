"""What `make` finds on a machine and says of it, in a copy of the Makefile."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

with_make = pytest.mark.skipif(os.name == "nt" or not shutil.which("make"), reason="needs make and a shell")


def program(path, code):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A machine with the course's Makefile and a pyenv that has Python 3.13, which is not switched on."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for version in ("3.11", "3.12", "3.13"):
        program(tmp_path / "path" / f"python{version}", "exit 127")
    program(tmp_path / "pyenv" / "libexec" / "pyenv", "exit 1")
    program(tmp_path / "pyenv" / "versions" / "3.13.1" / "bin" / "python", f'exec {sys.executable} "$@"')
    return tmp_path


def make(machine, *arguments, **environment):
    path = f"{machine / 'path'}:/usr/bin:/bin"
    return subprocess.run(
        ["make", *arguments],
        cwd=machine,
        env={"PATH": path, "HOME": str(machine)} | environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def pythons_found(machine, **environment):
    """Those of which make says where they are. It prints the commands for them, and runs none."""
    lines = make(machine, "--dry-run", "test-pythons", "TESTS=tests/x.py", **environment).splitlines()
    return dict(line.split(": ") for line in lines if line.startswith("Python ") and ": " in line)


@with_make
def test_a_python_that_pyenv_has_not_switched_on_is_found_where_pyenv_is_said_to_be(machine):
    found = pythons_found(machine, PYENV_ROOT=str(machine / "pyenv"))
    assert found == {"Python 3.13": f"{machine}/pyenv/versions/3.13.1/bin/python"}


@with_make
def test_a_python_that_pyenv_has_not_switched_on_is_found_where_pyenv_says(machine):
    program(machine / "path" / "pyenv", f"echo {machine / 'pyenv'}")
    assert pythons_found(machine) == {"Python 3.13": f"{machine}/pyenv/versions/3.13.1/bin/python"}


@with_make
def test_a_python_that_pyenv_has_not_switched_on_is_found_beside_its_program(machine):
    (machine / "path" / "pyenv").symlink_to(machine / "pyenv" / "libexec" / "pyenv")
    (found,) = pythons_found(machine, PYENV_ROOT="/nowhere").values()
    assert Path(found).resolve() == machine.resolve() / "pyenv/versions/3.13.1/bin/python"


@with_make
def test_a_python_on_the_path_is_preferred(machine):
    program(machine / "path" / "python3.13", f'exec {sys.executable} "$@"')
    assert pythons_found(machine, PYENV_ROOT=str(machine / "pyenv")) == {"Python 3.13": "python3.13"}


@with_make
def test_where_there_is_no_python_make_says_so(machine):
    program(machine / "path" / "pyenv", "exit 1")
    said = make(machine, "--dry-run", "test-pythons", "PYTHONS=3.12 3.13")
    assert said.splitlines()[-2:] == [f"Python 3.{minor} is not on this machine" for minor in (12, 13)]


@with_make
def test_those_tests_run_that_are_named_and_in_an_environment_of_its_own(machine):
    arguments = ["--dry-run", "test-pythons", "PYTHONS=3.13", "TESTS=a.py b.py"]
    said = make(machine, *arguments, PYENV_ROOT=str(machine / "pyenv"))
    (line,) = [line for line in said.splitlines() if "-m pytest" in line]
    assert line.startswith("_build/venv-3.13/bin/python") and line.endswith(" a.py b.py")


def said_before_the_slow_tests(machine):
    program(machine / "bin" / "python", "echo tests")
    nothing_is_set_up = ["--old-file=env", "--old-file=wheel"]
    said = make(machine, "test-slow", f"BIN={machine / 'bin'}", *nothing_is_set_up)
    return said.partition(f"{machine / 'bin'}/python")[0].splitlines()


@with_make
def test_before_slow_tests_it_is_said_what_they_skip_and_what_makes_it(machine):
    notebooks, zipped = said_before_the_slow_tests(machine)
    assert notebooks.startswith("Skipped") and "make notebooks" in notebooks
    assert zipped.startswith("Skipped") and "make workshop" in zipped


@with_make
def test_before_slow_tests_nothing_is_said_where_all_is_made(machine):
    (machine / "_build" / "notebooks" / "learner").mkdir(parents=True)
    (machine / "_build" / "workshop").mkdir()
    (machine / "_build" / "workshop" / "course.zip").touch()
    assert not said_before_the_slow_tests(machine)
