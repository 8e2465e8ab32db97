"""Which model predicts best? By person, and with an error that counts people."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from arviz_stats import ELPDData

__all__ = ["compare_by_person", "compare_scores", "scores_by_person"]


def scores_by_person(elpd: ELPDData) -> pd.Series:
    """Sum the scores of each person.

    Parameters
    ----------
    elpd : arviz_stats.ELPDData
        Of :func:`rwlib.checking.leave_one_out.loo_by_trial` or :func:`rwlib.checking.folds.kfold_by_subject`.

    Returns
    -------
    scores : pandas.Series
        In nats, with the subjects' labels as its index, in their order.

    Raises
    ------
    ValueError
        If the scores do not say whose they are, or rest on fits that do not pass.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.checking.comparison import scores_by_person
    >>> data = rwlib.ChoiceData([[0, 1], [1, 1]], [[0.0, 1.0], [0.0, 1.0]], subjects=["ada", "bob"])
    >>> scores_by_person(rwlib.loo_by_trial(data, rwlib.RANDOM)).round(2).to_dict()
    {'ada': -1.39, 'bob': -1.39}
    """
    elpd_i = elpd.elpd_i
    if elpd_i is None or "subject" not in elpd_i.coords:
        raise ValueError(
            "The scores do not say whose they are: elpd_i lacks the coordinate 'subject'. Take those of "
            "loo_by_trial or kfold_by_subject."
        )
    if "passes" in elpd_i.coords and not elpd_i["passes"].values.all():
        refused = sorted(set(elpd_i["fold"].values[~elpd_i["passes"].values].tolist()))
        raise ValueError(
            f"The fits of folds {refused} do not pass their check: their scores are not to be compared. Run "
            "the fits longer."
        )
    return pd.Series(elpd_i.values).groupby(elpd_i["subject"].values, sort=False).sum()


def compare_by_person(elpds: Mapping[str, ELPDData]) -> pd.DataFrame:
    r"""Put models in order, with the standard errors of their differences by person.

    .. math:: \mathrm{SE}(\Delta) = \sqrt{n \, \mathrm{Var}_i(\Delta_i)}

    People are what was sampled, and somebody whom a model fails is failed on many trials. Choices of one
    person are no independent evidence, and a standard error over choices, as in :func:`arviz_stats.compare`,
    is too small. So differences are summed within each of the n people, to Δᵢ, and their variance is taken
    between people.

    Parameters
    ----------
    elpds : dict of arviz_stats.ELPDData
        By the names of the models: all of :func:`rwlib.checking.leave_one_out.loo_by_trial`, or all of
        :func:`rwlib.checking.folds.kfold_by_subject`, for the same data.

    Returns
    -------
    table : pandas.DataFrame
        One row for each model, the best first. ``elpd``; ``difference`` to the best, at most 0; its
        ``standard_error`` (NaN with a single person); ``decided``: False where the difference is smaller than
        4, or smaller than 2 standard errors. For the best model ``decided`` says whether that holds of all
        others.

    Raises
    ------
    ValueError
        If there is no model, the scores are of different kinds or of different people or choices, or rest on
        fits that do not pass.

    References
    ----------
    Sivula, T., Magnusson, M., Matamoros, A. A., & Vehtari, A. (2020). Uncertainty in
    Bayesian leave-one-out cross-validation based model comparison. https://doi.org/10.48550/arXiv.2008.10296
    (differences below 4 have no reliable standard error).

    Examples
    --------
    >>> import numpy as np, rwlib
    >>> from rwlib.checking.comparison import compare_by_person
    >>> data = rwlib.ChoiceData(np.tile([0, 0, 0, 1, 0], (6, 4)), np.ones((6, 20)))
    >>> chance = rwlib.loo_by_trial(data, rwlib.RANDOM)
    >>> print(compare_by_person({"chance": chance, "chance again": chance}).round(1))
                  elpd  difference  standard_error  decided
    chance       -83.2         0.0             0.0    False
    chance again -83.2         0.0             0.0    False
    """
    if not elpds:
        raise ValueError("There is nothing to compare: give at least one model's score.")
    first_name, first = next(iter(elpds.items()))
    for name, elpd in elpds.items():
        same = elpd.kind == first.kind and elpd.elpd_i is not None and first.elpd_i is not None
        for coordinate in ("subject", "trial"):
            same = same and _labels(elpd, coordinate) == _labels(first, coordinate)
        if not same:
            raise ValueError(
                f"The scores of {first_name!r} ({first.kind}) and of {name!r} ({elpd.kind}) are not of the "
                "same kind and the same choices; score all models alike, on the same data."
            )
    return compare_scores(pd.DataFrame({name: scores_by_person(elpd) for name, elpd in elpds.items()}))


def _labels(elpd, coordinate):
    return elpd.elpd_i[coordinate].values.tolist() if coordinate in elpd.elpd_i.coords else None


def compare_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`compare_by_person`, from scores by person: for scores that were stored.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row for each person, one column for each model, in nats.

    Returns
    -------
    table : pandas.DataFrame
        See :func:`compare_by_person`.

    Raises
    ------
    ValueError
        If there is no model or nobody, or a score is not a number.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.checking.comparison import compare_scores
    >>> scores = pd.DataFrame({"rich": [-10.0, -20.0, -30.0], "simple": [-12.0, -23.0, -34.0]})
    >>> print(compare_scores(scores).round(2))
            elpd  difference  standard_error  decided
    rich   -60.0         0.0            0.00     True
    simple -69.0        -9.0            1.73     True
    """
    if scores.empty:
        raise ValueError(
            f"There is nothing to compare: the table has {scores.shape[0]} people and {scores.shape[1]} "
            "models."
        )
    if scores.isna().any(axis=None):
        person, model = scores.isna().stack().idxmax()
        raise ValueError(f"The score of {person!r} by the model {model!r} is missing.")
    total = scores.sum().sort_values(ascending=False, kind="stable")
    difference = scores[total.index].sub(scores[total.index[0]], axis=0)
    table = pd.DataFrame({"elpd": total, "difference": difference.sum()})
    table["standard_error"] = np.sqrt(len(scores) * difference.var(ddof=1))
    size = table["difference"].abs()
    table["decided"] = (size >= 4) & (size >= 2 * table["standard_error"])
    table.loc[total.index[0], "decided"] = bool(table["decided"].iloc[1:].all())
    return table
