"""Say what breaks with the newest versions of everything: `make newest`.

The tree is copied to `_build/newest`, and its pins are renewed from `requirements.in`. Then an environment is
made there, the book is built, and the tests run. What `requirements.in` bounds stays bounded, unless ALL=1
lifts these bounds too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
COPY = ROOT / "_build" / "newest"
LEFT_BEHIND = shutil.ignore_patterns(
    ".*_cache", ".venv*", ".git", "_build", "build", "__pycache__", "*.egg-info"
)
PYTHON = f"PYTHON={sys.executable}"
N_LINES = 15  # the last ones of a step that failed


class Step(NamedTuple):
    """Something that can break, and the command that tries it in the copy."""

    name: str
    command: list[str]
    needed_by_others: bool = False


STEPS = [
    Step("pins", ["make", "lock", PYTHON], needed_by_others=True),
    Step("install", ["make", "env", PYTHON], needed_by_others=True),
    Step("import", [".venv/bin/python", "-c", "import rwlib"], needed_by_others=True),
    Step("book", ["make", "book", PYTHON]),
    Step("tests", ["make", "test", PYTHON]),
]


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tools.newest", description=__doc__)
    options.add_argument("--all", action="store_true", help="lift the bounds of requirements.in, too")
    options.add_argument(
        "--until", choices=[step.name for step in STEPS], default="tests", help="the last step"
    )
    chosen = options.parse_args()

    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(ROOT, COPY, ignore=LEFT_BEHIND)
    listed = COPY / "requirements.in"
    held = bounds(listed.read_text(encoding="utf8"))
    if chosen.all:
        listed.write_text(without_bounds(listed.read_text(encoding="utf8")), encoding="utf8")
        held = []
    last = [step.name for step in STEPS].index(chosen.until) + 1
    broken = try_in_turn(STEPS[:last], COPY)
    before, now = (pins((folder / "requirements.txt").read_text(encoding="utf8")) for folder in (ROOT, COPY))
    print(report(broken, before, now, held, COPY))
    return int(bool(broken))


def bounds(text: str) -> list[str]:
    """What a list of requirements does not leave open."""
    return [str(one) for one in _requirements(text) if one.specifier]


def without_bounds(text: str) -> str:
    """The same list, with nothing but names."""
    return "".join(f"{one.name}\n" for one in _requirements(text))


def pins(text: str) -> dict[str, str]:
    """The version of each package in a pinned list, as far as it is for this Python and system."""
    here = [one for one in _requirements(text) if one.marker is None or one.marker.evaluate()]
    return {one.name: str(one.specifier).removeprefix("==") for one in here}


def _requirements(text):
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def try_in_turn(steps: list[Step], folder: Path) -> list[Step]:
    """Run the steps in a folder, each with a log of its own, and return those that failed."""
    # What `make newest` was told, such as another environment, is not for the copy.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")
    }
    broken = []
    for step in steps:
        print(f"{step.name}: ", end="", flush=True)
        begin = time.perf_counter()
        with log_of(step, folder).open("w", encoding="utf8") as log:
            done = subprocess.run(
                step.command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        verdict = "failed" if done.returncode else "passed"
        print(f"{verdict} after {(time.perf_counter() - begin) / 60:.1f} minutes", flush=True)
        if done.returncode:
            broken.append(step)
            if step.needed_by_others:
                break
    return broken


def log_of(step: Step, folder: Path) -> Path:
    return folder / f"newest-{step.name}.log"


def report(
    broken: list[Step], before: dict[str, str], now: dict[str, str], held: list[str], folder: Path
) -> str:
    """A short list of what moved, what was held, and what broke."""
    moved = [
        f"  {name} {before[name]} -> {now[name]}" for name in now if before.get(name, now[name]) != now[name]
    ]
    new = [f"  {name} {now[name]}, which is new" for name in now.keys() - before.keys()]
    gone = [f"  {name} {before[name]}, which is gone" for name in before.keys() - now.keys()]
    said = ["", "What moved:", *(moved + sorted(new) + sorted(gone) or ["  nothing"])]
    if held:
        said += ["", f"Held by requirements.in (ALL=1 lifts these bounds): {', '.join(held)}"]
    for step in broken:
        lines = log_of(step, folder).read_text(encoding="utf8", errors="replace").strip().splitlines()
        said += ["", f"BROKEN: {step.name}. {log_of(step, folder)} ends with"]
        said += [f"  {line}" for line in lines[-N_LINES:]]
    return "\n".join(said if broken else [*said, "", "Nothing broke."])


if __name__ == "__main__":
    sys.exit(main())
