"""Differences between people, and between conditions, on the parameters' own scale."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.fitting.request import check_share
from rwlib.results.fitted import accepted, model_of

__all__ = ["contrast_draws", "contrasts"]


def contrast_draws(fit: xr.DataTree, model: Model | None = None) -> dict[tuple[str, str, str], xr.Dataset]:
    """For each effect and each shift, draws of what the typical person's parameter is at both ends.

    The typical person is the one at the group mean, in the middle of the conditions. At the low end the
    column of the term holds what it holds for the label, or the number, that is subtracted, and at the high
    end what it holds for the other one; for numbers of more than two values the ends lie half an SD to both
    sides of the mean. All other columns stay at their means. Each draw is transformed first, and summarised
    last.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit` with ``group`` or ``within``.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.

    Returns
    -------
    draws : dict
        From (parameter, ``"effect"`` or ``"shift"``, term) to a data set with dimensions chain and draw:
        ``low`` and ``high``, the parameter at both ends, in its own range; ``difference``, high − low; and
        ``effect``, the coefficient before the transform (log odds for a rate, logarithms for ``beta``). For a
        shift that is its mean over people. The attribute ``meaning`` says what is compared.

    Raises
    ------
    ValueError
        If the fit has no effects and no shifts, is of another model, or its agent is not one of rwlib's and
        ``model`` is missing.

    Examples
    --------
    >>> import rwlib
    >>> people = {"diagnosis": ["control", "patient", "control", "patient"]}
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> data = rwlib.ChoiceData(choices, rewards, people=people)
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, group={"beta": "diagnosis"}, progress_bar=False)
    >>> draws = rwlib.contrast_draws(fit)["beta", "effect", "diagnosis: patient"]
    >>> sorted(draws.data_vars), draws.attrs["meaning"]
    (['difference', 'effect', 'high', 'low'], 'patient − control')
    """
    model, posterior, found = model_of(fit, model), fit["posterior"].to_dataset(), {}
    for p in model.parameters:
        transform, mean = TRANSFORMS[p.transform], posterior[f"{p.name}_group_mean"]
        for kind, variable in (("effect", f"{p.name}_effect"), ("shift", f"{p.name}_shift_group_mean")):
            if variable not in posterior:
                continue
            dim = f"{p.name}_{kind}_term"
            for i, label in enumerate(posterior[dim].values.tolist()):
                coefficient, ends = posterior[variable].isel({dim: i}), {}
                for end in ("low", "high"):
                    at = float(coefficient[f"{dim}_{end}"])
                    ends[end] = np.asarray(transform((mean + at * coefficient).values))
                drawn = {**ends, "difference": ends["high"] - ends["low"], "effect": coefficient.values}
                coords = {name: posterior[name].values for name in ("chain", "draw")}
                found[p.name, kind, label] = xr.Dataset(
                    {name: (("chain", "draw"), x) for name, x in drawn.items()},
                    coords,
                    attrs={"meaning": str(coefficient[f"{dim}_meaning"].values)},
                )
    if not found:
        raise ValueError("The fit has no effects and no shifts: give fit a formula, as group= or within=.")
    return found


def contrasts(
    fit: xr.DataTree,
    model: Model | None = None,
    *,
    rope: Mapping[str, float] | None = None,
    interval: float = 0.9,
) -> pd.DataFrame:
    """A table of all differences: how large, how sure, and whether large enough to matter.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit` with ``group`` or ``within``.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    rope : dict, optional
        For each parameter the largest difference that would not matter, above 0 and on the parameter's own
        scale: the region of practical equivalence reaches from minus that to plus that.
    interval : float in (0, 1), default 0.9
        Share of the draws in the central intervals.

    Returns
    -------
    table : pandas.DataFrame
        A row for each term, named by ``parameter``, ``kind`` ("effect" or "shift"), ``term`` and ``meaning``.
        ``low``, ``high``: posterior mean of the typical person's parameter at both ends, in its own range.
        ``difference`` with ``difference_from`` and ``difference_to``: mean and interval of high − low.
        ``effect`` with ``effect_from`` and ``effect_to``: the same of the coefficient, before the transform.
        ``direction`` and ``p_direction``: the side of 0 where most draws are, "+" or "−", and their share,
        from 0.5 to 1. ``in_rope``: share of the draws whose difference would not matter, from 0 to 1; NaN
        where ``rope`` does not say.

    Raises
    ------
    ValueError
        If the fit has no effects and no shifts, :func:`rwlib.fitting.diagnostics.check` refuses it,
        ``interval`` is not in (0, 1), ``rope`` names a parameter without a term or is not positive, the fit
        is of another model, or its agent is not one of rwlib's and ``model`` is missing.

    References
    ----------
    Probability of direction: Makowski, D., Ben-Shachar, M. S., Chen, S. H. A., & Lüdecke, D. (2019).
    https://doi.org/10.3389/fpsyg.2019.02767. Region of practical equivalence: Kruschke, J. K. (2018).
    https://doi.org/10.1177/2515245918771304, who compares it with the highest-density interval; here, as in
    the first source, it is compared with all draws.

    Examples
    --------
    >>> import rwlib
    >>> people = {"diagnosis": ["control", "patient", "control", "patient"]}
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> data = rwlib.ChoiceData(choices, rewards, people=people)
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, group={"beta": "diagnosis"}, progress_bar=False)
    >>> table = rwlib.contrasts(fit, rope={"beta": 0.5})
    >>> table[["parameter", "kind", "term", "meaning"]].values.tolist()
    [['beta', 'effect', 'diagnosis: patient', 'patient − control']]
    """
    accepted(fit, "No difference can be read from this fit.")
    check_share("interval", interval)
    drawn, rope = contrast_draws(fit, model), dict(rope or {})
    for name, width in rope.items():
        if name not in {parameter for parameter, *_ in drawn}:
            raise ValueError(f"rope names {name!r}, of which the fit has no effect and no shift.")
        if not width > 0:
            raise ValueError(f"rope[{name!r}] is {width}; it must be positive.")
    rows, tail = [], (1 - interval) / 2
    for (parameter, kind, label), draws in drawn.items():
        row = {"parameter": parameter, "kind": kind, "term": label, "meaning": draws.attrs["meaning"]}
        row |= {end: float(draws[end].mean()) for end in ("low", "high")}
        for what in ("difference", "effect"):
            row[what] = float(draws[what].mean())
            row[f"{what}_from"], row[f"{what}_to"] = np.quantile(
                draws[what].values, (tail, 1 - tail)
            ).tolist()
        above = float((draws["effect"] > 0).mean())
        row["direction"], row["p_direction"] = ("+", above) if above >= 0.5 else ("−", 1 - above)
        width = rope.get(parameter, np.nan)
        row["in_rope"] = float((np.abs(draws["difference"]) < width).mean()) if width > 0 else np.nan
        rows.append(row)
    return pd.DataFrame(rows)
