"""Calibration of the course's model over 200 data sets, and of two broken ones over fewer: the slow study of chapter 12.

    python -m studies.calibration          what is missing is run; about half an hour on two cores

Pieces are kept in ``_build/studies/calibration``, so an interrupted run goes on where it was. When all are there, the
ranks are written to ``studies/calibration.csv``, and to ``studies/calibration.json`` what made them.
"""

import json
import os
import platform
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax.scipy.special import logsumexp

import rwlib
from rwlib.agents import RESCORLA_WAGNER_AGENT

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "_build" / "studies" / "calibration"
RESULT = ROOT / "studies" / "calibration.csv"
N_DATASETS = 20  # in each piece
SETTINGS = dict(num_samples=1000, num_chains=2)


def one_hot_log_probabilities(state, params):
    """The "likelihood" of a tutorial: a Bernoulli variable for each arm, log p_c + Σ log(1 − p_a) over the arms not chosen."""
    log_p = RESCORLA_WAGNER_AGENT.log_probabilities(state, params)
    not_this_arm = jnp.where(jnp.eye(log_p.size, dtype=bool), -jnp.inf, 0.0)
    log_not_p = logsumexp(log_p + not_this_arm, axis=1)  # log(1 − p), without its rounding where p is near 1
    return log_p + log_not_p.sum() - log_not_p


def start_at_zero(params, n_actions):
    return RESCORLA_WAGNER_AGENT.start({**params, "q0": jnp.zeros_like(params["q0"])}, n_actions)


TRUE = rwlib.ASYMMETRIC
ONE_HOT = TRUE._replace(name="one-hot Bernoulli", agent=RESCORLA_WAGNER_AGENT._replace(log_probabilities=one_hot_log_probabilities))
FROM_ZERO = TRUE._replace(name="starts at 0", agent=RESCORLA_WAGNER_AGENT._replace(start=start_at_zero))


class Design(NamedTuple):
    """What makes the data, what is fitted to them, the task, and a seed for each piece."""

    true_model: rwlib.Model
    model: rwlib.Model
    reward_probs: tuple[float, ...]
    n_subjects: int
    n_trials: int
    seeds: range


DESIGNS = {
    "right": Design(TRUE, TRUE, rwlib.FIVE_ARMS, 20, 100, range(1200, 1210)),
    "one-hot, two arms": Design(TRUE, ONE_HOT, (0.3, 0.7), 10, 60, range(1300, 1302)),
    "wrong start": Design(FROM_ZERO, TRUE, rwlib.FIVE_ARMS, 10, 60, range(1500, 1505)),
}


def piece(design: str, seed: int) -> pd.DataFrame:
    """Ranks of the data sets of one piece."""
    true_model, model, reward_probs, n_subjects, n_trials, _ = DESIGNS[design]
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(seed), reward_probs, n_trials)
    begin = time.perf_counter()
    ranks = rwlib.calibrate(model, outcomes, true_model=true_model, n_datasets=N_DATASETS, n_subjects=n_subjects, seed=seed, **SETTINGS)
    return ranks.assign(design=design, piece=seed, seconds=time.perf_counter() - begin)


if __name__ == "__main__":
    pieces = [dict(design=name, seed=seed) for name, design in DESIGNS.items() for seed in design.seeds]
    ranks = rwlib.run_study(piece, pieces, FOLDER)
    seconds = ranks.groupby(["design", "piece"])["seconds"].first().groupby("design", sort=False).sum()
    # Datasets of all pieces are numbered on.
    ranks["dataset"] += ranks.groupby("design")["piece"].transform(lambda seeds: N_DATASETS * (seeds - seeds.min()))
    columns = ["design", "dataset", "parameter", "true", "rank", "n_ranks", "ess"]
    ranks[columns].round({"true": 4, "ess": 0}).to_csv(RESULT, index=False)
    about = {
        "command": "python -m studies.calibration",
        "date": date.today().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "versions": {name: version(name) for name in ("rwlib", "jax", "numpyro")},
        "minutes": {name: round(s / 60, 1) for name, s in seconds.items()},
        "designs": {name: {**design._asdict(), "true_model": design.true_model.name, "model": design.model.name, "seeds": list(design.seeds)} for name, design in DESIGNS.items()},
        "settings": SETTINGS,
    }
    RESULT.with_suffix(".json").write_text(json.dumps(about, indent=2) + "\n")
    for name, of_design in ranks.groupby("design", sort=False):
        print(f"{name}: {rwlib.calibration_verdict(of_design)}")
