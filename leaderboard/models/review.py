"""Review: what was decided in the open, and the chain of everything that was done."""

import hashlib
import json
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from leaderboard.models.bases import AppendOnly, AppendOnlyQuerySet
from leaderboard.models.submissions import Submission


class DecisionQuerySet(models.QuerySet["Decision"]):
    def for_list(self) -> Self:
        """All public decisions with what each is about, the newest first."""
        return self.select_related("submission", "submission__team").order_by("-decided_at", "-pk")


class Decision(models.Model):
    """A reviewer's decision on a submission. All of them are public except the internal reason."""

    class Outcome(models.TextChoices):
        NO_VIOLATION = "no_violation", "no violation"
        DISQUALIFIED = "disqualified"
        REINSTATED = "reinstated"

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=20, choices=Outcome)
    rule = models.CharField(max_length=80, blank=True)
    public_note = models.TextField()
    internal_reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-decided_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.submission}: {self.outcome}"


GENESIS = "0" * 64


class AuditEventQuerySet(AppendOnlyQuerySet):
    def for_case(self, submission: Submission) -> Self:
        """Everything that was done to a submission itself, oldest first."""
        return self.filter(subject=f"submission:{submission.pk}").order_by("sequence")


class AuditEvent(AppendOnly):
    """One thing that was done. Each row's hash covers the row before it, so a changed or missing row shows.

    The actor is text ("user:12", "host:local", "site"): deleting an account must not touch the chain.
    """

    sequence = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)  # "submission:7", "team:3"
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEventQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        ordering = ["sequence"]
        indexes = [models.Index(fields=["subject", "sequence"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.actor} {self.action} {self.subject}"

    def content(self) -> dict[str, Any]:
        """What the hash covers."""
        return {
            "sequence": self.sequence,
            "at": self.at.isoformat(),
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
            "previous_hash": self.previous_hash,
        }

    def computed_hash(self) -> str:
        return hashlib.sha256(json.dumps(self.content(), sort_keys=True).encode()).hexdigest()


class AuditHead(models.Model):
    """One row, locked while the chain grows: two writers can never continue from the same event."""

    sequence = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)

    def __str__(self) -> str:
        return f"{self.sequence} {self.hash[:12]}"
