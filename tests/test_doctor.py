"""The doctor: each thing that can be wrong is found, with advice that fits it."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import jax
import pytest
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from packaging.specifiers import SpecifierSet

import rwlib
from rwlib import doctor

ROOT = Path(__file__).parent.parent
AGAIN = "Install again."
PINS = ROOT / "requirements.txt"


def versions(required=(), pinned=(), **installed):
    specifiers = [{name: SpecifierSet(allowed) for name, allowed in pairs} for pairs in (required, pinned)]
    return {finding.what: finding for finding in doctor._compare_versions(*specifiers, installed, AGAIN)}


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 5)])
def test_a_python_that_the_tests_run_on_is_accepted(version):
    assert not doctor._check_python(version, 64).advice


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python_is_told_which_ones_will_do(version):
    assert "3.11, 3.12 or 3.13" in doctor._check_python(version, 64).advice


def test_a_python_of_32_bits_is_found():
    assert "64-bit" in doctor._check_python((3, 12, 0), 32).advice


def test_an_active_environment_that_is_not_this_pythons_is_found(tmp_path):
    finding = doctor._check_environment(str(tmp_path / "other"), str(tmp_path / "course"))
    assert "other is active" in finding.found and "deactivate" in finding.advice


@pytest.mark.parametrize("active", [None, "linked"])
def test_an_environment_that_is_active_under_another_path_is_accepted(tmp_path, active):
    (tmp_path / "course").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "course")
    active = active and str(tmp_path / active)
    assert not doctor._check_environment(active, str(tmp_path / "course")).advice


def test_the_packages_of_this_environment_are_found():
    findings = {finding.what: finding for finding in doctor._check_packages(None, AGAIN)}
    assert "rwlib" in findings["packages"].found and "missing" not in findings


def test_a_package_that_is_missing_is_named():
    assert versions([("jax", ">=0.10"), ("numpy", "")], numpy="2.0")["missing"].found == "jax"


def test_a_package_below_the_minimum_is_named_with_both_versions():
    found = versions([("jax", ">=0.10")], jax="0.4.30")
    assert found["versions"].found == "jax 0.4.30 (needed >=0.10)" and found["versions"].advice == AGAIN


def test_a_package_that_is_not_the_pinned_one_is_named_with_both_versions():
    found = versions(pinned=[("jax", "==0.10.2"), ("numpy", "==2.4.6")], jax="0.10.2", numpy="2.5.0")
    assert found["pins"].found == "numpy 2.5.0 (pinned ==2.4.6)" and found["pins"].advice == AGAIN


def test_pins_of_packages_that_are_not_needed_here_do_not_matter():
    assert not versions(pinned=[("jax", "==0.10.2"), ("sphinx", "==7.4.7")], jax="0.10.2")["pins"].advice


def test_many_packages_are_named_in_part_and_counted():
    found = versions([(f"package-{i}", "") for i in range(9)])["missing"].found
    assert "package-5 and 3 more" in found and "package-6" not in found


def test_pins_for_other_systems_are_left_out(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# a comment\na==1 ; sys_platform == 'none'\n    # via b\nb==2\n")
    assert list(doctor._specifiers(doctor._lines(path))) == ["b"]


def test_lines_that_are_no_requirement_are_left_out():
    lines = ["-e .", "-r more.txt", "a==1 --hash=sha256:0", "a==1 \\", "--hash=sha256:0", "./here", "b==2"]
    assert list(doctor._specifiers(lines)) == ["b"]


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """The library is in a folder without pins, as if its wheel had been installed."""
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "site-packages" / "rwlib" / "doctor.py"))


def test_pins_are_found_beside_the_environment(tmp_path, alone):
    shutil.copy(PINS, tmp_path)
    assert doctor._pins_path(str(tmp_path / ".venv")) == tmp_path / "requirements.txt"


def test_pins_are_found_beside_the_library():
    assert doctor._pins_path("/elsewhere/.venv") == PINS


@pytest.mark.parametrize(
    "content", [b"", b"-e .\njax==0.4\n", "jax==0.4\n".encode("utf-16"), b"# Made by `make lock`\njax==0.4\n"]
)
def test_requirements_of_somebodys_own_project_are_not_the_pins(tmp_path, alone, content):
    (tmp_path / "requirements.txt").write_bytes(content)
    assert doctor._pins_path(str(tmp_path / ".venv")) is None


def test_pins_are_the_courses_also_where_lines_end_as_on_windows(tmp_path, alone):
    (tmp_path / "requirements.txt").write_bytes(PINS.read_bytes().replace(b"\n", b"\r\n"))
    assert doctor._pins_path(str(tmp_path / ".venv")) == tmp_path / "requirements.txt"


def test_what_locks_the_pins_writes_the_line_that_they_are_known_by():
    lines = (ROOT / "Makefile").read_text(encoding="utf8").splitlines()
    assert f"PINS_HEADER := \\{doctor.PINS_HEADER}" in lines


@pytest.mark.parametrize("name", ["jupyterlab", "ipywidgets", "arviz-plots"])
def test_a_package_that_only_notebooks_need_is_missed_where_the_course_is(monkeypatch, name):
    others = [one for one in metadata.distributions() if one.name.replace("_", "-") != name]
    monkeypatch.setattr(metadata, "distributions", lambda: others)
    found = {finding.what: finding for finding in doctor._check_packages(PINS, AGAIN)}
    assert found["missing"] == doctor.Finding("missing", name, AGAIN)
    assert "missing" not in {finding.what for finding in doctor._check_packages(None, AGAIN)}


def test_of_a_package_that_is_there_twice_the_first_counts(monkeypatch, tmp_path):
    (tmp_path / "numpy-1.0.dist-info").mkdir()
    (tmp_path / "numpy-1.0.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 1.0\n")
    later = metadata.Distribution.at(tmp_path / "numpy-1.0.dist-info")
    both = [*metadata.distributions(), later]
    monkeypatch.setattr(metadata, "distributions", lambda: both)
    found = doctor._check_packages(PINS, AGAIN)
    assert not any("1.0 (pinned" in str(finding) for finding in found)


def test_in_a_workshops_folder_the_advice_is_its_installer(tmp_path):
    (tmp_path / "install.py").touch()
    assert f"install.py` in {tmp_path}" in doctor._how_to_install(tmp_path / "requirements.txt")


def test_elsewhere_the_advice_is_a_command_for_this_very_python():
    assert doctor._how_to_install(PINS) == f'Type:\n{sys.executable} -m pip install -r "{PINS}"'


def test_a_python_whose_path_has_a_space_is_quoted(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/my course/python")
    assert doctor._pip_install("x") == '"/my course/python" -m pip install x'


def test_a_command_is_printed_on_a_line_of_its_own_however_long():
    command = "python -m pip install " + " ".join(["package"] * 20)
    finding = doctor.Finding("missing", "jax", f"{'Some words. ' * 10}Type:\n{command}")
    *_, words, last = str(finding).splitlines()
    assert last == " " * 22 + command and words.endswith("Type:")


def broken(tmp_path, source):
    """An environment in which a package `brittle` is this."""
    (tmp_path / "brittle.py").write_text(source)
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def test_what_a_line_prints_is_what_is_found(tmp_path):
    finding = doctor._check_import("x", "import brittle; print(brittle.a)", AGAIN, broken(tmp_path, "a = 3"))
    assert finding == doctor.Finding("x", "3")


@pytest.mark.parametrize(
    ["source", "advice"],
    [
        (
            "raise RuntimeError('jaxlib was built using AVX instructions, which your CPU')",
            "Apple silicon",
        ),
        ("raise ImportError('DLL load failed while importing _jax: not found')", "Visual C++"),
        ("raise ImportError('/lib/libc.so.6: version `GLIBC_2.28` not found')", "older than the packages"),
        ("raise RuntimeError(\"Unable to initialize backend 'cuda'\")", "JAX_PLATFORMS"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", "Apple silicon"),
        ("import os; os._exit(3)", AGAIN),
        ("import no_such_package", AGAIN),
    ],
)
def test_an_import_that_fails_gets_the_advice_that_fits(tmp_path, source, advice):
    assert advice in doctor._check_import("JAX", "import brittle", AGAIN, broken(tmp_path, source)).advice


def test_an_import_that_fails_is_told_by_its_last_line(tmp_path):
    environ = broken(tmp_path, "import no_such_package")
    found = doctor._check_import("JAX", "import brittle", AGAIN, environ).found
    assert found == "ModuleNotFoundError: No module named 'no_such_package'"


def test_an_import_that_hangs_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "START", 0.2)
    environ = broken(tmp_path, "import time; time.sleep(60)")
    assert "not done after" in doctor._check_import("JAX", "import brittle", AGAIN, environ).found


def test_a_cache_that_can_be_written_to_is_accepted(tmp_path):
    finding = doctor._check_cache({"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "programs")}, AGAIN)
    assert finding == doctor.Finding("cache", f"compiled programs are kept in {tmp_path / 'programs'}")


def test_a_cache_that_cannot_be_written_to_is_found(tmp_path):
    (tmp_path / "file").touch()  # no folder can be made below it, not even by root
    finding = doctor._check_cache({"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "file" / "programs")}, AGAIN)
    assert "cannot be written to" in finding.found and "JAX_COMPILATION_CACHE_DIR" in finding.advice


def test_the_cache_is_where_the_library_keeps_it():
    with rwlib.keep_compiled_programs():
        folder = jax.config.jax_compilation_cache_dir
    assert doctor._check_cache(os.environ, AGAIN).found.endswith(folder)


def test_a_cache_that_is_switched_off_is_no_fault():
    assert not doctor._check_cache({"JAX_ENABLE_COMPILATION_CACHE": "false"}, AGAIN).advice


@pytest.mark.parametrize(["free", "wrong"], [(1.9, True), (2.1, False)])
def test_less_than_two_gigabytes_of_memory_are_too_few(free, wrong):
    assert bool(doctor._check_memory(lambda: (free, 8.0), AGAIN).advice) == wrong


def test_the_memory_of_this_machine_is_measured():
    free, total = doctor._memory()
    assert 0 < free < total


def kernel(folder, program):
    spec = folder / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": [program, "-m", "ipykernel_launcher"], "display_name": "Python 3"}))
    return str(folder)


@pytest.mark.parametrize("program", ["python", sys.executable])
def test_a_kernel_of_this_python_is_accepted(tmp_path, monkeypatch, program):
    monkeypatch.setenv("JUPYTER_PATH", kernel(tmp_path, program))
    assert not doctor._check_kernel(PINS, AGAIN).advice


def test_a_kernel_of_another_python_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", kernel(tmp_path, "/opt/elsewhere/bin/python"))
    finding = doctor._check_kernel(PINS, AGAIN)
    assert "/opt/elsewhere/bin/python" in finding.found and "kernelspec remove" in finding.advice


def test_a_kernel_that_is_missing_can_be_made(monkeypatch):
    def refuse(manager, name):
        raise NoSuchKernel(name)

    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", refuse)
    assert doctor._check_kernel(None, AGAIN).advice.endswith(" -m ipykernel install --sys-prefix")


def test_jupyter_that_is_missing_is_found_where_the_course_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    finding = doctor._check_kernel(PINS, AGAIN)
    assert finding == doctor.Finding("notebooks", "ipykernel is not installed", AGAIN)


def test_a_wheel_without_jupyter_is_no_fault_and_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", None)
    finding = doctor._check_kernel(None, AGAIN)
    assert not finding.advice and f'{sys.executable} -m pip install "rwlib[notebooks]"' in finding.found


def test_the_extra_that_is_named_brings_jupyter_and_what_the_chapters_import():
    brought = set(doctor._specifiers(metadata.requires("rwlib"), "notebooks"))
    assert brought - set(doctor._specifiers(metadata.requires("rwlib"))) >= {"jupyterlab", "arviz-plots"}


def test_a_fit_is_made_and_accepted():
    assert doctor._small_fit(20, 100)


@pytest.mark.parametrize(
    ["report", "seconds", "advice"],
    [(True, 12.0, ""), (True, 95.0, "Plug"), (None, 12.0, "computes something else")],
)
def test_a_fit_is_judged_by_its_check_and_its_time(report, seconds, advice):
    report = report or type("Refused", (tuple,), {"problems": ("R-hat is 1.3.",)})()
    finding = doctor._judge_fit(report, seconds, AGAIN)
    assert advice in finding.advice and bool(finding.advice) == bool(advice)


def test_an_error_of_the_fit_is_a_finding(monkeypatch):
    monkeypatch.setattr(doctor, "_small_fit", lambda *sizes: {}["beta"])
    assert doctor._check_fit(AGAIN) == doctor.Finding("a fit", "KeyError: 'beta'", AGAIN)


@pytest.mark.parametrize(["advice", "code"], [("", 0), ("Do this.", 1)])
def test_the_exit_code_says_whether_anything_is_wrong(monkeypatch, capsys, advice, code):
    monkeypatch.setattr(
        doctor, "diagnose", lambda: iter([doctor.Finding("a", "b"), doctor.Finding("c", "d", advice)])
    )
    assert doctor.main() == code
    assert ("WRONG  c" in capsys.readouterr().out) == bool(code)


@pytest.mark.parametrize(["pins", "ready"], [(PINS, "ready for the course."), (None, "ready for rwlib.")])
def test_a_machine_is_said_to_be_ready_for_what_is_set_up_there(monkeypatch, capsys, pins, ready):
    monkeypatch.setattr(doctor, "diagnose", lambda: iter([doctor.Finding("a", "b")]))
    monkeypatch.setattr(doctor, "_pins_path", lambda prefix: pins)
    doctor.main()
    assert capsys.readouterr().out.endswith(f"{ready}\n")


def test_an_installation_that_cannot_be_imported_is_diagnosed_all_the_same(tmp_path):
    (tmp_path / "jax.py").write_text("raise ImportError('DLL load failed while importing _jax')")
    done = subprocess.run(
        [sys.executable, "-m", "rwlib.doctor"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and not done.stderr
    assert "Visual C++" in done.stdout and "a fit" not in done.stdout
