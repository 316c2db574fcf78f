"""What anybody may read."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from rest_framework.throttling import AnonRateThrottle

from leaderboard import lifecycle, standings
from leaderboard.api.public import Submissions
from leaderboard.models import Submission
from tests.factories import DecisionFactory, SubmissionFactory
from tests.leaderboard.steps import run_everything, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]


def ranked() -> Submission:
    submission = lifecycle.settle_submission(run_everything(sent()).pk)
    standings.recompute_board_of(submission)
    return submission


def test_a_board_can_be_found_and_read_from_the_root(client: Client) -> None:
    submission = ranked()

    boards = client.get(client.get("/api/").json()["boards"]).json()
    board = client.get(boards[0]["url"]).json()

    assert (boards[0]["edition"], boards[0]["snapshot"]) == ("mini", 1)
    assert list(board["document"]["submissions"]) == [submission.slug]
    assert client.get("/api/boards/999/").status_code == 404


def test_a_submission_comes_with_its_run(client: Client) -> None:
    submission = ranked()

    listed = client.get("/api/submissions/").json()["results"]
    shown = client.get(listed[0]["url"]).json()

    assert (shown["slug"], shown["run"]["score"]) == (submission.slug, pytest.approx(1.0))
    assert [workload["workload"] for workload in shown["run"]["workloads"]] == ["small", "other", "small_wide"]


@pytest.mark.parametrize("status", ["draft", "validating", "rejected", "in_review", "cancelled"])
def test_what_is_not_public_is_not_there(client: Client, status: str) -> None:
    hidden = SubmissionFactory(status=status, sent_at=timezone.now())

    assert client.get("/api/submissions/").json()["results"] == []
    assert client.get(f"/api/submissions/{hidden.slug}/").status_code == 404


def test_lists_are_filtered_and_paged_by_cursor(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Submissions.pagination_class, "page_size", 2)
    now = timezone.now()
    for age in range(5):
        SubmissionFactory(sent=True, sent_at=now - timedelta(hours=age), framework=("jax", "pytorch")[age % 2])

    pages, link = [], "/api/submissions/?framework=jax"
    while link:
        page = client.get(link).json()
        pages.append([row["framework"] for row in page["results"]])
        link = page["next"]

    assert pages == [["jax", "jax"], ["jax"]]
    assert client.get("/api/submissions/?cursor=nonsense").status_code == 404


def test_a_list_costs_the_same_however_long_it_is(client: Client, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        SubmissionFactory(sent=True)

    with django_assert_num_queries(1):
        client.get("/api/submissions/")


def test_decisions_are_public_without_reviewer_and_inner_reason(client: Client) -> None:
    DecisionFactory(internal_reason="seen by reviewers", public_note="It reads names.")

    answer = client.get("/api/decisions/")

    assert answer.json()["results"][0]["public_note"] == "It reads names."
    assert b"seen by reviewers" not in answer.content
    assert "decided_by" not in answer.json()["results"][0]


def test_nothing_can_be_written(client: Client) -> None:
    for path in ("/api/", "/api/boards/", "/api/submissions/", "/api/decisions/"):
        assert client.post(path, {}).status_code == 405


def test_an_address_that_asks_too_often_is_asked_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(Submissions, "throttle_classes", [AnonRateThrottle])
    monkeypatch.setattr(AnonRateThrottle, "rate", "2/min", raising=False)

    answers = [client.get("/api/submissions/") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
