"""How probable the observed choices are, given parameters, and in which direction that grows."""

from collections.abc import Mapping
from functools import partial, reduce

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.model.agents import RESCORLA_WAGNER_AGENT, Agent, first_state, next_state, precision_of
from rwlib.model.choice import with_lapses
from rwlib.data.choices import ChoiceData
from rwlib.model.parameters import RANGES, subject_parameters

__all__ = ["log_likelihood", "trialwise_log_likelihood"]

FEW = 32  # subjects, below which they are lined up with those of other chains or proposals
LANES = 8  # numbers on which a processor works at once: more subjects than FEW are filled up to a multiple


def trialwise_log_likelihood(
    data: ChoiceData, params: Mapping[str, ArrayLike], agent: Agent = RESCORLA_WAGNER_AGENT
) -> Float[Array, "n_subjects n_trials"]:
    r"""Log-probability of each observed choice, given the choices and rewards before it.

    .. math:: \log p(c_t \mid c_{1:t-1}, r_{1:t-1}, \theta)

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,)
        See :func:`rwlib.model.parameters.subject_parameters`.
    agent : Agent, default RESCORLA_WAGNER_AGENT

    Returns
    -------
    log_likelihood : array, shape (n_subjects, n_trials)
        In nats, at most 0; exactly 0 where ``data.mask`` is False.

    Raises
    ------
    ValueError
        If ``params`` is not valid for this number of subjects.

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
    return _trialwise(data, subject_parameters(params, data.n_subjects, agent.parameters), agent)


def log_likelihood(
    data: ChoiceData, params: Mapping[str, ArrayLike], agent: Agent = RESCORLA_WAGNER_AGENT
) -> Float[Array, " n_subjects"]:
    r"""Log-likelihood of each subject's choices, with a gradient that costs one pass over the trials.

    The sum over trials of :func:`trialwise_log_likelihood`. Each subject's values depend on a handful
    of that subject's parameters, so their sensitivities (∂Q/∂α⁺, ∂Q/∂α⁻, ∂Q/∂Q₀, and that of the choice
    trace by its rate) are carried forward beside the values and the derivative is complete after one scan:
    nothing is stored per trial, and nothing runs backwards. Without a derivative, only values and trace are
    carried. ``jax.grad``, ``jax.jvp`` and second derivatives all work. Beside the data, the gradient works in
    a few copies of what is carried, at most 6 n_actions + 8 numbers for each subject, however many trials
    there are.

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,)
        See :func:`rwlib.model.parameters.subject_parameters`.
    agent : Agent, default RESCORLA_WAGNER_AGENT

    Returns
    -------
    log_likelihood : array, shape (n_subjects,)
        In nats, at most 0.

    Raises
    ------
    ValueError
        If ``params`` is not valid for this number of subjects.

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
    full = subject_parameters(params, data.n_subjects, agent.parameters)
    if agent != RESCORLA_WAGNER_AGENT:
        return _trialwise(data, full, agent).sum(axis=1, dtype=float)
    # What was left out is a constant: its derivative need not be carried.
    given = tuple(name for name in full if name in params or RANGES[name].neutral is None)
    return _log_likelihood(given, data, full)


@partial(jax.jit, static_argnames="agent")
def _trialwise(data, params, agent=RESCORLA_WAGNER_AGENT):
    # Every subject has a list of actions of its own: with one for all, some processors' code crashes LLVM (JAX 0.10).
    actions = jnp.broadcast_to(jnp.arange(data.n_actions), (data.n_subjects, data.n_actions))

    precision = precision_of(params)

    def subject(choices, rewards, mask, actions, params):
        def trial(state, inputs):
            choice, reward, counts = inputs
            log_probs = agent.log_probabilities(state, params)
            state = next_state(agent, state, (actions == choice).astype(precision), reward, counts, params)
            return state, jnp.where(counts, log_probs[choice], 0.0)

        return jax.lax.scan(trial, first_state(agent, params, data.n_actions), (choices, rewards, mask))[1]

    rewards = jnp.asarray(data.rewards, precision)
    return jax.vmap(subject)(jnp.asarray(data.choices), rewards, jnp.asarray(data.mask), actions, params)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_likelihood(given, data, params):
    scan = partial(_scan_lanes, given, data.n_actions, False)
    return _line_up_few(scan, _observed(data, params), params)[0]


@_log_likelihood.defjvp
def _log_likelihood_jvp(given, primals, tangents):
    # A forward rule serves both modes: JAX transposes its last line, which is linear, for `grad`.
    data, params = primals
    total, gradient = _value_and_gradient(given, data.n_actions, _observed(data, params), params)
    return total, sum(gradient[name] * tangents[1][name] for name in gradient).astype(total.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _value_and_gradient(given, n_actions, observed, params):
    """Log-likelihood and its derivative by each parameter in ``given``, in one scan over trials."""
    return _line_up_few(partial(_scan_lanes, given, n_actions, True), observed, params)


@_value_and_gradient.defjvp
def _value_and_gradient_jvp(given, n_actions, primals, tangents):
    # JAX cannot differentiate what has a `vmap` of its own.
    return jax.jvp(partial(_scan_lanes, given, n_actions, True), primals, tangents)


def _observed(data, params):
    """Choices and rewards as the scan takes them, (n_subjects, n_trials), in the parameters' precision.

    A masked trial has choice −1, which is no action, and a reward that is a number whatever stands there.
    """
    choices, rewards = jnp.where(data.mask, data.choices, -1), jnp.where(data.mask, data.rewards, 0.0)
    return tuple(x.astype(params["beta"].dtype) for x in (choices, rewards))


def _line_up_few(scan, observed, params):
    """``scan(observed, params)``, with a ``vmap`` that fills the processor.

    A processor works on 8 or 16 numbers that lie side by side. Where there are too few subjects to fill it,
    `vmap` lines up the subjects of all chains, proposals or data sets, as if they were one large data set.
    Every array of the arguments and of the result has subjects first.
    """
    if params["beta"].size >= FEW:
        return scan(observed, params)
    few_subjects = jax.custom_batching.custom_vmap(scan)

    @few_subjects.def_vmap
    def line_up(axis_size, is_batched, *arguments):
        def beside(x, batched):
            every = x if batched else jnp.broadcast_to(x, (axis_size, *x.shape))
            return every.reshape(-1, *every.shape[2:])

        result = _line_up_few(scan, *jax.tree.map(beside, arguments, tuple(is_batched)))
        return jax.tree.map(lambda x: x.reshape(axis_size, -1), result), jax.tree.map(lambda _: True, result)

    return few_subjects(observed, params)


# How the gradient is carried forward. On a trial with reward r for the chosen action k, and δ = r − Q_k, the
# agent's rules are
#
#     log p = ℓ_k − log Σ_a exp ℓ_a,   ℓ = β Q + κ c;      Q_k ← Q_k + α δ,   c ← c + ρ (e_k − c),
#
# where α is α⁺ or α⁻ by the sign of δ, c the choice trace, ρ its rate, and e_k is 1 for k and 0 elsewhere.
# With p_a for the softmax, each parameter changes log p by ∂ℓ_k − Σ_a p_a ∂ℓ_a: how far ∂ℓ at k exceeds its
# mean. And
#
#     by β:  ∂ℓ = Q        by κ:  ∂ℓ = c        by α⁺, α⁻ and Q₀:  ∂ℓ = β ∂Q        by ρ:  ∂ℓ = κ ∂c.
#
# What is left are ∂Q and ∂c, whose rules follow from those of Q and c by the product rule:
#
#     ∂Q_k ← (1 − α) ∂Q_k + δ ∂α,  where ∂α is 1 for the rate that was used;     ∂c ← (1 − ρ) ∂c + (e_k − c).
#
# Q and c obey the same rules with other last terms, α r and ρ e_k, so all are rows of one array. They start
# from Q₀ and 0, their derivatives from 0, but ∂Q/∂Q₀ from 1.


def _scan_lanes(given, n_actions, with_gradient, observed, params):
    """The log-likelihood of each subject, and its gradient or, if it is not asked for, an empty dictionary.

    All that is carried per action lies in one array, of shape (n_rows, n_actions, n_subjects): the values, their
    sensitivities, the choice trace and its own. Its rows are summed over actions together, so that a trial
    is two or three passes over memory; subjects are last, so that each is one run along them.
    What happens in one case only is multiplied by 1 or 0: XLA does not vectorise `jnp.where` on a CPU, and
    takes up to twice as long. A parameter that is not given is a constant: what only serves it is left out.
    """
    n_subjects = params["beta"].size
    missing = -n_subjects % LANES if n_subjects >= FEW else 0
    choices, rewards = (x.T for x in observed)
    width = (0, 0), (0, missing)
    observed = jnp.pad(choices, width, constant_values=-1), jnp.pad(rewards, width)
    params = {name: jnp.pad(x, (0, missing)) for name, x in params.items()}

    beta, stickiness, lapse = params["beta"], params["stickiness"], params["lapse"]
    trace_rate = params["trace_rate"] if "trace_rate" in given else 1.0
    rows = ["value"]
    rows += [name for name in ("alpha_pos", "alpha_neg", "q0") if name in given and with_gradient]  # ∂Q
    rows += ["choice_trace"] if "stickiness" in given or "trace_rate" in given else []
    rows += ["trace_rate"] if "trace_rate" in given and with_gradient else []  # ∂c
    one_row = jnp.eye(len(rows), dtype=beta.dtype)[:, :, None, None]
    action = jnp.arange(n_actions, dtype=beta.dtype)[:, None]

    def trial(carry, inputs):
        state, total, gradient = carry
        choice, reward = inputs
        counts, chosen = (choice >= 0).astype(beta.dtype), (action == choice).astype(beta.dtype)

        # The choice: how probable it was, and how far each row at the chosen action exceeds its mean over actions.
        trace = state[rows.index("choice_trace")] if "choice_trace" in rows else None
        logit = beta * state[0] if trace is None else beta * state[0] + stickiness * trace
        below_top = logit - reduce(jnp.maximum, logit)  # over actions
        weight = jnp.exp(below_top)
        averaged = list(state) if with_gradient else []
        weight_sum, of_chosen_below_top, *sums = _sum_over_actions(
            weight,
            chosen * below_top,
            *(weight * x for x in averaged),
            *(chosen * x for x in averaged or [state[0]]),
        )
        mean, of_chosen = sums[: len(averaged)], sums[len(averaged) :]
        log_p = of_chosen_below_top - counts * jnp.log(weight_sum)
        slope = {name: x - counts * m / weight_sum for name, x, m in zip(rows, of_chosen, mean)}
        if "lapse" in given:
            log_p_lapsed, softmax_ratio, uniform_ratio = with_lapses(log_p, lapse, n_actions)
            slope = {name: (1 - lapse) * softmax_ratio * x for name, x in slope.items()}
            slope["lapse"] = counts * (uniform_ratio - softmax_ratio)
            log_p = counts * log_p_lapsed
        gradient = {name: gradient[name] + slope[name] for name in gradient}

        # The update. A row keeps a share of what it was, and something is added for the chosen action.
        error = reward - of_chosen[0]
        better = (error > 0).astype(beta.dtype)
        worse = 1 - better
        rate = better * params["alpha_pos"] + worse * params["alpha_neg"]
        added = {"value": rate * reward, "alpha_pos": better * error, "alpha_neg": worse * error}
        added |= {"choice_trace": trace_rate, "trace_rate": 1.0}
        is_row = dict(zip(rows, one_row))  # here, or XLA carries each as an array, more slowly
        kept = 1 - chosen * rate
        if trace is not None:
            of_trace = sum(is_row[name] for name in ("choice_trace", "trace_rate") if name in rows)
            kept = (1 - of_trace) * kept + of_trace * (1 - counts * trace_rate)
        new = kept * state + chosen * sum(is_row[name] * added[name] for name in rows if name in added)
        if "trace_rate" in rows:
            new -= is_row["trace_rate"] * counts * trace
        return (new, total + log_p, gradient), None

    start = {"value": params["q0"], "q0": 1.0}
    # A sum of several arrays has second derivatives in JAX only if each of them has a first: hence the zero
    # that depends on all.
    nothing = sum(0.0 * params[name] for name in given)
    state = [jnp.broadcast_to(start.get(name, 0.0) + nothing, (n_actions, beta.size)) for name in rows]
    sloping = [*rows, *(["lapse"] if "lapse" in given else [])] if with_gradient else []
    gradient = {name: jnp.zeros_like(beta) for name in sloping}
    # The sum of many trials is kept in the widest float that JAX has switched on.
    carry = jnp.stack(state), jnp.zeros(beta.shape), gradient
    (_, total, slopes), _ = jax.lax.scan(trial, carry, observed)
    by_parameter = {"beta": "value", "stickiness": "choice_trace"}
    gradient = {name: slopes[by_parameter.get(name, name)] for name in given} if with_gradient else {}
    factor = dict.fromkeys(("alpha_pos", "alpha_neg", "q0"), beta) | {"trace_rate": stickiness}
    gradient = {name: factor[name] * x if name in factor else x for name, x in gradient.items()}
    return jax.tree.map(lambda x: x[:n_subjects], (total, gradient))


def _sum_over_actions(*arrays):
    """Sum each array of shape (n_actions, n_subjects) over actions, all in one pass over memory."""
    return jax.lax.reduce(arrays, (jnp.zeros((), arrays[0].dtype),) * len(arrays), lambda a, b: tuple(map(jnp.add, a, b)), (0,))
