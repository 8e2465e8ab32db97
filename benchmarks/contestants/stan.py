"""Stan through PyStan."""

import importlib
import shutil
import sys
import types
from functools import partial

import numpy as np

from benchmarks.contestant import NON_CENTRED, Contestant, Draws, Settings
from benchmarks.judging import GROUP, PEOPLE

SETTINGS = Settings(
    num_warmup=1000,
    num_samples=1000,
    num_chains=4,
    target_acceptance=0.8,
    max_tree_depth=10,
    precision="float64",
    start="uniform in (−2, 2) before the transforms, Stan's default",
    parameterisation="non-centred",
    mass_matrix="diagonal, learned by each chain by itself",
    likelihood="a loop over trials on Stan's tape; a person's choices in one categorical_logit_glm, which "
    "knows its own derivative",
    chains_share="a process for each chain, as PyStan does",
    compiling="stan.build: stanc, then the C++ compiler with PyStan's flags",
    kept_on_disk="PyStan's cache of built models; fits that it keeps there too are deleted before each run",
    limits="PyStan 3.10 holds Stan 2.35; it sets the flags of both compilers, gives a build five minutes at "
    "most, and hands draws over as JSON, with those of the warm-up, which are asked for to count its "
    "gradients; the sampler as the warm-up leaves it cannot be kept for another run",
)

# The choices of one subject are scored in one go: `categorical_logit_glm` knows its own derivative, so that
# Stan's tape holds one node per subject for the choice rule, beside one per trial for the update.
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
  matrix[n_subjects, 3] z;  // offsets from the group, in its SDs
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


def prepare(data, settings, seed):
    """Build the program, or find it in PyStan's cache."""
    priors = {
        what: [getattr(p, what) for p in NON_CENTRED.parameters]
        for what in ("mean_location", "mean_scale", "sd_scale")
    }
    sizes = {"n_subjects": data.n_subjects, "n_trials": data.n_trials, "n_actions": data.n_actions}
    observed = {"choice": (data.choices + 1).tolist(), "reward": data.rewards.tolist()}  # Stan counts from 1
    program = _import("stan").build(PROGRAM, data={**sizes, **observed, **priors}, random_seed=seed)
    return partial(_sample, program, settings)


def _import(module):
    """By name, so that the fingerprint of this code is the same where PyStan is not installed."""
    try:
        importlib.import_module("pkg_resources")
    except ModuleNotFoundError:
        # PyStan asks it for plugins, and a new setuptools has it no longer. There are no plugins.
        nothing = types.SimpleNamespace(EntryPoint=object, iter_entry_points=lambda group: ())
        sys.modules["pkg_resources"] = nothing
    return importlib.import_module(module)


def _sample(program, settings):
    # Asked twice for the same seed, PyStan would hand out the first draws from its cache.
    shutil.rmtree(_import("httpstan.cache").model_directory(program.model_name) / "fits", ignore_errors=True)
    fit = program.sample(
        num_chains=settings.num_chains,
        num_samples=settings.num_samples,
        num_warmup=settings.num_warmup,
        save_warmup=True,
        delta=settings.target_acceptance,
        max_depth=settings.max_tree_depth,
    )
    n_draws = settings.num_warmup + settings.num_samples

    def by_chain(name):
        """(…, chain, draw), of (…, draw × chain) with chains running fastest; the warm-up is in front."""
        return np.moveaxis(fit[name].reshape(-1, n_draws, settings.num_chains), -1, 1)

    group = (x for pair in zip(by_chain("group_mean"), by_chain("group_sd")) for x in pair)
    people = (np.moveaxis(by_chain(name), 0, -1) for name in PEOPLE)
    statistics = (by_chain(name)[0] for name in ("divergent__", "energy__", "n_leapfrog__"))
    kept = [np.ascontiguousarray(x[:, settings.num_warmup :]) for x in (*group, *people)]
    diverging, energy, n_steps = statistics
    return Draws(
        posterior=dict(zip([*GROUP, *PEOPLE], kept, strict=True)),
        diverging=diverging[:, settings.num_warmup :] > 0,
        energy=energy[:, settings.num_warmup :],
        n_gradients=int(n_steps[:, settings.num_warmup :].sum()),
        n_gradients_warmup=int(n_steps[:, : settings.num_warmup].sum()),
    )


STAN = Contestant(
    label="Stan (PyStan)",
    packages=("pystan", "httpstan"),
    settings=SETTINGS,
    prepare=prepare,
    num_seeds={"course": 2, "reversal": 1},
    num_warm_seeds={"course": 1, "reversal": 0},
    why_fewer_seeds="a fit takes several minutes; compiling is a small part of one of the reversal task",
)
