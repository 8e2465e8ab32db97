"""The book, section by section: front matter, pages by part, hints, solutions."""

from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml
from bs4 import BeautifulSoup

ABOUT = Path(__file__).parent / "about_this_edition.html"
WORDS = {"hints": "Hints", "solutions": "Solutions"}


class Section(NamedTuple):
    """A piece of the book that begins on a new page."""

    anchor: str
    title: str
    part: str | None
    html: str


class Book(NamedTuple):
    """What stands on the title page, and what follows it."""

    title: str
    lead: str
    author: str
    sections: list[Section]


def make_book(config, pages):
    """Put the pages in order, with the front matter before and the answers after them.

    Parameters
    ----------
    config : Path
        The book's `_config.yml`, which knows its title and author.
    pages : list of Page
        As `read_pages` returns them.

    Returns
    -------
    Book

    Examples
    --------
    >>> book = make_book(Path("_config.yml"), pages)  # doctest: +SKIP
    >>> [section.title for section in book.sections][-2:]  # doctest: +SKIP
    ['Hints', 'Solutions']
    """
    settings = yaml.safe_load(config.read_text(encoding="utf8"))
    lead = pages[0].body.select_one(".lead").extract().get_text(" ", strip=True)
    about = Section("about-this-edition", "About this edition", None, ABOUT.read_text(encoding="utf8"))
    middle = [page_section(page, begins_part(page, before)) for before, page in zip([None, *pages], pages)]
    ends = [Section(kind, title, None, answers(pages, kind)) for kind, title in WORDS.items()]
    return Book(settings["title"], lead, settings["author"], [about, *middle, *ends])


def begins_part(page, before):
    return bool(page.part) and (before is None or before.part != page.part)


def page_section(page, first_of_part):
    """Return a page, in which each exercise says where its hints and its solution are."""
    for exercise in page.exercises:
        places = [
            reference(f"{kind}--{exercise.anchor}", word)
            for kind, word in WORDS.items()
            if getattr(exercise, kind)
        ]
        where = f'<p class="where">{" · ".join(places)}</p>'
        page.body.find(id=exercise.anchor).append(BeautifulSoup(where, "html.parser"))
    part = f'<h1 class="part">{escape(page.part)}</h1>' if first_of_part else ""
    html = f'<section id="{page.anchor}">{part}{page.body}</section>'
    return Section(page.anchor, page.title, page.part, html)


def answers(pages, kind):
    """Return all hints or all solutions, by page and exercise."""
    html = f"<h1>{WORDS[kind]}</h1>"
    for page in pages:
        exercises = [exercise for exercise in page.exercises if getattr(exercise, kind)]
        html += f"<h2>{escape(page.title)}</h2>" if exercises else ""
        for exercise in exercises:
            html += f'<h3 id="{kind}--{exercise.anchor}">{escape(exercise.title)}</h3>'
            html += f'<p class="where">{reference(exercise.anchor, "Exercise")}</p>'
            html += "".join(map(str, getattr(exercise, kind)))
    return f'<section id="{kind}">{html}</section>'


def reference(anchor, words):
    """Return a link, and the page's number for who reads on paper: printing fills it in."""
    number = f'<a class="page-number" href="#{anchor}">000</a>'
    return f'<a href="#{anchor}">{words}</a><span class="on-paper">, page {number}</span>'
