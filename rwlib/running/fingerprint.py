"""What a function's results depend on: its code, what it reads, and the versions beneath. A stored result
keeps it.

The fingerprint of a function is a dictionary with an entry for each function, class and global that it reads,
directly or through others, and one for each module of ``rwlib``. So a result can say not only that the code
has moved past it, but what has changed."""

import ast
import dataclasses
import dis
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import linecache
import sys
import types
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePath
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd

__all__ = ["Fingerprint", "changes", "fingerprint"]

#: Their versions are part of every fingerprint, since rwlib's numbers pass through them.
PACKAGES = ("arviz-stats", "jax", "jaxlib", "numpy", "numpyro", "pandas", "scipy", "xarray")

#: Modules of rwlib that no number passes through: figures, and how pieces of a study are handed out and told
#: apart.
WITHOUT_NUMBERS = ("rwlib", "rwlib.running.fingerprint", "rwlib.plotting", "rwlib.running.studies")

#: Immutable values that say all about themselves when they are printed.
PRINTED = (
    complex,
    range,
    slice,
    PurePath,
    date,
    timedelta,
    Decimal,
    Fraction,
    np.dtype,
    np.ufunc,
    type(Ellipsis),
)


class Fingerprint(NamedTuple):
    """``code`` maps each thing read to its content, as text where that is short and as a digest where it is
    not. ``packages`` maps each package read, and the ones that rwlib always needs, to its version."""

    code: dict[str, str]
    packages: dict[str, str]


def fingerprint(value: object) -> Fingerprint:
    """Describe a function or a value by everything that its results depend on.

    Covered are the function itself and, for each function or class that it reads, the same again; the values
    of the globals and defaults that they read; the modules of ``rwlib`` that are reached, with those that
    these import; and the versions of packages. Comments, docstrings, formatting, and ``rwlib.plotting`` leave
    it as it is.

    Not covered are files, environment variables and clocks that a function reads while it runs. Read a file
    into a global, or put what is in it into the function's arguments.

    Parameters
    ----------
    value : function or value
        Written in a module, a script or a notebook. A value may be made of numbers, texts, arrays, tables,
        functions, and tuples, lists, dicts, sets, NamedTuples and dataclasses of those: a model, for example.

    Returns
    -------
    fingerprint : Fingerprint
        Of two dictionaries of texts, ``code`` and ``packages``, ready for JSON. Under ``"itself"`` stands
        what was asked for. The code's part does not depend on the version of Python.

    Raises
    ------
    ValueError
        If something that is read has no content that could be compared (a random generator, an open file, an
        object of a class of its own), or a function has no source. The message names it.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.running.fingerprint import changes, fingerprint
    >>> stored = fingerprint(rwlib.SYMMETRIC).code
    >>> beta = rwlib.SYMMETRIC.parameters[1]._replace(mean_scale=2.0)
    >>> now = fingerprint(rwlib.SYMMETRIC._replace(parameters=(rwlib.SYMMETRIC.parameters[0], beta))).code
    >>> [what.split()[0] for what in changes(stored, now)]
    ['itself']
    """
    found = Fingerprint({}, {package: "" for package in PACKAGES})
    found.code["itself"] = _short(_describe(value, found, "itself"))
    return Fingerprint(
        dict(sorted(found.code.items())), {name: _version(name) for name in sorted(found.packages)}
    )


def changes(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Say in words where two fingerprints differ.

    Parameters
    ----------
    stored, now : dict of texts
        The ``code`` or ``packages`` of two fingerprints.

    Returns
    -------
    changes : list of str
        One for each entry that is different, in alphabetical order; empty if there is none.

    Examples
    --------
    >>> from rwlib.running.fingerprint import changes
    >>> changes({"study.N": "100", "study.work": "d41d8cd98f00b204"}, {"study.N": "5", "study.SEED": "1"})
    ['study.N (was 100, is 5)', 'study.SEED (not read before)', 'study.work (not read any more)']
    """
    said = []
    for name in sorted(stored.keys() | now.keys()):
        if name not in stored:
            said.append(f"{name} (not read before)")
        elif name not in now:
            said.append(f"{name} (not read any more)")
        elif stored[name] != now[name]:
            digests = _is_digest(stored[name]) and _is_digest(now[name])
            said.append(f"{name} (changed)" if digests else f"{name} (was {stored[name]}, is {now[name]})")
    return said


def _short(description):
    if isinstance(description, dict):
        return description["name"]
    text = json.dumps(description)
    return text if len(text) <= 40 else hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_digest(text):
    return len(text) == 16 and not set(text) - set("0123456789abcdef")


@functools.cache
def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


# Values. Each becomes something that JSON can hold: a primitive value itself, {"name": …} for what is found
# by its name, and for all others a list that begins with their kind.


def _describe(value, found, where):
    if isinstance(value, Enum):
        return ["enum", _describe(type(value), found, where), value.name]
    if value is None or isinstance(value, bool | int | float | str):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, PRINTED):
        return [type(value).__name__, repr(value)]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _describe_array(value, found, where)
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        return _describe_table(value, found, where)
    if isinstance(value, types.ModuleType):
        return _describe_module(value, found, where)
    if isinstance(value, type):
        return _by_name(value, found, where, _contents_of_class)
    if dataclasses.is_dataclass(value) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        fields = value._fields if isinstance(value, tuple) else dataclasses.fields(value)
        names = [getattr(field, "name", field) for field in fields]
        contents = {name: _describe(getattr(value, name), found, f"{where}.{name}") for name in names}
        return ["fields", _describe(type(value), found, where), contents]
    if type(value) in (tuple, list):
        items = [_describe(item, found, f"{where}[{i}]") for i, item in enumerate(value)]
        return [type(value).__name__, *items]
    if type(value) in (set, frozenset):
        items = [_describe(item, found, where) for item in value]
        return [type(value).__name__, *sorted(items, key=json.dumps)]
    if isinstance(value, dict | types.MappingProxyType):
        keys = [_describe(key, found, where) for key in value]
        items = [_describe(item, found, f"{where}[{key!r}]") for key, item in value.items()]
        return ["dict", keys, items]
    if type(value) is object:  # a mark that means "nothing was given"
        return ["object"]
    if callable(value):
        return _describe_callable(value, found, where)
    return _refuse(value, where)


def _describe_array(value, found, where):
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return ["key", _describe(np.asarray(jax.random.key_data(value)), found, where)]
    array = np.asarray(value)
    if array.dtype.hasobject:
        return ["array", list(array.shape), _describe(array.tolist(), found, where)]
    return ["array", str(array.dtype), list(array.shape), hashlib.sha256(array.tobytes()).hexdigest()]


def _describe_table(value, found, where):
    rows = pd.util.hash_pandas_object(value).to_numpy()
    names = list(value.columns) if isinstance(value, pd.DataFrame) else value.name
    return ["table", _describe(names, found, where), _describe(rows, found, where)]


def _refuse(value, where):
    raise ValueError(
        f"{where} is {value!r:.100}, of type {type(value).__module__}.{type(value).__qualname__}. "
        "It has no content that could be compared, so nobody could tell when it has changed. Make it in "
        "the function that reads it, or of numbers, texts, arrays, tables, functions, NamedTuples and "
        "dataclasses."
    )


# Functions and classes


def _describe_callable(value, found, where):
    if isinstance(value, functools.partial):
        return [
            "partial",
            *(_describe(part, found, where) for part in (value.func, value.args, value.keywords)),
        ]
    owner = getattr(value, "__self__", None)  # of a built-in function it is its module
    if isinstance(value, types.MethodType | types.BuiltinMethodType) and not isinstance(
        owner, types.ModuleType | None
    ):
        return ["method", value.__name__, _describe(owner, found, where)]
    return _by_name(value, found, where, _contents_of_function)


def _by_name(value, found, where, contents):
    """The name under which a function or class is imported, with its content under that name; else the
    content itself."""
    module, name = _home_of(value)
    origin = _origin(module)
    if origin == "rwlib":
        _add_module(module, found)
    if origin == "installed":
        _add_package(module, found)
    if name is None:
        return contents(value, found, where)
    name = f"{_public_name(module)}.{name}"
    if origin == "own" and name not in found.code:
        found.code[name] = ""  # so that what calls itself comes to an end
        found.code[name] = _short(contents(value, found, name))
    return {"name": name}


def _home_of(value):
    """The module where a function, class or library's object was made, and its name there if it is found
    under it."""
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
    if _origin(type(value).__module__) == "installed":  # such as scipy.stats.norm
        return type(value).__module__, next((name for name, thing in kept.items() if thing is value), None)
    return module, None


def _contents_of_function(value, found, where):
    if not isinstance(value, types.FunctionType):
        return _contents_of_wrapper(value, found, where)
    module = value.__globals__.get("__name__")
    defaults = _describe([value.__defaults__, value.__kwdefaults__], found, where)
    closure = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
        inside = _cell_contents(cell)
        closure[name] = ["itself"] if inside is value else _describe(inside, found, f"{where}, its {name}")
    if _origin(module) == "installed":
        return ["function", module, value.__code__.co_qualname, defaults, closure]
    tree = _tree_of(value.__code__, value.__globals__, where)
    if _origin(module) == "own":
        _add_globals(tree, value, found)
    return ["function", _plain_tree(tree), defaults, closure]


def _contents_of_wrapper(value, found, where):
    """What ``jax.jit``, ``jax.custom_vjp`` or ``functools.cache`` make: the functions that were put in."""
    if not hasattr(value, "__wrapped__"):
        return _refuse(value, where)
    inside = {
        name: _describe(part, found, where)
        for name, part in sorted(vars(value).items())
        if name != "__wrapped__"
        and isinstance(part, types.FunctionType)
        and _origin(part.__module__) != "installed"
    }
    return ["wrapper", type(value).__name__, _describe(value.__wrapped__, found, where), inside]


def _contents_of_class(value, found, where):
    if _origin(value.__module__) != "own":
        raise ValueError(
            f"{where} is {value!r}, which cannot be found by its name. Give it a name at the top level."
        )
    members = {}
    for name, member in sorted(vars(value).items()):
        member = getattr(member, "__func__", getattr(member, "fget", member))  # a class method or a property
        member = member.func if isinstance(member, functools.cached_property) else member
        if isinstance(member, types.FunctionType):
            # NamedTuple and dataclass write some methods themselves; what they write follows from the fields.
            written = member.__code__.co_filename != "<string>"
            if written and _origin(member.__globals__.get("__name__")) == "own":
                members[name] = _contents_of_function(member, found, f"{where}.{name}")
        elif not _is_dunder(name) and not inspect.isdatadescriptor(member):
            members[name] = _describe(member, found, f"{where}.{name}")
    if dataclasses.is_dataclass(value):
        factories = {field.name: field.default_factory for field in dataclasses.fields(value)}
        given = {name: factory for name, factory in factories.items() if factory is not dataclasses.MISSING}
        members["default_factory"] = _describe(given, found, where)
    fields = list(vars(value).get("__annotations__", {}))
    return ["class", [_describe(base, found, where) for base in value.__bases__], fields, members]


def _is_dunder(name):
    return name.startswith("__") and name.endswith("__")


def _cell_contents(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


# Globals


def _add_globals(tree, function, found):
    """What a function reads from its module, and what it imports itself."""
    module = _public_name(function.__globals__.get("__name__"))
    names = sorted(_global_names(function.__code__) & function.__globals__.keys())
    read = [
        (name, function.__globals__[name]) for name in names if not _is_dunder(name)
    ]  # not __name__ or __file__
    for name, value in [*read, *_imports_within(tree, function)]:
        if isinstance(value, types.ModuleType) and _origin(value.__name__) != "installed":
            found.code[f"{module}.{name}"] = _public_name(value.__name__)  # not all of it: only what is taken
            for chain in sorted(_chains(tree)):
                if chain[0] == name:
                    _add_global(*_follow(value, chain[1:]), found)
        else:
            _add_global(f"{module}.{name}", value, found)


def _add_global(name, value, found):
    home, own_name = _home_of(value)
    if own_name and name == f"{_public_name(home)}.{own_name}":
        _describe(value, found, name)  # which puts it there
    elif name not in found.code:
        found.code[name] = ""  # so that what holds a function that reads it comes to an end
        found.code[name] = _short(_describe(value, found, name))


def _global_names(code):
    loads = "LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"
    names = {
        str(instruction.argval) for instruction in dis.get_instructions(code) if instruction.opname in loads
    }
    return names.union(
        *(_global_names(inner) for inner in code.co_consts if isinstance(inner, types.CodeType))
    )


def _chains(tree):
    """Names with the attributes taken of them: ``np.random.normal`` is ``("np", "random", "normal")``."""
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


def _follow(module, names):
    """From a module along attributes to the first thing that is no module, or that is an installed one."""
    value, name = module, _public_name(module.__name__)
    for attribute in names:
        if not isinstance(value, types.ModuleType) or _origin(value.__name__) == "installed":
            break
        value, name = getattr(value, attribute, None), f"{_public_name(value.__name__)}.{attribute}"
    return name, value


def _imports_within(tree, function):
    """What import statements inside a function make, as pairs of a name and a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                whole = _import(alias.name)
                root = alias.name.split(".")[0]
                yield (alias.asname, whole) if alias.asname else (root, _import(root))
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, function.__globals__.get("__package__"))
            for alias in node.names:
                value = getattr(_import(base), alias.name, None)
                yield alias.asname or alias.name, _import(f"{base}.{alias.name}") if value is None else value


def _import(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _absolute(node, package):
    """The module in ``from module import name``, which may be written relative to a package."""
    name = node.module or ""
    return importlib.util.resolve_name("." * node.level + name, package) if node.level else name


# Modules and packages


def _origin(module):
    """Whether a module is one of rwlib's, an installed one (or the standard library's), or the user's own."""
    root = (module or "").split(".")[0]
    if root == "rwlib":
        return "rwlib"
    if root in sys.stdlib_module_names and root != "__main__":
        return "installed"
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    folders = getattr(sys.modules.get(root), "__path__", ())  # of a package that has no file
    parts = Path(file or next(iter(folders), "")).parts
    return "installed" if "site-packages" in parts or "dist-packages" in parts else "own"


def _public_name(module):
    """The name by which a module is imported: of a script that is being run, its own; of a library's, without
    the private parts, which are other ones in the next version."""
    if module != "__main__":
        root, *parts = str(module).split(".")
        return ".".join(
            [root, *(part for part in parts if _origin(root) != "installed" or not part.startswith("_"))]
        )
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    return spec.name if spec else Path(file).stem if file else module


def _describe_module(value, found, where):
    """A module as a value, so that nobody knows what is taken from it."""
    if _origin(value.__name__) == "own":
        raise ValueError(
            f"{where} is a whole module. Write what is taken from it, as in {value.__name__}.name."
        )
    if _origin(value.__name__) == "rwlib":
        for name in ["", *getattr(value, "__all__", ())]:
            _add_module(getattr(getattr(value, name, None), "__module__", value.__name__), found)
    else:
        _add_package(value.__name__, found)
    return {"name": value.__name__}


def _add_package(module, found):
    for package in _distributions().get(module.split(".")[0], ()):
        found.packages[package] = ""


@functools.cache
def _distributions():
    return importlib.metadata.packages_distributions()


def _add_module(name, found):
    """The text of one of rwlib's modules, and of those that it imports."""
    if name in found.code or name in WITHOUT_NUMBERS or _origin(name) != "rwlib":
        return
    path = Path(importlib.import_module(name).__file__)
    tree = _parse(path.read_text(encoding="utf8"))
    found.code[name] = _short(_plain_tree(tree))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _add_module(alias.name, found)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                _add_module(_made_in(_absolute(node, package), alias.name), found)


def _made_in(module, name):
    """The module where something was made that is imported from a module, or from a package which has it from
    elsewhere."""
    if _origin(module) != "rwlib":
        return module
    value = getattr(_import(module), name, None)
    if value is None or isinstance(value, types.ModuleType):
        return f"{module}.{name}"
    return getattr(value, "__module__", module) if hasattr(_import(module), "__path__") else module


# Source


def _tree_of(code, namespace, where):
    """The part of a file, or of a notebook's cell, that a function was compiled from."""
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, namespace))
    # Of lambdas in one line several may fit: those around it, and in Python 3.12 those that only return a
    # constant.
    nodes = [node for node in ast.walk(_parse(text)) if _is_source(node, code)]
    if not nodes:
        why = "its source has changed since it was imported" if text else "its source is not kept"
        raise ValueError(
            f"{where} is the function {code.co_qualname}, and {why}. Import it anew from a module, a script "
            "or a notebook."
        )
    return ast.Module(nodes, [])


@functools.lru_cache(maxsize=256)
def _parse(text):
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


def _plain_tree(node):
    """A syntax tree as lists and dicts, without what does not matter: positions, docstrings, and fields that
    are empty, which not every version of Python has."""
    if isinstance(node, ast.AST):
        fields = {
            name: _plain_tree(value)
            for name, value in ast.iter_fields(node)
            if name not in ("kind", "type_comment")
        }
        return [
            type(node).__name__,
            {name: value for name, value in fields.items() if value not in (None, [])},
        ]
    if isinstance(node, list):
        return [_plain_tree(item) for item in node if not _is_docstring(item)]
    return node if isinstance(node, int | str | None) else repr(node)


def _is_docstring(node):
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
