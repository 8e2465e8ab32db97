"""Notebooks to take away, made from the finished pages of `chapters/` and `deeper/` as the site is written.

    _build/notebooks/learner/      exercises empty, solutions absent, no outputs
    _build/notebooks/instructor/   solutions, the notes of the instructor's guide, outputs
    _build/html/_sources/          the learner's, for the site's download button and for Colab

Text is plain Markdown (`plain_markdown`). Code is taken from the executed notebooks. A cell that the site
leaves out (`remove-cell`) is left out here, too, unless a later one needs what it makes (`needed_cells`).
"""

import base64
import functools
import html
import shutil
from contextlib import suppress
from pathlib import Path
from posixpath import dirname, join, normpath

import nbformat
from colab import copy_stored_results, results_read_by, set_up
from docutils import nodes
from jupyter_cache import get_cache
from myst_nb.sphinx_ import NbMetadataCollector
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from needed_cells import needed_cells
from plain_markdown import PICTURES, Page, block, blocks, caption, fold, inline, references

FOLDERS = ("chapters/", "deeper/")
FOLDS = {None: (), "hide-input": ("source_hidden",), "hide-cell": ("source_hidden", "outputs_hidden")}
GLUE = "from myst_nb import glue\n"  # only hidden cells glue, and only the site needs it
GUIDE = "back_matter/instructors_guide"


def write_notebooks(app, pagename, templatename, context, doctree):
    """Write a page's notebooks, and let the theme's download menu link to the learner's."""
    if app.builder.name != "html" or doctree is None or not pagename.startswith(FOLDERS):
        return
    executed = executed_notebook(app, pagename)
    if executed is None:
        return
    page = page_of(app, pagename)
    notes = teaching_notes(app).get(pagename, "")
    for_site = notebook_of(doctree, executed, page._replace(alone=bool(page.site)))
    codes = [cell.source for cell in for_site.cells if cell.cell_type == "code"]
    if app.config.colab_branch:
        for_site.cells.insert(0, code_cell("set-up", set_up(page.site, codes)))
    for_site.cells.insert(0, new_markdown_cell(what_is_needed(codes), id="needs"))
    site = Path(app.outdir)
    for folder, notebook in [
        (site.parent / "notebooks" / "learner", notebook_of(doctree, executed, page)),
        (site.parent / "notebooks" / "instructor", notebook_of(doctree, executed, page, notes)),
        (site / "_sources", for_site),
    ]:
        target = folder / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)
        copy_pictures(doctree, Path(app.srcdir), folder / PICTURES)
    context["ipynb_source"] = f"{pagename}.ipynb"


def drop_source_button(app, pagename, templatename, context, doctree):
    """Take the page's source out of the theme's download menu: it holds the solutions, so it is not there."""
    for button in context["header_buttons"]:
        if button["label"] == "download-buttons":
            button["buttons"] = [x for x in button["buttons"] if x["label"] != "download-source-button"]


def copy_pictures(doctree, root, folder):
    """Copy the pictures that stand in the text of a page; those that code draws are in its outputs."""
    for image in doctree.findall(nodes.image):
        file = root / image["candidates"]["*"]
        if "jupyter_execute" not in file.parts:
            folder.mkdir(exist_ok=True)
            shutil.copy(file, folder)


def what_is_needed(codes):
    """Say to those who took a single notebook from the site what else it takes to run it."""
    files = ", ".join(f"`{name}`" for name in results_read_by(codes))
    beside = f" and, in the folder above, as in the course, the stored results {files}" if files else ""
    return f"> This notebook needs the packages of the course{beside}."


def executed_notebook(app, pagename):
    """Read a page's code with its outputs, which are in the execution cache."""
    source = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    executed = NbMetadataCollector.get_doc_data(app.env).get(pagename, {}).get("exec_data")
    if not executed or not source.exists():
        return None
    notebook = nbformat.read(source, as_version=4)
    with suppress(KeyError):  # a page that failed is not in the cache
        _, notebook = get_cache(app.config.nb_execution_cache_path).merge_match_into_notebook(notebook)
    return notebook


def page_of(app, pagename):
    numbers = app.env.toc_fignumbers.get(pagename, {}).get("figure", {})
    label = app.config.numfig_format["figure"]
    return Page(
        name=pagename,
        notebooks=frozenset(name for name in app.env.found_docs if name.startswith(FOLDERS)),
        figures={key: label % ".".join(map(str, number)) for key, number in numbers.items()},
        site=app.config.html_baseurl.rstrip("/"),
    )


@functools.cache
def teaching_notes(app):
    """Return what the instructor's guide says of each chapter: page name -> Markdown."""
    guide = app.env.get_and_resolve_doctree(GUIDE, app.builder)
    notes = {}
    for item in guide.findall(nodes.definition_list_item):
        reference = item.next_node(nodes.term).next_node(nodes.reference)
        if reference is not None and reference.get("internal"):
            about = normpath(join(dirname(GUIDE), reference["refuri"])).removesuffix(".html")
            text = blocks(item.next_node(nodes.definition).children, page_of(app, GUIDE))
            notes[about] = f"# Teaching notes\n\n{text}"
    return notes


def notebook_of(doctree, executed, page, notes=None):
    """Make the notebook of a page: for an instructor if there are notes, even if they are empty."""
    for_instructor = notes is not None
    parts = list(pieces(doctree, page))
    shown = {part["cell_index"]: part for part in parts if is_cell(part)}
    solutions = {place for place, node in shown.items() if has_tag(node, "solution")}
    needed = needed_cells(
        [
            (place, cell.source, place in shown)
            for place, cell in enumerate(executed.cells)
            if cell.cell_type == "code" and (for_instructor or place not in solutions)
        ]
    )
    cells = [new_markdown_cell(notes, id="notes")] if notes else []
    stub_is_above = False
    for number, part in enumerate(parts):
        if not is_cell(part):
            stub_is_above = stub_is_above and not part.startswith("#")
            cells.append(new_markdown_cell(part, id=f"text-{number}"))
            continue
        place = part["cell_index"]
        for before in [hidden for hidden in needed if hidden < place]:
            cells.append(code_cell(f"code-{before}", needed.pop(before), FOLDS["hide-input"]))
        if for_instructor or place not in solutions:
            cells.append(shown_cell(part, executed.cells[place], with_outputs=for_instructor))
            stub_is_above = stub_is_above or has_tag(part, "exercise")
        elif not stub_is_above:
            cells.append(code_cell(f"code-{place}", "# Your answer", tags=["exercise"]))
    if cited := references(doctree):
        cells.append(new_markdown_cell(f"## References\n\n{cited}", id="references"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def pieces(section, page, level=0):
    """Yield the parts of a page in order: a text as Markdown, a code cell as the node that stands for it.

    Each section begins a new text, so that Jupyter can fold it.
    """
    text = []
    for node in section.children:
        if is_cell(node) or isinstance(node, nodes.section):
            yield from joined(text)
            text = []
        if is_cell(node):
            yield node
            text = [about_figure(output, page) for output in node.findall(nodes.image)]
        elif isinstance(node, nodes.section):
            yield from pieces(node, page, level + 1)
        elif isinstance(node, nodes.title):
            text = [f"{'#' * level} {inline(node, page)}"]
        else:
            text.append(block(node, page))
    yield from joined(text)


def joined(texts):
    """Return one text, or none if there is nothing to say."""
    return ["\n\n".join(filter(None, texts))] if any(texts) else []


def is_cell(node):
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def has_tag(node, tag):
    return tag in node["cell_metadata"].get("tags", [])


def about_figure(image, page):
    """Write the caption of a figure that a cell draws, and what it shows for those who do not see it."""
    words = [caption(image.parent, page)] if isinstance(image.parent, nodes.figure) else []
    if image.get("alt"):
        words.append(fold("The figure in words", [nodes.paragraph("", image["alt"])], page))
    return "\n\n".join(words)


def shown_cell(node, cell, with_outputs):
    """Make a cell that the site shows, too, folded if it is folded there."""
    tags = node["cell_metadata"].get("tags", [])
    made = code_cell(
        f"code-{node['cell_index']}",
        cell.source.replace(GLUE, ""),
        folded=FOLDS[next((tag for tag in tags if tag in FOLDS), None)],
        tags=[tag for tag in tags if tag in ("exercise", "solution", "raises-exception")],
    )
    if with_outputs:
        alts = [image.get("alt", "") for image in node.findall(nodes.image)]
        kept = [each for each in cell.outputs if each.get("name") != "stderr" or "remove-stderr" not in tags]
        made.outputs = [any_jupyter_shows(output, " ".join(alts)) for output in kept]
        made.execution_count = cell.execution_count
    return made


def any_jupyter_shows(output, alt):
    """Turn a drawing into HTML: of a notebook from elsewhere, Jupyter shows no SVG until it is trusted."""
    drawing = output.get("data", {}).get("image/svg+xml")
    if drawing is None:
        return output
    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    picture = f'<img alt="{html.escape(alt)}" src="{address}">'
    return new_output(output.output_type, data={"text/html": picture, "text/plain": "a figure"})


def code_cell(name, source, folded=(), tags=()):
    metadata: dict = {"jupyter": dict.fromkeys(folded, True)} if folded else {}
    if tags:
        metadata["tags"] = list(tags)
    return new_code_cell(source, id=name, metadata=metadata)


def copy_what_notebooks_read(app, error):
    for folder in ("learner", "instructor"):
        if not error and app.builder.name == "html":
            copy_stored_results(Path(app.srcdir), Path(app.outdir).parent / "notebooks" / folder)


def setup(app):
    app.connect("html-page-context", write_notebooks, priority=100)  # before the theme makes its menu
    app.connect("html-page-context", drop_source_button, priority=502)  # after the theme has made its menu
    app.connect("build-finished", copy_what_notebooks_read)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
