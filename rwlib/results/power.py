"""How many people, how many trials? How often a study of a given design finds a true difference."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd

from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.fitting.models import ASYMMETRIC, TRANSFORMS, Model
from rwlib.fitting.inference import fit_and_check
from rwlib.fitting.request import check_seed, check_share
from rwlib.model.simulation import simulate
from rwlib.model.tasks import FIVE_ARMS, bernoulli_outcomes

__all__ = ["power", "two_conditions", "two_groups"]


def power(
    n_subjects: int,
    n_trials: int,
    size: float,
    *,
    parameter: str = "alpha_neg",
    within: bool = False,
    model: Model = ASYMMETRIC,
    typical: Mapping[str, float] | None = None,
    spread: float = 0.5,
    reward_probs: Sequence[float] = FIVE_ARMS,
    n_datasets: int = 10,
    seed: int = 0,
    interval: float = 0.95,
    **settings: Any,
) -> pd.DataFrame:
    """Simulate studies in which a parameter differs by ``size``, fit them, and say what was found.

    Between people, half of them are in each of two groups. Within people, everybody plays twice, once in each
    condition, and how far a person shifts is spread over people with half the SD that the parameter has. One
    call is one design, so that :func:`rwlib.running.studies.run_study` can take many of them side by side.
    The share of ``found`` has a standard error of √(share · (1 − share) / n_datasets): with ten data sets it
    is a first look only.

    Parameters
    ----------
    n_subjects : int
        People in the study, at least 4.
    n_trials : int
        Trials of each person; within people, in each condition.
    size : float
        The true difference, before the transform: of a rate in log odds, of beta in logarithms. Within people
        it is the mean over people. With 0, ``found`` counts false findings.
    parameter : str, default "alpha_neg"
        Which parameter differs.
    within : bool, default False
        Whether the difference is between two conditions of the same people, or between two groups.
    model : Model, default ASYMMETRIC
    typical : dict of floats, optional
        Parameters of the typical person in the middle of both, in their own ranges. Default: those in the
        middle of the prior.
    spread : float, default 0.5
        SD over people before the transform, as a share of the prior's scale for that SD (``sd_scale``).
    reward_probs : sequence of float, default FIVE_ARMS
        How often each arm pays 1 and not 0, from 0 to 1.
    n_datasets : int, default 10
        Simulated studies.
    seed : int, default 0
        Of the simulated studies and of their fits.
    interval : float in (0, 1), default 0.95
        A difference is found if this central interval of its posterior leaves out 0.
    **settings
        Of the sampler: :class:`rwlib.fitting.request.Settings`.

    Returns
    -------
    table : pandas.DataFrame
        A row for each simulated study: ``n_subjects``, ``n_trials`` and ``size`` as given; ``estimate``, the
        posterior mean of the difference, with ``low``, ``high`` and ``width`` of its interval, all before the
        transform; ``found``; ``sign_right``, which is False where nothing was found; and whether the fit
        ``passes`` :func:`rwlib.fitting.diagnostics.check`. Leave out, and count, those that do not.

    Raises
    ------
    ValueError
        If a number is impossible, a typical parameter lies outside its range, or the model has no such
        parameter.

    References
    ----------
    Signs and sizes of what is found: Gelman, A., & Carlin, J. (2014). Beyond power calculations.
    https://doi.org/10.1177/1745691614551642

    Examples
    --------
    >>> import rwlib
    >>> short = dict(num_warmup=50, num_samples=50, num_chains=2, progress_bar=False)
    >>> table = rwlib.power(8, 30, 0.8, n_datasets=1, **short)
    >>> table[["n_subjects", "n_trials", "size"]].values.tolist()
    [[8.0, 30.0, 0.8]]
    """
    check_seed(seed)
    names = [p.name for p in model.parameters]
    if parameter not in names:
        raise ValueError(
            f"parameter is {parameter!r}; the model {model.name!r} has {', '.join(map(repr, names))}."
        )
    for name, value, least in (
        ("n_subjects", n_subjects, 4),
        ("n_trials", n_trials, 1),
        ("n_datasets", n_datasets, 1),
    ):
        if value % 1 or value < least:
            raise ValueError(f"{name} is {value}; it must be a whole number, at least {least}.")
    check_share("interval", interval)
    seeds = np.random.SeedSequence(seed).generate_state(2 * n_datasets).tolist()
    study = two_conditions if within else two_groups
    datasets = [
        study(n_subjects, n_trials, size, parameter, model, typical or {}, spread, reward_probs, one)
        for one in seeds[:n_datasets]
    ]
    formula = {"within": {parameter: "condition"}} if within else {"group": {parameter: "group"}}
    checked = fit_and_check(datasets, model, seeds=seeds[n_datasets:], **formula, **settings)
    variable = f"{parameter}_shift_group_mean" if within else f"{parameter}_effect"
    rows, tail = [], (1 - interval) / 2
    for each in checked:
        drawn = each.fit["posterior"][variable].values.ravel()
        low, high = np.quantile(drawn, (tail, 1 - tail)).tolist()
        found = low > 0 or high < 0
        row = {"n_subjects": n_subjects, "n_trials": n_trials, "size": size, "estimate": float(drawn.mean())}
        row |= {"low": low, "high": high, "width": high - low, "found": found}
        row |= {"sign_right": found and np.sign(low) == np.sign(size), "passes": each.passes}
        rows.append(row)
    return pd.DataFrame(rows)


def _numbers(rng, n_subjects, model, typical, spread):
    """Everybody's parameters before the transform, around those of the typical person."""
    found = {}
    for p in model.parameters:
        middle = _before(p.transform, typical[p.name]) if p.name in typical else p.mean_location
        found[p.name] = middle + spread * p.sd_scale * rng.normal(size=n_subjects)
    return found


def _before(transform, value):
    """The inverse of a transform."""
    inverse = {
        "expit": lambda x: np.log(x / (1 - x)),
        "exp": np.log,
        "softplus": lambda x: np.log(np.expm1(x)),
        "identity": lambda x: x,
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        found = float(inverse[transform](value))
    if not np.isfinite(found):
        raise ValueError(f"A typical parameter is {value}, which is no value of the transform {transform!r}.")
    return found


def _play(key, numbers, model, n_trials, reward_probs):
    outcome_key, choice_key = jax.random.split(key)
    outcomes = bernoulli_outcomes(outcome_key, reward_probs, n_trials)
    transforms = {p.name: TRANSFORMS[p.transform] for p in model.parameters}
    params = {name: np.asarray(transforms[name](x)) for name, x in numbers.items()} | dict(model.fixed)
    return simulate(choice_key, outcomes, params, agent=model.agent).data


def two_groups(n_subjects, n_trials, size, parameter, model, typical, spread, reward_probs, seed):
    """A simulated study in which two groups of people differ: see :func:`power`.

    Parameters
    ----------
    n_subjects, n_trials, size, parameter, model, typical, spread, reward_probs
        As in :func:`power`, without defaults.
    seed : int
        Of people, outcomes and choices.

    Returns
    -------
    data : ChoiceData
        With a column ``group`` about people, ``"group 1"`` and ``"group 2"`` in turn.

    Raises
    ------
    ValueError
        If a typical parameter lies outside its range.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.power import two_groups
    >>> data = two_groups(4, 30, 0.8, "alpha_neg", rwlib.ASYMMETRIC, {}, 0.5, rwlib.FIVE_ARMS, seed=0)
    >>> data.person_table["group"].tolist()
    ['group 1', 'group 2', 'group 1', 'group 2']
    """
    rng = np.random.default_rng(seed)
    second = np.arange(n_subjects) % 2
    numbers = _numbers(rng, n_subjects, model, typical, spread)
    numbers[parameter] = numbers[parameter] + size * (second - 0.5)
    data = _play(jax.random.key(seed), numbers, model, n_trials, reward_probs)
    return ChoiceData(
        data.choices,
        data.rewards,
        n_actions=data.n_actions,
        people={"group": [f"group {i + 1}" for i in second]},
    )


def two_conditions(n_subjects, n_trials, size, parameter, model, typical, spread, reward_probs, seed):
    """A simulated study in which the same people play in two conditions: see :func:`power`.

    Parameters
    ----------
    n_subjects, n_trials, size, parameter, model, typical, spread, reward_probs
        As in :func:`power`, without defaults.
    seed : int
        Of people, outcomes and choices.

    Returns
    -------
    data : ChoiceData
        With two blocks of ``n_trials`` trials, and a column ``condition`` about them (``"first"``,
        ``"second"``).

    Raises
    ------
    ValueError
        If a typical parameter lies outside its range.

    Examples
    --------
    >>> import rwlib
    >>> from rwlib.results.power import two_conditions
    >>> data = two_conditions(4, 30, 0.8, "alpha_neg", rwlib.ASYMMETRIC, {}, 0.5, rwlib.FIVE_ARMS, seed=0)
    >>> data.n_trials, data.condition_table["condition"].tolist()
    (60, ['first', 'second'])
    """
    rng = np.random.default_rng(seed)
    numbers = _numbers(rng, n_subjects, model, typical, spread)
    sd = next(p.sd_scale for p in model.parameters if p.name == parameter) * spread / 2
    shifts = size + sd * rng.normal(size=n_subjects)
    keys, parts = jax.random.split(jax.random.key(seed)), []
    for key, code in zip(keys, (-0.5, 0.5)):
        moved = numbers | {parameter: numbers[parameter] + code * shifts}
        parts.append(_play(key, moved, model, n_trials, reward_probs))
    return ChoiceData(
        *(np.concatenate([getattr(part, name) for part in parts], axis=1) for name in ("choices", "rewards")),
        n_actions=parts[0].n_actions,
        design=Design(block=np.repeat([0, 1], n_trials)),
        conditions={"condition": ["first", "second"]},
    )
