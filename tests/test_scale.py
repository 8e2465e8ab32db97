"""What holds for thousands of subjects. Slow: run with `make test-slow`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro.infer.util import potential_energy

import rwlib
from rwlib.fitting import hierarchy

pytestmark = pytest.mark.slow
GROUP = [f"{name}_group_{what}" for name in ("alpha_pos", "alpha_neg", "beta") for what in ("mean", "sd")]


def thousands_of_subjects():
    rng = np.random.default_rng(16)
    unbounded = {
        "alpha_pos": rng.normal(0, 0.7, 5000),
        "alpha_neg": rng.normal(-0.5, 0.7, 5000),
        "beta": rng.normal(1, 0.4, 5000),
    }
    params = {name: np.exp(x) if name == "beta" else 1 / (1 + np.exp(-x)) for name, x in unbounded.items()}
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(16), rwlib.FIVE_ARMS, 200)
    return rwlib.simulate(jax.random.key(17), outcomes, params).data


def test_five_thousand_subjects_have_no_divergence_and_the_group_posterior_of_float64(monkeypatch):
    data = thousands_of_subjects()
    fit = rwlib.fit(data, num_warmup=200, num_samples=100, num_chains=2, seed=1)
    assert int(fit.sample_stats.diverging.sum()) == 0

    # The log density in float64 at every other draw: if it differs from the sampler's own by nearly the same
    # number everywhere, both are the same posterior, and weighing the draws by the difference changes
    # nothing.
    monkeypatch.setattr(hierarchy, "SCORING", jnp.float64)
    some = fit["unconstrained_posterior"].dataset.isel(draw=slice(None, None, 2)).stack(of=("chain", "draw"))
    with jax.enable_x64(True):
        log_density = jax.jit(
            lambda sites: -potential_energy(hierarchy.hierarchical_model, (data, rwlib.ASYMMETRIC), {}, sites)
        )
        double = [
            float(log_density({name: jnp.asarray(x.isel(of=i).values, float) for name, x in some.items()}))
            for i in range(some.sizes["of"])
        ]
        monkeypatch.setattr(hierarchy, "SCORING", jnp.float32)
        mixed_density = jax.jit(
            lambda sites: -potential_energy(hierarchy.hierarchical_model, (data, rwlib.ASYMMETRIC), {}, sites)
        )
        mixed = [
            float(mixed_density({name: jnp.asarray(x.isel(of=i).values, float) for name, x in some.items()}))
            for i in range(some.sizes["of"])
        ]
    difference = np.array(double) - np.array(mixed)
    print("SD of the difference in log density", difference.std())
    assert difference.std() < 0.1

    weights = np.exp(difference - difference.mean())
    weights /= weights.sum()
    for name in GROUP:
        draws = fit.posterior[name].isel(draw=slice(None, None, 2)).values.ravel()
        assert abs((weights * draws).sum() - draws.mean()) < 0.05 * draws.std(), name
