"""From the group to its subjects: centring, regressions on people and conditions, and the NumPyro model."""

from functools import partial
from itertools import repeat
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from rwlib.data.choices import ChoiceData
from rwlib.fitting.models import ASYMMETRIC, TRANSFORMS, GroupParameter, Model, Regressors
from rwlib.model.likelihood import log_likelihood_given

__all__ = ["hierarchical_model", "of_subjects", "sample_subjects"]

#: Where JAX works in double precision, as in `fit`, a subject's trials are still scored in single precision,
#: at half the cost: only what is added up over subjects needs the digits.
SCORING = jnp.float32


def sample_subjects(
    parameter: GroupParameter, n_subjects: int, regression: Float[Array, " n_subjects"] | float = 0.0
) -> Float[Array, " n_subjects"]:
    """Declare one parameter's group mean, group SD and subjects to NumPyro; return the subjects' values.

    The sites are ``<name>_group_mean``, ``<name>_group_sd`` and
    ``<name>_offset`` (or ``<name>_unbounded`` where the parameter is centred); ``<name>`` itself is
    deterministic.

    Parameters
    ----------
    parameter : GroupParameter
    n_subjects : int
    regression : array, shape (n_subjects,), optional
        How far each person's mean lies from the group's, before the transform.

    Returns
    -------
    values : array, shape (n_subjects,)
        In the parameter's own range.

    Examples
    --------
    It must run inside a NumPyro model, or, as here, with a seed that stands in for one:

    >>> import numpyro
    >>> from rwlib import ASYMMETRIC
    >>> from rwlib.fitting.hierarchy import sample_subjects
    >>> with numpyro.handlers.seed(rng_seed=0):
    ...     beta = sample_subjects(ASYMMETRIC.parameters[2], n_subjects=5)
    >>> beta.shape
    (5,)
    """
    return TRANSFORMS[parameter.transform](_declare(parameter, n_subjects, regression))


def _declare(parameter, n_subjects, regression):
    """The sites of one parameter; the subjects' values before the transform."""
    name = parameter.name
    group_mean = numpyro.sample(
        f"{name}_group_mean", dist.Normal(parameter.mean_location, parameter.mean_scale)
    )
    group_sd = numpyro.sample(f"{name}_group_sd", dist.HalfNormal(parameter.sd_scale))
    mean = group_mean + regression
    with numpyro.plate("subject", n_subjects):
        if parameter.centred:
            unbounded = numpyro.sample(f"{name}_unbounded", dist.Normal(mean, group_sd))
        else:
            unbounded = mean + group_sd * numpyro.sample(f"{name}_offset", dist.Normal(0.0, 1.0))
    numpyro.deterministic(name, TRANSFORMS[parameter.transform](unbounded))
    return unbounded


def hierarchical_model(
    data: ChoiceData, model: Model = ASYMMETRIC, regressors: Regressors | None = None
) -> None:
    """Draw subjects from a group and score their observed choices: the NumPyro model that ``fit`` samples.

    The score enters through ``numpyro.factor``, since it is the log-likelihood of whole sessions, not a
    distribution that NumPyro knows.

    Parameters
    ----------
    data : ChoiceData
        Everything the model needs: number of subjects, of trials and of actions are read from it.
    model : Model, default ASYMMETRIC
    regressors : Regressors, optional
        Where the model has effects or shifts.

    References
    ----------
    Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007). A general framework for the parametrization
    of hierarchical models. https://doi.org/10.1214/088342307000000014

    Examples
    --------
    >>> import numpyro
    >>> from rwlib import ASYMMETRIC, ChoiceData
    >>> from rwlib.fitting.hierarchy import hierarchical_model
    >>> data = ChoiceData([[0, 1, 1]], [[0.0, 1.0, 1.0]])
    >>> with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.trace() as trace:
    ...     hierarchical_model(data, ASYMMETRIC)
    >>> [name for name in trace if name.startswith("beta")]
    ['beta_group_mean', 'beta_group_sd', 'beta_offset', 'beta']
    """
    n_subjects = number_of_people(data, regressors)
    sites = zip(effect_sites(model), model.effects)
    effects = [numpyro.sample(site, dist.Normal(0.0, effect.scale)) for site, effect in sites]
    along = regressions(jnp.array(effects), model, regressors) if effects else repeat(0.0)
    people = [_declare(p, n_subjects, moved) for p, moved in zip(model.personal, along)]
    numpyro.factor("log_likelihood", log_likelihood_of_people(people, data, model, regressors).sum())


def number_of_people(data: ChoiceData, regressors: Regressors | None) -> int:
    """How many people there are. With regressors, the data may have several rows for each.

    Both may be stacked, with a row for each of several data sets in front.
    """
    return data.choices.shape[-2] if regressors is None else regressors.of_people.shape[-1]


def effect_sites(model: Model) -> list[str]:
    """What each effect is called in the NumPyro model: by its parameter, with a number."""
    names = [effect.parameter for effect in model.effects]
    return [f"{name}_effect_{names[:i].count(name)}" for i, name in enumerate(names)]


def regressions(
    effects: Float[ArrayLike, "... n_effects"], model: Model, regressors: Regressors
) -> Float[Array, "... n_parameters n_subjects"]:
    """How far each person's mean lies from the group's, before the transform.

    Parameters
    ----------
    effects : array, shape (..., n_effects)
    model : Model
    regressors : Regressors

    Returns
    -------
    regressions : array, shape (..., n_parameters, n_subjects)
        A row for each of ``model.personal``.
    """
    belongs = effect_rows(model) == np.arange(len(model.personal))[:, None]
    return jnp.einsum("pe,...e,es->...ps", belongs.astype(float), effects, regressors.of_people)


def effect_rows(model: Model) -> np.ndarray:
    """For each effect the number of its parameter among ``model.personal``."""
    place = {p.name: i for i, p in enumerate(model.personal)}
    return np.array([place[effect.parameter] for effect in model.effects], int)


def log_likelihood_of_people(
    people: Sequence[Float[Array, " n_subjects"]] | Float[Array, "n_parameters n_subjects"],
    data: ChoiceData,
    model: Model,
    regressors: Regressors | None,
) -> Float[Array, " n_subjects"]:
    """The log-likelihood of each person's choices, in all conditions together.

    Parameters
    ----------
    people : sequence of arrays, shape (n_subjects,)
        Before the transform; one for each of ``model.personal``.
    data : ChoiceData
        Where the model has shifts, with a row for each condition of each person: everybody's first condition,
        then everybody's second, and so on.
    model : Model
    regressors : Regressors

    Returns
    -------
    log_likelihood : array, shape (n_subjects,)
    """
    params = {
        p.name: TRANSFORMS[p.transform](x).astype(SCORING)
        for p, x in zip(model.parameters, in_conditions(people, model, regressors))
    }
    by_row = log_likelihood_of_model(data, params, model)
    return by_row.reshape(-1, len(people[0])).sum(axis=0) if model.shifts else by_row


def check_finite(data: ChoiceData, model: Model, regressors: Regressors | None, subjects: Sequence) -> None:
    """Refuse a model whose log-likelihood has no value or no gradient in the middle of its prior.

    NUTS moves along the gradient, so without one every transition would diverge.

    Parameters
    ----------
    data, model, regressors
        As for :func:`log_likelihood_of_people`.
    subjects : sequence
        What people are called.

    Raises
    ------
    ValueError
        If either is NaN or infinite. The message names the person and the parameters.
    """
    middle = jnp.array([[p.mean_location] for p in model.personal], float)
    people = jnp.broadcast_to(middle, (len(model.personal), len(subjects)))
    (_, values), slopes = _score_with_slopes(people, data, regressors, model)
    in_the_middle = f"of subject {{!r}}, with the model {model.name!r} in the middle of its prior"
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"The log-likelihood {in_the_middle.format(subjects[bad[0]])}, is {values[bad[0]]}. Do the "
            "agent's functions give a probability of 0, divide by 0, or take the logarithm or root of a "
            "negative number?"
        )
    bad = np.argwhere(~np.isfinite(slopes))
    if len(bad):
        names = ", ".join(repr(model.personal[i].name) for i in sorted({i for i, _ in bad.tolist()}))
        raise ValueError(
            f"The log-likelihood {in_the_middle.format(subjects[bad[0][1]])}, has no gradient by {names}. "
            "The usual cause is jnp.where, which differentiates the branch that is not taken, too. Give both "
            "branches arguments that are harmless, as in jnp.abs(x) ** rho for (-x) ** rho."
        )


@partial(jax.jit, static_argnames="model")
def _score_with_slopes(people, data, regressors, model):
    def score(people):
        by_person = log_likelihood_of_people(people, data, model, regressors)
        return by_person.sum(), by_person

    return jax.value_and_grad(score, has_aux=True)(people)


def in_conditions(
    people: Sequence[Float[Array, " n_subjects"]] | Float[Array, "n_parameters n_subjects"],
    model: Model,
    regressors: Regressors | None,
) -> list[Float[Array, " n_rows"]]:
    """Each parameter in every condition, before the transform, in the order of the rows of data."""
    found = dict(zip((p.name for p in model.personal), people))
    if model.shifts:
        n_conditions = regressors.of_conditions.shape[-1]
        found = {name: jnp.tile(x, (n_conditions, 1)) for name, x in found.items()}
    for shift, of_conditions in zip(model.shifts, () if regressors is None else regressors.of_conditions):
        found[shift.parameter] += of_conditions[:, None] * found[shift.over_people.name]
    return [found[p.name].ravel() if model.shifts else found[p.name] for p in model.parameters]


def log_likelihood_of_model(
    data: ChoiceData, params: Mapping[str, Array], model: Model
) -> Float[Array, " n_subjects"]:
    """The log-likelihood of each subject's choices, given the estimated parameters and with the fixed ones
    where they are."""
    return log_likelihood_given(data, params, dict(model.fixed), model.agent)


def of_subjects(dataset: xr.Dataset, subjects: Sequence) -> xr.Dataset:
    """The part of a fit that belongs to these subjects, in their order: people are matched by label, never by
    place.

    Parameters
    ----------
    dataset : xarray.Dataset
        With a coordinate ``subject``.
    subjects : sequence of labels
        All subjects of the data, in any order.

    Returns
    -------
    dataset : xarray.Dataset

    Raises
    ------
    ValueError
        If a subject is missing on either side.

    Examples
    --------
    >>> import xarray as xr
    >>> from rwlib.fitting.hierarchy import of_subjects
    >>> fitted = xr.Dataset({"beta": ("subject", [1.0, 2.0])}, {"subject": ["ada", "bo"]})
    >>> of_subjects(fitted, ["bo", "ada"])["beta"].values
    array([2., 1.])
    """
    wanted = np.asarray(subjects).tolist()  # numbers beside texts become texts, as they do in xarray
    place = {label: i for i, label in enumerate(dataset["subject"].values.tolist())}
    only_here, only_there = (
        sorted(one - other, key=str) for one, other in ((set(wanted), set(place)), (set(place), set(wanted)))
    )
    if only_here or only_there:
        label = (only_here or only_there)[0]
        where, not_there = ("data", "the fit") if only_here else ("the fit", "data")
        raise ValueError(
            f"The subject {label!r} is in {where} and not in {not_there}: give the data that were fitted."
        )
    return dataset.isel(subject=[place[label] for label in wanted])
