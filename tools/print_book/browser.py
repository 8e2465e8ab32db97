"""A Chromium on this machine: it sets the formulas, and prints."""

import shutil
import sys
from contextlib import contextmanager
from os import environ
from pathlib import Path

from playwright.sync_api import sync_playwright


@contextmanager
def open_in_browser(document):
    """Open an HTML file and wait until its formulas are set. No network is used.

    Parameters
    ----------
    document : Path
        The file. It loads MathJax and says that it is ready in `MathJax.startup.promise`.

    Yields
    ------
    playwright.sync_api.Page

    Examples
    --------
    >>> with open_in_browser(Path("_build/print/book.html")) as page:  # doctest: +SKIP
    ...     page.pdf(path="book.pdf")
    """
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_browser(play))
        try:
            context = browser.new_context(offline=True, viewport={"width": 643, "height": 900})
            context.set_default_timeout(0)  # hundreds of pages take as long as the machine needs
            page = context.new_page()
            page.emulate_media(media="print")
            page.goto(document.resolve().as_uri(), wait_until="load")
            page.evaluate("() => MathJax.startup.promise.then(() => document.fonts.ready).then(() => null)")
            refuse_wrong_formulas(page)
            yield page
        finally:
            browser.close()


def refuse_wrong_formulas(page):
    """MathJax prints the source of what it does not understand, which nobody would notice in a long book."""
    wrong = page.evaluate(
        "() => [...document.querySelectorAll('[data-mjx-error]')]"
        ".map(tag => `${tag.textContent} (${tag.dataset.mjxError})`)"
    )
    if wrong:
        sys.exit(f"MathJax does not understand these formulas, so correct them in their pages: {wrong}")


def chromium_path(play):
    """Return where Chromium is: where CHROMIUM says, on the path, or where Playwright puts it; else None."""
    named = (environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, (shutil.which(name) for name in named if name)), play.chromium.executable_path)
    return found if Path(found).exists() else None


def find_browser(play):
    found = chromium_path(play)
    if found is None:
        sys.exit(
            "No Chromium is found, and printing needs one: install Debian's package chromium, run "
            "`.venv/bin/playwright install chromium`, or say where one is with CHROMIUM=."
        )
    return found
