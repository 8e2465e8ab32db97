"""A fit on disk: everything inside, and never a half-written file taken for a whole one."""

import hashlib
import io
import json
import os
import platform
import warnings
from importlib.metadata import version
from pathlib import Path

import xarray as xr

from rwlib.fitting.diagnostics import check

__all__ = ["load", "save"]

MARK = b"rwlib fit, SHA-256 "  # and 32 bytes, behind what netCDF needs
PACKAGES = ("rwlib", "jax", "numpyro", "numpy", "xarray")


def save(fit: xr.DataTree, path: str | Path) -> Path:
    """Write a fit, with its data, settings, seed, versions and the verdict of ``check``, as netCDF.

    The file is written under another name first and renamed when it is whole; at its end stands a checksum
    that :func:`load` compares. Any program that reads netCDF-4 can open it. A fit that ``check`` refuses is
    written as well, with that verdict.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    path : path
        Must end with ``.nc``. A file that is there is replaced.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If the name ends otherwise, or ``fit`` is no fit or holds no draws.
    OSError
        If the file cannot be written; one that was there stays as it was.

    Examples
    --------
    >>> import tempfile
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], subjects=["ada"])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, **short)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = rwlib.load(rwlib.save(fit, f"{folder}/fit.nc"))
    >>> again.posterior["beta"].equals(fit.posterior["beta"])
    True
    """
    path = Path(path)
    if path.suffix != ".nc":
        raise ValueError(f"The path is {str(path)!r}; a fit is netCDF, so let its name end with '.nc'.")
    report = check(fit)
    versions = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    whole = fit.copy()
    whole.attrs = {
        **{name: _plain(value) for name, value in fit.attrs.items()},
        "check": str(report),
        "check_passes": int(bool(report)),
        "versions": fit.attrs.get("versions", json.dumps(versions)),  # of a loaded fit, those that drew it
    }
    for node in whole.subtree:
        if node.path != "/":
            node.attrs = {name: _plain(value) for name, value in node.attrs.items()}
    written = io.BytesIO()
    whole.to_netcdf(written, engine="h5netcdf")
    content = written.getvalue()
    unfinished = path.with_name(f"{path.name}.unfinished-{os.getpid()}")
    try:
        unfinished.write_bytes(content + MARK + hashlib.sha256(content).digest())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _plain(value):
    """What netCDF can hold as an attribute."""
    return int(value) if isinstance(value, bool) else "" if value is None else value


def load(path: str | Path) -> xr.DataTree:
    """Read a fit that :func:`save` wrote.

    Parameters
    ----------
    path : path

    Returns
    -------
    fit : xarray.DataTree
        As :func:`rwlib.fitting.inference.fit` returned it. Among its attributes are also ``check`` (the
        verdict in words), ``check_passes`` (1 or 0) and ``versions`` (JSON, of Python and of the packages
        that made it). The model's code is not needed.

    Raises
    ------
    ValueError
        If the file is no fit, or damaged.
    FileNotFoundError
        If there is none.

    Warns
    -----
    UserWarning
        If another version of rwlib made the fit.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import rwlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "fit.nc")
    ...     size = path.write_bytes(b"the first half of a file")
    ...     try:
    ...         rwlib.load(path)
    ...     except ValueError as error:
    ...         print(str(error).removeprefix(str(path)))
     is no fit that rwlib.save wrote, or not all of it is there. Copy the file once more, or fit again.
    """
    path = Path(path)
    content = path.read_bytes()
    end = len(content) - 32 - len(MARK)
    if end < 0 or content[end : end + len(MARK)] != MARK:
        raise ValueError(
            f"{path} is no fit that rwlib.save wrote, or not all of it is there. Copy the file once more, or "
            "fit again."
        )
    if hashlib.sha256(content[:end]).digest() != content[-32:]:
        raise ValueError(
            f"{path} is damaged: its content has changed since it was written. Take another copy."
        )
    fit = xr.open_datatree(io.BytesIO(content[:end]), engine="h5netcdf").load()
    made_with, now = json.loads(fit.attrs["versions"])["rwlib"], version("rwlib")
    if made_with != now:
        warnings.warn(
            f"{path} was made with rwlib {made_with}, and this is {now}: numbers stay, but functions may "
            "expect other parts.",
            stacklevel=2,
        )
    return fit
