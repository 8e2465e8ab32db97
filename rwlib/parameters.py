"""What a dictionary of subjects' parameters may hold: names, neutral values and ranges."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

__all__ = ["RANGES", "subject_parameters"]


class Range(NamedTuple):
    """Smallest and largest value a parameter may take, and the one that leaves it without effect."""

    low: float
    high: float
    neutral: float | None  # None: the parameter must be given


#: Every parameter of an agent.
RANGES = {
    "alpha_pos": Range(0.0, 1.0, None),
    "alpha_neg": Range(0.0, 1.0, None),
    "beta": Range(0.0, np.inf, None),
    "stickiness": Range(-np.inf, np.inf, 0.0),
    "lapse": Range(0.0, 1.0, 0.0),
    "q0": Range(-np.inf, np.inf, 0.5),
}


def subject_parameters(params: Mapping[str, ArrayLike], n_subjects: int | None = None) -> dict[str, Float[Array, " n_subjects"]]:
    """Check a dictionary of parameters and complete it to one array per parameter of an agent.

    Parameters
    ----------
    params : dict of arrays, shape (n_subjects,)
        ``alpha_pos``, ``alpha_neg`` and ``beta`` (or ``temperature``, its inverse) must be there;
        ``stickiness``, ``lapse`` and ``q0`` may be. A single number stands for all subjects.
    n_subjects : int, optional
        How many subjects there must be. By default the longest array says.

    Returns
    -------
    params : dict of arrays, shape (n_subjects,)
        Every name in ``RANGES``, the missing ones at the value that has no effect.

    Raises
    ------
    ValueError
        If a name is unknown, missing or given twice, a shape does not fit, or a value is out of range.
        (Values that JAX is tracing are not known yet, so only their shapes are checked.)

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.parameters import subject_parameters
    >>> params = subject_parameters({"alpha_pos": np.array([0.4, 0.6]), "alpha_neg": 0.2, "temperature": 0.5})
    >>> print(params["beta"], params["lapse"])
    [2. 2.] [0. 0.]
    """
    given = {name: jnp.asarray(value, float) for name, value in params.items()}
    if "temperature" in given:
        if "beta" in given:
            raise ValueError("params has both 'beta' and 'temperature' = 1 / beta; give one of them.")
        _check_range("temperature", given["temperature"], 0.0, np.inf)
        given["beta"] = 1.0 / given.pop("temperature")
    for name in given:
        if name not in RANGES:
            raise ValueError(f"params has an unknown name {name!r}; known are {', '.join(RANGES)} and temperature.")
    for name, allowed in RANGES.items():
        if name not in given:
            if allowed.neutral is None:
                raise ValueError(f"params lacks {name!r}; it has {', '.join(map(repr, params)) or 'nothing'}.")
            given[name] = jnp.asarray(allowed.neutral, float)
        _check_range(name, given[name], allowed.low, allowed.high)
    if n_subjects is None:
        n_subjects = max(value.size for value in given.values())
    for name, value in given.items():
        if value.shape not in ((), (n_subjects,)):
            raise ValueError(
                f"params[{name!r}] has shape {value.shape}; with {n_subjects} subjects it must be ({n_subjects},) or one number."
            )
    return {name: jnp.broadcast_to(given[name], (n_subjects,)) for name in RANGES}


def _check_range(name, value, low, high):
    if isinstance(value, jax.core.Tracer):
        return
    value = np.asarray(value)
    bad = ~((value >= low) & (value <= high))
    if name == "temperature":  # 1 / 0 is not an inverse temperature
        bad |= value == 0
    if bad.any():
        where = int(np.flatnonzero(np.atleast_1d(bad))[0])
        raise ValueError(f"params[{name!r}] is {np.atleast_1d(value).flat[where]} at subject {where}; it must lie in [{low}, {high}].")
