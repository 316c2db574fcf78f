"""From measurements to a board: pure functions on arrays, NumPy only.

In order: `read_curve` (one trial), `study_time` (the fastest trial), `workload_time` (the median over studies),
`score_board` (ratios, marks, profiles, scores), then `rank_ranges` and `geometric_mean_time_ratio` beside it.
`scoring.logs` reads what the competition wrote; `python -m scoring` does all of it from the shell.
"""

from scoring.benchmark_score import Board, rank_scores, score_board
from scoring.cells import Cell, Mark, Reason
from scoring.errors import InvalidCurve, InvalidLogs, InvalidTargets, InvalidTimes, ScoringError, UnknownRuleSet
from scoring.profiles import performance_profile, performance_ratios, profile_scores, profile_steps, tau_grid
from scoring.rulesets import DOCUMENTED, PUBLISHED, RULE_SETS, EmptyStudy, Integral, RuleSet, TrialRule, rule_set
from scoring.runtimes import StudyTime, WorkloadTime, study_time, workload_time, workload_time_from_trials
from scoring.speedups import geometric_mean_time_ratio, percent_change, published_time_ratio
from scoring.stability import (
    LeftOut,
    RankRange,
    leave_one_out,
    rank_intervals,
    rank_ranges,
    without_held_out_rule,
)
from scoring.time_to_target import Curve, Hit, find_hit, read_curve

__all__ = [
    "DOCUMENTED",
    "PUBLISHED",
    "RULE_SETS",
    "Board",
    "Cell",
    "Curve",
    "EmptyStudy",
    "Hit",
    "Integral",
    "InvalidCurve",
    "InvalidLogs",
    "InvalidTargets",
    "InvalidTimes",
    "LeftOut",
    "Mark",
    "RankRange",
    "Reason",
    "RuleSet",
    "ScoringError",
    "StudyTime",
    "TrialRule",
    "UnknownRuleSet",
    "WorkloadTime",
    "find_hit",
    "geometric_mean_time_ratio",
    "leave_one_out",
    "percent_change",
    "performance_profile",
    "performance_ratios",
    "profile_scores",
    "profile_steps",
    "published_time_ratio",
    "rank_intervals",
    "rank_ranges",
    "rank_scores",
    "read_curve",
    "rule_set",
    "score_board",
    "study_time",
    "tau_grid",
    "without_held_out_rule",
    "workload_time",
    "workload_time_from_trials",
]
