"""What the checkers of exercises share: a verdict in one sentence, and ways to look at an answer.

A checker is a plain function that looks at one thing after the other, in the order in which one would write
the answer. ``demand`` stops it at the first thing that is wrong, with the sentence that says so, and
:func:`checker` makes a :class:`Verdict` of that. What a checker returns is what it says of a right answer.
"""

import dataclasses
import functools

import jax
import numpy as np

__all__ = ["Verdict", "checker"]

MOST_NUMBERS = 12  # of an array that is written out; of a larger one, its shape
MOST_LETTERS = 400  # of another library's message: JAX's run over pages


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a checker says. True when the answer is right; printed, it is the sentence.

    Examples
    --------
    >>> from rwlib.exercises.answers import Verdict
    >>> verdict = Verdict(False, "Not yet: f(2) returns 3, and it should be 4.")
    >>> verdict
    Not yet: f(2) returns 3, and it should be 4.
    >>> bool(verdict)
    False
    """

    right: bool
    sentence: str

    def __bool__(self) -> bool:
        return self.right

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__


class Wrong(Exception):
    """Carries the sentence about the first thing that is wrong out of a checker."""


def checker(look):
    """Make a function that looks at answers, and stops at what is wrong, one that returns a verdict.

    Whatever an answer does, the verdict says it, and nothing is raised.

    Examples
    --------
    >>> from rwlib.exercises.answers import call, checker, demand
    >>> @checker
    ... def check_double(double):
    ...     got = call(double, 2)
    ...     demand(got == 4, f"double(2) returns {got}, and it should be 4")
    ...     return "double doubles"
    >>> check_double(lambda x: x + 1)
    Not yet: double(2) returns 3, and it should be 4.
    >>> check_double(lambda x: 2 * x)
    Right: double doubles.
    """

    @functools.wraps(look)
    def check(*answers):
        try:
            return Verdict(True, f"Right: {look(*answers)}.")
        except Wrong as wrong:
            return Verdict(False, f"Not yet: {wrong}.")
        except Exception as error:  # an answer of a kind that nobody thought of
            return Verdict(False, f"Not yet: what is returned cannot be used, {error_words(error)}.")

    return check


def demand(condition, sentence):
    """Stop the checker with this sentence unless the condition holds."""
    if not condition:
        raise Wrong(sentence)


def demand_given(answer, what):
    """Stop the checker where the answer is still what the page leaves open."""
    demand(answer is not None and answer is not ..., f"{what} is {answer}: nothing is there yet")


def call(function, *args, words=None, **kwargs):
    """What the learner's function returns; that it raises, returns nothing or is none is said in words.

    ``words`` stand for the call where it is long.
    """
    if function is None or function is ...:
        raise Wrong("there is no function yet")
    if not callable(function):
        raise Wrong(f"{in_words(function)} is no function: give the function itself, not what it returns")
    words = words or call_words(function, *args, **kwargs)
    try:
        returned = function(*args, **kwargs)
    except Exception as error:
        raise Wrong(f"{words} raises {error_words(error)}") from error
    demand(returned is not None and returned is not ..., f"{words} returns None: nothing is returned yet")
    return returned


def pair(returned, what, parts):
    """The two parts of what should be a pair."""
    is_pair = isinstance(returned, tuple | list) and len(returned) == 2
    demand(is_pair, f"{what} is {in_words(returned)}, and it should be a pair ({parts})")
    return returned


def numbers(returned, what, shape):
    """An array of the shape that it should have, as NumPy's; said in words when it is none."""
    missing = returned is None or returned is ...
    demand(not missing, f"{what} is None: nothing is returned yet")
    try:
        array = np.asarray(returned, float)
    except (TypeError, ValueError):
        raise Wrong(f"{what} is {in_words(returned)}, and it should be numbers of shape {shape}") from None
    demand(array.shape == shape, f"{what} has the shape {array.shape}, and it should be {shape}")
    demand(not np.isnan(array).any(), f"{what} is not a number (NaN) in some place: {in_words(array)}")
    return array


def close(got, wanted, tolerance=1e-4):
    """Whether all are equal, up to what single precision may lose."""
    return bool(np.allclose(got, wanted, rtol=tolerance, atol=tolerance))


def agree(got, wanted, place, sentence):
    """Stop the checker unless two arrays are close; say where they differ first, such as "action 2"."""
    if close(got, wanted):
        return
    got, wanted = np.broadcast_arrays(got, wanted)
    where = tuple(np.argwhere(~np.isclose(got, wanted, rtol=1e-4, atol=1e-4))[0])
    index = ", ".join(str(i) for i in where)
    raise Wrong(
        f"{sentence}: {place} {index} has {number(got[where])} and should have {number(wanted[where])}"
    )


def number(value):
    """A number as people write it."""
    return f"{float(value):.4g}"


def in_words(thing):
    """A value as it may stand in a sentence: short ones written out, long ones by their shape."""
    if isinstance(thing, np.ndarray | jax.Array):
        if jax.dtypes.issubdtype(thing.dtype, jax.dtypes.prng_key):
            return "a key" if thing.ndim == 0 else f"keys of shape {thing.shape}"
        if thing.size > MOST_NUMBERS:
            return f"an array of shape {thing.shape}"
        array = np.asarray(thing)
        exact = array.astype(float) if array.dtype.kind == "f" else array  # 0.9 and not 0.89999998
        return str(exact.round(4).tolist())
    if isinstance(thing, tuple | list) and len(thing) <= MOST_NUMBERS:
        parts = ", ".join(in_words(part) for part in thing)
        return f"[{parts}]" if isinstance(thing, list) else f"({parts})"
    if isinstance(thing, dict) and len(thing) <= MOST_NUMBERS:
        return "{" + ", ".join(f"{key!r}: {in_words(value)}" for key, value in thing.items()) + "}"
    if isinstance(thing, bool | int | str | np.integer):
        return repr(thing) if isinstance(thing, str) else str(thing)
    if isinstance(thing, float | np.floating):
        return str(round(float(thing), 4))
    name = type(thing).__name__
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"


def call_words(function, *args, **kwargs):
    """A call as one would type it."""
    name = getattr(function, "__name__", "<lambda>").replace("<lambda>", "your function")
    given = [in_words(value) for value in args]
    given += [f"{key}={in_words(value)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(given)})"


def error_words(error):
    """An exception's type and message, on one line."""
    message = " ".join(str(error).split()).rstrip(".")
    if len(message) > MOST_LETTERS:
        message = message[:MOST_LETTERS].rsplit(" ", 1)[0] + " …"
    return f"{type(error).__name__}: {message}"
