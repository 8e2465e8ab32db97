"""Make the zip for a workshop: `make workshop`."""

import argparse
import shutil
import sys
import tomllib
from pathlib import Path

from tools.workshop import contents, wheelhouse
from tools.workshop.targets import PLATFORMS, PYTHONS, targets

ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tools.workshop", description=__doc__)
    options.add_argument(
        "--platforms", default="", help=f"of {', '.join(PLATFORMS)}; default: this machine's"
    )
    options.add_argument("--pythons", default="", help=f"of {', '.join(PYTHONS)}; default: all")
    chosen = options.parse_args()
    try:
        print(f"\nThe zip is ready: {make(ROOT, targets(chosen.platforms, chosen.pythons))}")
    except (ValueError, FileNotFoundError, RuntimeError) as error:
        sys.exit(str(error))


def make(root: Path, chosen: list) -> Path:
    """Lay out the folder, fetch packages for each kind of laptop, see that none is missing, and zip it."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["project"]["version"]
    wheel = root / "_build" / "dist" / f"rwlib-{version}-py3-none-any.whl"
    if not wheel.exists():
        raise FileNotFoundError(f"There is no {wheel}; make it with `make wheel`.")
    folder = root / "_build" / "workshop" / f"from-choices-to-parameters-{version}"
    shutil.rmtree(folder.parent, ignore_errors=True)
    contents.lay_out(root, folder)
    packages = folder / "packages"
    packages.mkdir()
    shutil.copy(wheel, packages)
    for target in chosen:
        print(f"Fetching packages for {target}", flush=True)
        wheelhouse.fetch(target, wheelhouse.needed(target, root), packages)
        wheelhouse.check_complete(target, packages, root / "requirements.txt")
    contents.describe(folder, version, chosen)
    return contents.pack(folder)


if __name__ == "__main__":
    main()
