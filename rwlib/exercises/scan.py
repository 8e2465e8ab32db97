"""Chapter 3: a carry that remembers the last choice."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from rwlib.exercises.answers import agree, call, checker, close, demand, numbers, pair
from rwlib.model.learning import asymmetric_rescorla_wagner_update

__all__ = ["check_sticky_step"]

ALPHA_POS, ALPHA_NEG, BETA, STICKINESS = 0.4, 0.2, 5.0, 0.8


@checker
def check_sticky_step(sticky_step):
    """Check ``sticky_step(carry, outcome_chosen, beta, stickiness)``, which learns at the rates 0.4 and 0.2.

    Parameters
    ----------
    sticky_step : callable
        From the carry ``(value, previous_choice)`` to ``(new_carry, logits)``.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_sticky_step
    >>> check_sticky_step(lambda carry, outcome_chosen, beta, stickiness: (carry, beta * carry[0]))
    Not yet: the output for the previous choice 2 has no stickiness: action 2 has 3.5 and should have 4.3.
    """
    value, nothing = jnp.array([0.9, 0.2, 0.7]), jnp.zeros(3)
    previous, chosen = jnp.array([0.0, 0.0, 1.0]), jnp.array([0.0, 1.0, 0.0])

    def answer(value, previous, outcome):
        given = (value, previous), (jnp.full(3, outcome), chosen)
        returned = call(sticky_step, *given, BETA, STICKINESS)
        carry, logits = pair(returned, "what it returns", "new carry, output")
        updated, remembered = pair(carry, "the new carry", "value, previous_choice")
        return (
            numbers(updated, "the value in the new carry", (3,)),
            numbers(remembered, "the previous choice in the new carry", (3,)),
            numbers(logits, "the output", (3,)),
        )

    after, _ = asymmetric_rescorla_wagner_update(value, (1.0, chosen), ALPHA_POS, ALPHA_NEG)
    _, _, logits = answer(value, nothing, 1.0)
    plain = BETA * value
    demand(
        not close(logits, BETA * after) and not close(logits, BETA * after + STICKINESS * chosen),
        "the output uses the values after the outcome; a choice is made from those before it",
    )
    demand(
        not close(logits, plain + STICKINESS * chosen),
        "the output adds stickiness to the action of this trial; it belongs to the one chosen before, in the "
        "carry",
    )
    agree(logits, plain, "action", "where nothing was chosen before, the output should be beta * value")

    updated, remembered, logits = answer(value, previous, 1.0)
    demand(
        not close(logits, BETA * (value + STICKINESS * previous)),
        "beta multiplies the stickiness as well; the output is beta * value + stickiness * previous_choice",
    )
    wanted = plain + STICKINESS * previous
    without = "has no stickiness" if close(logits, plain) else "is off"
    agree(logits, wanted, "action", f"the output for the previous choice 2 {without}")

    demand(not close(updated, value), "the new carry still holds the old value: nothing is learned")
    agree(updated, after, "action", "the value in the new carry is not that of the plain step after a win")
    updated, _, _ = answer(value, previous, 0.0)
    after, _ = asymmetric_rescorla_wagner_update(value, (0.0, chosen), ALPHA_POS, ALPHA_NEG)
    agree(updated, after, "action", "the value in the new carry is not that of the plain step after a loss")
    demand(
        not close(remembered, previous),
        "the new carry still holds the choice from before: it should hold the action of this trial",
    )
    agree(
        remembered,
        chosen,
        "action",
        "the previous choice in the new carry should be that of this trial alone",
    )

    rng = np.random.default_rng(0)
    outcomes = rng.integers(0, 2, size=(8, 3)).astype(float)
    chosen = np.eye(3)[rng.integers(3, size=8)]
    inputs = jnp.array(outcomes), jnp.array(chosen)
    scan = partial(jax.lax.scan, partial(sticky_step, beta=BETA, stickiness=STICKINESS))
    _, by_scan = call(
        scan, (jnp.full(3, 0.5), nothing), inputs, words="jax.lax.scan of your step over 8 trials"
    )
    value, previous, by_loop = np.full(3, 0.5), np.zeros(3), []
    for outcome, was_chosen in zip(outcomes, chosen):
        by_loop.append(BETA * value + STICKINESS * previous)
        error = np.where(was_chosen, outcome - value, 0.0)
        value, previous = value + np.where(error > 0, ALPHA_POS, ALPHA_NEG) * error, was_chosen
    by_scan, by_loop = numbers(by_scan, "the stacked output of the scan", (8, 3)), np.array(by_loop)
    agree(by_scan, by_loop, "trial and action", "a scan of your step and a loop differ")
    return "the scan of your step and a loop over trials agree"
