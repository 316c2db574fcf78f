"""A draft on its way to the queue."""

import pytest
from django.utils import timezone

from leaderboard import files, lifecycle
from leaderboard.errors import NotAllowed, NotReady, QuotaExceeded
from leaderboard.models import Check, Finding, Submission, Team, Trial
from leaderboard.quotas import quota_of
from tests.factories import FindingFactory, MembershipFactory, SubmissionFactory, TeamFactory, UserFactory
from tests.leaderboard.conftest import make_edition
from tests.leaderboard.steps import sent
from workloads import editions
from workloads.spec import Edition, Ruleset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
S = Submission.Status
SPACE = {
    "learning_rate": {"min": 1e-4, "max": 1e-2, "scaling": "log"},
    "one_minus_beta1": {"min": 0.02, "max": 0.5, "scaling": "log"},
}


def make_draft(team: Team, **fields: object) -> Submission:
    words = {"name": "Steady", "ruleset": "self_tuning", "framework": "jax", "edition": "mini", **fields}
    return lifecycle.create_draft(team, actor="shell", **words)  # type: ignore[arg-type]


def test_a_member_starts_a_draft_and_a_stranger_may_not() -> None:
    member = MembershipFactory()

    draft = lifecycle.create_draft(
        member.team, actor=member.user, name="Steady", ruleset="external", framework="jax", edition="mini"
    )

    assert (draft.status, draft.created_by, draft.version) == (S.DRAFT, member.user, 1)
    with pytest.raises(NotAllowed, match="Only members"):
        lifecycle.create_draft(
            member.team, actor=UserFactory(), name="x", ruleset="external", framework="jax", edition="mini"
        )


def test_nothing_new_is_entered_into_a_closed_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "load", lambda name: make_edition(accepts_submissions=False))

    with pytest.raises(NotReady, match=r"Edition mini is closed"):
        make_draft(TeamFactory())


def test_names_are_cleaned_and_addresses_never_collide() -> None:
    team = TeamFactory()

    one, two, odd = make_draft(team), make_draft(team), make_draft(team, name="\u202e<b>é\x00\n ẞ</b>")

    assert one.slug != two.slug
    assert odd.name == "<b>é ẞ</b>"
    assert make_draft(team, name="\x00").name == "Unnamed"
    assert len(make_draft(team, name="a" * 500).slug) <= 150


def test_an_archive_is_kept_under_its_hash_and_waits_for_the_checks() -> None:
    draft = make_draft(TeamFactory())

    draft = lifecycle.attach_archive(draft.pk, b"bytes", actor="shell", filename="../up\x00load.zip")

    assert draft.status == S.VALIDATING
    assert files.read(draft.archive_sha256) == b"bytes"
    assert draft.archive_name == "../upload.zip"


def test_checks_appear_one_by_one_and_leave_a_draft_that_can_be_sent() -> None:
    draft = make_draft(TeamFactory())
    lifecycle.attach_archive(draft.pk, b"bytes", actor="shell")
    planned = [
        {"rule": "archive", "title": "The archive can be read", "stage": "archive"},
        {"rule": "functions", "title": "The five functions", "stage": "api"},
    ]

    lifecycle.start_checks(draft.pk, planned)
    note = {"rule": "archive", "stage": "archive", "verdict": "note", "message": "2 files."}
    lifecycle.record_finding(draft.pk, check={**planned[0], "state": "note"}, findings=[note])
    between = list(draft.checks.values_list("rule", "state"))
    lifecycle.record_finding(draft.pk, check={**planned[1], "state": "passed"}, findings=[])
    draft = lifecycle.finish_checks(draft.pk, passed=True, bundle=b"tar", contents={"submission.py": b"pass"})

    assert between == [("archive", "note"), ("functions", "waiting")]
    assert draft.is_ready
    assert files.read(draft.bundle_sha256) == b"tar"
    assert [(file.path, files.read(file.sha256)) for file in draft.files.all()] == [("submission.py", b"pass")]
    assert draft.findings.get().message == "2 files."


def test_a_rejected_draft_is_kept_and_takes_another_archive() -> None:
    draft = make_draft(TeamFactory())
    lifecycle.attach_archive(draft.pk, b"broken", actor="shell")
    FindingFactory(submission=draft, verdict=Finding.Verdict.REJECTED, message="Not a zip.")

    draft = lifecycle.finish_checks(draft.pk, passed=False)

    assert (draft.status, draft.status_note) == (S.REJECTED, "1 check failed. Fix and send again.")
    draft = lifecycle.attach_archive(draft.pk, b"better", actor="shell")
    assert draft.status == S.VALIDATING
    assert not draft.findings.exists()


def test_checks_that_could_not_run_blame_nobody() -> None:
    draft = make_draft(TeamFactory())
    lifecycle.attach_archive(draft.pk, b"bytes", actor="shell")
    lifecycle.start_checks(draft.pk, [{"rule": "archive", "title": "Archive", "stage": "archive"}])

    draft = lifecycle.checks_failed_to_run(draft.pk)

    assert (draft.status, draft.checks_passed) == (S.DRAFT, False)
    assert "our failure" in draft.status_note
    assert draft.checks.get().state == Check.State.SKIPPED


def test_another_ruleset_asks_for_the_checks_again() -> None:
    draft = SubmissionFactory(ready=True)

    edited = lifecycle.edit_draft(draft.pk, actor="shell", ruleset="external")
    with pytest.raises(NotReady, match="checks have not passed"):
        lifecycle.send_submission(draft.pk, actor="shell")
    again = lifecycle.check_again(draft.pk, actor="shell")

    assert not edited.checks_passed
    assert again.status == S.VALIDATING


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ({"archive_sha256": ""}, "no archive"),
        ({"checks_passed": False}, "checks have not passed"),
        ({"licence_accepted_at": None}, "licence statement"),
    ],
)
def test_an_incomplete_draft_is_not_sent(missing: dict[str, object], sentence: str) -> None:
    draft = SubmissionFactory(ready=True, **missing)

    with pytest.raises(NotReady, match=sentence):
        lifecycle.send_submission(draft.pk, actor="shell")


def test_sending_makes_every_study_and_trial_with_its_own_seed(edition: Edition) -> None:
    submission = sent()

    studies = list(submission.studies.values_list("workload", "number", "is_held_out"))
    trials = Trial.objects.filter(study__submission=submission)
    assert submission.status == S.QUEUED
    assert submission.revision == edition.revision
    assert studies == [
        ("small", 1, False),
        ("other", 1, False),
        ("small_wide", 1, True),
        ("small", 2, False),
        ("other", 2, False),
    ]
    assert len(set(trials.values_list("seed", flat=True))) == trials.count() == 5
    assert set(trials.values_list("hyperparameters", flat=True)) == {None}


def test_external_tuning_samples_the_space_and_continues_it_in_the_next_study() -> None:
    import json

    submission = sent(ruleset=Ruleset.EXTERNAL.value, search_space_json=json.dumps(SPACE))

    points = {
        (trial.study.workload, trial.study.number, trial.number): trial.hyperparameters
        for trial in Trial.objects.filter(study__submission=submission).select_related("study")
    }
    assert len(points) == 10
    assert points["small", 1, 1] == points["other", 1, 1] != points["small", 1, 2]
    assert points["small", 2, 1] not in (points["small", 1, 1], points["small", 1, 2])
    assert list(points["small", 1, 1] or {}) == ["learning_rate", "one_minus_beta1"]


def test_seeds_can_be_recomputed_but_not_known_before_sending() -> None:
    one, two = sent(), sent()

    seeds = [list(Trial.objects.filter(study__submission=row).values_list("seed", flat=True)) for row in (one, two)]
    assert not set(seeds[0]) & set(seeds[1])
    again = lifecycle.submissions.seed_of(one.seed_root, "small", 1, 1)
    assert seeds[0][0] == again
    assert all(0 <= seed < 2**31 for seed in seeds[0])


def test_a_choice_of_workloads_and_studies_is_kept_small() -> None:
    submission = sent(workloads=["other"], studies_override=1)

    assert list(submission.studies.values_list("workload", "number")) == [("other", 1)]


def test_an_unknown_workload_is_named_when_sending() -> None:
    draft = SubmissionFactory(ready=True, workloads=["imaginary"])

    with pytest.raises(NotReady, match="no workload 'imaginary'"):
        lifecycle.send_submission(draft.pk, actor="shell")


def test_a_team_cannot_send_more_than_its_quota(settings: object) -> None:
    settings.QUOTA_ACTIVE_PER_TEAM = 1  # type: ignore[attr-defined]
    team = TeamFactory()
    sent(team=team)
    draft = SubmissionFactory(ready=True, team=team)

    with pytest.raises(QuotaExceeded, match="1 submissions in the queue or running"):
        lifecycle.send_submission(draft.pk, actor="shell")
    assert quota_of(team, now=timezone.now()).is_used_up
    sent(team=TeamFactory())
    assert lifecycle.send_submission(draft.pk, actor="shell", within_quota=False).status == S.QUEUED


def test_cancelled_submissions_still_count_for_the_day(settings: object) -> None:
    settings.QUOTA_SENT_PER_DAY = 2  # type: ignore[attr-defined]
    team = TeamFactory()
    for _ in range(2):
        lifecycle.cancel_submission(sent(team=team).pk, actor="shell")

    with pytest.raises(QuotaExceeded, match="last 24 hours"):
        sent(team=team)


def test_a_new_version_keeps_the_words_and_needs_its_own_archive() -> None:
    old = sent(description="Adam with a twist.")

    draft = lifecycle.new_version(old.pk, actor="shell")

    assert (draft.version, draft.previous, draft.status) == (2, old, S.DRAFT)
    assert (draft.description, draft.archive_sha256) == ("Adam with a twist.", "")
    with pytest.raises(NotReady, match="not been sent"):
        lifecycle.new_version(draft.pk, actor="shell")


def test_cancelling_ends_what_waits_and_keeps_what_was_measured() -> None:
    submission = sent()

    cancelled = lifecycle.cancel_submission(submission.pk, actor="shell")

    assert cancelled.status == S.CANCELLED
    assert set(Trial.objects.values_list("status", flat=True)) == {"cancelled"}
    assert "what was measured is kept" in cancelled.status_note
