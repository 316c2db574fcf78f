"""What a submission may become, and the one way its status is changed."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils import timezone

from leaderboard.errors import IllegalTransition
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import Actor
from leaderboard.models import Submission

S = Submission.Status

TRANSITIONS: Mapping[str, frozenset[str]] = {
    S.DRAFT: frozenset({S.VALIDATING, S.QUEUED}),
    S.VALIDATING: frozenset({S.DRAFT, S.REJECTED}),
    S.REJECTED: frozenset({S.VALIDATING}),
    S.QUEUED: frozenset({S.RUNNING, S.SCORING, S.CANCELLED, S.DISQUALIFIED}),
    S.RUNNING: frozenset({S.SCORING, S.CANCELLED, S.DISQUALIFIED}),
    S.SCORING: frozenset({S.PUBLISHED, S.IN_REVIEW, S.INCOMPLETE, S.DISQUALIFIED}),
    S.IN_REVIEW: frozenset({S.PUBLISHED, S.INCOMPLETE, S.WITHDRAWN, S.DISQUALIFIED}),
    S.PUBLISHED: frozenset({S.WITHDRAWN, S.DISQUALIFIED}),
    S.INCOMPLETE: frozenset({S.WITHDRAWN, S.DISQUALIFIED}),
    S.CANCELLED: frozenset(),
    S.WITHDRAWN: frozenset({S.DISQUALIFIED}),
    S.DISQUALIFIED: frozenset({S.PUBLISHED, S.INCOMPLETE, S.IN_REVIEW, S.WITHDRAWN, S.CANCELLED}),
}
RANKED = (S.PUBLISHED,)


def locked(submission_id: int) -> Submission:
    """The row, locked until the transaction ends (on SQLite the transaction itself is the lock)."""
    return Submission.objects.select_for_update(of=("self",)).select_related("team").get(pk=submission_id)


def move(
    submission: Submission,
    to: str,
    *,
    actor: Actor,
    action: str,
    note: str = "",
    changed: Iterable[str] = (),
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Changes the status, notes when and why, adds the audit row and saves.

    Args:
        note: the public reason of the new state, one sentence.
        changed: names of other fields that the caller has set.
        facts: more for the audit row than the status.
    Raises:
        IllegalTransition: the present status does not lead to `to`.
    """
    before = submission.status
    if to not in TRANSITIONS[before]:
        raise IllegalTransition(submission, to=to)
    submission.status, submission.status_note, submission.changed_at = to, note, timezone.now()
    submission.row_version += 1
    fields = ["status", "status_note", "changed_at", "row_version", *changed]
    if (before in RANKED) != (to in RANKED):
        submission.awaits_standings = True
        fields.append("awaits_standings")
    submission.save(update_fields=fields)
    audit.record(actor, action, submission, before={"status": before}, after={"status": str(to), **(facts or {})})


def require(submission: Submission, states: Iterable[str], *, to: str) -> None:
    """Raises IllegalTransition unless the submission is in one of `states`."""
    if submission.status not in states:
        raise IllegalTransition(submission, to=to)
