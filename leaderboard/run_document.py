"""A submission's run as JSON, in the one shape that the shell, downloads and `sandbox_runner run` share."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import scoring
from leaderboard.models import Attempt, Standing, Study, Submission, Trial
from workloads import editions
from workloads.errors import UnknownWorkload


def run_document(submission: Submission) -> dict[str, Any]:
    """Edition, workloads, studies, trials and score. Times are charged seconds; a missed target is null."""
    studies = Study.objects.filter(submission=submission).order_by("position").prefetch_related("trials")
    attempts = _last_attempts(submission)
    by_workload: dict[str, list[Study]] = {}
    for study in studies:
        by_workload.setdefault(study.workload, []).append(study)
    return {
        "edition": submission.edition,
        "revision": submission.revision,
        "ruleset": submission.ruleset,
        "framework": submission.framework,
        "workloads": [_workload(submission, name, rows, attempts) for name, rows in by_workload.items()],
        "score": _score(submission),
    }


def _last_attempts(submission: Submission) -> dict[int, Attempt]:
    """The attempt that gave each trial its result, with its evaluations; two queries."""
    rows = Attempt.objects.filter(trial__study__submission=submission, status=Attempt.Status.FINISHED)
    return {attempt.trial_id: attempt for attempt in rows.order_by("number").prefetch_related("evaluations")}


def _workload(
    submission: Submission, name: str, studies: Iterable[Study], attempts: Mapping[int, Attempt]
) -> dict[str, Any]:
    rows = [_study(study, attempts) for study in studies]
    return {"workload": name, "time_to_target_s": _time(submission, name, rows), "studies": rows}


def _study(study: Study, attempts: Mapping[int, Attempt]) -> dict[str, Any]:
    trials = sorted(study.trials.all(), key=lambda trial: trial.number)
    return {"study": study.number, "trials": [_trial(trial, attempts.get(trial.pk)) for trial in trials]}


def _trial(trial: Trial, attempt: Attempt | None) -> dict[str, Any]:
    evaluations = attempt.evaluations.all() if attempt else ()
    return {
        "trial": trial.number,
        "seed": trial.seed,
        "hyperparameters": trial.hyperparameters,
        "charged_s": trial.charged_s,
        "time_to_target_s": trial.time_to_target_s,
        "evaluations": [evaluation.as_json() for evaluation in sorted(evaluations, key=lambda row: row.number)],
        "ending": trial.ending or None,
        "message": trial.message,
        "batch_size": trial.batch_size,
        "raced": trial.is_raced,
    }


def _time(submission: Submission, name: str, studies: Iterable[Mapping[str, Any]]) -> float | None:
    """The workload's time over the studies that were asked for, under the rules that rank; null while it has none."""
    try:
        edition = editions.load(submission.edition)
        workload = edition.workload(name)
    except (UnknownWorkload, KeyError):
        return None
    key = f"validation/{workload.metric.name}"
    curves = {
        study["study"]: {
            trial["trial"]: _curve(trial["evaluations"], key) for trial in study["trials"] if trial["ending"]
        }
        for study in studies
    }
    measured = {study: trials for study, trials in curves.items() if trials}
    if not measured:
        return None
    time = scoring.workload_time_from_trials(
        measured,
        workload.target.validation,
        higher_is_better=workload.metric.higher_is_better,
        expected_studies=len(curves),
        rules=scoring.rule_set(edition.rules),
    )
    return time.time_s if math.isfinite(time.time_s) else None


def _curve(evaluations: Iterable[Mapping[str, Any]], key: str) -> scoring.Curve:
    times = [row["charged_s"] for row in evaluations]
    values = [row["metrics"].get(key) if row["valid"] else None for row in evaluations]
    return scoring.read_curve(times, values)


def _score(submission: Submission) -> float | None:
    """Of the current snapshot of its board."""
    standing = Standing.objects.for_submission(submission).first()
    return standing.benchmark_score if standing else None
