"""Calibration of the course's model, and of two faults beside matched controls; for chapter 12.

    python -m studies.calibration      what is missing is run

Five designs, all of 200 data sets. "right" is the model of the course on its five-armed task, and "right,
forty people" the same with as many people as the course has, who are fitted with longer steps. "wrong start"
differs from it in one thing: the people who make its data start at a value of 0, which the fitted model
does not know. "one-hot, two arms" and its control "right, two arms" are fitted to the same data sets, of
fewer trials, by two likelihoods.

The rule on failed fits was stated before any was run: one that `rwlib.check` refuses is run once more, with
another seed, twice the draws and smaller steps (`rwlib.fitting.inference.fit_and_check`). If it is refused
again its rows stay in the table with ``passes`` False, and `rwlib.calibration_verdict` counts them and leaves
them out. The rule sees data and draws and never the truth. Ranks of the right model stay uniform under a
rule that sees data alone, and all but uniform under this one.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import pandas as pd

import rwlib
from rwlib.model.agents import Agent
from rwlib.model.learning import asymmetric_rescorla_wagner_update
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT
from studies import results

N_PIECES, N_DATASETS = 10, 20  # of each design; in each piece


def one_hot_log_probabilities(value, seen, params):
    """The "likelihood" of a tutorial, a Bernoulli variable for each arm: log p_c + Σ log(1 − p_a) over the
    others.

    Of two arms, 1 − p of the other is p of the chosen one, so that each choice counts twice.
    """
    return 2 * jax.nn.log_softmax(params["beta"] * value)


def learn(value, outcome, params):
    update = asymmetric_rescorla_wagner_update
    return update(value, (outcome.reward, outcome.chosen), params["alpha_pos"], params["alpha_neg"])[0]


def start_at_zero(params, n_actions):
    return RESCORLA_WAGNER_AGENT.start({**params, "q0": jnp.zeros_like(params["q0"])}, n_actions)


TRUE = rwlib.ASYMMETRIC
ONE_HOT = TRUE._replace(
    name="one-hot Bernoulli, two arms",
    agent=Agent(lambda params, n_actions: jnp.full(n_actions, 0.5), one_hot_log_probabilities, learn),
)
FROM_ZERO = TRUE._replace(name="starts at 0", agent=RESCORLA_WAGNER_AGENT._replace(start=start_at_zero))


class Design(NamedTuple):
    """What makes the data, what is fitted to them, the task, and the seed of the first piece."""

    true_model: rwlib.Model
    model: rwlib.Model
    reward_probs: tuple[float, ...]
    n_subjects: int
    n_trials: int
    seed: int


DESIGNS = {
    "right": Design(TRUE, TRUE, rwlib.FIVE_ARMS, 10, 100, seed=1200),
    "wrong start": Design(FROM_ZERO, TRUE, rwlib.FIVE_ARMS, 10, 100, seed=1200),
    "right, two arms": Design(TRUE, TRUE, (0.3, 0.7), 10, 40, seed=1300),
    "one-hot, two arms": Design(TRUE, ONE_HOT, (0.3, 0.7), 10, 40, seed=1300),
    "right, forty people": Design(TRUE, TRUE, rwlib.FIVE_ARMS, 40, 50, seed=1400),
}


def piece(design: str, part: int) -> pd.DataFrame:
    """Ranks of some data sets. (A worker of the study has one core: hence one thread.)"""
    true_model, model, reward_probs, n_subjects, n_trials, first_seed = DESIGNS[design]
    seed = first_seed + part
    outcomes = rwlib.bernoulli_outcomes(jax.random.key(seed), reward_probs, n_trials)
    size = dict(n_datasets=N_DATASETS, n_subjects=n_subjects)
    ranks = rwlib.calibrate(model, outcomes, true_model=true_model, seed=seed, num_threads=1, **size)
    ranks["dataset"] += N_DATASETS * part  # those of all pieces are numbered on
    ranks.insert(0, "design", design)
    return ranks.round({"true": 4, "ess": 0})


def described(design: Design) -> dict:
    """A design, for the file beside the table."""
    return {**design._asdict(), "true_model": design.true_model.name, "model": design.model.name}


STUDY = results.Study(
    "calibration",
    piece,
    [dict(design=name, part=part) for name in DESIGNS for part in range(N_PIECES)],
    settings=dict(
        designs={name: described(design) for name, design in DESIGNS.items()},
        n_datasets=N_PIECES * N_DATASETS,
    ),
    # Of "right", the other start, the other likelihood, and forty people, whose steps are longer.
    renewal=(1, N_PIECES + 9, 3 * N_PIECES + 1, 4 * N_PIECES + 6),  # the short ones
)


if __name__ == "__main__":
    ranks = results.take(STUDY)
    for name, of_design in ranks.groupby("design", sort=False):
        print(f"{name}: {rwlib.calibration_verdict(of_design)}")
    fits = ranks.groupby(["design", "dataset"], sort=False)[["passes", "refitted"]].first()
    print(fits.groupby("design", sort=False).agg(["sum", "size"]).to_string())
