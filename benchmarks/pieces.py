"""Where finished pieces are kept, and what is said about the code and the machine that measured them."""

import hashlib
import json
import os
import platform
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rwlib.running.fingerprint import fingerprint

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = (
    *("rwlib", "jax", "jaxlib", "numpyro", "numpy", "arviz-stats"),
    *("pystan", "httpstan", "pymc", "pytensor", "nutpie"),
)


def folder(kind, work, packages=()):
    """Where pieces are kept: another folder whenever the code that measures them, or a package, has changed.

    Parameters
    ----------
    kind : str
        ``"bench"`` or ``"scale"``.
    work : function, or tuple of functions and values
        What the pieces' numbers depend on; see :func:`rwlib.running.fingerprint.fingerprint`.
    packages : tuple of str
        Whose versions count beside those that the fingerprint knows of.

    Returns
    -------
    folder : Path
        It exists.
    """
    found = fingerprint(work)._asdict() | {"peers": {name: versions()[name] for name in packages}}
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]
    place = ROOT / "_build" / kind / digest
    place.mkdir(parents=True, exist_ok=True)
    return place


def read(file):
    return json.loads(file.read_text(encoding="utf8"))


def write(file, result):
    """Under another name first: a file with the right name is a finished one."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
    unfinished.replace(file)


@contextmanager
def tree_of(commit):
    """The files of a commit, in a folder that is there for a while."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)


def machine():
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        cpu = said.get("model name", cpu)
        # Some clouds call all their processors by one name.
        if {"cpu family", "model"} <= said.keys():
            cpu += f" (family {said['cpu family']}, model {said['model']})"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": cpu, "cores": cores, "system": platform.system()}


def versions():
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            pass  # a peer that is not installed
    return found
