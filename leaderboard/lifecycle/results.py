"""From the last trial to a published, reviewed or incomplete submission."""

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from leaderboard.errors import NotAllowed
from leaderboard.lifecycle import audit
from leaderboard.lifecycle.actors import SITE, Actor
from leaderboard.lifecycle.states import S, locked, move, require
from leaderboard.lifecycle.submissions import study_count
from leaderboard.models import Study, Submission, Trial, User
from workloads import editions


@transaction.atomic
def settle_submission(submission_id: int) -> Submission:
    """SCORING -> IN_REVIEW, INCOMPLETE or PUBLISHED; stays where its edition is published by operators."""
    submission = locked(submission_id)
    require(submission, (S.SCORING,), to="settled")
    if submission.needs_review:
        note = "Its runs are finished; a reviewer looks at what the checks found before it is published."
        move(submission, S.IN_REVIEW, actor=SITE, action="settle", note=note)
    elif editions.load(submission.edition).publication == "self" or incomplete_because(submission):
        publish(submission, actor=SITE, action="settle")
    return submission


@transaction.atomic
def publish_submission(submission_id: int, *, actor: Actor) -> Submission:
    """SCORING -> PUBLISHED or INCOMPLETE, by an operator."""
    submission = locked(submission_id)
    if isinstance(actor, User) and not actor.is_operator:
        raise NotAllowed("Only operators publish.")
    require(submission, (S.SCORING,), to=S.PUBLISHED)
    publish(submission, actor=actor, action="publish")
    return submission


def publish(submission: Submission, *, actor: Actor, action: str) -> None:
    """To PUBLISHED, or to INCOMPLETE with the reason; the first publication takes a style for charts."""
    reason = incomplete_because(submission)
    submission.published_at = submission.published_at or timezone.now()
    if submission.style_slot is None and not submission.is_baseline:
        slots = Submission.objects.filter(ruleset=submission.ruleset).aggregate(last=Max("style_slot"))
        submission.style_slot = 0 if slots["last"] is None else slots["last"] + 1
    to = S.INCOMPLETE if reason else S.PUBLISHED
    move(submission, to, actor=actor, action=action, note=reason, changed=["published_at", "style_slot"])


def incomplete_because(submission: Submission) -> str:
    """Why a finished submission cannot be ranked, as a public sentence; empty when it can."""
    edition = editions.load(submission.edition)
    if submission.revision != edition.revision:
        return "Ran under an older revision of the edition. Shown, not ranked."
    wanted = (*edition.workloads, *edition.held_out)
    run = set(Study.objects.filter(submission=submission).values_list("workload", flat=True))
    missing = [workload.name for workload in wanted if workload.name not in run]
    if missing:
        return f"Ran {len(wanted) - len(missing)} of {len(wanted)} workloads. Shown, not ranked."
    trials = Trial.objects.filter(study__submission=submission)
    given_up = trials.filter(status=Trial.Status.GIVEN_UP).count()
    if given_up:
        return f"Hosts failed on {given_up} of {trials.count()} trials; not the submission's fault. Shown, not ranked."
    if any(study_count(submission, edition, workload) < _full(submission, workload.name) for workload in wanted):
        return "Ran fewer studies than the edition asks for. Shown, not ranked."
    return ""


def _full(submission: Submission, workload: str) -> int:
    edition = editions.load(submission.edition)
    unlimited = Submission(ruleset=submission.ruleset)
    return study_count(unlimited, edition, edition.workload(workload))


@transaction.atomic
def set_baseline(submission_id: int, *, actor: Actor, is_baseline: bool) -> Submission:
    """Marks what others are compared with, or takes the mark away; its board is computed again."""
    submission = locked(submission_id)
    if isinstance(actor, User) and not actor.is_operator:
        raise NotAllowed("Only operators choose baselines.")
    before, submission.is_baseline = submission.is_baseline, is_baseline
    submission.awaits_standings = submission.status == S.PUBLISHED
    submission.row_version += 1
    submission.save(update_fields=["is_baseline", "awaits_standings", "row_version"])
    audit.record(actor, "set baseline", submission, before={"is_baseline": before}, after={"is_baseline": is_baseline})
    return submission
