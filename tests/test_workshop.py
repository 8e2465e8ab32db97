"""What goes to the laptops of a workshop: rwlib's wheel, packages for each kind of laptop, and the installer.

The zip itself is tried where `make workshop` has made one: installed and used with the network cut off.
"""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.workshop import __main__ as workshop
from tools.workshop import contents, wheelhouse
from tools.workshop.stick import install
from tools.workshop.targets import PLATFORMS, Target, targets

ROOT = Path(__file__).parent.parent
LINUX = Target(PLATFORMS["linux"], "3.11.0")
WINDOWS = Target(PLATFORMS["windows"], "3.12.0")


# rwlib's wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing that lies about in the tree gets in."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "rwlib", tree / "rwlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    command = [
        sys.executable,
        "-m",
        "uv",
        "build",
        "--quiet",
        "--no-build-isolation",
        "--python",
        sys.executable,
    ]
    subprocess.run([*command, "--out-dir", tree / "dist", tree], check=True)
    return next((tree / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--target",
        folder,
    ]
    subprocess.run([*command, wheel], check=True)
    return folder


def test_the_wheel_holds_all_of_rwlib_and_nothing_else(wheel):
    tree = [path for path in (ROOT / "rwlib").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == sorted(path.relative_to(ROOT).as_posix() for path in tree)


def test_an_installed_wheel_carries_the_licence(installed):
    (licence,) = installed.glob("rwlib-*.dist-info/licenses/LICENSE")
    assert licence.read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_an_installed_wheel_is_imported_with_its_figures_style(installed):
    code = "import rwlib, matplotlib.pyplot as plt; plt.style.use('rwlib.course'); print(rwlib.__file__)"
    environment = os.environ | {"PYTHONPATH": str(installed), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=installed,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(installed / "rwlib" / "__init__.py")


# Which packages a laptop needs


def write_wheel(folder, name, requires=(), tag="py3-none-any", files=("x.py",)):
    """A package without content, as an index has it."""
    folder.mkdir(exist_ok=True)
    extras = {line.split("extra == ")[1].strip("'") for line in requires if "extra == " in line}
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [
        f"Requires-Dist: {one}" for one in requires
    ]
    path = folder / f"{name}-1-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.dist-info/METADATA", "\n".join(metadata))
        archive.writestr(
            f"{name}-1.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}"
        )
        archive.writestr(f"{name}-1.dist-info/RECORD", "")
        for file in files:
            archive.writestr(file, "")
    return path


NEEDS_COLOUR = ["jupyter", "colour; sys_platform == 'win32'"]


@pytest.fixture
def packages(tmp_path):
    """All that a laptop with Linux needs."""
    folder = tmp_path / "packages"
    write_wheel(folder, "rwlib", ["jupyter; extra == 'notebooks'"])
    write_wheel(folder, "jupyter", ["colour; sys_platform == 'win32'"])
    write_wheel(folder, "pip")
    (tmp_path / "requirements.txt").write_text("jupyter==1\ncolour==1 ; sys_platform == 'win32'\n")
    return folder


def complete(target, packages):
    wheelhouse.check_complete(target, packages, packages.parent / "requirements.txt")


def test_packages_that_are_complete_for_a_laptop_are_accepted(packages):
    complete(LINUX, packages)
    write_wheel(packages, "colour")
    complete(WINDOWS, packages)


def test_a_package_that_only_the_other_system_needs_is_missed(packages):
    with pytest.raises(RuntimeError, match="windows with Python 3.12.0 are not complete(.|\n)*colour"):
        complete(WINDOWS, packages)


def test_a_wheel_for_another_python_is_no_help(packages):
    write_wheel(packages, "colour", tag="cp311-cp311-win_amd64")
    complete(Target(PLATFORMS["windows"], "3.11.0"), packages)
    with pytest.raises(RuntimeError, match="colour"):
        complete(WINDOWS, packages)


def test_versions_may_differ_between_the_releases_of_one_python(packages):
    pins = "jupyter==1 ; python_full_version < '3.11.5'\njupyter==2 ; python_full_version >= '3.11.5'\n"
    (packages.parent / "requirements.txt").write_text(pins)
    first, last = targets("linux", "3.11")
    complete(first, packages)
    with pytest.raises(RuntimeError, match="3.11.99 are not complete(.|\n)*jupyter"):
        complete(last, packages)


def test_a_version_that_is_not_the_pinned_one_is_no_help(packages):
    (packages.parent / "requirements.txt").write_text("jupyter==2\n")
    with pytest.raises(RuntimeError, match="jupyter"):
        complete(LINUX, packages)


@pytest.mark.parametrize(["target", "colour"], [(LINUX, False), (WINDOWS, True)])
def test_what_is_fetched_is_what_the_other_system_needs(packages, monkeypatch, target, colour):
    write_wheel(packages, "colour")
    project = (
        '[project]\nname = "rwlib"\nversion = "1"\n[project.optional-dependencies]\nnotebooks = ["jupyter"]\n'
    )
    (packages.parent / "pyproject.toml").write_text(project)
    for name, value in {
        "OFFLINE": "1",
        "FIND_LINKS": packages,
        "CACHE_DIR": packages.parent / "cache",
    }.items():
        monkeypatch.setenv(f"UV_{name}", str(value))
    expected = {"jupyter==1", "pip==1"} | ({"colour==1"} if colour else set())
    assert set(wheelhouse.needed(target, packages.parent)) == expected


def test_wheels_are_fetched_for_the_other_system(packages, tmp_path, monkeypatch):
    for_windows = write_wheel(packages, "binary", tag="cp312-cp312-win_amd64")
    write_wheel(packages, "binary", tag="cp312-cp312-manylinux_2_17_x86_64")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(packages))
    wheelhouse.fetch(WINDOWS, ["binary==1"], tmp_path / "fetched")
    assert [path.name for path in (tmp_path / "fetched").iterdir()] == [for_windows.name]


def test_a_package_that_cannot_be_fetched_is_named_with_the_laptop(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RuntimeError, match="windows with Python 3.12.0 cannot be fetched(.|\n)*nowhere"):
        wheelhouse.fetch(WINDOWS, ["nowhere==1"], tmp_path)


# For which laptops


def test_each_platform_is_combined_with_each_python_from_its_first_release_to_its_last():
    releases = ["3.11.0", "3.11.99", "3.13.0", "3.13.99"]
    expected = [f"{name} with Python {release}" for name in ("linux", "windows") for release in releases]
    assert [str(target) for target in targets("linux, windows", "3.11 3.13")] == expected


def test_without_a_choice_packages_are_for_machines_like_this_one():
    assert {target.platform.name for target in targets("", "")} == {install.this_machine().kind}


@pytest.mark.parametrize(
    ["platforms", "pythons", "message"], [("amiga", "", "'amiga'.*linux"), ("linux", "3.9", "'3.9'.*3.11")]
)
def test_a_laptop_that_does_not_exist_is_refused(platforms, pythons, message):
    with pytest.raises(ValueError, match=message):
        targets(platforms, pythons)


# The folder and the zip


@pytest.fixture
def tree(tmp_path):
    """A project in which everything has been built."""
    root = tmp_path / "tree"
    files = [
        "_build/notebooks/learner/chapters/01.ipynb",
        "_build/notebooks/learner/chapters/.ipynb_checkpoints/01.ipynb",
        "_build/notebooks/learner/studies/recovery.csv",
        "_build/html/index.html",
        "_build/html/.buildinfo",
        "_build/html/chapters/01.html",
        "requirements.txt",
        "LICENSE",
        "LICENSES/CC-BY-4.0.txt",
    ]
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "pyproject.toml").write_text('[project]\nname = "rwlib"\nversion = "1"\n')
    write_wheel(root / "_build" / "dist", "rwlib")
    return root


STICK = {"READ_ME_FIRST.txt", "install.py", "install.sh", "install.bat", "start.sh", "start.bat"}
PARTS = {
    *STICK,
    "requirements.txt",
    "LICENSE",
    "LICENSES/CC-BY-4.0.txt",
    "notebooks/chapters/01.ipynb",
    "notebooks/studies/recovery.csv",
    "website/index.html",
    "website/chapters/01.html",
}


@pytest.fixture
def without_index(monkeypatch):
    """Packages are made up; what was fetched for which laptop is noted down."""
    fetched = []

    def fetch(target, packages, folder):
        fetched.append(str(target))
        write_wheel(folder, f"for_{target.platform.name}".replace("-", "_"))

    monkeypatch.setattr(wheelhouse, "needed", lambda target, root: ["a==1"])
    monkeypatch.setattr(wheelhouse, "fetch", fetch)
    monkeypatch.setattr(wheelhouse, "check_complete", lambda target, folder, pins: None)
    return fetched


def test_the_zip_has_one_folder_with_all_parts(tree, without_index):
    archive = workshop.make(tree, targets("linux windows", "3.12"))
    name = "from-choices-to-parameters-1"
    assert archive == tree / "_build" / "workshop" / f"{name}.zip"
    packages = {"rwlib-1-py3-none-any.whl", "for_linux-1-py3-none-any.whl", "for_windows-1-py3-none-any.whl"}
    expected = PARTS | {f"packages/{file}" for file in packages | {"made_for.json"}}
    files = {file for file in zipfile.ZipFile(archive).namelist() if not file.endswith("/")}
    assert files == {f"{name}/{file}" for file in expected}


def test_packages_are_fetched_for_every_laptop_asked_for(tree, without_index):
    workshop.make(tree, targets("linux windows", "3.12 3.13"))
    assert without_index == [str(target) for target in targets("linux windows", "3.12 3.13")]


def test_there_is_no_zip_if_packages_are_not_complete(tree, without_index, monkeypatch):
    def refuse(target, folder, pins):
        raise RuntimeError("colour")

    monkeypatch.setattr(wheelhouse, "check_complete", refuse)
    with pytest.raises(RuntimeError, match="colour"):
        workshop.make(tree, [LINUX])
    assert not list((tree / "_build" / "workshop").glob("*.zip"))


@pytest.mark.parametrize(
    ["missing", "command"],
    [("notebooks", "make notebooks"), ("html", "make book"), ("dist", "make wheel")],
)
def test_what_has_not_been_built_is_named_with_its_command(tree, without_index, missing, command):
    shutil.rmtree(tree / "_build" / missing)
    with pytest.raises(FileNotFoundError, match=command):
        workshop.make(tree, [LINUX])


def test_a_printed_book_has_the_solutions_and_stays_behind(tree, tmp_path):
    (tree / "_build" / "print").mkdir()
    for name in ("course.pdf", "course.epub"):
        (tree / "_build" / "print" / name).touch()
    contents.lay_out(tree, tmp_path / "folder")
    files = {path for path in (tmp_path / "folder").rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path / "folder").as_posix() for path in files} == PARTS


@pytest.fixture
def folder(tree, tmp_path):
    contents.lay_out(tree, tmp_path / "folder")
    write_wheel(tmp_path / "folder" / "packages", "rwlib")
    contents.describe(tmp_path / "folder", "1", [LINUX, WINDOWS])
    return tmp_path / "folder"


def test_people_read_for_which_laptops_it_is(folder):
    text = (folder / "READ_ME_FIRST.txt").read_text()
    assert "Linux; Windows" in text and "Python 3.11 or 3.12" in text and "$" not in text


def test_the_installer_is_told_for_which_laptops_it_is(folder):
    about = json.loads((folder / "packages" / "made_for.json").read_text())
    assert about["platforms"] == ["linux", "windows"] and about["pythons"] == ["3.11", "3.12"]


def test_windows_gets_lines_that_end_as_its_own(folder):
    text = (folder / "install.bat").read_bytes()
    assert text.count(b"\n") == text.count(b"\r\n") > 0


@pytest.mark.parametrize(
    ["file", "path"],
    [
        ("a/{}/style.css", ".venv/Lib/site-packages/a/{}/style.css"),
        ("a/{}/b.py", ".venv/Lib/site-packages/a/{}/__pycache__/b.cpython-311.pyc"),
        ("a-1.data/data/share/{}/c.js", ".venv/share/{}/c.js"),
    ],
)
def test_the_longest_path_is_that_after_installing(tmp_path, file, path):
    long = "x" * 100
    wheel = write_wheel(tmp_path, "a", files=[file.format(long)])
    assert contents.longest_path([wheel]) == len(path.format(long))


# The installer


@pytest.mark.parametrize(
    ["system", "processor", "kind"],
    [
        ("Linux", "x86_64", "linux"),
        ("Linux", "aarch64", "linux-arm"),
        ("Windows", "AMD64", "windows"),
        ("Windows", "ARM64", "windows-arm"),
        ("Darwin", "arm64", "macos-arm"),
        ("Darwin", "x86_64", "macos-intel"),
    ],
)
def test_a_laptop_is_recognised(system, processor, kind):
    assert install.kind_of_machine(system, processor) == kind


MADE_FOR = {"platforms": ["linux", "windows", "macos-arm"], "pythons": ["3.11", "3.12"], "longest": 180}
LAPTOP = install.Machine("windows", "3.12", 64, "C:\\course", 50.0)


def test_a_laptop_that_the_packages_are_for_has_no_trouble():
    assert install.find_trouble(LAPTOP, MADE_FOR) == ""


@pytest.mark.parametrize(
    ["change", "said"],
    [
        ({"python": "3.14"}, "Install Python 3.11 or 3.12"),
        ({"bits": 32}, "64-bit"),
        ({"kind": "macos-intel"}, "Apple chip"),
        ({"kind": "linux-arm"}, "not for linux-arm"),
        ({"folder": "C:\\" + "x" * 80}, "too long a path"),
        ({"free": 1.5}, "Make room"),
    ],
)
def test_a_laptop_that_the_packages_are_not_for_is_told_what_to_do(change, said):
    assert said in install.find_trouble(LAPTOP._replace(**change), MADE_FOR)


def test_long_paths_are_no_trouble_but_on_windows():
    laptop = LAPTOP._replace(kind="linux", folder="/" + "x" * 200)
    assert install.find_trouble(laptop, MADE_FOR) == ""


def program(folder, name, code):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="Windows finds its Pythons in another way")
def test_another_python_is_found_if_it_works(tmp_path, monkeypatch):
    program(tmp_path, "python3.12", "exit 127")  # as pyenv's stand-in for a version that is not switched on
    program(tmp_path, "python3.11", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.find_python(["3.11", "3.12", "3.13"]) == ["python3.11"]


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_the_shell_script_starts_the_installer_in_its_own_folder(tmp_path):
    program(tmp_path, "python3", 'echo "$PWD $1"')
    program(tmp_path, "dirname", f'exec {shutil.which("dirname")} "$@"')
    shutil.copy(contents.STICK / "install.sh", tmp_path)
    done = subprocess.run(
        [shutil.which("sh"), tmp_path / "install.sh"],
        cwd="/",
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(tmp_path), "install.py"]


# The zip that was made, on a machine without a network

ZIP = next((ROOT / "_build" / "workshop").glob("*.zip"), None)

LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # set the interface's flags: up
os.execvp(sys.argv[1], sys.argv[1:])
"""


def offline(*command):
    """A command that runs where there is no network but the one inside the machine."""
    return ["unshare", "--map-root-user", "--net", sys.executable, "-c", LOOPBACK_UP, *map(str, command)]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory):
    """The zip, unpacked and installed without a network, and the environment variables of a new user."""
    if ZIP is None:
        pytest.skip("there is no zip: run `make workshop` first")
    if not shutil.which("unshare") or subprocess.run(offline("true"), check=False).returncode:
        pytest.skip("this machine does not let a process be without a network")
    home = tmp_path_factory.mktemp("home")
    shutil.unpack_archive(ZIP, home)
    folder = home / ZIP.stem
    about = json.loads((folder / "packages" / "made_for.json").read_text())
    if install.find_trouble(install.this_machine(), about):
        pytest.skip("the zip is for other machines")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environment = kept | {"HOME": str(home)}
    done = subprocess.run(
        offline("sh", folder / "install.sh"), env=environment, capture_output=True, text=True, check=False
    )
    return folder, environment, done


@pytest.mark.slow
def test_there_is_no_network_where_the_zip_is_tried(laptop):
    code = "import socket; socket.create_connection(('192.0.2.1', 9))"
    done = subprocess.run(offline(sys.executable, "-c", code), capture_output=True, text=True, check=False)
    assert "Network is unreachable" in done.stderr


@pytest.mark.slow
def test_the_course_installs_without_a_network_and_the_doctor_finds_nothing_wrong(laptop):
    _, _, done = laptop
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "This machine is ready for the course." in done.stdout


@pytest.mark.slow
def test_a_notebook_runs_without_a_network(laptop):
    folder, environment, _ = laptop
    notebook = sorted((folder / "notebooks").rglob("01*.ipynb"))[0]
    jupyter = [
        folder / ".venv" / "bin" / "python",
        "-m",
        "jupyter",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
    ]
    done = subprocess.run(
        offline(*jupyter, "--output", "executed", notebook),
        cwd=notebook.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_jupyter_lab_starts_without_a_network(laptop):
    folder, environment, _ = laptop
    lab = [
        folder / ".venv" / "bin" / "python",
        "-m",
        "jupyterlab",
        "--notebook-dir=notebooks",
        "--no-browser",
    ]
    process = subprocess.Popen(
        offline(*lab, "--allow-root"), cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        lines = []
        for line in process.stderr:  # until it says where it is, or ends
            lines.append(line)
            if "is running at" in line:
                break
    finally:
        process.terminate()
        process.wait()
    assert "is running at" in lines[-1], "".join(lines[-20:])


@pytest.mark.slow
@pytest.mark.skipif(ZIP is None, reason="there is no zip: run `make workshop` first")
def test_the_zip_is_complete_for_every_laptop_that_it_names(tmp_path):
    shutil.unpack_archive(ZIP, tmp_path)
    folder = tmp_path / ZIP.stem
    about = json.loads((folder / "packages" / "made_for.json").read_text())
    for target in targets(" ".join(about["platforms"]), " ".join(about["pythons"])):
        wheelhouse.check_complete(target, folder / "packages", folder / "requirements.txt")
