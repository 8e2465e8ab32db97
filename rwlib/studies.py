"""Run many pieces of work over processes or machines, and keep each finished piece on disk.

A study (of recovery, of calibration, of model comparison) fits hundreds of simulated data sets. It is cut into
pieces, each a call of one function with settings of its own; Dask runs them, and what each returns is a small file.
Whatever is killed, the files stay, and the same call goes on with the pieces that are missing.
"""

import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import signal
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pandas as pd
from tqdm.auto import tqdm

# Dask is imported where it is used: half a second that only studies should cost.

__all__ = ["run_study"]


def run_study(
    work: Callable[..., pd.DataFrame],
    pieces: Sequence[Mapping[str, object]],
    folder: str | Path,
    *,
    address: str | None = None,
    progress_bar: bool | None = None,
) -> pd.DataFrame:
    """Call a function once for each piece of a study, on all cores or on a cluster, and join the tables it returns.

    Each finished piece is a file in ``folder``. After an interruption of any kind the same call goes on where the study
    was. The table is the same however often the study was interrupted and however many workers ran it, as long
    as ``work`` draws its random numbers from seeds among its settings.

    Parameters
    ----------
    work : function
        Takes one piece's settings as keyword arguments and returns a table of numbers, truth values and texts. Written at
        the top level of a module, a script or a notebook.
    pieces : sequence of dict
        Settings of each piece, all different: whatever JSON can hold. A piece should take seconds to minutes, so that starting it costs
        little and losing it, too.
    folder : path
        Where the pieces are kept. Made if it does not exist. A study may grow: pieces can be added later.
    address : str, optional
        Of a running Dask scheduler. Default: a cluster is started on this machine, with one process on each core, which use no GPU.
    progress_bar : bool, optional
        Default: shown, unless the environment variable ``RWLIB_PROGRESS_BAR`` is 0.

    Returns
    -------
    table : pandas.DataFrame
        The tables of all pieces, one below the other, in the order of ``pieces``.

    Raises
    ------
    ValueError
        If ``work`` or a piece is unsuitable, or if ``folder`` holds something else: another study, or one that was begun
        with another version of ``work``, of ``rwlib`` or of JAX.
    RuntimeError
        If pieces failed. It is raised when all others are stored, and names the settings of the first. (A piece whose worker dies is
        tried again on another, three times.)
    ConnectionError
        If no scheduler answers at ``address``, or it went away.

    Notes
    -----
    On a cluster with SLURM (``dask-jobqueue`` is a package to install beside ``rwlib``)::

        from dask_jobqueue import SLURMCluster

        cluster = SLURMCluster(cores=1, processes=1, memory="2GB", walltime="02:00:00")
        cluster.scale(jobs=100)
        table = rwlib.run_study(work, pieces, "my_study", address=cluster.scheduler_address)

    Give each worker one thread, and each GPU one worker. All need the same versions of ``rwlib`` and JAX; this is checked. Only the
    process that calls writes to ``folder``. For fewer processes than cores, start
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

        pieces = [dict(n_subjects=n, seed=seed) for n in (20, 40) for seed in range(10)]
        table = rwlib.run_study(work, pieces, "my_study")
    """
    if progress_bar is None:
        progress_bar = os.environ.get("RWLIB_PROGRESS_BAR", "1") != "0"
    identity = _identity(work)
    by_name = _named(work, [_plain(i, piece) for i, piece in enumerate(pieces)], identity)
    folder = Path(folder)
    _open_folder(folder, identity, by_name)

    missing = {name: settings for name, settings in by_name.items() if _read(folder, name) is None}
    failed = {}
    n_stored = len(by_name) - len(missing)
    with tqdm(total=len(by_name), initial=n_stored, disable=not progress_bar, desc=work.__name__, unit=" pieces", leave=False) as bar:
        if missing:
            with _cluster(address, len(missing)) as (client, keep_up):
                futures = {
                    name: client.submit(_run_piece, work, settings, _versions(), key=f"{work.__name__}-{name}", pure=False)
                    for name, settings in missing.items()
                }
                for name, future in _as_finished(futures, lambda: bar.set_postfix(workers=keep_up())):
                    if future.status == "error":
                        failed[name] = future.exception()
                    else:
                        _write(folder / "pieces" / f"{name}.json", {"settings": missing[name], "columns": future.result()})
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
            f"work is {name}; it must be a function written at the top level of a module, a script or a notebook. "
            "Settings go into the pieces, where they can be told apart."
        )
    try:
        source = inspect.getsource(work)
    except OSError:  # typed at a prompt that keeps no source
        source = ""
    return {"work": f"{work.__module__}.{name}", "source of work": _digest(source), **_versions()}


@functools.cache
def _versions():
    code = "".join(path.read_text(encoding="utf8") for path in sorted(Path(__file__).parent.glob("*.py")))
    return {"rwlib": f"{importlib.metadata.version('rwlib')}, source {_digest(code)}", "jax": jax.__version__}


def _digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(i, piece):
    """A piece as it will be read back from JSON, so that it does not matter whether it was."""
    for name, value in piece.items():
        try:
            json.dumps(value, default=_plain_number)
        except (TypeError, ValueError):
            raise ValueError(f"Piece {i} has {name} = {value!r}; settings are numbers, truth values, texts, and lists or dicts of them.") from None
    return json.loads(json.dumps(dict(piece), default=_plain_number, sort_keys=True))


def _plain_number(value):
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError


def _named(work, pieces, identity):
    """Each piece under a name that follows from its content: another setting is another piece."""
    if not pieces:
        raise ValueError("pieces is empty; a study needs at least one.")
    by_name = {}
    for i, piece in enumerate(pieces):
        try:
            inspect.signature(work).bind(**piece)
        except TypeError as error:
            raise ValueError(f"Piece {i} does not fit {work.__name__}{inspect.signature(work)}: {error}.") from None
        name = _digest(json.dumps([identity, piece]))
        if name in by_name:
            raise ValueError(f"Piece {i} is the same as piece {list(by_name).index(name)}: {piece}. Give each a seed of its own.")
        by_name[name] = piece
    return by_name


def _run_piece(work, settings, versions):
    """In the worker: one piece, as columns of plain values."""
    if versions != _versions():
        raise RuntimeError(f"This worker has {_versions()}, but the study was started with {versions}.")
    table = work(**settings)
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"{work.__name__} returned a {type(table).__name__}; it must return a pandas.DataFrame.")
    if not isinstance(table.index, pd.RangeIndex):
        raise TypeError(f"{work.__name__} returned a table whose index would be lost; make it a column with reset_index().")
    columns = {str(name): table[name].tolist() for name in table}
    for name, values in columns.items():
        for value in values:
            if not isinstance(value, bool | int | float | str | None):
                raise TypeError(f"Column {name!r} holds {value!r}; columns hold numbers, truth values and texts.")
    return columns


# The folder


def _open_folder(folder, identity, by_name):
    """Begin a study in an empty folder, or make sure that the folder's study is this one."""
    description = folder / "study.json"
    if not description.exists():
        if folder.exists() and (not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir())):
            raise ValueError(f"{str(folder)!r} is not empty, and what it holds is not a study; name a new folder.")
        (folder / "pieces").mkdir(parents=True, exist_ok=True)
        _write(description, {**identity, "pieces": by_name}, indent=2)
        return
    stored = json.loads(description.read_text(encoding="utf8"))
    for what, value in identity.items():
        if stored.get(what) != value:
            raise ValueError(
                f"The folder {str(folder)!r} holds another study: its {what} is {stored.get(what)!r}, and that of this study is {value!r}. "
                "Name a new folder."
            )
    if not stored["pieces"].keys() & by_name.keys():
        theirs, ours = (json.dumps(next(iter(pieces.values()))) for pieces in (stored["pieces"], by_name))
        raise ValueError(
            f"The folder {str(folder)!r} holds a study with other settings: its first piece is {theirs}, and that of this study is {ours}. "
            "Name a new folder."
        )
    if by_name.keys() - stored["pieces"].keys():
        _write(description, {**identity, "pieces": stored["pieces"] | by_name}, indent=2)


def _read(folder, name):
    """A stored piece's columns, or None."""
    try:
        return json.loads((folder / "pieces" / f"{name}.json").read_text(encoding="utf8"))["columns"]
    except FileNotFoundError:
        return None


def _write(path, content, indent=None):
    """JSON, in which Python's floats keep every digit. Written beside its place and moved there: a file is whole or not there."""
    temporary = path.with_name(f".{uuid.uuid4().hex}")
    with temporary.open("w", encoding="utf8") as file:
        json.dump(content, file, indent=indent)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


# The cluster


@contextmanager
def _cluster(address: str | None, n_pieces: int) -> Iterator:
    """A client of the scheduler at an address, or of a cluster on this machine; and a function that counts the workers and replaces lost ones."""
    from dask.system import CPU_COUNT
    from distributed import Client

    if address is not None:
        try:
            client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConnectionError(f"No Dask scheduler answers at address {address!r}.") from error
        with client:
            yield client, lambda: len(client.ncores())
        return
    n_workers = min(CPU_COUNT, n_pieces)
    with _main_module_hidden():
        cluster = _local_cluster(n_workers)
        with cluster, Client(cluster, set_as_default=False) as client:

            def keep_up():
                n_alive = len(client.ncores())
                if n_alive < n_workers:
                    cluster.scale(n_workers)  # a process that was killed while it started is not started again by itself
                return n_alive

            yield client, keep_up


def _local_cluster(n_workers):
    from distributed import LocalCluster

    settings = dict(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,  # a worker must not be killed since all take more than their share for a moment
        dashboard_address=None,
        # Several processes cannot share a GPU's memory unless told how; a study's small fits gain nothing there.
        env={"RWLIB_PROGRESS_BAR": "0", "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu")},
    )
    with _interrupts_held():
        for _ in range(2):
            try:
                return LocalCluster(**settings)
            except RuntimeError:  # a worker was killed while it started
                pass
        return LocalCluster(**settings)


@contextmanager
def _main_module_hidden():
    """Keep new processes from running the caller's script again: without its ``if __name__ == "__main__"`` each would start the study.

    ``multiprocessing`` imports the main module in every process that it spawns, wherever it finds the module's file.
    """
    main = sys.modules["__main__"]
    hidden = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    main.__spec__ = None
    if "__file__" in hidden:
        del main.__file__
    try:
        yield
    finally:
        for name, value in hidden.items():
            setattr(main, name, value)


@contextmanager
def _interrupts_held():
    """Let Ctrl-C reach this process only. Threads and processes inherit what is blocked when they are made."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_finished(futures, every_second):
    """Yield pieces as they finish, looking now and then rather than waiting, so that Ctrl-C is heard on every system."""
    last = 0.0
    while futures:
        for name in [name for name, future in futures.items() if future.done()]:
            future = futures.pop(name)
            if future.status not in ("finished", "error"):
                raise ConnectionError("The Dask scheduler went away. The same call goes on with the missing pieces once it is back.")
            yield name, future
        if time.monotonic() - last > 1.0:
            last = time.monotonic()
            every_second()
        time.sleep(0.05)
