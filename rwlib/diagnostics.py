"""Decide whether draws can be believed: R-hat and ESS of thousands of parameters, and a verdict in words.

ArviZ computes the same numbers one parameter at a time; here they come from whole blocks, on all cores.
"""

import dataclasses
import math
import os
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from typing import NamedTuple

import arviz_stats
import numpy as np
import xarray as xr
from jaxtyping import Float, Shaped
from scipy.fft import next_fast_len
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtri

__all__ = ["Diagnostics", "Failing", "Report", "check", "diagnose"]

MAX_R_HAT, MIN_ESS, MIN_E_BFMI = 1.01, 400, 0.3
MANY_AT_MAX_DEPTH = 0.1  # share of draws above which the depth limit is named as a likely cause
N_NAMED = 6  # how many people, or other parameters, a text names
BLOCK_SIZE = 64_000  # draws at a time: some MB for each thread, which the system need not hand out anew
MAX_THREADS = 8


class Diagnostics(NamedTuple):
    """Convergence of each variable; NaN where it cannot be computed."""

    r_hat: Float[np.ndarray, " n_variables"]
    ess_bulk: Float[np.ndarray, " n_variables"]
    ess_tail: Float[np.ndarray, " n_variables"]


def diagnose(draws: Shaped[np.ndarray, "n_variables n_chains n_draws"]) -> Diagnostics:
    """Compute rank-normalised split R-hat, bulk ESS and tail ESS of many variables at once.

    But for rounding, these are the numbers of ``arviz_stats.rhat`` and ``arviz_stats.ess``, which take one
    variable at a time. ArviZ's own default for the tail is other than here: give it ``prob=(0.05, 0.95)``.

    Parameters
    ----------
    draws : array, shape (n_variables, n_chains, n_draws)
        A view will do: it is copied block by block.

    Returns
    -------
    diagnostics : Diagnostics
        Arrays of shape (n_variables,). ``r_hat``: the larger one of the R-hat of ranks, which compares where
        the chains are, and that of ranks of distances from the median, which compares how wide they are.
        ``ess_bulk``: effective number of draws for the centre. ``ess_tail``: the smaller one of those for the
        5% and the 95% quantile. NaN for a variable that holds a NaN or has fewer than 4 draws per chain;
        R-hat also with one chain, or where no draw differs from another.

    References
    ----------
    Vehtari, A., et al. (2021). Rank-normalization, folding, and localization: An improved R-hat.
    https://doi.org/10.1214/20-BA1221. Where the sum over autocorrelations ends: Geyer, C. J. (1992).
    Practical Markov chain Monte Carlo. https://doi.org/10.1214/ss/1177011137

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.diagnostics import diagnose
    >>> independent = np.random.default_rng(0).normal(size=(4, 1000))
    >>> drifting = independent + np.linspace(0, 2, 1000)
    >>> diagnose(np.stack([independent, drifting])).r_hat.round(2).tolist()
    [1.0, 1.11]
    """
    return Diagnostics(*_in_blocks(_diagnose_block, draws, np.arange(len(draws))))


def _in_blocks(function, draws, variables):
    """Apply a function to blocks of variables, on all cores, and join each of the arrays that it returns."""
    size = max(1, BLOCK_SIZE // max(1, draws[0].size))
    blocks = [variables[start : start + size] for start in range(0, len(variables), size)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(min(cores, MAX_THREADS)) as pool:
        results = pool.map(lambda block: function(draws[block]), blocks)
        return [np.concatenate(parts) for parts in zip(*results)]


def _diagnose_block(draws):
    n_variables, n_chains, n_draws = draws.shape
    if n_draws < 4:
        return np.full((3, n_variables), np.nan)
    # Single precision stays, as in ArviZ: its rounding decides which distances from the median are ties.
    draws = np.ascontiguousarray(draws, np.float32 if draws.dtype == np.float32 else float)
    halves = _split(draws)
    with np.errstate(invalid="ignore", divide="ignore"):  # infinite or constant draws lead to NaN
        median = np.median(np.sort(halves.reshape(n_variables, -1)), axis=-1)
        folded = np.abs(halves - median[:, None, None])
        scores, folded_scores = _normal_scores(halves), _normal_scores(folded)
        # Where only distances allow none (all draws as far from the median), the R-hat of the ranks stands.
        spread = np.where(np.isnan(folded).any((1, 2)), np.nan, _r_hat(folded_scores))
        r_hat = np.fmax(_r_hat(scores), spread)
        # Sorted first, since NumPy sorts faster than it partitions.
        ends = np.quantile(np.sort(draws.reshape(n_variables, -1)), (0.05, 0.95), axis=-1)
        tails = [_ess(_split((draws <= end[:, None, None]).astype(float))) for end in ends]
        found = np.stack([r_hat, _ess(scores), np.minimum(*tails)])
    found[:, np.isnan(draws).any((1, 2))] = np.nan
    if n_chains == 1:
        found[0] = np.nan
    return found


def _split(draws):
    """Take each chain's first and last half as chains of their own, without the middle of an odd number."""
    half = draws.shape[-1] // 2
    return np.concatenate([draws[..., :half], draws[..., -half:]], axis=1)


def _normal_scores(draws):
    """Replace draws by normal quantiles of their ranks within their variable; ties share their mean rank."""
    flat = draws.reshape(len(draws), -1)
    n_variables, n = flat.shape
    order = np.argsort(flat, axis=-1)
    ordered = np.take_along_axis(flat, order, axis=-1)
    # Quantiles of all ranks, and of half ranks, which a mean may be; first as if no draws were tied.
    quantiles = ndtri((1 + np.arange(2 * n - 1) / 2 - 3 / 8) / (n + 1 / 4))
    ranked = np.tile(quantiles[::2], n_variables)
    as_before = np.zeros((n_variables, n + 1), bool)
    as_before[:, 1:-1] = ordered[:, 1:] == ordered[:, :-1]
    tied = np.flatnonzero(as_before[:, :-1] | as_before[:, 1:])
    start = np.flatnonzero(~as_before[:, :-1].ravel()[tied])
    n_tied = np.diff(start, append=tied.size)
    ranked[tied] = np.repeat(quantiles[2 * (tied[start] % n) + n_tied - 1], n_tied)
    scores = np.empty(flat.shape)
    np.put_along_axis(scores, order, ranked.reshape(flat.shape), axis=-1)
    return scores.reshape(draws.shape)


def _r_hat(chains):
    n = chains.shape[-1]
    between = n * chains.mean(-1).var(-1, ddof=1)
    return np.sqrt((between / chains.var(-1, ddof=1).mean(-1) + n - 1) / n)


def _ess(chains):
    """Effective sample size, from chains that are already split; constant draws count in full."""
    _, n_chains, n = chains.shape
    n_padded = next_fast_len(2 * n, real=True)
    mean = chains.mean(-1, keepdims=True)
    transform = np.fft.rfft(chains - mean, n_padded)
    # Averaged over chains before the way back, which is linear.
    power = (transform.real**2 + transform.imag**2).mean(1)
    autocovariance = np.fft.irfft(power, n_padded)[:, :n] / n
    within = autocovariance[:, :1] * n / (n - 1)
    autocorrelation = 1 - (within - autocovariance) / (autocovariance[:, :1] + mean.var(1, ddof=1))
    autocorrelation[:, 0] = 1
    # Geyer: sums of two neighbours are positive, and each is at most the one before it. Adding them up ends
    # before the first that is not positive, whose even member is still added where it is; what noise raises
    # is cut.
    n_pairs = max(1, (n - 1) // 2)
    pairs = autocorrelation[:, : 2 * n_pairs].reshape(-1, n_pairs, 2)
    even, sums = pairs[..., 0], pairs.sum(-1)
    ended = ~(sums > 0)
    last = np.where(ended.any(-1), ended.argmax(-1), n_pairs - 1)[:, None]
    total = np.where(np.arange(n_pairs) < last, np.minimum.accumulate(sums, axis=-1), 0).sum(-1)
    last_even, last_sum = (np.take_along_axis(x, last, axis=-1)[:, 0] for x in (even, sums))
    last_even = np.where(last_sum < 0, np.maximum(last_even, 0), last_even)
    size = n_chains * n
    time = np.maximum(-1 + 2 * total + last_even, 1 / np.log10(size))
    constant = np.ptp(chains, axis=(1, 2)) < np.finfo(float).resolution
    return np.where(constant, size, size / time)


# When a parameter that fails is said to have two modes: only where its draws clearly show them. Of 45,000
# simulated sets of 4 chains of 1,000 draws from one mode, symmetric or skewed, with correlation times of 0 to
# 500 draws, none was said to have two. Of 200 sets from two equal modes 5 SDs apart, 94% were, where a chain
# changed between them 5 times on average.
N_BINS, SMOOTHING = 64, 2.0  # bins of a histogram; the SD of what smooths it, in bins
VALLEY = 2.0  # how many times rarer draws between the modes must be: in all chains together, and in two alone
MIN_AT_MODE = 20  # draws that each of those two chains must have at each mode
MIN_PASSAGES = 2  # how often it must go from one to the other


def _look_of(draws):
    """Say of each variable what its draws clearly show, if anything: the ``kind`` of :class:`Failing`."""
    draws = np.asarray(draws, float)
    finite = np.isfinite(draws).all((1, 2))
    constant = draws.max((1, 2)) == draws.min((1, 2))
    stuck = (draws.max(-1) == draws.min(-1)).any(-1)
    kind = np.full(len(draws), "", "<U20")
    clear = finite & ~stuck
    if clear.any():
        kind[clear] = _modes(_unbounded(draws[clear]))
    kind[stuck] = "stuck chain"
    kind[constant] = "constant"
    kind[~finite] = "not finite"
    return (kind,)


def _unbounded(draws):
    """Take rates to log odds and other positive variables to logarithms, as the draws' range tells.

    On that scale, where NUTS moves, draws that heap up at a bound are no mode of their own.
    """
    low, high = draws.min((1, 2), keepdims=True), draws.max((1, 2), keepdims=True)
    single = np.finfo(np.float32)  # a rate that rounding has put at 0 or 1 would be infinite
    logarithm = np.log(np.maximum(draws, single.tiny))
    log_odds = logarithm - np.log(np.maximum(1 - draws, single.eps / 2))
    return np.where(low < 0, draws, np.where(high > 1, logarithm, log_odds))


def _modes(draws):
    """Say which variables have two modes, and in which the chains sit apart."""
    n_variables, n_chains, n_draws = draws.shape
    n_rows, k = n_variables * n_chains, np.arange(N_BINS)
    low, high = np.quantile(np.sort(draws.reshape(n_variables, -1)), (0.005, 0.995), axis=-1)[..., None, None]
    width = np.where(high > low, high - low, 1)  # nearly all draws may be equal
    bins = np.floor(np.clip((draws - low) * (N_BINS / width), -1, N_BINS)).astype(int)
    bins = bins.reshape(n_rows, n_draws)
    # How often each chain comes to each bin. A draw that repeats the one before it is no new evidence.
    counted = (bins >= 0) & (bins < N_BINS)
    counted[:, 1:] &= np.diff(draws.reshape(n_rows, n_draws)) != 0
    counts = np.bincount((bins + N_BINS * np.arange(n_rows)[:, None])[counted], minlength=n_rows * N_BINS)
    counts = counts.reshape(n_variables, n_chains, N_BINS)

    # The deepest valley in the smoothed histogram of all chains, and the peaks on both sides of it.
    density = gaussian_filter1d(counts.sum(1, dtype=float), SMOOTHING, axis=-1, mode="constant")
    peak_before, peak_after = (np.maximum.accumulate(density[:, ::way], -1)[:, ::way] for way in (1, -1))
    lower_peak = np.minimum(peak_before, peak_after)
    valley = (lower_peak - density).argmax(-1)[:, None]
    left, right = (np.where(side, density, -1).argmax(-1)[:, None] for side in (k <= valley, k >= valley))
    deep = np.take_along_axis(lower_peak >= VALLEY * density, valley, -1)[:, 0]

    # Then each chain alone, since a valley between chains that sit apart need not be one of the posterior.
    reach = (np.minimum(valley - left, right - valley) - 1) // 2
    near = [(np.abs(k - place) <= reach)[:, None] for place in (left, valley, right)]
    n_left, n_valley, n_right = ((counts * here).sum(-1) for here in near)
    beyond = (bins >= np.repeat(right, n_chains, 0)) * 1 - (bins <= np.repeat(left, n_chains, 0))
    where = np.flatnonzero(beyond)
    row, beyond = where // n_draws, beyond.ravel()[where]
    passes = (beyond[1:] != beyond[:-1]) & (row[1:] == row[:-1])
    n_passages = np.bincount(row[1:][passes], minlength=n_rows).reshape(n_variables, n_chains)
    at_both = np.minimum(n_left, n_right) >= np.maximum(VALLEY * n_valley, MIN_AT_MODE)
    two = deep & ((at_both & (n_passages >= MIN_PASSAGES)).sum(-1) >= min(2, n_chains))
    share_right = (bins.reshape(draws.shape) > valley[:, None]).mean(-1)
    apart = deep & (share_right.min(-1) < 0.05) & (share_right.max(-1) > 0.95)
    return np.where(two, "two modes", np.where(apart, "chains apart", ""))


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
        As returned by :func:`rwlib.inference.fit`; any tree with groups ``posterior`` and ``sample_stats`` will do.

    Returns
    -------
    report : Report
        Falsy when any R-hat is 1.01 or more, any bulk or tail effective sample size is below 400, a
        transition diverged, or a chain's E-BFMI is below 0.3. A diagnostic that cannot be computed
        counts as failed.

    Raises
    ------
    ValueError
        If ``fit`` lacks one of the two groups, or its posterior is empty.

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
    for group in ("posterior", "sample_stats"):
        if group not in fit.children:
            raise ValueError(
                f"The fit has no group {group!r}; it has {', '.join(fit.children) or 'none'}. "
                "Give what rwlib.fit returns."
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
            f"before they had gone far enough: raise max_depth (now {fit.attrs['max_depth']})."
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
    (kinds,) = _in_blocks(_look_of, draws, where)
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
            "Whether transitions diverged is not known: sample_stats has no 'diverging'. "
            "Fit again with a sampler that records it."
        )
    elif worst["divergences"]:
        problems.append(
            f"{worst['divergences']:.0f} of {stats['diverging'].size} transitions diverged: the sampler "
            "could not follow the posterior and may miss part of it. Raise target_accept (0.95 by default) to "
            "0.99; if they stay, change the parameterisation (centred) or the priors."
        )
    if "energy" not in stats:
        problems.append(
            "E-BFMI cannot be computed: sample_stats has no 'energy'. "
            "Fit again with a sampler that records it."
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
