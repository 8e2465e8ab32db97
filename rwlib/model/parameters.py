"""What a dictionary of subjects' parameters may hold: names, neutral values and ranges."""

from collections.abc import Mapping, Sequence
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


#: Every parameter of an agent. (In ``params``, ``alpha`` may stand for both rates, and ``temperature`` for 1 / ``beta``.)
RANGES = {
    "alpha_pos": Range(0.0, 1.0, None),
    "alpha_neg": Range(0.0, 1.0, None),
    "beta": Range(0.0, np.inf, None),
    "stickiness": Range(-np.inf, np.inf, 0.0),
    "trace_rate": Range(0.0, 1.0, 1.0),
    "lapse": Range(0.0, 1.0, 0.0),
    "q0": Range(-np.inf, np.inf, 0.5),
}


def subject_parameters(
    params: Mapping[str, ArrayLike], n_subjects: int | None = None, names: Sequence[str] = tuple(RANGES)
) -> dict[str, Float[Array, " n_subjects"]]:
    """Check a dictionary of parameters and complete it to one array per parameter of an agent.

    Parameters
    ----------
    params : dict of arrays, shape (n_subjects,)
        For the Rescorla-Wagner agent, ``alpha_pos`` and ``alpha_neg`` (or ``alpha``, the same for both) and ``beta`` (or
        ``temperature``, its inverse) must be there; ``stickiness``, ``trace_rate``, ``lapse`` and ``q0`` may
        be. A single number stands for all subjects.
    n_subjects : int, optional
        How many subjects there must be. By default the longest array says.
    names : sequence of str, optional
        The agent's parameters. Default: those of the Rescorla-Wagner agent.

    Returns
    -------
    params : dict of arrays, shape (n_subjects,)
        Every one of ``names``, the missing ones at the value that has no effect.

    Raises
    ------
    ValueError
        If a name is unknown, missing or given twice, a shape does not fit, or a value is out of range.
        (Values that JAX is tracing are not known yet, so only their shapes are checked.)

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.model.parameters import subject_parameters
    >>> params = subject_parameters({"alpha_pos": np.array([0.4, 0.6]), "alpha_neg": 0.2, "temperature": 0.5})
    >>> print(params["beta"], params["lapse"])
    [2. 2.] [0. 0.]
    """
    given = {name: jnp.asarray(value) for name, value in params.items()}
    # The precision of the arrays; that of the session for plain numbers; single at least.
    dtype = jnp.promote_types(jnp.result_type(*given.values(), float), jnp.float32)
    given = {name: value.astype(dtype) for name, value in given.items()}
    for short, long in (("temperature", ("beta",)), ("alpha", ("alpha_pos", "alpha_neg"))):
        if short in given and long[0] in names:
            twice = [name for name in long if name in given]
            if twice:
                raise ValueError(f"params has both {twice[0]!r} and {short!r}, which stands for it; give one of them.")
            _check_range(short, given[short], 0.0, RANGES[long[0]].high)
            value = given.pop(short)
            given |= {name: 1.0 / value if short == "temperature" else value for name in long}
    for name in given:
        if name not in names:
            raise ValueError(f"params has an unknown name {name!r}; known are {', '.join(names) or 'none'}{', alpha and temperature' * ('beta' in names)}.")
    for name in names:
        allowed = RANGES[name]
        if name not in given:
            if allowed.neutral is None:
                raise ValueError(f"params lacks {name!r}; it has {', '.join(map(repr, params)) or 'nothing'}.")
            given[name] = jnp.asarray(allowed.neutral, dtype)
        _check_range(name, given[name], allowed.low, allowed.high)
    if n_subjects is None:
        n_subjects = max((value.size for value in given.values()), default=1)
    for name, value in given.items():
        if value.shape not in ((), (n_subjects,)):
            raise ValueError(
                f"params[{name!r}] has shape {value.shape}; with {n_subjects} subjects it must be ({n_subjects},) or one number."
            )
    return {name: jnp.broadcast_to(given[name], (n_subjects,)) for name in names}


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
