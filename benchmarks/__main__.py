"""Measure whatever has not been measured yet, print the tables, write ``results.json``."""

import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib.util import find_spec

from benchmarks.pieces import HERE, ROOT, fingerprint, machine, read, versions, write
from benchmarks.tables import disagreements, print_tables

#: Contestants, and what each needs beside the course's own packages.
PEERS = {"tutorial": (), "stan": ("stan",), "pymc_nutpie": ("pymc", "nutpie")}
REPEATS = 3  # of rwlib's fit, between the slower peers, each with another seed


def main():
    pieces = ROOT / "_build" / "bench" / fingerprint()
    pieces.mkdir(parents=True, exist_ok=True)
    if any(pieces.iterdir()):
        print("Continuing with what has been measured; `make bench FRESH=1` starts anew.\n")
    contestants = measure_all(pieces)
    results = {
        "date": date.today().isoformat(),
        "command": "make bench",
        "machine": machine(),
        "versions": versions(),
        "gradient": read(pieces / "gradient.json"),
        "growth": read(pieces / "growth.json"),
        "fit": contestants,
    }
    write(HERE / "results.json", results)
    print_tables(results)
    problems = disagreements(contestants)
    print(*problems or ["All posteriors agree within Monte Carlo error."], sep="\n")
    sys.exit(bool(problems))


def measure_all(pieces):
    """Every contestant's runs; None for one that is not installed."""
    measure(pieces / "gradient.json", "gradient")
    measure(pieces / "growth.json", "growth")
    installed = {name: all(map(find_spec, packages)) for name, packages in PEERS.items()}
    # rwlib runs before and between the others, so that a busy hour of the machine hits all of them.
    for i, peer in enumerate(PEERS):
        measure_rwlib(pieces, i)
        if installed[peer]:
            measure(pieces / f"{peer}_0.json", f"contestants.{peer}")
    runs = {f"rwlib_{state}": [read(pieces / f"rwlib_{state}_{i}.json") for i in range(REPEATS)] for state in ("cold", "warm")}
    return runs | {name: [read(pieces / f"{name}_0.json")] if found else None for name, found in installed.items()}


def measure_rwlib(pieces, i):
    """Twice: with an empty cache of compiled programs, and with what the first run left there."""
    cold, warm = (pieces / f"rwlib_{state}_{i}.json" for state in ("cold", "warm"))
    if not (cold.exists() and warm.exists()):
        with tempfile.TemporaryDirectory() as cache:
            for file in cold, warm:
                file.unlink(missing_ok=True)
                measure(file, "contestants.rwlib_fit", seed=i, cache=cache)


def measure(file, module, seed=0, cache=None):
    """Run a module in a fresh process, unless its result is there. Caches of compiled programs start empty, or with ``cache``."""
    if file.exists():
        return
    print(f"{file.stem} …", end="", flush=True)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as empty:
        caches = {
            "JAX_COMPILATION_CACHE_DIR": cache or empty,
            "XDG_CACHE_HOME": empty,  # PyStan's
            "PYTENSOR_FLAGS": f"base_compiledir={empty}",
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measure", module, str(seed), str(file)]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "JAX_PLATFORMS": "cpu", **caches}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"\n{done.stderr}\n{module} failed.")
    print(f" {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next `make bench` goes on from here.")
