"""Chapter 15: two agents of your own."""

import numpy as np

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.exercises.answers import call, checker, demand, demand_given, in_words, numbers
from rwlib.model.agents import Agent
from rwlib.model.likelihood import trialwise_log_likelihood

__all__ = ["check_cue_agent", "check_pearce_hall"]

KAPPA, ETA, ALPHA, BETA = 0.5, 0.3, 0.4, 3.0
CHOICES = np.array([0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1])
REWARDS = np.array([1.0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0])
CUES = np.array([0, 1, 2, 3, 1, 0, 3, 2, 2, 0, 1, 3])


@checker
def check_pearce_hall(agent):
    """Check an agent with the parameters ``kappa``, ``eta`` and ``beta``.

    Parameters
    ----------
    agent : Agent
        Values start at 0.5 and associabilities at 1, and both of the chosen action move.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_pearce_hall
    >>> check_pearce_hall(None)
    Not yet: the agent is None: nothing is there yet.
    """
    data = ChoiceData(CHOICES[None], REWARDS[None], n_actions=2)
    mistakes = (
        (_pearce_hall(new_first=True), "the value moves with the associability from after the surprise"),
        (_pearce_hall(frozen=True), "the associability does not move"),
        (
            _pearce_hall(signed=True),
            "the associability follows the surprise with its sign, and not its size |δ|",
        ),
        (_pearce_hall(everybody=True), "the associability of the action that was not chosen moves as well"),
        (_pearce_hall(start=0.0), "the associability starts at 0, and it should start at 1"),
        (_pearce_hall(fixed=True), "the value moves by kappa times the surprise, without the associability"),
    )
    _compare(agent, data, {"kappa": KAPPA, "eta": ETA, "beta": BETA}, _pearce_hall(), mistakes)
    return "the agent learns as Pearce and Hall say"


@checker
def check_cue_agent(agent):
    """Check an agent with the parameters ``alpha`` and ``beta``, on trials with one of four cues.

    Parameters
    ----------
    agent : Agent
        Has a value for each cue and action, which starts at 0. The cue is in ``extra["cue"]``.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_cue_agent
    >>> check_cue_agent(None)
    Not yet: the agent is None: nothing is there yet.
    """
    data = ChoiceData(CHOICES[None], REWARDS[None], n_actions=2, design=Design(before={"cue": CUES}))
    mistakes = (
        (
            _cued(one_cue=True),
            "the cue makes no difference: an outcome should teach the values of its cue alone",
        ),
        (_cued(all_actions=True), "an outcome teaches both actions, and it should be the one taken"),
        (_cued(start=0.5), "values start at 0.5, and they should start at 0"),
    )
    _compare(agent, data, {"alpha": ALPHA, "beta": BETA}, _cued(), mistakes)
    return "the agent learns a value for each cue and action"


def _compare(agent, data, params, wanted, mistakes):
    demand_given(agent, "the agent")
    demand(isinstance(agent, Agent), f"the agent is {in_words(agent)}, and it should be an rwlib.Agent")
    scores = call(
        trialwise_log_likelihood, data, params, agent, words="rwlib.trialwise_log_likelihood of the agent"
    )
    got = np.exp(numbers(scores, "the log-likelihood by trial", (1, len(wanted)))[0])
    for wrong, sentence in mistakes:
        demand(not np.allclose(got, wrong, atol=1e-4), sentence)
    off = np.flatnonzero(~np.isclose(got, wanted, atol=1e-4))
    if off.size:
        trial = off[0]
        before = (
            ", ".join(f"{c} (paid {r:.0f})" for c, r in zip(CHOICES[:trial], REWARDS[:trial])) or "nothing"
        )
        demand(
            False,
            f"after {before} the next choice, {CHOICES[trial]}, has the probability {got[trial]:.3f}, and it "
            f"should be {wanted[trial]:.3f} with {in_words(params)}",
        )


def _pearce_hall(start=1.0, new_first=False, frozen=False, signed=False, everybody=False, fixed=False):
    """Probabilities of the choices, trial by trial, in NumPy; each option is a mistake."""
    value, associability, probabilities = np.full(2, 0.5), np.full(2, start), []
    for choice, reward in zip(CHOICES, REWARDS):
        probabilities.append(_softmax(BETA * value)[choice])
        surprise = reward - value
        moved = associability + ETA * ((surprise if signed else np.abs(surprise)) - associability)
        moved = moved if everybody else np.where(np.arange(2) == choice, moved, associability)
        moved = associability if frozen else moved
        used = np.ones(2) if fixed else moved if new_first else associability
        value[choice] += KAPPA * used[choice] * surprise[choice]
        associability = moved
    return np.array(probabilities)


def _cued(start=0.0, one_cue=False, all_actions=False):
    """As :func:`_pearce_hall`, for four cues."""
    value, probabilities = np.full((4, 2), start), []
    for cue, choice, reward in zip(np.zeros_like(CUES) if one_cue else CUES, CHOICES, REWARDS):
        probabilities.append(_softmax(BETA * value[cue])[choice])
        here = (np.arange(4) == cue)[:, None]
        taken = (np.arange(2) == choice)[None] | np.array(all_actions)
        value = value + ALPHA * (here & taken) * (reward - value)
    return np.array(probabilities)


def _softmax(logits):
    weight = np.exp(logits)
    return weight / weight.sum()
