"""A page's text as plain Markdown: what any Jupyter shows, with nothing left that only Sphinx understands.

It is written from the finished tree of the page, in which references, citations and glued numbers are text
already. A node that is not among the cases below is refused: nothing is lost in silence.
"""

import html
import re
import unicodedata
from posixpath import basename, dirname, join, normpath, relpath
from typing import NamedTuple

from docutils import nodes
from quiz import quiz
from sphinx.addnodes import index
from sphinx_design.dropdown import dropdown_main

IS_SHOWN_ELSEWHERE = (nodes.comment, nodes.target, nodes.system_message, nodes.substitution_definition, index)


PICTURES = "pictures"  # the folder for them, beside those of the notebooks


#: The names of Greek letters are the same in TeX and in Unicode, save one.
LETTERS = "alpha beta gamma delta epsilon eta theta kappa lambda mu xi pi rho sigma tau phi omega".split()
GREEK = {
    name: unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    for size, names in [("SMALL", LETTERS), ("CAPITAL", [name.title() for name in LETTERS])]
    for name in names
}
RAISED = str.maketrans("+−0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Page(NamedTuple):
    """What has to be known of a page to write its text."""

    name: str  # "chapters/03_scan"
    notebooks: frozenset  # the names of all pages of which there is a notebook
    figures: dict  # "fig-scan-loop" -> "Fig. 8"
    site: str  # where the site stands, or nothing
    alone: bool = False  # read far from the other notebooks and near the site, as on Colab
    folded: bool = False  # in a fold


def blocks(children, page):
    """Write several nodes, with an empty line between two blocks."""
    return "\n\n".join(filter(None, (block(node, page) for node in children)))


def block(node, page):
    """Write one paragraph, list, formula, …"""
    match node:
        case nodes.paragraph():
            return line_safe(inline(node, page))
        case nodes.bullet_list():
            return listed(node, lambda number: "- ", page)
        case nodes.enumerated_list():
            return listed(node, lambda number: f"{node.get('start', 1) + number}. ", page)
        case nodes.math_block():
            tex = node.astext().strip()
            return tex if tex.startswith(r"\begin{align") else f"$$\n{tex}\n$$"
        case nodes.literal_block():
            language = node.get("language", "")
            language = {"default": "", "none": "", "ipython3": "python"}.get(language, language)
            return f"```{language}\n{node.astext()}\n```"
        case nodes.table():
            return table(node, page)
        case nodes.figure():
            return figure(node, page)
        case nodes.image():
            return picture(node, page)
        case nodes.Admonition():
            return admonition(node, page)
        case nodes.block_quote():
            return quoted(blocks(node.children, page))
        case nodes.definition_list():
            return blocks(node.children, page)
        case nodes.definition_list_item():
            return "\n\n".join(
                f"**{inline(part, page)}**" if isinstance(part, nodes.term) else blocks(part.children, page)
                for part in node.children
            )
        case dropdown_main():
            title, body = node.children
            return fold(title.next_node(nodes.inline).astext(), body.children, page)
        case quiz():
            return quiz_question(node, page)
        case nodes.container() if "nb_element" not in node:
            return blocks(node.children, page)
        case nodes.transition():
            return "---"
        case _ if isinstance(node, IS_SHOWN_ELSEWHERE):
            return ""
    raise refusal(node, page)


def inline(parent, page):
    """Write the text in a node, with its emphasis, formulas and links."""
    return "".join(span(node, page) for node in parent.children)


def span(node, page):
    match node:
        case nodes.Text():
            return escape(re.sub(r"\s*\n\s*", " ", node.astext()))
        case nodes.emphasis() | nodes.title_reference():
            return f"*{inline(node, page)}*"
        case nodes.strong():
            return f"**{inline(node, page)}**"
        case nodes.literal():
            fence = "``" if "`" in node.astext() else "`"
            space = " " if "`" in node.astext() else ""
            return f"{fence}{space}{node.astext()}{space}{fence}"
        case nodes.math():
            return formula(" ".join(node.astext().split()), page)
        case nodes.reference():
            return link(node, page)
        case nodes.inline() if "bibtex-citation" in node["classes"]:
            return "".join(in_citation(part, page) for part in node.children)
        case nodes.image():
            return picture(node, page)
        case nodes.inline():
            return inline(node, page)
        case _ if isinstance(node, IS_SHOWN_ELSEWHERE):
            return ""
    raise refusal(node, page)


def refusal(node, page):
    line = node.line or getattr(node.parent, "line", None)
    return NotImplementedError(
        f"{page.name}, near line {line}: _ext/plain_markdown.py cannot write {type(node).__name__!r} as "
        "plain Markdown. Write it another way, or add a case there."
    )


def escape(text):
    """Put a backslash before characters that would be taken for Markdown."""
    text = re.sub(r"([\\`*$])", r"\\\1", text)
    text = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\_", text)
    return re.sub(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<=\])\(", lambda found: "\\" + found[0], text)


def line_safe(text):
    """Keep a paragraph from being taken for a list, a heading or a quotation."""
    return re.sub(r"^(\d+)(?=[.)]\s)|^(?=[-+>#]\s)", lambda found: found[0] + "\\", text)


def listed(node, marker, page):
    """Write a list, whose items are set apart if one of them holds more than a paragraph."""
    items = [(marker(number), blocks(item.children, page)) for number, item in enumerate(node.children)]
    between = "\n\n" if any("\n\n" in text for _, text in items) else "\n"
    return between.join(mark + text.replace("\n", "\n" + " " * len(mark)) for mark, text in items)


def admonition(node, page):
    """Write a box as a quotation. The site's writer gives a note its title, so it need not be there yet."""
    title, rest = node.children[0], node.children[1:]
    if not isinstance(title, nodes.title):
        title, rest = nodes.title("", type(node).__name__.capitalize()), node.children
    return quoted(f"**{inline(title, page)}**\n\n{blocks(rest, page)}")


def quoted(text):
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def fold(title, children, page):
    """Write what unfolds. The empty lines let Jupyter read Markdown inside."""
    text = blocks(children, page._replace(folded=True))
    return f"<details>\n<summary>{html.escape(title, quote=False)}</summary>\n\n{text}\n\n</details>"


def formula(tex, page):
    """Write a formula in a line; in a fold, where jupyterlab-myst sets none, in letters if it is simple."""
    letters = in_letters(tex)
    return escape(letters) if page.folded and not set("\\{}^_") & set(letters) else f"${tex}$"


def in_letters(tex):
    r"""Write TeX without TeX, as far as that goes.

    >>> in_letters(r"\alpha^{+} - Q_0 = 0.1\,\sqrt n"), in_letters(r"\hat Q")
    ('α⁺ − Q₀ = 0.1 √n', '\\hat Q')
    """
    for pattern, written in [
        (r"\\,", " "),
        (r"-", "−"),
        (r"\\cdot\b", "·"),
        (r"\\log\b", "log"),
        (r"\\[td]?frac\{(\w+)\}\{(\w+)\}", r"\1/\2"),
        (r"\\sqrt *(\w)", r"√\1"),
        (r"\\sqrt\{([^{}]*)\}", r"√(\1)"),
        (r"\\([A-Za-z]+)", lambda found: GREEK.get(found[1], found[0])),
        (r"\^\{?([+−*\d]+)\}?", lambda found: found[1].translate(RAISED)),
        (r"_\{?(\d+)\}?", lambda found: found[1].translate(LOWERED)),
    ]:
        tex = re.sub(pattern, written, tex)
    return tex


def table(node, page):
    """Write a table, of which the first row is the head."""
    rows = [[cell(entry, page) for entry in row.children] for row in node.findall(nodes.row)]
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def cell(entry, page):
    """Write one entry on one line. A bar would end it, also within a formula or code."""
    text = "<br>".join(inline(part, page) for part in entry.children)
    text = re.sub(
        r"\$[^$]+\$", lambda formula: formula[0].replace(r"\|", r"\Vert ").replace("|", r"\vert "), text
    )
    return text.replace("|", r"\|")


def link(node, page):
    """Link to another notebook, else to the site if it has an address, else write the words only."""
    text = inline(node, page)
    if not node.get("internal"):
        return f"[{text}]({node['refuri']})" if "refuri" in node else text
    address, _, anchor = node.get("refuri", "").partition("#")
    target = normpath(join(dirname(page.name), address.removesuffix(".html")))
    if not address or target == page.name:
        return text
    if target in page.notebooks and not page.alone:
        return f"[{text}]({relpath(target, dirname(page.name))}.ipynb)"
    if page.site:
        return f"[{text}]({page.site}/{target}.html{'#' + anchor if anchor else ''})"
    return text


def in_citation(part, page):
    """Write "Daw (2011)" for the site's "Daw [2011]". The work stands in the list of references."""
    text = inline(part, page) if isinstance(part, nodes.reference) else span(part, page)
    return {", ": "; "}.get(text, text.replace("[", "(").replace("]", ")"))


def references(parent):
    """List the works that are cited, in the order of the bibliography, which numbers them."""
    cited = {
        (len(node["refuri"]), node["refuri"]): node["reftitle"]
        for citation in parent.findall(nodes.inline)
        if "bibtex-citation" in citation["classes"]
        for node in citation.findall(nodes.reference)
    }
    works = [escape(cited[number]) for number in sorted(cited)]
    return "\n".join(
        "- " + re.sub(r"doi:(\S+?)\.?$", r"[doi:\1](https://doi.org/\1)", work) for work in works
    )


def figure(node, page):
    """Write a picture and its caption. What moves on the site stands still in a notebook."""
    image, *rest = node.children
    text = f"{block(image, page)}\n\n{caption(node, page)}"
    if "moving" in node["classes"]:
        there = (
            f"[site of the course]({page.site}/{page.name}.html#{node['ids'][0]})"
            if page.site
            else "site of the course"
        )
        text += f" *On the {there}, this figure moves.*"
    return text


def caption(node, page):
    """Write what stands below a figure, with its number."""
    words = "".join(inline(part, page) for part in node.children if isinstance(part, nodes.caption))
    return f"**{page.figures.get(node['ids'][0], 'Figure') if node['ids'] else 'Figure'}** {words}"


def picture(node, page):
    """Show a picture from the folder of pictures of the set, or from the site."""
    name = basename(node["candidates"]["*"])
    address = f"{page.site}/_images/{name}" if page.alone else f"../{PICTURES}/{name}"
    return f"![{escape(node.get('alt', ''))}]({address})"


def quiz_question(node, page):
    """List the options under letters, and fold away what is to be said of each."""
    question, *options = node.children
    letters = "ABCDEFGH"
    choices = [f"- **{letter}.** {inline(option[0], page)}" for letter, option in zip(letters, options)]
    answers = [fold(f"If you say {letter}", option[1:], page) for letter, option in zip(letters, options)]
    return "\n\n".join([blocks(question.children, page), "\n".join(choices), *answers])
