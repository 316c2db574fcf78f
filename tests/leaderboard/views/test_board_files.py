"""What can be downloaded beside a board."""

import csv
import io
import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from leaderboard.models import Standing
from leaderboard.printed import load_printed_boards
from tests.leaderboard.logs import LogFolder

pytestmark = pytest.mark.django_db
MINI = ["mini", "self_tuning"]


def rows(response):
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return list(csv.DictReader(io.StringIO(body.decode())))


@pytest.mark.parametrize("name", ["scores_csv", "times_csv", "trials_csv"])
def test_every_row_of_every_table_says_what_it_belongs_to(client, published, edition, name):
    published(name="AdamW")

    response = client.get(reverse(name, args=MINI))

    for row in rows(response):
        assert (row["edition"], row["revision"], row["snapshot"]) == ("mini", edition.revision, "1")
        assert (row["licence"], row["origin"], row["hardware"]) == ("Apache-2.0", "run", "Example CPU")
    assert "algoperf-mini-self_tuning-snapshot-1-" in response["Content-Disposition"]


def test_trials_are_streamed_with_their_hyperparameters(client, tmp_path):
    logs = LogFolder(tmp_path)
    logs.trial("fast", hyperparameters={"learning_rate": 0.1})
    logs.trial("fast", trial=2)
    call_command("import_results", str(logs.root), "--edition=v0.5", "--ruleset=external")

    response = client.get(reverse("trials_csv", args=["v0.5", "external"]))

    assert response.streaming
    first, second = rows(response)
    assert (first["slug"], first["workload"], first["study"], first["trial"]) == (
        "fast-external-v0-5",
        "ogbg",
        "0",
        "1",
    )
    assert json.loads(first["hyperparameters"]) == {"learning_rate": 0.1}
    assert (first["time_to_target_s"], second["ending"], first["origin"]) == ("300.0", "target", "imported")


def test_marks_and_counts_are_columns_of_their_own(client, published):
    published(name="AdamW")
    published(name="Slow", ending="budget")

    by_name = {row["submission"]: row for row in rows(client.get(reverse("times_csv", args=MINI)))}

    assert (by_name["Slow"]["mark"], by_name["Slow"]["counts"], by_name["Slow"]["time_s"]) == ("inf", "no", "inf")
    assert (by_name["AdamW"]["mark"], by_name["AdamW"]["counts"]) == ("", "yes")


def test_the_citation_names_the_snapshot_and_the_papers(client, published):
    published(name="AdamW")

    text = client.get(reverse("cite_bib", args=MINI)).content.decode()

    assert "snapshot 1" in text
    assert "/leaderboards/mini/self_tuning/?snapshot=1" in text
    assert "Benchmarking Neural Network Training Algorithms" in text


def test_downloads_of_a_printed_board_hold_what_was_printed(client):
    load_printed_boards()
    external = ["v0.5", "external"]

    times = rows(client.get(reverse("times_csv", args=external)))
    scores = rows(client.get(reverse("scores_csv", args=external)))

    assert (len(times), len(scores)) == (88, 11)
    assert {row["origin"] for row in (*times, *scores)} == {"printed"}
    first = times[0]
    assert (first["slug"], first["workload"], first["fraction"]) == (
        "distributed-shampoo-external-v0-5",
        "criteo1tb",
        "0.65",
    )
    assert {row["time_s"] for row in times} == {"", "inf", "NaN"}
    assert {float(row["score"]) for row in scores} == set(
        Standing.objects.filter(submission__ruleset="external").values_list("published_score", flat=True)
    )
    assert client.get(reverse("profile_svg", args=external)).status_code == 404
    assert "Kasimbeg" in client.get(reverse("cite_bib", args=external)).content.decode()
