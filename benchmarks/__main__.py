"""Measure whatever has not been measured yet, print the tables, write ``results.json``."""

import itertools
import os
import subprocess
import sys
import tempfile
import time
from datetime import date

from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import WITHOUT_FITS, depends_on
from benchmarks.pieces import HERE, ROOT, folder, machine, read, versions, write
from benchmarks.problem import PROBLEMS
from benchmarks.tables import disagreements, print_tables
from rwlib.running.fingerprint import fingerprint


def code():
    """The fingerprint of what all numbers depend on."""
    return fingerprint(
        (WITHOUT_FITS, [depends_on(*pair) for pair in itertools.product(PROBLEMS, CONTESTANTS)])
    ).code


def main():
    fingerprint_of_code = code()  # first, since files may be edited while all this runs
    found = versions()
    present = {name: c for name, c in CONTESTANTS.items() if set(c.packages) <= found.keys()}
    results = {
        "date": date.today().isoformat(),
        "command": "make bench",
        "machine": machine(),
        "versions": found,
        "fingerprint": fingerprint_of_code,
        "problems": {name: {"label": p.label, "two_modes": p.two_modes} for name, p in PROBLEMS.items()},
        "contestants": {name: described(c, name in present) for name, c in CONTESTANTS.items()},
        **{
            what: measure(folder("bench", work) / f"{what}.json", what) for what, work in WITHOUT_FITS.items()
        },
        "fits": measure_fits(present),
    }
    write(HERE / "results.json", results)
    print_tables(results)
    problems = disagreements(results)
    print(*problems or ["The posteriors of all fits that pass agree within Monte Carlo error."], sep="\n")
    sys.exit(bool(problems))


def described(contestant, installed):
    """A contestant without its code."""
    return {
        "label": contestant.label,
        "installed": installed,
        "settings": contestant.settings._asdict(),
        "num_seeds": contestant.num_seeds,
        "num_warm_seeds": contestant.num_warm_seeds,
        "why_fewer_seeds": contestant.why_fewer_seeds,
    }


def measure_fits(contestants):
    """All runs, one after the other in a flat list."""
    runs = []
    # Seed by seed through all contestants, so that a busy hour of the machine hits all of them.
    for problem in PROBLEMS:
        for seed in range(max(c.num_seeds[problem] for c in contestants.values())):
            for name, contestant in contestants.items():
                if seed < contestant.num_seeds[problem]:
                    warm = seed < contestant.num_warm_seeds[problem]
                    pieces = folder("bench", depends_on(problem, name), contestant.packages)
                    runs += measure_seed(pieces, problem, name, seed, warm)
    return runs


def measure_seed(pieces, problem, contestant, seed, warm):
    """A fresh process with nothing compiled, and for some seeds another that finds what it left."""
    states = ("cold", "warm") if warm else ("cold",)
    files = {state: pieces / f"{problem}_{contestant}_{seed}_{state}.json" for state in states}
    with tempfile.TemporaryDirectory() as compiled:
        if not all(file.exists() for file in files.values()):
            for file in files.values():  # both, since the second needs what the first one leaves
                file.unlink(missing_ok=True)
        key = {"problem": problem, "contestant": contestant, "seed": seed}
        return [
            key | {"state": state} | measure(file, problem, contestant, str(seed), state, compiled=compiled)
            for state, file in files.items()
        ]


def measure(file, *piece, compiled=None, root=ROOT):
    """What a fresh process measures, unless it is there. Compiled programs are kept in ``compiled``; the code
    is that in ``root``."""
    if not file.exists():
        print(f"{' '.join(piece)} …", end="", flush=True)
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as empty:
            place = compiled or empty
            caches = {
                "JAX_COMPILATION_CACHE_DIR": place,
                "XDG_CACHE_HOME": place,  # PyStan's
                "PYTENSOR_FLAGS": f"base_compiledir={place}",
            }
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.measure", str(file), *piece]
            environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(root), **caches}
            done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"\n{done.stderr}\n{' '.join(piece)} failed with exit status {done.returncode}.")
        print(f" {time.perf_counter() - start:.0f} s", flush=True)
    return read(file)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The next `make bench` goes on from here.")
