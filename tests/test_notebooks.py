"""The notebooks that people take away: what they hold, what they must not hold, and that they run.

`make notebooks` writes them. Without a built set, only the tests of single steps run.
"""

import builtins
import re
import shutil
import subprocess
import sys
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import jupytext
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup, SoupStrainer
from docutils import nodes
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from sphinx.errors import ConfigError

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "_ext"))

import colab  # noqa: E402
import plain_markdown  # noqa: E402
from needed_cells import names_in, needed_cells, statements_of  # noqa: E402

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf8"))
PAGES = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [page for page in PAGES if page.startswith(("chapters/", "deeper/"))]
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]

NOTEBOOKS = ROOT / "_build" / "notebooks"
SITE = ROOT / "_build" / "html"
LEARNER, INSTRUCTOR, DOWNLOAD = NOTEBOOKS / "learner", NOTEBOOKS / "instructor", SITE / "_sources"

built = pytest.mark.skipif(not LEARNER.exists(), reason="no notebooks are built: run `make notebooks` first")
each_folder = pytest.mark.parametrize(
    "folder", [LEARNER, INSTRUCTOR, DOWNLOAD], ids=["learner", "instructor", "site"]
)
for_learners = pytest.mark.parametrize("folder", [LEARNER, DOWNLOAD], ids=["learner", "site"])


@cache
def read(folder, page):
    return nbformat.v4.reads((folder / f"{page}.ipynb").read_text(encoding="utf8"))


def code(notebook, tag=None):
    """The code cells of a notebook, or those with a tag."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in cells if tag is None or tag in cell.metadata.get("tags", [])]


def texts(notebook):
    """The Markdown of a notebook."""
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def source(page):
    return jupytext.read(ROOT / f"{page}.md")


def words(text):
    """A text's words alone, without punctuation, markup and formulas."""
    return " ".join(re.findall(r"\w+", re.sub(r"\$+[^$]+\$+", " ", re.sub(r"\\(.)", r"\1", text))))


# The built sets


@built
@each_folder
@pytest.mark.parametrize("page", PAGES)
def test_each_page_is_a_valid_notebook(folder, page):
    notebook = read(folder, page)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert {key for cell in notebook.cells for key in cell.metadata} <= {"tags", "jupyter"}


@built
@for_learners
@pytest.mark.parametrize("page", PAGES)
def test_learners_are_given_no_solution(folder, page):
    learner = read(folder, page)
    public = [cell.source for cell in source(page).cells if "solution" not in cell.metadata.get("tags", [])]
    secret = {
        line.strip()
        for cell in code(source(page), "solution")
        for line in cell.source.splitlines()
        if len(line.strip()) > 20 and not any(line.strip() in text for text in public)
    }
    assert not code(learner, "solution")
    assert not [line for line in secret for cell in learner.cells if line in cell.source]


@built
@for_learners
@pytest.mark.parametrize("page", PAGES)
def test_learners_start_without_outputs(folder, page):
    assert not any(cell.outputs or cell.execution_count for cell in code(read(folder, page)))


@built
@pytest.mark.parametrize("page", PAGES)
def test_each_exercise_has_its_stub_or_an_empty_cell(page):
    learner, exercise, expected = read(LEARNER, page), [], []
    for cell in source(page).cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown" and re.search("^#", cell.source, re.M):
            exercise = []
        elif "exercise" in tags:
            exercise.append(cell.source)
            expected.append(cell.source)
        elif "solution" in tags and not exercise:
            expected.append("# Your answer")
    assert [cell.source for cell in code(learner, "exercise")] == expected


@built
@each_folder
@pytest.mark.parametrize("page", PAGES)
def test_text_is_plain_markdown(folder, page):
    text = re.sub(
        r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "", texts(read(folder, page)), flags=re.DOTALL
    )
    assert not re.findall(r"\{[\w:-]+\}|:::|<(?!/?(?:details|summary|br)\b)\w+|\\begin", text)


@built
@pytest.mark.parametrize("page", PAGES)
def test_no_paragraph_of_the_page_is_lost(page):
    html = (SITE / f"{page}.html").read_text(encoding="utf8")
    article = BeautifulSoup(html, "html.parser", parse_only=SoupStrainer("article"))
    for math in article.select("details p .math"):
        math.replace_with(plain_markdown.formula(math.get_text()[2:-2], PAGE._replace(folded=True)))
    not_text = ".cell_input, details.hide > summary, .cell_output > :not(figure), .math, .caption-number"
    for apart in article.select(not_text):
        apart.decompose()
    text = re.sub(r"\]\([^)]*\)", "]", texts(read(LEARNER, page)))
    parts = [part.get_text() for part in article.select("p, h1, h2, h3, td, .quiz summary")]
    assert not [part for part in parts if words(part) not in words(text)]


@built
@each_folder
@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_are_there(folder, page):
    for address in re.findall(r"\]\(([^)\s]+)\)", texts(read(folder, page))):
        assert address.startswith("https://") or (folder / page).parent.joinpath(address).exists(), address


@built
@pytest.mark.parametrize("folder", [LEARNER, INSTRUCTOR], ids=["learner", "instructor"])
@pytest.mark.parametrize("page", PAGES)
def test_stored_results_that_a_page_reads_lie_beside_it(folder, page):
    named = re.findall(
        r"\.\./(?:studies|benchmarks)/[\w.]+", "\n".join(cell.source for cell in code(source(page)))
    )
    assert all((folder / f"{page}.ipynb").parent.joinpath(name).exists() for name in named), named


@built
@pytest.mark.parametrize("page", PAGES)
def test_instructors_are_given_all_solutions(page):
    solutions = [cell.source for cell in code(source(page), "solution")]
    assert [cell.source for cell in code(read(INSTRUCTOR, page), "solution")] == solutions


@built
@pytest.mark.parametrize("page", CHAPTERS)
def test_instructors_are_given_the_notes_of_the_guide(page):
    notes = read(INSTRUCTOR, page).cells[0].source
    assert all(part in notes for part in ("**Say.**", "**They get wrong.**", "**Ask.**"))


@built
@pytest.mark.parametrize("page", PAGES)
def test_learners_are_not_given_the_notes(page):
    assert "They get wrong" not in texts(read(LEARNER, page))


@built
@pytest.mark.parametrize("page", PAGES)
def test_instructors_see_each_figure_that_code_draws(page):
    instructor = read(INSTRUCTOR, page)
    shown = "".join(
        output.get("data", {}).get("text/html", "") for cell in code(instructor) for output in cell.outputs
    )
    drawn = re.findall(r'<img alt="([^"]+)" src="data:image/svg', shown)
    assert len(drawn) == texts(instructor).count("The figure in words")


@built
@pytest.mark.parametrize("page", PAGES)
def test_the_download_button_offers_the_learners_notebook(page):
    html = SITE / f"{page}.html"
    (link,) = set(re.findall(r'href="([^":]+\.ipynb)"', html.read_text(encoding="utf8")))
    offered = nbformat.v4.reads((html.parent / link).read_text(encoding="utf8"))
    wanted = [cell.source for cell in code(read(LEARNER, page))]
    assert [cell.source for cell in code(offered) if cell.id != "set-up"] == wanted


@built
def test_the_site_holds_no_source_of_a_page():
    """A source holds the solutions."""
    assert not list(SITE.rglob("*.md"))
    for page in SITE.rglob("*.html"):
        assert not re.findall(r'href="[^":]+\.md"', page.read_text(encoding="utf8")), page


# Running them


@built
@pytest.mark.parametrize("page", PAGES)
def test_learners_need_no_package_that_only_builds_the_book(page):
    needed = colab.packages_beside_rwlib([cell.source for cell in code(read(LEARNER, page))])
    assert set(needed) <= {"arviz-plots", "ipython"}  # in the extra "notebooks"; the kernel


@built
@pytest.mark.parametrize("page", PAGES)
def test_each_name_that_a_cell_reads_is_made_above_it(page):
    """A notebook lacks the cells that the page hides and the solutions."""
    statements = [each for cell in code(read(LEARNER, page)) for each in statements_of(cell.source)]
    _, missing = names_in(statements)
    assert missing <= {*dir(builtins), "get_ipython", "display"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The learner's set, where nothing of the project lies beside it."""
    return Path(shutil.copytree(LEARNER, tmp_path_factory.mktemp("room") / "learner"))


def run(folder, page):
    notebook = read(folder, page)
    here = {"metadata": {"path": str((folder / page).parent)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=here).execute()


@built
@pytest.mark.parametrize("page", CHAPTERS[:1])
def test_a_learner_can_run_the_first_chapter(copy, page):
    run(copy, page)


@built
@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES[1:])
def test_a_learner_can_run_each_notebook_from_a_clean_kernel(copy, page):
    run(copy, page)


#: Colab has IPython, and says who it is by a module. JAX would look for more in it, so it goes afterwards.
ON_COLAB = """
import sys, types
from IPython.core.interactiveshell import InteractiveShell
set_up, page = sys.argv[1:]
sys.modules["google.colab"] = types.ModuleType("google.colab")
InteractiveShell.instance().run_cell(set_up).raise_error()
del sys.modules["google.colab"]
InteractiveShell.instance().run_cell(page).raise_error()
"""


@pytest.mark.slow
def test_the_cell_for_colab_sets_up_a_bare_environment(tmp_path, monkeypatch):
    wheels = list((ROOT / "_build" / "dist").glob(colab.wheel_name()))
    if not wheels:
        pytest.skip("there is no wheel: run `make wheel` first")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)  # or IPython would find this one's packages
    python = tmp_path / "bare" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
    if subprocess.run([python, "-m", "pip", "install", "--quiet", "ipython"]).returncode:
        pytest.skip("no package index can be reached")
    site, here = tmp_path / "site", tmp_path / "content" / "chapters"
    here.mkdir(parents=True)
    colab.copy_stored_results(ROOT, site / "_sources")
    shutil.copy(ROOT / "requirements.txt", site / "_sources")
    shutil.copy(wheels[0], site)
    page = "import rwlib, arviz_plots\nimport pandas as pd\npd.read_csv('../studies/recovery.csv')"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        cell = colab.set_up(f"http://127.0.0.1:{server.server_port}", [page, "import arviz_plots"])
        subprocess.run([python, "-c", ON_COLAB, cell, page], cwd=here, check=True)
        server.shutdown()


# Single steps


def test_hidden_cells_that_nothing_needs_are_left_out():
    assert (
        needed_cells([(0, "from myst_nb import glue\na = 1\nglue('a', a)", False), (1, "b = 2", True)]) == {}
    )


def test_a_hidden_cell_that_makes_what_a_later_one_reads_is_kept_without_its_assertions():
    cells = [(0, "a = 1\nassert a\nglue('a', a)", False), (1, "def f():\n    return a", True)]
    assert needed_cells(cells) == {0: "a = 1"}


def test_a_hidden_cell_that_another_needed_one_needs_is_kept():
    assert list(needed_cells([(0, "a = 1", False), (1, "b = a", False), (2, "b", True)])) == [0, 1]


@pytest.mark.parametrize(
    "later",
    [
        "a = 2\na",
        "for a in range(3):\n    print(a)",
        "[a for a in range(3)]",
        "try:\n    1 / 0\nexcept ZeroDivisionError as a:\n    print(a)",
    ],
)
def test_a_hidden_cell_is_left_out_if_a_later_one_makes_the_name_anew(later):
    assert needed_cells([(0, "a = 1", False), (1, later, True)]) == {}


PAGE = plain_markdown.Page(
    "chapters/03_scan", frozenset({"chapters/04_vmap", "deeper/priors"}), {}, "https://lab.org/course"
)


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("04_vmap.html#one-key", "(04_vmap.ipynb)"),
        ("../deeper/priors.html", "(../deeper/priors.ipynb)"),
        ("../back_matter/notation.html#term", "(https://lab.org/course/back_matter/notation.html#term)"),
    ],
)
def test_links_lead_to_notebooks_or_else_to_the_site(address, there):
    reference = nodes.reference("", "a page", refuri=address, internal=True)
    assert plain_markdown.link(reference, PAGE) == f"[a page]{there}"


def test_a_link_to_the_site_is_words_only_where_the_site_has_no_address():
    reference = nodes.reference("", "a term", refuri="../back_matter/notation.html", internal=True)
    assert plain_markdown.link(reference, PAGE._replace(site="")) == "a term"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2 * 3 * 4", r"2 \* 3 \* 4"),
        ("a $5 bill", r"a \$5 bill"),
        ("by_hand and _private", r"by_hand and \_private"),
        ("p < 0.05 and <b>", r"p < 0.05 and \<b>"),
        ("1. is no list", r"1\. is no list"),
        ("- nor is this", r"\- nor is this"),
    ],
)
def test_what_looks_like_markdown_is_not_taken_for_it(text, written):
    assert plain_markdown.block(nodes.paragraph("", text), PAGE) == written


@pytest.mark.parametrize(
    ("tex", "written"),
    [
        (r"\alpha^{-}", "α⁻"),
        (r"0.3\,(1 - Q) = 0.1\,Q", "0.3 (1 − Q) = 0.1 Q"),
        (r"\sqrt{p(1-p)/100}", "√(p(1−p)/100)"),
        (r"\frac{a + b}{c}", r"$\frac{a + b}{c}$"),
    ],
)
def test_a_formula_in_a_fold_is_written_in_letters_if_it_can_be(tex, written):
    formula = nodes.paragraph("", "", nodes.math("", tex))
    assert f"\n\n{written}\n\n" in plain_markdown.fold("Hint", [formula], PAGE)


def test_a_bar_in_a_table_does_not_end_its_cell():
    entry = nodes.entry(
        "", nodes.paragraph("", "", nodes.math("", r"p(a \mid b) |x|"), nodes.literal("", "a | b"))
    )
    assert not re.search(r"(?<!\\)\|", plain_markdown.cell(entry, PAGE))


def test_a_node_that_has_no_markdown_is_refused_by_its_page_and_name():
    with pytest.raises(NotImplementedError, match="chapters/03_scan.*'footnote'"):
        plain_markdown.block(nodes.footnote(), PAGE)


@pytest.mark.parametrize(
    ("branch", "address"),
    [
        ("lab/course/blob/gh-pages", ""),
        ("https://github.com/lab/course", "https://lab.org/course"),
        ("lab/course", "https://lab.org/course"),
    ],
)
def test_settings_for_colab_that_cannot_work_are_refused(branch, address):
    settings = SimpleNamespace(colab_branch=branch, html_baseurl=address)
    with pytest.raises(ConfigError, match="OWNER/REPOSITORY/blob/gh-pages"):
        colab.check_settings(None, settings)


def test_the_cell_for_colab_does_nothing_elsewhere():
    cell = TransformerManager().transform_cell(colab.set_up("https://lab.org", ["import rwlib"]))
    exec(cell, {"get_ipython": lambda: pytest.fail("a command was run")})


def test_the_cell_for_colab_installs_what_does_not_come_with_rwlib():
    cell = colab.set_up(
        "https://lab.org", ["import numpy as np\nfrom arviz_plots import plot_rank\nimport rwlib"]
    )
    (line,) = [line for line in cell.splitlines() if "%pip" in line]
    assert line.split()[-2:] == [f"https://lab.org/{colab.wheel_name()}", "arviz-plots"]
