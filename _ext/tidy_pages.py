"""What the theme and Sphinx write that a reader or a screen reader would stumble over, put right.

Formulas need one of MathJax's programs and its fonts; the package that carries MathJax copies all of it.
"""

import re
import shutil
from pathlib import Path

#: What is written -> what stands there instead.
IN_BODY = {
    ' aria-label="Toggle hidden content"': "",  # it hides the fold's own name, such as "Show the solution"
    # Its children are no items of a list, and their own role is out of use.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
    ' role="doc-biblioentry"': "",
    # The theme lets the Tab key stop at a scrolling box of one of these classes, and only while it scrolls.
    '<div class="math ': '<div class="math jp-RenderedHTMLCommon ',
}

#: A figure that a cell drew, and its size.
FIGURE = re.compile(r'<img alt="[^"]*" src="(?P<address>[^"]*_images/(?P<name>[0-9a-f]{64}\.svg))" />')
SIZE = re.compile(r'<svg [^>]*width="(?P<width>[0-9.]+)pt" height="(?P<height>[0-9.]+)pt"')

#: Paper is white, whatever the screen is.
PRINT_IN_LIGHT = """{
  const page = document.documentElement.dataset;
  let onScreen;
  addEventListener("beforeprint", () => { onScreen = page.theme; page.theme = "light"; });
  addEventListener("afterprint", () => { page.theme = onScreen; });
}"""
OF_MATHJAX = ("tex-chtml.js", "output", "input")


def tidy_page(app, pagename, templatename, context, doctree):
    for written, wanted in IN_BODY.items():
        context["body"] = context.get("body", "").replace(written, wanted)
    if app.builder.name == "html":
        context["body"] = open_figures_at_full_size(context["body"], app)
    # The theme says it, too.
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1" />'
    context["metatags"] = context.get("metatags", "").replace(viewport, "")
    if pagename == app.config.root_doc:
        context["docstitle"] = ""  # or the first page's title would hold it twice


def open_figures_at_full_size(body, app):
    """Link each figure to its file, where its letters are as large as they were drawn.

    The page knows a figure's size before the file comes, so that nothing moves when it does.
    """
    files = {name: Path(app.srcdir) / uri for uri, name in app.builder.images.items()}

    def link(image):
        size = SIZE.search(files[image["name"]].read_text(encoding="utf-8"))
        if size is None:  # not drawn by Matplotlib
            return image[0]
        width, height = (round(float(points) * 4 / 3) for points in size.groups())
        return (
            f'<a class="full-size" href="{image["address"]}" title="Show the figure at its full size" '
            f'style="--width: {width}; --height: {height}">{image[0]}</a>'
        )

    return FIGURE.sub(link, body)


def say_where_the_site_stands(app, config):
    """Previews that others show of a page need its address; without one, no pictures are drawn for them."""
    config.ogp_site_url = config.html_baseurl
    config.ogp_site_name = config.html_title
    # A preview cannot show an SVG.
    config.ogp_social_cards = {"enable": bool(config.html_baseurl), "image": "_static/logo.png"}


def drop_what_is_not_used(app, error):
    """Source maps, and all of MathJax but what the pages load. Its licence is put beside it."""
    static = Path(app.outdir) / "_static"
    if error or not static.is_dir():
        return
    for path in static.rglob("*.map"):
        path.unlink()
    for path in (static / "mathjax").glob("*"):
        if path.name not in OF_MATHJAX:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    # MathJax may be passed on with its licence, which the package leaves out.
    shutil.copy(Path(app.srcdir) / "LICENSES" / "Apache-2.0.txt", static / "mathjax" / "LICENSE")


def setup(app):
    app.add_js_file(None, body=PRINT_IN_LIGHT)
    app.connect("config-inited", say_where_the_site_stands)
    app.connect("html-page-context", tidy_page)
    app.connect("build-finished", drop_what_is_not_used)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
