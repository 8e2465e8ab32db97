"""Install the course from this folder, without a network: python install.py

Everything goes into the folder .venv beside this file. To start from the beginning, run it again. To get rid
of the course, delete the folder.
"""
# Whatever Python a laptop has should get as far as the message that it is the wrong one: nothing here is
# newer than Python 3.6, and nothing needs a package.

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
GIGABYTES = 2.0  # what the packages take, unpacked and compiled, with some to spare
LONGEST_PATH = 259  # on Windows, as it comes
# Without a network, nobody need be asked whether to fetch news from it.
QUIET = {"fetchNews": "false", "checkForUpdates": False}


class Machine(NamedTuple):
    """What this laptop is like, as far as it matters here."""

    kind: str
    python: str
    bits: int
    folder: str
    free: float  # gigabytes on the disk


def main():
    """Install everything; return 0 if the course can be started."""
    made_for = json.loads((HERE / "packages" / "made_for.json").read_text(encoding="utf-8"))
    machine = this_machine()
    if machine.python not in made_for["pythons"]:
        other = find_python(made_for["pythons"])
        if other:
            return subprocess.call(other + [str(HERE / "install.py")])
    trouble = find_trouble(machine, made_for)
    if trouble:
        print(trouble)
        return 1
    print("1 of 3: making an environment in", HERE / ".venv", flush=True)
    python = make_environment()
    if python is None:
        print("That failed. Close Jupyter Lab if it is open; on a USB stick, copy the folder to the laptop.")
        return 1
    print("2 of 3: installing packages, which takes some minutes", flush=True)
    if install_packages(python) != 0:
        print("The packages could not be installed. Show the instructor what stands above.")
        return 1
    print("3 of 3: looking whether everything works", flush=True)
    code = run_doctor(python)
    print("To open the notebooks,", "double-click start.bat" if os.name == "nt" else "type: bash start.sh")
    return code


def this_machine():
    return Machine(
        kind=kind_of_machine(platform.system(), platform.machine()),
        python="{}.{}".format(*sys.version_info),
        bits=64 if sys.maxsize > 2**32 else 32,
        folder=str(HERE),
        free=shutil.disk_usage(str(HERE)).free / 2**30,
    )


def kind_of_machine(system, processor):
    """The name that `make workshop PLATFORMS=` has for it; for some kinds there are no packages."""
    name = {"Linux": "linux", "Windows": "windows", "Darwin": "macos"}.get(system, system)
    arm = processor.lower() in ("arm64", "aarch64")
    if name == "macos" and not arm:
        return "macos-intel"
    return name + ("-arm" if arm else "")


def find_python(versions):
    """The command of another Python on this laptop for which there are packages, or None."""
    for version in versions[::-1]:
        command = ["py", "-" + version] if os.name == "nt" else ["python" + version]
        if (
            shutil.which(command[0])
            and subprocess.call(command + ["-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            == 0
        ):
            return command
    return None


def find_trouble(machine, made_for):
    """Why the course cannot be installed here, and what to do about it; empty if it can."""
    pythons = " or ".join(made_for["pythons"])
    if machine.python not in made_for["pythons"]:
        return f"This is Python {machine.python}. Install Python {pythons}, then start the installer again."
    if machine.bits == 32:
        return "This is a Python of 32 bits. Install the 64-bit one, then start the installer again."
    if machine.kind == "macos-intel":
        return (
            "This Python was made for Macs with an Intel chip, for which there is no JAX. If yours has an "
            f"Apple chip, install Python {pythons} from python.org, then start the installer again. If not, "
            "work with a neighbour."
        )
    if machine.kind not in made_for["platforms"]:
        return f"There are packages for {', '.join(made_for['platforms'])}, but not for {machine.kind}."
    if machine.kind == "windows" and len(machine.folder) + 1 + made_for["longest"] > LONGEST_PATH:
        return f"{machine.folder} is too long a path for Windows. Move the folder to C:\\course, say."
    if machine.free < GIGABYTES:
        return f"{machine.free:.1f} GB of the disk are free, and the course needs {GIGABYTES:.0f}. Make room."
    return ""


def make_environment():
    """The path of the Python in a new environment, or None if none can be made."""
    folder = HERE / ".venv"
    # Without pip, which not every Python has; it comes from the packages.
    if subprocess.call([sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder)]) != 0:
        return None
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install_packages(python):
    """Return 0 if all are installed."""
    pip = next((HERE / "packages").glob("pip-*.whl"))
    # Isolated from settings that this laptop may have for pip, such as an address to fetch packages from.
    command = [
        str(python),
        str(pip / "pip"),
        "--isolated",
        "install",
        "--no-index",
        "--no-warn-script-location",
    ]
    command += ["--find-links", str(HERE / "packages"), "--constraint", str(HERE / "requirements.txt")]
    code = subprocess.call(command + ["pip", "rwlib[notebooks]"])
    settings = HERE / ".venv" / "share" / "jupyter" / "lab" / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = json.dumps({"@jupyterlab/apputils-extension:notification": QUIET})
    (settings / "overrides.json").write_text(quiet, encoding="utf-8")
    return code


def run_doctor(python):
    """Return 0 if nothing is wrong."""
    # If another environment is active, that is no fault of this one.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    return subprocess.call([str(python), "-m", "rwlib.doctor"], cwd=str(HERE), env=environment)


if __name__ == "__main__":
    sys.exit(main())
