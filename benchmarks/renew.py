"""Do the stored times hold though rwlib has changed? Draw once more; if the draws are the same, write that
down.

    python -m benchmarks.renew
    python -m benchmarks.renew --beside 497f91f     on another machine, beside the code of that commit

Benchmarks take hours, and most changes of rwlib do not touch what they measure. For each problem rwlib's
first seed is run again. If it draws what is stored (the same means, effective draws and numbers of gradients)
and takes no longer than `SLOWER` times the slowest stored run, the fingerprint in ``results.json`` becomes
that of the code now, with the date beside it, and finished pieces are kept. If a model is described otherwise
that contestants are given (rwlib's `Model` has got another field, say), each contestant's first seed of the
first problem is run again, too. A change of a contestant or of how fits are judged is not renewed but
measured.

Another processor rounds otherwise, and chains then take other turns. There, name the commit whose code the
stored results are declared to be of: all that is run is run by that code, too, and their draws are compared.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import numpy as np

import rwlib
from benchmarks.__main__ import code, measure
from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import WITHOUT_FITS, depends_on
from benchmarks.pieces import HERE, ROOT, folder, machine, read, tree_of, versions, write
from rwlib.running.fingerprint import changes

SLOWER = 2.0  # machines are noisy


def differences(stored, now):
    """Say what a run draws otherwise than a stored one, or how much slower it is; nothing if it holds."""
    found = []
    for what in ("mean", "gradients", "ess", "divergences"):
        before, after = (
            np.array(list(run[what].values()) if isinstance(run[what], dict) else run[what])
            for run in (stored[0], now)
        )
        if not np.allclose(before, after, rtol=1e-5):
            found.append(f"{what}: stored is {stored[0][what]}, now it is {now[what]}")
    slowest = max(run["seconds"]["sampling"] for run in stored)
    if now["seconds"]["sampling"] > SLOWER * slowest:
        found.append(f"sampling takes {now['seconds']['sampling']:.1f} s, at most {slowest:.1f} s are stored")
    return found


def keep_pieces(results):
    """Copy the files of stored runs to the folders in which the code now looks for them."""
    places = {
        folder("bench", work) / f"{what}.json": results[what]["date"] for what, work in WITHOUT_FITS.items()
    }
    installed = versions()
    for run in results["fits"]:
        packages = CONTESTANTS[run["contestant"]].packages
        if set(packages) <= installed.keys():
            where = folder("bench", depends_on(run["problem"], run["contestant"]), packages)
            places[where / "{problem}_{contestant}_{seed}_{state}.json".format(**run)] = run["date"]
    for place, when in places.items():
        for file in (ROOT / "_build" / "bench").glob(f"*/{place.name}"):
            if not place.exists() and read(file)["date"] == when:
                shutil.copy(file, place)


def is_model(name):
    """Whether a name of the fingerprint stands for one of rwlib's models."""
    module, _, attribute = name.rpartition(".")
    return bool(module) and isinstance(getattr(importlib.import_module(module), attribute, None), rwlib.Model)


def same_settings(stored):
    """Whether all contestants are set as they were."""
    return stored.keys() == CONTESTANTS.keys() and all(
        about["settings"] == CONTESTANTS[name].settings._asdict() for name, about in stored.items()
    )


def run_again(fits, problem, contestant, beside=None):
    """Draw the first stored seed once more, and stop where the draws differ from the stored ones, or from
    those of the code in the folder ``beside``, or took far longer."""
    stored = [
        run
        for run in fits
        if (run["problem"], run["contestant"], run["state"]) == (problem, contestant, "cold")
    ]
    piece = problem, contestant, str(stored[0]["seed"]), "cold"
    with tempfile.TemporaryDirectory() as scratch:
        again = measure(Path(scratch) / "again.json", *piece)
        if beside:
            stored = [measure(Path(scratch) / "beside.json", *piece, root=beside)]
    found = differences(stored, again)
    if found:
        sys.exit(f"{problem}, {contestant}: {'; '.join(found)}. Run `make bench`.")
    print(f"{problem}, {contestant}: the same draws.", flush=True)


def code_of(tree):
    """The fingerprint of the benchmarks' code in another folder."""
    program = "import json; from benchmarks.__main__ import code; print(json.dumps(code()))"
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=tree,
        env=environment,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout)


def main(arguments=()):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.renew", description=__doc__.splitlines()[0])
    parser.add_argument("--beside", metavar="COMMIT", help="compare with this code, run on this machine")
    commit = parser.parse_args(list(arguments)).beside
    results, now = read(HERE / "results.json"), code()
    changed = changes(results.get("fingerprint", {}), now)
    if not changed:
        print("The code has not changed.")
        return
    ours = [name for name in changed if not name.startswith("rwlib")]
    models = [name for name in ours if is_model(name.split()[0])]
    if models and same_settings(results["contestants"]):
        ours = [name for name in ours if name not in models and name.split()[0] != "itself"]
    if ours:
        sys.exit(f"{', '.join(ours)}: that is no part of rwlib. Run `make bench`.")
    again = [(problem, "rwlib") for problem in results["problems"]]
    if models:
        again += [(next(iter(results["problems"])), name) for name in CONTESTANTS if name != "rwlib"]
    with tree_of(commit) if commit else nullcontext() as beside:
        if beside and code_of(beside) != results["fingerprint"]:
            sys.exit(f"What is stored is not of the code of {commit}.")
        for problem, contestant in again:
            run_again(results["fits"], problem, contestant, beside)
    renewal = {"date": date.today().isoformat(), "changes": changed}
    if commit:
        renewal |= {"beside": commit, "machine": machine()}
    keep_pieces(results)
    results.pop("superseded", None)
    write(
        HERE / "results.json",
        {**results, "fingerprint": now, "renewals": [*results.get("renewals", []), renewal]},
    )
    print("The same draws: the fingerprint is renewed.")


if __name__ == "__main__":
    main(sys.argv[1:])
