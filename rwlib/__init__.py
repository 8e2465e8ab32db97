"""Fit a learning model to people's choices: the helper package of the course.

Folders follow the reader's way, and a module imports only from those above it in the list:

- ``data``: ``labels``, ``entries``, ``design``, ``choices``, ``columns``, ``options``, ``places``,
  ``suspicion``, ``table_suspicion``, ``arguments``, ``tables``, ``writing``, ``reading``
- ``model``: ``learning``, ``choice``, ``agents``, ``agent_check``, ``rescorla_wagner``, ``parameters``,
  ``tasks``, ``simulation``, ``in_line``, ``one_pass``, ``likelihood``
- ``fitting``: ``models``, ``hierarchy``, ``formulas``, ``effects``, ``proposals``, ``moves``,
  ``positions``, ``stretch``, ``sampling``, ``convergence``, ``diagnostics``, ``trees``, ``request``,
  ``inference``
- ``agents``: ``forgetting``, ``confirmation_bias``, ``pearce_hall``, ``go_no_go``
- ``checking``: ``prediction``, ``summaries``, ``calibration``, ``verdict``, ``leave_one_out``,
  ``folds``, ``comparison``, ``recovery``, ``model_recovery``
- ``results``: ``fitted``, ``groups``, ``contrasts``, ``trialwise``, ``storage``, ``rules``,
  ``methods``, ``findings``, ``checklist``, ``report``, ``power``
- ``plotting``
- ``running``, which the others use where they keep compiled programs: ``machine``, ``compilation``,
  ``sources``, ``fingerprint``, ``studies``
- ``exercises``: one checker, or two, for each chapter's exercises
- ``doctor``: is this machine ready for the course?
"""

import sys

if sys.argv[:1] == ["-m"] and "rwlib.doctor" in sys.orig_argv:
    # `python -m rwlib.doctor` comes by here first, and is asked when what is imported below cannot be.
    from rwlib.doctor import main

    sys.exit(main())

from rwlib.checking.calibration import calibrate
from rwlib.checking.verdict import calibration_verdict
from rwlib.model.choice import softmax
from rwlib.checking.comparison import compare_by_person
from rwlib.checking.folds import kfold_by_subject
from rwlib.checking.leave_one_out import loo_by_trial
from rwlib.running.compilation import keep_compiled_programs
from rwlib.data.choices import ChoiceData
from rwlib.data.design import Design
from rwlib.data.reading import read_choices, write_choices
from rwlib.fitting.models import (
    ASYMMETRIC,
    ASYMMETRIC_STICKY,
    ASYMMETRIC_TEMPERATURE,
    ASYMMETRIC_TRACE,
    RANDOM,
    SYMMETRIC,
    SYMMETRIC_STICKY,
    SYMMETRIC_TRACE,
    WIN_STAY_LOSE_SHIFT,
    GroupParameter,
    Model,
)
from rwlib.fitting.diagnostics import check
from rwlib.fitting.inference import fit, fit_many
from rwlib.model.agents import Agent
from rwlib.model.learning import asymmetric_rescorla_wagner_update
from rwlib.model.likelihood import log_likelihood, trialwise_log_likelihood
from rwlib.checking.model_recovery import confusion_matrix, inversion_matrix, recover_models
from rwlib.plotting import plot_recovery
from rwlib.checking.prediction import generate, predict_next, sample_prior
from rwlib.checking.recovery import recover_parameters, recovery_correlations, recovery_table
from rwlib.model.simulation import Simulation, simulate
from rwlib.results.groups import add_groups
from rwlib.results.contrasts import contrast_draws, contrasts
from rwlib.results.power import power
from rwlib.results.report import estimates, report, write_report
from rwlib.results.storage import load, save
from rwlib.results.trialwise import trialwise, trialwise_table
from rwlib.running.studies import run_study
from rwlib.checking.summaries import behaviour, behaviour_intervals, behaviour_table, compare_behaviour
from rwlib.model.tasks import FIVE_ARMS, bernoulli_outcomes

__all__ = [
    "ASYMMETRIC",
    "ASYMMETRIC_STICKY",
    "ASYMMETRIC_TEMPERATURE",
    "ASYMMETRIC_TRACE",
    "FIVE_ARMS",
    "RANDOM",
    "SYMMETRIC",
    "SYMMETRIC_STICKY",
    "SYMMETRIC_TRACE",
    "WIN_STAY_LOSE_SHIFT",
    "Agent",
    "ChoiceData",
    "Design",
    "GroupParameter",
    "Model",
    "Simulation",
    "add_groups",
    "asymmetric_rescorla_wagner_update",
    "behaviour",
    "behaviour_intervals",
    "behaviour_table",
    "bernoulli_outcomes",
    "calibrate",
    "calibration_verdict",
    "check",
    "compare_behaviour",
    "compare_by_person",
    "contrast_draws",
    "contrasts",
    "confusion_matrix",
    "estimates",
    "fit",
    "fit_many",
    "generate",
    "inversion_matrix",
    "kfold_by_subject",
    "load",
    "log_likelihood",
    "loo_by_trial",
    "plot_recovery",
    "power",
    "predict_next",
    "read_choices",
    "recover_models",
    "recover_parameters",
    "recovery_correlations",
    "recovery_table",
    "report",
    "run_study",
    "sample_prior",
    "save",
    "simulate",
    "softmax",
    "trialwise",
    "trialwise_log_likelihood",
    "trialwise_table",
    "write_choices",
    "write_report",
]
