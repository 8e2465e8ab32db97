"""How probable the observed choices are, given parameters, and in which direction that grows."""

from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.choice import choice_log_probabilities
from rwlib.data import ChoiceData
from rwlib.learning import asymmetric_rescorla_wagner_update
from rwlib.parameters import subject_parameters

__all__ = ["log_likelihood", "trialwise_log_likelihood"]


def trialwise_log_likelihood(data: ChoiceData, params: Mapping[str, ArrayLike]) -> Float[Array, "n_subjects n_trials"]:
    r"""Log-probability of each observed choice, given the choices and rewards before it.

    .. math:: \log p(c_t \mid c_{1:t-1}, r_{1:t-1}, \theta)

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,)
        See :func:`rwlib.parameters.subject_parameters`.

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
    return _trialwise(data, subject_parameters(params, data.n_subjects))


def log_likelihood(data: ChoiceData, params: Mapping[str, ArrayLike]) -> Float[Array, " n_subjects"]:
    r"""Log-likelihood of each subject's choices, with a gradient that costs one pass over the trials.

    The sum over trials of :func:`trialwise_log_likelihood`. Each subject's values depend on a handful
    of that subject's parameters, so their sensitivities (∂Q/∂α⁺, ∂Q/∂α⁻, ∂Q/∂Q₀) are carried forward
    beside the values and the derivative is complete after one scan: nothing is stored per trial, and
    nothing runs backwards. ``jax.grad``, ``jax.jvp`` and second derivatives all work.

    Parameters
    ----------
    data : ChoiceData
    params : dict of arrays, shape (n_subjects,)
        See :func:`rwlib.parameters.subject_parameters`.

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
    full = subject_parameters(params, data.n_subjects)
    # What was left out is a constant: its derivative need not be carried.
    given = tuple(name for name in full if name in params or name == "beta")
    return _log_likelihood(given, data, full)


@jax.jit
@jax.vmap
def _trialwise_subject(choices, rewards, mask, actions, params):
    def trial(carry, inputs):
        value, previous_choice = carry
        choice, reward, counts = inputs
        chosen = (actions == choice) & counts
        log_probs = choice_log_probabilities(value, previous_choice, params["beta"], params["stickiness"], params["lapse"])
        value, _ = asymmetric_rescorla_wagner_update(value, (reward, chosen), params["alpha_pos"], params["alpha_neg"])
        # Nothing happened on a masked trial, so the last choice stays the last choice.
        return (value, jnp.where(counts, chosen, previous_choice)), jnp.where(counts, log_probs[choice], 0.0)

    start = (jnp.broadcast_to(params["q0"], actions.shape), jnp.zeros(actions.shape, bool))
    return jax.lax.scan(trial, start, (choices, rewards, mask))[1]


def _trialwise(data, params):
    actions = jnp.broadcast_to(jnp.arange(data.n_actions), (data.n_subjects, data.n_actions))
    return _trialwise_subject(jnp.asarray(data.choices), jnp.asarray(data.rewards), jnp.asarray(data.mask), actions, params)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _log_likelihood(given, data, params):
    return _trialwise(data, params).sum(axis=1)


@_log_likelihood.defjvp
def _log_likelihood_jvp(given, primals, tangents):
    # A forward rule serves both modes: JAX transposes its last line, which is linear, for `grad`.
    data, params = primals
    total, gradient = _value_and_gradient(given, data, params)
    return total, sum(gradient[name] * tangents[1][name] for name in gradient)


def _value_and_gradient(given, data, params):
    """Log-likelihood and its derivative by each parameter in ``given``, in one scan over trials.

    Subjects are in the last axis, so that every operation runs along them, and arrays of shape
    (n_actions, n_subjects) stay separate: packing them into one costs more in copies than it saves.
    """
    alpha_pos, alpha_neg, beta = params["alpha_pos"], params["alpha_neg"], params["beta"]
    sticky, lapsing = "stickiness" in given, "lapse" in given
    moves_value = [name for name in ("alpha_pos", "alpha_neg", "q0") if name in given]  # parameters that values depend on
    actions = jnp.arange(data.n_actions)[:, None]

    def trial(carry, inputs):
        value, sensitivity, previous_choice, total, gradient = carry
        choice, reward, counts = inputs
        chosen = (actions == choice) & counts

        def of_chosen(x):
            return jnp.where(chosen, x, 0.0).sum(0)

        # The choice: p over actions, and how far each quantity at the chosen action exceeds its mean under p.
        logit = beta * value + (params["stickiness"] * previous_choice if sticky else 0.0)
        top = logit.max(0)
        weight = jnp.exp(logit - top)
        weight_sum = weight.sum(0)
        log_p = of_chosen(logit) - jnp.where(counts, top + jnp.log(weight_sum), 0.0)

        def excess(x):
            return of_chosen(x) - jnp.where(counts, (weight * x).sum(0) / weight_sum, 0.0)

        slope = {name: beta * excess(sensitivity[name]) for name in moves_value}
        slope["beta"] = excess(value)
        if sticky:
            slope["stickiness"] = excess(previous_choice)
        if lapsing:
            # log((1 − ξ) p + ξ / n): the softmax keeps only its share of every slope above.
            lapse, n_actions = params["lapse"], data.n_actions
            p_lapsed = (1 - lapse) * jnp.exp(log_p) + lapse / n_actions
            share = (1 - lapse) * jnp.exp(log_p) / p_lapsed
            slope = {name: share * value for name, value in slope.items()}
            slope["lapse"] = jnp.where(counts, (1 / n_actions - jnp.exp(log_p)) / p_lapsed, 0.0)
            log_p = jnp.where(counts, jnp.log(p_lapsed), 0.0)
        total = total + log_p
        gradient = {name: gradient[name] + slope[name] for name in gradient}

        # The update: Q ← Q + αδ, so ∂Q ← (1 − α) ∂Q, plus δ for the rate that was used.
        error = jnp.where(counts, reward - of_chosen(value), 0.0)
        better = error > 0
        rate = jnp.where(better, alpha_pos, alpha_neg)
        direct = {"alpha_pos": jnp.where(better, error, 0.0), "alpha_neg": jnp.where(better, 0.0, error), "q0": 0.0}
        sensitivity = {
            name: jnp.where(chosen, (1 - rate) * sensitivity[name] + direct[name], sensitivity[name]) for name in moves_value
        }
        value = jnp.where(chosen, value + rate * error, value)
        if sticky:
            previous_choice = jnp.where(counts, chosen, previous_choice > 0).astype(value.dtype)
        return (value, sensitivity, previous_choice, total, gradient), None

    value = jnp.broadcast_to(params["q0"], (data.n_actions, data.n_subjects))
    nothing, per_subject = jnp.zeros_like(value), jnp.zeros_like(beta)
    sensitivity = {name: jnp.ones_like(value) if name == "q0" else nothing for name in moves_value}
    start = (value, sensitivity, nothing if sticky else 0.0, per_subject, {name: per_subject for name in given})
    by_trial = (jnp.asarray(data.choices).T, jnp.asarray(data.rewards).T, jnp.asarray(data.mask).T)
    (_, _, _, total, gradient), _ = jax.lax.scan(trial, start, by_trial)
    return total, gradient
