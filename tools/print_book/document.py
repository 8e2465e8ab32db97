"""The whole book as one HTML file, for a browser to set and to print."""

import re
from html import escape
from itertools import groupby
from pathlib import Path

import matplotlib

STYLE = Path(__file__).parent / "print.css"
#: matplotlib carries these, so that the book looks the same on every machine: file, family, weight, style.
FONTS = (
    ("STIXGeneral", "Text", "normal", "normal"),
    ("STIXGeneralItalic", "Text", "normal", "italic"),
    ("STIXGeneralBol", "Text", "bold", "normal"),
    ("STIXGeneralBolIta", "Text", "bold", "italic"),
    ("DejaVuSans", "Heading", "normal", "normal"),
    ("DejaVuSans-Bold", "Heading", "bold", "normal"),
    ("DejaVuSansMono", "Code", "normal", "normal"),
    ("DejaVuSansMono-Bold", "Code", "bold", "normal"),
    ("DejaVuSansMono-Oblique", "Code", "normal", "italic"),
)
MATHJAX_SETTINGS = re.compile(r"<script>(window\.MathJax = .*?)</script>", re.S)


def write_document(book, site, path):
    """Write the book as one HTML file.

    Parameters
    ----------
    book : Book
    site : Path
        The built site, whose MathJax and colours of code are used.
    path : Path
        Where the file goes.

    Returns
    -------
    Path
        The same.

    Examples
    --------
    >>> write_document(book, Path("_build/html"), Path("_build/print/book.html"))  # doctest: +SKIP
    PosixPath('_build/print/book.html')
    """
    static = (site / "_static").resolve().as_uri()
    sections = "\n".join(section.html for section in book.sections)
    html = f"""<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{escape(book.title)}</title>
<meta name="author" content="{escape(book.author)}">
<link rel="stylesheet" href="{static}/pygments.css">
<link rel="stylesheet" href="{STYLE.resolve().as_uri()}">
<style>
{fonts()}
{running_heads(book)}
</style>
<script>{mathjax_settings(site)}</script>
<script defer src="{static}/mathjax/tex-chtml.js"></script>
</head>
<body>
<header id="title-page">
<p class="title">{escape(book.title)}</p>
<p class="lead">{escape(book.lead)}</p>
<p class="author">{escape(book.author)}</p>
</header>
{contents(book)}
{sections}
</body>
</html>
"""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf8")
    return path


def fonts():
    folder = Path(matplotlib.get_data_path(), "fonts", "ttf").as_uri()
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-style: {style}; '
        f'src: url("{folder}/{file}.ttf"); }}'
        for file, family, weight, style in FONTS
    )


def running_heads(book):
    """Return a kind of page for each section, with the section's title above."""
    return "\n".join(
        f"#{section.anchor} {{ page: {section.anchor}; }} "
        f"@page {section.anchor} {{ @top-right {{ content: {in_css(section.title)}; }} }}"
        for section in book.sections
    )


def in_css(text):
    """Quote a text for a style sheet that stands in HTML.

    Examples
    --------
    >>> in_css('the "best" arm <')
    '"the \\\\22 best\\\\22  arm \\\\3c "'
    """
    return '"' + re.sub(r'["\\<\n]', lambda match: f"\\{ord(match[0]):x} ", text) + '"'


def mathjax_settings(site):
    """Return what a page of the site says to MathJax before it is loaded."""
    pages = (path.read_text(encoding="utf8") for path in sorted(site.rglob("*.html")))
    return next(filter(None, map(MATHJAX_SETTINGS.search, pages)))[1]


def contents(book):
    """Return the table of contents. The numbers of pages are filled in when they are known."""
    items = ""
    for part, sections in groupby(book.sections, key=lambda section: section.part):
        items += f'<li class="part">{escape(part or "")}</li>'
        items += "".join(
            f'<li><a href="#{section.anchor}">{escape(section.title)}</a><span class="dots"></span>'
            f'<a class="page-number" href="#{section.anchor}">000</a></li>'
            for section in sections
        )
    return f'<nav id="contents"><h1>Contents</h1><ul>{items}</ul></nav>'
