"""Keep compiled programs on disk, so that the second fit of a kind starts at once in a fresh process."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import jax
from jax.experimental.compilation_cache.compilation_cache import reset_cache
from platformdirs import user_cache_path

__all__ = ["keep_compiled_programs"]

CACHE_DIR, MIN_SECONDS = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
# JAX has a limit of its own (jax_compilation_cache_max_size), but needs one more package for it, and then
# takes a lock and reads the whole folder whenever it keeps a program.
MOST_BYTES = 500 * 2**20

# JAX's settings belong to the whole process. Where blocks overlap, in several threads, the first one to be
# entered changes them and the last one to be left restores them.
_lock = threading.Lock()
_open_blocks = 0
_settings_before = {}


@contextmanager
def keep_compiled_programs() -> Iterator[None]:
    """Within the block, JAX finds and keeps compiled programs in a folder of the user's cache.

    Before and after it, JAX is as it was: this folder takes nothing but what is compiled in such blocks, by
    any thread. It is kept below 500 MB and can be deleted at any time. A program is found again only by the
    same versions of JAX on the same kind of processor.

    What the user has decided stays. The environment variable ``JAX_COMPILATION_CACHE_DIR`` (or the setting
    ``jax_compilation_cache_dir``) names another folder, ``JAX_ENABLE_COMPILATION_CACHE=false`` switches the
    cache off, and ``JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS`` says how long a program must take to be
    kept; in the block, all are.

    Examples
    --------
    >>> import jax
    >>> from rwlib import keep_compiled_programs
    >>> before = jax.config.jax_compilation_cache_dir
    >>> with keep_compiled_programs():
    ...     jax.config.jax_compilation_cache_dir is None
    False
    >>> jax.config.jax_compilation_cache_dir == before
    True
    """
    global _open_blocks, _settings_before
    with _lock:
        if _open_blocks == 0:
            _settings_before = _change(_settings(user_cache_path("rwlib") / "programs"))
        _open_blocks += 1
    try:
        yield
    finally:
        with _lock:
            _open_blocks -= 1
            if _open_blocks == 0:
                _change(_settings_before)


def _settings(folder):
    """What must be set for JAX to keep programs there, but for what the user has decided."""
    settings = {}
    if not jax.config.jax_enable_compilation_cache:
        return settings
    if jax.config.jax_compilation_cache_dir is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _drop_oldest(folder, MOST_BYTES)
        except OSError:
            return settings  # a home that cannot be written to: what was to save time must not stop the work
        settings[CACHE_DIR] = str(folder)
    # JAX keeps what took a second. A fit has dozens of small programs, which together take longer.
    if MIN_SECONDS.upper() not in os.environ and getattr(jax.config, MIN_SECONDS) == 1.0:
        settings[MIN_SECONDS] = 0.0
    return settings


def _change(settings):
    """Change JAX's settings, and return what they were."""
    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    if CACHE_DIR in settings:
        reset_cache()  # JAX looks for the folder only once
    return before


def _drop_oldest(folder: Path, most_bytes: int) -> None:
    """Delete the oldest programs until the rest fits."""
    programs = []
    for path in folder.glob("*-cache"):
        with suppress(FileNotFoundError):  # another process does the same
            status = path.stat()
            programs.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in programs)
    for _, size, path in sorted(programs):
        if total <= most_bytes:
            break
        path.unlink(missing_ok=True)
        total -= size
