"""From logs to the runtimes of a board: the step between reading and scoring."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from scoring.axes import Axes, Task
from scoring.errors import InvalidLogs
from scoring.logs.evaluations import CLOCK
from scoring.logs.records import Skipped, SubmissionLog, TrialLog
from scoring.rulesets import RuleSet
from scoring.runtimes import WorkloadTime, workload_time_from_trials
from scoring.time_to_target import Curve, read_curve


@dataclass(frozen=True, kw_only=True)
class BoardTimes:
    """Runtimes by submission and workload, with what was passed over on the way.

    ignored: workloads of the logs that the axes do not score, sorted.
    """

    runtimes: dict[str, dict[str, WorkloadTime]] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    def with_skipped(self, skipped: Iterable[Skipped]) -> BoardTimes:
        """The same, with what was passed over outside the submissions in front."""
        return replace(self, skipped=(*skipped, *self.skipped))

    @property
    def times_s(self) -> dict[str, dict[str, float]]:
        """Seconds by submission and workload, as `score_board` takes them."""
        return {
            name: {workload: runtime.time_s for workload, runtime in row.items()} for name, row in self.runtimes.items()
        }


def board_times(submissions: Iterable[SubmissionLog], axes: Axes, rules: RuleSet) -> BoardTimes:
    """The runtimes of all submissions; each is dropped before the next is read.

    Raises:
        InvalidLogs: a submission has problems, a table cannot be read, or no trial of a workload has logged its metric.
    """
    tasks, runtimes = axes.tasks, {}
    ignored: set[str] = set()
    skipped: list[Skipped] = []
    without_metric: dict[str, set[str]] = {}
    with_metric: set[str] = set()
    for submission in submissions:
        if submission.problems:
            raise InvalidLogs(f"{submission.name}: {'; '.join(submission.problems)}")
        skipped += submission.skipped
        ignored.update(trial.workload for trial in submission.trials if trial.workload not in tasks)
        for trial in submission.trials:
            if trial.workload in tasks and not trial.evaluations.is_empty:
                if tasks[trial.workload].column in trial.evaluations.columns:
                    with_metric.add(trial.workload)
                else:
                    without_metric.setdefault(trial.workload, set()).update(trial.evaluations.columns)
        runtimes[submission.name] = submission_times(submission, axes, rules)
    for workload in sorted(without_metric.keys() - with_metric):
        there = ", ".join(sorted(name for name in without_metric[workload] if name.startswith("validation/")))
        raise InvalidLogs(
            f"no trial of {workload} has logged {tasks[workload].column}; the logs have: {there or 'none'}"
        )
    return BoardTimes(runtimes=runtimes, ignored=tuple(sorted(ignored)), skipped=tuple(skipped))


def submission_times(submission: SubmissionLog, axes: Axes, rules: RuleSet) -> dict[str, WorkloadTime]:
    """One submission's runtime on every workload of the axes.

    Raises:
        InvalidLogs: a table of a scored workload cannot be read.
    """
    tasks = axes.tasks
    curves: dict[str, dict[int, dict[int, Curve]]] = {name: {} for name in tasks}
    for trial in submission.trials:
        if trial.workload in tasks:
            studies = curves[trial.workload].setdefault(trial.study, {})
            studies[trial.trial] = trial_curve(trial, tasks[trial.workload])
    return {
        name: workload_time_from_trials(
            curves[name],
            task.target,
            higher_is_better=task.higher_is_better,
            expected_studies=axes.studies,
            rules=rules,
        )
        for name, task in tasks.items()
    }


def trial_curve(trial: TrialLog, task: Task) -> Curve:
    """The metric that counts over the scored clock; empty for a trial that was never measured."""
    times_s, values = trial.evaluations.arrays(CLOCK, task.column)
    return read_curve(times_s, values)
