"""How well parameters come back over a grid of designs; for chapter 10.

    python -m studies.recovery         what is missing is run

Ten data sets are simulated and fitted for each design. The rule on failed fits was stated before any was
run: one that `rwlib.check` refuses is run once more, with another seed, twice the draws and smaller steps
(`rwlib.fitting.inference.fit_and_check`). If it is refused again it is counted and left out of the design's
numbers: the table says how many of the ``n_datasets`` had to be ``n_refitted``, and how many ``n_passed``.
"""

import pandas as pd

import rwlib
from studies import results

N_DATASETS = 10  # of each design
GRID = [
    dict(n_subjects=n, n_trials=t, beta=b) for n in (20, 40) for t in (50, 100, 200) for b in (1.0, 3.0, 6.0)
]


def piece(n_subjects: int, n_trials: int, beta: float, seed: int) -> pd.DataFrame:
    """How the parameters of one design come back. (A worker of the study has one core: hence one thread.)"""
    return rwlib.recover_parameters(
        n_subjects, n_trials, beta, n_datasets=N_DATASETS, seed=seed, num_threads=1
    )


STUDY = results.Study(
    "recovery",
    piece,
    [dict(design, seed=1000 + N_DATASETS * i) for i, design in enumerate(GRID)],
    renewal=(0, 9),  # 20 and 40 people, whose likelihoods and jumps are computed in other ways
    settings=dict(n_datasets=N_DATASETS, model=rwlib.ASYMMETRIC.name, reward_probs=list(rwlib.FIVE_ARMS)),
)


if __name__ == "__main__":
    table = results.take(STUDY)
    counts = table.groupby(["n_subjects", "n_trials", "beta"])[
        ["n_datasets", "n_refitted", "n_passed"]
    ].first()
    print(
        table.pivot_table("rmse", ["n_subjects", "n_trials", "beta"], "parameter")
        .round(2)
        .join(counts)
        .to_string()
    )
    total = counts.sum()
    print(f"{total['n_passed']} of {total['n_datasets']} fits passed, {total['n_refitted']} were run twice.")
