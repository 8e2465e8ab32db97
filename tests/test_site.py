"""The built site: what a reader's browser would meet. `make book` builds it, `make test` reads it."""

import functools
import json
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlparse

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parent.parent
SITE = ROOT / "_build" / "html"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
DOCS = [TOC["root"]] + [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
CHAPTERS = [doc for doc in DOCS if doc.startswith("chapters/")]

pytestmark = pytest.mark.skipif(
    not (SITE / "searchindex.js").exists(), reason="no site is built: run `make book` first"
)

_pages = {}


def page(path):
    """Return the parsed page at this path."""
    if path not in _pages:
        _pages[path] = BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
    return _pages[path]


def article(doc):
    return page(SITE / f"{doc}.html").find("article")


def is_external(address):
    return bool(urlparse(address).scheme) or address.startswith("//")


@functools.cache
def anchors(path):
    return {tag.get(name) for tag in page(path).find_all(True) for name in ("id", "name")}


@pytest.mark.parametrize("doc", DOCS)
def test_internal_links_and_anchors_resolve(doc):
    here = SITE / f"{doc}.html"
    broken = []
    for link in page(here).find_all("a", href=True):
        target, anchor = urldefrag(link["href"])
        if is_external(link["href"]) or link["href"] == "#":
            continue
        path = (here.parent / unquote(target)).resolve() if target else here
        if not path.exists():
            broken.append(link["href"])
        elif anchor and path.suffix == ".html" and unquote(anchor) not in anchors(path):
            broken.append(link["href"])
    assert not broken


OUR_SCRIPTS = {path.name for path in (ROOT / "_static").glob("*.js")}


@pytest.mark.parametrize("doc", DOCS)
def test_scripts_are_loaded_where_they_are_used(doc):
    moving = [figure["class"] for figure in article(doc).select("figure.moving")]
    names = {f"move_{name.replace('-', '_')}.js" for classes in moving for name in classes}
    expected = (names & OUR_SCRIPTS) | ({"model.js", "moving.js"} if moving else set())
    if article(doc).select("#play-here"):
        expected |= {
            "model.js",
            *(name for name in OUR_SCRIPTS if name.startswith("play") and "worker" not in name),
        }
    loaded = {
        Path(urlparse(tag["src"]).path).name for tag in page(SITE / f"{doc}.html").select("script[src]")
    }
    assert loaded & OUR_SCRIPTS == expected


@pytest.mark.parametrize("doc", DOCS)
def test_nothing_is_fetched_from_elsewhere(doc):
    """Scripts, styles, fonts and pictures lie in the site itself, so that it works offline."""
    for tag in page(SITE / f"{doc}.html").find_all(["script", "link", "img", "iframe", "source", "video"]):
        if tag.name == "link" and not {"stylesheet", "preload", "icon", "modulepreload"} & set(
            tag.get("rel", [])
        ):
            continue
        for address in (tag.get("src"), tag.get("href")):
            if address and not address.startswith("data:"):
                assert not is_external(address), address
                file = ((SITE / f"{doc}.html").parent / unquote(urlparse(address).path)).resolve()
                assert file.exists(), address
        assert (
            "://" not in (tag.string or "") or tag.get("type") == "application/vnd.jupyter.widget-state+json"
        )


def test_styles_import_nothing_from_elsewhere():
    for style in SITE.rglob("*.css"):
        text = style.read_text(encoding="utf8")
        assert "@import url(http" not in text and "url(http" not in text and "url(//" not in text, style


@pytest.mark.parametrize("doc", DOCS)
def test_pictures_have_alt_text(doc):
    for image in article(doc).select("img:not(.first-picture)"):  # on a card, whose words say the same
        alt = (image.get("alt") or "").strip()
        assert len(alt.split()) >= 4, f"{image.get('src')}: {alt!r}"
        assert not alt.endswith((".png", ".svg", ".jpg")) and "/" not in alt.split()[0]


@pytest.mark.parametrize("doc", DOCS)
def test_errors_are_shown_only_on_purpose(doc):
    for output in article(doc).select(".cell_output"):
        text = output.get_text()
        if "Traceback (most recent call last)" in text:
            cell = output.find_parent(class_="cell")
            assert "tag_raises-exception" in cell.get("class", []), text[-300:]


@pytest.mark.parametrize("doc", DOCS)
def test_no_progress_bars_and_no_widgets(doc):
    for output in article(doc).select(".cell_output"):
        text = output.get_text()
        assert "it/s]" not in text and "steps of size" not in text and "█" not in text, text[:300]
        assert not output.select("script[type='application/vnd.jupyter.widget-view+json']")


@pytest.mark.parametrize("doc", DOCS)
def test_no_markup_is_left_unrendered(doc):
    copy = BeautifulSoup(str(article(doc)), "html.parser")
    for code in copy.select("pre, code, script"):
        code.decompose()
    text = copy.get_text()
    for raw in (
        "{glue",
        "{doc}",
        "{ref}",
        "{numref}",
        "{term}",
        "{cite",
        "{run-time}",
        "{reading-time}",
        "{first-picture}",
        ":::",
        "```",
        "not measured",
    ):
        assert raw not in text, raw
    assert not copy.select(".system-message, .problematic")


@pytest.mark.parametrize("doc", CHAPTERS)
def test_solutions_are_folded(doc):
    solutions = article(doc).select(".cell.tag_solution")
    assert solutions
    for cell in solutions:
        details = cell.select("details")
        assert details and not any(detail.has_attr("open") for detail in details)


@pytest.mark.parametrize("doc", CHAPTERS)
def test_run_time_is_measured(doc):
    box = article(doc).select_one(".admonition.objectives").get_text()
    assert "less than a second" in box or "about" in box.split("run in")[1]
    assert re.search(r"\d min to read", box)


def test_the_first_page_has_a_card_for_each_chapter():
    cards = article("intro").select(".chapter-cards .sd-card")
    links = [card.select_one("a")["href"] for card in cards]
    assert links == [f"{doc}.html" for doc in CHAPTERS]
    for card in cards:
        assert (SITE / card.select_one("img.first-picture")["src"]).stat().st_size > 1000
        assert re.search(r"\d+ min to read", card.get_text())


@pytest.mark.parametrize("doc", DOCS)
def test_figures_are_drawn_to_any_size(doc):
    pictures = [image["src"] for image in article(doc).select(".cell_output img")]
    assert all(source.endswith(".svg") for source in pictures), pictures


@pytest.mark.parametrize("doc", DOCS)
def test_figures_lead_to_their_own_file_at_full_size(doc):
    pictures = article(doc).select(".cell_output img")
    links = [image.find_parent("a", class_="full-size") for image in pictures]
    assert [link and link["href"] for link in links] == [image["src"] for image in pictures]


@pytest.mark.parametrize("doc", DOCS)
def test_a_page_describes_itself_to_those_who_link_to_it(doc):
    head = page(SITE / f"{doc}.html").head
    assert len(head.select("meta[property='og:title'], meta[property='og:description']")) == 2
    assert head.select_one("link[rel='icon']")["href"].endswith(".svg")
    assert head.title.get_text().count("From choices to parameters") == 1


def test_an_address_without_a_page_leads_back():
    links = page(SITE / "404.html").select("main a")
    assert links and "intro.html" in page(SITE / "404.html").script.get_text()


@pytest.mark.parametrize("doc", DOCS)
def test_folds_have_names_of_their_own(doc):
    assert not article(doc).select("summary[aria-label]")


@pytest.mark.parametrize("doc", DOCS)
def test_left_and_right_navigation_search_and_dark_mode(doc):
    soup = page(SITE / f"{doc}.html")
    sidebar = {link.get("href") for link in soup.select(".bd-sidebar-primary a.internal")}
    assert len(sidebar) >= len(DOCS)
    assert soup.select(".theme-switch-button") and soup.select(".search-button-field, .search-button")
    if len(soup.select("article h2")) > 1:
        assert soup.select(".bd-sidebar-secondary .page-toc a")


def test_search_knows_every_page():
    text = (SITE / "searchindex.js").read_text(encoding="utf8")
    index = json.loads(text[text.index("(") + 1 : text.rindex(")")])
    assert set(DOCS) <= set(index["docnames"])


@pytest.mark.parametrize("doc", CHAPTERS)
def test_search_tells_no_solution(doc):
    script = (SITE / "_static" / "search_texts.js").read_text(encoding="utf8")
    pages = json.loads(script[script.index("{") : script.index("};\n") + 1])
    told = BeautifulSoup(pages[doc], "html.parser").get_text()
    for cell in article(doc).select(".cell.tag_solution"):
        longest_line = max(cell.pre.get_text().splitlines(), key=len)
        assert " ".join(longest_line.split()) not in told


def test_mathjax_is_passed_on_with_its_licence():
    licence = (SITE / "_static" / "mathjax" / "LICENSE").read_text(encoding="utf8")
    assert "Apache License" in licence and "Grant of Patent License" in licence


def test_every_module_is_in_the_reference():
    text = article("back_matter/api").get_text()
    paths = (
        path.relative_to(ROOT).with_suffix("")
        for path in (ROOT / "rwlib").rglob("*.py")
        if path.stem != "__init__"
    )
    modules = [".".join(path.parts) for path in paths]
    assert not [module for module in modules if f"{module}." not in text]
