"""Differences between people, and between conditions, on the parameters' own scale."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.formulas import names_in
from rwlib.fitting.models import TRANSFORMS, Model
from rwlib.fitting.request import check_share
from rwlib.results.fitted import accepted, model_of

__all__ = ["contrast_draws", "contrasts", "ends_of"]


def ends_of(terms: xr.DataArray, dim: str) -> list[tuple[np.ndarray, np.ndarray] | None]:
    """Of each term, what all columns hold for the two typical people who differ by this term alone.

    A factor of several labels has several columns, and a person has one label: at the low end all of them
    hold what they hold for the label that is subtracted. Other columns stay at their means, which are 0.

    Parameters
    ----------
    terms : xarray.DataArray
        The coefficients of a parameter's effects or shifts, with a dimension for the terms.
    dim : str
        The name of this dimension. Its coordinates ``_low``, ``_high`` and ``_meaning`` say what is compared.

    Returns
    -------
    ends : list of (low, high) or None
        Two arrays with shape (n_terms,) for each term. None where no two people differ by the term alone:
        it is a product of columns or part of one, or reads a column that another term reads.

    Examples
    --------
    >>> import xarray as xr
    >>> from rwlib.results.contrasts import ends_of
    >>> coords = {"t_low": ("t", [-0.3, -0.3]), "t_high": ("t", [0.7, 0.7])}
    >>> coords |= {"t_meaning": ("t", ["B − A", "C − A"]), "t": ["site: B", "site: C"]}
    >>> low, high = ends_of(xr.DataArray([0.0, 0.0], coords, "t"), "t")[0]
    >>> low.tolist(), high.tolist()
    ([-0.3, -0.3], [0.7, -0.3])
    """
    labels = terms[dim].values.tolist()
    low, high = (terms[f"{dim}_{end}"].values.astype(float) for end in ("low", "high"))
    factors = [_factor(str(one), str(two)) for one, two in zip(labels, terms[f"{dim}_meaning"].values)]
    reads = [_columns_read(str(label)) for label in labels]
    found: list[tuple[np.ndarray, np.ndarray] | None] = []
    for i, label in enumerate(labels):
        together = np.array(
            [j == i or (factors[i] is not None and factors[j] == factors[i]) for j in range(len(labels))]
        )
        elsewhere = set().union(*(columns for columns, same in zip(reads, together) if not same))
        if " × " in str(label) or reads[i] & elsewhere:
            found.append(None)
            continue
        at_low = np.where(together, low, 0.0)
        found.append((at_low, np.where(np.arange(len(labels)) == i, high, at_low)))
    return found


def _factor(label, meaning):
    """Of a term that compares two labels, the column and the label that is subtracted; None of others."""
    for column, level in ((label[:i], label[i + 2 :]) for i in range(len(label)) if label[i : i + 2] == ": "):
        if meaning.startswith(f"{level} − "):
            return column, meaning.removeprefix(f"{level} − ")
    return None


def _columns_read(label):
    """The columns of the user's that a term reads, by its label."""
    found = set()
    for part in label.split(" × "):
        expression = part.split(": ")[0].split("[")[0]
        try:
            found.update([expression] if expression.isidentifier() else names_in(expression))
        except Exception:  # a column whose name is no expression
            found.add(expression)
    return found


def contrast_draws(fit: xr.DataTree, model: Model | None = None) -> dict[tuple[str, str, str], xr.Dataset]:
    """For each effect and each shift, draws of what the typical person's parameter is at both ends.

    The typical person is the one at the group mean, in the middle of the conditions. At the low end the
    column of the term holds what it holds for the label, or the number, that is subtracted, and at the high
    end what it holds for the other one; for numbers of more than two values the ends lie half an SD to both
    sides of the mean. All other columns stay at their means (:func:`ends_of`). Each draw is transformed
    first, and summarised last.

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
        shift that is its mean over people, and ``sd`` is its SD over people. The attribute ``meaning`` says
        what is compared. Where no two people differ by a term alone, as beside a product, ``low``, ``high``
        and ``difference`` are NaN.

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
            coefficients = posterior[variable].transpose("chain", "draw", dim)
            for i, (label, ends) in enumerate(
                zip(posterior[dim].values.tolist(), ends_of(coefficients, dim))
            ):
                low, high = (
                    (np.asarray(transform(mean.values + coefficients.values @ at)) for at in ends)
                    if ends
                    else np.full((2, *mean.shape), np.nan)
                )
                drawn = {"low": low, "high": high, "difference": high - low}
                drawn["effect"] = coefficients.values[..., i]
                if kind == "shift":
                    drawn["sd"] = posterior[f"{p.name}_shift_group_sd"].isel({dim: i}).values
                coords = {name: posterior[name].values for name in ("chain", "draw")}
                found[p.name, kind, label] = xr.Dataset(
                    {name: (("chain", "draw"), x) for name, x in drawn.items()},
                    coords,
                    attrs={"meaning": str(coefficients[f"{dim}_meaning"].values[i])},
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
        ``sd`` with ``sd_from`` and ``sd_to``: the same of a shift's SD over people; NaN for an effect.
        ``low`` to ``difference_to`` are NaN where no two people differ by the term alone
        (:func:`contrast_draws`).
        ``direction`` and ``p_direction``: the side of 0 where most draws are, "+" or "−", and their share,
        from 0.5 to 1. ``in_rope``: share of the draws whose difference would not matter, from 0 to 1; NaN
        where ``rope`` does not say, or there is no difference.

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
        for what in ("difference", "effect", "sd"):
            of_all = draws[what].values if what in draws else np.array(np.nan)
            ends = np.quantile(of_all, (tail, 1 - tail)).tolist()
            row |= {what: float(of_all.mean()), f"{what}_from": ends[0], f"{what}_to": ends[1]}
        above = float((draws["effect"] > 0).mean())
        row["direction"], row["p_direction"] = ("+", above) if above >= 0.5 else ("−", 1 - above)
        width, alone = rope.get(parameter, np.nan), np.isfinite(row["difference"])
        row["in_rope"] = (
            float((np.abs(draws["difference"]) < width).mean()) if width > 0 and alone else np.nan
        )
        rows.append(row)
    return pd.DataFrame(rows)
