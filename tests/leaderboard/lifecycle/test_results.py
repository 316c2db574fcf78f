"""From the last trial to a published, reviewed or incomplete submission, and what reviewers decide."""

from typing import Any

import pytest

from leaderboard import lifecycle
from leaderboard.errors import IllegalTransition, NotAllowed, NotReady
from leaderboard.models import AuditEvent, Decision, Finding, Submission
from tests.factories import FindingFactory, MembershipFactory, SubmissionFactory, TeamFactory, UserFactory
from tests.leaderboard.conftest import make_edition
from tests.leaderboard.steps import finish, report, run, run_everything, sent
from workloads import editions

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
S = Submission.Status


def settled(**fields: Any) -> Submission:
    return lifecycle.settle_submission(run_everything(sent(**fields)).pk)


def flagged(submission: Submission) -> Finding:
    return FindingFactory(submission=submission, verdict=Finding.Verdict.REVIEW, rule="shapes")


def reviewer(**fields: Any) -> Any:
    return UserFactory(is_reviewer=True, **fields)


def test_a_complete_run_publishes_itself_and_makes_its_board_stale() -> None:
    submission = settled()

    assert (submission.status, submission.status_note) == (S.PUBLISHED, "")
    assert submission.awaits_standings
    assert submission.published_at is not None
    assert submission.style_slot == 0


def test_each_published_submission_of_a_ruleset_takes_the_next_style() -> None:
    first, second = settled(), settled()
    lifecycle.withdraw_submission(first.pk, actor="shell")
    third = settled()

    assert [row.style_slot for row in (first, second, third)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"workloads": ["small"]}, "Ran 1 of 3 workloads. Shown, not ranked."),
        ({"studies_override": 1}, "Ran fewer studies than the edition asks for. Shown, not ranked."),
    ],
)
def test_a_part_of_the_edition_is_shown_and_not_ranked(choice: dict[str, Any], reason: str) -> None:
    submission = settled(**choice)

    assert (submission.status, submission.status_note) == (S.INCOMPLETE, reason)
    assert not submission.awaits_standings


def test_trials_that_hosts_gave_up_are_not_held_against_the_submission() -> None:
    submission = sent()
    for _ in range(3):
        attempt = run()
        report(attempt, "started", {"batch_size": 32}, sequence=0)
        finish(attempt, "infra")
    run_everything(submission)

    submission = lifecycle.settle_submission(submission.pk)

    assert submission.status == S.INCOMPLETE
    assert "not the submission's fault" in submission.status_note


def test_a_finding_for_review_holds_up_publication_and_nothing_else() -> None:
    submission = sent()
    flagged(submission)
    run_everything(submission)

    held = lifecycle.settle_submission(submission.pk)
    decision = lifecycle.clear_findings(submission.pk, actor=reviewer(), public_note="Shapes only size a buffer.")

    submission.refresh_from_db()
    assert held.status == S.IN_REVIEW
    assert (submission.status, decision.outcome, decision.rule) == (S.PUBLISHED, "no_violation", "shapes")


def test_findings_cleared_during_the_run_do_not_hold_it_up_later() -> None:
    submission = sent()
    flagged(submission)
    lifecycle.clear_findings(submission.pk, actor=reviewer(), public_note="Fine.")

    run_everything(submission)

    assert lifecycle.settle_submission(submission.pk).status == S.PUBLISHED


def test_boards_of_operators_wait_for_an_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "load", lambda name: make_edition(publication="operators"))
    submission = settled()

    assert submission.status == S.SCORING
    with pytest.raises(NotAllowed):
        lifecycle.publish_submission(submission.pk, actor=reviewer())
    assert lifecycle.publish_submission(submission.pk, actor=UserFactory(is_operator=True)).status == S.PUBLISHED


def test_results_of_an_older_revision_are_not_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    submission = run_everything(sent())
    monkeypatch.setattr(editions, "load", lambda name: make_edition(revision="r2"))

    submission = lifecycle.settle_submission(submission.pk)

    assert submission.status == S.INCOMPLETE
    assert "older revision" in submission.status_note


def test_a_disqualification_is_public_and_can_be_taken_back() -> None:
    submission = settled()
    Submission.objects.update(awaits_standings=False)
    judge = reviewer()

    decision = lifecycle.disqualify(
        submission.pk, actor=judge, rule="names", public_note="It reads names.", internal_reason="line 7"
    )
    submission.refresh_from_db()
    between = (submission.status, submission.awaits_standings, submission.status_note.endswith("It reads names."))
    lifecycle.reinstate(submission.pk, actor=judge, public_note="The name was never used.")

    submission.refresh_from_db()
    assert between == (S.DISQUALIFIED, True, True)
    assert (decision.rule, decision.decided_by) == ("names", judge)
    assert (submission.status, submission.closed_at, submission.status_before) == (S.PUBLISHED, None, "")
    assert list(Decision.objects.values_list("outcome", flat=True)) == ["reinstated", "disqualified"]
    audited = AuditEvent.objects.filter(subject=f"submission:{submission.pk}", actor=f"user:{judge.pk}")
    assert list(audited.values_list("action", flat=True)) == ["disqualify", "reinstate"]


def test_disqualifying_a_running_submission_stops_it() -> None:
    submission = sent()
    attempt = run()

    lifecycle.disqualify(submission.pk, actor=reviewer(), rule="names", public_note="It reads names.")

    attempt.trial.refresh_from_db()
    submission.refresh_from_db()
    assert (attempt.trial.status, submission.status) == ("cancelled", S.DISQUALIFIED)
    lifecycle.reinstate(submission.pk, actor=reviewer(), public_note="A mistake.")
    submission.refresh_from_db()
    assert submission.status == S.CANCELLED


def test_a_disqualification_needs_a_rule_and_a_public_note() -> None:
    submission = settled()

    with pytest.raises(NotReady):
        lifecycle.disqualify(submission.pk, actor=reviewer(), rule=" ", public_note="It reads names.")
    with pytest.raises(NotReady):
        lifecycle.disqualify(submission.pk, actor=reviewer(), rule="names", public_note="")
    submission.refresh_from_db()
    assert submission.status == S.PUBLISHED


def test_nobody_decides_about_their_own_team_or_affiliation() -> None:
    submission = settled(team=TeamFactory(affiliation="Example University"))
    member = reviewer()
    MembershipFactory(team=submission.team, user=member)
    neighbour = reviewer(affiliation="example university ")

    for actor, sentence in ((member, "this team"), (neighbour, "affiliation"), (UserFactory(), "Only reviewers")):
        with pytest.raises(NotAllowed, match=sentence):
            lifecycle.disqualify(submission.pk, actor=actor, rule="names", public_note="It reads names.")


def test_a_withdrawn_entry_keeps_its_place_among_the_not_ranked() -> None:
    submission = settled()

    lifecycle.withdraw_submission(submission.pk, actor="shell")

    rows = Submission.objects.not_ranked(edition="mini", ruleset=submission.ruleset)
    assert [row.status for row in rows] == [S.WITHDRAWN]
    assert not Submission.objects.ranked(edition="mini", revision="r1", ruleset=submission.ruleset).exists()
    with pytest.raises(IllegalTransition):
        lifecycle.withdraw_submission(submission.pk, actor="shell")


def test_a_published_new_version_replaces_the_old_one_on_the_board() -> None:
    old = settled()
    new = SubmissionFactory(sent=True, status=S.PUBLISHED, previous=old, version=2)

    ranked = Submission.objects.ranked(edition="mini", revision="r1", ruleset=old.ruleset)
    assert list(ranked) == [new]
    assert old in Submission.objects.not_ranked(edition="mini", ruleset=old.ruleset)


def test_an_operator_chooses_the_baseline_and_the_board_is_computed_again() -> None:
    submission = settled()
    Submission.objects.update(awaits_standings=False)

    with pytest.raises(NotAllowed):
        lifecycle.set_baseline(submission.pk, actor=reviewer(), is_baseline=True)
    submission = lifecycle.set_baseline(submission.pk, actor=UserFactory(is_operator=True), is_baseline=True)

    assert (submission.is_baseline, submission.awaits_standings) == (True, True)
