"""The groups that ArviZ's functions look for beside the posterior: prior, predictions, log-likelihoods."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from rwlib.fitting.effects import describe
from rwlib.fitting.models import Model
from rwlib.fitting.trees import evenly_spaced, prior_draws
from rwlib.model.agents import precision_of, session, trials_of
from rwlib.model.choice import sample_choice
from rwlib.results.fitted import data_of, draws_of, formulas_of, model_of, to_trials

__all__ = ["add_groups"]

TIE_BREAKER = 1e-9  # added at most to log-likelihoods
GROUPS = ("prior", "posterior_predictive", "log_likelihood")


def add_groups(
    fit: xr.DataTree, *groups: str, model: Model | None = None, num_draws: int = 1000, seed: int = 0
) -> xr.DataTree:
    """Add what ArviZ needs for more than the posterior itself.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`. It stays as it is.
    *groups : {"prior", "posterior_predictive", "log_likelihood"}
        ``prior``: draws under the names of the posterior, in one chain. ``posterior_predictive``:
        ``choices`` (chain, draw, subject, trial), one drawn for each trial given all that was observed before
        it, and −1 where nobody played. ``log_likelihood``: ``choices`` (chain, draw, point), the
        log-probability of each choice that is scored, one after the other along ``point``, with coordinates
        ``subject`` and ``trial`` (its place in the session, from 0). At most 10⁻⁹ is added to each at random,
        since a choice that is equally probable under all draws would stop ``arviz_stats.loo``.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    num_draws : int, default 1000
        At most so many draws of each group, taken at even distances along every chain; but one of each chain
        at least. Predictions and log-likelihoods have a number for each draw and choice.
    seed : int, default 0
        Of prior and predictions.

    Returns
    -------
    fit : xarray.DataTree
        With these groups. Where predictions or log-likelihoods are among them, ``posterior``,
        ``unconstrained_posterior``, ``sample_stats``, and predictions or log-likelihoods that were there
        before, are thinned to the draws that they belong to.

    Raises
    ------
    ValueError
        If a group has another name or none is named, ``num_draws`` is below 1, the fit is of another model,
        or its agent is not one of rwlib's and ``model`` is missing.

    References
    ----------
    Kumar, R., Carroll, C., Hartikainen, A., & Martin, O. (2019). ArviZ, a unified library for exploratory
    analysis of Bayesian models in Python. https://doi.org/10.21105/joss.01143

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> fit = rwlib.add_groups(rwlib.fit(data, rwlib.SYMMETRIC, **short), "prior", "log_likelihood")
    >>> dict(fit.log_likelihood["choices"].sizes), dict(fit.prior["beta"].sizes)
    ({'chain': 2, 'draw': 50, 'point': 4}, {'chain': 1, 'draw': 100, 'subject': 1})
    """
    for group in groups:
        if group not in GROUPS:
            raise ValueError(f"{group!r} is no group that can be added; choose among {', '.join(GROUPS)}.")
    if not groups:
        raise ValueError(f"No group is named; choose among {', '.join(GROUPS)}.")
    if num_draws < 1:
        raise ValueError(f"num_draws is {num_draws}; it must be at least 1.")
    model, data = model_of(fit, model), data_of(fit)
    n_chains, n_draws = (fit["posterior"].sizes[dim] for dim in ("chain", "draw"))
    kept = evenly_spaced(n_draws, max(1, num_draws // n_chains))
    thinned, of_draws = fit.copy(), set(groups) - {"prior"}
    if of_draws:
        earlier = {"posterior_predictive", "log_likelihood"} & set(fit.children) - of_draws
        for name in ("posterior", "unconstrained_posterior", "sample_stats", *earlier):
            thinned[name] = xr.DataTree(fit[name].to_dataset().isel(draw=kept))
    if "prior" in groups:
        described = describe(data, model, **formulas_of(fit))
        drawn = prior_draws(data, described, min(num_draws, n_chains * n_draws), seed)
        thinned["prior"] = xr.DataTree(drawn)
    if not of_draws:
        return thinned
    rows = draws_of(thinned, model, n_chains * len(kept))
    keys = jax.random.split(jax.random.key(seed), n_chains * len(kept))
    log_probability, choices = _score_and_choose(keys, rows.data, rows.params, model.agent)
    by_draw = {"chain": fit["posterior"]["chain"].values, "draw": thinned["posterior"]["draw"].values}
    in_trials = partial(_by_draw, rows=rows.data, data=data, shape=(n_chains, len(kept)))
    row, trial = np.nonzero(data.scored)
    if "log_likelihood" in groups:
        coords = by_draw | {"subject": ("point", np.array(data.subjects)[row]), "trial": ("point", trial)}
        scores = in_trials(log_probability)[:, :, row, trial]
        # The same under all draws, as a first choice's, it would stop arviz_stats.loo.
        scores += TIE_BREAKER * np.random.default_rng(seed).uniform(size=scores.shape)
        of_points = (("chain", "draw", "point"), scores)
        thinned["log_likelihood"] = xr.DataTree(xr.Dataset({"choices": of_points}, coords))
    if "posterior_predictive" in groups:
        coords = by_draw | {"subject": list(data.subjects), "trial": np.arange(data.n_trials)}
        made = np.where(data.mask, in_trials(choices), -1).astype(int)
        of_trials = (("chain", "draw", "subject", "trial"), made)
        thinned["posterior_predictive"] = xr.DataTree(xr.Dataset({"choices": of_trials}, coords))
    return thinned


def _by_draw(values, rows, data, shape):
    """From (n_samples, n_rows, n_trials_of_a_row) to (n_chains, n_draws, n_subjects, n_trials)."""
    back = np.stack([to_trials(of_draw, rows, data) for of_draw in np.asarray(values)])
    return back.reshape(*shape, *back.shape[1:])


@partial(jax.jit, static_argnames="agent")
def _score_and_choose(keys, data, params, agent):
    """The log-probability of each observed choice, and another choice drawn in its place."""

    def respond(log_probs, given):
        key, choice, reward = given
        return choice, reward, (log_probs[choice], sample_choice(key, log_probs))

    def one_draw(drawn):
        key, params = drawn
        keys = jax.random.split(key, data.choices.shape)
        history = keys, jnp.asarray(data.choices), jnp.asarray(data.rewards, precision_of(params))
        return session(agent, params, data.n_actions, trials_of(data.design, data.mask), history, respond)[1]

    return jax.lax.map(one_draw, (keys, {name: jnp.asarray(x) for name, x in params.items()}), batch_size=64)
