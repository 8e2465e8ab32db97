"""Measure one piece in a process of its own.

python -m benchmarks.measure FILE gradient
python -m benchmarks.measure FILE growth
python -m benchmarks.measure FILE PROBLEM CONTESTANT SEED cold|warm
"""

import os
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks import gradient, growth
from benchmarks.contestants import CONTESTANTS
from benchmarks.judging import judge
from benchmarks.pieces import write
from benchmarks.problem import PROBLEMS, valley

#: Pieces that need no contestant.
WITHOUT_FITS = {"gradient": gradient.measure, "growth": growth.measure}


def depends_on(problem, contestant):
    """What the numbers of a fit depend on: not what is said about it, nor how many seeds there are."""
    problem, contestant = PROBLEMS[problem], CONTESTANTS[contestant]
    settings = contestant.settings
    counts = [value for value in settings if not isinstance(value, str)]
    return measure_fit, problem.data, problem.two_modes, contestant.prepare, counts, settings.precision


def measure_fit(problem, contestant, seed):
    """Compile and draw.

    Parameters
    ----------
    problem : benchmarks.problem.Problem
    contestant : benchmarks.contestant.Contestant
    seed : int

    Returns
    -------
    score : dict
        See :func:`benchmarks.judging.judge`.
    """
    data = problem.data()
    valleys = {subject: valley(data, subject) for subject in problem.two_modes}
    sample, compiling = _timed(lambda: contestant.prepare(data, contestant.settings, seed))
    draws, sampling = _timed(sample)
    _check_shapes(draws, data, contestant.settings)
    return judge(draws, {"compiling": compiling, "sampling": sampling}, valleys)


def _timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def _check_shapes(draws, data, settings):
    """Draws that hold the warm-up too, or have chains and draws the other way round, must not be judged."""
    of_group = settings.num_chains, settings.num_samples
    for name, values in {**draws.posterior, "diverging": draws.diverging, "energy": draws.energy}.items():
        expected = (*of_group, data.n_subjects) if np.ndim(values) == 3 else of_group
        if np.shape(values) != expected:
            raise ValueError(f"{name} has shape {np.shape(values)}; a contestant must hand back {expected}.")


def main(file, what, *fit):
    load = (
        os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    )  # before: what else kept the machine busy
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    if fit:
        contestant, seed, _ = fit  # the state is that of the folders which this process was given
        result = measure_fit(PROBLEMS[what], CONTESTANTS[contestant], int(seed))
    else:
        result = WITHOUT_FITS[what]()
    write(Path(file), {"date": when, "load_before": load, **result})


if __name__ == "__main__":
    main(*sys.argv[1:])
