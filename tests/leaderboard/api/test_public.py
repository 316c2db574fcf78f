"""What anybody may read."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from rest_framework.throttling import AnonRateThrottle

from leaderboard import lifecycle, standings
from leaderboard.api.submissions import Submissions
from leaderboard.models import Board, Submission
from tests.factories import DecisionFactory, HostFactory, MembershipFactory, SubmissionFactory
from tests.leaderboard.steps import run_everything, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]


def ranked() -> Submission:
    submission = lifecycle.settle_submission(run_everything(sent()).pk)
    standings.recompute_board_of(submission)
    return submission


def read(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, (address, response.content)
    return response.json()


def test_every_address_is_found_by_following_links_from_the_root(client: Client) -> None:
    ranked()
    DecisionFactory()
    seen, waiting = set(), ["http://testserver/api/"]

    while waiting:
        address = waiting.pop()
        if address in seen or "/api/" not in address or "schema" in address or "/docs/" in address:
            continue
        seen.add(address)
        waiting += _addresses(read(client, address))

    names = {
        get_resolver().resolve(address.removeprefix("http://testserver").split("?")[0]).url_name for address in seen
    }
    assert names == {
        "api", "api_boards", "api_board", "api_standings", "api_profiles", "api_robustness", "api_stability",
        "api_snapshots", "api_snapshot", "api_submissions", "api_submission", "api_run", "api_submission_standings",
        "api_trials", "api_evaluations", "api_teams", "api_team", "api_decisions", "api_decision", "api_editions",
        "api_queue",
    }  # fmt: skip


def _addresses(document: Any) -> list[str]:
    if isinstance(document, str):
        return [document] if document.startswith("http://testserver/") else []
    parts = document.values() if isinstance(document, dict) else document if isinstance(document, list) else []
    return [address for part in parts for address in _addresses(part)]


def test_a_board_names_its_rules_and_its_workloads(client: Client) -> None:
    ranked()

    board = read(client, read(client, "/api/boards/")["results"][0]["url"])

    assert (board["edition"], board["snapshot"], board["ranked"], board["origin"]) == ("mini", 1, 1, "run")
    assert [row["name"] for row in board["workloads"]] == ["small", "other", "small_wide"]
    assert (board["tau"][0], board["tau"][-1], len(board["tau"])) == (1.0, 4.0, 100)
    assert client.get("/api/boards/999/").status_code == 404
    assert client.get("/api/boards/999/standings/").status_code == 404


def test_standings_say_what_the_stored_snapshot_says(client: Client) -> None:
    submission = ranked()
    board = Board.objects.get()
    document = board.current.document

    (row,) = read(client, f"/api/boards/{board.pk}/standings/")["results"]

    assert (row["submission"], row["rank"], row["score"]) == (submission.slug, 1, pytest.approx(1.0))
    assert row["effort"] == document["effort"][submission.slug]
    for cell in row["cells"]:
        stored = document["times"]["documented"][submission.slug][cell["workload"]]
        assert {name: cell[name] for name in stored} == stored
        assert cell["counts"] == (cell["mark"] is None)
    assert [cell["role"] for cell in row["cells"]] == ["base", "base", "held_out"]


def test_robustness_and_stability_hold_what_their_pages_show(client: Client) -> None:
    ranked()
    board = Board.objects.get()

    (robust,) = read(client, f"/api/boards/{board.pk}/robustness/")["results"]
    (stable,) = read(client, f"/api/boards/{board.pk}/stability/")["results"]
    (profile,) = read(client, f"/api/boards/{board.pk}/profiles/")["results"]

    assert [cell["workload"] for cell in robust["held_out"]] == ["small_wide"]
    assert robust["without_held_out"] == {"score": pytest.approx(1.0), "rank": 1}
    assert stable["leave_one_out"]["small"] == {"score": pytest.approx(1.0), "rank": 1}
    assert (stable["rank_interval"], stable["rank_best"]) == ([1, 1], 1)
    assert len(profile["rho"]) == 100


def test_a_snapshot_in_full_may_be_kept_for_good(client: Client) -> None:
    submission = ranked()
    board = read(client, read(client, "/api/boards/")["results"][0]["url"])

    answer = client.get(board["links"]["document"])

    assert list(answer.json()["submissions"]) == [submission.slug]
    assert answer.json()["licence"] == "Apache-2.0"
    assert "immutable" in answer["Cache-Control"]
    again = client.get(board["links"]["document"], headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_submission_leads_to_its_trials_evaluations_and_run(client: Client) -> None:
    submission = ranked()

    shown = read(client, read(client, "/api/submissions/")["results"][0]["url"])
    trials = read(client, f"{shown['links']['trials']}?workload=small&study=1")["results"]
    evaluations = read(client, trials[0]["url"])["results"]
    run = read(client, shown["links"]["run"])

    assert (shown["slug"], shown["trials_total"], shown["trials_ended"]) == (submission.slug, 5, 5)
    assert [(row["workload"], row["study"], row["trial"]) for row in trials] == [("small", 1, 1)]
    assert evaluations[0]["metrics"]
    assert [workload["workload"] for workload in run["workloads"]] == ["small", "other", "small_wide"]
    standing = read(client, shown["links"]["standings"])["results"][0]
    assert (standing["rank"], standing["is_current"]) == (1, True)


@pytest.mark.parametrize("status", ["draft", "validating", "rejected", "in_review", "cancelled"])
def test_what_is_not_public_is_not_there(client: Client, status: str) -> None:
    hidden = SubmissionFactory(status=status, sent_at=timezone.now())

    assert read(client, "/api/submissions/")["results"] == []
    for part in ("", "run/", "trials/", "standings/"):
        assert client.get(f"/api/submissions/{hidden.slug}/{part}").status_code == 404
    assert read(client, "/api/teams/")["results"] == []


def test_measurements_of_a_run_under_way_are_not_public_yet(client: Client) -> None:
    running = SubmissionFactory(sent=True, status="running")

    shown = read(client, f"/api/submissions/{running.slug}/")

    assert (shown["links"]["trials"], shown["links"]["run"]) == (None, None)
    assert client.get(f"/api/submissions/{running.slug}/trials/").status_code == 404
    assert client.get(f"/api/submissions/{running.slug}/run/").status_code == 404


def test_lists_are_filtered_and_paged_by_cursor(client: Client) -> None:
    now = timezone.now()
    for age in range(5):
        SubmissionFactory(sent=True, sent_at=now - timedelta(hours=age), framework=("jax", "pytorch")[age % 2])

    pages, link = [], "/api/submissions/?framework=jax&page_size=2"
    while link:
        page = read(client, link)
        pages.append([row["framework"] for row in page["results"]])
        link = page["next"]

    assert pages == [["jax", "jax"], ["jax"]]
    assert client.get("/api/submissions/?cursor=nonsense").status_code == 404
    assert read(client, "/api/submissions/?framework=%00&page_size=x")["results"] == []
    assert client.get("/submissions/?q=%00").status_code == 200


@pytest.mark.parametrize(
    "name", ["trials", "standings", "evaluations", "boards/{board}/snapshots", "boards/{board}/standings"]
)
def test_every_list_is_whole_when_it_is_read_row_by_row(client: Client, name: str) -> None:
    submission = ranked()
    standings.recompute_board_of(submission)
    own = f"/api/submissions/{submission.slug}"
    addresses = {
        "trials": f"{own}/trials/",
        "standings": f"{own}/standings/",
        "evaluations": read(client, f"{own}/trials/")["results"][0]["url"],
    }
    address = addresses.get(name, f"/api/{name.format(board=Board.objects.get().pk)}/")

    rows, link = [], f"{address}?page_size=1"
    while link:
        page = read(client, link)
        rows += page["results"]
        link = page["next"]

    assert rows == read(client, address)["results"]


def test_a_list_costs_the_same_however_long_it_is(client: Client, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        SubmissionFactory(sent=True)
    ranked()
    standings_of = f"/api/boards/{Board.objects.get().pk}/standings/"

    with django_assert_num_queries(1):
        client.get("/api/submissions/")
    with django_assert_num_queries(2):
        client.get(standings_of)


def test_decisions_are_public_without_reviewer_and_inner_reason(client: Client) -> None:
    DecisionFactory(internal_reason="seen by reviewers", public_note="It reads names.")

    answer = client.get("/api/decisions/")

    assert answer.json()["results"][0]["public_note"] == "It reads names."
    assert b"seen by reviewers" not in answer.content
    assert "decided_by" not in answer.json()["results"][0]


def test_a_team_names_only_the_members_who_agreed(client: Client) -> None:
    submission = ranked()
    MembershipFactory(team=submission.team, user__name="Ada Shown", is_shown=True)
    MembershipFactory(team=submission.team, user__name="Ben Hidden", is_shown=False)

    team = read(client, f"/api/teams/{submission.team.slug}/")

    assert (team["members"], team["submissions"]) == (["Ada Shown"], 1)


def test_the_queue_says_what_waits_and_which_hosts_are_in_service(client: Client) -> None:
    waiting = sent()
    HostFactory(name="host-a")

    queue = read(client, "/api/queue/")

    (row,) = queue["submissions"]
    assert (row["submission"], row["position"], row["status"]) == (waiting.slug, 1, "queued")
    assert [(host["name"], host["is_alive"]) for host in queue["hosts"]] == [("host-a", True)]
    assert b"key" not in client.get("/api/queue/").content


def test_editions_say_targets_and_budgets(client: Client) -> None:
    (small, *_), *_ = [edition["workloads"] for edition in read(client, "/api/editions/")]

    assert (small["validation_target"], small["budget_s"]) == (0.8, {"external": 60.0, "self_tuning": 90.0})


def test_nothing_can_be_written(client: Client) -> None:
    for path in ("/api/", "/api/boards/", "/api/submissions/", "/api/decisions/", "/api/queue/", "/api/teams/"):
        assert client.post(path, {}).status_code == 405


@pytest.mark.parametrize(
    "path", ["", "boards/", "submissions/", "teams/", "decisions/", "editions/", "queue/", "schema/"]
)
def test_a_reader_who_has_the_answer_gets_304(client: Client, path: str) -> None:
    ranked()
    answer = client.get(f"/api/{path}")

    again = client.get(f"/api/{path}", headers={"if-none-match": answer["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert "public" in answer["Cache-Control"]


def test_an_address_that_asks_too_often_is_asked_to_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(Submissions, "throttle_classes", [AnonRateThrottle])
    monkeypatch.setattr(AnonRateThrottle, "rate", "2/min", raising=False)

    forged = [{"x-forwarded-for": f"10.0.0.{n}"} for n in range(3)]  # nobody vouches for this header
    answers = [client.get("/api/submissions/", headers=headers) for headers in forged]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0


def test_the_schema_is_valid_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))

    schema = (tmp_path / "schema.yml").read_text()
    assert "/api/boards/{id}/standings/" in schema
    assert "/api/host/" not in schema


def test_the_guide_comes_first_and_the_viewer_loads_nothing_from_elsewhere(client: Client) -> None:
    ranked()

    guide, viewer = client.get("/docs/api/"), client.get("/docs/api/viewer/")

    assert b"/api/boards/" in guide.content
    assert b"<script>" not in viewer.content
    assert b"//cdn" not in viewer.content
    assert b'src="http' not in viewer.content
