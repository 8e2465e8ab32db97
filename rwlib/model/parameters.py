"""What a dictionary of subjects' parameters may hold for an agent: names, neutral values and ranges."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data.entries import check_not_masked
from rwlib.data.labels import in_order_of, labels_on, labels_to_index
from rwlib.model.agents import Agent, Parameter, check_is_agent
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

__all__ = ["Params", "labels_in", "long_names", "of_labelled", "subject_parameters"]

#: Parameters of subjects, by name. What carries labels is matched with subjects by label.
Params = Mapping[str, ArrayLike | pd.Series | xr.DataArray | Mapping] | pd.DataFrame | pd.Series

#: Names that stand for others, where the agent has those.
SHORT = {"temperature": ("beta",), "alpha": ("alpha_pos", "alpha_neg")}


def long_names(names: tuple[str, ...], agent: Agent) -> tuple[str, ...]:
    """The agent's own names for these parameters: those that short ones stand for.

    Examples
    --------
    >>> from rwlib.model.parameters import long_names
    >>> from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT
    >>> long_names(("alpha", "temperature"), RESCORLA_WAGNER_AGENT)
    ('alpha_pos', 'alpha_neg', 'beta')
    """
    declared = {p.name for p in agent.parameters}
    return tuple(
        long
        for name in names
        for long in (SHORT[name] if declared.issuperset(SHORT.get(name, (None,))) else (name,))
    )


def labels_in(params: Params) -> list | None:
    """The subjects' labels that parameters carry, if any do: those of the first.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.model.parameters import labels_in
    >>> labels_in({"alpha": pd.Series([0.1, 0.9], index=["bob", "ann"]), "beta": 3.0})
    ['bob', 'ann']
    """
    return next((labels for labels in map(labels_on, _by_name(params).values()) if labels is not None), None)


def of_labelled(params: Params, subjects: Sequence | np.ndarray | None) -> dict[str, Any]:
    """Parameters in the order of these subjects, where they carry labels, and otherwise as they are.

    Parameters
    ----------
    params : dict of arrays, of Series, of DataArrays or of dictionaries; or DataFrame
        The labels of a DataFrame are its index, or its column ``subject``.
    subjects : sequence of labels, or None
        Those of the data.

    Returns
    -------
    params : dict of arrays

    Raises
    ------
    ValueError
        If ``params`` is something else, or has other labels than the data.

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.model.parameters import of_labelled
    >>> params = {"alpha": pd.Series([0.1, 0.9], index=["bob", "ann"]), "beta": 3.0}
    >>> of_labelled(params, ["ann", "bob"])["alpha"].tolist()
    [0.9, 0.1]
    """
    found = _by_name(params)
    for name, value in found.items():
        if isinstance(value, pd.Series | xr.DataArray | Mapping):
            if subjects is not None:
                value = in_order_of(subjects, value, f"params[{name!r}]", "subject")
            check_not_masked(f"params[{name!r}]", value)
            traced = isinstance(value, list) and any(isinstance(x, jax.core.Tracer) for x in value)
            found[name] = (jnp if traced else np).asarray(value)
    return found


def _by_name(params):
    """A dictionary of parameters, if it can be one."""
    if isinstance(params, pd.DataFrame):
        params = labels_to_index(params, "subject")
    if isinstance(params, pd.DataFrame | pd.Series):  # a row of a table is a Series
        names = params.columns if isinstance(params, pd.DataFrame) else params.index
        if not names.is_unique:
            raise ValueError(
                f"params has {names[names.duplicated()][0]!r} more than once; give each parameter once."
            )
    elif not isinstance(params, Mapping):
        raise ValueError(
            f"params is {params!r}; give a dictionary, as in {{'alpha': 0.3, 'beta': 2.0}}, with one number, "
            "or one for each subject, for each parameter."
        )
    return dict(params.items())


def subject_parameters(
    params: Mapping[str, ArrayLike], n_subjects: int | None = None, agent: Agent = RESCORLA_WAGNER_AGENT
) -> dict[str, Float[Array, " n_subjects"]]:
    """Check a dictionary of parameters and complete it to one array per parameter of an agent.

    Parameters
    ----------
    params : dict of arrays, shape (n_subjects,)
        For the Rescorla-Wagner agent, ``alpha_pos`` and ``alpha_neg`` (or ``alpha``, the same for both) and
        ``beta`` (or ``temperature``, its inverse) must be there; ``stickiness``, ``trace_rate``,
        ``forgetting``, ``lapse`` and ``q0`` may be. For an agent of your own, whatever its functions read. A
        single number stands for all subjects.
    n_subjects : int, optional
        How many subjects there must be. By default the longest array says.
    agent : Agent, default RESCORLA_WAGNER_AGENT

    Returns
    -------
    params : dict of arrays, shape (n_subjects,)
        Those that were given, and those of the agent that may be left out, at the value that has no effect.

    Raises
    ------
    ValueError
        If ``params`` is no dictionary or ``agent`` no agent, a name is missing or given twice, something is
        no number, a shape does not fit, or a value is out of range.
        (Values that JAX is tracing are not known yet, so only their shapes are checked.)

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.model.parameters import subject_parameters
    >>> params = subject_parameters({"alpha_pos": np.array([0.4, 0.6]), "alpha_neg": 0.2, "temperature": 0.5})
    >>> print(params["beta"], params["lapse"])
    [2. 2.] [0. 0.]
    """
    check_is_agent(agent)
    given = {name: _as_array(name, value) for name, value in _by_name(params).items()}
    # The precision of the arrays; that of the session for plain numbers; single at least.
    dtype = jnp.promote_types(jnp.result_type(*given.values(), float), jnp.float32)
    given = {name: value.astype(dtype) for name, value in given.items()}
    declared = {p.name: p for p in agent.parameters}
    for short, long in SHORT.items():
        if short in given and declared.keys() >= set(long):
            twice = [name for name in long if name in given]
            if twice:
                raise ValueError(
                    f"params has both {twice[0]!r} and {short!r}, which stands for it; give one of them."
                )
            _check_range(Parameter(short, 0.0, declared[long[0]].high), given[short])
            value = given.pop(short)
            given |= {name: 1.0 / value if short == "temperature" else value for name in long}
    for p in agent.parameters:
        if p.name not in given:
            if p.neutral is None:
                raise ValueError(
                    f"params lacks {p.name!r}; it has {', '.join(map(repr, params)) or 'nothing'}."
                )
            given[p.name] = jnp.asarray(p.neutral, dtype)
    for name, value in given.items():
        _check_range(declared.get(name, Parameter(name, -np.inf, np.inf)), value)
    if n_subjects is None:
        n_subjects = max((value.size for value in given.values()), default=1)
    for name, value in given.items():
        if value.shape not in ((), (n_subjects,)):
            raise ValueError(
                f"params[{name!r}] has shape {value.shape}; with {n_subjects} subjects it must be "
                f"({n_subjects},) or one number."
            )
    order = [*(p.name for p in agent.parameters), *(name for name in given if name not in declared)]
    return {name: jnp.broadcast_to(given[name], (n_subjects,)) for name in order}


def _as_array(name, value):
    check_not_masked(f"params[{name!r}]", value)
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError):
        array = None
    if array is None or jnp.iscomplexobj(array):
        raise ValueError(f"params[{name!r}] is {value!r}; give a number, or one for each subject.") from None
    return array


def _check_range(parameter, value):
    if isinstance(value, jax.core.Tracer):
        return
    (name, low, high, _), value = parameter, np.asarray(value)
    bad = ~((value >= low) & (value <= high))
    if name == "temperature":  # 1 / 0 is not an inverse temperature
        bad |= value == 0
    if bad.any():
        where = int(np.flatnonzero(np.atleast_1d(bad))[0])
        raise ValueError(
            f"params[{name!r}] is {np.atleast_1d(value).flat[where]} at subject {where}; it must lie in "
            f"[{low}, {high}]."
        )
