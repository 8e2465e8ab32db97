"""For tests of what is done with fits that are too short to pass a check."""

from rwlib.fitting import inference
from rwlib.fitting.diagnostics import Report


def accept_all(patch):
    """Let every fit pass: refused, it would be compiled and run once more."""
    patch.setattr(inference, "check", lambda fit: Report({"r_hat": 1.0, "divergences": 0.0}, ()))
