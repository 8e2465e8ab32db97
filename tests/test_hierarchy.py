import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import potential_energy
from scipy import stats

from rwlib import ASYMMETRIC, ASYMMETRIC_TEMPERATURE, ChoiceData, GroupParameter, Model, log_likelihood
from rwlib.hierarchy import hierarchical_model, starting_sites

RNG = np.random.default_rng(0)
DATA = ChoiceData(RNG.integers(3, size=(4, 25)), RNG.integers(2, size=(4, 25)), n_actions=3)
BY_HAND = {"expit": lambda x: 1 / (1 + np.exp(-x)), "exp": np.exp, "softplus": lambda x: np.log1p(np.exp(x)), "identity": lambda x: x}
EVERY_KIND = Model(
    "every kind",
    (
        GroupParameter("alpha_pos", "expit", 0.3, 0.7, 0.8, centred=True),
        GroupParameter("alpha_neg", "expit", 0.0, 1.0, 1.0),
        GroupParameter("beta", "softplus", 1.0, 1.0, 0.5),
        GroupParameter("stickiness", "identity", 0.0, 0.5, 0.4, centred=True),
        GroupParameter("lapse", "expit", -3.0, 1.0, 0.6),
    ),
)


@pytest.mark.parametrize("model", [ASYMMETRIC, ASYMMETRIC_TEMPERATURE, EVERY_KIND], ids=lambda model: model.name)
def test_log_density_is_the_sum_of_priors_and_likelihood(model):
    rng = np.random.default_rng(1)
    sites = {name: rng.normal(0, 0.7, site.centre.shape) for name, site in starting_sites(model, 4).items()}
    expected, params = 0.0, {}
    for p in model.parameters:
        mean, log_sd = sites[f"{p.name}_group_mean"], sites[f"{p.name}_group_sd"]
        sd = np.exp(log_sd)  # NUTS moves log SD; its Jacobian is the last term
        expected += stats.norm.logpdf(mean, p.mean_location, p.mean_scale) + stats.halfnorm.logpdf(sd, scale=p.sd_scale) + log_sd
        if p.centred:
            unbounded = sites[f"{p.name}_unbounded"]
            expected += stats.norm.logpdf(unbounded, mean, sd).sum()
        else:
            unbounded = mean + sd * sites[f"{p.name}_offset"]
            expected += stats.norm.logpdf(sites[f"{p.name}_offset"]).sum()
        params[p.name] = BY_HAND[p.transform](unbounded)
    expected += float(log_likelihood(DATA, params).sum())

    ours = -potential_energy(hierarchical_model, (DATA, model), {}, jax.tree.map(jnp.asarray, sites))

    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_the_temperature_model_excludes_inverse_temperatures_below_one():
    parameter = ASYMMETRIC_TEMPERATURE.parameters[-1]
    assert parameter.name == "temperature" and parameter.transform == "expit"
