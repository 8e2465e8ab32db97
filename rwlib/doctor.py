"""Say whether this machine is ready for the course, and what to do if not: ``python -m rwlib.doctor``.

It looks at the Python that runs it: where ``make`` set the course up and no environment is active, that is
``.venv/bin/python -m rwlib.doctor``. It prints a line for each thing that it looks at, and a line of advice
for each thing that is wrong. The exit code is 0 if nothing is wrong and 1 otherwise.
"""

import io
import os
import platform
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from rwlib.running.machine import n_cores  # imports nothing that may be broken

# Nothing else is imported up here: a package that is missing or broken is a finding, and not a traceback.

__all__ = ["Finding", "diagnose", "main"]

PYTHONS = ((3, 11), (3, 12), (3, 13))  # those on which the tests run
MEMORY = 2.0  # gigabytes that should be free
SECONDS = 60.0  # a machine on which the fit takes longer is busy, or not fit for a workshop
START = 300.0  # seconds that a package may take to be imported, even while a virus scanner reads it
MAIN_PACKAGES = ("jax", "jaxlib", "numpyro", "numpy", "arviz-base", "arviz-stats", "rwlib")
N_NAMED = 6  # how many packages a text names
#: How the course's requirements.txt begins, as `make lock` writes it: anybody may have a file of that name.
PINS_HEADER = "# Made by `make lock` from requirements.in. Do not edit by hand."
IMPORTS = {
    "JAX's devices": "import jax; print(*jax.devices(), sep=', ')",
    "rwlib": "import rwlib; print(rwlib.__path__[0])",
}

NO_AVX = (
    "JAX needs a processor that knows the instructions called AVX. On a Mac with an Apple chip, this Python "
    "was made for Intel: install the one for Apple silicon. A virtual machine can be told to pass AVX on. A "
    "processor without it, from before 2012, cannot run JAX."
)
NO_DEVICE = "JAX finds no device of the kind that the environment variable JAX_PLATFORMS names: remove it."
#: What an import that fails may say, and what to do about it.
KNOWN_ERRORS = {
    "AVX": NO_AVX,
    "DLL load failed": "Install the Microsoft Visual C++ Redistributable for x64, and try again.",
    "GLIBC": "This Linux is older than the packages allow: use one with glibc 2.28 or newer.",
    "Unable to initialize backend": NO_DEVICE,
    "_default_backend is not None": NO_DEVICE,
}
ILLEGAL_INSTRUCTION = (-4, 0xC000001D)  # how a process ends that has met one, on Unix and on Windows


class Finding(NamedTuple):
    """One thing that was looked at. ``advice`` says what to do about it, and is empty if all is well.

    Where the advice has several lines, those from the second one on are commands. They are printed as they
    are, so that they can be copied.

    Examples
    --------
    >>> from rwlib.doctor import Finding
    >>> print(Finding("memory", "1.2 of 8.0 GB are free", "Close other programs."))
    WRONG  memory         1.2 of 8.0 GB are free
                          Close other programs.
    """

    what: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        line = f"{'WRONG' if self.advice else 'ok':<7}{self.what:<15}{self.found}"
        words, *commands = self.advice.split("\n")
        wrapped = textwrap.wrap(words, width=80, break_long_words=False, break_on_hyphens=False)
        return "\n".join([line, *(f"{' ' * 22}{part}" for part in [*wrapped, *commands])])


def main() -> int:
    """Print what :func:`diagnose` finds.

    Returns
    -------
    code : int
        0 if nothing is wrong, 1 otherwise.

    Examples
    --------
    .. code-block:: console

        $ .venv/bin/python -m rwlib.doctor
        ok     Python         3.11.7, 64 bits, /home/ada/course/.venv/bin/python
        ok     system         Linux-6.8.0-x86_64
        …
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # an old console may not know every letter of a path
        sys.stdout.reconfigure(errors="replace")
    n_wrong = 0
    for finding in diagnose():
        print(finding, flush=True)
        n_wrong += bool(finding.advice)
    print(
        f"\nThings that are wrong: {n_wrong}. What to do stands below each."
        if n_wrong
        else f"\nThis machine is ready for {'the course' if _pins_path(sys.prefix) else 'rwlib'}."
    )
    return int(n_wrong > 0)


def diagnose() -> Iterator[Finding]:
    """Look at Python, the packages and the machine, and fit a small data set where that is possible.

    Yields
    ------
    finding : Finding
        As soon as it is known. The last one, the fit, takes about ten seconds.

    Examples
    --------
    .. code-block:: python

        wrong = [finding for finding in rwlib.doctor.diagnose() if finding.advice]
    """
    pins = _pins_path(sys.prefix)
    again = _how_to_install(pins)
    yield _check_python(sys.version_info[:3], 64 if sys.maxsize > 2**32 else 32)
    yield Finding("system", platform.platform())
    yield _check_environment(os.environ.get("VIRTUAL_ENV"), sys.prefix)
    yield from _check_packages(pins, again)
    yield _check_cache(os.environ, again)
    yield Finding("cores", str(n_cores()))
    yield _check_memory(_memory, again)
    yield _check_kernel(pins, again)
    for what, code in IMPORTS.items():
        finding = _check_import(what, code, again)
        yield finding
        if finding.advice:
            return  # what comes after it would fail in the same way
    yield _check_fit(again)


# Python and its packages


def _check_python(version: tuple[int, int, int], bits: int) -> Finding:
    found = f"{'.'.join(map(str, version))}, {bits} bits, {sys.executable}"
    if bits == 32:
        return Finding("Python", found, "JAX needs 64 bits: install the 64-bit Python for this system.")
    if version[:2] not in PYTHONS:
        return Finding("Python", found, "The course needs Python 3.11, 3.12 or 3.13: install one of these.")
    return Finding("Python", found)


def _check_environment(active: str | None, prefix: str) -> Finding:
    """``active`` is the environment that the shell shows as active, and ``prefix`` the one of this Python."""
    if active and Path(active).resolve() != Path(prefix).resolve():
        return Finding(
            "environment",
            f"{active} is active, but this Python belongs to {prefix}",
            "Type `deactivate`, activate the environment of the course, and try again.",
        )
    return Finding("environment", prefix)


def _pins_path(prefix: str) -> Path | None:
    """The course's pins lie beside the environment, or beside the library where this is a checkout."""
    paths = [folder / "requirements.txt" for folder in (Path(prefix).parent, Path(__file__).parent.parent)]
    return next((path for path in paths if _holds_pins(path)), None)


def _holds_pins(path: Path) -> bool:
    """Whether this is the course's file, and not that of somebody's own project, in whatever encoding."""
    try:
        with path.open("rb") as file:
            return file.readline().rstrip() == PINS_HEADER.encode()
    except OSError:
        return False


def _how_to_install(pins: Path | None) -> str:
    """What to do if a package is missing or is another one than it should be."""
    if pins is None:
        return "Install the wheel of rwlib again: pip installs what it needs beside it."
    if (pins.parent / "install.py").exists():
        return f"Run `python install.py` in {pins.parent} again."
    return "Type:\n" + _pip_install(f'-r "{pins}"')


def _pip_install(what: str) -> str:
    return f"{_this_python()} -m pip install {what}"


def _this_python() -> str:
    """For commands: what the shell takes for ``python`` may be another one, or none."""
    return f'"{sys.executable}"' if " " in sys.executable else sys.executable


def _check_packages(pins: Path | None, again: str) -> list[Finding]:
    """Where the course's pins are, its notebooks should run, which need more than scripts with rwlib do."""
    extra = "notebooks" if pins else ""
    try:
        from packaging.utils import canonicalize_name

        pinned = _specifiers(_lines(pins)) if pins else {}
        required = _specifiers(metadata.requires("rwlib") or [], extra)
    except ImportError as error:  # of packaging; where rwlib is not installed, importlib raises one too
        return [Finding("packages", f"{error.name} is not installed in this Python", again)]
    found = [(canonicalize_name(one.name), one.version) for one in metadata.distributions() if one.name]
    installed = dict(reversed(found))  # of two, Python imports the first on the path
    return _compare_versions(required, pinned, installed, again)


def _lines(pins):
    """The requirements in a file, without its comments."""
    lines = (line.partition("#")[0].strip() for line in pins.read_text(encoding="utf8").splitlines())
    return [line for line in lines if line]


def _specifiers(requirements, extra=""):
    """What is allowed of each package that is needed in this Python, on this system, with this extra."""
    from packaging.utils import canonicalize_name

    parsed = [one for one in map(_requirement, requirements) if one]
    needed = [one for one in parsed if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {canonicalize_name(one.name): one.specifier for one in needed}


def _requirement(line):
    """None where pip is told something else, such as `-e .`, by somebody who has added to the file."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return Requirement(line)
    except InvalidRequirement:
        return None


def _compare_versions(required: Mapping, pinned: Mapping, installed: Mapping, again: str) -> list[Finding]:
    """Packages that are missing or too old for rwlib, and those that the course was not tried with."""
    versions = ", ".join(f"{name} {installed[name]}" for name in MAIN_PACKAGES if name in installed)
    missing = [name for name in required if name not in installed]
    unfit = [
        f"{name} {installed[name]} (needed {allowed})"
        for name, allowed in required.items()
        if name in installed and not allowed.contains(installed[name], prereleases=True)
    ]
    others = [
        f"{name} {installed[name]} (pinned {allowed})"
        for name, allowed in pinned.items()
        if name in installed and not allowed.contains(installed[name], prereleases=True)
    ]
    findings = [Finding("packages", versions)]
    if missing:
        findings.append(Finding("missing", _named(missing), again))
    if unfit:
        findings.append(Finding("versions", _named(unfit), again))
    if others:
        findings.append(Finding("pins", _named(others), again))
    elif pinned:
        findings.append(Finding("pins", "all that is installed has the version in requirements.txt"))
    return findings


def _named(texts):
    rest = len(texts) - N_NAMED
    return ", ".join(texts[:N_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _check_import(what: str, code: str, again: str, environ: Mapping[str, str] | None = None) -> Finding:
    """Run a line of Python in a process of its own, which a broken library may even kill."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environ,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=START,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(what, f"`{code}` is not done after {START:.0f} s", "Restart the machine.")
    if done.returncode == 0:
        return Finding(what, done.stdout.strip())
    if done.returncode in ILLEGAL_INSTRUCTION:
        return Finding(what, f"`{code}` was ended by the system: illegal instruction", NO_AVX)
    said = done.stderr.strip().splitlines() or [f"`{code}` ended with code {done.returncode}"]
    known = [advice for part, advice in KNOWN_ERRORS.items() if part in done.stderr]
    return Finding(what, said[-1], known[0] if known else again)


# The machine


def _check_cache(environ: Mapping[str, str], again: str) -> Finding:
    """Where :func:`rwlib.keep_compiled_programs` keeps them."""
    if environ.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower() in ("false", "0", "off", "no", "n", "f"):
        return Finding("cache", "switched off by JAX_ENABLE_COMPILATION_CACHE")
    try:
        from platformdirs import user_cache_path
    except ImportError:
        return Finding("cache", "unknown, since platformdirs is not installed", again)
    folder = Path(environ.get("JAX_COMPILATION_CACHE_DIR") or user_cache_path("rwlib") / "programs")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "cache",
            f"{folder} cannot be written to: {error.strerror}",
            "Every fit will take some seconds longer. Name another folder in the environment variable "
            "JAX_COMPILATION_CACHE_DIR.",
        )
    return Finding("cache", f"compiled programs are kept in {folder}")


def _memory() -> tuple[float, float]:
    """Gigabytes that are free, and all that there are."""
    import psutil

    memory = psutil.virtual_memory()
    return memory.available / 2**30, memory.total / 2**30


def _check_memory(measure: Callable[[], tuple[float, float]], again: str) -> Finding:
    try:
        free, total = measure()
    except ImportError:
        return Finding("memory", "unknown, since psutil is not installed", again)
    found = f"{free:.1f} of {total:.1f} GB are free"
    advice = f"Close other programs: {MEMORY:.0f} GB should be free." if free < MEMORY else ""
    return Finding("memory", found, advice)


def _check_kernel(pins: Path | None, again: str) -> Finding:
    """Which Python runs the notebooks that Jupyter opens with its kernel `python3`.

    The wheel comes without Jupyter, so it is only missed where the course was set up.
    """
    try:
        import ipykernel  # noqa: F401
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError as error:
        if pins is None:
            how = _pip_install('"rwlib[notebooks]"')
            return Finding("notebooks", f"cannot run here, and scripts need none. To run them, type: {how}")
        return Finding("notebooks", f"{error.name} is not installed", again)
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        how = f"{_this_python()} -m ipykernel install --sys-prefix"
        return Finding("notebooks", "there is no kernel python3", f"Type:\n{how}")
    # Jupyter replaces a bare `python` by the Python that it runs in itself. In an environment, the program is
    # a link to that of the system, so what tells environments apart is the folder.
    program = Path(spec.argv[0])
    if program.is_absolute() and program.parent != Path(sys.executable).parent:
        return Finding(
            "notebooks",
            f"run in another Python: {program}",
            f"Type this, which deletes {spec.resource_dir}, and try again:\n"
            f"{_this_python()} -m jupyter kernelspec remove python3",
        )
    return Finding("notebooks", "run in this Python")


# The fit


def _check_fit(again: str, n_subjects: int = 20, n_trials: int = 100) -> Finding:
    """Simulate people whose fit is known to pass, fit them, and check the fit."""
    begin = time.perf_counter()
    try:
        report = _small_fit(n_subjects, n_trials)
    except Exception as error:  # whatever a broken installation comes up with
        return Finding("a fit", f"{type(error).__name__}: {error}", again)
    seconds = time.perf_counter() - begin
    return _judge_fit(report, seconds, again)


def _small_fit(n_subjects, n_trials):
    import jax
    import numpy as np

    from rwlib.fitting.diagnostics import check
    from rwlib.fitting.inference import fit
    from rwlib.model.simulation import simulate
    from rwlib.model.tasks import FIVE_ARMS, bernoulli_outcomes

    rng = np.random.default_rng(0)
    params = {
        "alpha_pos": rng.uniform(0.2, 0.6, n_subjects),
        "alpha_neg": rng.uniform(0.1, 0.5, n_subjects),
        "beta": rng.uniform(2.0, 6.0, n_subjects),
    }
    outcomes = bernoulli_outcomes(jax.random.key(0), FIVE_ARMS, n_trials)
    data = simulate(jax.random.key(1), outcomes, params).data
    return check(fit(data, seed=1, progress_bar=False, warn=False))


def _judge_fit(report, seconds: float, again: str) -> Finding:
    if not report:
        wrong = f"check refuses it. {report.problems[0]}"
        return Finding("a fit", wrong, f"This fit should pass: a package computes something else. {again}")
    found = f"{seconds:.0f} s, and check accepts it"
    if seconds > SECONDS:
        return Finding(
            "a fit", found, "This should take about ten. Plug the machine in, and close other programs."
        )
    return Finding("a fit", found)


if __name__ == "__main__":
    sys.exit(main())
