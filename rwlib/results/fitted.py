"""The data, the model and the draws of a fit, from what is stored in it."""

import json
from typing import NamedTuple

import numpy as np
import xarray as xr

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.agents.confirmation_bias import CONFIRMATION_BIAS
from rwlib.agents.go_no_go import GO_NO_GO
from rwlib.agents.pearce_hall import PEARCE_HALL
from rwlib.fitting.diagnostics import Report, check
from rwlib.fitting.effects import describe
from rwlib.fitting.models import GroupParameter, Model, check_fitted, model_fingerprint
from rwlib.fitting.trees import data_in, evenly_spaced
from rwlib.model.parameters import subject_parameters
from rwlib.model.rescorla_wagner import RANDOM_AGENT, RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT

__all__ = [
    "Rows",
    "accepted",
    "data_of",
    "draws_of",
    "formulas_of",
    "mean_over_people",
    "model_of",
    "to_trials",
]

#: Agents that come with rwlib, whose models a fit need not be told of.
AGENTS = (
    *(RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT, RANDOM_AGENT),
    *(model.agent for model in (CONFIRMATION_BIAS, PEARCE_HALL, GO_NO_GO)),
)


def accepted(fit: xr.DataTree, otherwise: str) -> Report:
    """The verdict of :func:`rwlib.fitting.diagnostics.check`, if it is good.

    Parameters
    ----------
    fit : xarray.DataTree
    otherwise : str
        What cannot be done with a fit that is refused, as a sentence.

    Returns
    -------
    verdict : rwlib.fitting.diagnostics.Report

    Raises
    ------
    ValueError
        If it is no fit, or ``check`` refuses it. The message has its numbers; what to do about them is said
        by ``check``.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.fitted import accepted
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]])
    >>> fit = rwlib.fit(data, rwlib.SYMMETRIC, num_samples=4, num_chains=2, progress_bar=False, warn=False)
    >>> accepted(fit, "Nothing is reported.")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Nothing is reported. Do not use this fit: ...
    """
    verdict = check(fit)
    if not verdict:
        numbers = str(verdict).split("\n- ")[0].replace("\n", " ")
        raise ValueError(f"{otherwise} {numbers} rwlib.check(fit) says what is wrong and what to do.")
    return verdict


def data_of(fit: xr.DataTree) -> ChoiceData:
    """The data that were fitted.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.

    Returns
    -------
    data : ChoiceData
        Equal to what ``fit`` was given, labels, design and columns included.

    Raises
    ------
    ValueError
        If the fit holds no data, or was made by a version of rwlib that stored less of them.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.fitted import data_of
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], subjects=["ada"])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> data_of(rwlib.fit(data, rwlib.SYMMETRIC, **short)) == data
    True
    """
    if "observed_data" not in fit.children or "labels" not in fit.attrs:
        raise ValueError("The fit does not hold its data. Give what rwlib.fit or rwlib.load returns.")
    observed = {name: x.values for name, x in data_in(fit).data_vars.items()}
    labels = json.loads(fit.attrs["labels"])
    parts = {name: observed.get(name) for name in ("offered", "block", "feedback", "forced")}
    for when in ("before", "after"):
        parts[when] = {
            name.removeprefix(f"{when}_"): x for name, x in observed.items() if name.startswith(f"{when}_")
        }
    return ChoiceData(
        np.where(observed["mask"], observed["choices"], 0),
        observed["rewards"],
        observed["mask"],
        n_actions=int(fit.attrs["n_actions"]),
        design=Design(**parts),
        trials=observed.get("trials"),
        **labels,
    )


def model_of(fit: xr.DataTree, model: Model | None = None) -> Model:
    """The model that was fitted: the one given, if it is that, or one whose agent comes with rwlib.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model, optional
        Needed where the agent is the user's own, since a fit holds no code.

    Returns
    -------
    model : Model
        Without effects and shifts, as ``fit`` was given it.

    Raises
    ------
    ValueError
        If the fit is of another model, or its agent does not come with rwlib.

    Examples
    --------
    >>> import xarray as xr
    >>> from rwlib.results.fitted import model_of
    >>> model_of(xr.DataTree(xr.Dataset(attrs={"model": "mine", "parameters": "[]", "fixed": "{}"})))
    Traceback (most recent call last):
    ValueError: The agent of the model 'mine' is not one of rwlib's: pass model=, since a fit holds no code.
    """
    if model is not None:
        check_fitted(fit.attrs, model)
        return model
    parameters = tuple(GroupParameter(*p) for p in json.loads(fit.attrs.get("parameters", "[]")))
    for agent in AGENTS:
        known = Model(fit.attrs.get("model", ""), parameters, agent, json.loads(fit.attrs.get("fixed", "{}")))
        if fit.attrs.get("model_fingerprint") == model_fingerprint(known):
            return known
    raise ValueError(
        f"The agent of the model {fit.attrs.get('model')!r} is not one of rwlib's: pass model=, since a fit "
        "holds no code."
    )


def formulas_of(fit: xr.DataTree) -> dict[str, dict[str, str]]:
    """The formulas that were fitted, ``group`` and ``within``: none is an empty dictionary.

    Examples
    --------
    >>> import xarray as xr
    >>> from rwlib.results.fitted import formulas_of
    >>> formulas_of(xr.DataTree(xr.Dataset(attrs={"group": '{"beta": "age"}'})))
    {'group': {'beta': 'age'}, 'within': {}}
    """
    return {name: json.loads(fit.attrs.get(name, "{}")) for name in ("group", "within")}


class Rows(NamedTuple):
    """The data as an agent plays them, with a row for each person, or for each condition of each person.

    ``params`` holds all parameters of the agent, each in its own range, as arrays of shape (n_draws, n_rows).
    """

    data: ChoiceData
    params: dict[str, np.ndarray]


def draws_of(fit: xr.DataTree, model: Model, num_draws: int) -> Rows:
    """Draws of everybody's parameters, in every condition.

    Parameters
    ----------
    fit : xarray.DataTree
        From :func:`rwlib.fitting.inference.fit`.
    model : Model
        The one that was fitted.
    num_draws : int
        At least 1. At most so many draws are used, evenly spaced over the chains, which are taken one after
        the other.

    Returns
    -------
    rows : Rows
        n_rows is n_subjects, or n_conditions · n_subjects where parameters shift: everybody in the first
        condition, then everybody in the second.

    Raises
    ------
    ValueError
        If the fit holds no data, as in :func:`data_of`.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.fitted import draws_of
    >>> data = rwlib.ChoiceData([[0, 1, 1, 0]], [[0.0, 1.0, 0.0, 1.0]], subjects=["ada"])
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False, warn=False)
    >>> rows = draws_of(rwlib.fit(data, rwlib.SYMMETRIC, **short), rwlib.SYMMETRIC, num_draws=20)
    >>> rows.params["beta"].shape
    (20, 1)
    """
    data = data_of(fit)
    described = describe(data, model, within=formulas_of(fit)["within"])
    posterior = fit["posterior"].to_dataset().stack(sample=("chain", "draw"))
    posterior = posterior.isel(sample=evenly_spaced(posterior.sizes["sample"], num_draws))
    n_rows, given = described.data.n_subjects, {}
    for p in model.parameters:
        values = posterior[p.name]
        if "condition" in values.dims:
            values = values.transpose("sample", "condition", "subject").values
        else:
            values = values.transpose("sample", "subject").values[:, None]
        n_samples, _, n_subjects = values.shape
        shape = n_samples, n_rows // n_subjects, n_subjects
        given[p.name] = np.broadcast_to(values, shape).ravel()
    params = subject_parameters({**given, **dict(model.fixed)}, given[p.name].size, model.agent)
    return Rows(described.data, {name: np.asarray(x).reshape(-1, n_rows) for name, x in params.items()})


def mean_over_people(values: xr.DataArray) -> np.ndarray:
    """Of a parameter, the mean over people, and over conditions, in each draw: an array (n_chains, n_draws).

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> from rwlib.results.fitted import mean_over_people
    >>> mean_over_people(xr.DataArray([[[0.0, 1.0], [1.0, 1.0]]], dims=("chain", "draw", "subject"))).tolist()
    [[0.5, 1.0]]
    """
    return (
        values.mean([d for d in values.dims if d not in ("chain", "draw")]).transpose("chain", "draw").values
    )


def to_trials(values: np.ndarray, rows: ChoiceData, data: ChoiceData) -> np.ndarray:
    """Back from rows for conditions to people's own trials.

    Parameters
    ----------
    values : array, shape (n_rows, n_trials_of_a_row, ...)
    rows : ChoiceData
        As in :class:`Rows`.
    data : ChoiceData
        The data that were fitted.

    Returns
    -------
    values : array, shape (n_subjects, n_trials, ...)
        NaN on missed trials, and after the end of a shorter session.

    Examples
    --------
    >>> import numpy as np
    >>> import rwlib
    >>> from rwlib.results.fitted import to_trials
    >>> data = rwlib.ChoiceData([[0, 1, 1]], [[0.0, 1.0, 0.0]], [[True, False, True]])
    >>> to_trials(np.array([[0.1, 0.2, 0.3]]), data, data).tolist()
    [[0.1, nan, 0.3]]
    """
    back = np.full((data.n_subjects, data.n_trials, *values.shape[2:]), np.nan)
    row, place = np.nonzero(np.asarray(rows.mask))
    trial = place if rows.n_subjects == data.n_subjects else np.asarray(rows.trials)[row, place].astype(int)
    back[row % data.n_subjects, trial] = values[row, place]
    return back
