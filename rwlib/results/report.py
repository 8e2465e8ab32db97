"""A methods paragraph and a table of results, of which every number comes from the fit."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.diagnostics import check
from rwlib.fitting.hierarchy import TRANSFORMS, GroupParameter, Model
from rwlib.results.contrasts import contrasts
from rwlib.results.fitted import data_of, model_of

__all__ = ["Written", "estimates", "report", "write_report"]

#: On which scale a group is normal.
SCALES = {"expit": "logit", "exp": "log", "softplus": "inverse softplus", "identity": "natural"}
CITE = (
    "Gunawan, D., Hawkins, G. E., Tran, M.-N., Kohn, R., & Brown, S. D. (2020). New estimation approaches "
    "for the hierarchical linear ballistic accumulator model. https://doi.org/10.1016/j.jmp.2020.102368 "
    "(jumps)",
    "Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. Journal of Machine Learning Research, 15, "
    "1593–1623 (NUTS)",
    "Phan, D., Pradhan, N., & Jankowiak, M. (2019). Composable effects for flexible and accelerated "
    "probabilistic programming in NumPyro. https://doi.org/10.48550/arXiv.1912.11554 (NumPyro)",
    "Vehtari, A., Gelman, A., Simpson, D., Carpenter, B., & Bürkner, P.-C. (2021). Rank-normalization, "
    "folding, and localization. https://doi.org/10.1214/20-BA1221 (R-hat and ESS)",
    "Yu, Y., & Meng, X.-L. (2011). To center or not to center. https://doi.org/10.1198/jcgs.2011.203main "
    "(groups drawn given people)",
)


class Written(NamedTuple):
    """What :func:`report` wrote: paragraphs, tables and references."""

    methods: str
    results: str
    estimates: pd.DataFrame
    differences: pd.DataFrame | None
    cite: tuple[str, ...]

    def __str__(self) -> str:
        """As Markdown."""
        tables = [self.estimates, *([] if self.differences is None else [self.differences])]
        parts = ["## Methods", self.methods, "## Results", self.results, *map(_markdown, tables)]
        return "\n\n".join([*parts, "## References", "\n".join(f"- {source}" for source in self.cite)]) + "\n"


def report(
    fit: xr.DataTree, model: Model | None = None, *, rope: Mapping[str, float] | None = None
) -> Written:
    """Write what a paper must say about a fit.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    rope : dict, optional
        As in :func:`rwlib.results.contrasts.contrasts`.

    Returns
    -------
    written : Written
        Printed, it is Markdown; :func:`write_report` makes a file of it.

    Raises
    ------
    ValueError
        If :func:`rwlib.fitting.diagnostics.check` refuses the fit: there is nothing to report then.

    References
    ----------
    What belongs into it: Wilson, R. C., & Collins, A. G. E. (2019). Ten simple rules for the computational
    modeling of behavioral data. https://doi.org/10.7554/eLife.49547; Kruschke, J. K. (2021). Bayesian
    analysis reporting guidelines. https://doi.org/10.1038/s41562-021-01177-7
    """
    verdict = check(fit)
    if not verdict:
        raise ValueError(f"There is nothing to report about this fit. {verdict}")
    model = model_of(fit, model)
    formulas = {name: json.loads(fit.attrs.get(name, "{}")) for name in ("group", "within")}
    table = estimates(fit, model)
    differences = contrasts(fit, model, rope=rope) if any(formulas.values()) else None
    methods = " ".join([*_of_data(fit), *_of_model(model, formulas), *_of_sampler(fit)])
    results = " ".join([*_of_check(verdict), *_of_estimates(table), *_of_differences(differences)])
    return Written(methods, results, table, differences, CITE)


def estimates(fit: xr.DataTree, model: Model | None = None, *, interval: float = 0.9) -> pd.DataFrame:
    """Each parameter of the group on its own scale: the typical person's, and the mean over people.

    The typical person is the one at the group mean, so half of the people lie below. The mean over people is
    that of these people. Where a group is wide, the two differ, since the transform bends.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    interval : float in (0, 1), default 0.9
        Share of the draws in the central intervals.

    Returns
    -------
    table : pandas.DataFrame
        A row for each parameter, with posterior means and intervals. ``sd`` is the group's, before the
        transform.
    """
    model, posterior, rows = model_of(fit, model), fit["posterior"].to_dataset(), []
    ends = (1 - interval) / 2, (1 + interval) / 2
    for p in model.parameters:
        mean = posterior[f"{p.name}_group_mean"].values
        of_people = posterior[p.name].mean([d for d in posterior[p.name].dims if d not in ("chain", "draw")])
        row: dict[str, str | float] = {"parameter": p.name}
        drawn = {
            "typical": np.asarray(TRANSFORMS[p.transform](mean)),
            "people": of_people.values,
            "sd": posterior[f"{p.name}_group_sd"].values,
        }
        for name, x in drawn.items():
            row[name] = float(x.mean())
            row[f"{name}_from"], row[f"{name}_to"] = np.quantile(x, ends).tolist()
        rows.append(row)
    return pd.DataFrame(rows)


def write_report(written: Written, path: str | Path) -> Path:
    """Write a report as Markdown, LaTeX or Word, as the ending of the path says.

    Parameters
    ----------
    written : Written
        From :func:`report`.
    path : path
        Ending with ``.md``, ``.tex`` or ``.docx``. The last two need pandoc.

    Returns
    -------
    path : Path

    Raises
    ------
    ValueError
        If the ending is another one.
    FileNotFoundError
        If pandoc is needed and not there.
    """
    path = Path(path)
    if path.suffix not in (".md", ".tex", ".docx"):
        raise ValueError(f"The path is {str(path)!r}; its name must end with '.md', '.tex' or '.docx'.")
    if path.suffix == ".md":
        path.write_text(str(written), encoding="utf8")
        return path
    if shutil.which("pandoc") is None:
        raise FileNotFoundError(
            f"pandoc makes {path.suffix} files of Markdown, and it is not on this machine. Install it from "
            "https://pandoc.org, or write '.md'."
        )
    command = ["pandoc", "--from=markdown", "--standalone", f"--output={path}"]
    subprocess.run(command, input=str(written), text=True, encoding="utf8", check=True)
    return path


# Methods


def _of_data(fit):
    data, (zero, one) = data_of(fit), fit.attrs["reward_scale"]
    mask, scored = np.asarray(data.mask), np.asarray(data.scored)
    yield (
        f"We fitted the choices of {data.n_subjects} {_people(data.n_subjects)} among {data.n_actions} "
        f"options: {int(mask.sum()):,} trials, {_range(mask.sum(axis=1))} per person."
    )
    inner = sum(int(row.nonzero()[0][-1]) + 1 - int(row.sum()) for row in mask if row.any())
    if inner:
        yield f"{inner:,} missed trials within sessions were left out; nothing was learned on them."
    if (mask & ~scored).any():
        yield f"{int((mask & ~scored).sum()):,} forced choices taught, and were not scored."
    if data.design.feedback is not None:
        hidden = int((mask & ~np.asarray(data.design.feedback)).sum())
        yield f"{hidden:,} choices had no feedback; they were scored, and taught nothing."
    if data.design.block is not None:
        yield f"Learning started anew in each of {len(data.blocks)} blocks."
    if (zero, one) != (0.0, 1.0):
        yield f"Rewards were scaled so that {zero:g} became 0 and {one:g} became 1."


def _of_model(model, formulas):
    names = ", ".join(p.name for p in model.parameters)
    yield f"The model ({model.name}) has the parameters {names} for each person."
    if model.fixed:
        yield "Fixed were " + ", ".join(f"{name} = {value:g}" for name, value in model.fixed) + "."
    yield (
        "Each parameter is normally distributed over people after a transform, with group mean and group SD "
        "estimated: " + "; ".join(map(_prior, model.parameters)) + "."
    )
    for parameter, formula in formulas["group"].items():
        scale = next(p.mean_scale for p in model.parameters if p.name == parameter)
        yield (
            f"The group mean of {parameter} follows {formula} (columns centred, numbers in units of their "
            f"SD; coefficients N(0, {scale:g}))."
        )
    for parameter, formula in formulas["within"].items():
        p = next(p for p in model.parameters if p.name == parameter)
        yield (
            f"Within people, {parameter} shifts with {formula}: each person's shift is normally distributed "
            f"with a mean that is N(0, {p.mean_scale:g}) and an SD that is half-normal with scale "
            f"{p.sd_scale / 2:g}."
        )


def _prior(p: GroupParameter):
    return (
        f"{p.name} on the {SCALES[p.transform]} scale, mean N({p.mean_location:g}, {p.mean_scale:g}), SD "
        f"half-normal with scale {p.sd_scale:g}"
    )


def _of_sampler(fit):
    attrs = fit.attrs
    now = {name: version(name) for name in ("rwlib", "jax", "numpyro")}
    made_with = json.loads(attrs["versions"]) if "versions" in attrs else now
    yield (
        f"We drew from the posterior with rwlib {made_with['rwlib']}, JAX {made_with['jax']} and NumPyro "
        f"{made_with['numpyro']} (seed {attrs['seed']}): {attrs['num_chains']} chains from starting points "
        f"across the prior, {attrs['num_warmup']:,} warm-up iterations and {attrs['num_samples']:,} draws "
        "each. Every draw is made by three moves: a transition of NUTS (target acceptance "
        f"{attrs['target_accept']:g}), an independent jump of each person and of the group, and the group "
        "drawn given its people."
    )


# Results


def _of_check(verdict):
    worst = verdict.worst
    yield (
        f"The largest R-hat of all parameters of group and people was {worst['r_hat']:.3f}, the smallest "
        f"effective sample size {np.floor(worst['ess_bulk']):,.0f} (bulk) and "
        f"{np.floor(worst['ess_tail']):,.0f} (tail); {worst['divergences']:.0f} transitions diverged, and "
        f"the smallest E-BFMI was {worst['e_bfmi']:.2f}."
    )


def _of_estimates(table):
    yield (
        "Posterior means with 90% intervals: "
        + "; ".join(
            f"{row.parameter} {row.typical:.2f} [{row.typical_from:.2f}, {row.typical_to:.2f}] for the "
            f"typical person and {row.people:.2f} [{row.people_from:.2f}, {row.people_to:.2f}] on average "
            "over people"
            for row in table.itertuples()
        )
        + "."
    )


def _of_differences(table):
    for row in () if table is None else table.itertuples():
        rope = (
            ""
            if np.isnan(row.in_rope)
            else f", {row.in_rope:.0%} of it in the region of practical equivalence"
        )
        yield (
            f"{row.parameter}, {row.term} ({row.meaning}): a difference of {row.difference:.3f} "
            f"[{row.difference_from:.3f}, {row.difference_to:.3f}] for the typical person (coefficient "
            f"{row.effect:.2f} [{row.effect_from:.2f}, {row.effect_to:.2f}]), with a probability of "
            f"direction of {row.p_direction:.3f}{rope}."
        )


def _people(n):
    return "person" if n == 1 else "people"


def _range(counts):
    return f"{counts.min():,}" if counts.min() == counts.max() else f"{counts.min():,} to {counts.max():,}"


def _markdown(table):
    cells = [[f"{x:.3f}" if isinstance(x, float) else str(x) for x in row] for row in table.values.tolist()]
    rows = [list(map(str, table.columns)), ["---"] * len(table.columns), *cells]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
