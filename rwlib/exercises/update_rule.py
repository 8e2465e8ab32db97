"""Chapter 1: values of what was not chosen fade."""

import jax.numpy as jnp
import numpy as np

from rwlib.exercises.answers import agree, call, checker, close, demand, number, numbers, pair
from rwlib.model.learning import asymmetric_rescorla_wagner_update

__all__ = ["check_forgetful_update"]

ALPHA_POS, ALPHA_NEG = 0.4, 0.1


@checker
def check_forgetful_update(forgetful_update):
    """Check ``forgetful_update(value, outcome_chosen, alpha_pos, alpha_neg, forget, q0=0.5)``.

    Parameters
    ----------
    forgetful_update : callable
        Returns ``(updated_value, (value, prediction_error))``, as the plain update does.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_forgetful_update
    >>> check_forgetful_update(lambda value, outcome_chosen, alpha_pos, alpha_neg, forget, q0=0.5: value)
    Not yet: what it returns is [0.9, 0.2, 0.7], and it should be a pair (updated_value, record).
    """
    value, chosen = jnp.array([0.9, 0.2, 0.7]), jnp.array([0, 1, 0])
    left = np.array([0, 2])

    def answer(outcome, forget, **q0):
        returned = call(forgetful_update, value, (outcome, chosen), ALPHA_POS, ALPHA_NEG, forget, **q0)
        updated, record = pair(returned, "what it returns", "updated_value, record")
        before, error = pair(record, "the record", "value, prediction_error")
        updated = numbers(updated, "the updated value", (3,))
        return (
            updated,
            numbers(before, "the record's value", (3,)),
            numbers(error, "the prediction error", (3,)),
        )

    updated, before, error = answer(1.0, 0.0)
    agree(before, value, "action", "the record's value is not the one before the outcome")
    for i in left:
        demand(
            close(error[i], 0),
            f"the prediction error is not zero for the action that was not chosen: action {i} has "
            f"{number(error[i])}",
        )
    for outcome, news in ((1.0, "a win"), (0.0, "a loss")):
        plain, record = asymmetric_rescorla_wagner_update(value, (outcome, chosen), ALPHA_POS, ALPHA_NEG)
        updated, _, error = answer(outcome, 0.0)
        agree(
            error,
            record.prediction_error,
            "action",
            f"the prediction error after {news} is not the plain update's",
        )
        agree(updated, plain, "action", f"with forget=0 it is not the plain update after {news}")

        updated, _, error = answer(outcome, 0.25)
        demand(
            close(updated[1], plain[1]),
            f"forgetting moves the chosen value as well: action 1 has {number(updated[1])} and should have "
            f"{number(plain[1])}, as without forgetting",
        )
        demand(
            close(error, record.prediction_error),
            "forgetting changes the prediction error; it is about the outcome, and stays as in the plain "
            "update",
        )
        demand(
            not close(updated[left], value[left]),
            "with forget=0.25 the values of what was not chosen stay where they were",
        )
        demand(
            not close(updated[left], 0.75 * value[left]),
            "what was not chosen moves towards 0, and it should move towards q0",
        )
        wanted = plain.at[left].add(0.25 * (0.5 - value[left]))
        agree(updated, wanted, "action", "with forget=0.25 a value should go a quarter of the way to q0=0.5")
    answer(jnp.array([jnp.nan, 1.0, jnp.nan]), 0.25)  # what was not chosen shows no outcome
    updated, _, _ = answer(1.0, 1.0)
    demand(close(updated[left], 0.5), "with forget=1 what was not chosen is not back at q0=0.5 at once")
    updated, _, _ = answer(1.0, 1.0, q0=0.1)
    demand(
        close(updated[left], 0.1),
        f"with forget=1 and q0=0.1 action 0 has {number(updated[0])}: q0 is an argument, use it",
    )
    return "what was chosen learns as in the plain update, and what was not fades towards q0"
