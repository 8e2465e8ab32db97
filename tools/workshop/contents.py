"""The folder that goes to the laptops: learners' notebooks, the site, packages, and what installs them."""

import json
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from string import Template

from tools.workshop.targets import Target

STICK = Path(__file__).parent / "stick"
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", ".*")


def lay_out(root: Path, folder: Path) -> None:
    """Copy into a new folder what has been built, but for the packages.

    PDF and EPUB stay where they are: they print the solutions, and may be older than the site.

    Raises
    ------
    FileNotFoundError
        If the notebooks or the site have not been built; the message says how to do it.
    """
    built = root / "_build"
    parts = [
        ("notebooks", built / "notebooks" / "learner", "*.ipynb", "make notebooks"),
        ("website", built / "html", "index.html", "make book"),
    ]
    for _, source, must_have, command in parts:
        if not any(source.rglob(must_have)):
            raise FileNotFoundError(f"{source} holds no {must_have}; make it with `{command}`.")
    shutil.copytree(STICK, folder, ignore=LEFT_BEHIND)
    for name, source, *_ in parts:
        shutil.copytree(source, folder / name, ignore=LEFT_BEHIND)
    for path in (root / "requirements.txt", root / "LICENSE"):
        shutil.copy(path, folder)
    shutil.copytree(root / "LICENSES", folder / "LICENSES")
    for path in folder.glob("*.bat"):  # Windows reads lines that end as its own do
        path.write_text(path.read_text(encoding="utf8"), encoding="utf8", newline="\r\n")


def describe(folder: Path, version: str, targets: Sequence[Target]) -> None:
    """Say in the folder which laptops its packages are for, to people and to the installer."""
    platforms = {target.platform.name: target.platform.words for target in targets}
    pythons = list(dict.fromkeys(target.minor for target in targets))
    path = folder / "READ_ME_FIRST.txt"
    words = {"version": version, "platforms": "; ".join(platforms.values()), "pythons": " or ".join(pythons)}
    path.write_text(Template(path.read_text(encoding="utf8")).substitute(words), encoding="utf8")
    packages = folder / "packages"
    about = {
        "platforms": list(platforms),
        "pythons": pythons,
        "longest": longest_path(packages.glob("*.whl")),
    }
    (packages / "made_for.json").write_text(json.dumps(about, indent=1), encoding="utf8")


def pack(folder: Path) -> Path:
    """Write the folder to a zip beside it. Wheels are zips already, and not compressed once more."""
    target = folder.with_name(f"{folder.name}.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            kind = zipfile.ZIP_STORED if path.suffix == ".whl" else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(folder.parent), kind)
    return target


def longest_path(wheels: Iterable[Path]) -> int:
    """How many characters the longest path has that wheels bring on Windows, where paths must not be long."""
    names = (name for wheel in wheels for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/"))
    return max(len(str(_installed(PurePosixPath(name)))) for name in names)


def _installed(name):
    """Where a file of a wheel comes to lie, from the folder of the installer."""
    if name.parts[0].endswith(".data") and name.parts[1] == "data":
        return PurePosixPath(".venv", *name.parts[2:])
    if name.suffix == ".py":
        name = name.parent / "__pycache__" / f"{name.stem}.cpython-311.pyc"
    return ".venv/Lib/site-packages" / name
