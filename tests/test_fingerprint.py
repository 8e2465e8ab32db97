"""What a fingerprint notices, what it does not, and what it refuses."""

import importlib
import json
import subprocess
import sys
import textwrap

import pytest

import rwlib
from rwlib.running.fingerprint import changes, fingerprint
from rwlib.running.sources import origin_of

HELPERS = '''
import dataclasses
import functools
from typing import NamedTuple

import jax

SCALE = 3


class Point(NamedTuple):
    x: float = 1.0

    def scaled(self):
        return self.x * SCALE


@dataclasses.dataclass(frozen=True)
class Design:
    n: int
    extras: list = dataclasses.field(default_factory=list)

    @property
    def half(self):
        return self.n / 2


def helper(x):
    """What it does."""
    return x * SCALE  # a comment


@jax.jit
def compiled(x):
    return x + 1


@functools.cache
def remembered(x):
    return x + 2


@jax.custom_vjp
def with_own_gradient(x):
    return x


def forward(x):
    return x, None


def backward(rest, gradient):
    return (gradient,)


with_own_gradient.defvjp(forward, backward)
batched = jax.vmap(helper, in_axes=0)


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)
'''

STUDY = """
import numpy as np
import jax
import pandas as pd
import rwlib
import helpers
from helpers import batched, with_own_gradient
from scipy.stats import norm

N = 100
UNREAD = 1
ARRAY = np.arange(3.0)
KEY = jax.random.key(0)
TABLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
DATA = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]])
FUNCTIONS = {"first": lambda x: x + N, "second": [lambda x: x, lambda x: 2 * x]}
DESIGN = helpers.Design(4)
MODELS = {"one": rwlib.SYMMETRIC._replace(name="mine")}


def piece(seed, rate=0.25):
    from helpers import factorial

    def inside():
        return ARRAY, KEY, TABLE, DATA, FUNCTIONS, MODELS

    numbers = helpers.helper(seed) + helpers.compiled(1) + helpers.remembered(2) + batched(ARRAY)
    more = with_own_gradient(1.0) + helpers.Point(2.0).scaled() + DESIGN.half + factorial(3)
    return numbers + norm.pdf(N) + more, inside
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write the modules `helpers` and `study`, import them anew, and fingerprint `study.piece`."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(study=STUDY, helpers=HELPERS):
        for name, text in (("helpers", helpers), ("study", study)):
            (tmp_path / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.invalidate_caches()
        return fingerprint(importlib.import_module("study").piece)

    yield write
    for name in ("helpers", "study"):
        sys.modules.pop(name, None)


def edited(text, old, new):
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("N = 100", "N = 5", "study.N (was 100, is 5)"),
        ("rate=0.25", "rate=0.5", "study.piece (changed)"),
        ("np.arange(3.0)", "np.arange(4.0)", "study.ARRAY (changed)"),
        ("jax.random.key(0)", "jax.random.key(1)", "study.KEY (changed)"),
        ('["x", "y"]', '["x", "z"]', "study.TABLE (changed)"),
        ("[[0, 1]]", "[[1, 0]]", "study.DATA (changed)"),
        ("lambda x: x + N", "lambda x: x - N", "study.FUNCTIONS (changed)"),
        ("lambda x: 2 * x", "lambda x: 3 * x", "study.FUNCTIONS (changed)"),
        ("helpers.Design(4)", "helpers.Design(6)", "study.DESIGN (changed)"),
        ("rwlib.SYMMETRIC._replace", "rwlib.ASYMMETRIC._replace", "study.MODELS (changed)"),
        (
            "stats import norm",
            "stats import cauchy as norm",
            "study.norm (was scipy.stats.norm, is scipy.stats.cauchy)",
        ),
    ],
)
def test_what_a_function_reads_from_its_module_counts(project, old, new, change):
    assert change in changes(project().code, project(study=edited(STUDY, old, new)).code)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("SCALE = 3", "SCALE = 4", "helpers.SCALE (was 3, is 4)"),
        ("return x * SCALE", "return x - SCALE", "helpers.helper (changed)"),
        ("return x + 1", "return x - 1", "helpers.compiled (changed)"),
        ("return x + 2", "return x - 2", "helpers.remembered (changed)"),
        ("return (gradient,)", "return (2 * gradient,)", "helpers.backward (changed)"),
        ("in_axes=0", "in_axes=-1", "study.batched (changed)"),
        ("n * factorial", "n + factorial", "helpers.factorial (changed)"),
        ("return self.x * SCALE", "return self.x - SCALE", "helpers.Point (changed)"),
        ("x: float = 1.0", "x: float = 2.0", "helpers.Point (changed)"),
        ("return self.n / 2", "return self.n / 3", "helpers.Design (changed)"),
        ("default_factory=list", "default_factory=dict", "helpers.Design (changed)"),
    ],
)
def test_helpers_in_another_module_count_with_what_they_read(project, old, new, change):
    assert change in changes(project().code, project(helpers=edited(HELPERS, old, new)).code)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # a comment", ""),
        ('"""What it does."""', '"""It does something else."""'),
        ('    """What it does."""\n', ""),
        ("return x * SCALE", "return (x\n            * SCALE)"),
        ("\n\nSCALE", "\n\n\n\n\nUNREAD = 3\nSCALE"),
    ],
)
def test_comments_docstrings_formatting_and_what_is_not_read_do_not_count(project, old, new):
    assert project(helpers=edited(HELPERS, old, new)) == project()


def test_versions_of_packages_stand_apart_from_the_code(project):
    found = project()
    assert {"jax", "jaxlib", "numpy", "numpyro"} <= found.packages.keys()
    assert not found.packages.keys() & found.code.keys()


def test_a_package_that_is_read_has_its_version_recorded(project):
    study = "import bs4\n\ndef piece(seed):\n    return bs4.BeautifulSoup(str(seed))\n"
    assert "beautifulsoup4" in project(study=study).packages


def test_modules_of_rwlib_count_where_they_are_reached_and_figures_never():
    reached = fingerprint(rwlib.recover_parameters).code
    sampler = {f"rwlib.fitting.{name}" for name in ("sampling", "moves", "positions", "proposals", "stretch")}
    others = {
        "rwlib.checking.recovery",
        "rwlib.model.simulation",
        "rwlib.model.likelihood",
        "rwlib.model.learning",
    }
    assert sampler | others <= reached.keys()
    left_out = {
        "rwlib.checking.comparison",
        "rwlib.plotting",
        "rwlib.running.studies",
        "rwlib.running.fingerprint",
        "rwlib.running.sources",
    }
    assert not left_out & reached.keys()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"""', '"""Another docstring. ', []),
        ("FIVE_ARMS = (0.2", "FIVE_ARMS = (0.3", ["rwlib.model.tasks (changed)"]),
    ],
)
def test_the_text_of_a_module_of_rwlib_counts_without_its_docstrings(tmp_path, monkeypatch, old, new, said):
    before = fingerprint(rwlib.bernoulli_outcomes).code
    path = tmp_path / "tasks.py"
    with open(rwlib.model.tasks.__file__, encoding="utf8") as file:
        path.write_text(file.read().replace(old, new, 1), encoding="utf8")
    monkeypatch.setattr(rwlib.model.tasks, "__file__", str(path))
    assert changes(before, fingerprint(rwlib.bernoulli_outcomes).code) == said


def test_rwlib_as_a_whole_counts_where_a_name_is_looked_up_in_it(project):
    study = "import rwlib\n\ndef piece(model):\n    return getattr(rwlib, model)\n"
    assert {"rwlib.checking.comparison", "rwlib.model.likelihood"} <= project(study=study).code.keys()


def test_a_set_of_texts_and_every_version_of_python_give_the_same_fingerprint(project):
    # The digest was computed under 3.11; Python orders a set of texts anew in each process.
    study = '''
    LABELS = {"a", "b", "c", "d"}
    def piece(seed: int, *, rate: float = 0.5) -> str:
        """Doc."""
        return f"{seed:>{4}} {rate!r} {'x' 'y'}", [n for n in LABELS if n], (lambda: None), -1
    '''
    code = project(study=textwrap.dedent(study)).code
    assert (code["study.piece"], code["study.LABELS"]) == ("c76d3375a5d540d0", '["set", "a", "b", "c", "d"]')


@pytest.mark.parametrize("value", ["np.random.default_rng(0)", "open(__file__)", "(1, {'a': Mine()})"])
def test_what_cannot_be_compared_is_named(project, value):
    study = f"import numpy as np\nclass Mine: pass\nN = {value}\n\ndef piece(seed):\n    return N\n"
    with pytest.raises(ValueError, match=r"^study\.N.* has no content that could be compared"):
        project(study=study)


def test_a_module_of_ones_own_that_is_handed_on_is_refused(project):
    study = "import helpers\n\ndef piece(name):\n    return getattr(helpers, name)\n"
    with pytest.raises(ValueError, match="helpers is a whole module"):
        project(study=study)


def test_a_function_without_source_is_refused():
    space = {"__name__": "typed"}
    exec("def typed(seed): return seed", space)
    with pytest.raises(ValueError, match="its source is not kept"):
        fingerprint(space["typed"])


def test_a_script_that_runs_has_the_fingerprint_of_its_module(project, tmp_path):
    script = """
if __name__ == "__main__":
    import json
    from rwlib.running.fingerprint import fingerprint

    print(json.dumps(fingerprint(piece)))
"""
    imported = project(study=STUDY + script)
    run = subprocess.run([sys.executable, "-m", "study"], cwd=tmp_path, capture_output=True, text=True)
    code, packages = json.loads(run.stdout)
    assert (changes(imported.code, code), packages) == ([], imported.packages), run.stderr


def test_cells_of_a_notebook_count_by_their_content(tmp_path):
    script = """
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    def run(cell):
        shell.run_cell(cell).raise_error()
    run("from rwlib.running.fingerprint import changes, fingerprint")
    run("from typing import NamedTuple\\nN = 100\\nclass P(NamedTuple):\\n    x: int\\np = P(2)")
    run("def work(seed):\\n    return seed * N + p.x\\nbefore = fingerprint(work).code")
    run("def work(seed):\\n    # said otherwise\\n    return (seed * N + p.x)")
    run("print(changes(before, fingerprint(work).code))")
    run("N = 5")
    run("print(changes(before, fingerprint(work).code))")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert run.stdout.splitlines() == ["[]", "['__main__.N (was 100, is 5)']"], run.stderr


@pytest.mark.parametrize(
    "files, origin", [({"RECORD": "thing.py,,\n"}, "installed"), ({}, "own")], ids=["by pip", "worked on"]
)
def test_a_package_in_a_folder_that_was_named_to_pip_is_an_installed_one(
    tmp_path, monkeypatch, files, origin
):
    name = f"thing_{origin}"
    (tmp_path / f"{name}.py").write_text("X = 1\n")
    about = tmp_path / f"{name}-1.0.dist-info"
    about.mkdir()
    for file, text in {"METADATA": f"Name: {name}\nVersion: 1.0\n", "top_level.txt": name, **files}.items():
        (about / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module(name)
    assert origin_of(name) == origin
