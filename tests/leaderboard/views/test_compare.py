"""Compare: two to four submissions side by side."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from leaderboard import files, standings
from leaderboard.models import Submission
from tests.factories import SubmissionFactory, SubmissionFileFactory
from tests.leaderboard import boards
from tests.leaderboard.views.conftest import HOSTILE, text_of
from workloads import editions

pytestmark = pytest.mark.django_db
FAST = {"imagenet_resnet": 10.0, "ogbg": 20.0, "ogbg_gelu": 20.0}
SLOW = {"imagenet_resnet": 25.0, "ogbg": 15.0, "ogbg_gelu": None}


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editions, "load", lambda name: boards.EDITION)
    monkeypatch.setattr(editions, "names", lambda: ["tiny"])


def ranked(times_s: dict[str, float | None], code: str = "", **fields: Any) -> Submission:
    submission = boards.ran(times_s, **fields)
    if code:
        SubmissionFileFactory(submission=submission, path="submission.py", sha256=files.store(code.encode()))
    standings.recompute_board_of(submission)
    return submission


def asked(*submissions: Submission, more: str = "") -> str:
    return f"{reverse('compare')}?{'&'.join(f's={row.slug}' for row in submissions)}{more}"


@pytest.fixture
def two() -> list[Submission]:
    return [
        ranked(FAST, code="import jax\nRATE = 1\n", name="Fast", style_slot=0),
        ranked(SLOW, code="import jax\nRATE = 2\n", name="Slow", style_slot=1),
    ]


def test_two_are_compared_in_six_queries(client, two, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        response = client.get(asked(*two))

    page = text_of(response)
    assert [row.submission.name for row, _ in response.context["own"]] == ["Fast", "Slow"]
    assert [(row["column"].label, [best for _, best in row["cells"]]) for row in response.context["times"]] == [
        ("ResNet", [True, False]),
        ("OGBG", [True, False]),  # Slow is faster there, but its held-out variant failed
    ]
    assert "Who is faster where" in page
    assert "Best curves" in page
    assert "RATE = 2" in page


def test_more_than_two_have_no_ratio_bars(client, two):
    third = ranked(FAST, name="Third", style_slot=2)

    response = client.get(asked(*two, third))

    assert response.context["ratios"] is None
    assert response.context["is_complete"]


@pytest.mark.parametrize("count", [1, 5])
def test_a_wrong_number_is_said_in_words_and_the_choice_is_kept(client, count):
    rows = [ranked(FAST, name=f"Number {index}") for index in range(count)]

    response = client.get(asked(*rows))

    assert "Choose 2 to 4 submissions." in text_of(response)
    assert response.context["fields"][0] == rows[0].slug


def test_the_page_alone_offers_a_choice(client, two):
    page = text_of(client.get(reverse("compare")))

    assert f'<option value="{two[0].slug}">Fast</option>' in page
    assert "Choose 2 to 4" not in page


def test_names_nobody_knows_and_what_is_not_public_are_ignored(client, two):
    hidden = SubmissionFactory(sent=True, name="Hidden", status=Submission.Status.RUNNING)

    response = client.get(asked(*two, hidden, more="&s=nobody&s="))

    assert [row.name for row in response.context["submissions"]] == ["Fast", "Slow"]
    assert "Hidden" not in text_of(response)


def test_submissions_of_different_boards_share_no_times(client, two):
    other = ranked({"imagenet_resnet": 9.0, "ogbg": 9.0, "ogbg_gelu": 9.0}, name="Other", ruleset="external")
    other.status = Submission.Status.WITHDRAWN
    other.save()

    page = text_of(client.get(asked(two[0], other)))

    assert "do not share a board" in page
    assert "Time to target" not in page


def test_the_lines_of_both_are_in_colour_among_all_lines_of_the_board(client, two):
    ranked(FAST, name="Third", style_slot=2)

    profile = client.get(asked(*two, more="&axis=linear")).context["profile"]

    assert {entry.name: entry.is_on for entry in profile.legend} == {"Fast": True, "Slow": True, "Third": False}
    assert "score" in profile.figure["layout"]["xaxis"]["title"]["text"]  # the area below the first


def test_settings_that_differ_are_shown_and_all_of_them_when_asked_for(client):
    rows = [ranked(FAST, name=name) for name in ("A", "B")]
    for row, rate in zip(rows, (0.1, 0.2), strict=True):
        for study in row.studies.all():
            study.trials.update(hyperparameters={"learning_rate": rate, "beta1": 0.9})

    differing, everything = (client.get(asked(*rows, more=more)) for more in ("", "&show=all"))

    assert differing.context["settings"] == [("learning_rate", [0.1, 0.2])]
    assert [name for name, _ in everything.context["settings"]] == ["learning_rate", "beta1"]


def test_the_workload_of_the_curves_can_be_chosen(client, two):
    assert client.get(asked(*two)).context["column"].name == "imagenet_resnet"
    assert client.get(asked(*two, more="&workload=ogbg")).context["column"].name == "ogbg"
    assert client.get(asked(*two, more="&workload=nothing")).context["column"].name == "imagenet_resnet"


@pytest.mark.parametrize("figure", ["profile", "ratios", "curves"])
def test_charts_of_a_comparison_are_files_too(client, two, figure):
    query = asked(*two).partition("?")[2]

    for ending in ("json", "csv", "svg"):
        assert client.get(f"{reverse('compare_figure', args=[figure, ending])}?{query}").status_code == 200
    assert client.get(reverse("compare_figure", args=[figure, "json"])).status_code == 404


def test_hostile_names_and_code_are_text(client):
    rows = [ranked(FAST, code=f"# {HOSTILE} {index}\n", name=HOSTILE) for index in range(2)]

    page = text_of(client.get(asked(*rows)))

    assert "<b>x" not in page
    assert "alert(1)</script>" not in page


def test_a_comparison_is_public_and_may_be_kept(client, as_user, member, two):
    stranger, insider = client.get(asked(*two)), as_user(member).get(asked(*two))

    assert stranger.content == insider.content
    assert client.get(asked(*two), headers={"if-none-match": stranger["ETag"]}).status_code == 304
