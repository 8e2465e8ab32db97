"""The public functions in a session of 32 and in one of 64 bits, each in a process of its own."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

SESSION = """
import json, warnings
import jax, jax.numpy as jnp
import rwlib
from rwlib.model.agents import Agent, Parameter
from rwlib.model.rescorla_wagner import RESCORLA_WAGNER_AGENT

key, model = jax.random.key(0), rwlib.ASYMMETRIC_STICKY
data = rwlib.ChoiceData([[0, 1, 1, 0], [1, 1, 0, 0]], [[0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0]])
outcomes = rwlib.bernoulli_outcomes(key, [0.2, 0.8], 20)
plain = {"alpha_pos": 0.5, "alpha_neg": 1, "beta": 2, "stickiness": 0.5, "trace_rate": 0.5, "lapse": 0.1}
single = {name: jnp.full(2, x, jnp.float32) for name, x in plain.items()}

# An agent whose state starts from whole numbers and from the session's floats.
counting = Agent(
    start=lambda params, n_actions: {"value": jnp.zeros(n_actions, int), "n": jnp.zeros(n_actions)},
    log_probabilities=lambda state, seen, params: jax.nn.log_softmax(params["beta"] * state["value"]),
    learn=lambda state, outcome, params: {
        "value": state["value"] + params["alpha_pos"] * outcome.chosen * (outcome.reward - state["value"]),
        "n": state["n"] + outcome.chosen,
    },
    parameters=(Parameter("alpha_pos", 0.0, 1.0), Parameter("beta", 0.0, float("inf"))),
)

scores = {}
for name, agent in {"ours": RESCORLA_WAGNER_AGENT, "own": counting}.items():
    for kind, params in {"plain": plain, "single": single}.items():
        params = {p.name: params[p.name] for p in agent.parameters if p.name in params}
        for table in (outcomes, outcomes.astype(jnp.float32)):
            assert rwlib.simulate(key, table, params, agent).choice_probs.shape[1:] == (20, 2)
        scores[name, kind, "by trial"] = rwlib.trialwise_log_likelihood(data, params, agent).tolist()
        scores[name, kind, "sum"] = rwlib.log_likelihood(data, params, agent).tolist()
        total = lambda beta: rwlib.log_likelihood(data, {**params, "beta": beta}, agent).sum()
        scores[name, kind, "slope"] = float(jax.grad(total)(2.0))
prior = rwlib.sample_prior(key, model, n_subjects=2, num_draws=3)
fit = rwlib.fit(data, model, num_warmup=20, num_samples=20, num_chains=2, progress_bar=False)
for draws in (prior, fit):
    again = rwlib.generate(key, outcomes, draws, model, num_draws=4)
    ahead = rwlib.predict_next(key, data, draws, model, num_draws=4)
    rwlib.behaviour(again), rwlib.behaviour(ahead)
short = dict(num_warmup=20, num_samples=20, num_chains=2, progress_bar=False)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that fits as short as these cannot be used
    rwlib.loo_by_trial(data, model, fit)
    rwlib.kfold_by_subject(data, model, n_folds=2, **short)
    rwlib.calibrate(model, outcomes, n_datasets=2, n_subjects=2, seed=1, n_ranks=10, **short)
print(json.dumps({" ".join(name): score for name, score in scores.items()}))
"""


@pytest.fixture(scope="module")
def sessions():
    def run(x64):
        command, environment = [sys.executable, "-c", SESSION], {**os.environ, "JAX_ENABLE_X64": x64}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor() as threads:
        return dict(zip((32, 64), threads.map(run, ("0", "1"))))


@pytest.mark.parametrize("bits", [32, 64])
def test_the_public_functions_work(sessions, bits):
    assert sessions[bits].returncode == 0, sessions[bits].stderr[-3000:]


def test_both_precisions_score_alike(sessions):
    single, double = (json.loads(sessions[bits].stdout.splitlines()[-1]) for bits in (32, 64))
    for name, score in double.items():
        np.testing.assert_allclose(single[name], score, rtol=1e-5, atol=1e-6, err_msg=name)
