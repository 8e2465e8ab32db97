"""The list in `rwlib/__init__.py` of who may import whom is complete, and holds."""

import ast
import re
from pathlib import Path

import pytest

import rwlib

ROOT = Path(__file__).parents[1] / "rwlib"
PATHS = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.stem != "__init__"
}


def modules_in_order():
    """The modules that rwlib's docstring lists, from the bottom to the top."""
    named = []
    for line in re.split(r"\n- ", rwlib.__doc__)[1:]:
        folder, *modules = re.findall(r"``(\w+)``", line)
        if modules:
            named += [f"{folder}.{module}" for module in modules]
        elif folder in PATHS:
            named.append(folder)
        else:
            named += [module for module in PATHS if module.startswith(f"{folder}.")]
    return named


def imported_by(path):
    """The modules of rwlib that a module imports when it is imported itself."""
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):  # a module may stand on either side of `import`
            names = [node.module, *(f"{node.module}.{name}" for name in names)]
        for name in names:
            found = name.removeprefix("rwlib.")
            if found in PATHS and found != name:
                yield found


def test_the_list_names_every_module_once():
    assert sorted(modules_in_order()) == sorted(PATHS)


@pytest.mark.parametrize("module", PATHS)
def test_a_module_imports_only_from_those_above_it_in_the_list(module):
    order = modules_in_order()
    above = order[: order.index(module)]
    of_all = [name for name in order if name.startswith("running.")]
    assert set(imported_by(PATHS[module])) <= {*above, *of_all}
