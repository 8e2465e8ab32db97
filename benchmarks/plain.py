"""The log-likelihood and its gradient without rwlib: two scans with autodiff, and a loop in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np


def scan_log_likelihood(data, theta):
    """Summed over subjects: a scan over the trials of one subject, mapped over subjects.

    With the choice rule inside the scan this was the fastest of the plain ways we tried.
    """

    def subject(choices, rewards, alpha_pos, alpha_neg, beta):
        def trial(value, observed):
            choice, reward = observed
            chosen = jax.nn.one_hot(choice, data.n_actions)
            error = (reward - value) * chosen
            rate = jnp.where(error > 0, alpha_pos, alpha_neg)
            return value + rate * error, (jax.nn.log_softmax(beta * value) * chosen).sum()

        return jax.lax.scan(trial, jnp.full(data.n_actions, 0.5), (choices, rewards))[1].sum()

    choices, rewards = jnp.asarray(data.choices), jnp.asarray(data.rewards)
    return jax.vmap(subject)(choices, rewards, theta["alpha_pos"], theta["alpha_neg"], theta["beta"]).sum()


def tutorial_log_likelihood(data, theta):
    """Summed over subjects, as the reference tutorial does it: the scan keeps all values, and the choice rule
    follows for all trials."""
    chosen = jax.nn.one_hot(data.choices, data.n_actions)
    values = jax.vmap(tutorial_values)(
        chosen, jnp.asarray(data.rewards)[..., None], theta["alpha_pos"], theta["alpha_neg"]
    )
    return (jax.nn.log_softmax(theta["beta"][:, None, None] * values) * chosen).sum()


def tutorial_values(chosen, rewards, alpha_pos, alpha_neg):
    """The values of one subject before each trial, (n_trials, n_actions)."""

    def trial(value, inputs):
        reward, chosen = inputs
        error = (reward - value) * chosen
        rate = alpha_pos * (error > 0) + alpha_neg * (error < 0)
        return value + rate * error, value

    return jax.lax.scan(trial, jnp.full(chosen.shape[-1], 0.5), (rewards, chosen))[1]


def numpy_value_and_gradient(data, theta):
    """A loop over trials, all chains and subjects at once; the gradient by sensitivities carried along, by
    hand.

    Parameters have shape (n_chains, n_subjects). NumPy has no autodiff; finite differences would take four
    such loops.
    """
    alpha_pos, alpha_neg, beta = (
        np.asarray(theta[name], float) for name in ("alpha_pos", "alpha_neg", "beta")
    )
    all_choices, all_rewards = np.asarray(data.choices), np.asarray(data.rewards, float)
    value = np.full((*beta.shape, data.n_actions), 0.5)
    d_pos, d_neg = np.zeros_like(value), np.zeros_like(value)  # of the values, by each rate
    total, by_pos, by_neg, by_beta = (np.zeros(beta.shape) for _ in range(4))
    chains, subjects = np.indices(beta.shape)
    for t in range(all_choices.shape[1]):
        at = chains, subjects, all_choices[:, t]
        logits = beta[..., None] * value
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        probs = weights / weights.sum(axis=-1, keepdims=True)
        total += np.log(probs[at])
        by_beta += value[at] - (probs * value).sum(axis=-1)
        by_pos += beta * (d_pos[at] - (probs * d_pos).sum(axis=-1))
        by_neg += beta * (d_neg[at] - (probs * d_neg).sum(axis=-1))

        error = all_rewards[:, t] - value[at]
        better = error > 0
        rate = np.where(better, alpha_pos, alpha_neg)
        value[at] += rate * error
        d_pos[at] = (1 - rate) * d_pos[at] + np.where(better, error, 0.0)
        d_neg[at] = (1 - rate) * d_neg[at] + np.where(better, 0.0, error)
    return total.sum(axis=1), {"alpha_pos": by_pos, "alpha_neg": by_neg, "beta": by_beta}
