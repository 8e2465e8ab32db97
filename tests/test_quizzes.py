"""Quizzes: what a browser and other readers get of one, what is refused, and the numbers in the chapters'."""

import sys
from math import log, pi, sqrt
from pathlib import Path
from statistics import NormalDist

import pytest
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_ext"))

CONF = """
extensions = ["myst_parser", "quiz"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "tasklist"]
"""
GOOD = r"""# A page

:::{quiz}
A value is at $0.5$ before `update`. What is it

```python
update(0.5, 1.0)
```

- [ ] $0.6$ or `0.6`
  : That would be {ref}`the rate <there>`
  itself.
- [x] A *share* of $\delta$
  : It is half of $\delta$.

    And no more.
- [ ] None
  : > Nothing is learned.
:::

:::{quiz}
And then?

- [x] One
  : one
- [ ] Two
  : two
- [ ] Three
  : three
:::

(there)=
## A section
"""
BAD = {
    "one right": ("Why?\n\n- [ ] A\n  : a\n- [ ] B\n  : b\n- [ ] C\n  : c", "0 of its options"),
    "two right": ("Why?\n\n- [x] A\n  : a\n- [x] B\n  : b\n- [ ] C\n  : c", "2 of its options"),
    "few": ("Why?\n\n- [x] A\n  : a\n- [ ] B\n  : b", "it has 2 options"),
    "unexplained": ("Why?\n\n- [x] A\n  : a\n- [ ] B goes\n- [ ] C\n  : c", "'B goes' is not explained"),
    "explained twice": ("Why?\n\n- [x] A\n  : a\n  : b\n- [ ] B\n  : b\n- [ ] C\n  : c", "or more than once"),
    "more below": ("Why?\n\n- [x] A\n  : a\n\n  b\n- [ ] B\n  : b\n- [ ] C\n  : c", "or more than once"),
    "two in one": (
        "Why?\n\n- [x] A\n  : a\n\n  B\n  : b\n- [ ] C\n  : c\n- [ ] D\n  : d",
        "or more than once",
    ),
    "unmarked": ("Why?\n\n- [x] A\n  : a\n- B\n  : b\n- [ ] C\n  : c", "'B' must begin with"),
    "wordless": ("Why?\n\n- [x] A\n  : a\n- [ ] $x$\n  : b\n- [ ] C\n  : c", "'x' is a formula alone"),
    "no question": ("- [x] A\n  : a\n- [ ] B\n  : b\n- [ ] C\n  : c", "there is no question"),
    "code alone": (
        "```python\nx\n```\n\n- [x] A\n  : a\n- [ ] B\n  : b\n- [ ] C\n  : c",
        "there is no question",
    ),
    "no options": ("Why?", "must end with a list of options"),
    "empty": ("", "must end with a list of options"),
}


def build(folder, pages, builder="html"):
    """Build a small book; return the folder of what is written, and the warnings."""
    (folder / "conf.py").write_text(CONF)
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
    app = SphinxTestApp(builder, srcdir=folder)
    app.build()
    app.cleanup()
    return Path(app.outdir), app.warning.getvalue()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page as a browser gets it."""
    written, warnings = build(tmp_path_factory.mktemp("site"), {"index": GOOD})
    assert not warnings
    return BeautifulSoup((written / "index.html").read_text(encoding="utf8"), "html.parser")


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """The page as plain text, without its line breaks."""
    written, warnings = build(tmp_path_factory.mktemp("text"), {"index": GOOD}, "text")
    assert not warnings
    return " ".join((written / "index.txt").read_text(encoding="utf8").split())


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """What is said of pages with a quiz that is not finished."""
    pages = {name: f"# A page\n\n:::{{quiz}}\n{quiz}\n:::\n" for name, (quiz, _) in BAD.items()}
    _, warnings = build(tmp_path_factory.mktemp("bad"), {"index": "# A book\n", **pages}, "dummy")
    return warnings


def test_a_question_keeps_its_formulas_and_its_code(page):
    question = page.select_one(".quiz-question")
    assert [len(question.select(what)) for what in ("span.math", "p > code", "pre")] == [1, 1, 1]


def test_questions_are_numbered(page):
    assert [each.get_text().split()[0] for each in page.select(".quiz-question")] == ["1.", "2."]


def test_each_quiz_is_a_group_named_by_its_question(page):
    for quiz in page.select(".quiz"):
        assert quiz["role"] == "group"
        assert page.find(id=quiz["aria-labelledby"]) == quiz.select_one(".quiz-question")


def test_an_option_is_a_closed_fold_that_is_named_by_what_there_is_to_choose(page):
    options = page.select_one(".quiz").select("details")
    assert not any(option.has_attr("open") for option in options)
    names = [option.summary.get_text() for option in options]
    assert names == [r"\(0.6\) or 0.6", r"A share of \(\delta\)", "None"]


def test_formulas_code_and_emphasis_survive_in_an_option(page):
    first, second, _ = page.select_one(".quiz").select("summary")
    assert first.select("span.math") and first.select("code") and second.select("em")


def test_a_fold_says_first_whether_the_option_is_right(page):
    said = [option.summary.find_next("p").strong.get_text() for option in page.select("details")]
    assert said == ["Not quite.", "Right.", "Not quite.", "Right.", "Not quite.", "Not quite."]


def test_a_reason_may_have_links_and_several_blocks(page):
    first, second, third = page.select_one(".quiz").select("details")
    assert first.select_one("a")["href"] == "#there"
    assert len(second.select("p")) == 2 and third.select("blockquote")


def test_where_nothing_unfolds_all_options_come_before_the_first_reason(text):
    assert text.index("3. None") < text.index("Answers") < text.index("1. **Not quite.** That would be")


def test_where_nothing_unfolds_each_reason_has_the_number_of_its_option(text):
    assert "2. A *share* of" in text and "2. **Right.** It is half of" in text


@pytest.mark.parametrize("builder", ["singlehtml", "latex"])
def test_on_paper_there_are_no_folds(tmp_path, builder):
    written, warnings = build(tmp_path, {"index": GOOD}, builder)
    assert not warnings
    pages = [*written.glob("*.html"), *written.glob("*.tex")]
    assert pages and not any("<details" in path.read_text(encoding="utf8") for path in pages)


@pytest.mark.parametrize("name", BAD)
def test_an_unfinished_quiz_is_refused_with_its_page_and_line(refusals, name):
    _, problem = BAD[name]
    said = [line for line in refusals.splitlines() if f"{name}.md:3: ERROR: quiz: " in line]
    assert len(said) == 1 and problem in said[0]


CHAPTERS = sorted((ROOT / "chapters").glob("*.md"))


@pytest.mark.parametrize(
    ("chapter", "said", "number", "computed"),
    [
        ("01", "at $Q = 0.75$", 0.75, 0.5 * 0.3 / (0.5 * 0.3 + 0.5 * 0.1)),
        ("06", "about $-322$", -322, 200 * log(1 / 5)),
        (
            "07",
            "about two thirds of all people below 0.1 or above 0.9",
            2 / 3,
            2 * NormalDist().cdf(-log(9) / 5),
        ),
        ("07", "an SD of about 1.8 on the logit scale", 1.8, pi / sqrt(3)),  # of a logistic distribution
    ],
)
def test_numbers_in_a_quiz_are_what_they_are_said_to_be(chapter, said, number, computed):
    page = next(path for path in CHAPTERS if path.name.startswith(chapter))
    assert said in " ".join(page.read_text(encoding="utf8").split())
    assert number == pytest.approx(computed, rel=0.01)
