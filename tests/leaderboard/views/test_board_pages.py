"""The pages around a board: workloads, robustness, stability; and every board with odd contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from leaderboard import standings
from leaderboard.models import Submission
from tests.leaderboard import boards
from tests.leaderboard.views.conftest import HOSTILE, text_of
from workloads import editions

pytestmark = pytest.mark.django_db
ADDRESS = ["tiny", "self_tuning"]
PAGES = ["board", "workloads", "robustness", "stability"]
FAST = {"imagenet_resnet": 10.0, "ogbg": 20.0, "ogbg_gelu": 20.0}


def url(name: str, *more: str) -> str:
    return reverse(name, args=[*ADDRESS, *more])


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workloads and a held-out variant of one of them, whatever edition is asked for."""
    monkeypatch.setattr(editions, "load", lambda name: boards.EDITION)
    monkeypatch.setattr(editions, "names", lambda: ["tiny"])


@pytest.fixture
def ranked() -> Callable[..., Submission]:
    """A published submission with these times, on its board."""

    def make(times_s: dict[str, float | None], **fields: Any) -> Submission:
        submission = boards.ran(times_s, **fields)
        standings.recompute_board_of(submission)
        return submission

    return make


@pytest.fixture
def three(ranked: Callable[..., Submission]) -> list[Submission]:
    """A fast one, one whose held-out variant fails, and a baseline that misses a target."""
    return [
        ranked(FAST, name="Fast", style_slot=0),
        ranked({"imagenet_resnet": 12.0, "ogbg": 30.0, "ogbg_gelu": None}, name="Brittle", style_slot=1),
        ranked({"imagenet_resnet": None, "ogbg": 40.0, "ogbg_gelu": 50.0}, name="Base", is_baseline=True),
    ]


def test_pages_of_a_board_need_few_queries(client: Client, three, django_assert_max_num_queries):
    for name, more, most in [("board", [], 5), ("workloads", [], 5), ("workload", ["ogbg"], 5), ("robustness", [], 5),
                             ("stability", [], 5)]:  # fmt: skip
        with django_assert_max_num_queries(most):
            assert client.get(url(name, *more)).status_code == 200


@pytest.mark.parametrize("name", PAGES)
def test_pages_of_a_board_are_the_same_for_everybody_and_say_what_changed(client, as_user, member, three, name):
    stranger, insider = client.get(url(name)), as_user(member).get(url(name))

    assert stranger.content == insider.content
    assert "public" in stranger["Cache-Control"]
    assert client.get(url(name), headers={"if-none-match": stranger["ETag"]}).status_code == 304


def test_tabs_lead_from_one_page_of_a_board_to_the_others(client, three):
    page = text_of(client.get(url("robustness")))

    for name in PAGES:
        assert f'href="{url(name)}"' in page
    assert f'href="{url("robustness")}" aria-current="page"' in page


# --- workloads --------------------------------------------------------------------------------------------------------


def test_the_list_of_workloads_names_target_budget_and_the_fastest(client, three):
    rows = client.get(url("workloads")).context["rows"]

    assert [row["column"].label for row in rows] == ["ResNet", "OGBG"]
    assert [row["fastest"].name for row in rows] == ["Fast", "Fast"]
    assert [(row["reached"], row["counts"], row["of"]) for row in rows] == [(2, 2, 3), (3, 2, 3)]
    assert "mAP ≥ 0.5" in text_of(client.get(url("workloads")))


def test_a_workload_shows_every_study_with_a_link_to_its_trial(client, three):
    page = text_of(client.get(url("workload", "ogbg")))

    studies = page[page.index('id="studies"') : page.index('id="curves-of-best"')]
    assert studies.count(reverse("trial", args=[three[0].slug, "ogbg", 1, 1])) == 1
    assert "0:00:20.0" in page
    assert "Held-out variant: OGBG, gelu" in page
    assert "target missed" in page


def test_the_best_curves_are_those_of_submissions_that_reached_the_target(client, three):
    curves = client.get(url("workload", "imagenet_resnet")).context["curves"]

    assert [entry.name for entry in curves.legend] == ["Fast", "Brittle"]
    assert curves.legend[0].style.colour == "c1"  # the colour of the submission, not of a trial


def test_rows_of_a_workload_are_sorted_by_what_counts(client, three):
    rows = client.get(url("workload", "ogbg")).context["rows"]

    assert [(row["row"].submission.name, row["cell"].mark) for row in rows] == [
        ("Fast", None), ("Base", None), ("Brittle", "double_dagger"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["nothing", "ogbg_gelu"])
def test_a_workload_that_the_board_does_not_have_is_404(client, three, name):
    assert client.get(url("workload", name)).status_code == 404


# --- robustness -------------------------------------------------------------------------------------------------------


def test_robustness_says_who_passes_which_variant_and_what_the_rule_costs(client, three):
    response = client.get(url("robustness"))
    rows = {row["standing"].submission.name: row for row in response.context["rows"]}
    ranks = {row["standing"].submission.name: row for row in response.context["ranks"]}

    assert {name: row["cells"][0]["state"][0] for name, row in rows.items()} == {
        "Fast": "passed", "Brittle": "target missed", "Base": "passed",
    }  # fmt: skip
    assert ranks["Brittle"]["delta"] < 0 == ranks["Fast"]["delta"]
    assert [chart.title for chart in response.context["charts"]] == ["OGBG, gelu"]
    assert "held-out inf" in text_of(response)


def test_multiples_of_a_variant_are_of_the_fastest_that_reached_its_base(client, ranked):
    ranked({"imagenet_resnet": 10.0, "ogbg": None, "ogbg_gelu": 1.0}, name="Lucky")
    ranked(FAST, name="Fast")

    cells = {row["standing"].submission.name: row["cells"][0] for row in client.get(url("robustness")).context["rows"]}

    assert cells["Fast"]["cell"].multiple == 1.0
    assert cells["Lucky"]["state"][0] == "base not reached"


def test_units_of_the_held_out_table_can_be_chosen_and_unknown_ones_are_ignored(client, three):
    assert "0:00:20.0" in text_of(client.get(f"{url('robustness')}?unit=hms"))
    assert client.get(f"{url('robustness')}?unit=miles").context["unit"] == "multiple"


# --- stability --------------------------------------------------------------------------------------------------------


def test_equal_ranks_are_marked_as_shared_on_the_stability_page(client, ranked):
    ranked(FAST, name="One", style_slot=0)
    ranked(FAST, name="Two", style_slot=1)
    ranked({"imagenet_resnet": 30.0, "ogbg": 20.0, "ogbg_gelu": 20.0}, name="Three", style_slot=2)

    rows = client.get(url("stability")).context["rows"]

    assert [row["place"] for row in rows] == ["=1", "=1", "3"]
    assert sorted({left["place"] for row in rows for left in row["left"]}) == ["3", "=1"]


def test_stability_shows_the_rank_without_each_workload(client, three):
    response = client.get(url("stability"))
    rows = {row["standing"].submission.name: row for row in response.context["rows"]}

    assert response.context["columns"] == ["All 2", "− ResNet", "− OGBG"]
    assert [left["rank"] for left in rows["Fast"]["left"]] == [1, 1]
    assert [left["moved"] for left in rows["Base"]["left"]] == [-1, 0]  # better where its weakness is left out
    assert "better" in text_of(response)


def test_other_ways_to_score_stand_beside_the_rank(client, three):
    others = client.get(url("stability")).context["others"]

    assert [row["standing"].submission.name for row in others] == ["Fast", "Brittle", "Base"]
    assert all(row["published"] and row["documented"] and row["time"] for row in others)
    assert others[0]["wins"] == 2


# --- figures as files -------------------------------------------------------------------------------------------------

FIGURES = ["profile", "ranks", "speed", "held-out-ogbg_gelu", "bars-ogbg", "curves-ogbg"]


@pytest.mark.parametrize("figure", FIGURES)
def test_every_chart_of_a_board_is_a_figure_a_table_and_a_picture(client, three, figure):
    figure_json = client.get(url("board_figure", figure, "json"))
    table = client.get(url("board_figure", figure, "csv"))
    picture = client.get(url("board_figure", figure, "svg"))

    assert figure_json.json()["data"]
    assert table.content.decode().startswith("Submission,")
    assert picture["Content-Type"] == "image/svg+xml"
    assert picture.content.startswith(b"<?xml")
    assert "attachment" in picture["Content-Disposition"]
    assert "public" in figure_json["Cache-Control"]


@pytest.mark.parametrize("figure", ["nothing", "held-out-nothing", "bars-nothing", "bars"])
def test_a_figure_that_does_not_exist_is_404(client, three, figure):
    assert client.get(url("board_figure", figure, "json")).status_code == 404
    assert client.get(url("board_figure", "profile", "exe")).status_code == 404


# --- snapshots --------------------------------------------------------------------------------------------------------


def test_an_older_snapshot_stays_readable_at_its_address_and_says_what_it_is(client, ranked):
    ranked(FAST, name="First")
    ranked(FAST, name="Second")

    old = client.get(f"{url('board')}?snapshot=1")

    assert [row.submission.name for row in old.context["page"]] == ["First"]
    assert "This is snapshot 1" in text_of(old)
    assert f"{url('stability')}?snapshot=1" in text_of(old)  # its tabs stay with it
    assert len(client.get(f"{url('board')}?snapshot=99").context["page"]) == 2  # unknown: the present one


# --- odd boards -------------------------------------------------------------------------------------------------------


def test_one_entry_alone_has_every_page(client, ranked):
    ranked(FAST, name="Alone")

    for name, more in [*((name, []) for name in PAGES), ("workload", ["ogbg"])]:
        assert "Alone" in text_of(client.get(url(name, *more)))


def test_a_board_on_which_nothing_was_reached_has_every_page(client, ranked):
    ranked(dict.fromkeys(FAST), name="Never")
    ranked(dict.fromkeys(FAST), name="Nor this")

    for name in ("board", "robustness", "stability"):
        page = text_of(client.get(url(name)))
        assert "Never" in page
        assert "0.0000" in page
    assert [row["fastest"] for row in client.get(url("workloads")).context["rows"]] == [None, None]
    assert "inf" in text_of(client.get(url("workload", "ogbg")))
    assert client.get(url("workload", "ogbg")).context["curves"] is None
    assert client.get(url("board_figure", "curves-ogbg", "json")).status_code == 404


@pytest.mark.parametrize("name", ["board", "workloads"])
def test_an_empty_board_says_what_will_be_here(client, name):
    response = client.get(url(name))

    assert response.status_code == 200
    assert "yet" in text_of(response)


@pytest.mark.parametrize("name", ["robustness", "stability"])
def test_pages_without_anything_to_say_are_not_there(client, name):
    assert client.get(url(name)).status_code == 404
    assert url(name) not in text_of(client.get(url("board")))


@pytest.mark.parametrize("name", [HOSTILE, "W" * 120, "x\u202ey\u0000z".replace("\u0000", ""), "''\"><svg/onload=x>"])
def test_no_name_breaks_a_page(client, ranked, name):
    ranked(FAST, name=name, authors=name, affiliation=name[:200])
    ranked({"imagenet_resnet": 12.0, "ogbg": 30.0, "ogbg_gelu": None}, name=name, is_baseline=True)

    for page, more in [*((page, []) for page in PAGES), ("workload", ["ogbg"])]:
        text = text_of(client.get(url(page, *more)))
        assert "<b>x" not in text
        assert "<svg/onload" not in text
        assert "alert(1)</script>" not in text
    for figure in FIGURES:
        assert "<b>x" not in client.get(url("board_figure", figure, "json")).content.decode()
        assert "<svg/onload" not in client.get(url("board_figure", figure, "svg")).content.decode()
