"""Reviewers' decisions: each has a public note, an audit row, and an effect on the board."""

from django.db import transaction
from django.utils import timezone

from leaderboard import clean
from leaderboard.errors import NotReady
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import Actor, require_reviewer
from leaderboard.lifecycle.results import publish
from leaderboard.lifecycle.states import S, locked, move, require
from leaderboard.lifecycle.submissions import stop_trials
from leaderboard.models import Decision, Finding, Submission, User


@transaction.atomic
def clear_findings(submission_id: int, *, actor: Actor, public_note: str, internal_reason: str = "") -> Decision:
    """IN_REVIEW -> PUBLISHED or INCOMPLETE: no violation. Before its runs have ended it only clears the findings."""
    submission = locked(submission_id)
    require_reviewer(actor, submission)
    if submission.sent_at is None or submission.status in (S.DISQUALIFIED, S.WITHDRAWN, S.CANCELLED):
        require(submission, (S.IN_REVIEW,), to=S.PUBLISHED)
    waiting = submission.findings.filter(verdict=Finding.Verdict.REVIEW, cleared_at=None)
    rules = ", ".join(sorted(set(waiting.values_list("rule", flat=True))))[:80]
    waiting.update(cleared_at=timezone.now())
    decision = _decide(submission, Decision.Outcome.NO_VIOLATION, actor, rules, public_note, internal_reason)
    if submission.status == S.IN_REVIEW:
        publish(submission, actor=actor, action="clear findings")
    else:
        audit.record(actor, "clear findings", submission, after={"decision": decision.pk})
    return decision


@transaction.atomic
def disqualify(submission_id: int, *, actor: Actor, rule: str, public_note: str, internal_reason: str = "") -> Decision:
    """Anything sent and not cancelled -> DISQUALIFIED. Running trials are stopped; the board changes."""
    submission = locked(submission_id)
    require_reviewer(actor, submission)
    if not rule.strip() or not public_note.strip():
        raise NotReady("A disqualification names the rule and says publicly why.")
    submission.status_before = submission.status
    submission.closed_at = timezone.now()
    if submission.status in (S.QUEUED, S.RUNNING):
        stop_trials(submission)
        submission.finished_at = submission.closed_at
    decision = _decide(submission, Decision.Outcome.DISQUALIFIED, actor, rule, public_note, internal_reason)
    move(
        submission,
        S.DISQUALIFIED,
        actor=actor,
        action="disqualify",
        note=f"Not ranked since {submission.closed_at:%-d %b %Y}. {decision.public_note}",
        changed=["status_before", "closed_at", "finished_at"],
        facts={"decision": decision.pk, "rule": decision.rule},
    )
    return decision


@transaction.atomic
def reinstate(submission_id: int, *, actor: Actor, public_note: str, internal_reason: str = "") -> Decision:
    """DISQUALIFIED -> what it was before. A run that the disqualification cut short ends as CANCELLED."""
    submission = locked(submission_id)
    require_reviewer(actor, submission)
    require(submission, (S.DISQUALIFIED,), to="reinstated")
    if not public_note.strip():
        raise NotReady("A reinstatement says publicly why.")
    before, submission.status_before = submission.status_before, ""
    decision = _decide(submission, Decision.Outcome.REINSTATED, actor, "", public_note, internal_reason)
    submission.closed_at = None
    changed = ["status_before", "closed_at"]
    if before in (S.PUBLISHED, S.INCOMPLETE) or (before == S.SCORING and not submission.needs_review):
        submission.save(update_fields=changed)
        publish(submission, actor=actor, action="reinstate")
        return decision
    back: dict[str, str] = {S.SCORING: S.IN_REVIEW, S.IN_REVIEW: S.IN_REVIEW, S.WITHDRAWN: S.WITHDRAWN}
    to = back.get(before, S.CANCELLED)
    note = f"Reinstated on {timezone.now():%-d %b %Y}. {decision.public_note}"
    facts = {"decision": decision.pk}
    move(submission, to, actor=actor, action="reinstate", note=note, changed=changed, facts=facts)
    return decision


def _decide(
    submission: Submission, outcome: str, actor: Actor, rule: str, public_note: str, internal_reason: str
) -> Decision:
    return Decision.objects.create(
        submission=submission,
        outcome=outcome,
        rule=clean.one_line(rule, 80),
        public_note=clean.block(public_note[:5000], 5000).strip(),
        internal_reason=clean.block(internal_reason[:5000], 5000).strip(),
        decided_by=actor if isinstance(actor, User) else None,
    )
