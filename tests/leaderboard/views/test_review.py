"""Review and decisions: evidence, a confirmed decision, its effect, and the public record of it."""

from __future__ import annotations

import pytest
from django.core import mail
from django.urls import reverse

from leaderboard import tasks
from leaderboard.models import AuditEvent, Decision, Finding, Submission
from tests.factories import FindingFactory, MembershipFactory, SubmissionFactory, UserFactory
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import HOSTILE, text_of

pytestmark = pytest.mark.django_db
S = Submission.Status
DISQUALIFY = {
    "outcome": "disqualified",
    "rule": "workload-specific",
    "public_note": "Line 4 depends on the workload.",
    "internal_reason": "As in case 3.",
}


@pytest.fixture(autouse=True)
def _boards_at_once(monkeypatch):
    """What the site worker would do a moment later is done at once."""
    monkeypatch.setattr(tasks, "soon", lambda task, *args: task(*args))


@pytest.fixture
def browser(as_user, reviewer):
    return as_user(reviewer)


def case_of(row: Submission) -> str:
    return reverse("case", args=[row.slug])


def test_the_queue_puts_what_waits_first(browser, published, django_assert_max_num_queries):
    published(name="Fine")
    waiting = SubmissionFactory(sent=True, name="Suspicious", status=S.IN_REVIEW)
    FindingFactory(submission=waiting, verdict="review")

    with django_assert_max_num_queries(6):
        opened = text_of(browser.get(reverse("review")))
    everything = text_of(browser.get(f"{reverse('review')}?show=all"))

    assert "Suspicious" in opened
    assert "Fine" not in opened
    assert everything.index("Suspicious") < everything.index("Fine")


@pytest.mark.parametrize("name", ["review", "case"])
def test_review_is_for_reviewers(client, as_user, member, published, name):
    row = published()
    address = reverse(name, args=[row.slug] if name == "case" else [])

    assert reverse("account_login") in client.get(address)["Location"]
    refused = as_user(member).get(address)
    assert refused.status_code == 403
    assert "Only reviewers can open this page." in text_of(refused)


def test_a_case_shows_evidence_with_code_lines_and_the_trail(
    browser, published, with_code, django_assert_max_num_queries
):
    row = with_code(published(name="Suspicious"))
    Finding.objects.filter(submission=row).update(verdict="review")

    with django_assert_max_num_queries(18):
        page = text_of(browser.get(case_of(row)))

    assert 'href="#submissionpy-L4"' in page
    assert 'class="hit" id="submissionpy-L4"' in page
    assert "send: draft → queued" in page
    assert "settle" in page
    assert "<b>x" not in page


def test_a_disqualification_is_shown_once_more_then_published(browser, client, published):
    row, other = published(name="Cheat"), published(name="Honest")

    preview = text_of(browser.post(case_of(row), DISQUALIFY))
    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert "Line 4 depends on the workload." in preview
    assert "Effect on the leaderboard" in preview
    assert "Honest" in preview

    browser.post(case_of(row), {**DISQUALIFY, "confirm": "yes"})

    row.refresh_from_db()
    decision = Decision.objects.get()
    assert row.status == S.DISQUALIFIED
    assert [message.to for message in mail.outbox] == []  # the team has no members here
    for address in (row.get_absolute_url(), reverse("decisions"), reverse("decision", args=[decision.pk])):
        page = text_of(client.get(address))
        assert "Line 4 depends on the workload." in page
        assert "As in case 3." not in page
    board = client.get(reverse("board", args=["mini", "self_tuning"]))
    assert [str(entry.submission) for entry in board.context["page"]] == ["Honest"]
    assert other.standings.count() == 2
    assert AuditEvent.objects.filter(action="disqualify", actor=f"user:{decision.decided_by_id}").count() == 1


def test_a_reinstated_submission_is_ranked_again_and_both_decisions_stay(browser, client, published):
    row = published(name="Cleared")
    browser.post(case_of(row), {**DISQUALIFY, "confirm": "yes"})
    words = {"outcome": "reinstated", "public_note": "The line is allowed.", "internal_reason": "Appeal."}

    browser.post(case_of(row), {**words, "confirm": "yes"})

    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert "Cleared" in text_of(client.get(reverse("board", args=["mini", "self_tuning"])))
    listed = text_of(client.get(reverse("decisions")))
    assert "Disqualified" in listed
    assert "Reinstated" in listed


def test_findings_without_a_violation_let_a_result_be_published(browser, published):
    row = published(name="Waiting")
    Submission.objects.filter(pk=row.pk).update(status=S.IN_REVIEW)
    FindingFactory(submission=row, verdict="review")

    browser.post(case_of(row), {"outcome": "no_violation", "confirm": "yes"})

    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert Decision.objects.get().outcome == Decision.Outcome.NO_VIOLATION
    assert Finding.objects.get(submission=row, verdict="review").cleared_at


@pytest.mark.parametrize("missing", ["outcome", "rule", "public_note", "internal_reason"])
def test_what_a_decision_lacks_is_named_and_nothing_happens(browser, published, missing):
    row = published()

    page = text_of(browser.post(case_of(row), {**DISQUALIFY, "confirm": "yes", missing: ""}))

    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert "There is a problem" in page
    if missing != "public_note":
        assert "Line 4 depends on the workload." in page  # what was typed stays


def test_nobody_decides_about_their_own_team_or_affiliation(as_user, published, team):
    row = published()
    colleague = UserFactory(is_reviewer=True, affiliation=team.affiliation)
    insider = MembershipFactory(team=team, user=UserFactory(is_reviewer=True)).user

    for person, sentence in ((colleague, "You share the affiliation"), (insider, "You belong to this team")):
        page = text_of(as_user(person).get(case_of(row)))
        as_user(person).post(case_of(row), {**DISQUALIFY, "confirm": "yes"})

        row.refresh_from_db()
        assert sentence in page
        assert row.status == S.PUBLISHED


def test_a_running_submission_can_be_disqualified_and_stops(browser, edition, host):
    row = steps.sent()
    steps.run(host)

    browser.post(case_of(row), {**DISQUALIFY, "confirm": "yes"})

    row.refresh_from_db()
    assert row.status == S.DISQUALIFIED
    assert not row.studies.filter(trials__status__in=["queued", "running"]).exists()


def test_the_team_hears_of_the_decision(browser, member, published):
    row = published()

    browser.post(case_of(row), {**DISQUALIFY, "confirm": "yes"})

    assert [message.to for message in mail.outbox] == [["ada@example.org"]]
    assert "Line 4 depends on the workload." in mail.outbox[0].body


def test_hostile_notes_and_names_are_text(browser, client, published):
    row = published(name=HOSTILE)

    preview = text_of(browser.post(case_of(row), {**DISQUALIFY, "public_note": HOSTILE}))
    browser.post(case_of(row), {**DISQUALIFY, "public_note": HOSTILE, "confirm": "yes"})

    pages = [preview] + [text_of(client.get(reverse(name))) for name in ("decisions", "landing")]
    pages += [text_of(client.get(reverse("decision", args=[Decision.objects.get().pk])))]
    pages += [text_of(client.get(row.get_absolute_url())), text_of(browser.get(case_of(row)))]
    for page in pages:
        assert "<b>x" not in page
        assert "<script>alert" not in page


def test_an_empty_decision_list_says_what_will_be_there(client, db):
    assert "Reviewers have decided nothing yet." in text_of(client.get(reverse("decisions")))
