"""The book as a PDF: printed twice, since the table of contents needs the numbers of the pages."""

import logging
import re

from pypdf import PdfReader, PdfWriter

from .browser import open_in_browser

#: What is wider than the page would be cut off, or make Chromium shrink the whole book. A full stop after a
#: formula stays on its line.
FIT = """() => {
  for (const table of document.querySelectorAll("table")) {
    const room = table.parentElement.clientWidth;
    if (table.scrollWidth > room) table.style.zoom = room / table.scrollWidth;
  }
  for (const formula of document.querySelectorAll("mjx-container[display='true']")) {
    const room = formula.parentElement.clientWidth;
    const width = formula.querySelector("mjx-math").getBoundingClientRect().width;
    if (width > room) formula.style.fontSize = `${100 * room / width}%`;
  }
  for (const formula of document.querySelectorAll("span.math")) {
    const [stop] = /^[.,;:!?)’”]*/.exec(formula.nextSibling?.data ?? "");
    if (!stop) continue;
    formula.nextSibling.data = formula.nextSibling.data.slice(stop.length);
    const together = document.createElement("span");
    together.style.whiteSpace = "nowrap";
    formula.replaceWith(together);
    together.append(formula, stop);
  }
}"""
logging.getLogger("pypdf").setLevel(logging.ERROR)  # it counts objects in another way than Chromium
PAGE_NUMBER = re.compile(r'(<a class="page-number" href="#([^"]+)">)\d+')


def make_pdf(book, source, target):
    """Print the book, with its outline and with tags for those who listen to it.

    Parameters
    ----------
    book : Book
    source : Path
        The same book as one HTML file.
    target : Path
        The PDF.

    Examples
    --------
    >>> make_pdf(book, Path("_build/print/book.html"), Path("_build/print/book.pdf"))  # doctest: +SKIP
    """
    print_once(source, target)
    numbers = page_numbers(target)
    html = source.read_text(encoding="utf8")
    source.write_text(PAGE_NUMBER.sub(lambda place: f"{place[1]}{numbers[place[2]]}", html), encoding="utf8")
    print_once(source, target)
    say_who_wrote_it(target, book.author)


def print_once(source, target):
    with open_in_browser(source) as page:
        page.evaluate(FIT)
        page.pdf(path=target, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)


def say_who_wrote_it(pdf, author):
    """Chromium writes the title alone."""
    writer = PdfWriter(clone_from=pdf)
    writer.add_metadata({"/Author": author})
    writer.write(pdf)


def page_numbers(pdf):
    """Return the number of the page on which each anchor that is linked to stands."""
    reader = PdfReader(pdf)
    places = {
        name.removeprefix("/"): reader.get_destination_page_number(place)
        for name, place in reader.named_destinations.items()
    }
    return {name: place + 1 for name, place in places.items() if place is not None}
