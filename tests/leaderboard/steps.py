"""Steps that many stories share: sending, leasing, claiming, and what a supervisor would report."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.models import Attempt, Host, Submission
from sandbox_runner.protocol import Evaluation, ReportKind, TrialResult
from tests.factories import HostFactory, SubmissionFactory

SHA256 = "a" * 64


def sent(**fields: Any) -> Submission:
    """A submission in the queue, with all its studies and trials."""
    draft = SubmissionFactory(ready=True, **fields)
    return lifecycle.send_submission(draft.pk, actor="shell")


def lease(host: Host | None = None, *, now: datetime | None = None) -> Attempt:
    """The next trial, leased."""
    attempt = lifecycle.lease_next_trial((host or HostFactory()).pk, now=now or timezone.now())
    assert attempt is not None
    return attempt


def run(host: Host | None = None, *, now: datetime | None = None) -> Attempt:
    """The next trial, leased and claimed."""
    attempt = lease(host, now=now)
    claim(attempt, now=now)
    attempt.refresh_from_db()
    return attempt


def claim(attempt: Attempt, *, now: datetime | None = None) -> lifecycle.runs.Claim:
    return lifecycle.claim_attempt(attempt.pk, attempt.lease_id, host=attempt.host, now=now or timezone.now())


def evaluation(number: int = 0, charged_s: float = 2.5, accuracy: float = 0.5, target: float = 0.8) -> Evaluation:
    return Evaluation(
        evaluation=number,
        step=number * 10 + 1,
        charged_s=charged_s,
        metrics={"validation/accuracy": accuracy},
        valid=True,
        reached_validation=accuracy >= target,
        reached_test=None,
        sha256=SHA256,
    )


def result(ending: str = "target", charged_s: float = 10.0, **fields: Any) -> TrialResult:
    """A result as a supervisor would state it; only `target` carries a time to target."""
    reached = ending == "target"
    rows = [evaluation(0), evaluation(1, charged_s, 0.9 if reached else 0.6)]
    return TrialResult(
        **{
            "ending": ending,
            "charged_s": charged_s,
            "time_to_target_s": charged_s if reached else None,
            "evaluations": rows,
            **fields,
        }
    )


def report(attempt: Attempt, kind: str, payload: dict[str, Any], *, sequence: int = 0) -> bool:
    return lifecycle.record_report(
        attempt.pk,
        attempt.lease_id,
        sequence=sequence,
        kind=ReportKind(kind),
        payload=payload,
        digest=hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest(),
        now=timezone.now(),
    )


def finish(attempt: Attempt, ending: str = "target", charged_s: float = 10.0, **fields: Any) -> None:
    report(attempt, "finished", result(ending, charged_s, **fields).as_json(), sequence=99)
    attempt.refresh_from_db()


def run_everything(submission: Submission, host: Host | None = None, ending: str = "target") -> Submission:
    """Runs the queue until nothing waits, every trial with the same ending."""
    host = host or HostFactory()
    while (attempt := lifecycle.lease_next_trial(host.pk, now=timezone.now())) is not None:
        claim(attempt)
        finish(attempt, ending)
    submission.refresh_from_db()
    return submission
