"""The site's pages, less what needs a screen, with exercises, hints and solutions apart."""

import posixpath
import re
from copy import copy
from typing import NamedTuple
from urllib.parse import unquote, urlparse

import yaml
from bs4 import BeautifulSoup, Tag

#: What a reader of paper has no use for: fences of the site, code that only draws, empty places to write in.
NEEDS_A_SCREEN = (
    "script, style, link, .headerlink, a.sd-btn, .first-picture, .sd-card-footer, "
    ".cell.tag_hide-input .cell_input, .cell.tag_hide-cell:not(.tag_solution), .cell.tag_exercise, summary"
)
NOT_IN_A_BOOK = ("back_matter/execution_times",)
CHECKER = "rwlib.exercises"
UNFOLD = re.compile("^Unfold an option")
LEADS_TO_AN_ID = ("aria-labelledby", "aria-describedby", "for", "headers")
ONLY_FOR_THE_SITE = ("border", "align", "halign", "valign", "cellpadding", "cellspacing", "role")


class Exercise(NamedTuple):
    """What was taken out of one exercise."""

    anchor: str
    title: str
    hints: list[Tag]
    solutions: list[Tag]


class Page(NamedTuple):
    """One page of the site. All anchors in it begin with its own."""

    anchor: str
    title: str
    part: str | None
    body: Tag
    exercises: list[Exercise]


def read_pages(site, toc):
    """Read the pages of a built site in the order of its table of contents.

    Parameters
    ----------
    site : Path
        Folder of the built site.
    toc : Path
        The book's `_toc.yml`.

    Returns
    -------
    list of Page
        Ready for print, and linked with each other by anchors alone.

    Examples
    --------
    >>> pages = read_pages(Path("_build/html"), Path("_toc.yml"))  # doctest: +SKIP
    >>> pages[1].title  # doctest: +SKIP
    '1. The update rule'
    """
    contents = yaml.safe_load(toc.read_text(encoding="utf8"))
    parts = {contents["root"]: None}
    for part in contents["parts"]:
        parts |= {chapter["file"]: part["caption"] for chapter in part["chapters"]}
    names = [name for name in parts if name not in NOT_IN_A_BOOK]
    pages = [read_page(site, name, parts[name], names) for name in names]
    unlink_what_is_not_there(pages)
    return pages


def read_page(site, name, part, names):
    """Read one page, named as in the table of contents."""
    path = site / f"{name}.html"
    if not path.exists():
        raise FileNotFoundError(f"{path} is in the table of contents and not in the site: run `make book`.")
    soup = BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
    body = soup.select_one("article > section")
    list_options(body, soup)
    name_cards_by_their_links(body)
    drop_what_needs_a_screen(body)
    link_by_anchors(body, name, names)
    say_what_moves(body, soup)
    exercises = take_out_answers(body)
    for picture in body.select("img"):
        picture["src"] = (path.parent / unquote(picture["src"])).resolve().as_uri()
    title = body.h1.get_text(" ", strip=True)
    lower_headings(body, by=1 if part else 0)
    return Page(anchor_of(name), title, part, body, exercises)


def anchor_of(name, anchor=""):
    """Name a place in the book: the page's own name comes first, since many pages have a "Recap".

    Examples
    --------
    >>> anchor_of("chapters/03_scan", "recap")
    'chapters-03_scan--recap'
    """
    return name.replace("/", "-") + (f"--{anchor}" if anchor else "")


def with_ids(body):
    return [tag for tag in (body, *body.find_all(True)) if tag.get("id")]


def link_by_anchors(body, name, names):
    """Make anchors unique in the book, and links to pages links to anchors."""
    for tag in with_ids(body):
        tag["id"] = anchor_of(name, tag["id"])
    for tag in body.find_all(lambda tag: tag.attrs.keys() & set(LEADS_TO_AN_ID)):
        for key in tag.attrs.keys() & set(LEADS_TO_AN_ID):
            tag[key] = anchor_of(name, tag[key])
    for link in body.find_all("a", href=True):
        address = urlparse(link["href"])
        link.attrs.pop("title", None)
        if address.scheme:
            say_where_it_leads(link)
            continue
        path = posixpath.normpath(posixpath.join(posixpath.dirname(name), address.path))
        target = path.removesuffix(".html") if address.path else name
        if target in names:
            link["href"] = "#" + anchor_of(target, unquote(address.fragment))
        else:
            link.unwrap()


def say_where_it_leads(link):
    """Print the address of a link that leaves the book, unless the text is the address or a DOI."""
    address = link["href"].split("://")[-1].removeprefix("doi.org/").rstrip("/")
    if address not in link.get_text():
        link.append(f" ({link['href']})")


def drop_what_needs_a_screen(body):
    """Take out what works on the site alone, and open what is folded there."""
    for cell in body.select(".cell:not(.tag_solution)"):
        if CHECKER in cell.get_text():
            cell.decompose()
    for tag in body.select(NEEDS_A_SCREEN):
        if tag.name == "summary" and tag.find_parent("details", class_="sd-dropdown"):
            title = tag.select_one(".sd-summary-text")
            tag.name, tag["class"], tag.string = "p", ["fold-title"], title.get_text(" ", strip=True)
        else:
            tag.decompose()
    for fold in body.select("details.hide"):
        fold.unwrap()
    for fold in body.select("details"):
        fold.name = "div"
    for tag in body.find_all(lambda tag: tag.attrs.keys() & set(ONLY_FOR_THE_SITE)):
        tag.attrs = {key: value for key, value in tag.attrs.items() if key not in ONLY_FOR_THE_SITE}


def list_options(body, soup):
    """Make each quiz a question with lettered options, and the reasons a list with the same letters."""
    for quiz in body.select(".quiz"):
        choices = soup.new_tag("ol", attrs={"class": "lettered"})
        reasons = soup.new_tag("ol", attrs={"class": "lettered"})
        for option in quiz.select(".quiz-option"):
            choice = option.summary.extract()
            choice.name, option.name = "li", "li"
            choices.append(choice)
            reasons.append(option.extract())
        answers = soup.new_tag("div", attrs={"class": "quiz-answers"})
        answers.append(copy(quiz.select_one(".quiz-question strong")))
        answers.append(reasons)
        quiz.extend([choices, answers])
    for words in body.find_all("p", string=UNFOLD):
        words.decompose()


def name_cards_by_their_links(body):
    """Link the title of a card: on the site, an invisible link covers the card."""
    for link in body.select(".sd-card .sd-stretched-link"):
        title = link.find_parent(class_="sd-card").select_one(".sd-card-title")
        link.string = title.get_text(" ", strip=True)
        title.clear()
        title.append(link.extract())


def say_what_moves(body, soup):
    """Add to a moving figure's caption that paper holds it still."""
    for caption in body.select("figure.moving figcaption p"):
        note = soup.new_tag("span", attrs={"class": "stands-still"})
        note.string = " On the site, this figure moves."
        caption.append(note)
    for words in body.select(".play-still > p"):
        words.string = "The game is on the site. Its end looks like this."


def take_out_answers(body):
    """Take hints and solutions out of the page, and return them by exercise, in their order."""
    exercises = {}
    for tag in body.select(".sd-dropdown, .cell.tag_solution, .quiz-answers"):
        solution = "sd-dropdown" not in tag["class"]
        if not solution and not tag.select_one(".fold-title").get_text().startswith("Hint"):
            continue
        section = tag.find_parent("section")
        title = section.find(["h2", "h3", "h4"]).get_text(" ", strip=True)
        exercise = exercises.setdefault(section["id"], Exercise(section["id"], title, [], []))
        (exercise.solutions if solution else exercise.hints).append(tag.extract())
    return list(exercises.values())


def lower_headings(body, by):
    """Make room above the page's title, where its part has one."""
    for level in (5, 4, 3, 2, 1):
        for heading in body.find_all(f"h{level}"):
            heading.name = f"h{level + by}"


def unlink_what_is_not_there(pages):
    """Leave the words of a link whose target stays on the site."""
    bodies = [page.body for page in pages]
    bodies += [tag for page in pages for each in page.exercises for tag in each.hints + each.solutions]
    there = {page.anchor for page in pages} | {tag["id"] for body in bodies for tag in with_ids(body)}
    for body in bodies:
        for link in body.select("a[href^='#']"):
            if link["href"][1:] not in there:
                link.unwrap()
