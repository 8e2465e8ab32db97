"""Does a stored result hold though the code has changed? Run a piece of it again; if so, write that down.

    python -m studies.renew                    all stored results whose code has changed
    python -m studies.renew recovery           this one
    python -m studies.renew recovery --beside 497f91f      on another machine, beside the code of that commit

A result that takes an hour need not be taken again because a function was renamed. Of each study the pieces
named by its ``renewal`` are run again from their own seeds, and compared with the rows that are stored of
them. If they are the same, the fingerprint beside the table becomes that of the code now, and what was run
again is written there, too. If not, it is said what differs, nothing is written, and the exit status is 1.

A study to which pieces were added is renewed in the same way; then the new pieces are run and take their
places. Of one that has lost pieces, or changed them, nothing can be kept.

The rule: text, truth values and whole numbers must be equal; other numbers may differ by one in the last of
the six digits that are stored (relative 1e-5, or absolute 1e-8 near zero). There is no wider
tolerance for draws of a Markov chain. A change that only rounds otherwise moves them by some 1e-6 at first.
Sooner or later a chain takes another turn; from then on all that is computed from it differs by its Monte
Carlo error, and one piece cannot tell that from a fault. Such a change means that the study is taken again.
Another processor and other versions round otherwise, too. There, both codes have to run: with ``--beside``
the same pieces are run by the code of a commit as well, which must be the one that the stored result is
declared to be of, and compared with those. (Measured with a fit of ten people: unchanged, it
gave the same numbers to the last bit in every process. Rewards multiplied by 1 + 1e-7 moved its draws by 5e-6
with one thread, and made them others altogether with two.)
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import rwlib
from benchmarks.pieces import machine, tree_of
from rwlib.running.fingerprint import changes, fingerprint
from studies import results


def differences(stored: pd.DataFrame, now: pd.DataFrame) -> list[str]:
    """Say where two tables of the same piece differ by more than rounding.

    Parameters
    ----------
    stored, now : pandas.DataFrame
        Both in the form in which they are stored (:func:`studies.results.stored_form`).

    Returns
    -------
    differences : list of str
        One for each column that differs, with the first row in which it does; empty if the tables agree.

    Examples
    --------
    >>> import pandas as pd
    >>> from studies.renew import differences
    >>> stored = pd.DataFrame({"rank": [3, 4], "ess": [1.0, 2.0]})
    >>> now = pd.DataFrame({"rank": [3, 5], "ess": [1.0, 2.000001]})
    >>> differences(stored, now)
    ['rank in 1 of 2 rows, first in row 1: stored is 4, now it is 5']
    """
    if list(stored) != list(now):
        return [f"the columns: stored are {', '.join(stored)}, now they are {', '.join(now)}"]
    if len(stored) != len(now):
        return [f"the number of rows: stored are {len(stored)}, now there are {len(now)}"]
    found = []
    for name in stored:
        before, after = stored[name].to_numpy(), now[name].to_numpy()
        kinds = before.dtype.kind + after.dtype.kind
        if set(kinds) <= set("iuf") and "f" in kinds:
            same = np.isclose(after, before, rtol=1e-5, atol=1e-8, equal_nan=True)
        else:
            same = (before == after) | (pd.isna(before) & pd.isna(after))
        if not same.all():
            row = int(np.flatnonzero(~same)[0])
            count = f"{name} in {(~same).sum()} of {len(same)} rows, first in row {row}"
            found.append(f"{count}: stored is {before[row]}, now it is {after[row]}")
    return found


def rows_of(about: dict, table: pd.DataFrame, place: int) -> pd.DataFrame:
    """The rows of a stored table that one piece gave."""
    first = sum(piece["rows"] for piece in about["pieces"][:place])
    return table.iloc[first : first + about["pieces"][place]["rows"]].reset_index(drop=True)


#: Run with the code of another commit: the fingerprint of a study, and its pieces with these settings.
OF_A_COMMIT = """
import json, sys
import rwlib
from studies import results
name, wanted, folder = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
study = results.find(name)
pieces = [piece for piece in study.pieces if results.plain(piece) in wanted]
with open(f"{folder}/code.json", "w") as file:
    json.dump(results.code(study), file)
rwlib.run_study(study.work, pieces, f"{folder}/study").to_csv(f"{folder}/table.csv", index=False)
"""


@contextmanager
def running_beside(commit: str, name: str, settings: list):
    """Run pieces of a study with the code of a commit meanwhile; what is given waits for them, and returns
    their rows and the fingerprint of that code."""
    with tree_of(commit) as tree, tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", OF_A_COMMIT, name, json.dumps(settings), folder]
        process = subprocess.Popen(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)})

        def rows_and_code():
            if process.wait():
                raise RuntimeError(f"The code of {commit} ended with exit status {process.returncode}.")
            code = json.loads((Path(folder) / "code.json").read_text(encoding="utf8"))
            return pd.read_csv(Path(folder) / "table.csv"), code

        try:
            yield rows_and_code
        finally:
            process.terminate()


def renew(name: str, beside: str | None = None) -> list[str]:
    """Run the pieces of a study's renewal again, and renew its fingerprint if they give what is stored.

    Parameters
    ----------
    name : str
        Of a study whose result is stored.
    beside : str, optional
        A commit: compare with what its code gives on this machine, not with what is stored.

    Returns
    -------
    differences : list of str
        Empty if the result holds; then its file says so.

    Raises
    ------
    ValueError
        If the study does not exist or its result does not say what made it.
    """
    study, about = results.find(name), results.read_about(name)
    found, code = fingerprint(study.work), results.code(study)
    pieces, kept = results.plain(study.pieces), [piece["settings"] for piece in about["pieces"]]
    if any(settings not in pieces for settings in kept):
        return ["the pieces: some that are stored are no longer among those of the study"]
    added = [place for place, settings in enumerate(pieces) if settings not in kept]
    repeated = [place for place in study.renewal if place not in added]
    table = pd.read_csv(results.table_path(name))
    if beside is None:
        again = _again(study, repeated)
        rows = {place: rows_of(about, table, kept.index(pieces[place])) for place in repeated}
        stored = pd.concat(rows.values(), ignore_index=True)
    else:
        with running_beside(beside, name, [pieces[place] for place in repeated]) as rows_and_code:
            again = _again(study, sorted(repeated))  # in the order of the study's pieces, as there
            stored, code_there = rows_and_code()
        if code_there != about["fingerprint"]:
            return [f"the code: what is stored is not of the code of {beside}"]
    # Through a file again, so that a column has the same type whether or not it is part of a larger table.
    differing = differences(results.stored_form(stored), results.stored_form(again))
    if differing:
        return differing
    renewal = {
        "date": date.today().isoformat(),
        "pieces": repeated,
        "versions": found.packages,
        "changes": changes(about["fingerprint"], code),
        **({"beside": beside, "machine": machine()} if beside else {}),
    }
    if added:
        about, table = _with_added(study, found, about, table, added)
        table.to_csv(results.table_path(name), index=False)
        renewal["added"] = added
    renewals = [*about.get("renewals", []), renewal]
    about = {key: value for key, value in about.items() if key != "superseded"}
    results.write_about(name, {**about, "fingerprint": code, "renewals": renewals})
    return []


def _again(study, places):
    """As they were run before, in processes with a core each: other threads may round otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        return rwlib.run_study(study.work, [study.pieces[i] for i in places], f"{folder}/study")


def _with_added(study, found, about, table, added) -> tuple[dict, pd.DataFrame]:
    """What is stored of a study, with pieces that were added to it run and in their places."""
    of_all = {_key(piece["settings"]): piece for piece in about["pieces"]}
    rows = {key: rows_of(about, table, i) for i, key in enumerate(of_all)}
    new = [study.pieces[place] for place in added]
    folder = results.folder_of(study, found)
    whole = results.stored_form(rwlib.run_study(study.work, new, folder))
    of_new = results.taken_pieces(new, folder)
    ends = np.cumsum([piece["rows"] for piece in of_new])
    for piece, end in zip(of_new, ends):
        of_all[_key(piece["settings"])] = piece
        rows[_key(piece["settings"])] = whole.iloc[end - piece["rows"] : end]
    order = [_key(settings) for settings in results.plain(study.pieces)]
    about = {
        **about,
        "settings": results.plain(study.settings),
        "minutes": round(sum(of_all[key]["minutes"] for key in order), 1),
        "pieces": [of_all[key] for key in order],
    }
    return about, pd.concat([rows[key] for key in order], ignore_index=True)


def _key(settings):
    return json.dumps(settings, sort_keys=True)


def main(arguments: list[str]) -> int:
    """Renew some stored results, or all, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m studies.renew", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="studies; default: all that are stored")
    parser.add_argument("--beside", metavar="COMMIT", help="compare with this code, run on this machine")
    given, failed = parser.parse_args(arguments), False
    for name in given.names or results.names():
        try:
            failed |= not _renew_aloud(name, given.beside)
        except (ValueError, RuntimeError) as error:  # nothing is known of the result, or a piece failed
            failed = True
            print(f"{name}: {error}")
    return int(failed)


def _renew_aloud(name, beside):
    study, about = results.find(name), results.read_about(name)
    changed = changes(about["fingerprint"], results.code(study))
    if not changed:
        print(f"{name}: the code has not changed.")
        return True
    print(f"{name}: what changed is {', '.join(changed)}.")
    print(f"  Running {len(study.renewal)} of {len(study.pieces)} pieces again.", flush=True)
    found = renew(name, beside)
    if not found:
        print(f"{name}: the same numbers; the fingerprint is renewed.")
        return True
    versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
    print(f"{name}: the stored result is not that of the code now. What differs:", *found, sep="\n  ")
    print(
        f"  It was made with {about['machine']['cpu']}, {versions}. Another machine rounds otherwise: there,"
    )
    print("  name the commit whose code made it, --beside COMMIT.")
    print(f"  To take it again: python -m studies.{name}")
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
