"""Draw from the posterior with NUTS, and decide whether the draws can be believed."""

import dataclasses
import os
from collections.abc import Sequence

import arviz_base
import arviz_stats
import jax
import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from rwlib.data import ChoiceData
from rwlib.hierarchy import ASYMMETRIC, Model
from rwlib.sampling import Run, constrain, sample

__all__ = ["Report", "check", "fit", "fit_many"]


def fit(
    data: ChoiceData,
    model: Model = ASYMMETRIC,
    *,
    num_warmup: int = 300,
    num_samples: int = 1000,
    num_chains: int = 4,
    seed: int = 0,
    progress_bar: bool | None = None,
    target_accept: float = 0.9,
) -> xr.DataTree:
    """Draw from the posterior of the hierarchical model, given the choices.

    The sampler is NUTS with a diagonal mass matrix (:mod:`rwlib.nuts`). Chains run side by side in one compiled
    program per core. The same seed gives the same draws on the same machine and versions.

    Parameters
    ----------
    data : ChoiceData
    model : Model, default ASYMMETRIC
        Which parameters there are, with their priors.
    num_warmup : int, default 300
        Iterations per chain in which the sampler finds its step size and mass matrix. They are dropped.
    num_samples : int, default 1000
        Draws kept per chain.
    num_chains : int, default 4
        Independent chains. Fewer than four make R-hat a weak test.
    seed : int, default 0
        Seed of the chains' starting points and of the sampler.
    progress_bar : bool, optional
        Default: shown, unless the environment variable ``RWLIB_PROGRESS_BAR`` is 0.
    target_accept : float in (0, 1), default 0.9
        Larger values take smaller steps: slower, and the first cure for divergences.

    Returns
    -------
    fit : xarray.DataTree
        Groups: ``posterior`` (each parameter with dimensions chain, draw, subject, and
        ``<name>_group_mean`` and ``<name>_group_sd`` on the scale before the transform),
        ``unconstrained_posterior`` (what NUTS moved), ``sample_stats`` and ``observed_data``. The
        coordinate ``subject`` carries the labels of ``data.subjects``.

    Raises
    ------
    ValueError
        If a count is too small, or ``target_accept`` is not in (0, 1).

    References
    ----------
    Hoffman, M. D., & Gelman, A. (2014). The No-U-Turn Sampler. *JMLR*, 15, 1593–1623.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=20)
    >>> params = {"alpha_pos": jnp.full(3, 0.4), "alpha_neg": jnp.full(3, 0.2), "beta": jnp.full(3, 3.0)}
    >>> data = rwlib.simulate(jax.random.key(1), outcomes, params).data
    >>> fit = rwlib.fit(data, num_warmup=50, num_samples=50, num_chains=2, progress_bar=False)
    >>> fit.posterior["beta"].dims
    ('chain', 'draw', 'subject')
    """
    settings = dict(num_warmup=num_warmup, num_samples=num_samples, num_chains=num_chains, target_accept=target_accept)
    return fit_many([data], model, **settings, seeds=[seed], progress_bar=progress_bar)[0]


def fit_many(
    datasets: Sequence[ChoiceData],
    model: Model = ASYMMETRIC,
    *,
    num_warmup: int = 300,
    num_samples: int = 1000,
    num_chains: int = 4,
    seeds: Sequence[int] | None = None,
    progress_bar: bool | None = None,
    target_accept: float = 0.9,
    num_threads: int | None = None,
) -> list[xr.DataTree]:
    """Fit many data sets of the same size side by side, in one compiled program.

    Each data set gets a posterior of its own; nothing is pooled between them. Far faster than one :func:`fit` after
    the other where data sets are small, as in a study of recovery or calibration.

    Parameters
    ----------
    datasets : sequence of ChoiceData
        With the same numbers of subjects, trials and actions.
    model : Model, default ASYMMETRIC
    num_warmup, num_samples, num_chains, progress_bar, target_accept
        As in :func:`fit`.
    seeds : sequence of int, optional
        One for each data set. Default: 0, 1, 2, …
    num_threads : int, optional
        How many threads share the chains. Default: one for each core. But for rounding, the draws do not depend on it.

    Returns
    -------
    fits : list of xarray.DataTree
        One for each data set, as from :func:`fit`.

    Raises
    ------
    ValueError
        If there is no data set, their sizes differ, there is not one seed for each, or a setting is impossible.

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> fits = rwlib.fit_many([data, data], num_warmup=50, num_samples=50, num_chains=2, progress_bar=False)
    >>> len(fits), fits[1].posterior["beta"].shape
    (2, (2, 50, 1))
    """
    for name, value, least in (("num_warmup", num_warmup, 1), ("num_samples", num_samples, 4), ("num_chains", num_chains, 1)):
        if value < least:
            raise ValueError(f"{name} is {value}; it must be at least {least}.")
    if not model.parameters:
        raise ValueError(f"The model {model.name!r} has no parameters: there is nothing to fit.")
    if not 0 < target_accept < 1:
        raise ValueError(f"target_accept is {target_accept}; it must lie between 0 and 1.")
    seeds = range(len(datasets)) if seeds is None else seeds
    if not datasets or len(seeds) != len(datasets):
        raise ValueError(f"There are {len(datasets)} data sets and {len(seeds)} seeds; give at least one data set, and one seed for each.")
    for i, data in enumerate(datasets):
        size, first = ((*np.shape(d.choices), d.n_actions) for d in (data, datasets[0]))
        if size != first:
            raise ValueError(f"Data set {i} has (subjects, trials, actions) {size}, but data set 0 has {first}; fit each size by itself.")
    if progress_bar is None:
        progress_bar = os.environ.get("RWLIB_PROGRESS_BAR", "1") != "0"

    # Labels are of no use to the sampler; without them, equally large data share one compiled program.
    anonymous = [dataclasses.replace(data, subjects=None) for data in datasets]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *anonymous)
    run = Run(num_warmup, num_samples, num_chains, target_accept, tuple(int(seed) for seed in seeds))
    total = len(datasets) * num_chains * (num_warmup + num_samples)
    with tqdm(total=total, disable=not progress_bar, desc="NUTS", unit=" draws", leave=False) as bar:
        samples = sample(stacked, model, run, bar.update, num_threads)
    return [
        _to_datatree(jax.tree.map(lambda x: x[i], samples), data, anonymous[i], model, run, run.seeds[i]) for i, data in enumerate(datasets)
    ]


def _to_datatree(draws, data, anonymous, model, run, seed):
    unconstrained, everything = constrain(draws.position, anonymous, model)
    names = [p.name for p in model.parameters]
    wanted = [*(f"{name}_group_{what}" for name in names for what in ("mean", "sd")), *names]
    by_subject = [name for name, value in {**unconstrained, **everything}.items() if value.ndim == 3]
    settings = {name: value for name, value in run._asdict().items() if name != "seeds"} | {"seed": seed}
    return arviz_base.from_dict(
        {
            "posterior": {name: np.asarray(everything[name]) for name in wanted},
            "unconstrained_posterior": {name: np.asarray(value) for name, value in unconstrained.items()},
            "sample_stats": {
                "lp": -draws.potential_energy,
                **{name: getattr(draws, name) for name in ("energy", "n_steps", "acceptance_rate", "diverging", "step_size")},
                "tree_depth": np.ceil(np.log2(draws.n_steps + 1)).astype(int),
            },
            "observed_data": {name: np.asarray(getattr(data, name)) for name in ("choices", "rewards", "mask")},
        },
        coords={"subject": list(data.subjects), "trial": np.arange(data.n_trials)},
        dims={**{name: ["subject"] for name in by_subject}, **{name: ["subject", "trial"] for name in ("choices", "rewards", "mask")}},
        attrs={"/": {**settings, "model": model.name, "n_actions": data.n_actions}},
    )


MAX_R_HAT, MIN_ESS, MIN_E_BFMI = 1.01, 400, 0.3


@dataclasses.dataclass(frozen=True)
class Report:
    """What :func:`check` found. True when the fit may be used; printed, it says what is wrong and what to do.

    ``worst`` maps each diagnostic to its worst value; ``problems`` holds one text per failed criterion.
    """

    worst: dict[str, float]
    problems: tuple[str, ...]

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        worst = self.worst
        numbers = (
            f"largest R-hat {worst['r_hat']:.3f}, {worst['divergences']:.0f} divergences, smallest E-BFMI {worst['e_bfmi']:.2f},\n"
            f"smallest ESS {worst['ess_bulk']:.0f} (bulk) and {worst['ess_tail']:.0f} (tail)."
        )
        return "\n".join([f"{'This fit passes' if self else 'Do not use this fit'}: {numbers}", *(f"- {p}" for p in self.problems)])

    __repr__ = __str__


def check(fit: xr.DataTree) -> Report:
    """Say in words whether a fit can be believed, what is wrong with it and what to do.

    Parameters
    ----------
    fit : xarray.DataTree
        As returned by :func:`fit`; any tree with groups ``posterior`` and ``sample_stats`` will do.

    Returns
    -------
    report : Report
        Falsy when any R-hat is 1.01 or more, any bulk or tail effective sample size is below 400, a
        transition diverged, or a chain's E-BFMI is below 0.3. A diagnostic that cannot be computed
        counts as failed.

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
    >>> report = check(arviz_base.from_dict({"posterior": {"x": stuck}, "sample_stats": {"energy": energy, "diverging": diverging}}))
    >>> bool(report)
    False
    """
    posterior = fit["posterior"].dataset
    diagnostics = {
        "r_hat": arviz_stats.rhat(posterior),
        "ess_bulk": arviz_stats.ess(posterior, method="bulk"),
        "ess_tail": arviz_stats.ess(posterior, method="tail"),
    }
    worst, where = {}, {}
    for name, values in diagnostics.items():
        worst[name], where[name] = _worst(values, largest=name == "r_hat")
    diverging = fit["sample_stats"]["diverging"]
    worst["divergences"] = float(diverging.sum())
    worst["e_bfmi"] = float(np.min(arviz_stats.bfmi(fit)["energy"]))

    problems = []
    if not worst["r_hat"] < MAX_R_HAT:
        problems.append(
            f"R-hat is {worst['r_hat']:.3f} for {where['r_hat']} (it must be below {MAX_R_HAT}): the chains do not agree. "
            "Run them longer (num_warmup, num_samples); if that does not help, look at the trace of this parameter."
        )
    for name, label in (("ess_bulk", "Bulk"), ("ess_tail", "Tail")):
        if not worst[name] >= MIN_ESS:
            problems.append(
                f"{label} ESS is {worst[name]:.0f} for {where[name]} (it must be at least {MIN_ESS}): too few independent draws for "
                f"{'its mean' if name == 'ess_bulk' else 'the ends of its interval'}. Raise num_samples."
            )
    if worst["divergences"]:
        problems.append(
            f"{worst['divergences']:.0f} of {diverging.size} transitions diverged: the sampler could not follow the posterior and may "
            "miss part of it. Raise target_accept to 0.95; if they stay, change the parameterisation (centred) or the priors."
        )
    if not worst["e_bfmi"] >= MIN_E_BFMI:
        problems.append(
            f"E-BFMI is {worst['e_bfmi']:.2f} (it must be at least {MIN_E_BFMI}): the sampler moves too slowly between energy levels, "
            "often because a group SD is barely determined. Change the parameterisation or tighten the prior of the group SD."
        )
    return Report(worst, tuple(problems))


def _worst(diagnostic, *, largest):
    """The worst value of a diagnostic over all variables, and its name; a value that is not a number is the worst."""
    found = []
    for name, values in diagnostic.data_vars.items():
        for index, value in np.ndenumerate(values.values):
            labels = [values[dim].values[i] for dim, i in zip(values.dims, index)]
            found.append((float(value), f"{name}[{', '.join(map(str, labels))}]" if labels else str(name)))
    badness = [(np.isnan(value), value if largest else -value) for value, _ in found]
    return found[max(range(len(found)), key=badness.__getitem__)]
