"""Run many pieces of work over processes or machines, and keep each finished piece on disk.

A study (of recovery, of calibration, of model comparison) fits hundreds of simulated data sets. It is cut
into pieces, each a call of one function with settings of its own; Dask runs them, and what each returns is a
small file. Whatever is killed, the files stay, and the same call goes on with the pieces that are missing.
"""

import functools
import hashlib
import inspect
import json
import logging
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from rwlib.running.fingerprint import changes, fingerprint
from rwlib.running.machine import shows_progress

# Dask is imported where it is used: half a second that only studies should cost.

__all__ = ["run_study"]

_GUARD = (
    'A script must call run_study below the line `if __name__ == "__main__":`, '
    "since each process that the study starts reads the script again."
)


def run_study(
    work: Callable[..., pd.DataFrame],
    pieces: Sequence[Mapping[str, object]],
    folder: str | Path,
    *,
    address: str | None = None,
    progress_bar: bool | None = None,
) -> pd.DataFrame:
    """Call a function once for each piece of a study, on all cores or on a cluster, and join its tables.

    Each finished piece is a file in ``folder``. After an interruption of any kind the same call goes on where
    the study was. The table is the same however often the study was interrupted and however many workers ran
    it, as long as ``work`` draws its random numbers from seeds among its settings.

    Parameters
    ----------
    work : function
        Takes one piece's settings as keyword arguments and returns a table of numbers, truth values and
        texts. Written at the top level of a module, a script or a notebook.
    pieces : sequence of dict
        Settings of each piece, all different: whatever JSON can hold. A piece should take seconds to minutes,
        so that starting it costs little and losing it, too.
    folder : path
        Where the pieces are kept. Made if it does not exist. A study may grow: pieces can be added later.
    address : str, optional
        Of a running Dask scheduler. Default: a cluster is started on this machine, with one process on each
        core, which use no GPU. A script must then call ``run_study`` below ``if __name__ == "__main__":``,
        since each process reads the script.
    progress_bar : bool, optional
        Default: shown, unless the environment variable ``RWLIB_PROGRESS_BAR`` is 0.

    Returns
    -------
    table : pandas.DataFrame
        The tables of all pieces, one below the other, in the order of ``pieces``.

    Raises
    ------
    ValueError
        If ``work`` or a piece is unsuitable, or if ``folder`` holds something else: another study, or one
        that was begun when ``work``, something that it reads, ``rwlib`` or a package was another one. What
        counts is the :func:`rwlib.running.fingerprint.fingerprint` of ``work``; the message names what has
        changed.
    RuntimeError
        If pieces failed. It is raised when all others are stored, and names the settings of the first. (A
        piece whose worker dies is tried again on another, three times.) Also if no process can be started.
    ConnectionError
        If no scheduler answers at ``address``, or it went away.

    Notes
    -----
    On a cluster with SLURM (``dask-jobqueue`` is a package to install beside ``rwlib``)::

        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster(cores=1, processes=1, memory="2GB", walltime="02:00:00")
        cluster.scale(jobs=100)
        table = rwlib.run_study(work, pieces, "my_study", address=cluster.scheduler_address)

    Give each worker one thread, and each GPU one worker. All need the same code and packages; this is
    checked. Only the process that calls writes to ``folder``. For fewer processes than cores, start
    ``distributed.LocalCluster(n_workers=4, threads_per_worker=1)`` and give its ``scheduler_address``.

    References
    ----------
    Rocklin, M. (2015). Dask: Parallel computation with blocked algorithms and task scheduling.
    https://doi.org/10.25080/Majora-7b98e3ed-013

    Examples
    --------
    .. code-block:: python

        def work(n_subjects, seed):
            ...  # simulate, fit with `rwlib.fit_many`, summarise
            return pd.DataFrame({"n_subjects": [n_subjects], "rmse": [rmse]})

        if __name__ == "__main__":
            pieces = [dict(n_subjects=n, seed=seed) for n in (20, 40) for seed in range(10)]
            table = rwlib.run_study(work, pieces, "my_study")
    """
    # A process that was just started, and is reading the script.
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(_GUARD)
    identity = _identity(work)
    by_name = _named(work, [_plain(i, piece) for i, piece in enumerate(pieces)])
    folder = Path(folder)
    _open_folder(folder, identity)

    missing = {name: settings for name, settings in by_name.items() if _read(folder, name) is None}
    failed = {}
    bar = tqdm(
        total=len(by_name),
        initial=len(by_name) - len(missing),
        disable=not shows_progress(progress_bar),
        desc=work.__name__,
        unit=" pieces",
        leave=False,
    )
    with bar:
        for name, piece, error in _run(work, missing, identity, address) if missing else ():
            if error:
                failed[name] = error
            else:
                _write(folder / "pieces" / f"{name}.json", {"settings": missing[name], **piece})
                bar.update()
    if failed:
        name, error = next(iter(failed.items()))
        raise RuntimeError(
            f"{len(failed)} of {len(by_name)} pieces failed; the others are stored in {str(folder)!r}. "
            f"First: {work.__name__} with {json.dumps(by_name[name])} raised {type(error).__name__}: {error}"
        ) from error
    # Always read from disk, so that a piece looks the same whether it was computed now or long ago.
    return pd.concat([pd.DataFrame(_read(folder, name)) for name in by_name], ignore_index=True)


# What a piece is


def _identity(work):
    """What must not change while a study is under way."""
    name = getattr(work, "__qualname__", repr(work))
    if not inspect.isfunction(work) or "<" in name:
        raise ValueError(
            f"work is {name}; it must be a function written at the top level of a module, a script or a "
            "notebook. Settings go into the pieces, where they can be told apart."
        )
    return _joined(fingerprint(work))


def _joined(found):
    return found.code | found.packages


_joined_once = functools.cache(lambda value: _joined(fingerprint(value)))


def _plain(i, piece):
    """A piece as it will be read back from JSON, so that it does not matter whether it was."""
    for name, value in piece.items():
        try:
            json.dumps(value, default=_plain_number)
        except (TypeError, ValueError):
            raise ValueError(
                f"Piece {i} has {name} = {value!r}; settings are numbers, truth values, texts, and lists or "
                "dicts of them."
            ) from None
    return json.loads(json.dumps(dict(piece), default=_plain_number, sort_keys=True))


def _plain_number(value):
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError


def _named(work, pieces):
    """Each piece under a name that follows from its settings: another setting is another piece."""
    if not pieces:
        raise ValueError("pieces is empty; a study needs at least one.")
    by_name = {}
    for i, piece in enumerate(pieces):
        try:
            inspect.signature(work).bind(**piece)
        except TypeError as error:
            raise ValueError(
                f"Piece {i} does not fit {work.__name__}{inspect.signature(work)}: {error}."
            ) from None
        name = hashlib.sha256(json.dumps(piece).encode()).hexdigest()[:16]
        if name in by_name:
            raise ValueError(
                f"Piece {i} is the same as piece {list(by_name).index(name)}: {piece}. Give each a seed of "
                "its own."
            )
        by_name[name] = piece
    return by_name


def _run_piece(work, settings, identity):
    """In the worker: one piece, as columns of plain values."""
    _check_worker(work, identity)
    begin = time.perf_counter()
    table = work(**settings)
    seconds = time.perf_counter() - begin
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"{work.__name__} returned a {type(table).__name__}; it must return a pandas.DataFrame."
        )
    if not isinstance(table.index, pd.RangeIndex):
        raise TypeError(
            f"{work.__name__} returned a table whose index would be lost; make it a column with "
            "reset_index()."
        )
    columns = {str(name): table[name].tolist() for name in table}
    for name, values in columns.items():
        for value in values:
            if not isinstance(value, bool | int | float | str | None):
                raise TypeError(
                    f"Column {name!r} holds {value!r}; columns hold numbers, truth values and texts."
                )
    return {"seconds": round(seconds, 3), "columns": columns}


def _check_worker(work, identity):
    """Stop a worker that runs other code: one on a machine with other versions, or one started after an edit.

    Looked up once in a process, since files that are edited later do not change what it has imported. A
    function of a script or a notebook arrives with what it reads, without its source; then only rwlib and
    packages are compared.
    """
    import rwlib

    here = _joined_once(rwlib if work.__module__ == "__main__" else work) | {"itself": identity["itself"]}
    changed = changes(identity, {name: here.get(name, value) for name, value in identity.items()})
    if changed:
        raise RuntimeError(f"This worker has other code than the study was begun with: {', '.join(changed)}.")


# The folder


def _open_folder(folder, identity):
    """Begin a study in an empty folder, or make sure that the folder's study is this one."""
    description = folder / "study.json"
    if not description.exists():
        if folder.exists() and (
            not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir())
        ):
            raise ValueError(
                f"{str(folder)!r} is not empty, and what it holds is not a study; name a new folder."
            )
        (folder / "pieces").mkdir(parents=True, exist_ok=True)
        _write(description, identity)
        return
    stored = json.loads(description.read_text(encoding="utf8"))
    if stored.get("itself") != identity["itself"]:
        raise ValueError(
            f"The folder {str(folder)!r} holds another study, of {stored.get('itself')}; this one is of "
            f"{identity['itself']}. Name a new folder."
        )
    changed = changes(stored, identity)
    if changed:
        raise ValueError(
            f"The study in {str(folder)!r} was begun with other code. What changed: {', '.join(changed)}. "
            "Name a new folder, or undo the change."
        )


def _read(folder, name):
    """A stored piece's columns, or None."""
    try:
        return json.loads((folder / "pieces" / f"{name}.json").read_text(encoding="utf8"))["columns"]
    except FileNotFoundError:
        return None


def _write(path, content):
    """JSON, where floats keep every digit. Written beside its place and moved there: whole or not there."""
    temporary = path.with_name(f".{uuid.uuid4().hex}")
    with temporary.open("w", encoding="utf8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


# The cluster


def _run(work, pieces, identity, address):
    """Yield (name, result, error) of each piece as it finishes; of result and error one is None."""
    from distributed import as_completed

    with _client(address, len(pieces)) as client:
        futures = {
            client.submit(
                _run_piece, work, settings, identity, key=f"{work.__name__}-{name}", pure=False
            ): name
            for name, settings in pieces.items()
        }
        for future in as_completed(futures, loop=client.loop):
            if future.status not in ("finished", "error"):
                raise ConnectionError(
                    "The Dask scheduler went away. The same call goes on with the missing pieces once it is "
                    "back."
                )
            error = future.exception()
            yield futures[future], None if error else future.result(), error


@contextmanager
def _client(address, n_pieces):
    """A client of the scheduler at an address, or of a cluster on this machine."""
    from dask.system import CPU_COUNT
    from distributed import Client, LocalCluster

    if address is not None:
        try:
            client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(f"No Dask scheduler answers at address {address!r}.") from error
        with client:
            yield client
        return
    n_workers = min(CPU_COUNT, n_pieces)
    try:
        cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,  # a worker must not be killed since all take more than their share for a moment
            dashboard_address="127.0.0.1:0",  # a free port, for this machine only
            silence_logs=logging.ERROR,  # that a worker was replaced, or took seconds to leave, is no news
            # Ctrl-C goes to all processes of a terminal. Only this one is to answer it.
            preload=["import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"],
            # Processes cannot share a GPU's memory unless told how, and small fits gain nothing there.
            env={"RWLIB_PROGRESS_BAR": "0", "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu")},
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"The processes of the study did not start; what they said stands above. {_GUARD}"
        ) from error
    with cluster, Client(cluster, set_as_default=False) as client:
        # A worker that is killed is started again, but not always one that is killed while it starts.
        cluster.adapt(minimum=n_workers, maximum=n_workers)
        yield client
