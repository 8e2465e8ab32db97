"""What a page says of pages: how long one takes to run and to read, and the first picture on it.

{run-time}`page` is this page's run time, {run-time}`total` the book's, {run-time}`chapters/08_nuts` that of
another page. {reading-time}`page` and {reading-time}`chapters/08_nuts` say how long the text takes to read,
down to the exercises. {first-picture}`chapters/08_nuts` is that page's first figure.
"""

import re
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

logger = logging.getLogger(__name__)

WORDS_PER_MINUTE = 200
SECONDS_PER_LINE = 2  # of visible code

CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.S | re.M)
HIDDEN = re.compile(r"(remove|hide)-(cell|input)")


class AboutPageNode(nodes.Inline, nodes.TextElement):
    """A place that is filled once all pages have been read and executed."""


class AboutPageRole(SphinxRole):
    """Of which page something is to be said, and what is the name of the role."""

    def run(self):
        return [AboutPageNode("", "", what=self.name, page=self.text)], []


class FillPlaces(SphinxPostTransform):
    """Replace each place with what it stands for."""

    default_priority = 8

    def run(self, **kwargs):
        for node in list(self.document.findall(AboutPageNode)):
            page = self.env.docname if node["page"] == "page" else node["page"]
            fill = {
                "run-time": self.run_time,
                "reading-time": self.reading_time,
                "first-picture": self.first_picture,
            }
            filled = fill[node["what"]](page)
            node.replace_self(nodes.Text(filled) if isinstance(filled, str) else filled)

    def run_time(self, page):
        """As the execution, or the cached record of it, reports."""
        pages = NbMetadataCollector.get_doc_data(self.env)

        def seconds(docname):
            return (pages.get(docname, {}).get("exec_data") or {}).get("runtime")

        if page == "total":
            return in_words(sum(filter(None, map(seconds, pages))))
        if seconds(page) is None:
            logger.warning("run-time: %r was not executed", page, location=self.env.docname)
            return "not measured"
        return in_words(seconds(page))

    def reading_time(self, page):
        minutes = minutes_to_read(Path(self.env.doc2path(page)).read_text(encoding="utf-8"))
        return f"{minutes} min"

    def first_picture(self, page):
        """The first figure of another page, without its caption, for the eye alone."""
        figure = next(self.env.get_doctree(page).findall(nodes.image), None)
        if figure is None:
            logger.warning("first-picture: %r has none", page, location=self.env.docname)
            return ""
        return nodes.image(
            uri=figure["uri"], candidates=figure["candidates"], alt="", classes=["first-picture"]
        )


def minutes_to_read(text):
    """How many minutes a page takes down to its exercises, in whole minutes, at least one."""
    text = text.split("\n---\n", 1)[-1].split("\n## Exercises")[0]
    lines = 0
    for cell in CELL.findall(text):
        code = [line for line in cell.splitlines()[1:-1] if line.strip() and not line.startswith(":")]
        lines += 0 if HIDDEN.search(cell) else len(code)
    words = len(re.findall(r"[^\W_]+(?:[’'-][^\W_]+)*", CELL.sub("", text)))
    return max(1, round(words / WORDS_PER_MINUTE + lines * SECONDS_PER_LINE / 60))


def in_words(seconds):
    """Return a run time as a reader would say it."""
    if seconds < 1:
        return "less than a second"
    if seconds < 90:
        return f"about {seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes} min {rest} s"


def setup(app):
    for name in ("run-time", "reading-time", "first-picture"):
        app.add_role(name, AboutPageRole())
    app.add_node(AboutPageNode)
    app.add_post_transform(FillPlaces)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
