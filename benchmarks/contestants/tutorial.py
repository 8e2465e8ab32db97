"""The reference tutorial's way: NumPyro, a scan that keeps all values, autodiff, 2,000 + 4,000 iterations.

Its likelihood is corrected to a categorical one, and its priors are those of `rwlib.ASYMMETRIC`, so that the
posterior is the same.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist

from benchmarks.contestant import NON_CENTRED, Contestant
from benchmarks.contestants import numpyro_nuts
from benchmarks.plain import tutorial_values
from rwlib.fitting.hierarchy import sample_subjects

SETTINGS = numpyro_nuts.SETTINGS._replace(
    num_warmup=2000,
    num_samples=4000,
    precision="float32 throughout, NumPyro's default",
    likelihood="a scan that keeps all values, autodiff",
    limits="as many iterations as in the tutorial, although fewer would do; its chains run by pmap, here in "
    "threads",
)


def model(choices, rewards):
    """The tutorial's model; the number of arms is the last dimension of the one-hot ``choices``."""
    n_subjects = len(choices)
    alpha_pos, alpha_neg, beta = (sample_subjects(p, n_subjects) for p in NON_CENTRED.parameters)
    values = jax.vmap(tutorial_values)(choices, rewards, alpha_pos, alpha_neg)
    numpyro.sample(
        "choices", dist.Categorical(logits=beta[:, None, None] * values), obs=choices.argmax(axis=-1)
    )


def arguments(data):
    return jax.nn.one_hot(data.choices, data.n_actions), jnp.asarray(data.rewards)[..., None]


TUTORIAL = Contestant(
    label="reference tutorial, likelihood corrected",
    packages=(),
    settings=SETTINGS,
    prepare=partial(numpyro_nuts.prepare, model, arguments),
    num_seeds={"course": 2, "reversal": 1},
    num_warm_seeds={"course": 1, "reversal": 0},
    why_fewer_seeds="a fit takes minutes; compiling is a small part of one of the reversal task",
)
