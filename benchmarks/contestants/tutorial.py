"""The reference tutorial's way: NumPyro, a scan that keeps every value, autodiff, its 2,000 + 4,000 iterations on 4 host devices.

Its likelihood is corrected to a categorical one, and its priors are those of `rwlib.ASYMMETRIC`, so that the posterior is the same.
"""

import time

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from numpyro.infer import MCMC, NUTS

import rwlib
from benchmarks.plain import tutorial_values
from benchmarks.problem import GROUP, course_data, judge

numpyro.set_host_device_count(4)  # one per chain, as in the tutorial


def subject_parameter(parameter, n_subjects):
    name = parameter.name
    mean = numpyro.sample(f"{name}_group_mean", dist.Normal(parameter.mean_location, parameter.mean_scale))
    sd = numpyro.sample(f"{name}_group_sd", dist.HalfNormal(parameter.sd_scale))
    offset = numpyro.sample(f"{name}_offset", dist.Normal(0, 1), sample_shape=(n_subjects,))
    transform = {"expit": jax.scipy.special.expit, "exp": jnp.exp}[parameter.transform]
    return numpyro.deterministic(name, transform(mean + sd * offset))


def model(choices, rewards, n_actions):
    alpha_pos, alpha_neg, beta = (subject_parameter(p, len(choices)) for p in rwlib.ASYMMETRIC.parameters)
    values = jax.vmap(tutorial_values)(jax.nn.one_hot(choices, n_actions), rewards, alpha_pos, alpha_neg)
    numpyro.sample("choices", dist.Categorical(logits=beta[:, None, None] * values), obs=choices)


def run(data, seed, num_warmup, num_samples):
    """The finished sampler, and its seconds."""
    mcmc = MCMC(NUTS(model), num_warmup=num_warmup, num_samples=num_samples, num_chains=4, chain_method="parallel", progress_bar=False)
    start = time.perf_counter()
    mcmc.run(jax.random.key(seed), jnp.asarray(data.choices), jnp.asarray(data.rewards)[..., None], data.n_actions)
    jax.block_until_ready(mcmc.get_samples())
    return mcmc, time.perf_counter() - start


def measure(seed):
    data = course_data()
    # One iteration of each kind compiles the same program and samples next to nothing.
    _, compile_seconds = run(data, seed, 1, 1)
    jax.clear_caches()
    mcmc, all_seconds = run(data, seed, 2000, 4000)
    draws = mcmc.get_samples(group_by_chain=True)
    divergences = mcmc.get_extra_fields()["diverging"].sum()
    return judge({name: draws[name] for name in GROUP}, divergences, all_seconds=all_seconds, compile_seconds=compile_seconds)
