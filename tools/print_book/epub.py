"""The book as an EPUB 3: a browser writes formulas as MathML and sections as XHTML, and this packs them."""

import mimetypes
import re
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote, urlparse
from uuid import NAMESPACE_URL, uuid5
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from .browser import open_in_browser

HERE = Path(__file__).parent

#: Puts MathML, with its TeX as alternative text, where MathJax drew a formula, and returns all sections.
TO_XHTML = """() => {
  for (const tag of document.querySelectorAll(".on-paper")) tag.remove();
  for (const item of MathJax.startup.document.math) {
    const text = MathJax.startup.toMML(item.root);
    const formula = new DOMParser().parseFromString(text, "text/xml").documentElement;
    for (const tag of [formula, ...formula.querySelectorAll("*")])
      for (const name of tag.getAttributeNames()) if (name.startsWith("data-")) tag.removeAttribute(name);
    formula.setAttribute("alttext", item.math.trim());
    item.typesetRoot.replaceWith(formula);
  }
  const xml = new XMLSerializer();
  return [...document.querySelectorAll("body > section")].map(tag => [tag.id, xml.serializeToString(tag)]);
}"""

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:creator>{author}</dc:creator>
<dc:language>en</dc:language>
<dc:description>{lead}</dc:description>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Figures have alternative texts, and formulas are MathML.</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""


def make_epub(book, source, target):
    """Pack the book as an EPUB 3.

    Parameters
    ----------
    book : Book
    source : Path
        The same book as one HTML file.
    target : Path
        The EPUB.

    Examples
    --------
    >>> make_epub(book, Path("_build/print/book.html"), Path("_build/print/book.epub"))  # doctest: +SKIP
    """
    with open_in_browser(source) as page:
        page.add_style_tag(content="#title-page { padding: 12mm; }")
        cover = page.locator("#title-page").screenshot()
        sections = dict(page.evaluate(TO_XHTML))
    chapters = [(f"{name}.xhtml", html) for name, html in sections.items()]
    where = {anchor: file for file, html in chapters for anchor in re.findall(r'\bid="([^"]+)"', html)}
    pictures = {address: picture_name(address) for _, html in chapters for address in addresses(html)}
    files = {
        "title.xhtml": PAGE.format(title=escape(book.title), body=title_page(book)),
        "contents.xhtml": PAGE.format(title="Contents", body=contents(book)),
        "cover.png": cover,
        "style.css": (HERE / "epub.css").read_text(encoding="utf8"),
    }
    titles = {section.anchor: section.title for section in book.sections}
    for name, html in chapters:
        body = with_addresses(html, where, pictures)
        files[name] = PAGE.format(title=escape(titles[name.removesuffix(".xhtml")]), body=body)
    files |= {name: picture(address) for address, name in pictures.items()}
    modified = datetime.fromtimestamp(source.stat().st_mtime, tz=UTC)
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", compress_type=ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("book/package.opf", package(book, files, modified))
        for name, content in files.items():
            archive.writestr(f"book/{name}", content)


def addresses(html):
    """Return where the pictures of a section are."""
    return re.findall(r'<img\b[^>]*\bsrc="(file:[^"]+)"', html)


def picture_name(address):
    """Name a picture in the EPUB: those of the site have names of their own.

    Examples
    --------
    >>> picture_name("file:///book/_images/4f.svg")
    'images/4f.svg'
    """
    return "images/" + Path(unquote(urlparse(address).path)).name


def picture(address):
    """Return a picture's content. An SVG loses what names addresses elsewhere and draws nothing."""
    path = Path(unquote(urlparse(address).path))
    if path.suffix != ".svg":
        return path.read_bytes()
    return re.sub(
        r"<!DOCTYPE[^>]*>|<metadata>.*?</metadata>", "", path.read_text(encoding="utf8"), flags=re.S
    )


def with_addresses(html, where, pictures):
    """Point links to the file that holds the anchor, and pictures to their copies."""
    html = re.sub(r'href="#([^"]+)"', lambda link: f'href="{where[link[1]]}#{link[1]}"', html)
    return re.sub(r'src="(file:[^"]+)"', lambda image: f'src="{pictures[image[1]]}"', html)


def title_page(book):
    return (
        f'<section class="title-page"><h1>{escape(book.title)}</h1>'
        f"<p>{escape(book.lead)}</p><p>{escape(book.author)}</p></section>"
    )


def contents(book):
    """Return the table of contents that readers show beside the book, with parts as its upper level."""
    items = ""
    for part, sections in groupby(book.sections, key=lambda section: section.part):
        links = "".join(
            f'<li><a href="{section.anchor}.xhtml">{escape(section.title)}</a></li>' for section in sections
        )
        items += f"<li><span>{escape(part)}</span><ol>{links}</ol></li>" if part else links
    return f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{items}</ol></nav>'


def package(book, files, modified):
    """Return the list of all files, the order in which they are read, and what the book says of itself."""
    items = {name: f"file-{number}" for number, name in enumerate(files)}
    manifest = "\n".join(
        f'<item id="{items[name]}" href="{name}" media-type="{media_type(name)}"{properties(name, content)}/>'
        for name, content in files.items()
    )
    spine = "\n".join(f'<itemref idref="{items[name]}"/>' for name in files if name.endswith(".xhtml"))
    return PACKAGE.format(
        identifier=uuid5(NAMESPACE_URL, book.title),
        title=escape(book.title),
        author=escape(book.author),
        lead=escape(book.lead),
        modified=f"{modified:%Y-%m-%dT%H:%M:%SZ}",
        manifest=manifest,
        spine=spine,
    )


def media_type(name):
    return "application/xhtml+xml" if name.endswith(".xhtml") else mimetypes.guess_type(name)[0]


def properties(name, content):
    """Return what a reader has to know before it opens a file."""
    kinds = ["nav"] if name == "contents.xhtml" else []
    kinds += ["cover-image"] if name == "cover.png" else []
    kinds += ["mathml"] if name.endswith(".xhtml") and "<math" in content else []
    return f' properties="{" ".join(kinds)}"' if kinds else ""
