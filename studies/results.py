"""What a long study leaves behind: a table that pages read, and beside it what made the table.

A script of a study, ``studies/<name>.py``, says what the study is, under the name ``STUDY``, and takes it::

    from studies import results

    def piece(n_trials: int, seed: int) -> pd.DataFrame:
        ...  # what is returned is what is stored, row for row and column for column

    STUDY = results.Study(
        "recovery",                                      # the name of the script
        piece,
        [dict(n_trials=t, seed=1000 + t) for t in (50, 100, 200)],
        settings=dict(n_datasets=N_DATASETS),            # what pages want to say about the study
        renewal=(0,),                                    # pieces that `python -m studies.renew` runs again
    )

    if __name__ == "__main__":
        table = results.take(STUDY)                      # runs what is missing, stores the result, returns
        its table print(...)

It leaves ``studies/<name>.csv``, the tables of all pieces in their order with six digits of each number, and
``studies/<name>.json``, which says of it: ``command``, ``date``, ``machine``, ``versions``, ``minutes`` (of
all pieces together, each on one core), ``settings``, ``pieces`` (of each its ``settings``, ``rows`` and
``minutes``) and ``fingerprint``. ``tests/test_stored_results.py`` fails once the fingerprint is not that of
the code any more. Where the code was wrong and the study has not been taken again yet, ``superseded`` says so
by hand: that test is then expected to fail, and another one holds each page that reads the table to say it.

A piece must therefore take everything from its settings, from globals and from rwlib, and nothing from files.
Pages read both files as they read any other table and JSON."""

import hashlib
import importlib
import json
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import rwlib
from benchmarks.pieces import machine
from rwlib.running.fingerprint import Fingerprint, fingerprint

HERE = Path(__file__).parent
DIGITS = 6


class Study(NamedTuple):
    """What is run and stored.

    ``work`` and ``pieces`` are as for :func:`rwlib.run_study`, but ``work`` returns what is to be stored.
    ``settings`` is for readers: it is written into the file beside the table. ``renewal`` are the places of
    those pieces that together run all code of the study: the ones that are run again before a stored result
    is declared to be that of changed code."""

    name: str
    work: Callable[..., pd.DataFrame]
    pieces: Sequence[Mapping[str, object]]
    settings: Mapping[str, object] = {}
    renewal: tuple[int, ...] = (0,)


def table_path(name: str) -> Path:
    """Where the table of a study is stored."""
    return HERE / f"{name}.csv"


def about_path(name: str) -> Path:
    """Where it is stored what made the table."""
    return HERE / f"{name}.json"


def names() -> list[str]:
    """The studies whose results are stored."""
    return sorted(path.stem for path in HERE.glob("*.csv"))


def find(name: str) -> Study:
    """The study of ``studies/<name>.py``.

    Raises
    ------
    ValueError
        If there is no such script, or it does not say under ``STUDY`` what its study is.
    """
    if not (HERE / f"{name}.py").exists():
        raise ValueError(
            f"There is no study {name!r}: no script studies/{name}.py. The stored ones are "
            f"{', '.join(names())}."
        )
    study = getattr(importlib.import_module(f"studies.{name}"), "STUDY", None)
    if study is None or study.name != name:
        raise ValueError(
            f"studies/{name}.py does not say what its study is: it needs STUDY = results.Study({name!r}, …)."
        )
    return study


def code(study: Study) -> dict[str, str]:
    """The fingerprint of what makes a study's numbers: of its function, all that this reads, and its
    pieces."""
    return _code(study, fingerprint(study.work))


def _code(study, found):
    pieces = json.dumps(plain(study.pieces)).encode()
    return {**found.code, "pieces": hashlib.sha256(pieces).hexdigest()[:16]}


def take(study: Study) -> pd.DataFrame:
    """Run the pieces of a study that are missing, on all cores, and store its result.

    Finished pieces are kept in ``_build/studies/<name>``, in a folder for each state of the code, so that an
    interrupted study goes on where it was.

    Parameters
    ----------
    study : Study

    Returns
    -------
    table : pandas.DataFrame
        As it is stored.

    Raises
    ------
    ValueError, RuntimeError
        As :func:`rwlib.run_study` does.
    """
    found = fingerprint(study.work)  # before, since files may be edited while the study runs
    folder = folder_of(study, found)
    table = stored_form(rwlib.run_study(study.work, study.pieces, folder))
    about = describe(study, found, taken_pieces(study.pieces, folder))
    table.to_csv(table_path(study.name), index=False)
    write_about(study.name, about)
    return table


def stored_form(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is read back from its file: with six digits of each number."""
    return pd.read_csv(StringIO(table.to_csv(index=False, float_format=f"%.{DIGITS}g")))


def describe(study: Study, found: Fingerprint, pieces: list[dict]) -> dict[str, object]:
    """What the file beside a table says of it."""
    return {
        "command": f"python -m studies.{study.name}",
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": {"python": platform.python_version(), **found.packages},
        "minutes": round(sum(piece["minutes"] for piece in pieces), 1),
        "settings": plain(study.settings),
        "pieces": pieces,
        "fingerprint": _code(study, found),
    }


def read_about(name: str) -> dict:
    """What made a stored result.

    Raises
    ------
    ValueError
        If that is not stored.
    """
    path = about_path(name)
    about = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    if "fingerprint" not in about:
        raise ValueError(
            f"There is no studies/{name}.json that says which code made studies/{name}.csv. Run `python -m "
            f"studies.{name}`."
        )
    return about


def write_about(name: str, about: Mapping[str, object]) -> None:
    """Store what made a result."""
    about_path(name).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf8")


def folder_of(study: Study, found: Fingerprint) -> Path:
    """Where pieces of a study are kept while it runs, for this state of the code."""
    state = hashlib.sha256(json.dumps(found).encode()).hexdigest()[:12]
    return HERE.parent / "_build" / "studies" / study.name / state


def taken_pieces(pieces: Sequence[Mapping[str, object]], folder: Path) -> list[dict]:
    """What is written of pieces that have been run: their settings, rows and minutes."""
    taken = [json.loads(path.read_text(encoding="utf8")) for path in (folder / "pieces").glob("*.json")]
    by_settings = {json.dumps(piece["settings"], sort_keys=True): piece for piece in taken}
    found = []
    for settings in plain(pieces):
        piece = by_settings[json.dumps(settings, sort_keys=True)]
        rows = len(next(iter(piece["columns"].values()), ()))
        found.append({"settings": settings, "rows": rows, "minutes": round(piece["seconds"] / 60, 2)})
    return found


def plain(value: object) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value, default=lambda array: np.asarray(array).tolist()))
