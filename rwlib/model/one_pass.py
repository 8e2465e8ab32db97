"""The log-likelihood of the Rescorla-Wagner agent and its gradient, in one scan over trials."""

from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rwlib.data.choices import ChoiceData
from rwlib.model.agents import trials_of
from rwlib.model.choice import with_lapses
from rwlib.model.in_line import log_likelihood_in_line

__all__ = ["one_pass_log_likelihood"]

FEW = 32  # subjects, below which they are lined up with those of other chains or proposals
LANES = 8  # numbers on which a processor works at once: more subjects than FEW are filled up to a multiple


class Observed(NamedTuple):
    """What the scan reads, (n_subjects, n_trials), in the parameters' precision. ``None``: nothing of that
    kind."""

    choices: Array  # -1, which is no action, where nobody played
    rewards: Array
    offered: Array | None  # (n_subjects, n_trials, n_actions), 1 or 0
    new_run: Array | None
    feedback: Array | None
    scored: Array | None


#: What makes no difference, for people who are there only to fill up a processor.
HARMLESS = Observed(-1, 0, 1, 0, 1, 1)


class Rows(NamedTuple):
    """By which parameters there is to be a derivative, and which of those that may be left out have an
    effect."""

    given: tuple[str, ...]
    used: tuple[str, ...]


def one_pass_log_likelihood(
    rows: Rows, data: ChoiceData, params: dict[str, Float[Array, " n_subjects"]]
) -> Float[Array, " n_subjects"]:
    """The log-likelihood of each subject, with a gradient by the parameters in ``rows.given``; the others are
    constants.

    See :func:`rwlib.model.likelihood.log_likelihood`, which checks its arguments and calls this.
    """
    return log_likelihood_in_line(
        partial(_scan_lanes, rows, data.n_actions), FEW, _observed(data, params), params
    )


def _observed(data, params):
    trials, precision = trials_of(data.design, data.mask), params["beta"].dtype
    choices, rewards = jnp.where(data.mask, data.choices, -1), jnp.where(data.mask, data.rewards, 0.0)
    # A masked trial has a reward that is a number, and something on offer, whatever stands there.
    offered = None if trials.offered is None else trials.offered | ~trials.counts[..., None]
    scored = None if data.design.forced is None else data.scored
    observed = Observed(choices, rewards, offered, trials.new_run, trials.feedback, scored)
    return jax.tree.map(lambda x: jnp.asarray(x).astype(precision), observed)


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
# from Q₀ and 0, their derivatives from 0, but ∂Q/∂Q₀ from 1. A new run starts there again.
#
# Values of actions that were not chosen may be forgotten, Q_a ← Q_a + φ (Q₀ − Q_a), so that for them
#
#     ∂Q_a ← (1 − φ) ∂Q_a,  with Q₀ − Q_a added for the derivative by φ, and φ for that by Q₀.
#
# Without feedback the values and their derivatives stay; the trace moves. Of actions that were not on offer
# no exponential enters the sums.


def _scan_lanes(of_rows, n_actions, with_gradient, observed, params):
    """The log-likelihood of each subject, and its gradient or, if it is not asked for, an empty dictionary.

    All that is carried per action lies in one array, of shape (n_rows, n_actions, n_subjects): the values,
    their sensitivities, the choice trace and its own. Its rows are summed over actions together, so that a
    trial is two or three passes over memory; subjects are last, so that each is one run along them.
    What happens in one case only is multiplied by 1 or 0: XLA does not vectorise `jnp.where` on a CPU, and
    takes up to twice as long. A parameter that is not given is a constant: what only serves it is left out.
    """
    given, used = of_rows
    n_subjects = params["beta"].size
    missing = -n_subjects % LANES if n_subjects >= FEW else 0

    def trials_first(x, harmless):
        filled = jnp.pad(x, ((0, missing),) + ((0, 0),) * (x.ndim - 1), constant_values=harmless)
        return jnp.moveaxis(filled, 0, -1)

    observed = Observed(*(None if x is None else trials_first(x, y) for x, y in zip(observed, HARMLESS)))
    params = {name: jnp.pad(x, (0, missing)) for name, x in params.items()}

    beta, stickiness, lapse = params["beta"], params["stickiness"], params["lapse"]
    trace_rate = params["trace_rate"] if "trace_rate" in used else 1.0
    forgetting = params["forgetting"] if "forgetting" in used else None
    rows = ["value"]
    rows += [
        name for name in ("alpha_pos", "alpha_neg", "q0", "forgetting") if name in given and with_gradient
    ]  # ∂Q
    rows += ["choice_trace"] if "stickiness" in used or "trace_rate" in used else []
    rows += ["trace_rate"] if "trace_rate" in given and with_gradient else []  # ∂c
    one_row = jnp.eye(len(rows), dtype=beta.dtype)[:, :, None, None]
    action = jnp.arange(n_actions, dtype=beta.dtype)[:, None]

    def trial(carry, inputs):
        state, total, gradient = carry
        choice, reward, offered, new_run, feedback, scored = inputs
        if new_run is not None:
            state = state + new_run * (first - state)
        counts, chosen = (choice >= 0).astype(beta.dtype), (action == choice).astype(beta.dtype)

        # The choice: how probable it was, and how far each row at the chosen action exceeds its mean over
        # actions.
        trace = state[rows.index("choice_trace")] if "choice_trace" in rows else None
        logit = beta * state[0] if trace is None else beta * state[0] + stickiness * trace
        if offered is None:
            below_top = logit - reduce(jnp.maximum, logit)  # over actions
            weight = jnp.exp(below_top)
        else:
            top = reduce(jnp.maximum, jnp.where(offered > 0, logit, -jnp.inf))
            below_top = offered * (logit - top)  # 0 for the others, so that nothing overflows
            weight = offered * jnp.exp(below_top)
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
        if "lapse" in used:
            n_offered = n_actions if offered is None else offered.sum(axis=0)
            log_p_lapsed, softmax_ratio, uniform_ratio = with_lapses(log_p, lapse, n_offered)
            slope = {name: (1 - lapse) * softmax_ratio * x for name, x in slope.items()}
            slope["lapse"] = counts * (uniform_ratio - softmax_ratio)
            log_p = counts * log_p_lapsed
        if scored is not None:
            log_p, slope = scored * log_p, {name: scored * x for name, x in slope.items()}
        gradient = {name: gradient[name] + slope[name] for name in gradient}

        # The update. A row keeps a share of what it was, and something is added for the chosen action.
        error = reward - of_chosen[0]
        better = (error > 0).astype(beta.dtype)
        worse = 1 - better
        rate = better * params["alpha_pos"] + worse * params["alpha_neg"]
        added = {"value": rate * reward, "alpha_pos": better * error, "alpha_neg": worse * error}
        of_trace_added = {"choice_trace": trace_rate, "trace_rate": 1.0}
        is_row = dict(zip(rows, one_row))  # here, or XLA carries each as an array, more slowly
        teaches = chosen if feedback is None else feedback * chosen
        kept = 1 - teaches * rate
        if forgetting is not None:
            fades = counts - chosen if feedback is None else feedback * (counts - chosen)
            kept = kept - fades * forgetting
        if trace is not None:
            of_trace = sum(is_row[name] for name in ("choice_trace", "trace_rate") if name in rows)
            kept = (1 - of_trace) * kept + of_trace * (1 - counts * trace_rate)
        new = kept * state + teaches * sum(is_row[name] * added[name] for name in rows if name in added)
        if trace is not None:
            new += chosen * sum(is_row[name] * x for name, x in of_trace_added.items() if name in rows)
        if forgetting is not None:
            of_faded = {
                "value": forgetting * params["q0"],
                "q0": forgetting,
                "forgetting": params["q0"] - state[0],
            }
            new += fades * sum(is_row[name] * x for name, x in of_faded.items() if name in rows)
        if "trace_rate" in rows:
            new -= is_row["trace_rate"] * counts * trace
        return (new, total + log_p, gradient), None

    start = {"value": params["q0"], "q0": 1.0}
    # A sum of several arrays has second derivatives in JAX only if each of them has a first: hence the zero
    # that depends on all.
    nothing = sum(0.0 * params[name] for name in given)
    first = jnp.stack(
        [jnp.broadcast_to(start.get(name, 0.0) + nothing, (n_actions, beta.size)) for name in rows]
    )
    sloping = [*rows, *(["lapse"] if "lapse" in given else [])] if with_gradient else []
    gradient = {name: jnp.zeros_like(beta) for name in sloping}
    # The sum of many trials is kept in the widest float that JAX has switched on.
    carry = first, jnp.zeros(beta.shape), gradient
    (_, total, slopes), _ = jax.lax.scan(trial, carry, observed)
    by_parameter = {"beta": "value", "stickiness": "choice_trace"}
    gradient = {name: slopes[by_parameter.get(name, name)] for name in given} if with_gradient else {}
    factor = dict.fromkeys(("alpha_pos", "alpha_neg", "q0", "forgetting"), beta) | {"trace_rate": stickiness}
    gradient = {name: factor[name] * x if name in factor else x for name, x in gradient.items()}
    return jax.tree.map(lambda x: x[:n_subjects], (total, gradient))


def _sum_over_actions(*arrays):
    """Sum each array of shape (n_actions, n_subjects) over actions, all in one pass over memory."""
    return jax.lax.reduce(
        arrays, (jnp.zeros((), arrays[0].dtype),) * len(arrays), lambda a, b: tuple(map(jnp.add, a, b)), (0,)
    )
