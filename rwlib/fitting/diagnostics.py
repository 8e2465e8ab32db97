"""Decide whether a fit can be believed: a verdict in words, with what to do."""

import dataclasses
import math
from operator import attrgetter
from typing import NamedTuple

import arviz_stats
import numpy as np
import xarray as xr

from rwlib.fitting.convergence import Diagnostics, diagnose, looks

__all__ = ["Failing", "Report", "check"]

MAX_R_HAT, MIN_ESS, MIN_E_BFMI = 1.01, 400, 0.3
MANY_AT_MAX_DEPTH = 0.1  # share of draws above which the depth limit is named as a likely cause
N_NAMED = 6  # how many people, or other parameters, a text names


class Failing(NamedTuple):
    """A parameter whose R-hat or effective sample sizes fail."""

    variable: str
    label: str  # its coordinates as text, such as the subject's label; empty for a scalar
    r_hat: float
    ess_bulk: float
    ess_tail: float
    #: What its draws clearly show, or empty. "two modes": two chains or more went to and fro between two
    #: places. "chains apart": chains are in two places and do not move between them, which may be modes, or
    #: chains that have not arrived. "stuck chain": one kept a single value. "constant": all kept the same.
    #: "not finite": some draws are not.
    kind: str


@dataclasses.dataclass(frozen=True)
class Report:
    """What :func:`check` found. True when the fit may be used; printed, it says what is wrong and what to do.

    ``worst`` maps each diagnostic to its worst value: ``r_hat``, ``ess_bulk``, ``ess_tail``, ``divergences``
    (how many), ``e_bfmi``, and ``at_max_depth`` (the share of draws whose trajectory was cut at the depth
    limit). ``problems`` holds one text for each thing that is wrong. ``failing`` lists every parameter whose
    R-hat or ESS fails; ``pandas.DataFrame(report.failing)`` makes it a table.
    """

    worst: dict[str, float]
    problems: tuple[str, ...]
    failing: tuple[Failing, ...] = ()

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        worst = self.worst
        verdict = "This fit passes" if self else "Do not use this fit"
        numbers = (
            f"largest R-hat {worst['r_hat']:.3f}, {worst['divergences']:.0f} divergences, "
            f"smallest E-BFMI {worst['e_bfmi']:.2f},\n"
            f"smallest ESS {_down(worst['ess_bulk'])} (bulk) and {_down(worst['ess_tail'])} (tail)."
        )
        return "\n".join([f"{verdict}: {numbers}", *(f"- {problem}" for problem in self.problems)])

    __repr__ = __str__


def check(fit: xr.DataTree) -> Report:
    """Say in words whether a fit can be believed, what is wrong with it and what to do.

    Parameters
    ----------
    fit : xarray.DataTree
        As returned by :func:`rwlib.fitting.inference.fit`; any tree with groups ``posterior`` and
        ``sample_stats`` will do.

    Returns
    -------
    report : Report
        Falsy when any R-hat is 1.01 or more, any bulk or tail effective sample size is below 400, a
        transition diverged, or a chain's E-BFMI is below 0.3. A diagnostic that cannot be computed
        counts as failed.

    Raises
    ------
    ValueError
        If ``fit`` is no tree, lacks one of the two groups, or its posterior is empty.

    References
    ----------
    Vehtari, A., et al. (2021). Rank-normalization, folding, and localization: An improved R-hat.
    https://doi.org/10.1214/20-BA1221. Betancourt, M. (2016). Diagnosing suboptimal cotangent
    disintegrations in Hamiltonian Monte Carlo. https://doi.org/10.48550/arXiv.1604.00695

    Examples
    --------
    >>> import arviz_base, numpy as np
    >>> from rwlib import check
    >>> rng = np.random.default_rng(0)
    >>> energy, diverging = rng.normal(size=(4, 100)), np.zeros((4, 100), bool)
    >>> stuck = rng.normal(size=(4, 100)) + np.arange(4)[:, None]
    >>> stats = {"energy": energy, "diverging": diverging}
    >>> report = check(arviz_base.from_dict({"posterior": {"x": stuck}, "sample_stats": stats}))
    >>> bool(report)
    False
    """
    if not isinstance(fit, xr.DataTree):
        raise ValueError(
            f"This is no fit, but of type {type(fit).__name__}. Give what rwlib.fit or rwlib.load returns."
        )
    for group in ("posterior", "sample_stats"):
        if group not in fit.children:
            raise ValueError(
                f"The fit has no group {group!r}; it has {', '.join(fit.children) or 'none'}. "
                "Give what rwlib.fit or rwlib.load returns."
            )
    posterior, stats = fit["posterior"].dataset, fit["sample_stats"].dataset
    found = {name: _diagnose_variable(values) for name, values in posterior.data_vars.items() if values.size}
    if not found:
        raise ValueError("The posterior of the fit holds no draws: there is nothing to check.")
    failing = tuple(row for _, rows in found.values() for row in rows)
    worst = dict(zip(Diagnostics._fields, _worst_of(diagnostics for diagnostics, _ in found.values())))
    worst["divergences"] = float(stats["diverging"].sum()) if "diverging" in stats else math.nan
    worst["e_bfmi"] = float(np.min(arviz_stats.bfmi(fit)["energy"])) if "energy" in stats else math.nan
    known = "tree_depth" in stats and "max_depth" in fit.attrs
    worst["at_max_depth"] = float((stats["tree_depth"] >= fit.attrs["max_depth"]).mean()) if known else 0.0

    dims = {name: set(values.dims) for name, values in posterior.data_vars.items()}
    of_people = {name for name in dims if dims[name] == {"chain", "draw", "subject"}}
    problems = _disagreement(failing, of_people) + _inefficiency(failing, of_people)
    if problems and worst["at_max_depth"] > MANY_AT_MAX_DEPTH:
        problems[0] += (
            f" The trajectories of {worst['at_max_depth']:.0%} of the draws were cut at the depth limit, "
            f"before they had gone far enough (2^{fit.attrs['max_depth']} − 1 steps): rescale or "
            f"reparameterise the model."
        )
    problems += _not_computed(failing, of_people, posterior.sizes["chain"], posterior.sizes["draw"])
    problems += _trouble_on_the_way(worst, stats)
    return Report(worst, tuple(problems), failing)


def _diagnose_variable(values):
    """Diagnostics of one variable of a posterior, and a row for each of its parameters that fails."""
    values = values.transpose("chain", "draw", ...)
    shape = values.shape[2:]
    draws = values.values.reshape(*values.shape[:2], -1).transpose(2, 0, 1)
    diagnostics = diagnose(draws)
    r_hat, ess_bulk, ess_tail = diagnostics
    where = np.flatnonzero(~((r_hat < MAX_R_HAT) & (ess_bulk >= MIN_ESS) & (ess_tail >= MIN_ESS)))
    if not where.size:
        return diagnostics, []
    kinds = looks(draws, where)
    labels = [values[dim].values.tolist() for dim in values.dims[2:]]
    rows = []
    for i, kind in zip(where, kinds):
        label = ", ".join(str(along[k]) for along, k in zip(labels, np.unravel_index(i, shape)))
        rows.append(Failing(str(values.name), label, *(float(x[i]) for x in diagnostics), str(kind)))
    return diagnostics, rows


def _worst_of(diagnostics):
    """The largest R-hat and the smallest effective sample sizes; NaN, where there is one, is the worst."""
    r_hat, ess_bulk, ess_tail = (np.concatenate(x) for x in zip(*diagnostics))
    return float(r_hat.max()), float(ess_bulk.min()), float(ess_tail.min())


def _disagreement(failing, of_people):
    # Those of whom more is known come first, since that decides what to do; then the worst.
    rows = [row for row in failing if row.r_hat >= MAX_R_HAT]
    rows.sort(key=lambda row: (row.kind == "", -row.r_hat))
    if not rows:
        return []
    text = (
        f"R-hat is {max(row.r_hat for row in rows):.3f} at worst (it must be below {MAX_R_HAT}) for "
        f"{_names(rows, of_people)}: the chains do not agree. Run them longer (num_warmup, num_samples); if "
        "that does not help, look at the trace of these parameters."
    )
    advice = {
        "two modes": "Where there are two modes, the chains change between them too seldom: raise "
        "num_samples, and report both modes, since a mean between them describes neither.",
        "chains apart": "Chains that sit apart have either not arrived or are in different modes, which "
        "these draws cannot tell: fit again with more num_warmup and another seed; if they stay apart, "
        "tighten the prior or simplify the model.",
        "stuck chain": "A stuck chain kept one value from the first draw to the last: fit again with more "
        "num_warmup and another seed.",
    }
    kinds = {row.kind for row in rows}
    return [" ".join([text, *(sentence for kind, sentence in advice.items() if kind in kinds)])]


def _inefficiency(failing, of_people):
    problems = []
    for field, which, purpose in (
        ("ess_bulk", "Bulk", "their means"),
        ("ess_tail", "Tail", "the ends of their intervals"),
    ):
        rows = sorted((row for row in failing if getattr(row, field) < MIN_ESS), key=attrgetter(field))
        if rows:
            problems.append(
                f"{which} ESS is {_down(getattr(rows[0], field))} at worst (it must be at least {MIN_ESS}) "
                f"for {_names(rows, of_people)}: too few independent draws for {purpose}. Raise num_samples."
            )
    return problems


def _not_computed(failing, of_people, n_chains, n_draws):
    if n_draws < 4:
        return [f"R-hat and ESS cannot be computed from {n_draws} draws per chain: raise num_samples."]
    problems = []
    if n_chains < 2:
        problems.append(
            "R-hat cannot be computed from one chain, so nobody knows whether it has arrived: "
            "fit with num_chains=4."
        )
    computable = Diagnostics._fields if n_chains > 1 else ("ess_bulk", "ess_tail")
    rows = [row for row in failing if any(math.isnan(getattr(row, field)) for field in computable)]
    if rows:
        problems.append(
            f"R-hat or ESS cannot be computed for {_names(rows, of_people)}: the draws do not vary or are "
            "not all numbers. Look at them, then at the data and the model."
        )
    return problems


def _trouble_on_the_way(worst, stats):
    problems = []
    if "diverging" not in stats:
        problems.append(
            "Whether transitions diverged is not known: sample_stats has no 'diverging'. Fit again with a "
            "sampler that records it."
        )
    elif worst["divergences"]:
        problems.append(
            f"{worst['divergences']:.0f} of {stats['diverging'].size} transitions diverged: the sampler "
            "could not follow the posterior and may miss part of it. Raise target_accept to 0.99, or to "
            "0.999 where it was that already; if they stay, change the parameterisation (centred) or the "
            "priors."
        )
    if "energy" not in stats:
        problems.append(
            "E-BFMI cannot be computed: sample_stats has no 'energy'. Fit again with a sampler that records "
            "it."
        )
    elif not worst["e_bfmi"] >= MIN_E_BFMI:
        problems.append(
            f"E-BFMI is {worst['e_bfmi']:.2f} (it must be at least {MIN_E_BFMI}): the sampler moves too "
            "slowly between energy levels, often because a group SD is barely determined. Change the "
            "parameterisation or tighten the prior of the group SD."
        )
    return problems


def _down(ess):
    return f"{np.floor(ess):.0f}"  # or 399.7 would read as 400, which passes


def _names(rows, of_people):
    """Who and what fails, in the order of the rows: people with their parameters, then everything else."""
    people, others = {}, {}
    for row in rows:
        if row.variable in of_people:
            people.setdefault(row.label, {}).setdefault(row.kind, []).append(row.variable)
        else:
            what, name = _what_and_name(row)
            others.setdefault(what, []).append(name + (f" ({row.kind})" if row.kind else ""))
    described = []
    for person, by_kind in people.items():
        looks = [", ".join(names) + (f": {kind}" if kind else "") for kind, names in by_kind.items()]
        described.append(f"{person} ({'; '.join(looks)})")
    parts = [f"{'person' if len(people) == 1 else 'people'} {_listed(described)}"] if people else []
    return ", and for ".join(parts + [what + _listed(names) for what, names in others.items()])


def _what_and_name(row):
    for suffix, what in (("_group_mean", "the group mean of "), ("_group_sd", "the group SD of ")):
        if row.variable.endswith(suffix):
            return what, row.variable.removesuffix(suffix) + (f" [{row.label}]" if row.label else "")
    return "", row.variable + (f"[{row.label}]" if row.label else "")


def _listed(names):
    n_more = len(names) - N_NAMED
    names = names if n_more <= 0 else [*names[:N_NAMED], f"{n_more} other{'s' * (n_more > 1)}"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
