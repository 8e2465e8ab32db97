"""How well known parameters come back: simulate, fit, and compare estimates with the truth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike

__all__ = ["recovery_correlations", "recovery_table"]


def recovery_table(true: Mapping[str, ArrayLike], fit: xr.DataTree, interval: float = 0.9) -> pd.DataFrame:
    """Compare posterior means and intervals with the parameters that the data were simulated from.

    Parameters
    ----------
    true : dict of arrays, shape (n_subjects,)
        True values. ``temperature`` and ``beta`` stand for each other's inverse where the fit has the other one.
    fit : xarray.DataTree
        As returned by :func:`rwlib.inference.fit`, for the same subjects in the same order.
    interval : float in (0, 1), default 0.9
        Probability of the central posterior interval whose coverage is counted.

    Returns
    -------
    table : pandas.DataFrame
        One row per parameter. ``r``: correlation of estimates with the truth, blind to bias. ``bias``:
        mean of estimate − truth. ``rmse``: root mean squared error. ``coverage``: share of subjects whose
        interval holds the truth; it should be near ``interval``. ``sd_true`` and ``sd_estimated``: spread over
        subjects; partial pooling makes the second smaller.

    Raises
    ------
    ValueError
        If a parameter is not in the fit, its shape does not fit, or ``interval`` is not in (0, 1).

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib import recovery_table
    >>> truth = np.array([0.2, 0.5, 0.8])
    >>> draws = truth + 0.1 + 0.1 * np.random.default_rng(0).normal(size=(4, 500, 3))
    >>> fit = arviz_base.from_dict({"posterior": {"alpha_pos": draws}})
    >>> print(recovery_table({"alpha_pos": truth}, fit)[["r", "bias"]].round(1))
                 r  bias
    alpha_pos  1.0   0.1
    """
    if not 0 < interval < 1:
        raise ValueError(f"interval is {interval}; it must lie between 0 and 1.")
    rows = {}
    for name, truth in true.items():
        draws, truth = _draws(fit, name), np.asarray(truth, float)
        _check_shape(name, truth, draws)
        estimate = draws.mean(axis=0)
        low, high = np.quantile(draws, [(1 - interval) / 2, (1 + interval) / 2], axis=0)
        rows[name] = {
            "r": np.corrcoef(truth, estimate)[0, 1],
            "bias": np.mean(estimate - truth),
            "rmse": np.sqrt(np.mean((estimate - truth) ** 2)),
            "coverage": np.mean((low <= truth) & (truth <= high)),
            "sd_true": truth.std(ddof=1),
            "sd_estimated": estimate.std(ddof=1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def recovery_correlations(true: Mapping[str, ArrayLike], fit: xr.DataTree) -> pd.DataFrame:
    """Correlate each estimated parameter with each true one.

    The diagonal says what comes back; anything far from zero beside it says which parameter is mistaken
    for which (compare with the correlations among the true values themselves).

    Parameters
    ----------
    true : dict of arrays, shape (n_subjects,)
    fit : xarray.DataTree
        As returned by :func:`rwlib.inference.fit`.

    Returns
    -------
    correlations : pandas.DataFrame
        Estimated parameters in rows, true ones in columns.

    Raises
    ------
    ValueError
        If a parameter is not in the fit or its shape does not fit.

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib import recovery_correlations
    >>> truth = {"alpha_pos": np.array([0.2, 0.5, 0.8]), "alpha_neg": np.array([0.5, 0.1, 0.5])}
    >>> fit = arviz_base.from_dict({"posterior": {name: np.tile(value, (4, 10, 1)) for name, value in truth.items()}})
    >>> print(recovery_correlations(truth, fit).round(2).abs())
               alpha_pos  alpha_neg
    alpha_pos        1.0        0.0
    alpha_neg        0.0        1.0
    """
    names = list(true)
    estimates = []
    for name in names:
        draws = _draws(fit, name)
        _check_shape(name, np.asarray(true[name]), draws)
        estimates.append(draws.mean(axis=0))
    both = np.corrcoef(estimates, [np.asarray(true[name], float) for name in names])
    return pd.DataFrame(both[: len(names), len(names) :], index=names, columns=names)


def _draws(fit, name):
    """All draws of one parameter, shape (n_draws, n_subjects)."""
    posterior = fit["posterior"]
    inverse = {"temperature": "beta", "beta": "temperature"}.get(name)
    if name in posterior:
        values = posterior[name].values
    elif inverse in posterior:
        values = 1.0 / posterior[inverse].values
    else:
        raise ValueError(f"The fit has no parameter {name!r}; it has {', '.join(map(repr, posterior.data_vars))}.")
    return values.reshape(-1, *values.shape[2:])


def _check_shape(name, truth, draws):
    if truth.shape != draws.shape[1:]:
        raise ValueError(f"true[{name!r}] has shape {truth.shape}, but the fit has {draws.shape[1:]} for it: one value per subject.")
