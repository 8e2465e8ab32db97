"""What a model predicts about behaviour, before it has seen data (prior) and after (posterior).

There are two kinds of prediction. *Generative*: agents play the task again, and each choice has its consequences
(:func:`generate`). *One step ahead*: each choice is predicted from the choices and rewards that were really observed before it
(:func:`predict_next`). The same summaries apply to both and to observed choices (:func:`behaviour`), so that they can be
compared (:func:`compare_behaviour`, :func:`behaviour_table`).
"""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Bool, Num, PRNGKeyArray
from numpyro.infer import Predictive

from rwlib.choice import sample_choice
from rwlib.data import ChoiceData
from rwlib.hierarchy import ASYMMETRIC, Model, sample_subjects
from rwlib.parameters import subject_parameters
from rwlib.simulation import simulate

__all__ = ["behaviour", "behaviour_intervals", "behaviour_table", "compare_behaviour", "generate", "predict_next", "sample_prior"]


def sample_prior(key: PRNGKeyArray, model: Model = ASYMMETRIC, n_subjects: int = 40, num_draws: int = 500) -> xr.DataTree:
    """Draw groups, and their subjects, from a model's priors.

    Each draw is another group: its means and SDs, and then its subjects.

    Parameters
    ----------
    key : jax.random.key
        Gives the same draws each time.
    model : Model, default ASYMMETRIC
    n_subjects : int, default 40
        Subjects in each group, at least 1.
    num_draws : int, default 500
        Groups, at least 1.

    Returns
    -------
    tree : xarray.DataTree
        Group ``prior``, with the variables that the group ``posterior`` of :func:`rwlib.inference.fit` has and one chain.

    Raises
    ------
    ValueError
        If ``n_subjects`` or ``num_draws`` is below 1.

    References
    ----------
    Gabry, J., et al. (2019). Visualization in Bayesian workflow. https://doi.org/10.1111/rssa.12378

    Examples
    --------
    >>> import jax
    >>> from rwlib import sample_prior
    >>> tree = sample_prior(jax.random.key(0), n_subjects=20, num_draws=100)
    >>> dict(tree.prior["beta"].sizes)
    {'chain': 1, 'draw': 100, 'subject': 20}
    """
    for name, value in (("n_subjects", n_subjects), ("num_draws", num_draws)):
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1.")

    def declare():
        for parameter in model.parameters:
            sample_subjects(parameter, n_subjects)

    sites = Predictive(declare, num_samples=num_draws, parallel=True)(key) if model.parameters else {}
    kept = [p.name + suffix for p in model.parameters for suffix in ("_group_mean", "_group_sd", "")]
    dims = ("chain", "draw", "subject")
    variables = {name: (dims[: 1 + sites[name].ndim], np.asarray(sites[name])[None]) for name in kept}
    coords = {"chain": np.arange(1), "draw": np.arange(num_draws), "subject": np.arange(n_subjects)}
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs={"model": model.name}), "prior": xr.Dataset(variables, coords)})


def generate(
    key: PRNGKeyArray,
    outcomes: Num[ArrayLike, "... n_trials n_actions"],
    draws: xr.DataTree,
    model: Model = ASYMMETRIC,
    *,
    mask: Bool[ArrayLike, "n_subjects n_trials"] | None = None,
    num_draws: int = 500,
) -> xr.DataTree:
    """Let the agents play the task again, with parameters from the posterior or the prior: the generative prediction.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per draw and subject.
    outcomes : array, shape (n_trials, n_actions) or (n_subjects, n_trials, n_actions)
        What each action would have paid on each trial: one table for all subjects, or one each. Observed choices do not
        say this, since nobody knows what the other actions would have paid.
    draws : xarray.DataTree
        From :func:`rwlib.inference.fit` or :func:`sample_prior`. Of both, the posterior is taken.
    model : Model, default ASYMMETRIC
        The model that was fitted.
    mask : array of bool, shape (n_subjects, n_trials), optional
        ``data.mask`` of observed choices: no agent plays a trial that its subject missed. Default: all are played.
    num_draws : int, default 500
        At most so many draws are used, evenly spaced along the chains.

    Returns
    -------
    predictions : xarray.DataTree
        Group ``posterior_predictive`` (or ``prior_predictive``) with ``choices`` and ``rewards``, dimensions chain,
        draw, subject, trial, and group ``constant_data`` with ``mask``.

    Raises
    ------
    ValueError
        If ``draws`` are not those of ``model``, the outcome tables do not fit, a shape does not fit, or a parameter is out of range.

    References
    ----------
    Palminteri, S., Wyart, V., & Koechlin, E. (2017). The importance of falsification in computational cognitive
    modeling. https://doi.org/10.1016/j.tics.2017.03.011

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), rwlib.FIVE_ARMS, n_trials=30)
    >>> prior = rwlib.sample_prior(jax.random.key(1), n_subjects=4, num_draws=10)
    >>> predictions = rwlib.generate(jax.random.key(2), outcomes, prior)
    >>> dict(predictions.prior_predictive["choices"].sizes)
    {'chain': 1, 'draw': 10, 'subject': 4, 'trial': 30}
    """
    source, dataset, params = _parameters(draws, model, num_draws)
    n_subjects = dataset.sizes["subject"]
    outcomes = np.asarray(outcomes, float)
    if outcomes.ndim not in (2, 3) or (outcomes.ndim == 3 and len(outcomes) != n_subjects):
        raise ValueError(f"outcomes has shape {outcomes.shape}; it must be (n_trials, n_actions), with {n_subjects} subjects in front if each has its own.")
    if not np.isfinite(outcomes).all():
        at = tuple(np.argwhere(~np.isfinite(outcomes))[0].tolist())
        raise ValueError(f"outcomes{list(at)} is {outcomes[at]}; each action needs a finite outcome on each trial.")
    n_trials, n_actions = outcomes.shape[-2:]
    played = np.ones((n_subjects, n_trials), bool) if mask is None else np.asarray(mask, bool)
    if played.shape != (n_subjects, n_trials):
        raise ValueError(f"mask has shape {played.shape}; with these draws and outcomes it must be {(n_subjects, n_trials)}.")
    outcomes = np.where(played[:, :, None], outcomes, np.nan)
    keys = jax.random.split(key, dataset.sizes["chain"] * dataset.sizes["draw"])
    choices, rewards = _play_again(keys, outcomes, params, _skipping(model.agent))
    predicted = {"choices": np.where(played, choices, 0), "rewards": np.where(played, rewards, 0.0)}
    return _to_predictions(predicted, "generative", source, dataset, played, n_actions, model)


def predict_next(
    key: PRNGKeyArray, data: ChoiceData, draws: xr.DataTree, model: Model = ASYMMETRIC, *, num_draws: int = 500
) -> xr.DataTree:
    """Predict each choice from the choices and rewards observed before it: the one-step-ahead prediction.

    What is predicted has no consequences: on the next trial the agent is told what the subject really did.

    Parameters
    ----------
    key : jax.random.key
        Split into one key per draw and subject.
    data : ChoiceData
        Observed choices, whose history the agents are given.
    draws : xarray.DataTree
        From :func:`rwlib.inference.fit` or :func:`sample_prior`. Of both, the posterior is taken.
    model : Model, default ASYMMETRIC
        The model that was fitted.
    num_draws : int, default 500
        At most so many draws are used, evenly spaced along the chains.

    Returns
    -------
    predictions : xarray.DataTree
        Group ``posterior_predictive`` (or ``prior_predictive``) with ``choices``, one choice drawn for each trial, and
        ``probability`` of the choice that was observed, dimensions chain, draw, subject, trial; group ``constant_data``
        with ``mask`` and the history, ``observed_choices`` and ``observed_rewards``. On trials that were missed,
        ``probability`` is NaN.

    Raises
    ------
    ValueError
        If ``draws`` are not those of ``model`` or of as many subjects as ``data``, or a parameter is out of range.

    References
    ----------
    Palminteri, S., Wyart, V., & Koechlin, E. (2017). https://doi.org/10.1016/j.tics.2017.03.011

    Examples
    --------
    >>> import jax
    >>> import rwlib
    >>> data = rwlib.ChoiceData([[0, 1, 1]], [[0.0, 1.0, 1.0]])
    >>> prior = rwlib.sample_prior(jax.random.key(0), n_subjects=1, num_draws=10)
    >>> predictions = rwlib.predict_next(jax.random.key(1), data, prior)
    >>> float(predictions.prior_predictive["probability"].sel(trial=0).mean())
    0.5
    """
    source, dataset, params = _parameters(draws, model, num_draws)
    if dataset.sizes["subject"] != data.n_subjects:
        raise ValueError(f"The draws have {dataset.sizes['subject']} subjects, but data has {data.n_subjects}; they must be the same.")
    keys = jax.random.split(key, dataset.sizes["chain"] * dataset.sizes["draw"])
    choices, probability = _replace_each(keys, data, params, model.agent)
    mask = np.asarray(data.mask)
    predicted = {"choices": np.where(mask, choices, 0), "probability": np.where(mask, probability, np.nan)}
    history = {"observed_choices": np.asarray(data.choices), "observed_rewards": np.asarray(data.rewards)}
    return _to_predictions(predicted, "one step ahead", source, dataset, mask, data.n_actions, model, history)


# Playing and following


@partial(jax.jit, static_argnames="agent")
def _play_again(keys, outcomes, params, agent):
    """One whole study per draw, all in one program: (n_draws, n_subjects, n_trials) choices and rewards."""

    def one_draw(key, params):
        data = simulate(key, outcomes, params, agent).data
        return data.choices, data.rewards

    return jax.vmap(one_draw)(keys, params)


@lru_cache
def _skipping(agent):
    """The agent, to which nothing happens where the outcome is NaN. (Cached: the same agent, the same compiled program.)"""

    def learn(state, chosen, reward, params):
        missed = jnp.isnan(reward)
        learned = agent.learn(state, chosen, jnp.where(missed, 0.0, reward), params)
        return jax.tree.map(lambda new, old: jnp.where(missed, old, new), learned, state)

    return agent._replace(learn=learn)


@partial(jax.jit, static_argnames="agent")
def _replace_each(keys, data, params, agent):
    """Draw another choice for each trial of the observed history; and the probability of the observed one."""

    def one_subject(key, choices, rewards, mask, params):
        def trial(state, inputs):
            trial_key, choice, reward, counts = inputs
            log_probs = agent.log_probabilities(state, params)
            learned = agent.learn(state, jax.nn.one_hot(choice, data.n_actions), reward, params)
            state = jax.tree.map(lambda new, old: jnp.where(counts, new, old), learned, state)
            return state, (sample_choice(trial_key, log_probs), jnp.exp(log_probs[choice]))

        history = (jax.random.split(key, data.n_trials), choices, rewards, mask)
        return jax.lax.scan(trial, agent.start(params, data.n_actions), history)[1]

    def one_draw(key, params):
        of_subjects = jax.random.split(key, data.n_subjects)
        observed = (jnp.asarray(x) for x in (data.choices, data.rewards, data.mask))
        return jax.vmap(one_subject)(of_subjects, *observed, params)

    return jax.vmap(one_draw)(keys, params)


# In and out of trees


def _parameters(draws, model, num_draws):
    """Which group the draws are from, those that are used, and the agent's parameters (n_draws, n_subjects)."""
    source = next((name for name in ("posterior", "prior") if name in draws.children), None)
    if source is None:
        raise ValueError(f"draws has no group 'posterior' or 'prior'; it has {', '.join(map(repr, draws.children)) or 'none'}.")
    fitted = draws.attrs.get("model", model.name)
    if fitted != model.name:
        raise ValueError(f"draws are of the model {fitted!r}, but model is {model.name!r}; they must be the same.")
    if num_draws < 1:
        raise ValueError(f"num_draws is {num_draws}; it must be at least 1.")
    dataset = draws[source].to_dataset()
    n_chains, n_draws = dataset.sizes["chain"], dataset.sizes["draw"]
    kept = min(max(num_draws // n_chains, 1), n_draws)
    dataset = dataset.isel(draw=np.linspace(0, n_draws - 1, kept).round().astype(int))
    shape, given = (n_chains * kept, dataset.sizes["subject"]), {}
    for name in (p.name for p in model.parameters):
        if name not in dataset:
            raise ValueError(f"draws lack {name!r}, a parameter of the model {model.name!r}; they have {', '.join(map(repr, dataset.data_vars))}.")
        values = dataset[name].transpose("chain", "draw", "subject").values.reshape(shape)
        if not np.isfinite(values).all():
            draw, i = np.argwhere(~np.isfinite(values))[0]
            raise ValueError(f"draws of {name!r} hold {values[draw, i]} for subject {dataset['subject'].values.tolist()[i]!r}; they must be finite.")
        given[name] = values.ravel()
    complete = subject_parameters(given, shape[0] * shape[1], model.agent.parameters)
    return source, dataset, {name: value.reshape(shape) for name, value in complete.items()}


def _to_predictions(predicted, kind, source, dataset, mask, n_actions, model, history=None):
    """A tree of predicted trials, (n_draws, n_subjects, n_trials), beside what they were predicted from."""
    coords = {dim: dataset[dim].values for dim in ("chain", "draw", "subject")} | {"trial": np.arange(mask.shape[1])}
    shape = tuple(map(len, coords.values()))
    predicted = {name: (tuple(coords), np.reshape(value, shape)) for name, value in predicted.items()}
    constant = {name: (("subject", "trial"), value) for name, value in {"mask": mask, **(history or {})}.items()}
    return xr.DataTree.from_dict(
        {
            "/": xr.Dataset(attrs={"kind": kind, "model": model.name, "n_actions": n_actions}),
            f"{source}_predictive": xr.Dataset(predicted, coords),
            "constant_data": xr.Dataset(constant, {dim: coords[dim] for dim in ("subject", "trial")}),
        }
    )


def _predictive(tree):
    """Name and content of the group of predictions in a tree."""
    for name in ("posterior_predictive", "prior_predictive"):
        if isinstance(tree, xr.DataTree) and name in tree.children:
            return name, tree[name].to_dataset()
    raise ValueError(f"A {type(tree).__name__} without predictions was given; `generate` and `predict_next` return trees that have them.")


# Summaries


def behaviour(choices: ChoiceData | xr.DataTree, *, block_size: int = 10, win_above: float = 0.5) -> xr.Dataset:
    """Summarise each subject's behaviour: the same summaries for observed and for predicted choices.

    Trials that were missed count nowhere, and do not come between a choice and the one after it.

    Parameters
    ----------
    choices : ChoiceData, or xarray.DataTree from :func:`generate` or :func:`predict_next`
        One-step-ahead choices are held against the observed history: "stay" means that the predicted choice
        repeats the last observed one.
    block_size : int, default 10
        Trials in each block of the learning curve. The last block may be shorter.
    win_above : float, default 0.5
        A trial is won if its reward is above this, in reward units.

    Returns
    -------
    summaries : xarray.Dataset
        ``learning_curve`` (subject, block, arm): share of choices of each arm, in blocks of trials; the coordinate
        ``block`` is the middle of the block, counting the first trial as 1. ``choice_share`` (subject, arm): the same, all
        trials together. ``win_stay`` (subject): share of won trials after which the choice was repeated.
        ``lose_shift`` (subject): share of lost trials after which it was not. For predictions, each has the dimensions
        chain and draw in front. NaN where there was no such trial.

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
        dims, coords = ("subject",), {"subject": list(choices.subjects)}
    else:
        group, constant = _predictive(choices)[1], choices["constant_data"].to_dataset()
        chosen = before = group["choices"].values
        mask, n_actions, dims = constant["mask"].values, choices.attrs["n_actions"], ("chain", "draw", "subject")
        coords = {dim: group[dim].values for dim in dims}
        if choices.attrs["kind"] == "generative":
            rewards = group["rewards"].values
        else:
            before, rewards = constant["observed_choices"].values, constant["observed_rewards"].values

    n_trials = mask.shape[-1]
    starts = np.arange(0, n_trials, block_size)
    taken = np.stack([np.add.reduceat((chosen == arm) & mask, starts, axis=-1, dtype=int) for arm in range(n_actions)], axis=-1)
    played = np.add.reduceat(mask, starts, axis=-1, dtype=int)[..., None]
    # The latest trial, before each, that was not missed; -1 where there is none.
    latest = np.maximum.accumulate(np.where(mask, np.arange(n_trials), -1), axis=-1)
    latest = np.concatenate([np.full((len(mask), 1), -1), latest[:, :-1]], axis=-1)

    def at_latest(x):
        return np.take_along_axis(x, np.broadcast_to(latest.clip(0), x.shape), axis=-1)

    stayed, won, counts = chosen == at_latest(before), at_latest(rewards) > win_above, mask & (latest >= 0)
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
        What the interval is about. "draws": the mean over subjects, which says what the model predicts of this group;
        observed choices have no draws. "subjects": a single subject, in all draws together if there are any.
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
    if not 0 < prob < 1:
        raise ValueError(f"prob is {prob}; it must lie between 0 and 1.")
    return (1 - prob) / 2, (1 + prob) / 2


def compare_behaviour(
    predictions: xr.DataTree, data: ChoiceData, *, block_size: int = 10, win_above: float = 0.5
) -> xr.DataTree:
    """Put predicted behaviour beside the observed one, as ArviZ's plots of predictive checks want it.

    Parameters
    ----------
    predictions : xarray.DataTree
        From :func:`generate` or :func:`predict_next`.
    data : ChoiceData
        Observed choices of the same subjects and trials.
    block_size, win_above
        As in :func:`behaviour`.

    Returns
    -------
    comparison : xarray.DataTree
        Groups ``posterior_predictive`` (or ``prior_predictive``) and ``observed_data``, both with the means over subjects of
        all summaries of :func:`behaviour`, and with ``choice_share_sd``, ``win_stay_sd`` and ``lose_shift_sd``, SDs over
        subjects; and ``constant_data`` with ``trial``, the middles of the blocks.

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
    theirs, ours = (*mask.shape, predictions.attrs["n_actions"]), (data.n_subjects, data.n_trials, data.n_actions)
    if theirs != ours:
        raise ValueError(f"The predictions have (subjects, trials, actions) {theirs}, but data has {ours}; they must be of the same study.")
    for predicted, label in zip(group["subject"].values.tolist(), data.subjects):
        if predicted != label:
            raise ValueError(f"The predictions are of subject {predicted!r} where data has {label!r}; they must be of the same subjects.")
    if (mask != np.asarray(data.mask)).any():
        i, trial = np.argwhere(mask != np.asarray(data.mask))[0]
        raise ValueError(f"Subject {data.subjects[i]!r} missed trial {trial} in only one of predictions and data; give `generate` the mask of data.")
    predicted, observed = (_over_subjects(behaviour(choices, block_size=block_size, win_above=win_above)) for choices in (predictions, data))
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
        One row per summary, and per arm where there is one each, unless nobody shows it. ``observed``: its mean (or SD) over
        subjects. ``predicted``, ``low``, ``high``: mean and central interval over draws. ``p``: share of draws with a larger
        value, ties counted half; near 0 or 1 where the model is off. ``inside``: whether the interval holds the observed value.

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
