"""Checkers for the exercises of the chapters: what is wrong with an answer, in one sentence.

Give a checker the function that you wrote, as in ``check_forgetful_update(forgetful_update)``. It looks at
one thing after the other and says what is wrong first, as a verdict that is falsy until the answer is right.
There is one module for each chapter.
"""

from rwlib.exercises.answers import Verdict
from rwlib.exercises.calibration import check_calibrate_alone, check_pick_by_weight
from rwlib.exercises.choice_rule import check_epsilon_greedy
from rwlib.exercises.diagnostics import check_rank_rhat
from rwlib.exercises.groups_and_conditions import check_direction_and_rope
from rwlib.exercises.hierarchical_model import check_share_repeated, check_sticky_model
from rwlib.exercises.likelihood import check_interval_of, check_profile
from rwlib.exercises.model_comparison import check_versus
from rwlib.exercises.nuts import check_random_walks
from rwlib.exercises.predictive_checks import check_longest_run
from rwlib.exercises.recovery import check_verdict
from rwlib.exercises.report import check_with_surprise
from rwlib.exercises.scan import check_sticky_step
from rwlib.exercises.simulation import check_reversal_outcomes
from rwlib.exercises.speed_and_scale import check_remember
from rwlib.exercises.update_rule import check_forgetful_update
from rwlib.exercises.vmap import check_keys_for
from rwlib.exercises.your_data import check_damage, check_write_by_person
from rwlib.exercises.your_model import check_cue_agent, check_pearce_hall

__all__ = [
    "Verdict",
    "check_calibrate_alone",
    "check_cue_agent",
    "check_damage",
    "check_direction_and_rope",
    "check_epsilon_greedy",
    "check_forgetful_update",
    "check_interval_of",
    "check_keys_for",
    "check_longest_run",
    "check_pearce_hall",
    "check_pick_by_weight",
    "check_profile",
    "check_random_walks",
    "check_rank_rhat",
    "check_remember",
    "check_reversal_outcomes",
    "check_share_repeated",
    "check_sticky_model",
    "check_sticky_step",
    "check_verdict",
    "check_versus",
    "check_with_surprise",
    "check_write_by_person",
]
