"""What the source of functions and modules says: where they were made, what they read, and their syntax.

Nothing here knows what a fingerprint is; ``fingerprint`` decides what of this goes into one.
"""

import ast
import dis
import functools
import importlib
import importlib.util
import linecache
import sys
import types
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

__all__ = [
    "absolute",
    "chains_in",
    "follow",
    "global_names",
    "home_of",
    "imports_within",
    "made_in",
    "origin_of",
    "parse",
    "plain_tree",
    "public_name",
    "tree_of",
]


# Modules


def origin_of(module: str | None) -> str:
    """Whether a module is one of rwlib's, an installed one (or the standard library's), or the user's own.

    Examples
    --------
    >>> from rwlib.running.sources import origin_of
    >>> origin_of("rwlib.fitting"), origin_of("json")
    ('rwlib', 'installed')
    """
    root = (module or "").split(".")[0]
    if root == "rwlib":
        return "rwlib"
    if root in sys.stdlib_module_names and root != "__main__":
        return "installed"
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    folders = getattr(sys.modules.get(root), "__path__", ())  # of a package that has no file
    place = Path(file or next(iter(folders), ""))
    if {"site-packages", "dist-packages"} & set(place.parts) or _places_of_wheels(root) & set(place.parents):
        return "installed"
    return "own"


@functools.cache
def _places_of_wheels(root):
    """The folders into which pip has installed packages with this module: any that one names by --target. (Of
    a package that is being worked on, the metadata lie elsewhere, or hold no list of files.)"""
    packages = map(metadata.distribution, metadata.packages_distributions().get(root, ()))
    wheels = (package for package in packages if package.read_text("RECORD"))
    return {Path(str(package.locate_file(""))).absolute() for package in wheels}


def public_name(module: str | None) -> str:
    """The name by which a module is imported: of a script that is being run, its own; of a library's, without
    the private parts, which are other ones in the next version.

    Examples
    --------
    >>> from rwlib.running.sources import public_name
    >>> public_name("numpy.random._generator")
    'numpy.random'
    """
    if module != "__main__":
        root, *parts = str(module).split(".")
        return ".".join(
            [root, *(part for part in parts if origin_of(root) != "installed" or not part.startswith("_"))]
        )
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return spec.name if spec else Path(file).stem if file else module


def home_of(value: object) -> tuple[str | None, str | None]:
    """The module where a function, class or library's object was made, and its name there if it is found
    under it.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.running.sources import home_of
    >>> home_of(rwlib.ChoiceData)
    ('rwlib.data.choices', 'ChoiceData')
    """
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", getattr(value, "__name__", "<"))
    thing = sys.modules.get(module or "")
    for part in name.split("."):
        thing = getattr(thing, part, None)
    if thing is value:
        return module, name
    if isinstance(
        value, types.FunctionType
    ):  # what `functools.wraps` says of itself is not where its code stands
        return value.__globals__.get("__name__"), None
    kept = vars(sys.modules.get(type(value).__module__, types.SimpleNamespace()))
    if origin_of(type(value).__module__) == "installed":  # such as scipy.stats.norm
        return type(value).__module__, next((name for name, thing in kept.items() if thing is value), None)
    return module, None


# What a function reads


def global_names(code: types.CodeType) -> set[str]:
    """The globals that code reads, that of functions within it included.

    Examples
    --------
    >>> from rwlib.running.sources import global_names
    >>> global_names((lambda x: x + HEIGHT).__code__)
    {'HEIGHT'}
    """
    loads = "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"
    names = {
        str(instruction.argval) for instruction in dis.get_instructions(code) if instruction.opname in loads
    }
    return names.union(
        *(global_names(inner) for inner in code.co_consts if isinstance(inner, types.CodeType))
    )


def chains_in(tree: ast.AST) -> set[tuple[str, ...]]:
    """Names with the attributes taken of them: ``np.random.normal`` is ``("np", "random", "normal")``.

    Examples
    --------
    >>> import ast
    >>> from rwlib.running.sources import chains_in
    >>> sorted(chains_in(ast.parse("np.random.normal(x)")))
    [('np', 'random', 'normal'), ('x',)]
    """
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    chains = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in inner:
            names = []
            while isinstance(node, ast.Attribute):
                names.append(node.attr)
                node = node.value
            if isinstance(node, ast.Name):
                chains.add((node.id, *reversed(names)))
    return chains


def follow(module: types.ModuleType, names: Sequence[str]) -> tuple[str, object]:
    """From a module along attributes to the first thing that is no module, or that is an installed one.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.running.sources import follow
    >>> follow(rwlib.model, ("tasks", "FIVE_ARMS"))
    ('rwlib.model.tasks.FIVE_ARMS', (0.2, 0.4, 0.8, 0.1, 0.5))
    """
    value, name = module, public_name(module.__name__)
    for attribute in names:
        if not isinstance(value, types.ModuleType) or origin_of(value.__name__) == "installed":
            break
        value, name = getattr(value, attribute, None), f"{public_name(value.__name__)}.{attribute}"
    return name, value


def imports_within(tree: ast.AST, function: types.FunctionType) -> Iterator[tuple[str, object]]:
    """What import statements inside a function make, as pairs of a name and a value.

    Examples
    --------
    >>> import ast
    >>> from rwlib.running.sources import imports_within
    >>> ((name, value),) = imports_within(ast.parse("import json as text"), lambda: None)
    >>> name, value.__name__
    ('text', 'json')
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = _import(alias.name)
                root = alias.name.split(".")[0]
                yield (alias.asname, whole) if alias.asname else (root, _import(root))
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, function.__globals__.get("__package__"))
            for alias in node.names:
                value = getattr(_import(base), alias.name, None)
                yield alias.asname or alias.name, _import(f"{base}.{alias.name}") if value is None else value


def made_in(module: str, name: str) -> str:
    """The module where something was made that is imported from a module, or from a package which has it from
    elsewhere.

    Examples
    --------
    >>> from rwlib.running.sources import made_in
    >>> made_in("rwlib", "ChoiceData")
    'rwlib.data.choices'
    """
    if origin_of(module) != "rwlib":
        return module
    value = getattr(_import(module), name, None)
    if value is None or isinstance(value, types.ModuleType):
        return f"{module}.{name}"
    return getattr(value, "__module__", module) if hasattr(_import(module), "__path__") else module


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def absolute(node: ast.ImportFrom, package: str | None) -> str:
    """The module in ``from module import name``, which may be written relative to a package.

    Examples
    --------
    >>> import ast
    >>> from rwlib.running.sources import absolute
    >>> absolute(ast.parse("from ..data import choices").body[0], "rwlib.fitting")
    'rwlib.data'
    """
    name = node.module or ""
    return importlib.util.resolve_name("." * node.level + name, package) if node.level else name


# Source


def tree_of(code: types.CodeType, namespace: dict[str, object], where: str) -> ast.Module:
    """The part of a file, or of a notebook's cell, that a function was compiled from.

    Parameters
    ----------
    code : code
        Of the function.
    namespace : dict
        The globals of the function.
    where : str
        What messages call it.

    Returns
    -------
    tree : ast.Module
        Of all that fits, which for a lambda may be more than the one.

    Raises
    ------
    ValueError
        If the source is not kept, or has changed since it was imported.

    Examples
    --------
    >>> import ast
    >>> import json
    >>> from rwlib.running.sources import tree_of
    >>> ast.unparse(tree_of(json.dumps.__code__, vars(json), "json.dumps")).split("(")[0]
    'def dumps'
    """
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, namespace))
    # Of lambdas in one line several may fit: those around it, and in Python 3.12 those that only return a
    # constant.
    nodes = [node for node in ast.walk(parse(text)) if _is_source(node, code)]
    if not nodes:
        why = "its source has changed since it was imported" if text else "its source is not kept"
        raise ValueError(
            f"{where} is the function {code.co_qualname}, and {why}. Import it anew from a module, a script "
            "or a notebook."
        )
    return ast.Module(nodes, [])


@functools.lru_cache(maxsize=256)
def parse(text: str) -> ast.Module:
    """The syntax tree of a text, which is kept: the functions of a file come one by one.

    Examples
    --------
    >>> from rwlib.running.sources import parse
    >>> parse("N = 100") is parse("N = 100")
    True
    """
    return ast.parse(text)


def _is_source(node, code):
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return (node.name, first) == (code.co_name, code.co_firstlineno)
    if not isinstance(node, ast.Lambda) or (code.co_name, code.co_firstlineno) != ("<lambda>", node.lineno):
        return False
    # Several lambdas may begin in a line. All instructions of the right one come from within its body.
    body = node.body
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [place for place in code.co_positions() if None not in place and place[3] > 0]
    return all(begin <= (line, left) and (last, right) <= end for line, last, left, right in places)


def plain_tree(node: object) -> object:
    """A syntax tree as lists and dicts, without what does not matter: positions, docstrings, and fields that
    are empty, which not every version of Python has.

    Examples
    --------
    >>> from rwlib.running.sources import parse, plain_tree
    >>> plain_tree(parse("N = 100")) == plain_tree(parse("N=100  # people"))
    True
    """
    if isinstance(node, ast.AST):
        fields = {
            name: plain_tree(value)
            for name, value in ast.iter_fields(node)
            if name not in ("kind", "type_comment")
        }
        return [
            type(node).__name__,
            {name: value for name, value in fields.items() if value not in (None, [])},
        ]
    if isinstance(node, list):
        return [plain_tree(item) for item in node if not _is_docstring(item)]
    return node if isinstance(node, int | str | None) else repr(node)


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
