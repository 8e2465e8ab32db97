"""Scores of people who were left out, and of choices that were; for the page *Leave out choices, or people?*

    python -m studies.leave_out_people      what is missing is run

The people are those of chapter 13. Each model is fitted to all of them, to leave out one choice at a time,
and ten times without a tenth of them. A fit of a fold that is refused is run once more
(`rwlib.fitting.inference.fit_and_check`); that of all people is not. Of each person, the table says whether
the fit that scores them passes `rwlib.check` (``passes``), and on how many people drawn from the group the
score rests (``n_eff``).
"""

import jax
import numpy as np
import pandas as pd
from scipy.special import expit

import rwlib
from rwlib.checking.comparison import scores_by_person
from rwlib.fitting.inference import fit_many
from studies import results

N_SUBJECTS, N_FOLDS = 24, 10
MODELS = {"two rates": rwlib.ASYMMETRIC, "one rate, sticky": rwlib.SYMMETRIC_STICKY}


def people_of_chapter_13() -> rwlib.ChoiceData:
    rng = np.random.default_rng(131)
    params = {
        "alpha": expit(rng.normal(-1.0, 0.7, N_SUBJECTS)),
        "beta": np.exp(rng.normal(1.4, 0.4, N_SUBJECTS)),
        "stickiness": rng.normal(1.8, 0.6, N_SUBJECTS),
    }
    pays = np.repeat([[0.3, 0.7], [0.7, 0.3]] * 2, 20, axis=0)
    outcomes = (rng.random((N_SUBJECTS, len(pays), 2)) < pays).astype(float)
    return rwlib.simulate(jax.random.key(133), outcomes, params).data


def piece(model: str) -> pd.DataFrame:
    """A row for each person. (A worker of the study has one core: hence one thread.)"""
    data, fitted = people_of_chapter_13(), MODELS[model]
    left_out = rwlib.kfold_by_subject(data, fitted, n_folds=N_FOLDS, seed=139, num_threads=1)
    (fit,) = fit_many([data], fitted, seeds=[140], warn=False, num_threads=1)
    by_choice = scores_by_person(rwlib.loo_by_trial(data, fitted, fit))
    scores = left_out.elpd_i
    table = {
        "model": model,
        "subject": scores["subject"].values,
        "fold": scores["fold"].values,
        "by_person": scores.values,
        "passes": scores["passes"].values,
        "n_eff": left_out.n_eff_i.values,
        "by_choice": by_choice.loc[scores["subject"].values].to_numpy(),
        "whole_passes": bool(rwlib.check(fit)),
    }
    return pd.DataFrame(table)


STUDY = results.Study(
    "leave_out_people",
    piece,
    [dict(model=name) for name in MODELS],
    settings=dict(n_subjects=N_SUBJECTS, n_folds=N_FOLDS),
    renewal=(0, 1),
)


if __name__ == "__main__":
    table = results.take(STUDY)
    by_model = table.groupby("model", sort=False)
    print(by_model[["by_choice", "by_person"]].sum().join(by_model[["passes", "n_eff"]].min()).to_string())
