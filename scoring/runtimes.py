"""Trials -> one time per study -> one runtime per workload."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scoring.errors import InvalidTimes
from scoring.rulesets import EmptyStudy, RuleSet, TrialRule
from scoring.time_to_target import Curve, Hit, find_hit


@dataclass(frozen=True, kw_only=True)
class StudyTime:
    """What one study of one workload is worth.

    time_s: seconds to target; inf where no trial reached it; NaN where no trial was measured at all.
    trial: key of the trial that counts, None where none reached the target.
    evaluation: position of its first hit, from 0.
    """

    time_s: float
    trial: int | None = None
    evaluation: int | None = None

    @property
    def is_empty(self) -> bool:
        return math.isnan(self.time_s)

    @property
    def reached(self) -> bool:
        return math.isfinite(self.time_s)


EMPTY_STUDY = StudyTime(time_s=math.nan)


@dataclass(frozen=True, kw_only=True)
class WorkloadTime:
    """A submission's runtime on one workload.

    time_s: median over studies, seconds; inf where the median missed the target; NaN where nothing was measured.
    studies: what it is the median of, by study key, in order.
    """

    time_s: float
    studies: Mapping[int, StudyTime] = field(default_factory=dict)

    @property
    def num_reached(self) -> int:
        return sum(study.reached for study in self.studies.values())


def study_time(trials: Mapping[int, Curve], target: float, *, higher_is_better: bool, rules: RuleSet) -> StudyTime:
    """The time of one study: the fastest of its trials, in the sense of the rule set.

    `least_time` takes the trial with the least time to target. `fewest_evaluations_then_least_time` takes the one
    that needed the fewest evaluations, and among equals the fastest. Trials that are still equal: the lowest key.

    Args:
        trials: curve by trial key; trials without measurements may be absent or empty.
    Returns:
        inf where no measured trial reached the target, NaN where no trial was measured.
    Source: AlgoPerf rules, "Scoring" (least time); scoring code as run in 2024 (fewest evaluations).
    """
    measured = {key: curve for key, curve in sorted(trials.items()) if not curve.is_empty}
    if not measured:
        return EMPTY_STUDY
    hits = [(key, find_hit(curve, target, higher_is_better=higher_is_better)) for key, curve in measured.items()]
    reached = [(key, hit) for key, hit in hits if hit is not None]
    if not reached:
        return StudyTime(time_s=math.inf)
    key, best = min(reached, key=lambda item: _order(item[1], rules.trial_rule))
    return StudyTime(time_s=best.time_s, trial=key, evaluation=best.evaluation)


def workload_time(studies: Mapping[int, StudyTime], *, expected_studies: int, rules: RuleSet) -> WorkloadTime:
    """The runtime on one workload: the median over its studies; of an even number, the mean of the middle two.

    A study that was never measured (empty, or absent although expected) is left out under `drop` and counts as
    missed under `inf`. A workload nobody measured is NaN under both: there is nothing to take a median of.

    Args:
        studies: result by study key.
        expected_studies: how many studies the edition asks for; more than that is a median of more.
    Raises:
        InvalidTimes: a study's time is zero or negative.
    """
    ordered = dict(sorted(studies.items()))
    for key, study in ordered.items():
        if study.time_s <= 0:
            raise InvalidTimes(f"study {key} has a time of {study.time_s} s; a time to target is positive")
    measured = [study.time_s for study in ordered.values() if not study.is_empty]
    if not measured:
        return WorkloadTime(time_s=math.nan, studies=ordered)
    if rules.empty_study is EmptyStudy.INF:
        measured += [math.inf] * (max(expected_studies, len(ordered)) - len(measured))
    return WorkloadTime(time_s=_median(measured), studies=ordered)


def workload_time_from_trials(
    studies: Mapping[int, Mapping[int, Curve]],
    target: float,
    *,
    higher_is_better: bool,
    expected_studies: int,
    rules: RuleSet,
) -> WorkloadTime:
    """Both steps at once: curves by study and trial -> the runtime on one workload."""
    times = {
        key: study_time(trials, target, higher_is_better=higher_is_better, rules=rules)
        for key, trials in studies.items()
    }
    return workload_time(times, expected_studies=expected_studies, rules=rules)


def _order(hit: Hit, rule: TrialRule) -> tuple[float, ...]:
    if rule is TrialRule.LEAST_TIME:
        return (hit.time_s,)
    return (hit.evaluation, hit.time_s)


def _median(times_s: Sequence[float]) -> float:
    """The middle one; of an even number, the mean of the middle two. Not of the module `statistics`, slow to load."""
    ordered = sorted(times_s)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2.0
