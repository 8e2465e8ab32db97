"""Every figure that more than one page draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jax.typing import ArrayLike
from matplotlib.ticker import MaxNLocator

__all__ = ["plot_recovery", "plot_recovery_correlations"]


def plot_recovery(
    true: ArrayLike,
    estimated: ArrayLike,
    param_names: Sequence[str] | None = None,
    show_correlation: bool = True,
    scale: float = 1.0,
    save_path: str | Path | None = None,
    save_fname: str | None = None,
    colour_by: str | None = None,
    scatter_kwargs: dict[str, Any] | None = None,
) -> np.ndarray:
    """Plot estimated against true parameters, one panel each, with the identity line.

    Takes the same call as ``plot_recovery`` of the package model-fit-tools, and adds what shows a bias:
    the line on which estimate and truth agree, on equal axes, and with draws each subject's 90% interval.

    Parameters
    ----------
    true : array, shape (n_subjects, n_params)
        The values that the data were simulated from.
    estimated : array, shape (n_subjects, n_params) or (n_draws, n_subjects, n_params)
        One estimate per subject, or draws, whose mean is plotted.
    param_names : list of str, optional
        Titles of the panels.
    show_correlation : bool, default True
        Whether the title gives r, and the bias that r cannot see.
    scale : float, default 1.0
        Size of the figure.
    save_path : path of a folder, optional
        Where to save the figure as well.
    save_fname : str, default "recovery_plot.svg"
        Its file name.
    colour_by : str, optional
        Name of a parameter whose true value colours the points.
    scatter_kwargs : dict, optional
        Passed on to :meth:`matplotlib.axes.Axes.scatter`.

    Returns
    -------
    axes : array of matplotlib Axes, shape (n_params,)

    Raises
    ------
    ValueError
        If shapes do not agree, or ``colour_by`` is not one of ``param_names``.

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib import plot_recovery
    >>> rng = np.random.default_rng(0)
    >>> true = rng.uniform(size=(40, 2))
    >>> axes = plot_recovery(true, true + 0.1 * rng.normal(size=(40, 2)), ["alpha_pos", "alpha_neg"])
    >>> len(axes)
    2
    """
    true, estimated = np.asarray(true, float), np.asarray(estimated, float)
    if true.ndim != 2:
        raise ValueError(f"true has shape {true.shape}; it must be (n_subjects, n_params).")
    if estimated.shape[-2:] != true.shape or estimated.ndim not in (2, 3):
        raise ValueError(
            f"estimated has shape {estimated.shape}; with true of shape {true.shape} it must be that, or "
            f"have draws in front."
        )
    n_params = true.shape[1]
    names = [f"parameter {i + 1}" for i in range(n_params)] if param_names is None else list(param_names)
    if len(names) != n_params:
        raise ValueError(f"There are {len(names)} param_names for {n_params} parameters.")
    if colour_by is not None and colour_by not in names:
        raise ValueError(f"colour_by is {colour_by!r}, which is not one of {names}.")
    points = {"s": 16, "alpha": 0.8, "zorder": 3, **(scatter_kwargs or {})}
    if colour_by is not None:
        points["c"] = true[:, names.index(colour_by)]
        points.pop("color", None)

    mean = low = high = estimated
    if estimated.ndim == 3:
        mean = estimated.mean(axis=0)
        low, high = np.quantile(estimated, [0.05, 0.95], axis=0)
    shown = np.stack([true, mean, low, high])
    figure, axes = plt.subplots(1, n_params, figsize=(2.5 * scale * n_params, 2.9 * scale), squeeze=False)
    for i, ax in enumerate(axes[0]):
        if estimated.ndim == 3:
            ax.vlines(true[:, i], low[:, i], high[:, i], color="0.75", linewidth=0.8, zorder=2)
        ax.scatter(true[:, i], mean[:, i], **points)
        # One range for both axes: only then does the identity line run from corner to corner.
        least, most = shown[:, :, i].min(), shown[:, :, i].max()
        margin = 0.05 * ((most - least) or 1.0)
        limits = [least - margin, most + margin]
        ax.plot(limits, limits, color="0.3", linestyle="--", linewidth=1, zorder=1)
        title = names[i]
        if show_correlation:
            r = np.corrcoef(true[:, i], mean[:, i])[0, 1]
            bias = round(np.mean(mean[:, i] - true[:, i]), 2) + 0.0  # no "-0.00"
            title += f"\nr = {r:.2f}, bias = {bias:+.2f}".replace("-", "−")
        ax.set(
            title=title,
            xlabel="true",
            ylabel="estimated" if i == 0 else "",
            xlim=limits,
            ylim=limits,
            aspect="equal",
        )
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.yaxis.set_major_locator(MaxNLocator(5))
    if save_path is not None:
        figure.savefig(Path(save_path) / (save_fname or "recovery_plot.svg"))
    return axes[0]


def plot_recovery_correlations(correlations: pd.DataFrame, ax: plt.Axes | None = None) -> plt.Axes:
    """Draw the table of :func:`rwlib.checking.recovery.recovery_correlations` as a matrix with the numbers in
    it.

    Parameters
    ----------
    correlations : pandas.DataFrame
        Estimated parameters in rows, true ones in columns.
    ax : matplotlib Axes, optional

    Returns
    -------
    ax : matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> from rwlib.plotting import plot_recovery_correlations
    >>> names = ["alpha_pos", "alpha_neg"]
    >>> ax = plot_recovery_correlations(pd.DataFrame([[0.9, 0.1], [0.0, 0.8]], names, names))
    >>> ax.get_xlabel()
    'true'
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(5.0, 3.8))
    image = ax.imshow(correlations, cmap="RdBu_r", vmin=-1, vmax=1)
    for (row, column), r in np.ndenumerate(correlations.to_numpy()):
        ax.text(column, row, f"{r:.2f}", ha="center", va="center", color="white" if abs(r) > 0.6 else "black")
    ax.set_xticks(range(correlations.shape[1]), correlations.columns, rotation=30, ha="right")
    ax.set_yticks(range(correlations.shape[0]), correlations.index)
    ax.set(xlabel="true", ylabel="estimated")
    ax.grid(False)
    ax.figure.colorbar(image, ax=ax, label="correlation r", fraction=0.046)
    return ax
