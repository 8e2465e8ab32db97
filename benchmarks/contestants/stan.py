"""Stan through PyStan: the non-centred hierarchical model, 4 chains of 1,000 + 1,000 iterations."""

import sys
import time
import types

import numpy as np

import rwlib
from benchmarks.problem import GROUP, course_data, judge

# PyStan asks `pkg_resources` for plugins, and setuptools no longer has that module. There are no plugins.
sys.modules.setdefault("pkg_resources", types.SimpleNamespace(EntryPoint=object, iter_entry_points=lambda group: ()))
import stan  # noqa: E402

# The choices of one subject are scored in one go: `categorical_logit_glm` knows its own derivative, so that Stan's
# tape holds one node per subject for the choice rule, beside one per trial for the update.
PROGRAM = """
data {
  int n_subjects;
  int n_trials;
  int n_actions;
  array[n_subjects, n_trials] int choice;
  array[n_subjects, n_trials] real reward;
  vector[3] mean_location;
  vector[3] mean_scale;
  vector[3] sd_scale;
}
transformed data {
  vector[n_actions] no_bias = rep_vector(0, n_actions);
}
parameters {
  vector[3] group_mean;
  vector<lower=0>[3] group_sd;
  matrix[n_subjects, 3] z;
}
transformed parameters {
  vector[n_subjects] alpha_pos = inv_logit(group_mean[1] + group_sd[1] * z[, 1]);
  vector[n_subjects] alpha_neg = inv_logit(group_mean[2] + group_sd[2] * z[, 2]);
  vector[n_subjects] beta = exp(group_mean[3] + group_sd[3] * z[, 3]);
}
model {
  group_mean ~ normal(mean_location, mean_scale);
  group_sd ~ normal(0, sd_scale);
  to_vector(z) ~ std_normal();
  for (i in 1 : n_subjects) {
    matrix[n_trials, n_actions] value;
    row_vector[n_actions] now = rep_row_vector(0.5, n_actions);
    for (t in 1 : n_trials) {
      int c = choice[i, t];
      value[t] = now;
      real error = reward[i, t] - now[c];
      now[c] += (error > 0 ? alpha_pos[i] : alpha_neg[i]) * error;
    }
    choice[i] ~ categorical_logit_glm(value, no_bias, diag_matrix(rep_vector(beta[i], n_actions)));
  }
}
"""


def measure(seed):
    data = course_data()
    priors = {what: [getattr(p, what) for p in rwlib.ASYMMETRIC.parameters] for what in ("mean_location", "mean_scale", "sd_scale")}
    sizes = {"n_subjects": data.n_subjects, "n_trials": data.n_trials, "n_actions": data.n_actions}
    observed = {"choice": (data.choices + 1).tolist(), "reward": data.rewards.tolist()}  # Stan counts from 1

    start = time.perf_counter()
    program = stan.build(PROGRAM, data={**sizes, **observed, **priors}, random_seed=seed)
    built = time.perf_counter()
    fit = program.sample(num_chains=4, num_samples=1000, num_warmup=1000)
    end = time.perf_counter()

    # PyStan has (…, draw × chain), with the chain running fastest.
    def by_chain(name):
        return np.moveaxis(fit[name].reshape(-1, 1000, 4), -1, 1)

    mean, sd = by_chain("group_mean"), by_chain("group_sd")
    draws = dict(zip(GROUP, (x for pair in zip(mean, sd) for x in pair)))
    return judge(draws, by_chain("divergent__").sum(), all_seconds=end - start, compile_seconds=built - start)
