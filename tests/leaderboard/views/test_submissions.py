"""Submissions: who sees what and when, live progress, code, logs, and what a team may do."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.models import Submission, Trial
from leaderboard.views import live
from tests.factories import HostFactory, SubmissionFactory, TeamFactory
from tests.leaderboard import steps
from tests.leaderboard.views.conftest import HOSTILE, text_of

pytestmark = pytest.mark.django_db
S = Submission.Status


def page_of(submission: Submission) -> str:
    return reverse("submission", args=[submission.slug])


# --- the list -------------------------------------------------------------------------------------------------------


def test_the_list_shows_public_submissions_newest_first_in_two_queries(client, django_assert_max_num_queries):
    for status in (S.QUEUED, S.PUBLISHED, S.WITHDRAWN):
        SubmissionFactory(sent=True, name=f"A {status} one", status=status)
    SubmissionFactory(name="A draft")
    SubmissionFactory(sent=True, name="A cancelled one", status=S.CANCELLED)

    with django_assert_max_num_queries(2):
        page = text_of(client.get(reverse("submissions")))

    assert "A published one" in page
    assert "A withdrawn one" in page
    assert "A draft" not in page
    assert "A cancelled one" not in page


def test_a_submission_in_review_is_listed_by_name_only(client):
    row = SubmissionFactory(sent=True, name="Suspicious", status=S.IN_REVIEW)

    page = text_of(client.get(reverse("submissions")))

    assert "Suspicious" in page
    assert page_of(row) not in page


def test_the_list_can_be_searched_and_filtered(client):
    SubmissionFactory(sent=True, name="AdamW", framework="jax", team=TeamFactory(name="Zebra"))
    SubmissionFactory(sent=True, name="Momentum", framework="pytorch")

    def names(query: str) -> list[str]:
        return [row.name for row in client.get(f"{reverse('submissions')}?{query}").context["page"]]

    assert names("q=zebra") == ["AdamW"]
    assert names("framework=pytorch") == ["Momentum"]
    assert len(names("framework=fortran&status=none")) == 2  # unknown values are ignored


# --- who sees what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [S.DRAFT, S.VALIDATING, S.REJECTED, S.IN_REVIEW, S.CANCELLED])
def test_what_is_not_public_does_not_exist_for_strangers(client, as_user, reviewer, edition, status):
    row = SubmissionFactory(status=status, sent_at=None if status in Submission.UNSENT else timezone.now())

    assert client.get(page_of(row)).status_code == 404
    assert client.get(reverse("submission_live", args=[row.slug])).status_code == 404
    assert client.get(reverse("run_json", args=[row.slug])).status_code == 404
    if row.sent_at:
        assert as_user(reviewer).get(page_of(row)).status_code == 200


def test_a_team_is_led_from_the_page_of_a_draft_to_its_draft(as_user, member, team):
    row = SubmissionFactory(team=team)

    assert as_user(member).get(page_of(row))["Location"] == reverse("draft", args=[row.pk])


def test_a_finished_submission_is_the_same_page_for_everybody(
    client, as_user, member, published, with_code, django_assert_max_num_queries
):
    row = with_code(published(name="AdamW"))

    with django_assert_max_num_queries(11):
        stranger = client.get(page_of(row))

    assert stranger.content == as_user(member).get(page_of(row)).content
    assert "public" in stranger["Cache-Control"]
    assert "Cookie" not in stranger.get("Vary", "")
    page = text_of(stranger)
    for words in ("rank 1 of 1", "Training curves", "submission.py", row.bundle_sha256):
        assert words in page


def test_while_it_runs_strangers_see_progress_but_neither_values_nor_logs_nor_code(
    client, as_user, member, team, edition, host, with_code
):
    row = with_code(steps.sent(team=team, name="AdamW"))
    attempt = steps.run(host)
    steps.report(attempt, "evaluation", steps.evaluation(0, 2.5, 0.4).as_json())
    lifecycle.heartbeat(
        attempt.pk, attempt.lease_id, now=timezone.now(), state="training", step=7, charged_s=6.0, log_tail="loss 0.123"
    )

    stranger, insider = text_of(client.get(page_of(row))), text_of(as_user(member).get(page_of(row)))

    assert "0 of 5 trials done." in stranger
    assert "0:00:06.0 of 0:01:30" in stranger
    assert "loss 0.123" not in stranger
    assert "Best accuracy" not in stranger
    assert 'id="code"' not in stranger
    assert "loss 0.123" in insider
    assert "0.4 → 0.8" in insider
    assert 'id="code"' in insider
    trial = reverse("trial", args=[row.slug, attempt.trial.study.workload, 1, 1])
    assert client.get(trial).status_code == 404
    assert as_user(member).get(trial).status_code == 200


def test_a_page_can_be_read_and_refreshes_itself_without_scripts(client, team, edition, host):
    row = steps.sent(team=team)
    steps.run(host)

    page = text_of(client.get(page_of(row)))

    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    assert "<progress" in page
    assert "Trials done" in page
    assert reverse("submission_manage", args=[row.slug]) in page


def test_hostile_words_are_text_everywhere(client, as_user, member, team, edition, host, with_code):
    team.name = HOSTILE
    team.save()
    fields = ("name", "authors", "affiliation", "description")
    row = with_code(steps.sent(team=team, **dict.fromkeys(fields, HOSTILE)))
    attempt = steps.run(host)
    lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now(), log_tail=HOSTILE)
    pages = [reverse(name) for name in ("queue", "submissions")] + [reverse("team", args=[team.slug]), page_of(row)]
    pages += [reverse("code", args=[row.slug, "submission.py"]), reverse("submission_live", args=[row.slug])]

    for address in pages:
        page = text_of(as_user(member).get(address))
        assert "<b>x" not in page, address
        assert "<script>alert" not in page, address
        assert "&lt;b&gt;x" in page, address


# --- the live part --------------------------------------------------------------------------------------------------


def test_the_live_part_costs_few_queries_and_nothing_when_nothing_changed(
    client, team, edition, host, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(live, "QUIET_S", 1e9)  # the clock is another story
    row = steps.sent(team=team)
    steps.run(host)
    address = reverse("submission_live", args=[row.slug])

    with django_assert_max_num_queries(4):
        first = client.get(address)
    with django_assert_max_num_queries(1):
        again = client.get(address, headers={"if-none-match": first["ETag"]})

    assert b'hx-trigger="every 3s"' in first.content
    assert again.status_code == 304


def test_silence_is_told_although_no_row_has_changed(client, team, edition, host, monkeypatch):
    row = steps.sent(team=team)
    steps.run(host)
    address = reverse("submission_live", args=[row.slug])
    before = client.get(address)

    monkeypatch.setattr(live, "QUIET_S", live.QUIET_S * 2.5)  # as if time had passed

    assert client.get(address, headers={"if-none-match": before["ETag"]}).status_code == 200


def test_a_changed_state_asks_for_the_whole_page_again(client, team, edition, host):
    row = steps.sent(team=team)
    steps.run(host)

    answer = client.get(f"{reverse('submission_live', args=[row.slug])}?was=queued", headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def test_a_waiting_submission_says_its_position_and_what_it_waits_for(client, team, edition):
    steps.sent(team=TeamFactory())
    row = steps.sent(team=team)

    assert "Position 2. Waits: there is no host of class cpu2 yet." in text_of(client.get(page_of(row)))

    HostFactory(heartbeat_at=timezone.now() - timezone.timedelta(minutes=7))
    assert "no host is up, last heard of 7 min ago" in text_of(client.get(page_of(row)))

    HostFactory()
    assert "Waits for a free host (cpu2); 1 up." in text_of(client.get(page_of(row)))


def test_a_silent_host_is_named_and_nobody_is_blamed(client, team, edition, host):
    row = steps.sent(team=team)
    attempt = steps.run(host)
    attempt.heartbeat_at = timezone.now() - timezone.timedelta(minutes=12)
    attempt.save()

    page = text_of(client.get(page_of(row)))

    assert "No sign of life from host local for 12 min." in page
    assert "Stalled" in page


def test_polling_ends_with_the_run(client, published):
    row = published()

    assert b'hx-trigger="every' not in client.get(page_of(row)).content
    assert b'hx-trigger="every' not in client.get(reverse("submission_live", args=[row.slug])).content


# --- results --------------------------------------------------------------------------------------------------------


def test_trials_are_listed_with_how_each_ended(client, team, edition, host):
    row = steps.sent(team=team)
    for ending in ("target", "budget", "crash", "oom", "hang"):
        said = "The submission raised.\n  File one\nValueError: <b>no</b>" if ending == "crash" else ""
        steps.finish(steps.run(host), ending, message=said)
    lifecycle.settle_submission(row.pk)

    page = text_of(client.get(page_of(row)))

    for words in ("reached the target", "used its budget", "crashed", "out of memory", "did not answer", ">inf<"):
        assert words in page
    assert "The submission raised. ValueError: &lt;b&gt;no&lt;/b&gt;" in client.get(page_of(row)).content.decode()
    crashed = Trial.objects.get(ending="crash")
    trial = client.get(reverse("trial", args=[row.slug, crashed.study.workload, crashed.study.number, 1]))
    assert "The submission raised." in text_of(trial)


def test_external_tuning_shows_hyperparameters_that_differ_and_marks_the_fastest(client, published):
    space = '{"learning_rate": {"min": 0.0001, "max": 0.1, "scaling": "log"}, "beta": {"feasible_points": [0.9]}}'
    row = published(ruleset="external", search_space_json=space)

    page = text_of(client.get(page_of(row)))
    everything = text_of(client.get(f"{page_of(row)}?show=all"))

    table = page[page.index('id="hparams"') : page.index('id="compliance"')]
    assert "learning_rate" in table
    assert "beta" not in table
    assert "1 is equal in all trials" in table
    assert "fastest" in table
    assert "beta" in everything[everything.index('id="hparams"') :]


def test_another_workload_and_study_can_be_shown(client, published):
    row = published()

    shown = client.get(f"{page_of(row)}?workload=other&study=2&axis=step").context["shown"]
    nonsense = client.get(f"{page_of(row)}?workload=none&study=x&axis=z").context["shown"]

    assert (shown["workload"].name, shown["study"], shown["axis"]) == ("other", 2, "step")
    assert (nonsense["study"], nonsense["axis"]) == (1, "time")


def test_a_run_can_be_taken_away_as_json(client, published):
    row = published()

    document = client.get(reverse("run_json", args=[row.slug])).json()
    figure = client.get(
        f"{reverse('submission_figure', args=[row.slug, 'curves', 'json'])}?workload=other&study=2&trial=1"
    ).json()

    assert {entry["workload"] for entry in document["workloads"]} == {"small", "other", "small_wide"}
    assert document["score"] == 1.0
    assert figure["data"]


# --- code and logs --------------------------------------------------------------------------------------------------


def test_code_has_line_anchors_highlighting_and_the_findings_beside_it(client, published, with_code):
    row = with_code(published())

    page = text_of(client.get(reverse("code", args=[row.slug, "submission.py"])))

    assert '<tr class="hit" id="L4">' in page
    assert '<span class="k">def</span>' in page
    assert "# &lt;script&gt;" in page
    assert "workload-name" in page
    assert client.get(reverse("code", args=[row.slug, "nothing.py"])).status_code == 404
    assert client.get(reverse("code", args=[row.slug, "../secret"])).status_code == 404


def test_a_raw_file_and_a_log_are_never_taken_for_a_page(client, published, with_code):
    row = with_code(published())
    trial = Trial.objects.filter(study__submission=row).select_related("study").first()
    trial.attempts.update(log_tail="<html>step 1</html>")

    raw = client.get(reverse("raw", args=[row.slug, "submission.py"]))
    log = client.get(reverse("trial_log", args=[row.slug, trial.study.workload, trial.study.number, trial.number]))

    for response in (raw, log):
        assert response["Content-Type"].startswith("text/plain")
        assert response["Content-Disposition"].startswith("attachment")
        assert response["X-Content-Type-Options"] == "nosniff"
    assert log.content == b"<html>step 1</html>"


# --- what a team does -----------------------------------------------------------------------------------------------


def test_cancelling_asks_first_and_then_stops_everything(as_user, member, team, edition, host):
    row = steps.sent(team=team)
    attempt = steps.run(host)
    browser = as_user(member)

    question = text_of(browser.get(reverse("submission_cancel", args=[row.slug])))
    answer = text_of(browser.post(reverse("submission_cancel", args=[row.slug]), follow=True))

    assert "its container is killed within seconds" in question
    assert "Cancelled. A running trial stops within seconds." in answer
    row.refresh_from_db()
    assert row.status == S.CANCELLED
    told = lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now())
    assert told == "cancel"


def test_withdrawing_asks_first_and_takes_the_rank(as_user, member, published):
    row = published()
    browser = as_user(member)

    question = text_of(browser.get(reverse("submission_withdraw", args=[row.slug])))
    browser.post(reverse("submission_withdraw", args=[row.slug]))
    done = text_of(browser.get(reverse("submission_actions", args=[row.slug])))

    assert "Its page stays public" in question
    assert "Withdrawn." in done
    row.refresh_from_db()
    assert row.status == S.WITHDRAWN


def test_a_new_version_starts_as_a_draft_with_the_same_words(as_user, member, published):
    row = published(name="AdamW")

    answer = as_user(member).post(reverse("submission_renew", args=[row.slug]))

    draft = Submission.objects.get(previous=row)
    assert answer["Location"] == reverse("draft", args=[draft.pk])
    assert (draft.name, draft.version, draft.status) == ("AdamW", 2, S.DRAFT)


@pytest.mark.parametrize("action", ["submission_cancel", "submission_withdraw", "submission_renew"])
def test_others_may_do_nothing_with_it(client, as_user, reviewer, published, action):
    row = published()
    address = reverse(action, args=[row.slug])

    assert reverse("account_login") in client.get(address)["Location"]
    refused = as_user(reviewer).post(address)

    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert refused.status_code == 403
    assert "Only members of Example can do this." in text_of(refused)


def test_the_actions_fit_the_person_and_the_state(client, as_user, member, reviewer, team, edition, host):
    row = steps.sent(team=team)
    address = reverse("submission_actions", args=[row.slug])

    assert "Cancel" not in text_of(client.get(address))
    theirs = text_of(as_user(member).get(address))
    assert "Cancel" in theirs
    assert "Withdraw" not in theirs
    assert "Review" in text_of(as_user(reviewer).get(address))
    assert "Cancel" in text_of(as_user(member).get(reverse("submission_manage", args=[row.slug])))


def test_an_action_that_came_too_late_is_a_sentence_not_an_error(as_user, member, published):
    row = published()
    browser = as_user(member)

    browser.post(reverse("submission_cancel", args=[row.slug]))
    told = text_of(browser.get(reverse("submission_actions", args=[row.slug])))

    row.refresh_from_db()
    assert row.status == S.PUBLISHED
    assert "is published and cannot become cancelled" in told


def test_of_many_trials_the_table_shows_those_that_run_and_those_that_ended_last(
    client, team, edition, host, monkeypatch
):
    submission = steps.sent(team=team)
    monkeypatch.setattr(live, "MOST_TRIALS", 2)
    waiting = client.get(page_of(submission)).context["trials"]
    for _ in range(3):
        steps.finish(steps.run(host))
    running = steps.run(host)

    rows = client.get(reverse("submission_trials", args=[submission.slug])).context["trials"]

    assert waiting == []
    last = Trial.objects.filter(status=Trial.Status.FINISHED).order_by("-finished_at").first()
    assert {row.trial.pk for row in rows} == {running.trial_id, last.pk}
