"""What is asked of a fit, and what is refused or suspicious before anything is sampled."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rwlib.data.choices import ChoiceData
from rwlib.data.design import arrays_of
from rwlib.fitting.effects import Described
from rwlib.fitting.models import Model, check_model

__all__ = ["Settings", "check_alike", "check_request", "check_seed", "check_share", "suspicious_rewards"]


class Settings(NamedTuple):
    """How the sampler runs. Every function that fits takes these by name and hands them on.

    The first five are those of :func:`rwlib.fitting.inference.fit`, where each is explained. ``num_threads``
    says how many threads share the chains (default: one for each core). But for rounding, the draws do not
    depend on it.

    Examples
    --------
    >>> from rwlib.fitting.request import Settings
    >>> Settings(num_samples=500).n_draws
    2000
    """

    num_warmup: int = 300
    num_samples: int = 1000
    num_chains: int = 4
    target_accept: float | None = None
    progress_bar: bool | None = None
    num_threads: int | None = None

    @property
    def n_draws(self) -> int:
        """Draws kept of all chains together."""
        return self.num_chains * self.num_samples


def check_seed(seed: int) -> None:
    """Refuse what cannot be a seed.

    Examples
    --------
    >>> from rwlib.fitting.request import check_seed
    >>> check_seed(-1)
    Traceback (most recent call last):
    ValueError: A seed is -1; it must be a whole number from 0 to 2³² − 1.
    """
    if seed % 1 or not 0 <= seed < 2**32:
        raise ValueError(f"A seed is {seed}; it must be a whole number from 0 to 2³² − 1.")


def check_share(name: str, value: float) -> None:
    """Refuse what cannot be a share, or a probability of which something is left on both sides.

    Examples
    --------
    >>> from rwlib.fitting.request import check_share
    >>> check_share("interval", 90.0)
    Traceback (most recent call last):
    ValueError: interval is 90.0; it must lie between 0 and 1.
    """
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value}; it must lie between 0 and 1.")


def check_request(
    datasets: Sequence[ChoiceData], model: Model, seeds: Sequence[int] | None, settings: Settings
) -> None:
    """Refuse what cannot work before anything is sampled, so that no draw is lost.

    Parameters
    ----------
    datasets, model, seeds
        As in :func:`rwlib.fitting.inference.fit_many`.
    settings : Settings

    Raises
    ------
    ValueError
        If there is no data set, their sizes or designs differ, there is not one seed for each, or a setting
        is impossible.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.request import Settings, check_request
    >>> data = rwlib.ChoiceData([[0, 1]], [[0.0, 1.0]])
    >>> check_request([data], rwlib.SYMMETRIC, [1, 2], Settings())
    Traceback (most recent call last):
    ValueError: There are 1 data sets and 2 seeds; give at least one data set, and one seed for each.
    """
    check_model(model)
    if not model.parameters:
        raise ValueError(f"The model {model.name!r} has no parameters: there is nothing to fit.")
    if isinstance(datasets, ChoiceData):
        raise ValueError("datasets is one ChoiceData; give a list of them, or call fit.")
    n_seeds = len(datasets) if seeds is None else len(seeds)
    if not len(datasets) or n_seeds != len(datasets):
        raise ValueError(
            f"There are {len(datasets)} data sets and {n_seeds} seeds; give at least one data set, and one "
            f"seed for each."
        )
    for i, data in enumerate(datasets):
        if not isinstance(data, ChoiceData):
            raise ValueError(
                f"Data set {i} is of type {type(data).__name__}; make a ChoiceData of it, with read_choices "
                f"if it is a table."
            )
        size, first = ((*np.shape(d.choices), d.n_actions) for d in (data, datasets[0]))
        if size != first:
            raise ValueError(
                f"Data set {i} has (subjects, trials, actions) {size}, but data set 0 has {first}; fit each "
                f"size by itself."
            )
        parts, of_first = (", ".join(arrays_of(d.design)) or "nothing" for d in (data, datasets[0]))
        if parts != of_first:
            raise ValueError(
                f"The design of data set {i} says {parts}, and that of data set 0 says {of_first}; fit each "
                "kind by itself."
            )
    for seed in () if seeds is None else seeds:
        check_seed(seed)
    for name, least in (("num_warmup", 1), ("num_samples", 4), ("num_chains", 1)):
        value = getattr(settings, name)
        if value % 1 or value < least:
            raise ValueError(f"{name} is {value}; it must be a whole number, at least {least}.")
    if settings.target_accept is not None:
        check_share("target_accept", settings.target_accept)


def check_alike(described: Sequence[Described]) -> None:
    """Refuse data sets of which formulas make different columns or conditions: one program fits them all.

    Parameters
    ----------
    described : sequence of Described
        Each data set as :func:`rwlib.fitting.effects.describe` describes it.

    Raises
    ------
    ValueError
        If one differs from the first.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.effects import describe
    >>> from rwlib.fitting.request import check_alike
    >>> data = rwlib.ChoiceData([[0, 1], [1, 0]], [[0.0, 1.0], [1.0, 0.0]], people={"age": [20, 30]})
    >>> different = [describe(data, rwlib.SYMMETRIC, group) for group in ({"beta": "age"}, {"alpha": "age"})]
    >>> check_alike(different)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: In data set 1 formulas have other columns or conditions than in data set 0 ...
    """
    first = described[0]
    for i, each in enumerate(described):
        labels, of_first = ([term[:2] for term in (*x.effects, *x.shifts)] for x in (each, first))
        if each.model != first.model or labels != of_first or each.conditions != first.conditions:
            raise ValueError(
                f"In data set {i} formulas have other columns or conditions than in data set 0 ({labels} and "
                f"{of_first}); fit each kind by itself."
            )
        size, of_first = (np.shape(x.data.choices) for x in (each, first))
        if size != of_first:
            raise ValueError(
                f"Data set {i} has at most {size[1]} trials in a condition, data set 0 {of_first[1]}; fit "
                "each size by itself."
            )


def suspicious_rewards(datasets: Sequence[ChoiceData], model: Model) -> list[str]:
    """What to warn of: rewards outside 0 to 1 in a model that does not say what people expect.

    The value before the first trial and the priors of models that start from it are for rewards from 0 to 1.
    Others may be meant, but seldom are. An agent without a parameter ``q0`` has a start of its own, and its
    priors are its author's: nobody but them knows for which rewards.

    Parameters
    ----------
    datasets : sequence of ChoiceData
    model : Model

    Returns
    -------
    suspicions : list of str
        One about the first such data set, or none.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.fitting.request import suspicious_rewards
    >>> in_points = rwlib.ChoiceData([[0, 1]], [[0.0, 50.0]])
    >>> print(*suspicious_rewards([in_points], rwlib.SYMMETRIC))  # doctest: +ELLIPSIS
    Rewards run from 0 to 50, but people are taken to expect 0.5 before the first trial, ...
    """
    said = {p.name for p in model.parameters} | dict(model.fixed).keys()
    if "q0" in said or all(p.name != "q0" for p in model.agent.parameters):
        return []
    for data in datasets:
        shown = data.mask if data.design.feedback is None else data.mask & data.design.feedback
        rewards = np.asarray(data.rewards)[np.asarray(shown)]
        if not rewards.size:
            continue
        if rewards.min() < 0 or rewards.max() > 1:
            return [
                f"Rewards run from {rewards.min():g} to {rewards.max():g}, but people are taken to expect "
                "0.5 before the first trial, and priors are for rewards from 0 to 1. Read the data with "
                "scale=, or say what people expect: model._replace(fixed={'q0': "
                f"{0.5 * (rewards.min() + rewards.max()):g}}})."
            ]
    return []
