"""How well does a model predict choices that its fit has not seen? Each is left out in turn, without fitting
again."""

import warnings
from functools import partial

import arviz_stats
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from arviz_stats import ELPDData
from arviz_stats.base import array_stats
from scipy.special import logsumexp

from rwlib.checking.calibration import BATCH
from rwlib.data.choices import ChoiceData, check_is_choice_data
from rwlib.data.design import arrays_of
from rwlib.fitting.hierarchy import of_subjects
from rwlib.fitting.models import Model, check_fitted
from rwlib.fitting.trees import data_in
from rwlib.model.likelihood import trialwise_log_likelihood

__all__ = ["loo_by_trial"]

AT_ONCE = 2**24  # scores of choices that are held at a time: a quarter of a gigabyte, with copies
NEGLIGIBLE = 0.01  # nats: an error of a choice's score that changes no comparison


def loo_by_trial(data: ChoiceData, model: Model, fit: xr.DataTree | None = None) -> ELPDData:
    r"""Expected log predictive density when each choice in turn is left out, from one fit.

    .. math:: \sum_{i,t} \log \int p(c_{it} \mid h_{it}, \theta)\;
              p(\theta \mid \text{scores of all other choices})\, d\theta

    The choice is left out of the score only: it stays in the history *h* of later trials, where it and its
    reward still teach the agent. So this asks how well a choice is predicted by parameters that were not
    fitted to it, not how well the future is.

    Nothing is fitted again. Posterior draws are reweighted by one over the probability of the choice, and the
    largest weights are smoothed (PSIS). The shape k of their tail says whether that can be trusted.

    There is no tail to describe where all draws find a choice about equally probable, as where nobody has
    learned anything yet: the narrow heap of weights may have any shape, and k a value far above 0.7, although
    no weight matters. If the smallest and the largest log-probability differ by r, weights lie between 1 and
    exp(r), in units of the smallest. So their SD is at most (exp(r) − 1) / 2 (Popoviciu), their mean at least
    1, and the score's Monte Carlo error, from n independent draws, at most (exp(r) − 1) / (2 √n). Where that
    is below 0.01 the weights are left as they are, and k is −∞.

    Parameters
    ----------
    data : ChoiceData
    model : Model
    fit : xarray.DataTree, optional
        Of these data with this model. Left out only for a model without parameters, whose score is exact.

    Returns
    -------
    elpd : arviz_stats.ELPDData
        As from :func:`arviz_stats.loo` with ``pointwise=True``, without the weights: ``elpd``, its standard
        error ``se`` over choices, ``p`` (by how much the fit is better on choices that it has seen),
        ``elpd_i``, and ``pareto_k``, which should be below ``good_k``. To compare models,
        :func:`rwlib.checking.comparison.compare_by_person` has the standard errors that count.

    Raises
    ------
    ValueError
        If ``data`` are no ChoiceData, or the fit is missing, or one of another model or of other data.

    Warns
    -----
    UserWarning
        If some choice's k is above ``good_k``.

    References
    ----------
    Vehtari, A., Gelman, A., & Gabry, J. (2017). Practical Bayesian model evaluation
    using leave-one-out cross-validation and WAIC. https://doi.org/10.1007/s11222-016-9696-4. Bürkner, P.-C.,
    Gabry, J., & Vehtari, A. (2020). Approximate leave-future-out cross-validation for Bayesian time series
    models. https://doi.org/10.1080/00949655.2020.1783262. Vehtari, A., Simpson, D., Gelman, A., Yao, Y., &
    Gabry, J. (2024). Pareto smoothed importance sampling. *JMLR*, 25(72).

    Examples
    --------
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> rwlib.loo_by_trial(data, rwlib.RANDOM).elpd
    -2.773
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, num_warmup=50, num_samples=100, progress_bar=False)
    >>> bool(rwlib.loo_by_trial(data, rwlib.SYMMETRIC, fit).elpd < 0)
    True
    """
    check_is_choice_data(data)
    row, trial = np.nonzero(data.scored)
    coords = {"subject": ("point", np.array(data.subjects)[row]), "trial": ("point", trial)}
    if not model.parameters:
        scores = np.asarray(trialwise_log_likelihood(data, dict(model.fixed), model.agent), float)[row, trial]
        elpd_i = xr.DataArray(scores, dims="point", coords=coords)
        return as_elpd("loo", elpd_i, p=0.0, n_samples=1, pareto_k=xr.full_like(elpd_i, -np.inf))
    if fit is None:
        raise ValueError(f"The model {model.name!r} has parameters: give loo_by_trial a fit of it.")
    posterior = _posterior_of(fit, data, model)
    draws = {p.name: posterior[p.name].values.reshape(-1, data.n_subjects) for p in model.parameters}
    n_samples = posterior.sizes["chain"] * posterior.sizes["draw"]
    r_eff, anonymous = _relative_efficiency(posterior), data.without_labels()
    parts = []
    for people in _in_parts(
        np.flatnonzero(np.any(data.scored, axis=1)), AT_ONCE // (n_samples * data.n_trials)
    ):
        few = jax.tree.map(lambda x: x[people], anonymous)
        of_few = in_single_precision({name: values[:, people] for name, values in draws.items()})
        by_trial = np.asarray(_score_trials(few, of_few, model))
        parts.append(_leave_out(by_trial[:, few.scored].T.astype(float), r_eff))
    elpd_i, p_i, pareto_k = (
        xr.DataArray(np.concatenate(values), dims="point", coords=coords) for values in zip(*parts)
    )
    elpd = as_elpd("loo", elpd_i, p=float(p_i.sum()), n_samples=n_samples, pareto_k=pareto_k)
    large = int((pareto_k > elpd.good_k).sum())
    if large:
        elpd.warning = True
        warnings.warn(
            f"The scores of {large} of {elpd_i.size} choices by the model {model.name!r} are rough: their "
            f"Pareto k is above {elpd.good_k:.2f}, {float(pareto_k.max()):.2f} at most. Draw more, and look "
            "at what these choices have in common: the model may not expect them.",
            stacklevel=2,
        )
    return elpd


def _posterior_of(fit, data, model):
    """The posterior of the subjects of ``data``, in their order, unless the fit is of another model or of
    other data."""
    check_fitted(fit.attrs, model)
    for parameter in model.parameters:
        if "condition" in fit["posterior"][parameter.name].dims:
            raise ValueError(
                f"In this fit {parameter.name!r} moves with a condition, so nobody has one value of it. "
                "rwlib.add_groups(fit, 'log_likelihood') scores people in each condition, for "
                "arviz_stats.loo."
            )
    fitted = of_subjects(data_in(fit), data.subjects)
    fitted = fitted.drop_vars("trials", errors="ignore")  # what the table calls them does not matter
    given = {name: getattr(data, name) for name in ("choices", "rewards", "mask")} | arrays_of(data.design)
    for name in {**given, **fitted.data_vars}:
        if name not in given or name not in fitted or not np.array_equal(fitted[name].values, given[name]):
            raise ValueError(
                f"The fit is one of other data: {name!r} differs. Give the data that were fitted."
            )
    return of_subjects(fit["posterior"].to_dataset(), data.subjects)


def _relative_efficiency(posterior):
    """How many independent draws one draw is worth, on average over the parameters; at most 1."""
    n_samples = posterior.sizes["chain"] * posterior.sizes["draw"]
    if posterior.sizes["chain"] == 1:
        return 1.0
    ess = arviz_stats.ess(posterior, method="mean")
    return min(float(np.mean(np.concatenate([ess[name].values.ravel() for name in ess]))) / n_samples, 1.0)


def _in_parts(rows, size):
    """Neighbouring rows, at most ``size`` together."""
    return np.array_split(rows, -(-len(rows) // max(size, 1)))


def _leave_out(scores, r_eff):
    """Score of each choice without itself, by how much it is better with itself, and k.

    ``scores`` are log-probabilities under each draw, (n_choices, n_draws).
    """
    n_samples = scores.shape[1]
    within = np.expm1(np.ptp(scores, axis=1)) / 2 < NEGLIGIBLE * np.sqrt(r_eff * n_samples)
    log_weights, k = -scores, np.full(len(scores), -np.inf)
    if not within.all():
        # ArviZ cannot describe a tail of equal values. Noise below rounding breaks the ties.
        noise = 1e-9 * np.random.default_rng(0).uniform(size=(int((~within).sum()), n_samples))
        log_weights[~within], k[~within] = array_stats.psislw(scores[~within] + noise, r_eff=r_eff)
    log_weights -= logsumexp(log_weights, axis=1, keepdims=True)
    elpd = logsumexp(log_weights + scores, axis=1)
    return elpd, logsumexp(scores, axis=1) - np.log(n_samples) - elpd, k


@partial(jax.jit, static_argnames="model")
def _score_trials(data, draws, model):
    """Log-probability of each choice under each draw, (n_draws, n_subjects, n_trials)."""
    score = lambda draw: trialwise_log_likelihood(data, {**draw, **dict(model.fixed)}, model.agent)  # noqa: E731
    return jax.lax.map(score, draws, batch_size=BATCH)


def in_single_precision(params):
    """Parameters as they are scored: half the cost, and digits enough for a probability."""
    return {name: jnp.asarray(value, jnp.float32) for name, value in params.items()}


def as_elpd(kind, elpd_i, *, p, n_samples, **more):
    """ArviZ's container, with its bound on k and its standard error, for scores that ArviZ did not add up."""
    n = elpd_i.size
    fields = dict(
        elpd=float(elpd_i.sum()),
        se=float(np.sqrt(n * elpd_i.var())),
        p=p,
        n_samples=n_samples,
        n_data_points=n,
        scale="log",
        warning=False,
        good_k=min(1 - 1 / np.log10(n_samples), 0.7) if n_samples > 1 else 0.7,
        elpd_i=elpd_i,
        **more,
    )
    # ArviZ has one class for all kinds up to arviz-stats 1.2, and one for each kind from 1.3 on.
    of_kind = getattr(arviz_stats, {"loo": "ELPDDataLOO", "loo_kfold": "ELPDDataLOOKFold"}[kind], None)
    return ELPDData(kind=kind, **fields) if of_kind is None else of_kind(**fields)
