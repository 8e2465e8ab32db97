"""Chapter 11: a summary of behaviour."""

import numpy as np

from rwlib.exercises.answers import call, checker, demand, in_words, numbers

__all__ = ["check_longest_run"]


@checker
def check_longest_run(longest_run):
    """Check ``longest_run(choices)``.

    Parameters
    ----------
    longest_run : callable
        From choices (..., n_trials) the most trials in a row on which arm 1 was taken, of shape (...).

    Returns
    -------
    verdict : Verdict

    Examples
    --------
    >>> from rwlib.exercises import check_longest_run
    >>> check_longest_run(lambda choices: choices)
    Not yet: of five people with seven trials, what it returns has the shape (5, 7), and it should be (5,).
    """
    people = np.array(
        [
            [0, 1, 1, 0, 1, 1, 1],
            [1, 1, 1, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1, 1],
        ]
    )
    wanted = np.array([3, 3, 1, 0, 7])
    mistakes = (
        ([5, 4, 1, 0, 7], "this counts all trials with arm 1"),
        ([3, 0, 0, 0, 7], "this is the run at the end; keep the longest one so far as well"),
        ([3, 3, 5, 7, 7], "runs of arm 0 count as well, and it should be arm 1 alone"),
        ([1, 2, 5, 7, 0], "this is the longest run of arm 0, and it should be arm 1"),
        ([2, 2, 0, 0, 6], "a run of three trials counts as two: count trials, not repetitions"),
    )
    got = numbers(call(longest_run, people), "of five people with seven trials, what it returns", (5,))
    for person, choices in enumerate(people):
        why = [f": {sentence}" for wrong, sentence in mistakes if np.array_equal(got, wrong)]
        demand(
            got[person] == wanted[person],
            f"of the choices {in_words(choices)} it returns {got[person]:.0f}, and it should be "
            f"{wanted[person]}" + "".join(why),
        )
    replays = np.stack([people, people[::-1]])
    got = numbers(call(longest_run, replays), "of two replays of five people, what it returns", (2, 5))
    demand(
        (got == [wanted, wanted[::-1]]).all(),
        f"of two replays of five people it returns {in_words(got)}, and it should be "
        f"{[wanted.tolist(), wanted[::-1].tolist()]}",
    )
    return "the longest run of arm 1, of people and of replays"
