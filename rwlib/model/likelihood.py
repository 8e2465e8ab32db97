"""How probable the observed choices are, given parameters, and in which direction that grows."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data.choices import ChoiceData, check_is_choice_data
from rwlib.model.agent_check import check_agent
from rwlib.model.agents import Agent, Trial, precision_of, session, trials_of
from rwlib.model.in_line import log_likelihood_in_line
from rwlib.model.one_pass import Rows, one_pass_log_likelihood
from rwlib.model.parameters import Params, of_labelled, subject_parameters
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

__all__ = ["log_likelihood", "trialwise_log_likelihood"]


def trialwise_log_likelihood(
    data: ChoiceData, params: Params, agent: Agent = RESCORLA_WAGNER_AGENT
) -> Float[Array, "n_subjects n_trials"]:
    r"""Log-probability of each observed choice, given the choices and rewards before it.

    .. math:: \log p(c_t \mid c_{1:t-1}, r_{1:t-1}, \theta)

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,), or DataFrame
        See :func:`rwlib.model.parameters.subject_parameters`. Those that carry labels (a Series, a DataArray,
        a dictionary) are matched with ``data.subjects`` by label, the others stand in their order.
    agent : Agent, default RESCORLA_WAGNER_AGENT

    Returns
    -------
    log_likelihood : array, shape (n_subjects, n_trials)
        In nats, at most 0; exactly 0 where nobody chose for themselves (``data.scored`` is False).

    Raises
    ------
    ValueError
        If ``data`` is something else, or ``params`` is not valid for these subjects.

    References
    ----------
    Daw, N. D. (2011). Trial-by-trial data analysis using computational models.
    https://doi.org/10.1093/acprof:oso/9780199600434.003.0001

    Examples
    --------
    >>> from rwlib import ChoiceData, trialwise_log_likelihood
    >>> data = ChoiceData(choices=[[0, 0]], rewards=[[1.0, 0.0]], n_actions=2)
    >>> trialwise_log_likelihood(data, {"alpha_pos": 0.5, "alpha_neg": 0.5, "beta": 4.0}).tolist()
    [[-0.693, -0.313]]
    """
    check_is_choice_data(data)
    return _trialwise(data, _complete(of_labelled(params, data.subjects), data, agent), agent)


def log_likelihood(
    data: ChoiceData, params: Params, agent: Agent = RESCORLA_WAGNER_AGENT
) -> Float[Array, " n_subjects"]:
    r"""Log-likelihood of each subject's choices, with a gradient that costs one pass over the trials.

    The sum over trials of :func:`trialwise_log_likelihood`. Each subject's values depend on a handful
    of that subject's parameters, so their sensitivities (∂Q/∂α⁺, ∂Q/∂α⁻, ∂Q/∂Q₀, and that of the choice
    trace by its rate) are carried forward beside the values and the derivative is complete after one scan:
    nothing is stored per trial, and nothing runs backwards. Without a derivative, only values and trace are
    carried. ``jax.grad``, ``jax.jvp`` and second derivatives all work. Beside the data, the gradient works in
    a few copies of what is carried, at most 6 n_actions + 8 numbers for each subject, however many trials
    there are. All of that holds for the course's own agent; of others JAX takes the derivative in reverse.

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,), or DataFrame
        See :func:`rwlib.model.parameters.subject_parameters`. Those that carry labels (a Series, a DataArray,
        a dictionary) are matched with ``data.subjects`` by label, the others stand in their order.
    agent : Agent, default RESCORLA_WAGNER_AGENT

    Returns
    -------
    log_likelihood : array, shape (n_subjects,)
        In nats, at most 0.

    Raises
    ------
    ValueError
        If ``data`` is something else, or ``params`` is not valid for these subjects.

    References
    ----------
    Williams, R. J., & Zipser, D. (1989). A learning algorithm for continually running fully recurrent
    neural networks. https://doi.org/10.1162/neco.1989.1.2.270 (carrying sensitivities forward).

    Examples
    --------
    >>> import jax
    >>> from rwlib import ChoiceData, log_likelihood
    >>> data = ChoiceData(choices=[[0, 0]], rewards=[[1.0, 0.0]], n_actions=2)
    >>> params = {"alpha_pos": 0.5, "alpha_neg": 0.5, "beta": 4.0}
    >>> log_likelihood(data, params).tolist()
    [-1.006]
    >>> slope = jax.grad(lambda params: log_likelihood(data, params).sum())(params)
    >>> float(slope["alpha_pos"]), float(slope["alpha_neg"])
    (0.538, 0.0)
    """
    check_is_choice_data(data)
    return log_likelihood_given(data, of_labelled(params, data.subjects), {}, agent)


def log_likelihood_given(
    data: ChoiceData, params: Mapping[str, ArrayLike], constants: Mapping[str, float], agent: Agent
) -> Float[Array, " n_subjects"]:
    """The same where some parameters are known, for everybody alike: the gradient by these is not carried."""
    full = _complete({**params, **constants}, data, agent)
    if agent != RESCORLA_WAGNER_AGENT:
        # Always in one line: a loop over many people takes a fraction of the time of many loops over few.
        return log_likelihood_in_line(
            partial(_scan_session, agent, data.n_actions), None, _played(data, full), full
        )
    # What was left out is a constant, too, and has no effect.
    given = tuple(
        p.name
        for p in agent.parameters
        if p.name in params or (p.neutral is None and p.name not in constants)
    )
    used = (*given, *constants)
    return one_pass_log_likelihood(Rows(given, used), data, full)


def _complete(params, data, agent):
    """All parameters of the agent, if it is one that can be scored on these data."""
    full = subject_parameters(params, data.n_subjects, agent)
    check_agent(agent, full, data.n_actions, data.design.before, data.design.after)
    return full


@partial(jax.jit, static_argnames="agent")
def _trialwise(data, params, agent=RESCORLA_WAGNER_AGENT):
    return _scored_trials(agent, data.n_actions, _played(data, params), params)


class Played(NamedTuple):
    """What happened on each trial, with (n_subjects, n_trials) in front."""

    trials: Trial
    choices: Array
    rewards: Array  # in the parameters' precision
    scored: Array


def _played(data, params):
    made = (
        jnp.asarray(data.choices),
        jnp.asarray(data.rewards, precision_of(params)),
        jnp.asarray(data.scored),
    )
    return Played(trials_of(data.design, data.mask), *made)


def _scored_trials(agent, n_actions, played, params):
    def respond(log_probs, made):
        choice, reward, counts = made
        return choice, reward, jnp.where(counts, log_probs[choice], 0.0)

    made = played.choices, played.rewards, played.scored
    return session(agent, params, n_actions, played.trials, made, respond)[1]


def _scan_session(agent, n_actions, with_gradient, played, params):
    """Any agent's log-likelihoods, and their gradient by autodiff of the loop."""

    def total(params):
        return _scored_trials(agent, n_actions, played, params).sum(axis=1, dtype=float)

    if not with_gradient:
        return total(params), {}
    value, pull_back = jax.vjp(total, params)
    return value, pull_back(jnp.ones_like(value))[0]
