"""`rwlib.fit` with its defaults, and `rwlib.check`."""

import time

import rwlib
from benchmarks.problem import GROUP, course_data, judge


def measure(seed):
    data = course_data()
    start = time.perf_counter()
    first = rwlib.fit(data, seed=seed, progress_bar=False)
    middle = time.perf_counter()
    report = rwlib.check(first)
    checked = time.perf_counter()
    # The same program again has nothing left to compile. Its draws are the same too, so it is the same work.
    rwlib.fit(data, seed=seed, progress_bar=False)
    end = time.perf_counter()

    draws = {name: first.posterior[name].values for name in GROUP}
    result = judge(draws, first.sample_stats.diverging.sum(), all_seconds=middle - start, compile_seconds=(middle - start) - (end - checked))
    return result | {"passes_check": bool(report), "seconds_to_a_checked_fit": checked - start}
