"""What a submission's runs look like on its page: rows of workloads and trials, ready to print, without a query."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leaderboard import tables
from leaderboard.models import Attempt, Evaluation, Standing, Submission, Trial
from workloads import editions
from workloads.spec import Edition, Ruleset, Workload

STALLED_S = 60  # a host that is silent for longer is named on the page


@dataclass(frozen=True, kw_only=True)
class LiveTrial:
    """One running trial with its two bars."""

    attempt: Attempt
    workload: Workload
    budget_s: float
    charged_s: float
    first: float | None  # metric at the first evaluation
    best: float | None
    evaluations: int
    silent_s: float | None  # since the last sign of life

    @property
    def where(self) -> str:
        """Which trial this is, for the names of its bars."""
        study = self.attempt.trial.study
        return f"{study.workload}, study {study.number}, trial {self.attempt.trial.number}"

    @property
    def budget_share(self) -> float:
        return min(1.0, self.charged_s / self.budget_s)

    @property
    def left_s(self) -> float:
        return max(0.0, self.budget_s - self.charged_s)

    @property
    def target(self) -> float:
        return self.workload.target.validation

    @property
    def target_share(self) -> float:
        """(first − best) / (first − target), from 0 to 1: how far the best value has come."""
        if self.first is None or self.best is None or self.first == self.target:
            return 0.0
        share = (self.first - self.best) / (self.first - self.target)
        return min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0

    @property
    def is_stalled(self) -> bool:
        return self.silent_s is not None and self.silent_s > STALLED_S


def live_trials(submission: Submission, attempts: Iterable[Attempt], *, now: datetime) -> list[LiveTrial]:
    """Running attempts (with evaluations loaded) -> what the live fragment shows of them."""
    edition, ruleset = editions.load(submission.edition), Ruleset(submission.ruleset)
    return [_live_trial(edition, ruleset, attempt, now) for attempt in attempts]


def _live_trial(edition: Edition, ruleset: Ruleset, attempt: Attempt, now: datetime) -> LiveTrial:
    workload = edition.workload(attempt.trial.study.workload)
    rows = list(attempt.evaluations.all())
    values = [value for row in rows if (value := metric_value(row, workload)) is not None]
    last = max([attempt.charged_s or 0.0, *(row.charged_s for row in rows)])
    sign_of_life = attempt.heartbeat_at or attempt.leased_at
    return LiveTrial(
        attempt=attempt,
        workload=workload,
        budget_s=edition.budget_s(workload, ruleset),
        charged_s=last,
        first=values[0] if values else None,
        best=best_of(values, workload),
        evaluations=len(rows),
        silent_s=(now - sign_of_life).total_seconds(),
    )


def metric_value(row: Evaluation, workload: Workload) -> float | None:
    """The validation metric of one evaluation; None where it was not valid."""
    value = row.metrics.get(f"validation/{workload.metric.name}") if row.is_valid else None
    return None if value is None else float(value)


def best_of(values: Sequence[float], workload: Workload) -> float | None:
    """The best of some metric values; None for none."""
    if not values:
        return None
    return max(values) if workload.metric.higher_is_better else min(values)


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial in a table, with the attempt that counts or the latest one."""

    trial: Trial
    workload: Workload
    budget_s: float
    attempt: Attempt | None
    is_fastest: bool

    @property
    def status(self) -> str:
        """Its state as a word of the chips; the ending says more once it has one."""
        return str(self.trial.status)

    @property
    def retries(self) -> int:
        return self.trial.failures

    @property
    def fraction(self) -> float | None:
        reached = self.trial.time_to_target_s
        return None if reached is None else reached / self.budget_s


def trial_rows(submission: Submission, trials: Iterable[Trial]) -> list[TrialRow]:
    """Trials (with attempts loaded) -> rows; the fastest that reached the target is marked in each study."""
    edition, ruleset = editions.load(submission.edition), Ruleset(submission.ruleset)
    known = {workload.name for workload in (*edition.workloads, *edition.held_out)}
    listed = [trial for trial in trials if trial.study.workload in known]  # an older revision may have had others
    fastest: dict[int, Trial] = {}
    for trial in listed:
        if trial.time_to_target_s is not None:
            best = fastest.get(trial.study_id)
            if best is None or trial.time_to_target_s < (best.time_to_target_s or math.inf):
                fastest[trial.study_id] = trial
    return [
        TrialRow(
            trial=trial,
            workload=edition.workload(trial.study.workload),
            budget_s=edition.budget_s(edition.workload(trial.study.workload), ruleset),
            attempt=_attempt_shown(trial),
            is_fastest=fastest.get(trial.study_id) is trial,
        )
        for trial in listed
    ]


def totals(trials: Sequence[TrialRow]) -> dict[str, float]:
    """What all trials of a submission add up to."""
    ended = [row for row in trials if row.trial.status not in Trial.OPEN]
    return {
        "trials": len(trials),
        "ended": len(ended),
        "reached": sum(row.trial.time_to_target_s is not None for row in trials),
        "charged_s": sum(row.trial.charged_s or 0.0 for row in trials),
        "raced": sum(row.trial.is_raced for row in trials),
        "retries": sum(row.retries for row in trials),
    }


def _attempt_shown(trial: Trial) -> Attempt | None:
    attempts = list(trial.attempts.all())
    finished = [attempt for attempt in attempts if attempt.status == Attempt.Status.FINISHED]
    shown = finished or attempts
    return shown[-1] if shown else None


@dataclass(frozen=True, kw_only=True)
class WorkloadRow:
    """One workload of a submission: its studies, and where it stands when its board has been computed."""

    workload: Workload
    budget_s: float
    is_held_out: bool
    study_times: Sequence[float | None]  # one per study that has ended; None: missed
    studies: int
    open_trials: int
    cell: tables.Cell | None  # as the board shows it
    rank: int | None
    held_out_state: tuple[str, str] | None = None  # what the held-out rule says of a variant

    @property
    def reached(self) -> int:
        return sum(time is not None for time in self.study_times)

    @property
    def time_s(self) -> float | None:
        """Median over studies; inf where it was missed, NaN where nothing was measured.

        None while studies are open, and where only a fraction was printed.
        """
        if self.cell is not None:
            missing = {"inf": math.inf, "NaN": math.nan}.get(self.cell.mark or "")
            return self.cell.time_s if self.cell.time_s is not None else missing
        if self.open_trials or not self.study_times:
            return None
        return statistics.median(math.inf if time is None else time for time in self.study_times)

    @property
    def fraction(self) -> float | None:
        if self.cell is not None and self.cell.fraction is not None:
            return self.cell.fraction
        return None if self.time_s is None else self.time_s / self.budget_s

    @property
    def marks(self) -> list[float]:
        """Where each study that reached the target stands on a line of 138 units."""
        return [round(138 * min(1.0, time / self.budget_s), 1) for time in self.study_times if time is not None]

    @property
    def state(self) -> tuple[str, str]:
        """Words and chip class of the last column."""
        if self.held_out_state is not None:
            return self.held_out_state
        if self.cell is not None and not self.cell.is_known:
            return "not printed", ""
        if self.cell is not None and self.cell.counts:
            return "counts", "ok"
        if self.cell is not None and self.cell.symbol:
            return f"does not count {self.cell.symbol}", "warn"
        if self.open_trials:
            return f"{self.open_trials} trial{'' if self.open_trials == 1 else 's'} to go", "info"
        if self.time_s is not None and math.isfinite(self.time_s):
            return "reached", "ok"
        return "not reached", ""


def workload_rows(submission: Submission, rows: Sequence[TrialRow], standing: Standing | None) -> list[WorkloadRow]:
    """Trials grouped by workload, in the edition's order, with the board's cell where there is one.

    A printed submission has no trials: of it, the base workloads with what was printed.
    """
    edition = editions.load(submission.edition)
    by_name: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_name.setdefault(row.workload.name, []).append(row)
    entries = {entry["name"]: entry for entry in standing.snapshot.head["workloads"]} if standing else {}
    cells: Mapping[str, Any] = standing.cells if standing else {}
    if standing is not None and standing.snapshot.is_printed:
        return [
            _workload_row(workload, [], entries[workload.name], cells.get(workload.name, {}))
            for workload in edition.workloads
            if workload.name in entries
        ]
    ordered = [workload for workload in (*edition.workloads, *edition.held_out) if workload.name in by_name]
    return [
        _workload_row(workload, by_name[workload.name], entries.get(workload.name), cells.get(workload.name))
        for workload in ordered
    ]


def _workload_row(
    workload: Workload, rows: Sequence[TrialRow], entry: Mapping[str, Any] | None, stored: Mapping[str, Any] | None
) -> WorkloadRow:
    studies: dict[int, list[Trial]] = {}
    for row in rows:
        studies.setdefault(row.trial.study.number, []).append(row.trial)
    ended = [trials for trials in studies.values() if all(trial.status not in Trial.OPEN for trial in trials)]
    times = [_study_time(trials) for trials in ended]
    is_held_out = rows[0].trial.study.is_held_out if rows else False
    if stored and stored.get("study_times"):
        times = [study["time_s"] for study in stored["study_times"]]  # of the trial that the board's rules choose
    return WorkloadRow(
        workload=workload,
        budget_s=rows[0].budget_s if rows else entry["budget_s"] if entry else workload.max_runtime_s,
        is_held_out=is_held_out,
        study_times=times,
        studies=(stored or {}).get("studies") or len(studies),  # one that nobody measured is missing among the rows
        open_trials=sum(row.trial.status in Trial.OPEN for row in rows),
        cell=tables.cell_of(tables.column_of(entry), stored) if entry and stored is not None else None,
        rank=stored.get("rank") if stored else None,
        held_out_state=tables.held_out_state(stored) if is_held_out and stored else None,
    )


def _study_time(trials: Sequence[Trial]) -> float | None:
    """The fastest trial of a study; None when all missed."""
    times = [trial.time_to_target_s for trial in trials if trial.time_to_target_s is not None]
    return min(times, default=None)
