"""From the group to its subjects: priors, transforms, centring, and the NumPyro model."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jaxtyping import Array, Float

from rwlib.data import ChoiceData
from rwlib.likelihood import log_likelihood

__all__ = ["ASYMMETRIC", "ASYMMETRIC_TEMPERATURE", "TRANSFORMS", "GroupParameter", "Model", "hierarchical_model"]

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

    Call it inside a NumPyro model. The sites are ``<name>_group_mean``, ``<name>_group_sd`` and
    ``<name>_offset`` (or ``<name>_unbounded`` where the parameter is centred); ``<name>`` itself is deterministic.
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
    """The NumPyro model: subjects drawn from a group, choices drawn from subjects."""
    params = {parameter.name: sample_subjects(parameter, data.n_subjects) for parameter in model.parameters}
    numpyro.factor("log_likelihood", log_likelihood(data, params).sum())


def unconstrained_sites(model: Model, n_subjects: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the model's sites, as NUTS moves them."""
    shapes = {}
    for parameter in model.parameters:
        shapes[f"{parameter.name}_group_mean"] = ()
        shapes[f"{parameter.name}_group_sd"] = ()
        shapes[f"{parameter.name}_{'unbounded' if parameter.centred else 'offset'}"] = (n_subjects,)
    return shapes
