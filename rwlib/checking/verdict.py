"""Are the ranks of a calibration uniform? What they say of the posterior."""

import dataclasses
import functools

import arviz_base
import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.ecdf_utils import compute_ecdf, ecdf_pit

from rwlib.fitting.request import check_share

__all__ = ["Verdict", "as_pit", "calibration_verdict"]


def as_pit(ranks: pd.DataFrame) -> xr.DataTree:
    """Turn ranks into numbers between 0 and 1, in the form that ArviZ's plots of calibration take.

    A rank r of n becomes a number drawn evenly from r / n to (r + 1) / n, from a fixed seed. If ranks are
    equally probable, these numbers are uniform exactly.

    Parameters
    ----------
    ranks : pandas.DataFrame
        As from :func:`rwlib.checking.calibration.calibrate`; tables of several runs may be joined. Fits
        that do not pass are left out.

    Returns
    -------
    tree : xarray.DataTree
        With the group ``prior_sbc``, one variable for each parameter, for :func:`arviz_plots.plot_ecdf_pit`.

    Raises
    ------
    ValueError
        If the parameters do not have equally many ranks.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.checking.verdict import as_pit
    >>> ranks = pd.DataFrame({"parameter": ["x"] * 100, "rank": range(100), "n_ranks": 100})
    >>> pit = as_pit(ranks)["prior_sbc"]["x"]
    >>> pit.dims, round(float(pit.mean()), 2)
    (('chain', 'draw'), 0.5)
    """
    missing = {"parameter", "rank", "n_ranks"} - set(ranks)
    if missing:
        raise ValueError(f"The table of ranks lacks the columns {', '.join(map(repr, sorted(missing)))}.")
    ranks = _of_fits_that_pass(ranks)
    rng, pit = np.random.default_rng(0), {}
    for name, table in ranks.groupby("parameter", sort=False):
        pit[name] = ((table["rank"] + rng.uniform(size=len(table))) / table["n_ranks"]).to_numpy()[None]
    counts = {name: values.size for name, values in pit.items()}
    if len(set(counts.values())) != 1:
        raise ValueError(f"Every parameter needs one rank from each data set; the table has {counts}.")
    return arviz_base.from_dict({"prior_sbc": pit})


def _of_fits_that_pass(ranks):
    """The rows that may be summarised: all of them in a table that does not say which fits pass."""
    if "passes" not in ranks:
        return ranks
    kept = ranks[ranks["passes"].astype(bool)]
    if kept.empty:
        raise ValueError(
            "No fit in this table of ranks passes its check; run them longer (num_samples, num_warmup)."
        )
    return kept


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What :func:`calibration_verdict` found. True when every parameter is inside its band.

    ``table`` has one row for each parameter: ``inside``; ``outside_by``, how far the curve leaves the band at
    its worst place (0 if nowhere); ``mean`` and ``sd`` of the ranks, as shares: 0.5 and 0.289 if they are
    uniform; ``low_ess``, the share of data sets whose fit is worth fewer independent draws than there are
    ranks. ``n_datasets`` are those whose ranks were looked at, ``n_left_out`` those whose fit did not pass.
    """

    table: pd.DataFrame
    band: float
    n_datasets: int
    n_left_out: int = 0

    def __bool__(self) -> bool:
        return bool(self.table["inside"].all())

    def __str__(self) -> str:
        inside = int(self.table["inside"].sum())
        lines = [
            f"Inside the {100 * self.band:.4g}% band, over {self.n_datasets} data sets: {inside} of "
            f"{len(self.table)} parameters."
        ]
        for name, row in self.table[~self.table["inside"]].iterrows():
            lines.append(
                f"- {name}: mean rank {row['mean']:.2f} (uniform: 0.50), SD {row['sd']:.2f} (uniform: 0.29): "
                f"{_reading(row, self.n_datasets)}."
            )
        if self.n_left_out:
            lines.append(f"Left out: {self.n_left_out} more data sets, whose fits did not pass their check.")
        low_ess = self.table["low_ess"].max()
        if low_ess > 0.05:
            lines.append(
                f"Up to {low_ess:.0%} of the fits have fewer independent draws than ranks: raise num_samples "
                f"before you believe this."
            )
        return "\n".join(lines)

    __repr__ = __str__


def calibration_verdict(ranks: pd.DataFrame, band: float = 0.99) -> Verdict:
    """Are the ranks uniform? For each parameter, look whether their distribution stays inside a simultaneous
    band.

    The band is drawn around the distribution function of a uniform variable. If the ranks are uniform, the
    whole curve stays inside it with probability ``band``. Of many parameters some will leave it by chance:
    with a band of 99% one in a hundred. For a verdict on k parameters together, give ``band=1 - 0.01 / k``
    (Bonferroni).

    Parameters
    ----------
    ranks : pandas.DataFrame
        As from :func:`rwlib.checking.calibration.calibrate`; tables of several runs may be joined. Fits
        that do not pass are left out and counted.
    band : float in (0, 1), default 0.99

    Returns
    -------
    verdict : Verdict
        Falsy when a parameter is outside; printed, it says which, and what that usually means.

    Raises
    ------
    ValueError
        If ``band`` is not in (0, 1), or the table is not one of ranks.

    References
    ----------
    Säilynoja, T., Bürkner, P.-C., & Vehtari, A. (2022). Graphical test for discrete
    uniformity and its applications in goodness-of-fit evaluation and multiple sample comparison.
    https://doi.org/10.1007/s11222-022-10090-6

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from rwlib import calibration_verdict
    >>> rank = np.random.default_rng(0).integers(100, size=200)
    >>> ranks = pd.DataFrame({"parameter": "x", "rank": rank, "n_ranks": 100, "ess": 400.0})
    >>> bool(calibration_verdict(ranks)), bool(calibration_verdict(ranks.assign(rank=rank // 2)))
    (True, False)
    """
    check_share("band", band)
    pit = as_pit(ranks)["prior_sbc"].dataset
    n_datasets, n_rows = pit.sizes["draw"], len(ranks)
    ranks = _of_fits_that_pass(ranks)
    n_left_out = (n_rows - len(ranks)) * n_datasets // len(ranks)  # every data set has as many rows
    if n_datasets < 2:
        raise ValueError("There is one data set; a distribution of ranks needs many.")
    points, low, high = _band(n_datasets, band)
    rows = {}
    for name, of_parameter in ranks.groupby("parameter", sort=False):
        curve = compute_ecdf(pit[name].values.ravel(), points)
        outside_by = max((low - curve).max(), (curve - high).max(), 0.0)
        share = (of_parameter["rank"] + 0.5) / of_parameter["n_ranks"]
        low_ess = (of_parameter["ess"] < of_parameter["n_ranks"]).mean() if "ess" in ranks else 0.0
        rows[name] = dict(
            inside=bool(outside_by == 0),
            outside_by=outside_by,
            mean=share.mean(),
            sd=share.std(ddof=0),
            low_ess=low_ess,
        )
    return Verdict(pd.DataFrame.from_dict(rows, orient="index"), band, n_datasets, n_left_out)


@functools.cache
def _band(n_datasets, band):
    """ArviZ's band, from so many simulations that its own error does not matter. It is drawn from a fixed
    seed."""
    points, _, low, high = ecdf_pit(np.linspace(0, 1, n_datasets), band, n_simulations=10_000)
    return points, low, high


def _reading(row, n_datasets):
    """What a distribution of ranks that is not uniform usually means."""
    # In standard errors, of the mean and of the SD of uniform ranks.
    shift = (row["mean"] - 0.5) * (12 * n_datasets) ** 0.5
    spread = (row["sd"] - 12**-0.5) * (60 * n_datasets) ** 0.5
    where = f"estimates are too {'low' if shift > 0 else 'high'}"
    width = f"posteriors are too {'narrow' if spread > 0 else 'wide'}"
    if (
        min(abs(shift), spread) > 3
    ):  # not where they are too wide, since a shift alone crowds the ranks at one end
        return f"{where} and {width}"
    return where if abs(shift) > abs(spread) else width
