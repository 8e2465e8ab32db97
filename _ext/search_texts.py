"""What search shows of a page below its title, kept in one file.

Sphinx fetches every page that it has found. Browsers refuse that to a book that is opened from the disk, and
formulas would show as they are written. The search page loads this file instead.
"""

import json
import re
import unicodedata
from copy import copy
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, SoupStrainer

FILE = "search_texts.js"
NOT_TO_READ = (
    ".highlight, .output, table.dataframe, .headerlink, .tag_solution, details, script, style, div.math"
)

#: Sphinx's search calls `fetch` for the page of each result, and for nothing else.
SCRIPT = """const pages = {pages};
window.fetch = async (address) => {{
  const place = new URL(address, location).pathname;
  const name = Object.keys(pages).find((page) => place.endsWith(`/${{page}}.html`));
  return new Response(pages[name] ?? "");
}};
"""


def page_in_short(html):
    """Return a page's words, in as little HTML as search needs to find a section or a term.

    >>> page_in_short('<article><section id="a"><h2>Rates</h2> <p>To <b>be</b> set.</p></section></article>')
    '<main role="main"><div id="a">Rates To be set.</div></main>'
    """
    page = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("article"))
    for element in page.select(NOT_TO_READ):
        element.decompose()
    for formula in page.select(".math"):
        formula.string = in_letters(formula.get_text())
    for term in page.select(".glossary dt"):  # is shown with what it means
        term.extend([": ", *map(copy, term.find_next("dd").contents)])
    for meaning in page.select(".glossary dd"):
        meaning.decompose()
    return re.sub(r"\s+", " ", f'<main role="main">{words_in(page)}</main>')


def words_in(element):
    if isinstance(element, NavigableString):
        return escape(element)
    words = "".join(map(words_in, element.children))
    found_by_name = element.name in ("section", "dt") and element.get("id")
    return f'<div id="{element["id"]}">{words}</div>' if found_by_name else words


def in_letters(formula):
    r"""Return a formula as one would write it in a letter.

    >>> in_letters(r"\(\beta = 1/\tau_{2}\)")
    'β = 1/τ2'
    """
    formula = re.sub(r"\\[(),;]|\\mathrm", "", formula)
    formula = re.sub(r"\\([A-Za-z]+)", lambda name: greek_letter(name[1]) or name[1], formula)
    return re.sub("[{}^_]", "", formula)


def greek_letter(name):
    try:
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}")
    except KeyError:
        return None


def load_on_search_page(app, pagename, templatename, context, doctree):
    if pagename == "search":
        context["script_files"] = [*context["script_files"], f"_static/{FILE}"]


def write_texts(app, error):
    folder = Path(app.outdir)
    if error or app.builder.name != "html":
        return
    pages = {
        name: page_in_short((folder / f"{name}.html").read_text(encoding="utf-8"))
        for name in sorted(app.env.found_docs)
    }
    script = SCRIPT.format(pages=json.dumps(pages, ensure_ascii=False, indent=0))
    (folder / "_static" / FILE).write_text(script, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", load_on_search_page, priority=600)  # after course.py has chosen scripts
    app.connect("build-finished", write_texts)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
