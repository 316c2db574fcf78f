"""Which status may follow which."""

from typing import Any

import pytest

from leaderboard import lifecycle
from leaderboard.errors import IllegalTransition
from leaderboard.lifecycle.states import TRANSITIONS, move
from leaderboard.models import AuditEvent, Submission
from tests.factories import SubmissionFactory, UserFactory

S = Submission.Status
PAIRS = [(before, after) for before in S for after in S]


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{before}-{after}" for before, after in PAIRS])
def test_a_status_changes_only_along_the_table(before: str, after: str) -> None:
    submission = SubmissionFactory(status=before)

    if after in TRANSITIONS[before]:
        move(submission, after, actor="site", action="test")
        submission.refresh_from_db()
        assert submission.status == after
        assert AuditEvent.objects.get().after["status"] == after
    else:
        with pytest.raises(IllegalTransition, match=f"is {before} and cannot become {after}"):
            move(submission, after, actor="site", action="test")
        submission.refresh_from_db()
        assert submission.status == before
        assert not AuditEvent.objects.exists()


ACTIONS: dict[str, tuple[Any, set[str]]] = {
    "attach": (lambda pk: lifecycle.attach_archive(pk, b"zip", actor="shell"), {"draft", "rejected"}),
    "send": (lambda pk: lifecycle.send_submission(pk, actor="shell"), {"draft"}),
    "cancel": (lambda pk: lifecycle.cancel_submission(pk, actor="shell"), {"queued", "running"}),
    "withdraw": (
        lambda pk: lifecycle.withdraw_submission(pk, actor="shell"),
        {"published", "incomplete", "in_review"},
    ),
    "discard": (lambda pk: lifecycle.discard_draft(pk, actor="shell"), {"draft", "validating", "rejected"}),
    "settle": (lambda pk: lifecycle.settle_submission(pk), {"scoring"}),
    "disqualify": (
        lambda pk: lifecycle.disqualify(pk, actor="shell", rule="names", public_note="It reads names."),
        {"queued", "running", "scoring", "in_review", "published", "incomplete", "withdrawn"},
    ),
    "reinstate": (lambda pk: lifecycle.reinstate(pk, actor="shell", public_note="A mistake."), {"disqualified"}),
    "finish checks": (lambda pk: lifecycle.finish_checks(pk, passed=False), {"validating"}),
}


@pytest.mark.django_db
@pytest.mark.usefixtures("edition")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("status", S)
def test_an_action_is_refused_in_every_other_state(action: str, status: str) -> None:
    do, allowed = ACTIONS[action]
    submission = SubmissionFactory(ready=True, status=status, created_by=UserFactory())

    if status in allowed:
        do(submission.pk)
    else:
        with pytest.raises(IllegalTransition):
            do(submission.pk)
        submission.refresh_from_db()
        assert submission.status == status
