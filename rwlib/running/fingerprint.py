"""What a function's results depend on: its code, what it reads, and the versions beneath. A stored result
keeps it.

The fingerprint of a function is a dictionary with an entry for each function, class and global that it reads,
directly or through others, and one for each module of ``rwlib``. So a result can say not only that the code
has moved past it, but what has changed."""

import ast
import dataclasses
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
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

from rwlib.running.sources import (
    absolute,
    chains_in,
    follow,
    global_names,
    home_of,
    imports_within,
    made_in,
    origin_of,
    parse,
    plain_tree,
    public_name,
    tree_of,
)

__all__ = ["Fingerprint", "changes", "fingerprint"]

#: Their versions are part of every fingerprint, since rwlib's numbers pass through them.
PACKAGES = ("arviz-stats", "jax", "jaxlib", "numpy", "numpyro", "pandas", "scipy", "xarray")

#: Modules of rwlib that no number passes through: figures, and how pieces of a study are handed out and told
#: apart.
WITHOUT_NUMBERS = (
    "rwlib",
    "rwlib.plotting",
    "rwlib.running.sources",
    "rwlib.running.fingerprint",
    "rwlib.running.studies",
)

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
    module, name = home_of(value)
    origin = origin_of(module)
    if origin == "rwlib":
        _add_module(module, found)
    if origin == "installed":
        _add_package(module, found)
    if name is None:
        return contents(value, found, where)
    name = f"{public_name(module)}.{name}"
    if origin == "own" and name not in found.code:
        found.code[name] = ""  # so that what calls itself comes to an end
        found.code[name] = _short(contents(value, found, name))
    return {"name": name}


def _contents_of_function(value, found, where):
    if not isinstance(value, types.FunctionType):
        return _contents_of_wrapper(value, found, where)
    module = value.__globals__.get("__name__")
    defaults = _describe([value.__defaults__, value.__kwdefaults__], found, where)
    closure = {}
    for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
        inside = _cell_contents(cell)
        closure[name] = ["itself"] if inside is value else _describe(inside, found, f"{where}, its {name}")
    if origin_of(module) == "installed":
        return ["function", module, value.__code__.co_qualname, defaults, closure]
    tree = tree_of(value.__code__, value.__globals__, where)
    if origin_of(module) == "own":
        _add_globals(tree, value, found)
    return ["function", plain_tree(tree), defaults, closure]


def _contents_of_wrapper(value, found, where):
    """What ``jax.jit``, ``jax.custom_vjp`` or ``functools.cache`` make: the functions that were put in."""
    if not hasattr(value, "__wrapped__"):
        return _refuse(value, where)
    inside = {
        name: _describe(part, found, where)
        for name, part in sorted(vars(value).items())
        if name != "__wrapped__"
        and isinstance(part, types.FunctionType)
        and origin_of(part.__module__) != "installed"
    }
    return ["wrapper", type(value).__name__, _describe(value.__wrapped__, found, where), inside]


def _contents_of_class(value, found, where):
    if origin_of(value.__module__) != "own":
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
            if written and origin_of(member.__globals__.get("__name__")) == "own":
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
    module = public_name(function.__globals__.get("__name__"))
    names = sorted(global_names(function.__code__) & function.__globals__.keys())
    read = [
        (name, function.__globals__[name]) for name in names if not _is_dunder(name)
    ]  # not __name__ or __file__
    for name, value in [*read, *imports_within(tree, function)]:
        if isinstance(value, types.ModuleType) and origin_of(value.__name__) != "installed":
            found.code[f"{module}.{name}"] = public_name(value.__name__)  # not all of it: only what is taken
            for chain in sorted(chains_in(tree)):
                if chain[0] == name:
                    _add_global(*follow(value, chain[1:]), found)
        else:
            _add_global(f"{module}.{name}", value, found)


def _add_global(name, value, found):
    home, own_name = home_of(value)
    if own_name and name == f"{public_name(home)}.{own_name}":
        _describe(value, found, name)  # which puts it there
    elif name not in found.code:
        found.code[name] = ""  # so that what holds a function that reads it comes to an end
        found.code[name] = _short(_describe(value, found, name))


# Modules and packages


def _describe_module(value, found, where):
    """A module as a value, so that nobody knows what is taken from it."""
    if origin_of(value.__name__) == "own":
        raise ValueError(
            f"{where} is a whole module. Write what is taken from it, as in {value.__name__}.name."
        )
    if origin_of(value.__name__) == "rwlib":
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
    if name in found.code or name in WITHOUT_NUMBERS or origin_of(name) != "rwlib":
        return
    path = Path(importlib.import_module(name).__file__)
    tree = parse(path.read_text(encoding="utf8"))
    found.code[name] = _short(plain_tree(tree))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                _add_module(alias.name, found)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                _add_module(made_in(absolute(node, package), alias.name), found)
