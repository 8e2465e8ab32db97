"""`python -m tools.print_book pdf` or `epub`: see `make pdf` and `make epub`."""

import sys
from pathlib import Path

from .book import make_book
from .document import write_document
from .epub import make_epub
from .pages import read_pages
from .pdf import make_pdf

ROOT = Path(__file__).parents[2]


def main(kind, site, folder):
    book = make_book(ROOT / "_config.yml", read_pages(site, ROOT / "_toc.yml"))
    name = book.title.lower().replace(" ", "-")
    source = write_document(book, site, folder / f"{name}.html")
    target = folder / f"{name}.{kind}"
    make = {"pdf": make_pdf, "epub": make_epub}[kind]
    make(book, source, target)
    print(f"\nThe book is ready:\n\n    {target}\n")


if __name__ == "__main__":
    if sys.argv[1:] not in (["pdf"], ["epub"]):
        sys.exit("Say what to make: python -m tools.print_book pdf, or epub.")
    main(sys.argv[1], ROOT / "_build" / "html", ROOT / "_build" / "print")
