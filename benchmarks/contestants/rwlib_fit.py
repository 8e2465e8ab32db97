"""`rwlib.fit` with its defaults."""

from functools import partial
from unittest.mock import patch

import rwlib
from benchmarks.contestant import NON_CENTRED, Contestant, Draws, Settings
from benchmarks.judging import GROUP, PEOPLE
from rwlib.fitting import sampling

SETTINGS = Settings(
    num_warmup=300,
    num_samples=1000,
    num_chains=4,
    target_acceptance=0.95,
    max_tree_depth=sampling.MAX_DEPTH,
    precision="trials in float32, sums and sampler in float64",
    start="drawn from the prior",
    parameterisation="non-centred; after each transition of NUTS every person jumps, and the groups are "
    "drawn given the people",
    mass_matrix="blocks for the group and for each person, who shifts with the group; learned from the "
    "draws of all chains together",
    likelihood="derivative carried forward in one pass (rwlib)",
    chains_share="a thread for each core, chains of a thread side by side in one program",
    compiling="by a fit of 1 + 4 iterations, which counts as compiling",
    kept_on_disk="JAX's cache of compiled programs",
    limits="each draw also needs 9 values of the likelihood for the jumps, not counted as gradients, and "
    "one gradient after the groups are drawn, which is counted",
)


def prepare(data, settings, seed):
    """Compile by a fit that is as short as can be."""
    fit = partial(
        rwlib.fit, data, NON_CENTRED, num_chains=settings.num_chains, seed=seed, progress_bar=False,
        target_accept=settings.target_acceptance, warn=False,
    )  # fmt: skip
    fit(num_warmup=1, num_samples=4)
    return partial(_sample, fit, settings)


def _sample(fit, settings):
    n_steps = []  # of every draw, with those of the warm-up, which a fit does not hand out

    def counting(*arguments):
        chains, draws, jumps = draw_share(*arguments)
        n_steps.append(
            int(draws.n_steps.sum()) + draws.n_steps.size
        )  # and one gradient after the groups are drawn
        return chains, draws, jumps

    draw_share = sampling._draw_share
    with patch.object(sampling, "_draw_share", counting):
        fitted = fit(num_warmup=settings.num_warmup, num_samples=settings.num_samples)
    stats = fitted["sample_stats"]
    n_gradients = int(stats["n_steps"].sum()) + stats["n_steps"].size
    return Draws(
        posterior={name: fitted["posterior"][name].values for name in [*GROUP, *PEOPLE]},
        diverging=stats["diverging"].values,
        energy=stats["energy"].values,
        n_gradients=n_gradients,
        n_gradients_warmup=sum(n_steps) - n_gradients,
    )


RWLIB = Contestant(
    label="rwlib",
    packages=(),
    settings=SETTINGS,
    prepare=prepare,
    num_seeds={"course": 10, "reversal": 10},
    num_warm_seeds={"course": 3, "reversal": 3},
    why_fewer_seeds="",
)
