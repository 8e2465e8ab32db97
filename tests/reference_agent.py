"""The model once more, as plain loops over NumPy numbers: slow, obvious, and independent of rwlib."""

import numpy as np


def softmax(logits):
    weights = np.exp(np.asarray(logits, np.longdouble) - np.max(logits))
    return (weights / weights.sum()).astype(float)


def update(value, outcome, chosen, alpha_pos, alpha_neg):
    value, errors = list(value), [0.0] * len(value)
    for action in range(len(value)):
        if chosen[action]:
            errors[action] = outcome[action] - value[action]
            rate = alpha_pos if errors[action] > 0 else alpha_neg
            value[action] = value[action] + rate * errors[action]
    return value, errors


def trace_after(trace, choice, trace_rate):
    """The fading record of choices after one more: what it was fades, and the chosen action gains."""
    return [(1 - trace_rate) * trace[a] + (trace_rate if a == choice else 0.0) for a in range(len(trace))]


def choice_probabilities(value, trace, beta, stickiness=0.0, lapse=0.0):
    n_actions = len(value)
    logits = [beta * value[a] + stickiness * trace[a] for a in range(n_actions)]
    return (1 - lapse) * softmax(logits) + lapse / n_actions


def trialwise_log_likelihood(
    choices, rewards, mask, n_actions, alpha_pos, alpha_neg, beta, stickiness=0.0, trace_rate=1.0, lapse=0.0,
    q0=0.5,
):  # fmt: skip
    """Of one subject."""
    value, trace, logs = [q0] * n_actions, [0.0] * n_actions, []
    for choice, reward, counts in zip(choices, rewards, mask):
        if not counts:
            logs.append(0.0)
            continue
        logs.append(np.log(choice_probabilities(value, trace, beta, stickiness, lapse)[choice]))
        chosen = [action == choice for action in range(n_actions)]
        value, _ = update(value, [reward] * n_actions, chosen, alpha_pos, alpha_neg)
        trace = trace_after(trace, choice, trace_rate)
    return np.array(logs)
