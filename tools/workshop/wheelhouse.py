"""The packages of a workshop: which ones each kind of laptop needs, and a folder that holds them all.

pip can fetch wheels for another system, but decides by *this* system which packages are needed. (Windows, for
one, needs `colorama`.) So uv says what is needed there, and pip fetches just that.
"""

import subprocess
import sys
from pathlib import Path

from tools.workshop.targets import Target

UV = "uv pip compile --quiet --system-certs --no-annotate --no-header --only-binary :all:".split()
PIP = "pip download --quiet --disable-pip-version-check --no-deps --only-binary :all:".split()


def needed(target: Target, root: Path) -> list[str]:
    """What a participant needs there, pinned: what rwlib needs, Jupyter, and pip to install it all with."""
    sources = [str(root / "pyproject.toml"), "--extra", "notebooks", "-"]
    return _resolve(target, root / "requirements.txt", sources, also=["pip"])


def fetch(target: Target, packages: list[str], folder: Path) -> None:
    """Download the wheels of these packages for a target."""
    tags = [part for tag in target.platform.tags for part in ("--platform", tag)]
    done = _run(*PIP, "--python-version", target.python, *tags, "--dest", str(folder), *packages)
    if done.returncode:
        raise RuntimeError(f"The packages for {target} cannot be fetched:\n{_end(done.stderr)}")


def check_complete(target: Target, folder: Path, pins: Path) -> None:
    """Make sure that a laptop can install the course from this folder alone."""
    _resolve(target, pins, ["--no-index", "--find-links", str(folder), "-"], also=["pip", "rwlib[notebooks]"])


def _resolve(target, pins, sources, also):
    machine = ["--python-platform", target.platform.uv, "--python-version", target.python]
    # uv would look for such a Python on this machine, but needs none.
    machine += ["--python", sys.executable]
    done = _run(*UV, *machine, "--constraint", str(pins), *sources, input="\n".join(also))
    if done.returncode:
        raise RuntimeError(f"The packages for {target} are not complete:\n{_end(done.stderr)}")
    return [line for line in done.stdout.splitlines() if line]


def _run(*command, input=None):
    return subprocess.run(
        [sys.executable, "-m", *command], input=input, capture_output=True, text=True, check=False
    )


def _end(text):
    return "\n".join(text.strip().splitlines()[-8:])
