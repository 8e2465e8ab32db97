"""Do the stored times hold though rwlib has changed? Draw once more; if the draws are the same, write that
down.

    python -m benchmarks.renew

Benchmarks take hours, and most changes of rwlib do not touch what they measure. For each problem rwlib's
first seed is run again. If it draws what is stored (the same means, effective draws and numbers of gradients)
and takes no longer than `SLOWER` times the slowest stored run, the fingerprint in ``results.json`` becomes
that of the code now, with the date beside it, and finished pieces are kept. A change of a contestant or of
how fits are judged is not renewed but measured.
"""

import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.__main__ import code, measure
from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import WITHOUT_FITS, depends_on
from benchmarks.pieces import HERE, ROOT, folder, read, versions, write
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


def main():
    results, now = read(HERE / "results.json"), code()
    changed = changes(results.get("fingerprint", {}), now)
    if not changed:
        print("The code has not changed.")
        return
    ours = [name for name in changed if not name.startswith("rwlib")]
    if ours:
        sys.exit(f"{', '.join(ours)}: that is no part of rwlib. Run `make bench`.")
    for problem in results["problems"]:
        stored = [
            run
            for run in results["fits"]
            if (run["problem"], run["contestant"], run["state"]) == (problem, "rwlib", "cold")
        ]
        with tempfile.TemporaryDirectory() as scratch:
            again = measure(Path(scratch) / "again.json", problem, "rwlib", str(stored[0]["seed"]), "cold")
        found = differences(stored, again)
        if found:
            sys.exit(f"{problem}: {'; '.join(found)}. Run `make bench`.")
    renewal = {"date": date.today().isoformat(), "changes": changed}
    keep_pieces(results)
    write(
        HERE / "results.json",
        {**results, "fingerprint": now, "renewals": [*results.get("renewals", []), renewal]},
    )
    print("The same draws: the fingerprint is renewed.")


if __name__ == "__main__":
    main()
