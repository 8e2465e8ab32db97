"""Who plays: how an agent chooses and what it learns, one trial at a time. Simulation and likelihood share
it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from rwlib.data.design import Design

__all__ = [
    "Agent",
    "Outcome",
    "Parameter",
    "Seen",
    "Trial",
    "action_values",
    "check_is_agent",
    "precision_of",
    "session",
    "trials_of",
]


class Parameter(NamedTuple):
    """A parameter of an agent: the smallest and the largest value it may take, and the one that leaves it
    without effect."""

    name: str
    low: float
    high: float
    neutral: float | None = None  # None: it must be given


class Seen(NamedTuple):
    """What a person knows before a choice: which actions are on offer, and whatever else the task shows, by
    name."""

    offered: Bool[Array, " n_actions"]
    extra: Mapping[str, Array]


class Outcome(NamedTuple):
    """What a person knows after it. ``chosen`` is 1 for the action taken and 0 elsewhere, ``reward`` is what
    it paid.

    ``extra`` holds what was seen before the choice, and what is seen only now.
    """

    chosen: Float[Array, " n_actions"]
    reward: Float[Array, ""]
    offered: Bool[Array, " n_actions"]
    extra: Mapping[str, Array]


class Agent(NamedTuple):
    """One person as three functions. A run is ``start`` once, then ``log_probabilities`` and ``learn`` on
    each trial.

    Parameters
    ----------
    start : callable
        ``start(params, n_actions)`` returns the memory before the first trial: an array, or any tree of
        arrays.
    log_probabilities : callable
        ``log_probabilities(memory, seen, params)``, with :class:`Seen`, returns the log-probability of each
        action, shape (n_actions,), as ``jax.nn.log_softmax`` does. Where the design says what is on offer,
        the other actions are left out afterwards, and the rest is made to sum to 1.
    learn : callable
        ``learn(memory, outcome, params)``, with :class:`Outcome`, returns the memory after the trial, in the
        shapes that it had before.
    without_feedback : callable, optional
        The same for a choice whose outcome was not shown, with a ``reward`` of NaN. Default: the memory stays
        as it is.
    parameters : tuple of Parameter
        Those that may be left out or must lie in a range (:class:`Parameter`). Whatever else the functions
        read in ``params`` must be given, and may be any number.

    Examples
    --------
    An agent whose values fade, for lack of a reward as for the actions that it did not take:

    >>> import jax, jax.numpy as jnp
    >>> import rwlib
    >>> agent = rwlib.Agent(
    ...     start=lambda params, n_actions: jnp.zeros(n_actions),
    ...     log_probabilities=lambda value, seen, params: jax.nn.log_softmax(params["beta"] * value),
    ...     learn=lambda value, outcome, params: params["keep"] * value + outcome.chosen * outcome.reward,
    ... )
    >>> data = rwlib.ChoiceData([[0, 0]], [[1.0, 0.0]], n_actions=2)
    >>> rwlib.log_likelihood(data, {"keep": 0.5, "beta": 2.0}, agent).round(3).tolist()
    [-0.82]
    """

    start: Callable[[Mapping, int], Any]
    log_probabilities: Callable[[Any, Seen, Mapping], Float[Array, " n_actions"]]
    learn: Callable[[Any, Outcome, Mapping], Any]
    without_feedback: Callable[[Any, Outcome, Mapping], Any] | None = None
    parameters: tuple[Parameter, ...] = ()


def check_is_agent(agent: object) -> None:
    """Refuse anything else in the place of an Agent, and one that JAX could not compile a program for.

    Raises
    ------
    ValueError
        If ``agent`` is no :class:`Agent`, one of its functions is none, or its parameters are no tuple of
        :class:`Parameter`.

    Examples
    --------
    >>> from rwlib import SYMMETRIC
    >>> from rwlib.model.agents import check_is_agent
    >>> check_is_agent(SYMMETRIC)
    Traceback (most recent call last):
    ValueError: agent is of type Model; give an rwlib.Agent, such as model.agent.
    """
    if not isinstance(agent, Agent):
        raise ValueError(
            f"agent is of type {type(agent).__name__}; give an rwlib.Agent, such as model.agent."
        )
    for name in ("start", "log_probabilities", "learn", "without_feedback"):
        function = getattr(agent, name)
        if not callable(function) and not (function is None and name == "without_feedback"):
            raise ValueError(f"The agent's {name} is {function!r}; it must be a function.")
    # A tuple, since what JAX compiles for must be hashable.
    if not isinstance(agent.parameters, tuple) or not all(isinstance(p, Parameter) for p in agent.parameters):
        raise ValueError(
            f"The agent's parameters are {agent.parameters!r}; give a tuple of rwlib.model.agents.Parameter, "
            "for those only that may be left out or must lie in a range. What else its functions read needs "
            "no entry."
        )
    try:
        hash(agent)
    except TypeError as error:
        raise ValueError(f"The agent's functions must be hashable, as functions are: {error}.") from None


class Trial(NamedTuple):
    """What a task does on one trial, apart from paying (:class:`rwlib.data.design.Design`). ``None``: it
    never does.

    ``counts`` is False where nobody played.
    """

    counts: Bool[Array, ""]
    offered: Bool[Array, " n_actions"] | None
    new_run: Bool[Array, ""] | None
    feedback: Bool[Array, ""] | None
    before: Mapping[str, Array]
    after: Mapping[str, Array]


def trials_of(
    design: Design, mask: Bool[Array, "n_subjects n_trials"] | Bool[np.ndarray, "n_subjects n_trials"]
) -> Trial:
    """What the task does on each trial, of arrays with (n_subjects, n_trials) in front."""
    new_run = None
    if design.block is not None:
        new_run = jnp.pad(jnp.diff(jnp.asarray(design.block), axis=1) != 0, ((0, 0), (1, 0)))
    parts = design.offered, new_run, design.feedback, dict(design.before), dict(design.after)
    return jax.tree.map(jnp.asarray, Trial(mask, *parts))


def precision_of(params: Mapping[str, Array]) -> jnp.dtype:
    """The float type of an agent with these parameters: theirs, or the session's where there are none."""
    return jnp.result_type(*params.values(), float)


def session(
    agent: Agent,
    params: Mapping[str, Array],
    n_actions: int,
    trials: Trial,
    inputs: Any,
    respond: Callable[[Float[Array, " n_actions"], Any], tuple[Array, Array, Any]],
) -> tuple[Any, Any]:
    """Everybody's trials, one after the other: the one loop that simulation, likelihood and prediction share.

    Parameters
    ----------
    agent : Agent
    params : dict of arrays, shape (n_subjects,)
    n_actions : int
    trials : Trial
        Of arrays with shape (n_subjects, n_trials, ...).
    inputs : tree of arrays, shape (n_subjects, n_trials, ...)
        What ``respond`` is given of each trial.
    respond : callable
        For one person, from the log-probabilities of the actions and the inputs of a trial to the choice that
        was made, the reward that it brought, and whatever is to be kept of this trial.

    Returns
    -------
    memories : tree of arrays, shape (n_subjects, n_trials, ...)
        Before each choice.
    kept : tree of arrays, shape (n_subjects, n_trials, ...)
    """
    precision = precision_of(params)
    n_subjects = trials.counts.shape[0]
    # Each person has a list of actions: with one for all, some processors' code crashes LLVM (JAX 0.10).
    actions = jnp.broadcast_to(jnp.arange(n_actions), (n_subjects, n_actions))
    example = jax.tree.map(lambda x: x[0, 0], {**trials.before, **trials.after})
    first = partial(_first_memory, agent, n_actions, precision, example)
    start = (
        jax.vmap(first)(params)
        if params
        else jax.tree.map(lambda x: jnp.broadcast_to(x, (n_subjects, *x.shape)), first({}))
    )

    def of_person(params, actions, start, memory, trial, given):
        if trial.new_run is not None:
            memory = jax.tree.map(lambda new, old: jnp.where(trial.new_run, new, old), start, memory)
        # Known while compiling where nothing is ever missing.
        offered = np.ones(n_actions, bool) if trial.offered is None else trial.offered
        seen = Seen(offered, _in_precision(trial.before, precision))
        log_probs = jnp.asarray(agent.log_probabilities(memory, seen, params))
        if trial.offered is not None:
            log_probs = among_offered(log_probs, trial.offered)
        choice, reward, kept = respond(log_probs, given)
        chosen = (actions == choice).astype(precision)
        outcome = Outcome(chosen, reward, offered, {**seen.extra, **_in_precision(trial.after, precision)})
        return _after_trial(agent, memory, outcome, trial, params), (memory, kept)

    def one_trial(memories, now):
        return jax.vmap(of_person)(params, actions, start, memories, *now)

    by_trial = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), (trials, inputs))
    _, found = jax.lax.scan(one_trial, start, by_trial)
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), found)


def action_values(memories: Any, shape: tuple[int, ...]) -> Array | None:
    """What a memory's field ``value`` holds, if that is one number for each action.

    Parameters
    ----------
    memories : tree of arrays
        From :func:`session`.
    shape : (n_subjects, n_trials, n_actions)

    Returns
    -------
    values : array, shape (n_subjects, n_trials, n_actions), or None
        An agent of someone's own may call anything ``value``: a table of cues and actions, say.
    """
    values = getattr(memories, "value", None)
    return values if getattr(values, "shape", None) == tuple(shape) else None


def among_offered(
    log_probabilities: Float[Array, "... n_actions"], offered: Bool[Array, "... n_actions"]
) -> Float[Array, "... n_actions"]:
    """The log-probabilities of the actions on offer, made to sum to 1; minus infinity for the others."""
    kept = jnp.where(offered, log_probabilities, -jnp.inf)
    return kept - jax.nn.logsumexp(kept, axis=-1, keepdims=True)


def _after_trial(agent, memory, outcome, trial, params):
    """The memory after a trial. Where nobody played, nothing happened, and the last choice stays the last."""
    learned = agent.learn(memory, outcome, params)
    if trial.feedback is not None:
        unseen = memory
        if agent.without_feedback is not None:
            unseen = agent.without_feedback(
                memory, outcome._replace(reward=jnp.full_like(outcome.reward, jnp.nan)), params
            )
        learned = jax.tree.map(lambda new, old: jnp.where(trial.feedback, new, old), learned, unseen)
    return jax.tree.map(lambda old, new: jnp.where(trial.counts, new, old).astype(old.dtype), memory, learned)


def _in_precision(arrays, precision):
    """Numbers in the agent's precision; whole numbers and flags, which may be indices, as they are."""
    return jax.tree.map(lambda x: x.astype(precision) if jnp.issubdtype(x.dtype, jnp.floating) else x, arrays)


def _first_memory(agent, n_actions, precision, extra, params):
    """One person's memory before the first trial, in types that learning does not change.

    A loop that JAX compiles carries arrays of fixed types, so whole numbers to which learning adds fractions,
    say, start as floats. Floats have the precision of the parameters: a `jnp.zeros(n)` in `start` would
    otherwise make all of a fit's likelihood twice as slow, since `fit` allows 64 bits.
    """
    offered = np.ones(n_actions, bool)
    outcome = Outcome(
        jnp.zeros(n_actions, precision), jnp.zeros((), precision), offered, _in_precision(extra, precision)
    )
    memory = _in_precision(jax.tree.map(jnp.asarray, agent.start(params, n_actions)), precision)
    settled = False
    while not settled:  # types only widen, and there are few of them
        learned = jax.eval_shape(lambda memory: agent.learn(memory, outcome, params), memory)
        widened = jax.tree.map(lambda old, new: old.astype(jnp.result_type(old, new)), memory, learned)
        widened = _in_precision(widened, precision)
        settled = jax.tree.map(jnp.result_type, widened) == jax.tree.map(jnp.result_type, memory)
        memory = widened
    return memory
