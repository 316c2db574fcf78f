"""The run JSON, in the one shape that everything shares."""

import json

import pytest

from leaderboard import lifecycle, standings
from leaderboard.run_document import run_document
from tests.factories import HostFactory
from tests.leaderboard.steps import claim, finish, lease, run_everything, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]


def test_a_queued_submission_has_every_trial_and_no_numbers() -> None:
    document = run_document(sent(workloads=["small"]))

    assert list(document) == ["edition", "revision", "ruleset", "framework", "workloads", "score"]
    (workload,) = document["workloads"]
    assert (workload["workload"], workload["time_to_target_s"], document["score"]) == ("small", None, None)
    assert [study["study"] for study in workload["studies"]] == [1, 2]
    trial = workload["studies"][0]["trials"][0]
    assert (trial["trial"], trial["charged_s"], trial["evaluations"], trial["ending"]) == (1, None, [], None)


def test_a_trial_that_was_run_twice_shows_the_attempt_that_counts() -> None:
    submission = sent(workloads=["small"], studies_override=1)
    host = HostFactory()
    for ending, charged_s in (("infra", 3.0), ("target", 12.0)):
        attempt = lease(host)
        claim(attempt)
        finish(attempt, ending, charged_s)

    (study,) = run_document(submission)["workloads"][0]["studies"]

    (trial,) = study["trials"]
    assert (trial["ending"], trial["time_to_target_s"]) == ("target", 12.0)
    assert [row["charged_s"] for row in trial["evaluations"]] == [2.5, 12.0]


@pytest.mark.parametrize(
    ("times", "expected"),
    [([10.0, 20.0], 15.0), ([10.0, None], None)],
    ids=["median of both", "one study missed"],
)
def test_a_workloads_time_is_the_median_over_its_studies(times: list[float | None], expected: float | None) -> None:
    submission = sent(workloads=["small"])
    host = HostFactory()
    for time_s in times:
        attempt = lease(host)
        claim(attempt)
        finish(attempt, "target" if time_s else "budget", time_s or 60.0)

    assert run_document(submission)["workloads"][0]["time_to_target_s"] == expected


def test_a_ranked_submission_carries_its_score_and_is_plain_json() -> None:
    submission = run_everything(sent())
    lifecycle.settle_submission(submission.pk)
    submission.refresh_from_db()
    standings.recompute_board_of(submission)

    document = run_document(submission)

    assert document["score"] == pytest.approx(1.0)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
