"""From the group to its subjects: priors, transforms, centring, and the NumPyro model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from rwlib.data import ChoiceData
from rwlib.likelihood import log_likelihood

__all__ = ["ASYMMETRIC", "ASYMMETRIC_TEMPERATURE", "TRANSFORMS", "GroupParameter", "Model", "hierarchical_model", "sample_subjects"]

#: From the real line, on which a group is normal, to a parameter's own range.
TRANSFORMS = {"expit": jax.scipy.special.expit, "exp": jnp.exp, "softplus": jax.nn.softplus, "identity": lambda x: x}


class GroupParameter(NamedTuple):
    """One parameter of the agent, and how it is distributed over the group's subjects.

    Subject i has the value transform(group mean + group SD · zᵢ) with zᵢ ~ N(0, 1); the group mean is
    N(mean_location, mean_scale) and the group SD half-normal with scale sd_scale, all before the transform.

    ``centred=True`` samples the subjects' values before the transform directly, N(group mean, group SD):
    the same posterior, and often faster where each subject's own data say much about the value.
    """

    name: str
    transform: str
    mean_location: float
    mean_scale: float
    sd_scale: float
    centred: bool = False


class Model(NamedTuple):
    """A model is its name and its parameters; the rest follows."""

    name: str
    parameters: tuple[GroupParameter, ...]


#: The course's model: two learning rates and an inverse temperature.
ASYMMETRIC = Model(
    "asymmetric",
    (
        GroupParameter("alpha_pos", "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0),
        GroupParameter("alpha_neg", "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0),
        GroupParameter("beta", "exp", mean_location=1.0, mean_scale=1.0, sd_scale=0.5, centred=True),
    ),
)

#: The same, with a temperature in (0, 1): no subject's inverse temperature can then be below 1.
ASYMMETRIC_TEMPERATURE = Model(
    "asymmetric, temperature",
    ASYMMETRIC.parameters[:2] + (GroupParameter("temperature", "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0),),
)


def sample_subjects(parameter: GroupParameter, n_subjects: int) -> Float[Array, " n_subjects"]:
    """Declare one parameter's group mean, group SD and subjects to NumPyro; return the subjects' values.

    The sites are ``<name>_group_mean``, ``<name>_group_sd`` and
    ``<name>_offset`` (or ``<name>_unbounded`` where the parameter is centred); ``<name>`` itself is deterministic.

    Parameters
    ----------
    parameter : GroupParameter
    n_subjects : int

    Returns
    -------
    values : array, shape (n_subjects,)
        In the parameter's own range.

    Examples
    --------
    It must run inside a NumPyro model, or, as here, with a seed that stands in for one:

    >>> import numpyro
    >>> from rwlib import ASYMMETRIC
    >>> from rwlib.hierarchy import sample_subjects
    >>> with numpyro.handlers.seed(rng_seed=0):
    ...     beta = sample_subjects(ASYMMETRIC.parameters[2], n_subjects=5)
    >>> beta.shape
    (5,)
    """
    name = parameter.name
    group_mean = numpyro.sample(f"{name}_group_mean", dist.Normal(parameter.mean_location, parameter.mean_scale))
    group_sd = numpyro.sample(f"{name}_group_sd", dist.HalfNormal(parameter.sd_scale))
    with numpyro.plate("subject", n_subjects):
        if parameter.centred:
            unbounded = numpyro.sample(f"{name}_unbounded", dist.Normal(group_mean, group_sd))
        else:
            unbounded = group_mean + group_sd * numpyro.sample(f"{name}_offset", dist.Normal(0.0, 1.0))
    return numpyro.deterministic(name, TRANSFORMS[parameter.transform](unbounded))


def hierarchical_model(data: ChoiceData, model: Model = ASYMMETRIC) -> None:
    """Draw subjects from a group and score their observed choices: the NumPyro model that ``fit`` samples.

    The score enters through ``numpyro.factor``, since it is the log-likelihood of whole sessions, not a
    distribution that NumPyro knows.

    Parameters
    ----------
    data : ChoiceData
        Everything the model needs: number of subjects, of trials and of actions are read from it.
    model : Model, default ASYMMETRIC

    References
    ----------
    Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007). A general framework for the parametrization
    of hierarchical models. https://doi.org/10.1214/088342307000000014

    Examples
    --------
    >>> import numpyro
    >>> from rwlib import ASYMMETRIC, ChoiceData
    >>> from rwlib.hierarchy import hierarchical_model
    >>> data = ChoiceData([[0, 1, 1]], [[0.0, 1.0, 1.0]])
    >>> with numpyro.handlers.seed(rng_seed=0), numpyro.handlers.trace() as trace:
    ...     hierarchical_model(data, ASYMMETRIC)
    >>> [name for name in trace if name.startswith("beta")]
    ['beta_group_mean', 'beta_group_sd', 'beta_unbounded', 'beta']
    """
    params = {parameter.name: sample_subjects(parameter, data.n_subjects) for parameter in model.parameters}
    numpyro.factor("log_likelihood", log_likelihood(data, params).sum())


class Start(NamedTuple):
    """Where NUTS starts with one site, and how far its draws will roughly spread."""

    centre: Float[Array, "..."]
    scale: Float[Array, "..."]


def starting_sites(model: Model, n_subjects: int) -> dict[str, Start]:
    """Every site of the model, on the unbounded scale on which NUTS moves it.

    Only a start: warm-up replaces the scales by measured ones. Without them its first hundred iterations
    take ten times as many steps, since a group mean is known far better than a subject's offset.
    """
    sites = {}
    for name, _, mean_location, _, sd_scale, centred in model.parameters:
        sites[f"{name}_group_mean"] = Start(jnp.array(mean_location), jnp.array(sd_scale / n_subjects**0.5))
        sites[f"{name}_group_sd"] = Start(jnp.log(sd_scale / 2), jnp.array((2 / n_subjects) ** 0.5))
        if centred:
            sites[f"{name}_unbounded"] = Start(jnp.full(n_subjects, mean_location), jnp.full(n_subjects, sd_scale / 2))
        else:
            sites[f"{name}_offset"] = Start(jnp.zeros(n_subjects), jnp.full(n_subjects, 0.8))
    return sites
