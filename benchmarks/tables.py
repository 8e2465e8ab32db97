"""The tables that ``make bench`` prints, from the contents of ``results.json``.

``results.json`` holds

``date``, ``command``, ``machine``, ``versions``
    When, how, where and with what it was measured.
``fingerprint``
    A text for each function, value and module of rwlib that the numbers depend on
    (:mod:`rwlib.running.fingerprint`); ``rwlib.running.fingerprint.changes`` says what has changed since.
``problems``
    By name: a label, and the people known to have two modes.
``contestants``
    By name: a label, whether it was installed, its ``settings`` (:class:`benchmarks.contestant.Settings`),
    how many seeds it has for each problem (``num_seeds``), how many of these were run warm as well
    (``num_warm_seeds``), and why there are fewer than ten.
``gradient``, ``growth``
    Value and gradient alone, as :mod:`benchmarks.gradient` and :mod:`benchmarks.growth` return them.
``fits``
    A list with an entry for each run; nothing is left out. ``problem``, ``contestant``, ``seed`` and
    ``state`` name it. The state is ``"cold"`` (a fresh process that finds nothing compiled) or ``"warm"`` (a
    fresh process that finds on disk what the cold one left). ``date`` and ``load_before`` (of the machine)
    belong to its process. ``seconds`` has ``compiling`` and ``sampling``, each measured by itself (sampling
    includes the warm-up), ``all``, which is their sum, and ``checking``, the time of `rwlib.check`. ``worst``
    has the largest ``r_hat`` and the smallest ``ess_bulk`` and ``ess_tail`` over the group and all people,
    each as ``parameter`` and ``value``; ``ess`` is the smaller one of the two. ``ess_per_second`` divides it
    by ``all`` and by ``sampling``. ``gradients`` counts those of ``warmup`` and ``sampling``: leapfrog steps,
    and for rwlib one more a draw. ``gradients_per_second`` is their sum by the seconds of sampling,
    ``ess_per_gradient`` is by those of the kept draws. ``divergences``, ``e_bfmi`` and ``passes_check`` are
    those of `rwlib.check`. ``mean`` and ``mcse`` are of the group. ``share_below_valley``, for people with
    two modes: which share of each chain's draws is in the lower one.

An older file has ``fit`` in place of ``problems``, ``contestants`` and
``fits``; `print_tables` prints what it finds of such a file: gradient and growth.
"""

from statistics import median

import pandas as pd

#: Ways to compute a gradient.
WAYS = {
    "rwlib": "rwlib",
    "scan": "scan + autodiff",
    "tutorial": "the tutorial's scan + autodiff",
    "numpy": "NumPy loop over trials",
}
STATES = {
    "cold": "fresh process, nothing compiled",
    "warm": "fresh process, compiled before",
}
NOT_INSTALLED = 'not installed: pip install -e ".[bench]"'


def print_tables(results):
    machine = results["machine"]
    print(f"\n{results['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['system']}")
    print_gradient(results["gradient"])
    if "fits" in results:
        print_settings(results["contestants"])
        for problem, about in results["problems"].items():
            print_fits(problem, about, results)
    print_growth(results["growth"])


def print_gradient(gradient):
    sizes = " × ".join(str(n) for n in gradient["sizes"].values())
    print(f"\nValue and gradient of the log-likelihood, {sizes}: milliseconds (times rwlib's)")
    chains = (f"{row['chains']:>9} chain{'s' if row['chains'] > 1 else ' '}" for row in gradient["rows"])
    print(f"{'':42}" + "".join(chains))
    for way in gradient["rows"][0]["seconds"]:
        seconds = [(row["seconds"][way], row["seconds"]["rwlib"]) for row in gradient["rows"]]
        cells = [f"{1e3 * own:8.2f} ({own / rwlib:.1f})" for own, rwlib in seconds]
        print(f"{WAYS[way]:42}" + "".join(f"{cell:>16}" for cell in cells))


def print_settings(contestants):
    print("\nSettings of every contestant")
    for about in contestants.values():
        print(f"\n{about['label']}" + ("" if about["installed"] else f" ({NOT_INSTALLED})"))
        for name, value in about["settings"].items():
            print(f"    {name.replace('_', ' '):18}{value}")
        seeds = ", ".join(f"{n} ({problem})" for problem, n in about["num_seeds"].items())
        why = f": {about['why_fewer_seeds']}" if about["why_fewer_seeds"] else ""
        print(f"    {'seeds':18}{seeds}{why}")
        warm = ", ".join(f"{n} ({problem})" for problem, n in about["num_warm_seeds"].items())
        print(f"    {'warm as well':18}{warm}")


#: Columns of the table of fits: digits, and the number of a run.
COLUMNS = {
    "all s": (1, lambda run: run["seconds"]["all"]),
    "compile s": (1, lambda run: run["seconds"]["compiling"]),
    "sample s": (1, lambda run: run["seconds"]["sampling"]),
    "ESS": (0, lambda run: run["ess"]),
    "ESS/s": (2, lambda run: run["ess_per_second"]["all"]),
    "ESS/s sampling": (2, lambda run: run["ess_per_second"]["sampling"]),
    "gradients/s": (0, lambda run: run["gradients_per_second"]),
    "ESS/1000 gradients": (2, lambda run: 1000 * run["ess_per_gradient"]),
    "R-hat": (3, lambda run: run["worst"]["r_hat"]["value"]),
    "divergences": (0, lambda run: run["divergences"]),
}


def print_fits(problem, about, results):
    print(f"\nThe whole fit, {about['label']}: median (smallest to largest) over seeds.")
    print("ESS, bulk or tail, and R-hat are those of the worst parameter of the group and all people.")
    for state, words in STATES.items():
        print(f"\n{words}\n{fit_table(results, problem, state).to_string()}")
    if about["two_modes"]:
        print("\nPeople with two modes: share of draws in the lower one, over all chains of the cold runs")
        print(two_mode_table(results, problem).to_string())


def fit_table(results, problem, state):
    """A row for each contestant that has runs in this state."""
    rows = {}
    for name, contestant in results["contestants"].items():
        runs = select(results["fits"], problem, name, state)
        if runs:
            cells = {
                title: with_range([number(run) for run in runs], digits)
                for title, (digits, number) in COLUMNS.items()
            }
            rows[contestant["label"]] = {
                "seeds": len(runs),
                "pass": sum(run["passes_check"] for run in runs),
            } | cells
        elif not contestant["installed"]:
            rows[contestant["label"]] = {"seeds": NOT_INSTALLED}
    return pd.DataFrame(rows).T.fillna("")


def two_mode_table(results, problem):
    """The smallest and the largest share of a chain's draws in the lower mode. They should be the same."""
    rows = {}
    for name, contestant in results["contestants"].items():
        shares = {}
        for run in select(results["fits"], problem, name, "cold"):
            for person, of_chains in run["share_below_valley"].items():
                shares.setdefault(f"person {person}", []).extend(of_chains)
        if shares:
            rows[contestant["label"]] = {person: f"{min(x):.2f}–{max(x):.2f}" for person, x in shares.items()}
    return pd.DataFrame(rows).T


def select(fits, problem, contestant, state):
    """The runs of one contestant in one state."""
    wanted = problem, contestant, state
    return [run for run in fits if (run["problem"], run["contestant"], run["state"]) == wanted]


def with_range(numbers, digits):
    """Their median, and how far they reach."""
    middle, least, most = (f"{f(numbers):.{digits}f}" for f in (median, min, max))
    return f"{middle} ({least}–{most})" if len(numbers) > 1 else middle


def print_growth(growth):
    print("\nValue and gradient, one chain: milliseconds, and megabytes that the program works in")
    print(
        f"{'subjects':>10}{'trials':>8}{'rwlib':>10}{'scan':>10}{'ratio':>8}{'rwlib MB':>12}{'scan MB':>10}"
    )
    for row in growth["by_subjects"] + growth["by_trials"]:
        seconds, megabytes = row["seconds"], {name: n / 1e6 for name, n in row["bytes"].items()}
        print(
            f"{row['subjects']:10}{row['trials']:8}"
            f"{1e3 * seconds['rwlib']:10.2f}{1e3 * seconds['scan']:10.2f}"
            f"{seconds['scan'] / seconds['rwlib']:8.1f}{megabytes['rwlib']:12.2f}{megabytes['scan']:10.2f}"
        )
    first, last = growth["by_trials"][0], growth["by_trials"][-1]
    memory = (
        f"{way} {first['bytes_beside_data'][way] / 1e3:.0f} kB at {first['trials']} trials, "
        f"{last['bytes_beside_data'][way] / 1e3:.0f} kB at {last['trials']}"
        for way in ("rwlib", "scan")
    )
    print("Beside the data and their copies: " + "; ".join(memory))
    print()


def disagreements(results):
    """Group means of fits that pass `check`, but differ from rwlib's by more than Monte Carlo error allows.

    A fit that does not pass is not believed anyway. A warm run draws what the cold one drew.
    """
    found = []
    for problem in results["problems"]:
        cold = [run for run in results["fits"] if (run["problem"], run["state"]) == (problem, "cold")]
        passing = [run for run in cold if run["passes_check"]]
        own = [run for run in passing if run["contestant"] == "rwlib"]
        for run in passing if own else []:
            label = results["contestants"][run["contestant"]]["label"]
            for parameter, mean in run["mean"].items():
                # The runs of rwlib are independent: the error of their mean falls with their number.
                expected = sum(other["mean"][parameter] for other in own) / len(own)
                error_of_own = sum(other["mcse"][parameter] ** 2 for other in own) ** 0.5 / len(own)
                error = (run["mcse"][parameter] ** 2 + error_of_own**2) ** 0.5
                # Of hundreds of comparisons, none should fail by chance.
                if abs(mean - expected) > 5 * error:
                    found.append(
                        f"{problem}, {label}, seed {run['seed']}: {parameter} is {mean:.3f}, "
                        f"rwlib's {expected:.3f}, error {error:.4f}"
                    )
    return found
