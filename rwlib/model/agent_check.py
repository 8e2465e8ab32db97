"""Do the functions of an agent fit together? Asked before anything is compiled, and answered in words about
the agent."""

import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rwlib.model.agents import Agent, Outcome, Seen, check_is_agent

__all__ = ["check_agent"]

#: What people write who have not compiled a function before.
COMPILED = (
    "It is compiled with values that are not known yet: write jnp.where(condition, a, b) in place of `if`, "
    "functions of jnp in place of those of np, float() and int(), and array.at[i].add(x) in place of "
    "array[i] += x."
)
#: What lies between a user's line and a function of rwlib that is being compiled.
BETWEEN = ("rwlib", "jax", "jaxtyping", "beartype", "contextlib", "functools", "threading", "concurrent")


class _Watched(Mapping):
    """A dictionary that remembers what was read, and says what is missing in words about the agent."""

    def __init__(self, values, complaint):
        self.values_, self.complaint, self.read = dict(values), complaint, set()

    def __getitem__(self, name):
        self.read.add(name)
        if name not in self.values_:
            raise ValueError(
                self.complaint.format(repr(name), ", ".join(map(repr, self.values_)) or "nothing")
            )
        return self.values_[name]

    def __iter__(self) -> Iterator:
        self.read |= self.values_.keys()
        return iter(self.values_)

    def __len__(self):
        return len(self.values_)


def check_agent(
    agent: Agent,
    names: Iterable[str],
    n_actions: int,
    before: Mapping[str, Any] = {},
    after: Mapping[str, Any] = {},
) -> None:
    """Refuse, before anything is compiled, an agent whose functions do not fit together.

    Parameters
    ----------
    agent : Agent
    names : names of the parameters that it is given
    n_actions : int
    before, after : dict of arrays, shape (n_subjects, n_trials, ...)
        What else there is to be seen, as in :class:`rwlib.data.design.Design`; only shapes matter.

    Raises
    ------
    ValueError
        If ``agent`` is none, a function reads a parameter or a column that there is not, or one that is known
        only after the choice; if it returns another shape than it must; or if a parameter is read by none.

    Warns
    -----
    UserWarning
        If the probabilities of all actions do not sum to 1.

    Examples
    --------
    >>> from rwlib.model.agent_check import check_agent
    >>> from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT
    >>> trusting = RESCORLA_WAGNER_AGENT._replace(start=lambda params, n_actions: params["trust"])
    >>> check_agent(trusting, ("beta",), 2)
    Traceback (most recent call last):
    ValueError: The agent's start reads the parameter 'trust', which is not given; given are 'beta'.
    """
    check_is_agent(agent)
    # In the types that JAX gives them: a session without 64 bits warns of each array that asks for them.
    shapes = (
        tuple((name, x.shape[2:], jax.dtypes.canonicalize_dtype(x.dtype)) for name, x in columns.items())
        for columns in (before, after)
    )
    _check_agent(agent, tuple(names), n_actions, *shapes)


@lru_cache
def _check_agent(agent, names, n_actions, before, after):
    one, read = jnp.ones(()), set()

    def watched(function, kind, values, ending=""):
        return _Watched(
            values, f"The agent's {function} reads {kind} {{}}, which is not given{ending}; given are {{}}."
        )

    def shapes_of(function, call, known, *arrays):
        def traced(values, *arrays):  # so that NumPy, which cannot be compiled, fails here
            params = watched(function, "the parameter", values)
            result = call(params, *arrays)
            read.update(params.read)
            return result

        try:
            return jax.eval_shape(traced, dict.fromkeys(names, one), *arrays)
        except ValueError as error:
            raise ValueError(str(error)) from None  # without what JAX adds
        except jax.errors.JAXTypeError as error:
            raise ValueError(f"The agent's {function} cannot be compiled. {COMPILED}\n{error}") from error
        except Exception as error:
            hint = f" {COMPILED}" if "immutable" in str(error) else ""
            raise ValueError(
                f"The agent's {function} fails with {n_actions} actions and {known}: {error}{hint}"
            ) from error

    before, after = (
        {name: np.zeros(shape, dtype) for name, shape, dtype in columns} for columns in (before, after)
    )
    everything = np.ones(n_actions, bool)
    memory = shapes_of(
        "start", lambda params: jax.tree.map(jnp.asarray, agent.start(params, n_actions)), "its parameters"
    )
    stand_in = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), memory)

    later = ", or known only after the choice" if after else ""

    def log_probabilities(params, memory, offered, columns):
        extra = watched("log_probabilities", "the column", columns, later)
        return agent.log_probabilities(memory, Seen(offered, extra), params)

    log_probs = shapes_of(
        "log_probabilities", log_probabilities, _shape_words(memory), stand_in, everything, before
    )
    if not hasattr(log_probs, "shape"):
        raise ValueError(
            f"The agent's log_probabilities returns a {type(log_probs).__name__}; it must be one array, as "
            "jnp.stack makes of a list of numbers."
        )
    if log_probs.shape != (n_actions,):
        raise ValueError(
            f"The agent's log_probabilities returns the shape {log_probs.shape}; with {n_actions} actions it "
            f"must be ({n_actions},)."
        )
    for function in ("learn", "without_feedback"):
        call = getattr(agent, function)
        if call is None:
            continue

        def learn(params, memory, chosen, reward, offered, columns):
            outcome = Outcome(chosen, reward, offered, watched(function, "the column", columns))
            return jax.tree.map(jnp.asarray, call(memory, outcome, params))

        arrays = stand_in, jnp.zeros(n_actions), jnp.zeros(()), everything, {**before, **after}
        learned = shapes_of(function, learn, _shape_words(memory), *arrays)
        same = jax.tree.structure(learned) == jax.tree.structure(memory)
        if not same or [x.shape for x in jax.tree.leaves(learned)] != [
            x.shape for x in jax.tree.leaves(memory)
        ]:
            raise ValueError(
                f"The agent's {function} returns {_shape_words(learned)}, but start returns "
                f"{_shape_words(memory)}; a memory keeps its shape."
            )
    declared = {p.name for p in agent.parameters}
    unread = [name for name in names if name not in read and name not in declared]
    if unread:
        raise ValueError(
            f"params has {unread[0]!r}, which the agent never reads; it reads "
            f"{', '.join(map(repr, sorted(read))) or 'none'}."
        )
    with jax.ensure_compile_time_eval():  # we may be within a function that is being compiled
        params = dict.fromkeys(names, jnp.array(0.5))
        first = jax.jit(lambda params: agent.start(params, n_actions))(params)
        log_probs = np.asarray(jax.jit(log_probabilities)(params, first, everything, before))
    total = np.exp(log_probs).sum()
    if np.isfinite(total) and abs(total - 1) > 1e-3:
        warnings.warn(
            f"The probabilities of an agent's actions sum to {total:.3g} in place of 1 (on the first trial,"
            " with all parameters at 0.5). log_probabilities must return their logarithms: is"
            " jax.nn.log_softmax missing?",
            stacklevel=_level_of_the_users_line(),
        )


def _level_of_the_users_line():
    """How far up, counted from the function that calls this, the first line is that is the user's own."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        frame, level = frame.f_back, level + 1
    return level


def _shape_words(tree):
    return "a memory of " + (
        ", ".join(
            f"{jax.tree_util.keystr(path)}{x.shape}" for path, x in jax.tree_util.tree_leaves_with_path(tree)
        )
        or "nothing"
    )
