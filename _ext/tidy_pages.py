"""What the theme and Sphinx write that a reader or a screen reader would stumble over, put right.

Formulas need one of MathJax's programs and its fonts; the package that carries MathJax copies all of it.
"""

import shutil
from pathlib import Path

#: What is written -> what stands there instead.
IN_BODY = {
    ' aria-label="Toggle hidden content"': "",  # it hides the fold's own name, such as "Show the solution"
    # Its children are no items of a list.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}
OF_MATHJAX = ("tex-chtml.js", "output", "input", "LICENSE")


def tidy_page(app, pagename, templatename, context, doctree):
    for written, wanted in IN_BODY.items():
        context["body"] = context.get("body", "").replace(written, wanted)
    # The theme says it, too.
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1" />'
    context["metatags"] = context.get("metatags", "").replace(viewport, "")
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # or the first page's title would hold it twice


def say_where_the_site_stands(app, config):
    """Previews that others show of a page need its address; without one, no pictures are drawn for them."""
    config.ogp_site_url = config.html_baseurl
    config.ogp_social_cards = {"enable": bool(config.html_baseurl)}


def drop_what_is_not_used(app, error):
    """Source maps, and all of MathJax but what the pages load."""
    static = Path(app.outdir) / "_static"
    if error or not static.is_dir():
        return
    for path in static.rglob("*.map"):
        path.unlink()
    for path in (static / "mathjax").glob("*"):
        if path.name not in OF_MATHJAX:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app):
    app.connect("config-inited", say_where_the_site_stands)
    app.connect("html-page-context", tidy_page)
    app.connect("build-finished", drop_what_is_not_used)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
