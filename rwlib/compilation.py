"""Keep compiled programs on disk, so that the second fit of a kind starts at once in a fresh process."""

import os

import jax
from platformdirs import user_cache_path

__all__ = ["keep_compiled_programs"]


def keep_compiled_programs() -> None:
    """Switch on JAX's compilation cache in the user's cache folder, unless the user has decided about it.

    The environment variable ``JAX_COMPILATION_CACHE_DIR`` names another folder;
    ``JAX_ENABLE_COMPILATION_CACHE=false`` switches the cache off. A program is found again only by the same versions
    of JAX on the same kind of processor. The folder can be deleted at any time.

    Examples
    --------
    ``import rwlib`` does this:

    >>> import jax
    >>> from rwlib.compilation import keep_compiled_programs
    >>> keep_compiled_programs()
    >>> jax.config.jax_compilation_cache_dir is None
    False
    """
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(user_cache_path("rwlib") / "compiled"))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        # JAX keeps what took a second. A page or a script is made of dozens of small programs, which together take longer.
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
