"""Set-up shared by all tests: the shapes in rwlib's type hints are checked at run time."""

import os
from pathlib import Path

import matplotlib

matplotlib.use("agg")

# What one test, or one page of the book, has compiled, the others find. Before JAX is imported.
compiled = Path(__file__).parent.parent / "_build" / ".compiled"
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(compiled))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

from jaxtyping import install_import_hook  # noqa: E402

# Before anything imports rwlib: a function called or returning with another shape than it states fails its
# test.
install_import_hook("rwlib", "beartype.beartype")

import jax  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# The first example of each shape compiles, so a deadline would measure the compiler; the same examples in
# every run.
settings.register_profile("course", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("course")


@pytest.fixture(autouse=True, scope="module")
def programs_of_other_tests_are_forgotten():
    """A process can hold so many compiled programs only: each takes several of the memory areas that the
    system grants."""
    yield
    jax.clear_caches()


@pytest.fixture(scope="module")
def browser():
    from chromium import launch, playwright  # which skips where playwright is not installed

    with playwright.sync_playwright() as play:
        chromium = launch(play)
        if chromium is None:
            pytest.skip(
                "no Chromium is found: install Debian's package chromium, or say where one is with CHROMIUM="
            )
        yield chromium
        chromium.close()
