"""Where finished pieces are kept, and what is said about the machine that measured them."""

import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGES = "rwlib", "jax", "numpyro", "numpy", "arviz-stats", "pystan", "pymc", "pytensor", "nutpie"


def fingerprint():
    """Changes with any source that was measured, so that no result outlives what it was measured on."""
    sources = sorted([*(ROOT / "rwlib").rglob("*.py"), *HERE.rglob("*.py"), ROOT / "requirements.txt"])
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def read(file):
    return json.loads(file.read_text())


def write(file, result):
    """Under another name first: a file with the right name is a finished one."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(result, indent=1) + "\n")
    unfinished.replace(file)


def machine():
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
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
