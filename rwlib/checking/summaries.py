"""Behaviour in a few numbers: learning curves, choice shares, win-stay and lose-shift, observed and
predicted.

The same summaries apply to observed choices and to both kinds of predicted ones (:func:`behaviour`), so that
they can be compared (:func:`compare_behaviour`, :func:`behaviour_table`).
"""

import numpy as np
import pandas as pd
import xarray as xr

from rwlib.data.choices import ChoiceData
from rwlib.fitting.request import check_share

__all__ = ["behaviour", "behaviour_intervals", "behaviour_table", "compare_behaviour"]


def behaviour(
    choices: ChoiceData | xr.DataTree, *, block_size: int = 10, win_above: float = 0.5
) -> xr.Dataset:
    """Summarise each subject's behaviour: the same summaries for observed and for predicted choices.

    Trials that were missed count nowhere, and do not come between a choice and the one after it. Forced
    choices are not counted either, since nobody made them. Stays and shifts are counted within blocks,
    between two choices of the person's own of which the first had an outcome that was shown.

    Parameters
    ----------
    choices : ChoiceData, or xarray.DataTree
        A tree is one of :func:`~rwlib.checking.prediction.generate` or
        :func:`~rwlib.checking.prediction.predict_next`. One-step-ahead choices are held against the observed
        history: "stay" means that the predicted choice repeats the last observed one.
    block_size : int, default 10
        Trials in each block of the learning curve. The last block may be shorter.
    win_above : float, default 0.5
        A trial is won if its reward is above this, in reward units.

    Returns
    -------
    summaries : xarray.Dataset
        ``learning_curve`` (subject, block, arm): share of choices of each arm, in blocks of trials; the
        coordinate ``block`` is the middle of the block, counting the first trial as 1. ``choice_share``
        (subject, arm): the same, all trials together. ``win_stay`` (subject): share of won trials after which
        the choice was repeated. ``lose_shift`` (subject): share of lost trials after which it was not. For
        predictions, each has the dimensions chain and draw in front. NaN where there was no such trial.

    Raises
    ------
    ValueError
        If ``block_size`` is below 1, or the tree holds no predictions.

    References
    ----------
    Wilson, R. C., & Collins, A. G. E. (2019). https://doi.org/10.7554/eLife.49547

    Examples
    --------
    >>> from rwlib import ChoiceData, behaviour
    >>> data = ChoiceData(choices=[[0, 0, 1, 1, 0]], rewards=[[1.0, 0.0, 1.0, 1.0, 0.0]], subjects=["ada"])
    >>> summaries = behaviour(data, block_size=5)
    >>> float(summaries["win_stay"].item()), float(summaries["lose_shift"].item())
    (0.667, 1.0)
    >>> summaries["choice_share"].values.tolist()
    [[0.6, 0.4]]
    """
    if block_size < 1:
        raise ValueError(f"block_size is {block_size}; it must be at least 1.")
    if isinstance(choices, ChoiceData):
        chosen = before = np.asarray(choices.choices)
        rewards, mask, n_actions = np.asarray(choices.rewards), np.asarray(choices.mask), choices.n_actions
        design = {name: getattr(choices.design, name) for name in ("block", "feedback", "forced")}
        dims, coords = ("subject",), {"subject": list(choices.subjects)}
    else:
        group, constant = _predictive(choices)[1], choices["constant_data"].to_dataset()
        chosen = before = group["choices"].values
        mask, n_actions, dims = (
            constant["mask"].values,
            choices.attrs["n_actions"],
            ("chain", "draw", "subject"),
        )
        coords = {dim: group[dim].values for dim in dims}
        design = {name: x.values for name, x in constant.data_vars.items()}
        if choices.attrs["kind"] == "generative":
            rewards = group["rewards"].values
        else:
            before, rewards = constant["observed_choices"].values, constant["observed_rewards"].values

    n_trials, forced, shown, block = mask.shape[-1], *map(design.get, ("forced", "feedback", "block"))
    own = mask if forced is None else mask & (np.asarray(forced) < 0)
    starts = np.arange(0, n_trials, block_size)
    taken = np.stack(
        [np.add.reduceat((chosen == arm) & own, starts, axis=-1, dtype=int) for arm in range(n_actions)],
        axis=-1,
    )
    played = np.add.reduceat(own, starts, axis=-1, dtype=int)[..., None]
    # The latest trial, before each, that was not missed; -1 where there is none.
    latest = np.maximum.accumulate(np.where(mask, np.arange(n_trials), -1), axis=-1)
    latest = np.concatenate([np.full((len(mask), 1), -1), latest[:, :-1]], axis=-1)

    def at_latest(x):
        return np.take_along_axis(x, np.broadcast_to(latest.clip(0), x.shape), axis=-1)

    stayed, won = chosen == at_latest(before), at_latest(rewards) > win_above
    counts = own & (latest >= 0) & at_latest(own)
    if shown is not None:
        counts &= at_latest(np.asarray(shown))
    if block is not None:
        counts &= at_latest(np.asarray(block)) == np.asarray(block)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: there was no such trial
        summaries = {
            "learning_curve": ((*dims, "block", "arm"), taken / played),
            "choice_share": ((*dims, "arm"), taken.sum(axis=-2) / played.sum(axis=-2)),
            "win_stay": (dims, (stayed & won & counts).sum(axis=-1) / (won & counts).sum(axis=-1)),
            "lose_shift": (dims, (~stayed & ~won & counts).sum(axis=-1) / (~won & counts).sum(axis=-1)),
        }
    middles = (starts + np.minimum(starts + block_size, n_trials) + 1) / 2
    return xr.Dataset(summaries, {**coords, "block": middles, "arm": np.arange(n_actions)})


def behaviour_intervals(summaries: xr.Dataset, over: str = "draws", prob: float = 0.9) -> xr.Dataset:
    """Mean and central interval of each summary, over draws or over subjects.

    Parameters
    ----------
    summaries : xarray.Dataset
        From :func:`behaviour`.
    over : {"draws", "subjects"}, default "draws"
        What the interval is about. "draws": the mean over subjects, which says what the model predicts of
        this group; observed choices have no draws. "subjects": a single subject, in all draws together if
        there are any.
    prob : float in (0, 1), default 0.9
        Probability inside the interval.

    Returns
    -------
    intervals : xarray.Dataset
        With the new dimension ``bound``: low, mean, high.

    Raises
    ------
    ValueError
        If ``over`` is neither, ``prob`` is not in (0, 1), or draws are asked for where there are none.

    Examples
    --------
    >>> from rwlib import ChoiceData, behaviour, behaviour_intervals
    >>> data = ChoiceData([[0, 0, 0, 1], [1, 1, 0, 1]], [[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
    >>> behaviour_intervals(behaviour(data), over="subjects")["choice_share"].sel(arm=0).values.tolist()
    [0.275, 0.5, 0.725]
    """
    if over not in ("draws", "subjects"):
        raise ValueError(f"over is {over!r}; it must be 'draws' or 'subjects'.")
    if over == "draws" and "draw" not in summaries.dims:
        raise ValueError("over is 'draws', but observed choices have none; ask for 'subjects'.")
    ends = _ends(prob)
    if over == "draws":
        summaries = summaries.mean("subject")
    dims = [dim for dim in ("chain", "draw", "subject") if dim in summaries.dims]
    low, high = (summaries.quantile(end, dims).drop_vars("quantile") for end in ends)
    return xr.concat([low, summaries.mean(dims), high], pd.Index(["low", "mean", "high"], name="bound"))


def _ends(prob):
    check_share("prob", prob)
    return (1 - prob) / 2, (1 + prob) / 2


def compare_behaviour(
    predictions: xr.DataTree, data: ChoiceData, *, block_size: int = 10, win_above: float = 0.5
) -> xr.DataTree:
    """Put predicted behaviour beside the observed one, as ArviZ's plots of predictive checks want it.

    Parameters
    ----------
    predictions : xarray.DataTree
        From :func:`rwlib.checking.prediction.generate` or :func:`rwlib.checking.prediction.predict_next`.
    data : ChoiceData
        Observed choices of the same subjects and trials.
    block_size, win_above
        As in :func:`behaviour`.

    Returns
    -------
    comparison : xarray.DataTree
        Groups ``posterior_predictive`` (or ``prior_predictive``) and ``observed_data``, both with the means
        over subjects of all summaries of :func:`behaviour`, and with ``choice_share_sd``, ``win_stay_sd`` and
        ``lose_shift_sd``, SDs over subjects; and ``constant_data`` with ``trial``, the middles of the blocks.

    Raises
    ------
    ValueError
        If subjects, trials, actions or missed trials of the predictions are not those of ``data``.

    Examples
    --------
    >>> import jax, numpy as np
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=30)
    >>> prior = rwlib.sample_prior(jax.random.key(1), n_subjects=4, num_draws=10)
    >>> data = rwlib.simulate(jax.random.key(2), outcomes, {"alpha": np.full(4, 0.5), "beta": 3.0}).data
    >>> comparison = rwlib.compare_behaviour(rwlib.generate(jax.random.key(3), outcomes, prior), data)
    >>> comparison.prior_predictive["win_stay"].shape, comparison.observed_data["win_stay"].shape
    ((1, 10), ())
    """
    name, group = _predictive(predictions)
    mask = predictions["constant_data"]["mask"].values
    theirs, ours = (
        (*mask.shape, predictions.attrs["n_actions"]),
        (data.n_subjects, data.n_trials, data.n_actions),
    )
    if theirs != ours:
        raise ValueError(
            f"The predictions have (subjects, trials, actions) {theirs}, but data has {ours}; they must be "
            f"of the same study."
        )
    for predicted, label in zip(group["subject"].values.tolist(), data.subjects):
        if predicted != label:
            raise ValueError(
                f"The predictions are of subject {predicted!r} where data has {label!r}; they must be of the "
                f"same subjects."
            )
    if (mask != np.asarray(data.mask)).any():
        i, trial = np.argwhere(mask != np.asarray(data.mask))[0]
        raise ValueError(
            f"Subject {data.subjects[i]!r} missed trial {trial} in only one of predictions and data; give "
            f"`generate` the mask of data."
        )
    predicted, observed = (
        _over_subjects(behaviour(choices, block_size=block_size, win_above=win_above))
        for choices in (predictions, data)
    )
    constant = xr.Dataset({"trial": ("block", observed["block"].values)}, {"block": observed["block"]})
    tree = xr.DataTree.from_dict({name: predicted, "observed_data": observed, "constant_data": constant})
    tree.attrs = dict(predictions.attrs)
    return tree


def _over_subjects(summaries):
    mean = summaries.mean("subject")
    sd = ((summaries - mean) ** 2).mean("subject") ** 0.5
    return mean.assign({f"{name}_sd": sd[name] for name in ("choice_share", "win_stay", "lose_shift")})


def behaviour_table(comparison: xr.DataTree, prob: float = 0.9) -> pd.DataFrame:
    """Say for each summary whether the observed value is one that the model predicts.

    Parameters
    ----------
    comparison : xarray.DataTree
        From :func:`compare_behaviour`.
    prob : float in (0, 1), default 0.9
        Probability inside the predicted interval.

    Returns
    -------
    table : pandas.DataFrame
        One row per summary, and per arm where there is one each, unless nobody shows it. ``observed``: its
        mean (or SD) over subjects. ``predicted``, ``low``, ``high``: mean and central interval over draws.
        ``p``: share of draws with a larger value, ties counted half; near 0 or 1 where the model is off.
        ``inside``: whether the interval holds the observed value.

    Raises
    ------
    ValueError
        If ``prob`` is not in (0, 1).

    References
    ----------
    Gelman, A., Meng, X.-L., & Stern, H. (1996). Posterior predictive assessment of model fitness via realized
    discrepancies. *Statistica Sinica*, 6, 733–760.

    Examples
    --------
    >>> import jax, numpy as np
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], n_trials=30)
    >>> prior = rwlib.sample_prior(jax.random.key(1), n_subjects=4, num_draws=10)
    >>> data = rwlib.simulate(jax.random.key(2), outcomes, {"alpha": np.full(4, 0.5), "beta": 3.0}).data
    >>> comparison = rwlib.compare_behaviour(rwlib.generate(jax.random.key(3), outcomes, prior), data)
    >>> rwlib.behaviour_table(comparison).index.tolist()[:3]
    ['choice_share[0]', 'choice_share[1]', 'win_stay']
    """
    ends, group, observed = _ends(prob), _predictive(comparison)[1], comparison["observed_data"].to_dataset()
    rows = {}
    for name in ("choice_share", "win_stay", "lose_shift", "choice_share_sd", "win_stay_sd", "lose_shift_sd"):
        draws = group[name].stack(sample=("chain", "draw")).transpose("sample", ...).values
        for index, value in np.ndenumerate(observed[name].values):
            of_draws = draws[(slice(None), *index)]
            of_draws = of_draws[np.isfinite(of_draws)]
            if np.isfinite(value) and of_draws.size:
                low, high = np.quantile(of_draws, ends)
                rows[f"{name}[{index[0]}]" if index else name] = {
                    "observed": value,
                    "predicted": of_draws.mean(),
                    "low": low,
                    "high": high,
                    "p": np.mean((of_draws > value) + 0.5 * (of_draws == value)),
                    "inside": bool(low <= value <= high),
                }
    return pd.DataFrame.from_dict(rows, orient="index")


def _predictive(tree):
    """Name and content of the group of predictions in a tree."""
    for name in ("posterior_predictive", "prior_predictive"):
        if isinstance(tree, xr.DataTree) and name in tree.children:
            return name, tree[name].to_dataset()
    raise ValueError(
        f"A {type(tree).__name__} without predictions was given; `generate` and `predict_next` return trees "
        f"that have them."
    )
