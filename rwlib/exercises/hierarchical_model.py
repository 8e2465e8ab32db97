"""Chapter 7: a model with one parameter more."""

import numpy as np

from rwlib.exercises.answers import call, checker, demand, demand_given, in_words, numbers
from rwlib.fitting.models import ASYMMETRIC, GroupParameter, Model

__all__ = ["check_share_repeated", "check_sticky_model"]

WANTED = GroupParameter("stickiness", "identity", 0.0, 1.0, 1.0)


@checker
def check_sticky_model(model):
    """Check a model: the course's, with a stickiness.

    Parameters
    ----------
    model : Model

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.exercises import check_sticky_model
    >>> check_sticky_model(rwlib.ASYMMETRIC)
    Not yet: the model has the parameters alpha_pos, alpha_neg, beta, and none is called stickiness.
    """
    demand_given(model, "the model")
    demand(
        isinstance(model, Model),
        f"the model is {in_words(model)}, and it should be rwlib.Model(name, parameters)",
    )
    wrong = [each for each in model.parameters if not isinstance(each, GroupParameter)]
    demand(
        not wrong,
        f"one of the parameters is {in_words(wrong[0]) if wrong else ''}, and each should be an "
        "rwlib.GroupParameter: put a star before a tuple to add its parts, as in (*some, another)",
    )
    names = [each.name for each in model.parameters]
    demand(
        "stickiness" in names,
        f"the model has the parameters {', '.join(names)}, and none is called stickiness",
    )
    for each in ASYMMETRIC.parameters:
        demand(each.name in names, f"{each.name} of the course's model is missing: add to its parameters")
        demand(
            model.parameters[names.index(each.name)] == each,
            f"{each.name} has another prior than in the course's model: take its parameters as they are",
        )
    demand(
        len(names) == 4, f"the model has {len(names)} parameters, and it should have 4: {', '.join(names)}"
    )
    got = model.parameters[names.index("stickiness")]
    demand(
        got.transform == "identity",
        f"stickiness goes through {got.transform!r}, and people who avoid their last choice have a negative "
        "one: take 'identity'",
    )
    for name in ("mean_location", "mean_scale", "sd_scale"):
        demand(
            getattr(got, name) == getattr(WANTED, name),
            f"the {name} of stickiness is {getattr(got, name)}, and it should be {getattr(WANTED, name)}",
        )
    demand(
        model.agent == ASYMMETRIC.agent,
        "the agent is another one; the course's agent knows stickiness already",
    )
    demand(
        model.name != ASYMMETRIC.name, f"the model is still called {model.name!r}: give it a name of its own"
    )
    return "the course's three parameters, and a stickiness that may have either sign"


@checker
def check_share_repeated(share_repeated):
    """Check ``share_repeated(choices)``.

    Parameters
    ----------
    share_repeated : callable
        From choices (n_subjects, n_trials), for each person, the share of trials after the first on which the
        choice was the one before.

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_share_repeated
    >>> check_share_repeated(lambda choices: (choices[:, 1:] == choices[:, :-1]).mean())
    Not yet: what it returns has the shape (), and it should be (4,).
    """
    choices = np.array([[2, 2, 2, 2, 2], [0, 1, 0, 1, 0], [0, 0, 1, 1, 3], [1, 0, 0, 0, 1]])
    repeated = np.array([4, 0, 2, 2])
    got = numbers(call(share_repeated, choices), "what it returns", (4,))
    for wrong, sentence in (
        (repeated, "these are counts; divide by the number of trials after the first"),
        (repeated / 5, "the first of five trials repeats nothing: divide by 4, not by 5"),
        (1 - repeated / 4, "these are the shares of changes; count where a choice equals the one before"),
        (np.array([5, 1, 2, 3]) / 5, "the first trial is compared with the last one, as np.roll does"),
    ):
        demand(not np.allclose(got, wrong), f"someone who always takes arm 2 has {got[0]:.2f}: {sentence}")
    for row, share, wanted in zip(choices, got, repeated / 4):
        demand(
            np.isclose(share, wanted),
            f"the choices {in_words(row)} have a share of {share:.2f}, and it should be {wanted:.2f}",
        )
    return "of each person, how often the last choice is repeated"
