"""How often does a comparison find the model that made the data?"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jax.typing import ArrayLike
from jaxtyping import Num

from rwlib.data.design import Design
from rwlib.checking.calibration import simulate_from_prior
from rwlib.checking.comparison import compare_scores, scores_by_person
from rwlib.checking.leave_one_out import loo_by_trial
from rwlib.fitting.models import Model
from rwlib.fitting.inference import fit_and_check

__all__ = ["confusion_matrix", "inversion_matrix", "recover_models"]


def recover_models(
    true_model: Model,
    models: Sequence[Model],
    outcomes: Num[ArrayLike, "n_trials n_actions"],
    *,
    n_datasets: int,
    n_subjects: int,
    seed: int,
    design: Design = Design(),
    **settings: Any,
) -> pd.DataFrame:
    """Simulate with one model, fit all of them, and score each fit by
    :func:`rwlib.checking.leave_one_out.loo_by_trial`.

    Parameters
    ----------
    true_model : Model
        Makes the data. Each data set has a group of its own, drawn from this model's prior: to simulate from
        a population that you have in mind, give the model priors that describe it.
    models : sequence of Model
        To be fitted, with different names.
    outcomes : array, shape (n_trials, n_actions)
        The task, the same for all data sets.
    n_datasets, n_subjects : int
    seed : int
        Of everything random.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`. Fits that fail are run once more, by the
        rule of :func:`rwlib.fitting.inference.fit_and_check`.

    Returns
    -------
    table : pandas.DataFrame
        One row for each data set and model: ``seed`` and ``dataset`` (from 0), ``true`` and ``fitted`` (names
        of models), ``elpd``, its ``difference`` to the model that wins this data set, with its
        ``standard_error`` by person and whether it is ``decided``
        (:func:`rwlib.checking.comparison.compare_by_person`), ``pareto_k`` (the largest), ``r_hat`` (the
        largest) and ``divergences`` of the fit, whether it ``passes`` its check and whether it was
        ``refitted``. For :func:`confusion_matrix`.

    Raises
    ------
    ValueError
        If two of ``models`` have the same name.

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.3, 0.7], n_trials=10)
    >>> models = [rwlib.RANDOM, rwlib.WIN_STAY_LOSE_SHIFT]
    >>> short = dict(num_warmup=50, num_samples=50, progress_bar=False)
    >>> design = dict(n_datasets=1, n_subjects=3, seed=1)
    >>> table = rwlib.recover_models(rwlib.RANDOM, models, outcomes, **design, **short)
    >>> len(table)
    2
    """
    names = [model.name for model in models]
    if len(set(names)) < len(names):
        raise ValueError(f"Two of the models have the same name: {', '.join(map(repr, names))}.")
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(n_datasets)]
    datasets = [
        data
        for _, data in simulate_from_prior(
            true_model, outcomes, n_datasets=n_datasets, n_subjects=n_subjects, seed=seed, design=design
        )
    ]
    rows, scores = [], {}
    for model in models:
        checked = (
            fit_and_check(datasets, model, seeds=seeds, **settings)
            if model.parameters
            else [None] * n_datasets
        )
        for i, (data, each) in enumerate(zip(datasets, checked)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of large k, which are in the table
                elpd = loo_by_trial(data, model, each and each.fit)
            scores[i, model.name] = scores_by_person(elpd)
            rows.append(
                {
                    "seed": seed,
                    "dataset": i,
                    "true": true_model.name,
                    "fitted": model.name,
                    **_row(elpd, each),
                }
            )
    compared = [
        compare_scores(pd.DataFrame({name: scores[i, name] for name in names})) for i in range(n_datasets)
    ]
    table = pd.DataFrame(rows)
    for place, column in enumerate(
        ("difference", "standard_error", "decided"), table.columns.get_loc("elpd") + 1
    ):
        table.insert(
            place,
            column,
            [compared[i].at[name, column] for i, name in zip(table["dataset"], table["fitted"])],
        )
    return table


def _row(elpd, checked):
    """What is kept of one fit and its score. There is nothing to check in a model without parameters."""
    worst = checked.report.worst if checked else {"r_hat": 1.0, "divergences": 0}
    return {
        "elpd": float(elpd.elpd),
        "pareto_k": float(elpd.pareto_k.max()),
        "r_hat": worst["r_hat"],
        "divergences": int(worst["divergences"]),
        "passes": checked is None or checked.passes,
        "refitted": checked is not None and checked.refitted,
    }


def confusion_matrix(table: pd.DataFrame) -> pd.DataFrame:
    """How often each model wins, for each model that made the data: P(estimated | true).

    Data sets on which the fit of some model does not pass (``passes``) have no winner and are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        Of :func:`recover_models`: several tables, one below the other, for all true models. A data set is
        told by ``true``, ``seed`` and ``dataset``. The model with the largest ``elpd`` wins it; if several
        share that, each wins a part.

    Returns
    -------
    confusion : pandas.DataFrame
        True models in rows, estimated ones in columns, in the order of the table. Rows sum to one.

    Raises
    ------
    ValueError
        If a score is missing, is not a number, or occurs twice, or no data set of a model is left.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import confusion_matrix
    >>> rows = [(0, "a", "a", -1.0), (0, "a", "b", -2.0), (1, "a", "a", -3.0), (1, "a", "b", -2.0)]
    >>> rows += [(0, "b", "a", -2.0), (0, "b", "b", -1.0)]
    >>> table = pd.DataFrame(rows, columns=["dataset", "true", "fitted", "elpd"]).assign(seed=0)
    >>> print(confusion_matrix(table).rename_axis(index=None))
    estimated    a    b
    a          0.5  0.5
    b          0.0  1.0
    """
    true, fitted = (list(dict.fromkeys(table[column])) for column in ("true", "fitted"))
    of_dataset = ["true", "seed", "dataset"]
    twice = table.duplicated([*of_dataset, "fitted"])
    if twice.any():
        raise ValueError(
            "The table has two scores for one data set and model: "
            f"{table.loc[twice, [*of_dataset, 'fitted']].iloc[0].to_dict()}."
        )
    if "passes" in table:
        table = table[table.groupby(of_dataset)["passes"].transform("all")]
    if lost := set(true) - set(table["true"]):
        raise ValueError(
            f"On every data set of {', '.join(map(repr, sorted(lost)))} some model's fit does not pass; run "
            "the fits longer."
        )
    scores = table.pivot(index=of_dataset, columns="fitted", values="elpd")
    if scores.isna().any(axis=None):
        dataset, lacking = scores.isna().stack().idxmax()[:-1], scores.isna().stack().idxmax()[-1]
        raise ValueError(
            f"The table has no score of {lacking!r} for {dict(zip(of_dataset, dataset))}; each data set "
            f"needs one of every model."
        )
    wins = scores.eq(scores.max(axis=1), axis=0)
    confusion = wins.div(wins.sum(axis=1), axis=0).groupby("true").mean().loc[true, fitted]
    return confusion.rename_axis(index="true", columns="estimated")


def inversion_matrix(confusion: pd.DataFrame, prior: Sequence[float] | None = None) -> pd.DataFrame:
    r"""What a winner says about the truth: P(true | estimated), by Bayes' rule.

    .. math:: P(\text{true} \mid \text{estimated}) =
        \frac{P(\text{estimated} \mid \text{true})\, P(\text{true})}
        {\sum_{\text{true}} P(\text{estimated} \mid \text{true})\, P(\text{true})}

    Parameters
    ----------
    confusion : pandas.DataFrame
        True models in rows, estimated ones in columns; rows sum to one.
    prior : sequence of float, optional
        Probability of each true model before any data, in the order of the rows. Default: all equal.

    Returns
    -------
    inversion : pandas.DataFrame
        The same rows and columns. Columns sum to one; that of a model which never wins is empty (NaN), since
        nothing is known about it.

    Raises
    ------
    ValueError
        If the rows of ``confusion`` do not sum to one, or ``prior`` is not a probability for each row.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib import inversion_matrix
    >>> confusion = pd.DataFrame([[0.9, 0.1], [0.6, 0.4]], ["simple", "rich"], ["simple", "rich"])
    >>> print(inversion_matrix(confusion))
            simple  rich
    simple     0.6   0.2
    rich       0.4   0.8
    """
    values = confusion.to_numpy(float)
    if not ((values >= 0).all() and np.allclose(values.sum(axis=1), 1.0)):
        raise ValueError(
            f"The rows of a confusion matrix sum to one; these sum to {values.sum(axis=1).round(3).tolist()}."
        )
    before = np.full(len(values), 1 / len(values)) if prior is None else np.asarray(prior, float)
    if before.shape != (len(values),) or not ((before >= 0).all() and np.isclose(before.sum(), 1.0)):
        raise ValueError(
            f"prior must hold a probability for each of the {len(values)} true models, with a sum of one; it "
            f"is {prior}."
        )
    joint = values * before[:, None]
    total = joint.sum(axis=0)
    return pd.DataFrame(
        np.divide(joint, total, out=np.full_like(joint, np.nan), where=total > 0),
        confusion.index,
        confusion.columns,
    )
