"""The tables that ``make bench`` prints, from the contents of ``results.json``."""

from statistics import median

LABELS = {
    "rwlib_cold": "rwlib, empty cache",
    "rwlib_warm": "rwlib, warm cache",
    "tutorial": "reference tutorial, likelihood corrected",
    "stan": "Stan (PyStan)",
    "pymc_nutpie": "PyMC with nutpie",
    "scan": "scan + autodiff",
    "rwlib": "rwlib",
    "numpy": "NumPy loop over trials",
}
NOT_INSTALLED = 'not installed: pip install -e ".[bench]"'


def print_tables(results):
    machine, gradient = results["machine"], results["gradient"]
    print(f"\n{results['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['system']}")
    print_gradient(gradient)
    print_fit(results["fit"])
    print_growth(results["growth"])


def print_gradient(gradient):
    sizes = " × ".join(str(n) for n in gradient["sizes"].values())
    print(f"\nValue and gradient of the log-likelihood, {sizes}: milliseconds (times rwlib's)")
    labels = LABELS | {"tutorial": "the tutorial's scan + autodiff"}
    print(f"{'':42}" + "".join(f"{row['chains']:>9} chain{'s' if row['chains'] > 1 else ' '}" for row in gradient["rows"]))
    for way in gradient["rows"][0]["seconds"]:
        cells = [f"{1e3 * row['seconds'][way]:8.2f} ({row['seconds'][way] / row['seconds']['rwlib']:.1f})" for row in gradient["rows"]]
        print(f"{labels[way]:42}" + "".join(f"{cell:>16}" for cell in cells))


def print_fit(contestants):
    print("\nThe whole fit: seconds, and effective draws per second of the worst group-level parameter (median run)")
    print(f"{'':42}{'runs':>5}{'all':>8}{'compile':>9}{'sample':>8}{'ESS':>7}{'ESS/s':>8}{'rwlib is':>10}{'ESS/s':>10}{'rwlib is':>10}")
    print(f"{'':42}{'':37}{'all':>8}{'':>10}{'sampling':>10}")
    best = summary(contestants["rwlib_cold"])
    for name, runs in contestants.items():
        if runs is None:
            print(f"{LABELS[name]:42}  {NOT_INSTALLED}")
            continue
        row = summary(runs)
        print(
            f"{LABELS[name]:42}{len(runs):5}{row['all']:8.1f}{row['compiling']:9.1f}{row['sampling']:8.1f}{row['ess']:7.0f}"
            f"{row['rate_all']:8.1f}{best['rate_all'] / row['rate_all']:9.1f}×{row['rate_sampling']:10.1f}{best['rate_sampling'] / row['rate_sampling']:9.1f}×"
        )
        warning = [f"{n} divergences" for n in [sum(run["divergences"] for run in runs)] if n]
        warning += [f"R-hat {r:.3f}" for r in [max(run["r_hat"] for run in runs)] if r >= 1.01]
        warning += ["a run fails `check`" for run in runs if not run.get("passes_check", True)][:1]
        if warning:
            print(f"{'':42}  beware: {', '.join(warning)}")
    for state in "cold", "warm":
        seconds = median(run["seconds_to_a_checked_fit"] for run in contestants[f"rwlib_{state}"])
        print(f"From calling fit in a fresh process to a fit that `check` has judged, {state} cache: {seconds:.1f} s")


def summary(runs):
    """Medians over the runs of one contestant."""
    row = {name: median(run["seconds"][name] for run in runs) for name in ("all", "compiling", "sampling")}
    rates = {f"rate_{name}": median(run["ess_per_second"][name] for run in runs) for name in ("all", "sampling")}
    return row | rates | {"ess": median(run["ess"] for run in runs)}


def print_growth(growth):
    print("\nValue and gradient, one chain: milliseconds, and megabytes that the program works in")
    print(f"{'subjects':>10}{'trials':>8}{'rwlib':>10}{'scan':>10}{'ratio':>8}{'rwlib MB':>12}{'scan MB':>10}")
    for row in [*growth["by_subjects"], *growth["by_trials"]]:
        seconds, megabytes = row["seconds"], {name: n / 1e6 for name, n in row["bytes"].items()}
        print(
            f"{row['subjects']:10}{row['trials']:8}{1e3 * seconds['rwlib']:10.2f}{1e3 * seconds['scan']:10.2f}"
            f"{seconds['scan'] / seconds['rwlib']:8.1f}{megabytes['rwlib']:12.2f}{megabytes['scan']:10.2f}"
        )
    beside = growth["by_trials"]
    print("Beside the data and their copies: " + "; ".join(
        f"{name} {beside[0]['bytes_beside_data'][name] / 1e3:.0f} kB at {beside[0]['trials']} trials, "
        f"{beside[-1]['bytes_beside_data'][name] / 1e3:.0f} kB at {beside[-1]['trials']}" for name in ("rwlib", "scan")
    ))  # fmt: skip
    print()


def disagreements(contestants):
    """Posterior means that differ from those of rwlib's first run by more than Monte Carlo error allows."""
    first = contestants["rwlib_cold"][0]
    others = [(name, run) for name, runs in contestants.items() for run in runs or [] if run is not first]
    found = []
    for name, run in others:
        for parameter, mean in run["mean"].items():
            error = (run["mcse"][parameter] ** 2 + first["mcse"][parameter] ** 2) ** 0.5
            if abs(mean - first["mean"][parameter]) > 5 * error:  # some fifty comparisons, none of which should fail by chance
                found.append(f"{LABELS[name]}: {parameter} is {mean:.3f}, rwlib's is {first['mean'][parameter]:.3f}, error {error:.4f}")
    return found
