"""From the group to its subjects: priors, transforms, centring, and the NumPyro model."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Num

from rwlib.agents import RANDOM_AGENT, RESCORLA_WAGNER_AGENT, WIN_STAY_LOSE_SHIFT_AGENT, Agent
from rwlib.data import ChoiceData
from rwlib.likelihood import log_likelihood

__all__ = [
    "ASYMMETRIC",
    "ASYMMETRIC_STICKY",
    "ASYMMETRIC_TEMPERATURE",
    "RANDOM",
    "SYMMETRIC",
    "SYMMETRIC_STICKY",
    "TRANSFORMS",
    "WIN_STAY_LOSE_SHIFT",
    "GroupParameter",
    "Model",
    "hierarchical_model",
    "sample_subjects",
]

#: Where JAX works in double precision, as in `fit`, a subject's trials are still scored in single precision, at half
#: the cost: only what is added up over subjects needs the digits.
SCORING = jnp.float32

#: From the real line, on which a group is normal, to a parameter's own range.
TRANSFORMS = {"expit": jax.scipy.special.expit, "exp": jnp.exp, "softplus": jax.nn.softplus, "identity": lambda x: x}


class GroupParameter(NamedTuple):
    """One parameter of the agent, and how it is distributed over the group's subjects.

    Subject i has the value transform(group mean + group SD · zᵢ) with zᵢ ~ N(0, 1); the group mean is
    N(mean_location, mean_scale) and the group SD half-normal with scale sd_scale, all before the transform.

    The form in which it is sampled does not change the posterior, only how well NUTS moves. ``centred=None`` lets
    ``fit`` find, for each subject, where between the two forms to be. ``False`` samples the zᵢ: right
    where subjects' data say little. ``True`` samples the values before the transform directly, N(group mean,
    group SD): right where they say much.
    """

    name: str
    transform: str
    mean_location: float
    mean_scale: float
    sd_scale: float
    centred: bool | None = None


class Model(NamedTuple):
    """A model is its name, its parameters, and the agent that they belong to; the rest follows."""

    name: str
    parameters: tuple[GroupParameter, ...]
    agent: Agent = RESCORLA_WAGNER_AGENT


_BETA = GroupParameter("beta", "exp", mean_location=1.0, mean_scale=1.0, sd_scale=0.5)
_STICKINESS = GroupParameter("stickiness", "identity", mean_location=0.0, mean_scale=1.0, sd_scale=1.0)


def _rate(name):
    return GroupParameter(name, "expit", mean_location=0.0, mean_scale=1.0, sd_scale=1.0)


#: The course's model: two learning rates and an inverse temperature.
ASYMMETRIC = Model("asymmetric", (_rate("alpha_pos"), _rate("alpha_neg"), _BETA))

#: One learning rate for good and bad surprises.
SYMMETRIC = Model("symmetric", (_rate("alpha"), _BETA))

#: Both once more, with a tendency to repeat the last choice (or, where it is negative, to leave it).
ASYMMETRIC_STICKY = Model("asymmetric, sticky", (*ASYMMETRIC.parameters, _STICKINESS))
SYMMETRIC_STICKY = Model("symmetric, sticky", (*SYMMETRIC.parameters, _STICKINESS))

#: Repeat what paid, leave what did not, with a share of random choices.
WIN_STAY_LOSE_SHIFT = Model(
    "win-stay, lose-shift", (GroupParameter("lapse", "expit", mean_location=-1.0, mean_scale=1.0, sd_scale=1.0),), WIN_STAY_LOSE_SHIFT_AGENT
)

#: Chance: nothing to estimate, and the least that any other model must beat.
RANDOM = Model("random", (), RANDOM_AGENT)

#: The course's model with a temperature in (0, 1): no subject's inverse temperature can then be below 1.
ASYMMETRIC_TEMPERATURE = Model("asymmetric, temperature", (*ASYMMETRIC.parameters[:2], _rate("temperature")))


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
    ['beta_group_mean', 'beta_group_sd', 'beta_offset', 'beta']
    """
    params = {parameter.name: sample_subjects(parameter, data.n_subjects) for parameter in model.parameters}
    params = {name: value.astype(SCORING) for name, value in params.items()}
    numpyro.factor("log_likelihood", log_likelihood(data, params, model.agent).sum())


class Start(NamedTuple):
    """Where NUTS starts with one site, and how far its draws will roughly spread."""

    centre: Float[Array, "..."]
    scale: Float[Array, "..."]


def starting_sites(model: Model, n_subjects: int) -> dict[str, Start]:
    """Every site of the model, on the unbounded scale on which NUTS moves it.

    Only a start: warm-up replaces the scales by measured ones. Without them its first iterations take ten
    times as many steps, since a group mean is known far better than a subject's offset.
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


def learned_centring(model: Model) -> tuple[str, ...]:
    """Names of the parameters whose centring ``fit`` chooses."""
    return tuple(parameter.name for parameter in model.parameters if parameter.centred is None)


def move(sites: dict, weights: dict) -> dict:
    """From the model's offsets z to what NUTS moves, u = w · group mean + group SDʷ · z.

    With weight w = 0 that is the offset itself; with w = 1 it is the value before the transform, as in the centred form.

    Parameters
    ----------
    sites : dict of arrays, NumPy's or JAX's
        The model's sites on the unbounded scale, where ``<name>_group_sd`` is a logarithm. Draws may stand in front.
    weights : dict of arrays, shape (n_subjects,)
        In [0, 1], for each parameter that is moved.

    Returns
    -------
    moved : dict of arrays

    References
    ----------
    Papaspiliopoulos, O., Roberts, G. O., & Sköld, M. (2007). https://doi.org/10.1214/088342307000000014

    Examples
    --------
    >>> import numpy as np
    >>> from rwlib.hierarchy import move
    >>> sites = {"beta_group_mean": np.array(1.0), "beta_group_sd": np.log(0.5), "beta_offset": np.array([2.0, 2.0])}
    >>> move(sites, {"beta": np.array([0.0, 1.0])})["beta_offset"].tolist()
    [2.0, 2.0]
    >>> move(sites, {"beta": np.array([0.0, 0.5])})["beta_offset"].round(2).tolist()
    [2.0, 1.91]
    """
    moved = dict(sites)
    for name, w in weights.items():
        mean, sd_to_w = _mean_and_scale(sites, name, w)
        moved[f"{name}_offset"] = w * mean + sd_to_w * sites[f"{name}_offset"]
    return moved


def move_back(moved: dict, weights: dict) -> tuple[dict, Num[ArrayLike, "..."]]:
    """The inverse of :func:`move`, and the logarithm of its Jacobian determinant."""
    sites, log_jacobian = dict(moved), 0.0
    for name, w in weights.items():
        mean, sd_to_w = _mean_and_scale(moved, name, w)
        sites[f"{name}_offset"] = (moved[f"{name}_offset"] - w * mean) / sd_to_w
        log_jacobian = log_jacobian - (w * moved[f"{name}_group_sd"][..., None]).sum(-1)
    return sites, log_jacobian


def _mean_and_scale(sites, name, w):
    # A power, not `exp`, since it serves the arrays of NumPy and of JAX alike.
    return sites[f"{name}_group_mean"][..., None], math.e ** (w * sites[f"{name}_group_sd"][..., None])
