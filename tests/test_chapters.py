"""Every chapter's source meets the contract: what stands in it, and in which order."""

import re
from pathlib import Path
from statistics import median

import jupytext
import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
PAGES = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
LEVELS = ["Predict", "Modify", "Build"]


class Chapter:
    """A chapter's source, taken apart."""

    def __init__(self, page):
        self.page = page
        self.path = ROOT / f"{page}.md"
        self.text = self.path.read_text(encoding="utf8")
        self.cells = jupytext.read(self.path).cells
        self.code = [cell for cell in self.cells if cell.cell_type == "code"]
        self.prose = "\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")
        self.headings = re.findall(r"^#+ (.+?)\s*$", self.prose, flags=re.MULTILINE)

    def tagged(self, *tags):
        return [cell for cell in self.code if set(tags) <= set(cell.metadata.get("tags", []))]

    def section(self, heading):
        """The cells from a heading to the next one of any level."""
        found, inside = [], False
        for cell in self.cells:
            if cell.cell_type == "code":
                found += [cell] if inside else []
                continue
            for title in re.findall(r"^#+ (.+?)\s*$", cell.source, flags=re.MULTILINE):
                inside = title == heading
        return found


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(request):
    return Chapter(request.param)


def sentences_of(prose):
    """Prose without code, formulas, roles, links, figures' labels and what is in fences."""
    prose = re.sub(r"^(`{3,}|~{3,}).*?^\1\s*$", " ", prose, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"\$\$.*?\$\$", " ", prose, flags=re.DOTALL)
    prose = re.sub(r"\$[^$]*\$", " ", prose)
    prose = re.sub(r"\{[\w:-]+\}`[^`]*`", " ", prose)
    prose = re.sub(r"`[^`]*`", " ", prose)
    return re.sub(r"\]\([^)]*\)", " ", prose)


def test_a_page_that_measures_time_is_executed_alone(chapter):
    if "perf_counter()" in chapter.text:
        assert jupytext.read(chapter.path).metadata.get("execute_alone")


def test_every_chapter_file_is_in_the_book():
    files = {f"chapters/{path.stem}" for path in (ROOT / "chapters").glob("*.md")}
    assert files == set(CHAPTERS)


def test_title_carries_the_chapters_number(chapter):
    number = int(Path(chapter.page).name[:2])
    assert chapter.headings[0].startswith(f"{number}. ")


def test_opens_with_objectives_needs_and_measured_run_time(chapter):
    opening = chapter.prose.split("\n## ")[0]
    assert ":class: objectives" in opening
    assert "**You will be able to**" in opening
    assert "**You need**" in opening
    assert re.search(r"\*\*Time\*\* \{reading-time\}`page`[^{]*\{run-time\}`page`", opening)
    assert 2 <= len(re.findall(r"^- ", opening, flags=re.MULTILINE)) <= 7


def test_closes_with_recap_exercises_and_next_step(chapter):
    wanted = ["Recap", "Exercises", *LEVELS, "Next step"]
    assert [heading for heading in chapter.headings if heading in wanted] == wanted


def test_exercises_begin_with_a_quiz_of_three_questions(chapter):
    quiz = chapter.prose.split("\n## Exercises\n")[1].split("\n### Predict\n")[0]
    assert quiz.lstrip().startswith("### Quiz\n") and quiz.count(":::{quiz}") == 3


MOST_WORDS, MOST_LINES = 1500, 130  # before the exercises; of code that a reader sees


HEADING = re.compile(r"^## Exercises", flags=re.MULTILINE)


def before_exercises(chapter):
    """The cells up to the heading of the exercises; of the cell that holds it, what stands above it."""
    at = next(i for i, cell in enumerate(chapter.cells) if HEADING.search(cell.source))
    above = nbformat.v4.new_markdown_cell(HEADING.split(chapter.cells[at].source)[0])
    return [*chapter.cells[:at], above]


def test_a_page_is_read_in_one_sitting(chapter):
    prose = [cell.source for cell in before_exercises(chapter) if cell.cell_type == "markdown"]
    assert len(" ".join(prose).split()) <= MOST_WORDS


def test_a_page_shows_no_more_code_than_can_be_read(chapter):
    hidden = {"remove-cell", "remove-input", "hide-input", "hide-cell"}
    code = [cell for cell in before_exercises(chapter) if cell.cell_type == "code"]
    seen = [cell.source for cell in code if not hidden & set(cell.metadata.get("tags", []))]
    lines = [line for line in "\n".join(seen).splitlines() if line.strip()]
    assert len(lines) <= MOST_LINES


def test_a_recap_has_at_most_five_points(chapter):
    recap = chapter.prose.split("## Recap")[1].split("\n## ")[0]
    assert 1 <= len(re.findall(r"^- ", recap, flags=re.MULTILINE)) <= 5


def asked_at(chapter, level):
    """The text of the exercises at one level, hints included."""
    return chapter.prose.split(f"### {level}")[1].split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("level", LEVELS)
def test_hints_unfold_one_at_a_time(chapter, level):
    """A level with two exercises, or the largest one, has two hints, each in a fold of its own."""
    asked = asked_at(chapter, level)
    exercises = max(1, len(re.findall(r"^\d\\?\. ", asked.split(":::")[0], flags=re.MULTILINE)))
    hints = re.findall(r"^:::\{dropdown\} Hint.*$", asked, flags=re.MULTILINE)
    assert len(hints) >= max(exercises, 2 if level == "Build" else 1), hints


def test_a_prediction_asks_why(chapter):
    assert re.search(r"\bwhy\b", asked_at(chapter, "Predict"), flags=re.IGNORECASE)


def test_a_change_says_what_should_come_out(chapter):
    assert re.search(r"\bshould\b", asked_at(chapter, "Modify"))


def test_next_step_links_on(chapter):
    assert re.search(r"\{(doc|ref)\}`|\]\(", chapter.prose.split("## Next step")[-1])


@pytest.mark.parametrize("level", LEVELS)
def test_each_exercise_has_a_hidden_solution_that_is_executed(chapter, level):
    solutions = [cell for cell in chapter.section(level) if "solution" in cell.metadata.get("tags", [])]
    assert solutions, f"no cell tagged `solution` below {level}"
    for cell in solutions:
        assert {"hide-cell", "hide-input"} & set(cell.metadata["tags"]), "shown on the site"
        assert cell.metadata.get("jupyter", {}).get("source_hidden"), "shown in Jupyter Lab"
        assert cell.source.strip()


def test_a_build_exercise_goes_from_a_stub_over_its_solution_to_a_checker(chapter):
    """So that the checker judges the solution in the book, and the learner's own function in a notebook."""
    kinds = []
    for cell in chapter.section("Build"):
        checks = re.match(r"from rwlib\.exercises import (check_\w+)\n\n\1\(", cell.source)
        marks = {"exercise", "solution"} & set(cell.metadata.get("tags", []))
        kinds.append("check" if checks else marks.pop() if marks else "other")
    assert kinds[:3] == ["exercise", "solution", "check"]
    assert set(kinds[3:]) <= {"check"}


def test_solutions_stand_only_in_the_exercises(chapter):
    inside = [cell for level in LEVELS for cell in chapter.section(level)]
    assert all(cell in inside for cell in chapter.tagged("solution"))


def test_cells_are_short(chapter):
    lines = [len([line for line in cell.source.splitlines() if line.strip()]) for cell in chapter.code]
    assert median(lines) <= 8


def test_figures_have_caption_name_and_alt_text(chapter):
    for cell in chapter.code:
        draws = re.search(r"plt\.subplots\(|plt\.figure\(|\bplot_\w+\(", cell.source)
        if draws and not {"remove-output", "remove-cell", "solution"} & set(cell.metadata.get("tags", [])):
            meta = cell.metadata.get("mystnb", {})
            figure, alt = meta.get("figure", {}), meta.get("image", {}).get("alt", "")
            assert figure.get("caption") and figure.get("name"), cell.source
            assert len(alt.split()) >= 6, f"say what the picture shows: {alt!r}\n{cell.source}"


def test_figures_are_drawn_not_pasted(chapter):
    assert not re.search(r"!\[[^\]]*\]\(data:|\{image\}|<img ", chapter.text)


def test_axes_are_labelled(chapter):
    """Where a cell makes its own axes, it says what is on them."""
    for cell in chapter.code:
        if "plt.subplots(" in cell.source and "solution" not in cell.metadata.get("tags", []):
            assert re.search(r"[xy]label|plot_\w+\(", cell.source), cell.source


# A decimal that is part of the question, not of an answer: a cut-off, a value that the reader is told
# to use. Names as in "1.0.4" and headings' numbers do not count either.
MEASURED = re.compile(r"(?<![\w.])\d+\.\d{2,}(?![\w.])|(?<![\w.])\d+(\.\d+)?\s?%")
CUT_OFFS = {
    "1.01",
    "0.03",
    "0.05",
    "0.01",
    "0.001",
    "0.99",
    "90%",
    "90 %",
    "95%",
    "95 %",
    "50%",
    "50 %",
    "100%",
    "5%",
}


def test_results_in_prose_are_glued(chapter):
    """Numbers of two or more decimals, and percentages, come from a cell and not from a keyboard."""
    typed = [match.group() for match in MEASURED.finditer(sentences_of(chapter.prose))]
    assert not [number for number in typed if number not in CUT_OFFS]


def test_glued_names_are_shown_and_shown_names_are_glued(chapter):
    made = set(
        re.findall(r"\bglue\(\s*f?[\"']([^\"'{]+)[\"']", "\n".join(cell.source for cell in chapter.code))
    )
    shown = set(re.findall(r"\{glue:\w*\}`([^`:]+)", chapter.prose))
    assert shown, "no number in the prose comes from a cell"
    if not any(re.search(r"\bglue\(\s*(f[\"']|\w)", cell.source) for cell in chapter.code):
        assert made == shown


def test_seeds_are_explicit(chapter):
    code = "\n".join(cell.source for cell in chapter.code)
    assert not re.search(r"default_rng\(\s*\)", code)
    assert not re.search(r"np\.random\.(?!default_rng|Generator|SeedSequence)\w+", code)
    assert not re.search(r"\bimport random\b|from random import", code)
    assert not re.search(r"(key|PRNGKey|seed|default_rng)\(?=?\s*(int\()?time", code)
    for call in re.findall(r"\bfit\((?:[^()]|\([^()]*\))*\)", code):
        if call.startswith("fit(data") or "num_warmup" in call:
            assert "seed" in call, call


def test_names_of_cross_references_are_unique():
    names = {}
    for page in CHAPTERS:
        for cell in Chapter(page).code:
            name = cell.metadata.get("mystnb", {}).get("figure", {}).get("name")
            if name:
                assert name not in names, f"{name} is in {names[name]} and in {page}"
                names[name] = page


def test_reading_as_a_notebook_keeps_the_page(chapter):
    """The page survives the way to Jupyter Lab and back: jupytext's header is there and right."""
    notebook = jupytext.read(chapter.path)
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert notebook.metadata["jupytext"]["text_representation"]["format_name"] == "myst"
    again = jupytext.reads(jupytext.writes(notebook, fmt="md:myst"), fmt="md:myst")
    assert [cell.source for cell in again.cells] == [cell.source for cell in notebook.cells]
