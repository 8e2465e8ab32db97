"""A study of 200 data sets, for the test that kills it: ``python survival_study.py FOLDER TABLE``."""

import sys

import jax
import numpy as np
import pandas as pd

import rwlib


def work(seed):
    """Simulate and fit 20 small data sets; one row for each."""
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(0), [0.2, 0.8], 40)
    rng = np.random.default_rng(seed)
    truth = [{"alpha": rng.uniform(0.2, 0.8, 5), "beta": rng.uniform(2.0, 6.0, 5)} for _ in range(20)]
    datasets = [
        rwlib.simulate(jax.random.key(1000 * seed + i), outcomes, true).data for i, true in enumerate(truth)
    ]
    fits = rwlib.fit_many(
        datasets, rwlib.SYMMETRIC, num_warmup=60, num_samples=100, num_chains=2, num_threads=1
    )
    bias = [float(fit.posterior["alpha"].mean() - true["alpha"].mean()) for fit, true in zip(fits, truth)]
    return pd.DataFrame({"seed": seed, "dataset": range(20), "bias": bias})


if __name__ == "__main__":
    folder, table = sys.argv[1:]
    rwlib.run_study(work, [{"seed": seed} for seed in range(10)], folder).to_json(
        table, orient="records", double_precision=15
    )
