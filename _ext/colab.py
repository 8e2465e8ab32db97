"""A button that opens a page's notebook on Google Colab, and the cell that sets Colab up for it.

It is there if `_config.yml` says two things: which branch on GitHub holds the *built* site, since Colab opens
notebooks only from there (`sphinx: config: colab_branch`), and where this site is served, since Colab
installs `rwlib` from it (`html: baseurl`).
"""

import importlib.metadata
import re
import shutil
from pathlib import Path

import course
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sphinx.errors import ConfigError

COLAB = "https://colab.research.google.com/github"
BRANCH = re.compile(r"[\w.-]+/[\w.-]+/blob/[\w./-]+")
STORED_RESULT = re.compile(r"\.\./((?:studies|benchmarks)/\w+\.\w+)")
IMPORTED = re.compile(r"^(?:import|from) (\w+)", re.M)


def check_settings(app, config):
    branch, site = config.colab_branch, config.html_baseurl
    if branch and not (BRANCH.fullmatch(branch) and site):
        raise ConfigError(
            f"colab_branch in _config.yml is {branch!r}, html.baseurl is {site!r}. For notebooks on Colab, "
            "the first has to be the branch of the built site, in the form 'OWNER/REPOSITORY/blob/gh-pages', "
            "and the second the address where this site is served. For none, leave colab_branch empty."
        )


def add_button(app, pagename, templatename, context, doctree):
    if app.config.colab_branch and context.get("ipynb_source"):
        button = {
            "type": "link",
            "url": f"{COLAB}/{app.config.colab_branch}/_sources/{context['ipynb_source']}",
            "text": "Colab",
            "tooltip": "Open this page as a notebook on Google Colab",
            "icon": "_static/images/logo_colab.png",
            "label": "colab",
        }
        context["header_buttons"].insert(0, button)


def set_up(site, codes):
    """Write the cell that a notebook for Colab starts with: it installs and fetches what the codes need."""
    packages = [f"{site}/{wheel_name()}", *packages_beside_rwlib(codes)]
    return "\n".join(
        [
            "# On Colab, this installs what the page needs. If Colab then asks you to restart, do so.",
            "import sys",
            "",
            'if "google.colab" in sys.modules:',
            f"    %pip install --quiet --constraint {site}/_sources/requirements.txt {' '.join(packages)}",
            *(
                f"    !curl --silent --fail --create-dirs --output ../{name} {site}/_sources/{name}"
                for name in results_read_by(codes)
            ),
        ]
    )


def results_read_by(codes):
    """Return the files that codes read from the folders beside that of their notebook."""
    return sorted({name for code in codes for name in STORED_RESULT.findall(code)})


def wheel_name():
    return f"rwlib-{importlib.metadata.version('rwlib')}-py3-none-any.whl"


def packages_beside_rwlib(codes):
    """Return the packages that codes import and that do not come along with rwlib."""
    required = [Requirement(each) for each in importlib.metadata.requires("rwlib") or []]
    come_along = {
        canonicalize_name(each.name)
        for each in required
        if not each.marker or each.marker.evaluate({"extra": ""})
    }
    owners = importlib.metadata.packages_distributions()
    modules = {name for code in codes for name in IMPORTED.findall(code)} - {"rwlib"}
    packages = {canonicalize_name(owners[name][0]) for name in modules if name in owners}
    return sorted(packages - come_along)


def publish_what_colab_fetches(app, error):
    """Put rwlib, the pins and the stored results into the site."""
    if error or not app.config.colab_branch:
        return
    root, site = Path(app.srcdir), Path(app.outdir)
    wheel = root / "_build" / "dist" / wheel_name()
    if not wheel.exists():
        raise ConfigError(
            f"Colab installs rwlib from the site, but there is no {wheel}. Run `make wheel` first."
        )
    shutil.copy(wheel, site)
    shutil.copy(root / "requirements.txt", site / "_sources")
    copy_stored_results(root, site / "_sources")


def copy_stored_results(root, folder):
    """Copy what pages read from `../studies` and `../benchmarks`, in the same layout."""
    for path in course.stored_results(root):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


def setup(app):
    app.add_config_value("colab_branch", "", "html")
    app.connect("config-inited", check_settings)
    app.connect("html-page-context", add_button, priority=502)  # after the theme has made its list
    app.connect("build-finished", publish_what_colab_fetches)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
