"""Runs: hosts, studies, trials, attempts and what the judge measured."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Prefetch, Q
from django.utils import timezone

from leaderboard.models.submissions import Submission
from sandbox_runner import protocol

if TYPE_CHECKING:
    from leaderboard.models.standings import Snapshot

HOST_FRESH_S = 30  # a host that was silent for longer gets no work

# No underscore and no dot: the name is the end of a broker queue's name, which some transports match by its tail.
host_name_validator = RegexValidator(r"^[a-z0-9][a-z0-9-]{0,39}$", "Lower-case letters, digits and hyphens only.")


class HostQuerySet(models.QuerySet["Host"]):
    def for_queue(self) -> Self:
        """Hosts in service, by name."""
        return self.filter(retired_at=None).order_by("name")

    def idle(self, now: datetime) -> Self:
        """Hosts that can be given a trial: alive, not draining, nothing leased to them."""
        fresh = self.filter(is_draining=False, retired_at=None, heartbeat_at__gte=now - timedelta(seconds=HOST_FRESH_S))
        fresh = fresh.exclude(resting_until__gt=now)
        return fresh.exclude(attempts__status__in=Attempt.LIVE).order_by("name")


class Host(models.Model):
    """A machine that runs trials, one at a time. Its key is kept only as a hash."""

    class State(models.TextChoices):
        IDLE = "idle"
        BUSY = "busy"

    name = models.CharField(max_length=40, unique=True, validators=[host_name_validator])
    hardware_class = models.CharField(max_length=40)
    hardware_model = models.CharField(max_length=120, blank=True)  # CPU or GPU model: part of a board's identity
    hardware = models.JSONField(default=dict, blank=True)
    version = models.CharField(max_length=80, blank=True)
    key_hash = models.CharField(max_length=64)
    is_local = models.BooleanField(default=False)  # belongs to the embedded edition on this machine
    is_draining = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.IDLE)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    lost_in_row = models.PositiveIntegerField(default=0)  # attempts it lost since its last result
    resting_until = models.DateTimeField(null=True, blank=True)  # no work before: it loses what it is given
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True)

    objects = HostQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def queue(self) -> str:
        return protocol.host_queue(self.name)

    def is_alive(self, now: datetime) -> bool:
        return self.heartbeat_at is not None and now - self.heartbeat_at <= timedelta(seconds=HOST_FRESH_S)


class Study(models.Model):
    """An independent repetition on one workload: its trials run one after the other."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="studies")
    workload = models.CharField(max_length=60)
    number = models.PositiveIntegerField()  # from 1
    position = models.PositiveIntegerField()  # order of running within the submission
    is_held_out = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        verbose_name_plural = "studies"
        constraints = [models.UniqueConstraint(fields=["submission", "workload", "number"], name="study_number_once")]

    def __str__(self) -> str:
        return f"{self.submission}, {self.workload}, study {self.number}"


class TrialQuerySet(models.QuerySet["Trial"]):
    def open(self) -> Self:
        """Trials that still have to end."""
        return self.filter(status__in=Trial.OPEN)

    def results(self) -> Self:
        """Trials that ended with a result, whether it went well or not."""
        return self.filter(status=Trial.Status.FINISHED)

    def for_download(self, snapshot: "Snapshot") -> Iterator[tuple[Any, ...]]:
        """One tuple for each trial of a snapshot's submissions, read from the database as it is asked for.

        Submission, slug, workload, study, trial, seed, ending, charged seconds, time to target, raced, hyperparameters.
        """
        rows = self.filter(study__submission__standings__snapshot=snapshot, status=Trial.Status.FINISHED)
        rows = rows.select_related("study__submission").order_by(
            "study__submission__slug", "study__workload", "study__number", "number"
        )
        for trial in rows.iterator(chunk_size=2000):
            study, point = trial.study, trial.hyperparameters
            yield (
                str(study.submission), study.submission.slug, study.workload, study.number, trial.number, trial.seed,
                trial.ending, trial.charged_s, trial.time_to_target_s, "yes" if trial.is_raced else "no",
                None if point is None else json.dumps(point, sort_keys=True),
            )  # fmt: skip

    def for_page(self, submission: Submission) -> Self:
        """All trials of a submission with their attempts and hosts, without logs, in the order they run."""
        attempts = Attempt.objects.select_related("host").defer("log_tail", "spec").order_by("number")
        rows = self.filter(study__submission=submission).select_related("study")
        return rows.prefetch_related(Prefetch("attempts", attempts)).order_by(
            "study__is_held_out", "study__workload", "study__number", "number"
        )


class Trial(models.Model):
    """One training run with one hyperparameter point and one seed. A retry has the same of both."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        LEASED = "leased"
        RUNNING = "running"
        FINISHED = "finished"
        GIVEN_UP = "given_up", "given up"  # hosts failed too often; says nothing about the submission
        CANCELLED = "cancelled"

    OPEN = (Status.QUEUED, Status.LEASED, Status.RUNNING)

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()  # from 1
    seed = models.BigIntegerField()
    hyperparameters = models.JSONField(null=True)  # None: self-tuning
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    failures = models.PositiveIntegerField(default=0)  # attempts a host lost while the submission ran
    false_starts = models.PositiveIntegerField(default=0)  # attempts a host lost before that

    ending = models.CharField(max_length=10, blank=True, choices=[(e.value, e.value) for e in protocol.Ending])
    message = models.TextField(blank=True)  # one sentence for the submitter
    charged_s = models.FloatField(null=True)
    time_to_target_s = models.FloatField(null=True)  # None: missed
    is_raced = models.BooleanField(default=False)
    batch_size = models.PositiveIntegerField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects = TrialQuerySet.as_manager()

    class Meta:
        ordering = ["study__position", "number"]
        indexes = [models.Index(fields=["status"], name="trial_status")]
        constraints = [models.UniqueConstraint(fields=["study", "number"], name="trial_number_once")]

    def __str__(self) -> str:
        return f"{self.study}, trial {self.number}"


class AttemptQuerySet(models.QuerySet["Attempt"]):
    def live(self) -> Self:
        """Leased to a host, claimed or not."""
        return self.filter(status__in=Attempt.LIVE)

    def for_live(self, submission: Submission) -> Self:
        """What runs of a submission just now, with its evaluations so far."""
        rows = self.live().filter(trial__study__submission=submission).select_related("trial__study", "host")
        return rows.prefetch_related("evaluations").order_by("leased_at")

    def log_of(self, attempt: "Attempt") -> str:
        """The kept end of an attempt's log; lists leave it in the database."""
        return self.filter(pk=attempt.pk).values_list("log_tail", flat=True).first() or ""

    def for_best_curves(self, workload: str, trials: Collection[tuple[int, int, int]]) -> Self:
        """The attempts that count of some trials of one workload, each with its trial.

        Args:
            trials: submission, number of the study, number of the trial. Other combinations of the same numbers come
                along.
        """
        rows = self.filter(
            status=Attempt.Status.FINISHED,
            trial__study__workload=workload,
            trial__study__submission__in={submission for submission, _, _ in trials},
            trial__study__number__in={study for _, study, _ in trials},
            trial__number__in={trial for _, _, trial in trials},
        )
        return rows.select_related("trial__study").defer("log_tail", "spec", "result")

    def for_queue(self) -> Self:
        """What runs on every host just now."""
        return self.live().select_related("trial__study__submission__team", "host").defer("log_tail", "spec")


class Attempt(models.Model):
    """One lease of one trial to one host, and what came of it."""

    class Status(models.TextChoices):
        LEASED = "leased"  # the host has not asked for it yet
        RUNNING = "running"
        FINISHED = "finished"  # with a result
        LOST = "lost"  # host or sandbox failed; the trial runs again
        CANCELLED = "cancelled"

    LIVE = (Status.LEASED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    host = models.ForeignKey(Host, on_delete=models.PROTECT, related_name="attempts")
    status = models.CharField(max_length=10, choices=Status, default=Status.LEASED)
    lease_id = models.UUIDField(default=uuid.uuid4, unique=True)
    lease_expires_at = models.DateTimeField()
    token_hash = models.CharField(max_length=64, blank=True)
    spec = models.JSONField(default=dict)  # the TrialSpec as it was handed out

    leased_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)

    # What the last heartbeat said: shown live, never scored.
    state = models.CharField(max_length=20, blank=True)
    step = models.BigIntegerField(null=True)
    charged_s = models.FloatField(null=True)
    best = models.FloatField(null=True)
    log_tail = models.TextField(blank=True)

    ending = models.CharField(max_length=10, blank=True, choices=[(e.value, e.value) for e in protocol.Ending])
    message = models.TextField(blank=True)
    started = models.JSONField(default=dict)  # payload of the `started` report: images, batch size, host
    result = models.JSONField(null=True)  # payload of the `finished` report, without its evaluations

    objects = AttemptQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["trial", "number"], name="attempt_number_once"),
            models.UniqueConstraint(
                fields=["trial"], condition=Q(status__in=["leased", "running"]), name="attempt_one_live_a_trial"
            ),
            models.UniqueConstraint(
                fields=["host"], condition=Q(status__in=["leased", "running"]), name="attempt_one_live_a_host"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trial}, attempt {self.number}"

    def trial_spec(self) -> protocol.TrialSpec:
        return protocol.TrialSpec.from_json(self.spec)


class Report(models.Model):
    """A report of a supervisor as it was accepted, once per sequence number."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="reports")
    sequence = models.PositiveIntegerField()
    kind = models.CharField(max_length=12, choices=[(k.value, k.value) for k in protocol.ReportKind])
    payload_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["sequence"]
        constraints = [models.UniqueConstraint(fields=["attempt", "sequence"], name="report_sequence_once")]

    def __str__(self) -> str:
        return f"{self.attempt_id} #{self.sequence} {self.kind}"


class EvaluationQuerySet(models.QuerySet["Evaluation"]):
    def for_curves(self, attempts: Iterable[Attempt]) -> Self:
        """Everything measured in some attempts, in order."""
        return self.filter(attempt__in=[attempt.pk for attempt in attempts]).order_by("attempt_id", "number")


class Evaluation(models.Model):
    """What the judge measured at one seal of one attempt."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="evaluations")
    number = models.PositiveIntegerField()
    step = models.BigIntegerField()  # the trainer's own count
    charged_s = models.FloatField()  # the host clock's reading at the seal
    metrics = models.JSONField(default=dict)  # {"validation/accuracy": 0.42, ...}; null: not finite
    is_valid = models.BooleanField()
    reached_validation = models.BooleanField()
    reached_test = models.BooleanField(null=True)  # None: the test split was not judged
    sha256 = models.CharField(max_length=64)  # of the sealed bytes
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["attempt", "number"], name="evaluation_number_once")]

    def __str__(self) -> str:
        return f"{self.attempt_id}, evaluation {self.number}"

    def as_json(self) -> dict[str, Any]:
        """The wire form of `protocol.Evaluation`."""
        return protocol.Evaluation(
            evaluation=self.number,
            step=self.step,
            charged_s=self.charged_s,
            metrics=self.metrics,
            valid=self.is_valid,
            reached_validation=self.reached_validation,
            reached_test=self.reached_test,
            sha256=self.sha256,
            note=self.note,
        ).as_json()


class SiteHeartbeat(models.Model):
    """One row: since when the site has been up without a break. No lease expires before a full lease has passed."""

    beat_at = models.DateTimeField()
    up_since = models.DateTimeField()

    def __str__(self) -> str:
        return f"up since {self.up_since}"
