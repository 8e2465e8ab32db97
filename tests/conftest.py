"""Set-up shared by all tests: the shapes in rwlib's type hints are checked at run time."""

import matplotlib

matplotlib.use("agg")

from jaxtyping import install_import_hook  # noqa: E402

# Before anything imports rwlib: a function called or returning with another shape than it states fails its test.
install_import_hook("rwlib", "beartype.beartype")

from hypothesis import settings  # noqa: E402

# The first example of each shape compiles, so a deadline would measure the compiler; the same examples in every run.
settings.register_profile("course", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("course")
