"""One trial of a competition log -> rows of the database, not stored yet.

Logs are somebody else's files: every text in them is cleaned, a number that is not finite is stored as missing, and an
evaluation without a place on the clock is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.utils import timezone

import scoring
from leaderboard import clean
from leaderboard.lifecycle.history import Run
from leaderboard.models import Attempt, Evaluation, Trial
from sandbox_runner.protocol import Ending
from scoring.errors import InvalidLogs
from scoring.logs import CLOCK, STEP, TOTAL_CLOCK, TrialLog
from workloads.spec import Workload

SPLITS = ("train/", "validation/", "test/")
MAX_HYPERPARAMETERS = 20_000
MAX_DEPTH = 4
MAX_INTEGER = 2**63
ENDS_WITHIN = 1.5  # evaluation periods: a run that is stopped by its budget is not evaluated once more


def run_of(trial: TrialLog, workload: Workload, budget_s: float) -> tuple[Run, int]:
    """One trial as rows, and how many of its evaluations had no place on the clock and were left out.

    Raises:
        InvalidLogs: its table or its hyperparameters cannot be read.
    """
    columns = trial.evaluations.as_dict()
    rows, dropped = _evaluations(columns, workload)
    last_s = max((row.charged_s for row in rows), default=None)
    ending, message = _ending(rows, last_s, budget_s, workload.eval_period_s)
    metadata = trial.metadata or {}
    now = timezone.now()
    run = Run(
        workload=workload.name,
        study=trial.study,
        trial=Trial(
            number=trial.trial,
            seed=_seed(metadata),
            hyperparameters=_hyperparameters(trial),
            status=Trial.Status.FINISHED,
            ending=ending,
            message=message,
            charged_s=last_s,
            time_to_target_s=_time_to_target(rows, workload),
            finished_at=now,
        ),
        attempt=Attempt(
            number=1,
            status=Attempt.Status.FINISHED,
            lease_expires_at=now,
            leased_at=now,
            finished_at=now,
            charged_s=last_s,
            ending=ending,
            message=message,
            started={"host": _facts(metadata)},
            result={"source": clean.one_line(trial.source, 300), "total_duration_s": _last(columns, TOTAL_CLOCK)},
        ),
        evaluations=rows,
    )
    return run, dropped


def _evaluations(columns: Mapping[str, Any], workload: Workload) -> tuple[list[Evaluation], int]:
    """Rows in the order of the log, and how many had no place on the clock."""
    if not columns:
        return [], 0
    clock = columns[CLOCK]
    steps = columns.get(STEP, np.full(len(clock), np.nan))
    kept = np.flatnonzero(np.isfinite(clock) & (clock > 0) & np.isfinite(steps) & (np.abs(steps) < MAX_INTEGER))
    names = [name for name in columns if name.startswith(SPLITS) and not name.endswith("/num_examples")]
    values = [_plain_column(columns[name][kept]) for name in names]
    key, test_key = f"validation/{workload.metric.name}", f"test/{workload.metric.name}"
    target, now = workload.target, timezone.now()
    rows = []
    table = zip(kept.tolist(), clock[kept].tolist(), steps[kept].tolist(), *values, strict=True)
    for number, charged_s, step, *metrics in table:
        measured = dict(zip(names, metrics, strict=True))
        value, test = measured.get(key), measured.get(test_key)
        rows.append(
            Evaluation(
                number=number,
                step=int(step),
                charged_s=charged_s,
                metrics=measured,
                is_valid=value is not None,
                reached_validation=workload.metric.reaches(value, target.validation),
                reached_test=None if target.test is None else workload.metric.reaches(test, target.test),
                created_at=now,
            )
        )
    return rows, len(clock) - len(kept)


def _plain_column(values: Any) -> list[float | None]:
    """Numbers for JSON: what is not finite is None."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _time_to_target(rows: Sequence[Evaluation], workload: Workload) -> float | None:
    key = f"validation/{workload.metric.name}"
    curve = scoring.read_curve([row.charged_s for row in rows], [row.metrics.get(key) for row in rows])
    hit = scoring.find_hit(curve, workload.target.validation, higher_is_better=workload.metric.higher_is_better)
    return hit.time_s if hit else None


def _ending(rows: Sequence[Evaluation], last_s: float | None, budget_s: float, period_s: float) -> tuple[str, str]:
    """How it ended, as far as its log tells, and a sentence where it does not say so itself."""
    if last_s is None:
        return "", "Its log holds no evaluation; what happened is not recorded."
    if any(row.reached_validation and row.reached_test is not False for row in rows):
        return Ending.TARGET, ""
    if last_s >= budget_s:
        return Ending.BUDGET, ""
    if last_s + ENDS_WITHIN * period_s >= budget_s:
        return Ending.BUDGET, "Its log ends right before the budget; that it used it up is inferred."
    return "", "Its log ends before the targets and the budget; why is not recorded."


def _hyperparameters(trial: TrialLog) -> Any:
    """As logged; None where the log has none. Raises InvalidLogs for what is too large to be hyperparameters."""
    if trial.hyperparameters is None:
        return None
    point = _plain(dict(trial.hyperparameters))
    if len(json.dumps(point)) > MAX_HYPERPARAMETERS:
        raise InvalidLogs(f"{trial.source}: hyperparameters of more than {MAX_HYPERPARAMETERS} characters of JSON")
    return point


def _plain(value: Any, depth: int = 0) -> Any:
    """A JSON value that every database keeps: cleaned text, finite numbers, not deeply nested."""
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list) and depth < MAX_DEPTH:
        return [_plain(part, depth + 1) for part in value]
    if isinstance(value, dict) and depth < MAX_DEPTH:
        return {clean.one_line(str(name), 100): _plain(part, depth + 1) for name, part in value.items()}
    return clean.one_line("…" if isinstance(value, list | dict) else str(value), 500)


def _facts(metadata: Mapping[str, Any]) -> dict[str, Any]:
    names = ("gpu_model_name", "gpu_count", "git_commit_hash")
    return {name: _plain(metadata[name]) for name in names if metadata.get(name) not in (None, "")}


def _seed(metadata: Mapping[str, Any]) -> int:
    """The seed of the log; 0 where there is none, or one that no program could have used."""
    try:
        seed = int(metadata.get("rng_seed") or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return seed if abs(seed) < MAX_INTEGER else 0


def _last(columns: Mapping[str, Any], name: str) -> float | None:
    finite = [value for value in columns.get(name, ()) if math.isfinite(value)]
    return float(finite[-1]) if finite else None
