"""How often the right model wins: six models, each simulated and each fitted. The slow study of chapter 13.

    python -m studies.confusion        what is missing is run; about twenty minutes on two cores

Pieces are kept in ``_build/studies/confusion``, so an interrupted run goes on where it was. When all are there, the scores
are written to ``studies/confusion.csv``.
"""

from pathlib import Path

import jax
import pandas as pd

import rwlib

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "_build" / "studies" / "confusion"
RESULT = ROOT / "studies" / "confusion.csv"

MODELS = {
    model.name: model
    for model in (
        rwlib.RANDOM,
        rwlib.WIN_STAY_LOSE_SHIFT,
        rwlib.SYMMETRIC,
        rwlib.ASYMMETRIC,
        rwlib.SYMMETRIC_STICKY,
        rwlib.ASYMMETRIC_STICKY,
    )
}
REWARD_PROBS = (0.3, 0.7)
DESIGN = dict(n_datasets=20, n_subjects=10, num_samples=300, num_chains=2)


def piece(true: str, seed: int) -> pd.DataFrame:
    """Twenty groups that follow one model, scored by all six."""
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(seed), REWARD_PROBS, n_trials=100)
    return rwlib.recover_models(MODELS[true], list(MODELS.values()), outcomes, seed=seed, **DESIGN)


if __name__ == "__main__":
    pieces = [dict(true=true, seed=1000 * (1 + i)) for i, true in enumerate(MODELS)]
    scores = rwlib.run_study(piece, pieces, FOLDER)
    scores.round(4).to_csv(RESULT, index=False)
    print(rwlib.confusion_matrix(scores).round(2))
