"""How often the right model wins: eight models, each simulated and each fitted; for chapter 13.

    python -m studies.confusion        what is missing is run

Each model makes data sets of ten people who choose a hundred times between two arms, from its own priors.
All models are fitted to each, and scored by leaving choices out.

The rule on failed fits was stated before any was run: one that `rwlib.check` refuses is run once more, with
another seed, twice the draws and smaller steps (`rwlib.fitting.inference.fit_and_check`). If it is refused
again it stays in the table with ``passes`` False, and its data set has no winner: `rwlib.confusion_matrix`
leaves it out.
"""

import jax
import pandas as pd

import rwlib
from studies import results

MODELS = {
    model.name: model
    for model in (
        rwlib.RANDOM,
        rwlib.WIN_STAY_LOSE_SHIFT,
        rwlib.SYMMETRIC,
        rwlib.ASYMMETRIC,
        rwlib.SYMMETRIC_STICKY,
        rwlib.ASYMMETRIC_STICKY,
        rwlib.SYMMETRIC_TRACE,
        rwlib.ASYMMETRIC_TRACE,
    )
}
REWARD_PROBS = (0.3, 0.7)
N_SUBJECTS, N_TRIALS = 10, 100
N_PIECES, N_DATASETS = 2, 5  # of each true model; in each piece


def piece(true: str, seed: int) -> pd.DataFrame:
    """Some groups that follow one model, scored by all. (A worker has one core: hence one thread.)"""
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(seed), REWARD_PROBS, N_TRIALS)
    design = dict(n_datasets=N_DATASETS, n_subjects=N_SUBJECTS, seed=seed, num_threads=1)
    return rwlib.recover_models(MODELS[true], list(MODELS.values()), outcomes, **design)


STUDY = results.Study(
    "confusion",
    piece,
    [
        dict(true=true, seed=1000 * (1 + i) + part)
        for i, true in enumerate(MODELS)
        for part in range(N_PIECES)
    ],
    settings=dict(
        models=list(MODELS),
        reward_probs=REWARD_PROBS,
        n_subjects=N_SUBJECTS,
        n_trials=N_TRIALS,
        n_datasets=N_PIECES * N_DATASETS,
    ),
    renewal=(0, N_PIECES, (len(MODELS) - 1) * N_PIECES),  # choices at random, by a rule, and by learning
)


if __name__ == "__main__":
    scores = results.take(STUDY)
    print(rwlib.confusion_matrix(scores).round(2).to_string())
    fits = scores[scores["fitted"] != rwlib.RANDOM.name]
    print(f"{fits['passes'].sum()} of {len(fits)} fits passed, {fits['refitted'].sum()} were run twice.")
    spoilt = ~scores.groupby(["true", "seed", "dataset"])["passes"].all()
    print(f"{spoilt.sum()} of {len(spoilt)} data sets are left out.")
