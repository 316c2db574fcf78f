"""Leases of trials to hosts, and what came of them.

The truth is the row: a host may be gone, a message lost or come twice. An attempt is live while it is LEASED or
RUNNING; every live attempt either reports its end or expires.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Max, Min, Q

from leaderboard import reports
from leaderboard.errors import LeaseLost, ReportRejected
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import SITE
from leaderboard.lifecycle.states import S, locked, move
from leaderboard.models import Attempt, Evaluation, Host, Report, SiteHeartbeat, Submission, Team, Trial
from sandbox_runner.protocol import Action, Ending, ReportKind, TrialResult, TrialSpec
from sandbox_runner.protocol import Evaluation as WireEvaluation
from workloads import editions
from workloads.spec import Ruleset


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a host gets for a lease: the spec, and the key for everything else about this attempt."""

    spec: TrialSpec
    token: str


def hash_secret(secret: str) -> str:
    """Keys and tokens are long and random, so one round of SHA-256 is enough to keep them."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- leasing ------------------------------------------------------------------------------------------------------


def lease_next_trial(host_id: int, *, now: datetime) -> Attempt | None:
    """The next QUEUED trial in fair order -> LEASED to this host; None when the host is not idle or nothing fits."""
    host = Host.objects.idle(now).filter(pk=host_id).first()
    for trial_id in _waiting_trials(host) if host else ():
        attempt = _lease(trial_id, host_id, now=now)
        if attempt is not None:
            return attempt
    return None


@transaction.atomic
def _lease(trial_id: int, host_id: int, *, now: datetime) -> Attempt | None:
    """The look before was without locks, so everything is looked at again; None when somebody was faster."""
    submission = locked(Trial.objects.values_list("study__submission_id", flat=True).get(pk=trial_id))
    host = Host.objects.select_for_update().get(pk=host_id)
    trial = _first_waiting_trial(submission)
    is_idle = Host.objects.idle(now).filter(pk=host_id).exists()
    fits = submission.hardware_model in ("", host.hardware_model)
    if trial is None or trial.pk != trial_id or not is_idle or not fits:
        return None
    submission.hardware_model = host.hardware_model
    submission.row_version += 1
    submission.save(update_fields=["hardware_model", "row_version"])
    trial.status = Trial.Status.LEASED
    trial.save(update_fields=["status"])
    attempt = Attempt.objects.create(
        trial=trial,
        number=trial.attempts.count() + 1,
        host=host,
        leased_at=now,
        lease_expires_at=now + timedelta(seconds=settings.LEASE_S),
    )
    facts = {"attempt": str(attempt.pk), "host": host.name}
    audit.record(SITE, "lease trial", trial, before={"status": "queued"}, after={"status": "leased", **facts})
    return attempt


def _waiting_trials(host: Host) -> Iterator[int]:
    """What could go to this host, team by team in fair order; within a team first sent, first run."""
    fits = Q(hardware_model="") | Q(hardware_model=host.hardware_model)
    waiting = Submission.objects.filter(
        fits,
        status__in=[S.QUEUED, S.RUNNING],
        hardware_class=host.hardware_class,
        studies__trials__status=Trial.Status.QUEUED,
    )
    for team in fair_order(waiting.values_list("team_id", flat=True).distinct()):
        for submission in waiting.filter(team=team).distinct().order_by("sent_at", "pk"):
            trial = _first_waiting_trial(submission)
            if trial is not None:
                yield trial.pk


def fair_order(team_ids: Iterable[int]) -> list[int]:
    """Teams that wait, in the order they are served: fewest running first, then longest not served."""
    attempts = "submissions__studies__trials__attempts"
    teams = Team.objects.filter(pk__in=list(team_ids)).annotate(
        live=Count(attempts, filter=Q(**{f"{attempts}__status__in": Attempt.LIVE})),
        served_at=Max(f"{attempts}__leased_at"),
        waiting_since=Min("submissions__sent_at", filter=Q(submissions__status__in=[S.QUEUED, S.RUNNING])),
    )
    # A team that was never served comes before all others: None sorts as the empty tuple, before any moment.
    key = lambda team: (team.live, (team.served_at,) if team.served_at else (), team.waiting_since, team.pk)  # noqa: E731
    return [team.pk for team in sorted(teams, key=key)]


def _first_waiting_trial(submission: Submission) -> Trial | None:
    """The first queued trial of which no earlier one of its study is still open: racing needs the order."""
    if submission.status not in (S.QUEUED, S.RUNNING):
        return None
    started: set[int] = set()
    rows = Trial.objects.open().filter(study__submission=submission).select_related("study")
    for trial in rows.order_by("study__position", "number"):
        if trial.status == Trial.Status.QUEUED and trial.study_id not in started:
            return trial
        started.add(trial.study_id)
    return None


@transaction.atomic
def claim_attempt(attempt_id: uuid.UUID, lease_id: uuid.UUID, *, host: Host, now: datetime) -> Claim:
    """LEASED -> RUNNING, for the host it is leased to, once. The token is shown here and kept only as a hash.

    Raises:
        LeaseLost: claimed before, leased to another host, expired, cancelled or unknown.
    """
    attempt = _locked_attempt(attempt_id)
    if attempt.host_id != host.pk or attempt.lease_id != lease_id:
        raise LeaseLost("This attempt is not leased to this host.")
    if attempt.status != Attempt.Status.LEASED:
        raise LeaseLost(f"This attempt is {attempt.status} and cannot be claimed.")
    if attempt.lease_expires_at < now:
        raise LeaseLost("The lease has expired before it was claimed.")
    spec, token = _spec(attempt), secrets.token_urlsafe(32)
    attempt.status, attempt.spec, attempt.token_hash = Attempt.Status.RUNNING, spec.as_json(), hash_secret(token)
    attempt.claimed_at = attempt.heartbeat_at = now
    attempt.lease_expires_at = now + timedelta(seconds=settings.LEASE_S)
    attempt.save()
    trial = attempt.trial
    trial.status = Trial.Status.RUNNING
    trial.save(update_fields=["status"])
    submission = locked(trial.study.submission_id)
    if submission.status == S.QUEUED:
        submission.started_at = now
        move(submission, S.RUNNING, actor=f"host:{host.name}", action="start", changed=["started_at"])
    else:
        _touch(submission.pk)
    return Claim(spec=spec, token=token)


def _spec(attempt: Attempt) -> TrialSpec:
    trial, study = attempt.trial, attempt.trial.study
    submission = study.submission
    return TrialSpec(
        attempt=str(attempt.pk),
        edition=submission.edition,
        revision=submission.revision,
        ruleset=submission.ruleset,
        framework=submission.framework,
        workload=study.workload,
        study=study.number,
        trial=trial.number,
        seed=trial.seed,
        hyperparameters=trial.hyperparameters,
        bundle_sha256=submission.bundle_sha256,
        race_limit_s=_race_limit(trial),
    )


def _race_limit(trial: Trial) -> float | None:
    """The best time of the study so far: a trial whose clock has passed it cannot change the score."""
    submission = trial.study.submission
    if submission.ruleset != Ruleset.EXTERNAL or not editions.load(submission.edition).racing:
        return None
    times = Trial.objects.results().filter(study=trial.study).aggregate(best=Min("time_to_target_s"))
    best: float | None = times["best"]
    return best


# --- while it runs ------------------------------------------------------------------------------------------------


@transaction.atomic
def heartbeat(
    attempt_id: uuid.UUID,
    lease_id: uuid.UUID,
    *,
    now: datetime,
    state: str = "",
    step: int | None = None,
    charged_s: float | None = None,
    best: float | None = None,
    log_tail: str = "",
) -> Action:
    """Renews the lease and keeps the live figures; the answer is whether to go on.

    Raises:
        LeaseLost: the attempt is no longer this supervisor's; it has to kill its containers and report nothing.
    """
    attempt = _held_attempt(attempt_id, lease_id)
    attempt.lease_expires_at = now + timedelta(seconds=settings.LEASE_S)
    attempt.heartbeat_at = now
    attempt.state, attempt.step, attempt.charged_s, attempt.best = state, step, charged_s, best
    attempt.log_tail = log_tail or attempt.log_tail
    attempt.save(update_fields=["lease_expires_at", "heartbeat_at", "state", "step", "charged_s", "best", "log_tail"])
    _touch(attempt.trial.study.submission_id)
    return Action.CANCEL if attempt.trial.status == Trial.Status.CANCELLED else Action.CONTINUE


@transaction.atomic
def record_report(
    attempt_id: uuid.UUID,
    lease_id: uuid.UUID,
    *,
    sequence: int,
    kind: ReportKind,
    payload: Mapping[str, Any],
    digest: str,
    now: datetime,
) -> bool:
    """Takes in one report; a repeated sequence number changes nothing. Returns whether it was new.

    Args:
        digest: SHA-256 of the payload as it was sent; a repetition has to be the same report.
    Raises:
        LeaseLost: an old lease. ReportRejected: another shape than agreed, or another report under a used number.
    """
    known = Report.objects.filter(attempt_id=attempt_id, sequence=sequence, attempt__lease_id=lease_id).first()
    if known is not None:
        if known.payload_sha256 != digest:
            raise ReportRejected(f"report {sequence} has been accepted with another content")
        return False
    attempt = _held_attempt(attempt_id, lease_id)
    Report.objects.create(attempt=attempt, sequence=sequence, kind=kind, payload_sha256=digest, received_at=now)
    match kind:
        case ReportKind.STARTED:
            attempt.started = reports.facts(payload)
            attempt.save(update_fields=["started"])
        case ReportKind.EVALUATION:
            _keep_evaluation(attempt, reports.evaluation(payload))
        case ReportKind.FINISHED:
            _finish_attempt(attempt, reports.trial_result(payload), now=now)
    _touch(attempt.trial.study.submission_id)
    return True


def _keep_evaluation(attempt: Attempt, row: WireEvaluation) -> None:
    """Adds or repeats one evaluation: the final report holds them all again."""
    Evaluation.objects.update_or_create(
        attempt=attempt,
        number=row.evaluation,
        defaults={
            "step": row.step,
            "charged_s": row.charged_s,
            "metrics": dict(row.metrics),
            "is_valid": row.valid,
            "reached_validation": row.reached_validation,
            "reached_test": row.reached_test,
            "sha256": row.sha256,
            "note": row.note,
        },
    )


# --- the end ------------------------------------------------------------------------------------------------------


def _finish_attempt(attempt: Attempt, result: TrialResult, *, now: datetime) -> None:
    """RUNNING -> FINISHED with a result, CANCELLED, or LOST: only the last is run again, and charged to nobody."""
    for row in result.evaluations:
        _keep_evaluation(attempt, row)
    document = result.as_json()
    del document["evaluations"]
    attempt.result, attempt.log_tail = document, result.log_tail or attempt.log_tail
    attempt.charged_s = result.charged_s
    if result.ending == Ending.INFRA:
        _lose(attempt, now=now, message=result.message, counts=not attempt.host.is_draining)
        return
    if result.ending.is_result and attempt.host.lost_in_row:
        Host.objects.filter(pk=attempt.host_id).update(lost_in_row=0, resting_until=None)
    ended = Attempt.Status.FINISHED if result.ending.is_result else Attempt.Status.CANCELLED
    _close_attempt(attempt, ended, ending=result.ending, message=result.message, now=now)
    trial = attempt.trial
    if trial.status == Trial.Status.CANCELLED:
        return  # what was measured is kept with the attempt; the trial stays out of the score
    if result.ending == Ending.CANCELLED:  # nobody asked for it here, so the host let go by itself
        _requeue(attempt, counts=not attempt.host.is_draining, now=now)
        return
    _finish_trial(trial, result, now=now)
    audit.record(
        f"host:{attempt.host.name}",
        "finish trial",
        trial,
        before={"status": "running"},
        after={"status": trial.status, "ending": trial.ending, "attempt": str(attempt.pk)},
    )
    _after_trial(trial, now=now)


def _finish_trial(trial: Trial, result: TrialResult, *, now: datetime) -> None:
    trial.status, trial.ending, trial.message = Trial.Status.FINISHED, result.ending, result.message
    trial.charged_s, trial.time_to_target_s = result.charged_s, result.time_to_target_s
    trial.is_raced, trial.batch_size, trial.finished_at = result.raced, result.batch_size, now
    trial.save()


def _lose(attempt: Attempt, *, now: datetime, message: str, counts: bool) -> None:
    """A live attempt -> LOST; its trial is queued again with the same seed and hyperparameters.

    Args:
        counts: False where nothing went wrong (a restart, a host that drains, a lease nobody asked for).
    """
    _close_attempt(attempt, Attempt.Status.LOST, ending=Ending.INFRA, message=message, now=now)
    if counts:
        _rest(attempt.host, now=now)
    if attempt.trial.status != Trial.Status.CANCELLED:
        _requeue(attempt, counts=counts, now=now)


def _rest(host: Host, *, now: datetime) -> None:
    """A host that loses one attempt after the other gets a break, longer every time: it would burn the whole queue."""
    host = Host.objects.select_for_update().get(pk=host.pk)
    host.lost_in_row += 1
    if host.lost_in_row >= settings.HOST_LOSSES_BEFORE_REST:
        beyond = host.lost_in_row - settings.HOST_LOSSES_BEFORE_REST
        pause_s = min(settings.HOST_REST_S * 2 ** min(beyond, 10), settings.HOST_LONGEST_REST_S)
        host.resting_until = now + timedelta(seconds=pause_s)
    host.save(update_fields=["lost_in_row", "resting_until"])


def _close_attempt(attempt: Attempt, status: str, *, ending: Ending, message: str, now: datetime) -> None:
    attempt.status, attempt.ending, attempt.message, attempt.finished_at = status, ending, message, now
    attempt.save()


def _requeue(attempt: Attempt, *, counts: bool, now: datetime) -> None:
    """LEASED or RUNNING -> QUEUED, or GIVEN_UP when hosts have lost it too often.

    An attempt that was lost before the submission ran says less about the trial, so more of those are allowed.
    """
    trial, before = attempt.trial, attempt.trial.status
    if counts and attempt.started:
        trial.failures += 1
    elif counts:
        trial.false_starts += 1
    given_up = trial.failures >= settings.MAX_ATTEMPTS or trial.false_starts >= settings.MAX_FALSE_STARTS
    trial.status = Trial.Status.GIVEN_UP if given_up else Trial.Status.QUEUED
    if given_up:
        trial.ending, trial.finished_at = Ending.INFRA, now
        trial.message = (
            f"Given up after hosts lost it {trial.failures + trial.false_starts} times. This is our failure and "
            f"charged to nobody. The last time: {attempt.message}"
        )
    trial.save()
    facts = {"status": trial.status, "failures": trial.failures, "false_starts": trial.false_starts}
    audit.record(SITE, "requeue trial", trial, before={"status": before}, after=facts)
    if given_up:
        _after_trial(trial, now=now)
    _touch(trial.study.submission_id)


def _after_trial(trial: Trial, *, now: datetime) -> None:
    """RUNNING -> SCORING when this was the last open trial of its submission."""
    submission = locked(trial.study.submission_id)
    if submission.status not in (S.QUEUED, S.RUNNING):
        return
    if Trial.objects.open().filter(study__submission=submission).exists():
        return
    submission.finished_at = now
    move(submission, S.SCORING, actor=SITE, action="finish trials", changed=["finished_at"])


# --- what nobody reports ------------------------------------------------------------------------------------------


def requeue_expired_leases(*, now: datetime, site_answers: bool = True) -> int:
    """Live attempts whose lease ran out some time ago -> LOST, their trials QUEUED again; returns how many.

    After the site itself was down nothing expires for one full lease: hosts need the chance to renew first.

    Args:
        site_answers: False when the web process did not answer just now, so that hosts cannot renew.
    """
    if now < _up_since(now=now, site_answers=site_answers) + timedelta(seconds=settings.LEASE_S):
        return 0
    last = now - timedelta(seconds=settings.LEASE_GRACE_S)
    expired = Attempt.objects.live().filter(lease_expires_at__lt=last).values_list("pk", flat=True)
    return sum(_expire(attempt_id, last=last, now=now) for attempt_id in list(expired))


@transaction.atomic
def _up_since(*, now: datetime, site_answers: bool) -> datetime:
    """Notes a sign of life of the site itself; returns since when it has given one without a break."""
    beat, _ = SiteHeartbeat.objects.select_for_update().get_or_create(pk=1, defaults={"beat_at": now, "up_since": now})
    if not site_answers or now - beat.beat_at > timedelta(seconds=settings.LEASE_S):
        beat.up_since = now
    beat.beat_at = now
    beat.save()
    return beat.up_since


@transaction.atomic
def _expire(attempt_id: uuid.UUID, *, last: datetime, now: datetime) -> bool:
    attempt = _locked_attempt(attempt_id)
    if attempt.status not in Attempt.LIVE or attempt.lease_expires_at >= last:
        return False  # it has ended or was renewed meanwhile
    claimed = attempt.status == Attempt.Status.RUNNING
    message = "The host was not heard of again." if claimed else "The host did not ask for the trial."
    _lose(attempt, now=now, message=message, counts=claimed)
    return True


def release_host(host_id: int, *, now: datetime, message: str) -> int:
    """Live attempts of a host that is known to run nothing -> LOST, at once and without counting against the trial."""
    held = Attempt.objects.live().filter(host=host_id).values_list("pk", flat=True)
    return sum(_release(attempt_id, now=now, message=message) for attempt_id in list(held))


@transaction.atomic
def _release(attempt_id: uuid.UUID, *, now: datetime, message: str) -> bool:
    attempt = _locked_attempt(attempt_id)
    if attempt.status not in Attempt.LIVE:
        return False
    _lose(attempt, now=now, message=message, counts=False)
    return True


def _locked_attempt(attempt_id: uuid.UUID) -> Attempt:
    """The attempt, locked after its submission: every change takes its locks in this order, so none wait in a ring."""
    rows = Attempt.objects.filter(pk=attempt_id)
    submission_id = rows.values_list("trial__study__submission_id", flat=True).first()
    if submission_id is None:
        raise LeaseLost("There is no such attempt.")
    locked(submission_id)
    return rows.select_for_update(of=("self",)).select_related("trial__study__submission", "host").get()


def _held_attempt(attempt_id: uuid.UUID, lease_id: uuid.UUID) -> Attempt:
    """The running attempt, when the lease is still the one that was given out."""
    attempt = _locked_attempt(attempt_id)
    if attempt.lease_id != lease_id or attempt.status != Attempt.Status.RUNNING:
        raise LeaseLost("This lease is no longer valid.")
    return attempt


def _touch(submission_id: int) -> None:
    """Something that a live page shows has changed."""
    Submission.objects.filter(pk=submission_id).update(row_version=F("row_version") + 1)
