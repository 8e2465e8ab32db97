"""The built site in a real browser, opened from the disk: on a screen, a phone and paper.

`make book` builds what is read here. axe-core judges every page by those rules of WCAG 2.2 AA that a program
can decide.
"""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import launch, playwright
from test_site import CHAPTERS, SITE

pytestmark = pytest.mark.skipif(
    not (SITE / "searchindex.js").exists(), reason="no site is built: run `make book` first"
)

WIDTHS = {"wide": 1366, "narrow": 320}  # at 320 pixels, WCAG wants no scrolling sideways
THEMES = ("light", "dark")
AXE_SCRIPT = Axe().axe_script
AXE = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
    "preload": False,  # it would fetch the styles, which browsers refuse on pages from the disk
}
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if path.relative_to(SITE).parts[0] != "_static" and path.name != "index.html"  # which only leads on
)

FORMULAS = "globalThis.MathJax?.startup?.promise.then(() => {})"  # done when all are set

# What scrolls is a stop of the Tab key. The theme sees to that a little after each change.
STOPS = """() => {
  const boxes = "pre, .cell_output > .output, .jp-RenderedHTMLCommon, .pst-scrollable-table-container";
  return [...document.querySelectorAll(boxes)].every(
    (box) => box.scrollWidth <= box.clientWidth || box.tabIndex === 0);
}"""

# The theme has followed; a page that is no part of the theme follows by itself.
SHOWN_IN = "theme => [undefined, theme].includes(document.documentElement.dataset.theme)"

# What a program wrote over and over is judged a few times, or axe would take minutes: tokens of code by the
# first of each colour, and entries of the reference by the first ten of each kind.
JUDGE_ONCE = """() => {
  const seen = {};
  for (const token of document.querySelectorAll(".highlight span")) {
    if (seen[token.className]) token.replaceWith(token.textContent);
    else seen[token.className] = token.children.length === 0;
  }
  for (const entry of document.querySelectorAll("dl.py")) {
    seen[entry.className] = (seen[entry.className] ?? 0) + 1;
    if (seen[entry.className] > 10) entry.remove();
  }
}"""

# How many pixels of letters of ten points are shown, in the figure where they are smallest.
SMALLEST_LETTERS = """() => Math.min(...[...document.querySelectorAll("a.full-size img")].map(
  (figure) => (figure.clientWidth / figure.naturalWidth) * 10 * 4 / 3))"""


class Visit(NamedTuple):
    """What one page showed."""

    page: str
    findings: list  # of axe, in words
    problems: list  # of the browser's console
    requests: list
    widths: dict  # mode -> of all that is there, in pixels
    smallest_letters: dict  # mode -> in pixels


def visit(browser, page):
    """Open a page on a wide screen, turn the screen narrow, and judge it on both, light and dark."""
    problems, requests, findings, widths, smallest_letters = [], [], [], {}, {}
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(120_000)  # of machines that are busy with other things
    tab = context.new_page()
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda message: message.type in ("error", "warning") and problems.append(message.text))
    context.on("request", lambda request: requests.append(request.url))

    def turn(width):
        tab.set_viewport_size({"width": WIDTHS[width], "height": 800})
        tab.wait_for_function(STOPS)

    tab.goto((SITE / page).as_uri())
    tab.evaluate(FORMULAS)
    tab.add_style_tag(content="* { transition: none !important }")  # or colours are measured on their way
    for width in WIDTHS:
        turn(width)
        widths[width] = tab.evaluate("document.documentElement.scrollWidth")
        smallest_letters[width] = tab.evaluate(SMALLEST_LETTERS)
    tab.evaluate(JUDGE_ONCE)
    tab.evaluate(AXE_SCRIPT)
    for width in WIDTHS:
        turn(width)
        for theme in THEMES:
            tab.emulate_media(color_scheme=theme)
            tab.wait_for_function(SHOWN_IN, arg=theme)
            for rule in tab.evaluate("options => axe.run(options)", AXE)["violations"]:
                places = [node["target"][0] for node in rule["nodes"]]
                what = f"{rule['impact']} {rule['id']} at {places[0]}, {len(places)} in all"
                findings.append(f"{page}, {width}, {theme}: {what}")
    context.close()
    return Visit(page, findings, problems, requests, widths, smallest_letters)


def visit_all(pages):
    with playwright.sync_playwright() as play:
        browser = launch(play)
        visits = [visit(browser, page) for page in pages]
        browser.close()
    return visits


@pytest.fixture(scope="module")
def visits(browser):
    """Every page, by as many browsers as there are cores."""
    n_browsers = os.cpu_count()
    with ThreadPoolExecutor(n_browsers) as pool:
        shares = pool.map(visit_all, [PAGES[start::n_browsers] for start in range(n_browsers)])
        return [seen for share in shares for seen in share]


@pytest.fixture
def open_page(browser):
    """Open pages of the site, whose errors fail the test."""
    problems, contexts = [], []

    def open_page(address, width="wide", **settings):
        context = browser.new_context(
            viewport={"width": WIDTHS[width], "height": 800}, reduced_motion="reduce", **settings
        )
        context.set_default_timeout(120_000)
        contexts.append(context)
        tab = context.new_page()
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda message: message.type == "error" and problems.append(message.text))
        tab.goto(f"{SITE.as_uri()}/{address}")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


def test_axe_finds_nothing(visits):
    findings = [finding for seen in visits for finding in seen.findings]
    assert not findings, "\n".join(findings)


def test_no_page_complains_in_the_console(visits):
    problems = [f"{seen.page}: {problem}" for seen in visits for problem in seen.problems]
    assert not problems, "\n".join(problems)


def test_nothing_is_asked_of_another_place(visits):
    ours = (SITE.as_uri(), "data:", "blob:")
    asked = [f"{seen.page}: {url}" for seen in visits for url in seen.requests if not url.startswith(ours)]
    assert not asked, "\n".join(asked)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_scrolls_sideways(visits, width):
    wide = [
        f"{seen.page}: {seen.widths[width]} pixels" for seen in visits if seen.widths[width] > WIDTHS[width]
    ]
    assert not wide, "\n".join(wide)


@pytest.mark.parametrize("width", WIDTHS)
def test_letters_in_figures_can_be_read(visits, width):
    small = [
        f"{seen.page}: {seen.smallest_letters[width]:.1f} pixels"
        for seen in visits
        if seen.smallest_letters[width] < 7.8
    ]
    assert not small, "\n".join(small)


# What has the focus: its name, whether it can be seen, and whether it is told apart.
FOCUS = """() => {
  const here = document.activeElement;
  if (here === document.body) return null;
  const { left, right, top, bottom } = here.getBoundingClientRect();
  const style = getComputedStyle(here);
  return {
    name: `${here.tagName} ${here.className} ${here.textContent.trim().slice(0, 40)}`,
    seen: right > 0 && left < innerWidth && bottom > 0 && top < innerHeight && right > left && bottom > top,
    marked: style.outlineStyle !== "none" || style.boxShadow !== "none",
  };
}"""


def stops_of_the_tab_key(tab):
    while tab.keyboard.press("Tab") or (focus := tab.evaluate(FOCUS)):
        yield focus


@pytest.mark.parametrize("width", WIDTHS)
def test_the_tab_key_stops_where_the_reader_sees_it(open_page, width):
    tab = open_page(f"{CHAPTERS[0]}.html", width)
    tab.evaluate(FORMULAS)
    tab.wait_for_function(STOPS)
    tab.add_style_tag(content="* { transition: none !important }")
    stops = list(stops_of_the_tab_key(tab))
    assert len(stops) > 30
    lost = [stop["name"] for stop in stops if not (stop["seen"] and stop["marked"])]
    assert not lost, "\n".join(lost)


def test_the_first_stop_leads_to_the_text(open_page):
    tab = open_page(f"{CHAPTERS[0]}.html")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert tab.url.endswith("#main-content")


def found_by(tab):
    """Where the search leads, best first, once every result has its excerpt."""
    results = tab.locator("#search-results ul.search > li")
    tab.locator("#search-results", has_text=re.compile("found [0-9]+ page")).wait_for()
    tab.wait_for_function("document.querySelectorAll('#search-results li p.context').length > 1")
    return [result.locator("a").get_attribute("href") for result in results.all()]


def test_search_finds_what_a_term_means_and_the_chapter_about_it(open_page):
    tab = open_page("search.html?q=inverse+temperature")
    assert found_by(tab)[:2] == ["back_matter/notation.html#term-inverse-temperature", f"{CHAPTERS[1]}.html"]


def test_search_shows_the_words_around_what_it_found(open_page):
    tab = open_page("search.html?q=inverse+temperature")
    found_by(tab)
    best = tab.locator("#search-results li p.context").all_inner_texts()[:3]
    assert all("temperature" in excerpt for excerpt in best), best


def test_formulas_in_excerpts_are_letters(open_page):
    tab = open_page("search.html?q=inverse+temperature")
    found_by(tab)
    assert "\\" not in tab.locator("#search-results ul.search").inner_text()


def test_search_starts_from_any_page(open_page):
    tab = open_page(f"{CHAPTERS[0]}.html")
    tab.keyboard.press("Control+k")
    tab.keyboard.type("stickiness")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/search.html?q=stickiness")
    assert any("term-stickiness" in address for address in found_by(tab))


def test_a_figure_opens_at_its_full_size(open_page):
    tab = open_page(f"{CHAPTERS[6]}.html", "narrow")
    figure = tab.locator("a.full-size").first
    assert figure.locator("img").bounding_box()["width"] < figure.locator("img").evaluate(
        "img => img.naturalWidth"
    )
    figure.click()
    tab.wait_for_url("**/_images/*.svg")


def test_paper_is_white_in_dark_mode_too(open_page):
    tab = open_page(f"{CHAPTERS[0]}.html", color_scheme="dark")
    theme = "document.documentElement.dataset.theme"
    tab.evaluate(f"addEventListener('beforeprint', () => {{ globalThis.printed = {theme}; }})")
    tab.pdf()
    assert (tab.evaluate("printed"), tab.evaluate(theme)) == ("light", "dark")


def test_paper_shows_the_folds_that_are_open(open_page):
    tab = open_page(f"{CHAPTERS[0]}.html")
    folds = tab.locator("details.hide")
    folds.nth(0).locator("summary").click()
    tab.emulate_media(media="print")
    assert (folds.nth(0).is_visible(), folds.nth(1).is_visible()) == (True, False)


def test_the_course_reads_without_scripts(open_page):
    tab = open_page(f"{CHAPTERS[0]}.html", java_script_enabled=False)
    assert tab.locator("figure.moving img").first.is_visible()
    hint = tab.locator("details.sd-dropdown").first
    hint.locator("summary").click()
    assert hint.locator("p").first.is_visible()
    tab.get_by_role("link", name="2. The choice rule").first.click()
    assert tab.url == f"{SITE.as_uri()}/{CHAPTERS[1]}.html"
