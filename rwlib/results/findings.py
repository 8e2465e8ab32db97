"""The results section of a report: what is said of the check, of the estimates and of the differences, and
their tables."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.convergence import diagnose
from rwlib.fitting.diagnostics import Report
from rwlib.fitting.models import Model
from rwlib.results.contrasts import contrast_draws
from rwlib.results.fitted import mean_over_people
from rwlib.results.methods import minus, percent, plain
from rwlib.results.rules import symbol, the, words

__all__ = ["findings_of", "tables_of"]

SIGNS = {"+": "positive", "−": "negative"}


def findings_of(
    fit: xr.DataTree,
    model: Model,
    verdict: Report,
    table: pd.DataFrame,
    differences: pd.DataFrame | None,
    rope: Mapping[str, float],
    interval: float,
) -> str:
    """The results section about a fit.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model
    verdict : rwlib.fitting.diagnostics.Report
        That of :func:`rwlib.fitting.diagnostics.check`.
    table : pandas.DataFrame
        From :func:`rwlib.results.report.estimates`.
    differences : pandas.DataFrame or None
        From :func:`rwlib.results.contrasts.contrasts`, with ``rope``.
    rope : dict
        As in :func:`rwlib.results.contrasts.contrasts`; it may be empty.
    interval : float in (0, 1)
        Share of the draws in the intervals of both tables.

    Returns
    -------
    findings : str
        One paragraph of Markdown.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.findings import findings_of
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> table = rwlib.estimates(fit)
    >>> findings = findings_of(fit, rwlib.SYMMETRIC, rwlib.check(fit), table, None, {}, 0.9)
    >>> print(findings[:52])
    The largest R-hat of all parameters of group and peo
    """
    sentences = (
        *_of_check(verdict, fit),
        *_of_derived(fit, model, differences),
        *_of_estimates(table, model, interval),
        *_of_people(fit, model),
        *_of_differences(differences, model, rope),
    )
    return " ".join(sentences)


def tables_of(
    table: pd.DataFrame, differences: pd.DataFrame | None, model: Model, interval: float
) -> tuple[str, ...]:
    """The tables of a report, as Markdown that fits a page.

    Parameters
    ----------
    table, differences, model, interval
        As in :func:`findings_of`.

    Returns
    -------
    tables : tuple of str
        One, or two where there are differences.

    Examples
    --------
    >>> import pandas as pd
    >>> import rwlib
    >>> from rwlib.results.findings import tables_of
    >>> row = {"parameter": "alpha"}
    >>> for name in ("typical", "people", "sd"):
    ...     row |= {name: 0.5, f"{name}_from": 0.4, f"{name}_to": 0.6}
    >>> (estimates,) = tables_of(pd.DataFrame([row]), None, rwlib.SYMMETRIC, 0.9)
    >>> print(estimates.splitlines()[0])
    | parameter | typical person | mean over people | group SD, before the transform |
    """
    return _page_of_estimates(table, model, interval), *_page_of_differences(differences, model, interval)


# Sentences


def _of_check(verdict, fit):
    worst, n_draws = verdict.worst, math.prod(fit["posterior"].sizes[dim] for dim in ("chain", "draw"))
    cut = f"; {worst['at_max_depth']:.1%} were cut at the limit of doublings" if worst["at_max_depth"] else ""
    yield (
        f"The largest R-hat of all parameters of group and people was {worst['r_hat']:.3f}, the smallest ESS "
        f"{np.floor(worst['ess_bulk']):,.0f} (bulk) and {np.floor(worst['ess_tail']):,.0f} (tail). None of "
        f"the {n_draws:,} transitions diverged{cut}, and the smallest E-BFMI was {worst['e_bfmi']:.2f}."
    )


def _of_derived(fit, model, differences):
    """Diagnostics of what is reported and is no parameter of group or people."""
    draws, what = [mean_over_people(fit["posterior"][p.name]) for p in model.parameters], "means over people"
    if differences is not None:
        found, what = contrast_draws(fit, model).values(), f"{what}, differences and their ends"
        draws += [
            each[x].transpose("chain", "draw").values
            for each in found
            for x in ("low", "high", "difference")
            if np.isfinite(each[x]).all()
        ]
    r_hat, ess_bulk, ess_tail = diagnose(np.stack(draws))
    yield (
        f"For {what}, the largest R-hat was {np.nanmax(r_hat):.3f} and the smallest ESS "
        f"{np.floor(np.nanmin(ess_bulk)):,.0f} (bulk) and {np.floor(np.nanmin(ess_tail)):,.0f} (tail)."
    )


def _of_estimates(table, model, interval):
    yield (
        f"Posterior means with {percent(interval)} credible intervals: "
        + "; ".join(
            f"{the(row['parameter'], model)}: {_interval(row, 'typical')} for the typical person and "
            f"{_interval(row, 'people')} on average over people"
            for row in table.to_dict("records")
        )
        + "."
    )


def _of_people(fit, model):
    """How far people's own estimates spread, and whether they go together, which the prior denies."""
    means = {}
    for p in model.parameters:
        values = fit["posterior"][p.name]
        means[p.name] = values.mean([d for d in values.dims if d != "subject"]).values
    ends = {name: minus(f"{x.min():.2f} to {x.max():.2f}") for name, x in means.items()}
    said = "; ".join(f"{symbol(name, model)}: {low_high}" for name, low_high in ends.items())
    yield f"People's own posterior means ran over these ranges: {said}."
    if len(means) > 1 and len(next(iter(means.values()))) > 2:
        correlations = pd.DataFrame(means).corr()
        pairs = [(a, b) for i, a in enumerate(means) for b in list(means)[:i]]
        a, b = max(pairs, key=lambda pair: abs(correlations.loc[pair]))
        largest = minus(f"{correlations.loc[a, b]:.2f}")
        yield (
            f"Over people, these means correlate at {largest} where they do so most, for {symbol(b, model)} "
            f"and {symbol(a, model)}. Since means are pulled towards the group and share errors, this is no "
            "estimate of how the parameters correlate."
        )


def _of_differences(table, model, rope):
    for row in [] if table is None else table.to_dict("records"):
        what = f"For {the(row['parameter'], model)}, {plain(row['meaning'])} (term {plain(row['term'])})"
        direction = f"{SIGNS[row['direction']]} with probability {_probability(row['p_direction'])}"
        over_people = (
            f" Over people this shift has an SD of {_interval(row, 'sd')}." if row["kind"] == "shift" else ""
        )
        if np.isnan(row["difference"]):  # no two typical people differ by this term alone
            yield f"{what} has the coefficient {_interval(row, 'effect')}, which is {direction}.{over_people}"
            continue
        in_rope = ""
        if row["parameter"] in rope:
            in_rope = (
                f"; {_share(row['in_rope'])} of its draws lie in the region of practical equivalence, "
                f"±{rope[row['parameter']]:g}"
            )
        yield (
            f"{what}: the typical person's differs by {_interval(row, 'difference')} (coefficient "
            f"{_interval(row, 'effect')}), which is {direction} (the probability of direction){in_rope}."
            f"{over_people}"
        )


# Tables


def _page_of_estimates(table, model, interval):
    rows = [
        {
            "parameter": words(row["parameter"], model),
            "typical person": _interval(row, "typical"),
            "mean over people": _interval(row, "people"),
            "group SD, before the transform": _interval(row, "sd"),
        }
        for row in table.to_dict("records")
    ]
    return _markdown(rows, f"Posterior means with equal-tailed {percent(interval)} credible intervals.")


def _page_of_differences(table, model, interval):
    if table is None:
        return
    shifts = (table["kind"] == "shift").any()
    rows = []
    for row in table.to_dict("records"):
        alone, is_shift = not np.isnan(row["difference"]), row["kind"] == "shift"
        in_rope = "none given" if alone else "—"
        rows.append(
            {
                "parameter": words(row["parameter"], model),
                "comparison": f"{plain(row['term'])} ({plain(row['meaning'])})",
                "at both ends": f"{row['low']:.2f}, {row['high']:.2f}" if alone else "—",
                "difference": _interval(row, "difference") if alone else "—",
                "coefficient": _interval(row, "effect"),
                **({"SD over people": _interval(row, "sd") if is_shift else "—"} if shifts else {}),
                "direction": f"{row['direction']} {_probability(row['p_direction'])}",
                "in ROPE": in_rope if np.isnan(row["in_rope"]) else _share(row["in_rope"]),
            }
        )
    of_shifts = "the SD of a shift over people, " if shifts else ""
    none = " A dash stands where no two people differ by the term alone." if table["low"].isna().any() else ""
    yield _markdown(
        rows,
        f"Differences of the typical person's parameter with equal-tailed {percent(interval)} credible "
        f"intervals, its means at both ends, coefficients before the transform, {of_shifts}probability of "
        f"direction, and share of the draws in the region of practical equivalence (ROPE).{none}",
    )


def _markdown(rows, caption):
    """A table whose dashes tell pandoc how wide its columns are, with a caption."""
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]
    dashes = ["-" * min(30, max(map(len, column))) for column in zip(*cells)]
    lines = [f"| {' | '.join(row)} |" for row in (cells[0], dashes, *cells[1:])]
    return "\n".join(lines) + f"\n\nTable: {caption}"


# Numbers


def _interval(row, name):
    """A mean and its interval, with two decimals, or as many as the interval has two digits."""
    low, high = row[f"{name}_from"], row[f"{name}_to"]
    places = max(2, 1 - math.floor(math.log10(high - low))) if high > low else 2
    return minus(f"{row[name]:.{places}f} [{low:.{places}f}, {high:.{places}f}]")


def _probability(p):
    """With as many digits as some thousand draws are good for."""
    return "above 0.99" if p > 0.99 else f"{p:.2f}"


def _share(p):
    """The same of a share, in percent."""
    return "above 99%" if p > 0.99 else "below 1%" if p < 0.01 else f"{p:.0%}"
