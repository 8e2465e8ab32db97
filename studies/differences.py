"""How often a difference is found that is there, and one that is not: in the model, and in two shorter ways;
for chapter 16.

    python -m studies.differences      what is missing is run

Each data set is one study of 24 people: two groups of twelve, or two conditions of the same people. In
half of the data sets nothing differs. Between people there are three ways: a model in which the group mean
follows the group; the two-step habit, one fit for all and then a t test on posterior means; and a fit for
each group, whose posteriors are subtracted. Within people it is the model, and a paired t test on posterior
means of fits for each condition. The rule on failed fits is that of all studies
(`rwlib.fitting.inference.fit_and_check`): those that fail twice are counted, and left out by readers of the
table (``passes``).
"""

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import logit

import rwlib
from rwlib.fitting.inference import fit_and_check
from rwlib.results.power import two_conditions, two_groups
from studies import results

N_SUBJECTS, N_TRIALS, PARAMETER, SPREAD = 24, 50, "alpha_neg", 0.5  # trials of each condition
N_DATASETS, N_ROUNDS = 10, 2  # of each piece; of pieces
SIZES = {"between": 1.2, "within": 0.8}  # in log odds, where something differs
SIMULATE = {"between": two_groups, "within": two_conditions}


def piece(kind: str, size: float, seed: int) -> pd.DataFrame:
    """A row for each data set and way."""
    about = N_SUBJECTS, N_TRIALS, size, PARAMETER, rwlib.ASYMMETRIC, {}, SPREAD, rwlib.FIVE_ARMS
    datasets = [SIMULATE[kind](*about, seed + i) for i in range(N_DATASETS)]
    seeds = [seed + i for i in range(N_DATASETS)]
    ways = {"between": (of_model, two_steps, apart), "within": (of_model, paired)}[kind]
    tables = [way(kind, datasets, seeds).assign(way=way.__name__) for way in ways]
    return pd.concat(tables, ignore_index=True).assign(kind=kind, size=size)


def fitted(datasets, seeds, **formulas):
    return fit_and_check(
        datasets, rwlib.ASYMMETRIC, seeds=seeds, num_threads=1, progress_bar=False, **formulas
    )


def of_model(kind, datasets, seeds):
    """The difference is a parameter."""
    formula = {"group": {PARAMETER: "group"}} if kind == "between" else {"within": {PARAMETER: "condition"}}
    variable = f"{PARAMETER}_effect" if kind == "between" else f"{PARAMETER}_shift_group_mean"
    checked = fitted(datasets, seeds, **formula)
    return pd.DataFrame(
        [of_draws(each.fit["posterior"][variable].values.ravel(), each.passes) for each in checked]
    )


def two_steps(kind, datasets, seeds):
    """One fit for all, which knows nothing of groups, and a t test on posterior means."""
    return pd.DataFrame(
        [
            of_test(stats.ttest_ind(*by_group(means_of(each), data)), each.passes)
            for each, data in zip(fitted(datasets, seeds), datasets)
        ]
    )


def apart(kind, datasets, seeds):
    """A fit for each group, and the difference of the two group means."""
    second = np.array(datasets[0].person_table["group"]) == "group 2"
    halves = [[data.of_subjects(np.flatnonzero(half)) for data in datasets] for half in (~second, second)]
    first, other = (fitted(half, seeds) for half in halves)
    rows = []
    for one, two in zip(first, other):
        draws = [each.fit["posterior"][f"{PARAMETER}_group_mean"].values.ravel() for each in (one, two)]
        n = min(map(len, draws))  # one that was run again has twice as many
        rows.append(of_draws(draws[1][:n] - draws[0][:n], one.passes and two.passes))
    return pd.DataFrame(rows)


def paired(kind, datasets, seeds):
    """A fit for each condition, and a paired t test on posterior means."""
    halves = [
        [
            rwlib.ChoiceData(data.choices[:, part], data.rewards[:, part], n_actions=data.n_actions)
            for data in datasets
        ]
        for part in (slice(0, N_TRIALS), slice(N_TRIALS, None))
    ]
    first, second = (fitted(half, seeds) for half in halves)
    return pd.DataFrame(
        [
            of_test(stats.ttest_rel(means_of(two), means_of(one)), one.passes and two.passes)
            for one, two in zip(first, second)
        ]
    )


def means_of(each):
    """Everybody's posterior mean, in log odds as in the model."""
    return logit(each.fit["posterior"][PARAMETER].mean(["chain", "draw"]).values.astype(float))


def by_group(means, data):
    """The second group's, and the first one's."""
    second = np.array(data.person_table["group"]) == "group 2"
    return means[second], means[~second]


def of_draws(draws, passes):
    low90, high90, low95, high95 = np.quantile(draws, [0.05, 0.95, 0.025, 0.975]).tolist()
    found = low95 > 0 or high95 < 0
    return dict(
        estimate=float(draws.mean()),
        low90=low90,
        high90=high90,
        low95=low95,
        high95=high95,
        found=found,
        passes=passes,
    )


def of_test(test, passes):
    low90, high90 = test.confidence_interval(0.9)
    low95, high95 = test.confidence_interval(0.95)
    return dict(
        estimate=(low95 + high95) / 2,
        low90=low90,
        high90=high90,
        low95=low95,
        high95=high95,
        found=bool(test.pvalue < 0.05),
        passes=passes,
    )


def pieces(n_rounds: int) -> list[dict]:
    """In each round, of each kind, ten studies without a difference and ten with one. More rounds may be
    added: `python -m studies.renew differences` runs what is new."""
    found, seed = [], 60_000
    for _ in range(n_rounds):
        for kind, size in SIZES.items():
            for size_now in (0.0, size):
                found.append(dict(kind=kind, size=size_now, seed=seed))
                seed += N_DATASETS
    return found


STUDY = results.Study(
    "differences",
    piece,
    pieces(N_ROUNDS),
    renewal=(4, 6),  # one of each kind, both short
    settings=dict(
        n_subjects=N_SUBJECTS,
        n_trials=N_TRIALS,
        parameter=PARAMETER,
        sizes=SIZES,
        n_datasets=N_DATASETS,
        spread=SPREAD,
    ),
)


if __name__ == "__main__":
    table = results.take(STUDY)
    table = table[table["passes"].astype(bool)]
    table["covers90"] = (table["low90"] <= table["size"]) & (table["size"] <= table["high90"])
    by = table.groupby(["kind", "size", "way"])
    print(by[["found", "covers90", "estimate"]].mean().join(by.size().rename("studies")).round(3).to_string())
