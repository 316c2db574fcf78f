"""From an archive to the queue: clear errors, and a draft that is never lost."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from leaderboard import intake, lifecycle, tasks
from leaderboard.models import Submission
from sandbox_runner import compliance
from tests.factories import SubmissionFactory
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import text_of
from workloads import editions

pytestmark = pytest.mark.django_db
S = Submission.Status
MINI = editions.load("mini")
ADAMW = Path(__file__).resolve().parents[3] / "algorithms" / "adamw" / "pytorch"
ADAMW_CODE = (ADAMW / "submission.py").read_text()


@pytest.fixture(autouse=True)
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What views have asked the site worker to do."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks, "soon", lambda task, *args: calls.append((task.name.rpartition(".")[2], *args)))
    return calls


@pytest.fixture
def browser(as_user, member):
    return as_user(member)


def zipped(**changes: str | None) -> bytes:
    """The reference submission with some files changed or left out; `submission__py` is submission.py."""
    contents: dict[str, str | None] = {path.name: path.read_text() for path in ADAMW.iterdir() if path.is_file()}
    contents |= {name.replace("__", "."): text for name, text in changes.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in contents.items():
            if text is not None:
                archive.writestr(name, text)
    return stream.getvalue()


def upload(data: bytes, name: str = "adamw.zip") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="application/zip")


def filled(team, **changes: Any) -> dict[str, Any]:
    form = {"team": team.pk, "name": "AdamW", "ruleset": "external", "framework": "pytorch"}
    return {**form, "archive": upload(zipped()), **changes}


def checked(browser, team, data: bytes, **changes: Any) -> Submission:
    """A draft made through the page whose checks have run."""
    browser.post(reverse("submit"), filled(team, archive=upload(data), **changes))
    return intake.check_submission(Submission.objects.latest("pk").pk)


def draft_page(browser, draft: Submission) -> str:
    return text_of(browser.get(reverse("draft", args=[draft.pk])))


def test_a_closed_edition_says_so_instead_of_taking_an_upload(browser, team, settings):
    settings.DEFAULT_EDITION = "v0.5"

    page = text_of(browser.post(reverse("submit"), filled(team)))

    assert "Edition v0.5 is closed and takes no submissions." in page
    assert not Submission.objects.exists()


def test_an_upload_becomes_a_draft_whose_checks_start(browser, team, enqueued):
    answer = browser.post(reverse("submit"), filled(team, workloads=["ogbg"]))

    draft = Submission.objects.get()
    assert answer["Location"] == reverse("draft", args=[draft.pk])
    assert (draft.name, draft.status, draft.workloads) == ("AdamW", S.VALIDATING, ["ogbg"])
    assert enqueued == [("check_archive", draft.pk)]
    page = draft_page(browser, draft)
    assert "Checking the archive, usually under two minutes." in page
    assert 'hx-trigger="every 2s"' in page
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page


def test_choosing_all_workloads_is_a_full_run(browser, team):
    browser.post(reverse("submit"), filled(team, workloads=[spec.name for spec in MINI.workloads]))

    assert Submission.objects.get().workloads == []


def test_a_quick_look_runs_one_study_and_says_that_it_is_not_ranked(browser, team):
    draft = checked(browser, team, zipped(), workloads=["ogbg"], one_study="on")

    page = draft_page(browser, draft)

    assert draft.studies_override == 1
    assert "5 trials on 1 workload," in page
    assert "shown under “Not ranked”" in page


def test_the_page_says_what_a_whole_run_and_a_quick_look_cost(browser, team):
    response = browser.get(reverse("submit"))
    studies = 3 * len(MINI.workloads) + len(MINI.held_out)

    assert [(name, len(plan.workloads), plan.trials) for name, plan in response.context["plans"]] == [
        ("External tuning", len(MINI.workloads) + len(MINI.held_out), 5 * studies),
        ("Self-tuning", len(MINI.workloads) + len(MINI.held_out), studies),
        ("Quick look, self-tuning", len(MINI.quick_look), len(MINI.quick_look)),
    ]
    assert "Only imagenet_resnet and ogbg, one study" in text_of(response)


def test_one_tick_is_the_quick_look(browser, team):
    browser.post(reverse("submit"), filled(team, quick_look="on"))

    draft = Submission.objects.get()
    assert (draft.workloads, draft.studies_override) == (["imagenet_resnet", "ogbg"], 1)


def test_passed_checks_show_the_plan_the_sampled_points_and_the_words_of_the_archive(browser, team):
    draft = checked(browser, team, zipped())

    page = draft_page(browser, draft)

    assert "All checks passed." in page
    trials = 5 * (3 * len(MINI.workloads) + len(MINI.held_out))
    assert f"{trials} trials on {len(MINI.workloads) + len(MINI.held_out)} workloads" in page
    assert "3 studies × 5 trials, 0:01:12 each" in page
    assert "Sampled hyperparameters" in page
    assert draft.archive_sha256 in page
    assert "AlgoPerf leaderboard contributors" in page


def test_the_live_part_is_304_while_nothing_changes_and_ends_with_a_reload(browser, team):
    browser.post(reverse("submit"), filled(team))
    draft = Submission.objects.get()
    address = f"{reverse('draft_live', args=[draft.pk])}?was=validating"

    first = browser.get(address)
    again = browser.get(address, headers={"if-none-match": first["ETag"]})
    intake.check_submission(draft.pk)
    after = browser.get(address, headers={"if-none-match": first["ETag"]})

    assert (first.status_code, again.status_code) == (200, 304)
    assert "HX-Refresh" not in first
    assert after["HX-Refresh"] == "true"
    assert b"hx-trigger" not in after.content


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (zipped()[:900], "archive-zip"),
        (zipped(submission__py=None), "submission.py"),
        (zipped(submission__py=ADAMW_CODE.replace("def update_params(", "def no(")), "update_params"),
        (zipped(submission__py="def broken(:\n"), "line 1"),
        (zipped(tuning_search_space__json='{"learning_rate": "high"}'), "learning_rate"),
    ],
    ids=["truncated zip", "missing file", "missing function", "syntax error", "other search space"],
)  # fmt: skip
def test_a_bad_archive_gets_a_clear_error_and_the_draft_is_kept(browser, team, data, said):
    draft = checked(browser, team, data)

    page = draft_page(browser, draft)

    assert draft.status == S.REJECTED
    assert "your draft is kept" in page
    assert "To fix it:" in page
    assert said in page
    assert "failed" in page
    assert 'value="AdamW"' in page
    sent = browser.post(reverse("draft_send", args=[draft.pk]), {"accept_licence": "on"})
    assert sent.status_code == 200
    assert "There is a problem" in text_of(sent)


def test_a_corrected_archive_can_be_uploaded_to_the_same_draft(browser, team, enqueued):
    draft = checked(browser, team, zipped(submission__py="nothing"))

    browser.post(reverse("draft_archive", args=[draft.pk]), {"archive": upload(zipped())})
    intake.check_submission(draft.pk)

    draft.refresh_from_db()
    assert draft.is_ready
    assert enqueued[-1] == ("check_archive", draft.pk)


def test_errors_before_the_upload_come_back_with_everything_that_was_typed(browser, team):
    big = SimpleUploadedFile("big.zip", b"PK" + b"\0" * 2_100_000)

    answer = browser.post(reverse("submit"), filled(team, archive=big, framework="", name="Lion"))
    page = text_of(answer)

    assert not Submission.objects.exists()
    assert "<title>Error: Submit" in page
    assert "There is a problem" in page
    assert "The archive is 2.1 MB, the limit is 2 MB. Leave out checkpoints and data." in page
    assert 'value="Lion"' in page
    assert 'href="#id_archive"' in page


def test_a_body_that_is_far_too_long_is_refused_before_it_is_read(client):
    answer = client.post(reverse("submit"), b"", content_type="multipart/form-data", CONTENT_LENGTH="61000000")

    assert answer.status_code == 413
    assert "The archive is 61 MB, the limit is 2 MB." in text_of(answer)


def test_uploads_and_drafts_are_limited_in_words(browser, team, settings):
    settings.ACCOUNT_RATE_LIMITS = {"upload": "1/h/user"}
    settings.MAX_DRAFTS_PER_TEAM = 2
    cache.clear()

    first = browser.post(reverse("submit"), filled(team))
    often = browser.post(reverse("submit"), filled(team))
    SubmissionFactory(team=team)
    many = browser.post(reverse("submit"), filled(team))

    assert first.status_code == 302
    assert "You have uploaded very often in the last hour." in text_of(often)
    assert "Example has 2 drafts. Discard or send some of them first." in text_of(many)
    cache.clear()


def test_only_ones_own_teams_can_be_chosen(browser, member):
    other = SubmissionFactory().team

    browser.post(reverse("submit"), filled(other))

    assert Submission.objects.count() == 1


def test_somebody_without_a_team_is_told_to_create_one(client, as_user, reviewer):
    assert reverse("account_login") in client.get(reverse("submit"))["Location"]
    assert reverse("team_create") in text_of(as_user(reviewer).get(reverse("submit")))


def test_sending_needs_the_statement_and_says_so_beside_it(browser, team):
    draft = checked(browser, team, zipped())

    refused = browser.post(reverse("draft_send", args=[draft.pk]))
    sent = browser.post(reverse("draft_send", args=[draft.pk]), {"accept_licence": "on"})

    assert refused.status_code == 200
    assert '<a href="#id_accept_licence">Accept the licence statement.</a>' in text_of(refused)
    draft.refresh_from_db()
    assert draft.status == S.QUEUED
    assert sent["Location"] == reverse("submission", args=[draft.slug])


def test_a_full_quota_is_visible_before_and_a_sentence_after(browser, team):
    for _ in range(2):
        steps.sent(team=team, ruleset="self_tuning")
    draft = checked(browser, team, zipped())

    page = draft_page(browser, draft)
    refused = browser.post(reverse("draft_send", args=[draft.pk]), {"accept_licence": "on"})

    assert "2 of 2" in page
    assert refused.status_code == 200
    assert "at most 2 at a time" in text_of(refused)
    draft.refresh_from_db()
    assert draft.status == S.DRAFT


def test_words_about_a_draft_can_be_changed_and_mistakes_are_named(browser, team):
    draft = checked(browser, team, zipped())
    words = {"name": "Lion", "authors": "Ada", "affiliation": "", "paper_url": "", "description": "New."}

    browser.post(reverse("draft_edit", args=[draft.pk]), words)
    wrong = browser.post(reverse("draft_edit", args=[draft.pk]), {**words, "name": "", "paper_url": "javascript:x"})

    draft.refresh_from_db()
    assert (draft.name, draft.authors, draft.description) == ("Lion", "Ada", "New.")
    assert wrong.status_code == 200
    assert "There is a problem" in text_of(wrong)


def test_a_draft_can_be_discarded_after_a_question(browser, team):
    draft = checked(browser, team, zipped())

    question = text_of(browser.get(reverse("draft_discard", args=[draft.pk])))
    browser.post(reverse("draft_discard", args=[draft.pk]))

    assert "This cannot be undone." in question
    assert not Submission.objects.exists()


@pytest.mark.parametrize("name", ["draft", "draft_live", "draft_edit", "draft_archive", "draft_send", "draft_discard"])
def test_drafts_of_others_do_not_exist(as_user, reviewer, name):
    draft = SubmissionFactory(ready=True)
    address = reverse(name, args=[draft.pk])
    method = as_user(reviewer).post if name in ("draft_edit", "draft_archive", "draft_send") else as_user(reviewer).get

    assert method(address).status_code == 404


def test_a_sent_draft_leads_to_its_submission(browser, team):
    row = steps.sent(team=team)

    assert browser.get(reverse("draft", args=[row.pk]))["Location"] == row.get_absolute_url()


def test_reference_submissions_are_offered_as_zips_that_never_change(client):
    page = text_of(client.get(reverse("reference_submissions")))
    address = reverse("reference_archive", args=["adamw", "pytorch"])

    first, second = client.get(address), client.get(address)

    assert address in page
    assert first["Content-Disposition"] == 'attachment; filename="adamw_pytorch.zip"'
    assert first.content == second.content == compliance.zip_of_folder(ADAMW)
    assert client.get(reverse("reference_archive", args=["none", "pytorch"])).status_code == 404


def test_a_new_version_keeps_the_old_one_until_it_is_published(browser, team, published):
    old = published(name="AdamW")
    draft = lifecycle.new_version(old.pk, actor="shell")

    assert "new version of" in draft_page(browser, draft)
    assert "Upload an archive" in draft_page(browser, draft)
