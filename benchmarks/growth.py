"""How the time of a gradient grows with subjects and trials, and its memory with trials."""

import jax

from benchmarks.gradient import assert_equal, rwlib_log_likelihood, seconds_of_each, some_parameters
from benchmarks.plain import scan_log_likelihood
from benchmarks.problem import course_data

SUBJECTS = 10, 40, 160, 640, 2500, 5000  # at 200 trials
TRIALS = 50, 100, 200, 400, 800, 1600, 3200  # of 40 subjects
ROUNDS = 7


def one_size(n_subjects, n_trials):
    """Seconds and bytes of one chain's value and gradient."""
    data = course_data(n_subjects, n_trials)
    theta = one_chain(n_subjects)
    ways = {"rwlib": rwlib_log_likelihood, "scan": scan_log_likelihood}
    programs = {
        name: compile_for(lambda theta, data, way=way: way(data, theta), theta, data)
        for name, way in ways.items()
    }
    calls = {
        name: lambda program=program: jax.block_until_ready(program(theta, data))
        for name, program in programs.items()
    }
    assert_equal(calls["rwlib"](), calls["scan"]())
    return {
        "subjects": n_subjects,
        "trials": n_trials,
        "seconds": seconds_of_each(calls, ROUNDS),
        "bytes": bytes_of_each(programs),
    }


def memory(n_subjects, n_trials):
    """Bytes that are needed beside the data: the data are constants of the program, so no rearranged copy of
    them counts."""
    data = course_data(n_subjects, n_trials)
    theta = one_chain(n_subjects)
    ways = {"rwlib": rwlib_log_likelihood, "scan": scan_log_likelihood}
    return bytes_of_each(
        {name: compile_for(lambda theta, way=way: way(data, theta), theta) for name, way in ways.items()}
    )


def one_chain(n_subjects):
    return {name: x[0] for name, x in some_parameters(1, n_subjects).items()}


def compile_for(log_likelihood, *arguments):
    return jax.jit(jax.value_and_grad(log_likelihood)).lower(*arguments).compile()


def bytes_of_each(programs):
    """What each program works in, beside its inputs and outputs."""
    return {name: program.memory_analysis().temp_size_in_bytes for name, program in programs.items()}


def measure():
    return {
        "by_subjects": [one_size(n, 200) for n in SUBJECTS],
        "by_trials": [one_size(40, n) | {"bytes_beside_data": memory(40, n)} for n in TRIALS],
    }
