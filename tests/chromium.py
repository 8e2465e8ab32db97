"""A Chromium of this machine for the tests, if there is one: the fixture ``browser`` starts it."""

import sys
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sys.path.insert(0, str(Path(__file__).parent.parent))  # for those tests that are also run as scripts

from tools.print_book.browser import chromium_path  # noqa: E402

SILENT = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch(play):
    """Return a browser, or None."""
    found = chromium_path(play)
    return play.chromium.launch(executable_path=found, args=SILENT) if found else None
