"""One long line of people in place of many short ones, and log-likelihoods whose gradient comes with their
value."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["line_up", "log_likelihood_in_line"]


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def log_likelihood_in_line(scan, fewer_than, observed, params):
    """The log-likelihood of each subject, (n_subjects,), by ``scan(with_gradient, observed, params)``.

    That returns the log-likelihoods, and their derivative by each parameter, or an empty dictionary where it
    is not asked for. The others are as in :func:`line_up`.
    """
    return line_up(partial(scan, False), observed, params, fewer_than)[0]


@log_likelihood_in_line.defjvp
def _log_likelihood_jvp(scan, fewer_than, primals, tangents):
    # A forward rule serves both modes: JAX transposes its last line, which is linear, for `grad`.
    total, gradient = _value_and_gradient(scan, fewer_than, *primals)
    slopes = [gradient[name] * tangents[1][name] for name in gradient]
    return total, sum(slopes).astype(total.dtype) if slopes else jnp.zeros_like(total)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _value_and_gradient(scan, fewer_than, observed, params):
    return line_up(partial(scan, True), observed, params, fewer_than)


@_value_and_gradient.defjvp
def _value_and_gradient_jvp(scan, fewer_than, primals, tangents):
    # JAX cannot differentiate what has a `vmap` of its own.
    return jax.jvp(partial(scan, True), primals, tangents)


def line_up(scan: Callable, observed: tuple, params: dict, fewer_than: int | None = None) -> Any:
    """``scan(observed, params)``, with a ``vmap`` that fills the processor.

    A processor works on 8 or 16 numbers that lie side by side. Where there are too few subjects to fill it,
    `vmap` lines up the subjects of all chains, proposals or data sets, as if they were one large data set.

    Parameters
    ----------
    scan : callable
        Every array of its arguments and of its result has subjects first, of whom each is by themselves.
    observed : NamedTuple
        With ``choices``, (n_subjects, n_trials).
    params : dict of arrays, shape (n_subjects,)
    fewer_than : int, optional
        Where there are as many subjects, they stay as they are. Default: they are always lined up.

    Returns
    -------
    result : whatever ``scan`` returns
    """
    if fewer_than is not None and observed.choices.shape[0] >= fewer_than:
        return scan(observed, params)
    lined_up = jax.custom_batching.custom_vmap(scan)

    @lined_up.def_vmap
    def side_by_side(axis_size, is_batched, *arguments):
        def beside(x, batched):
            every = x if batched else jnp.broadcast_to(x, (axis_size, *x.shape))
            return every.reshape(-1, *every.shape[2:])

        result = line_up(scan, *jax.tree.map(beside, arguments, tuple(is_batched)), fewer_than)
        return jax.tree.map(lambda x: x.reshape(axis_size, -1), result), jax.tree.map(lambda _: True, result)

    return lined_up(observed, params)
