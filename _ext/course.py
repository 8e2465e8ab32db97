"""The course's own Sphinx extension: a cache that cannot go stale, pages executed side by side, and errors
that can be found.

`nb_execution_mode: cache` notices a change in a page's code but not in the library that the
code imports. Here the cache's folder is named after a digest of rwlib, of the stored results that pages
quote, of the pinned packages and of the Python version. When any of them changes, every page is executed
again.
"""

import ast
import atexit
import hashlib
import logging as python_logging
import os
import re
import shutil
import sys
from pathlib import Path

from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from myst_parser.config.main import read_topmatter
from sphinx.util import logging

logger = logging.getLogger(__name__)


def cache_key(root):
    """Return a digest of all that a page's outputs depend on, beside the page itself."""
    digest = hashlib.sha256(sys.version.encode())
    sources = [p for p in (root / "rwlib").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    for path in sorted([*sources, *stored_results(root), root / "requirements.txt"]):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(without_words(path.read_bytes()) if path.suffix == ".py" else path.read_bytes())
    return digest.hexdigest()[:16]


def stored_results(root):
    """Return the files that pages may quote."""
    quoted = [p for folder in ("studies", "benchmarks") for p in (root / folder).glob("*")]
    return [p for p in quoted if p.suffix in (".csv", ".json")]


def without_words(source):
    """What a module does: its code without layout, comments and docstrings, which change no page's output."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree).encode()


def use_keyed_cache(app, config):
    """Point the execution cache at the folder for this key and drop the other ones."""
    root = Path(app.srcdir)
    caches = Path(app.outdir).parent / ".jupyter_cache"
    current = caches / cache_key(root)
    if caches.is_dir():
        for old in caches.iterdir():
            if old != current:
                logger.info("rwlib, the pins or Python changed: dropping the cache %s", old.name)
                shutil.rmtree(old) if old.is_dir() else old.unlink()
    config.nb_execution_cache_path = str(current)
    os.environ["RWLIB_PROGRESS_BAR"] = "0"  # bars stack up in a static page
    os.environ["IPYTHONDIR"] = str(draw_figures_as_svg(Path(app.outdir).parent / ".ipython"))
    # What one page has compiled, the others find; the small programs, too, of which each page has dozens.
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(app.outdir).parent / ".compiled"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def draw_figures_as_svg(folder):
    """Write what a kernel reads when it starts, so that figures stay sharp however large they are shown."""
    profile = folder / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text('c.InlineBackend.figure_formats = {"svg"}\n')
    return folder


def execute_side_by_side(app, env, docnames):
    """Execute pages in as many processes as there are cores, but for those that say ``execute_alone``.

    These measure time, or keep all cores busy by themselves: MyST-NB runs them afterwards, one after the
    other. It finds the others in the cache. A page that failed here it executes once more, and says what is
    wrong with it.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    pages = []
    for name in docnames:
        path = env.doc2path(name)
        text = Path(path).read_text(encoding="utf-8")
        if is_myst_markdown_notebook(text) and not (read_topmatter(text) or {}).get("execute_alone"):
            pages.append(path)
            cache.add_nb_to_project(path, read_data={"type": "plugin", "name": "myst_nb_md"})
    new = [record.uri for record in cache.list_unexecuted(filter_uris=pages)]
    if len(new) > 1:
        progress = python_logging.getLogger("jupyter_cache")
        progress.setLevel("INFO")
        load_executor("local-parallel", cache, progress).run_and_cache(
            filter_uris=new, timeout=app.config.nb_execution_timeout
        )


def name_solutions(app, doctree):
    """Say on the fold of a solution that it is one."""
    for cell in doctree.findall(nodes.container):
        if "tag_solution" in cell["classes"] and cell.get("hide_mode"):
            cell["prompt_show"], cell["prompt_hide"] = "Show the solution", "Hide the solution"


def load_scripts_where_they_are_used(app, pagename, templatename, context, doctree):
    """Leave our own scripts to the pages that show what they draw: Jupyter Book puts all of `_static` into
    every page."""
    body = context.get("body", "")
    moving = re.findall(r'<figure[^>]*class="[^"]*\bmoving ([\w-]+)', body)
    used = {f"move_{name.replace('-', '_')}.js" for name in moving}
    if moving:
        used |= {"model.js", "moving.js"}
    ours = {path.name for path in (Path(app.srcdir) / "_static").glob("*.js")}
    if 'id="play-here"' in body:
        used |= {name for name in ours if name.startswith("play") and not name.endswith("_worker.js")} | {
            "model.js"
        }

    def stays(script):
        name = Path(str(script.filename or "")).name
        return name not in ours or name in used

    context["script_files"] = list(filter(stays, context["script_files"]))


class Problems(python_logging.Handler):
    """Collect what went wrong and say it once more at the very end, below Sphinx's own traceback."""

    def __init__(self):
        super().__init__(level="WARNING")
        self.lines = {}  # a dictionary: Sphinx may say the same thing twice

    def emit(self, record):
        message = record.getMessage()
        if (
            "nbclient.exceptions.CellExecutionError: " in message
        ):  # only the cell and its error, not the way to them
            message = message.split("CellExecutionError: ")[-1].strip()
        place = getattr(record, "location", None) or "the book"
        if isinstance(place, nodes.Node):
            place = logging.get_node_location(place)
        self.lines[f"{place}: {message}"] = None

    def report(self):
        if self.lines:
            print("\nWHAT FAILED\n", *self.lines, sep="\n", file=sys.stderr)


def setup(app):
    problems = Problems()
    python_logging.getLogger("sphinx").addHandler(problems)
    atexit.register(problems.report)
    app.connect("config-inited", use_keyed_cache)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("doctree-read", name_solutions)
    app.connect("html-page-context", load_scripts_where_they_are_used)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
