"""`make lint` sees what it is there for: mistakes planted in a copy, and slips in prose but not in code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

#: Where a mistake is planted -> what stands there, what is put in its place, and what is said of it.
MISTAKES = {
    "a wrong name of an argument": (
        "rwlib/fitting/inference.py",
        "check_request(datasets, model, seeds, settings)\n",
        "check_request(datasets, models=model, seeds=seeds, settings=settings)\n",
        "unexpected-keyword",
    ),
    "a wrong number of results": (
        "rwlib/checking/prediction.py",
        "source, dataset, params = _parameters(draws, model, num_draws, data.subjects)\n",
        "source, dataset = params = _parameters(draws, model, num_draws, data.subjects)\n",
        "bad-unpacking",
    ),
    "nothing where something is needed": (
        "rwlib/data/columns.py",
        "    place = int(np.argmax(odd))\n",
        "    place = {}.get(int(np.argmax(odd)), None).real\n",
        "missing-attribute",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_type_checker_finds(tmp_path, mistake):
    path, right, wrong, code = MISTAKES[mistake]
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "rwlib", tmp_path / "rwlib", ignore=shutil.ignore_patterns("__pycache__"))
    source = (ROOT / path).read_text(encoding="utf8")
    assert right in source
    (tmp_path / path).write_text(source.replace(right, wrong), encoding="utf8")
    command = [BIN / "pyrefly", "check", "--python-interpreter-path", sys.executable, tmp_path / path]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 1 and f"[{code}]" in found.stdout, found.stdout + found.stderr


@pytest.mark.parametrize("slip", ["rec" + "ieve", "behavior"])
def test_slips_and_american_spellings_are_found_in_prose(tmp_path, slip):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "page.md").write_text(f"People {slip} much.\n\n```{{code-cell}}\ncolor = 1\n```\n")
    command = [BIN / "typos", "--format", "brief", "."]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert len(found.stdout.splitlines()) == 1 and slip in found.stdout, found.stdout + found.stderr


PAGE = """---
title: Wrongone
---

# A wrongtwo

It is {term}`wrongthree` and {doc}`wrongfour <../wrongone>`, not `wrongone`, $wrongone$, {cite:p}`wrongone`.
See wrong_one, wrong.one and WRONGONE.

| a | wrongfive |
|---|---|

::::{admonition} On wrongsix
:class: wrongone

:::{dropdown} Hint
A wrongseven.
:::
::::

```{code-cell} ipython3
---
mystnb:
  figure: {name: wrongone, caption: A wrongeight.}
  image: {alt: A wrongnine.}
---
wrongone = 1
```
"""


def test_words_are_looked_up_in_prose_alone_and_each_has_its_line():
    spelling = pytest.importorskip("tools.spelling", reason="chunspell is not there", exc_type=ImportError)
    found = [(line, word) for line, piece in spelling.prose(PAGE) for word in spelling.words(piece)]
    wrong = [(line, word) for line, word in found if word.startswith("wrong")]
    assert wrong == [
        (5, "wrongtwo"),
        (7, "wrongthree"),
        (7, "wrongfour"),
        (10, "wrongfive"),
        (13, "wrongsix"),
        (17, "wrongseven"),
        (21, "wrongeight"),
        (21, "wrongnine"),
    ]
