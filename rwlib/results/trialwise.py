"""What a fit says about each trial: values, prediction errors, surprise, as regressors for other analyses."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr

from rwlib.fitting.models import Model
from rwlib.model.agents import action_values, precision_of, session, trials_of
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT
from rwlib.results.fitted import accepted, data_of, draws_of, model_of, to_trials

__all__ = ["trialwise", "trialwise_table"]

OF_CHOICES = ("probability", "surprise", "value_chosen", "prediction_error")
NUMBERS_AT_ONCE = 20_000_000  # computed before they are summed up, or some hundred MB


def trialwise(
    fit: xr.DataTree, model: Model | None = None, *, num_draws: int = 1000, keep_draws: bool = False
) -> xr.Dataset:
    """Follow every person through their trials, with each draw of their parameters.

    A mean is taken over what each draw says of a trial. It differs from what the mean parameters would say of
    that trial, since values are not a linear function of a learning rate. All rests on the choices and
    rewards that were observed; nothing is simulated.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model, optional
        The model that was fitted, where its agent is the user's own.
    num_draws : int, default 1000
        At least 1. At most so many draws are used, evenly spaced over the chains.
    keep_draws : bool, default False
        Return the draws themselves, and not their mean and SD. That takes 8 bytes for each draw, person,
        trial and number.

    Returns
    -------
    trialwise : xarray.Dataset
        With dimensions subject and trial, in this order: ``probability`` of the observed choice, from 0 to
        1, and its ``surprise``, −log₂ of that, in bits; ``value_chosen`` and ``prediction_error``, where
        the agent's memory has a ``value`` for each action; and each array in that memory before the choice,
        by its name there, with a dimension ``action`` where it is a list as long as there are actions. (The
        ``choice_trace`` of the course's agent is left out where ``stickiness`` is 0.) Values and prediction
        errors are in the units of ``data.rewards``, so after ``scale=`` of
        :func:`rwlib.data.reading.read_choices`. Each variable is a mean over draws, and with ``_sd`` behind
        its name an SD; with ``keep_draws`` it has a dimension ``sample`` in front. NaN where nobody played,
        prediction errors also where no outcome was shown, and probability and surprise also where the
        choice was forced. The coordinate ``trial`` counts from 0; ``trial_label`` has the trials as the
        table numbers them, and ``block``, where there are several, the labels of the blocks.

    Raises
    ------
    ValueError
        If :func:`rwlib.fitting.diagnostics.check` refuses the fit, ``num_draws`` is below 1, the fit is of
        another model, its agent is not one of rwlib's and ``model`` is missing, or a field of its memory is
        called as the SD of another one.

    References
    ----------
    O'Doherty, J. P., Hampton, A., & Kim, H. (2007). Model-based fMRI and its application to reward learning
    and decision making. https://doi.org/10.1196/annals.1390.022

    Examples
    --------
    Before the first trial all values are 0.5, so each of two choices has a probability of a half:

    >>> import rwlib
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> followed = rwlib.trialwise(fit, num_draws=100)
    >>> followed["value"].dims, followed["value"][0, 0].values.tolist()
    (('subject', 'trial', 'action'), [0.5, 0.5])
    >>> float(followed["prediction_error"][0, 0]), round(float(followed["surprise"][0, 0]), 3)
    (-0.5, 1.0)
    """
    accepted(fit, "No regressors can be made of this fit.")
    if num_draws < 1:
        raise ValueError(f"num_draws is {num_draws}; it must be at least 1.")
    model, data = model_of(fit, model), data_of(fit)
    rows = draws_of(fit, model, num_draws)
    n_draws = len(next(iter(rows.params.values())))
    at_once = max(1, NUMBERS_AT_ONCE // (rows.data.choices.size * (data.n_actions + 8)))
    trace_is_idle = model.agent == RESCORLA_WAGNER_AGENT and not rows.params["stickiness"].any()
    unused = ("choice_trace",) if trace_is_idle else ()
    kept, sums = [], {}
    for first in range(0, n_draws, at_once):
        some = {name: x[first : first + at_once] for name, x in rows.params.items()}
        followed = _in_order(_follow(rows.data, some, model.agent), unused)
        if keep_draws:
            kept.append({name: np.asarray(x) for name, x in followed.items()})
            continue
        _check_names(followed)
        for name, x in followed.items():
            x = np.asarray(x, float)  # a difference of large sums is not exact in 32 bits
            sums[name] = sums.get(name, 0.0) + np.stack([x.sum(0), (x**2).sum(0)])
    if keep_draws:
        found = {name: np.concatenate([part[name] for part in kept]) for name in kept[0]}
        found = {
            name: np.stack([to_trials(x, rows.data, data) for x in of_all]) for name, of_all in found.items()
        }
    else:
        found = {}
        for name, (total, squares) in sums.items():
            mean = to_trials(total / n_draws, rows.data, data)
            variance = to_trials(squares / n_draws, rows.data, data) - mean**2
            found |= {name: mean, f"{name}_sd": np.sqrt(np.maximum(variance, 0.0))}
    return _to_dataset(found, data, keep_draws)


@partial(jax.jit, static_argnames="agent")
def _follow(data, params, agent):
    """What each draw says of each trial, (n_draws, n_rows, n_trials, ...)."""
    scored, actions = jnp.asarray(data.scored), jnp.arange(data.n_actions)
    shown = jnp.asarray(data.mask if data.design.feedback is None else data.mask & data.design.feedback)

    def respond(log_probs, made):
        choice, reward = made
        return choice, reward, log_probs[choice]

    def one_draw(params):
        made = jnp.asarray(data.choices), jnp.asarray(data.rewards, precision_of(params))
        memories, log_prob = session(
            agent, params, data.n_actions, trials_of(data.design, data.mask), made, respond
        )
        found = {"probability": jnp.exp(log_prob), "surprise": -log_prob / jnp.log(2.0)}
        found = {name: jnp.where(scored, x, jnp.nan) for name, x in found.items()}
        value = action_values(memories, (*data.choices.shape, data.n_actions))
        if value is not None:
            chosen = jnp.where(actions == made[0][..., None], value, 0.0).sum(axis=-1)
            error = jnp.where(shown, made[1] - chosen, jnp.nan)
            found |= {"value_chosen": chosen, "prediction_error": error}
        return found, memories

    return jax.vmap(one_draw)(params)


def _in_order(followed, unused):
    """All that is known of trials. (JAX sorts the entries of a dictionary; a memory keeps its order.)"""
    of_choices, memories = followed
    memory = {
        name: x
        for name, x in getattr(memories, "_asdict", dict)().items()
        if name not in unused and hasattr(x, "shape")
    }
    return {name: of_choices[name] for name in OF_CHOICES if name in of_choices} | {
        name: x for name, x in memory.items() if name not in of_choices
    }


def _check_names(followed):
    """The SD of a part of the memory must not be stored under the name of another part."""
    for name in followed:
        if f"{name}_sd" in followed:
            raise ValueError(
                f"The agent's memory has {f'{name}_sd'!r} beside {name!r}, but so the SD of {name!r} over "
                "draws is called. Give the field another name, or take the draws with keep_draws=True."
            )


def _to_dataset(found, data, keep_draws):
    front, variables = ("sample",) if keep_draws else (), {}
    for name, x in found.items():
        dims, rest = (*front, "subject", "trial"), x.shape[len(front) + 2 :]
        if rest == (data.n_actions,):
            dims, rest = (*dims, "action"), ()
        variables[name] = ((*dims, *(f"{name}_dim_{i}" for i in range(len(rest)))), x)
    labels = np.arange(data.n_trials) + np.zeros((data.n_subjects, 1)) if data.trials is None else data.trials
    # NumPy would make texts of numbers that stand beside texts.
    some_text = any(isinstance(label, str) for label in data.subjects)
    coords = {
        "subject": np.array(data.subjects, dtype=object if some_text else None),
        "trial": np.arange(data.n_trials),
        "action": list(data.actions),
        "trial_label": (("subject", "trial"), np.asarray(labels, float)),
    }
    if data.design.block is not None:
        blocks = np.array(data.blocks, dtype=object)[np.asarray(data.design.block)]
        coords["block"] = (("subject", "trial"), blocks)
    return xr.Dataset(variables, coords)


def trialwise_table(followed: xr.Dataset) -> pd.DataFrame:
    """A row for each trial that was played, to be joined with the table that the choices came from.

    Parameters
    ----------
    followed : xarray.Dataset
        From :func:`trialwise`, without ``keep_draws``.

    Returns
    -------
    table : pandas.DataFrame
        Columns ``subject``, ``trial`` (as the table numbers it), ``block`` where there are several, and what
        :func:`trialwise` found, one column for each action where that has actions (``value[0]``). Missed
        trials have no row. Where trials are counted anew in each block, join on ``block``, too.

    Raises
    ------
    ValueError
        If ``followed`` has draws and no means.

    Examples
    --------
    >>> import rwlib
    >>> choices, rewards = [[0, 1, 1, 0], [1, 1, 1, 1]] * 2, [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 1.0]] * 2
    >>> fit = rwlib.fit(rwlib.ChoiceData(choices, rewards), rwlib.SYMMETRIC, progress_bar=False)
    >>> table = rwlib.trialwise_table(rwlib.trialwise(fit, num_draws=100))
    >>> len(table), table.columns[:2].tolist(), "prediction_error" in table
    (16, ['subject', 'trial'], True)
    """
    if "sample" in followed.dims:
        raise ValueError("The table has a row for each trial, so it needs means: leave out keep_draws.")
    shape = followed.sizes["subject"], followed.sizes["trial"]
    columns = {
        "subject": np.repeat(np.array(followed["subject"].values.tolist(), dtype=object), shape[1]),
        "trial": followed["trial_label"].values.ravel(),
    }
    if "block" in followed.coords:
        columns["block"] = followed["block"].values.ravel()
    for name, values in followed.data_vars.items():
        if values.dims == ("subject", "trial"):
            columns[name] = values.values.ravel()
        elif values.dims == ("subject", "trial", "action"):
            columns |= {
                f"{name}[{action}]": values.sel(action=action).values.ravel()
                for action in followed["action"].values.tolist()
            }
    table = pd.DataFrame(columns)
    table = table[followed["probability"].notnull().values.ravel() | _played(followed)].reset_index(drop=True)
    return table.assign(trial=table["trial"].astype(int)) if (table["trial"] % 1 == 0).all() else table


def _played(followed):
    """Where there is anything, forced choices included."""
    values = [x for x in followed.data_vars.values() if x.dims == ("subject", "trial")]
    return np.any([x.notnull().values.ravel() for x in values], axis=0)
