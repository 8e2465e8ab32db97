"""Look up each word of the pages' prose in a dictionary.

    python -m tools.spelling            # say which words are neither in the dictionary nor in tools/words.txt
    python -m tools.spelling --unused   # say which words of tools/words.txt no page has

Only prose is read: titles, paragraphs, tables, captions, alternative texts. Code, formulas, addresses and
citations are not. The dictionary is American, since that is what the package brings along. The book is
British, so its British spellings are in the list; American ones are refused by typos (see pyproject.toml).
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from hunspell import Hunspell
from markdown_it import MarkdownIt
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tools" / "words.txt"
PAGES = ("*.md", "chapters/*.md", "deeper/*.md", "back_matter/*.md")

WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")
# With letters beside digits, underlines, dots or slashes: a name in code, a file, an address.
NAME = re.compile(r"\S*(?:[\w*]*[\d_/@\\=]|\w\.\w)\S*")
WITHOUT_PROSE = ("bibliography", "eval-rst", "math", "nb-exec-table", "raw")
WITH_ARGUMENT = ("admonition", "card", "dropdown", "grid-item-card", "note", "quiz", "warning")
WITH_LABEL = ("doc", "numref", "ref")  # {doc}`label <target>`, or the target alone

parser = MarkdownIt("commonmark").enable("table")
for plugin in (
    colon_fence_plugin,
    deflist_plugin,
    dollarmath_plugin,
    front_matter_plugin,
    myst_block_plugin,
    myst_role_plugin,
):
    parser.use(plugin)


def prose(text: str, line: int = 1) -> Iterator[tuple[int, str]]:
    """Return the pieces of a text that are prose, each with its line.

    Examples
    --------
    >>> list(prose("A *value* of `q0`, see {doc}`chapter 1 <01>`."))
    [(1, 'A '), (1, 'value'), (1, ' of '), (1, ', see '), (1, 'chapter 1 '), (1, '.')]
    """
    for token in parser.parse(text):
        at = line + (token.map[0] if token.map else 0)
        if token.type == "inline":
            yield from _of_line(token.children, at)
        elif token.type in ("fence", "colon_fence"):
            yield from _of_directive(token, at)


def _of_line(tokens, line):
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            line += 1
        elif token.type in ("text", "image"):
            yield line, token.content
        elif token.type == "myst_role":
            label, found, _ = token.content.rpartition("<")
            if token.meta["name"] == "term":
                yield line, label or token.content
            elif token.meta["name"] in WITH_LABEL and found:
                yield line, label


def _of_directive(token, line):
    found = re.match(r"\{([\w:-]+)\} *(.*)", token.info)
    if not found or found[1] in WITHOUT_PROSE:
        return
    name, argument = found.groups()
    options, body, skipped = _options(token.content)
    of_cell = options.get("mystnb") or {}
    for drawn in (options, of_cell.get("figure") or {}, of_cell.get("image") or {}):
        for option in ("caption", "alt"):
            yield from ((line, piece) for _, piece in prose(str(drawn.get(option, ""))))
    if name == "code-cell":
        return
    if name in WITH_ARGUMENT:
        yield from prose(argument, line)
    yield from prose(body, line + 1 + skipped)


def _options(content):
    """The options of a directive, its body, and how many lines come before that."""
    if content.startswith("---\n"):
        head, _, body = content[4:].partition("\n---")
        return yaml.safe_load(head) or {}, body, head.count("\n") + 2
    lines = content.splitlines()
    count = next((i for i, line in enumerate(lines) if not line.startswith(":")), len(lines))
    pairs = (line[1:].partition(":")[::2] for line in lines[:count])
    return {name: value.strip() for name, value in pairs}, "\n".join(lines[count:]), count


def words(piece: str) -> list[str]:
    """Return the words of a piece of prose, without names from code and abbreviations in capitals.

    Examples
    --------
    >>> words("Nobody’s α is in data.csv, says NUTS")
    ["Nobody's", 'is', 'in', 'says']
    """
    found = (word.replace("’", "'") for word in WORD.findall(NAME.sub(" ", piece)))
    return [word for word in found if len(word) > 1 and not word.isupper()]


def own_words() -> set[str]:
    """Return the words that the book has and the dictionary has not."""
    lines = LIST.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def main(arguments: list[str]) -> int:
    own, dictionary = own_words(), Hunspell("en_US")
    found, used = [], set()
    for path in sorted(path for pattern in PAGES for path in ROOT.glob(pattern)):
        for line, piece in prose(path.read_text(encoding="utf-8")):
            for word in words(piece):
                plain = word.removesuffix("'s")
                listed = {plain, plain.lower()} & own
                used |= listed
                if not (listed or dictionary.spell(word) or dictionary.spell(plain)):
                    found.append(f"{path.relative_to(ROOT)}:{line}: {word}")
    if "--unused" in arguments:
        print(*sorted(own - used), sep="\n")
        return 0
    if found:
        print(*found, sep="\n")
        print(
            f"\n{len(found)} words are not in the dictionary. Correct them, or add them to tools/words.txt."
        )
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
