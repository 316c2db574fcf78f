"""A board that is read in parts looks like one that is read whole."""

import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from leaderboard import large_boards
from leaderboard.models import Board
from tests.leaderboard.logs import LogFolder

pytestmark = pytest.mark.django_db
BOARD = "/leaderboards/v0.5/external/"
FIRST_HIT_S = {
    "one": 300.0,
    "two": 300.0,
    "three": 700.0,
    "four": 800.0,
    "baseline": 600.0,
    "slow": 3000.0,
    "missed": None,
}


@pytest.fixture
def board(tmp_path):
    """Seven imported submissions: a tie, a baseline, one too slow, one that missed."""
    logs = LogFolder(tmp_path)
    for name, hit_s in FIRST_HIT_S.items():
        rows = [(60.0, 0.1), (hit_s, 0.3)] if hit_s else [(60.0, 0.1), (5000.0, 0.2)]
        logs.trial(name, rows=rows)
        logs.trial(name, "ogbg_model_size", rows=rows)
    call_command("import_results", str(logs.root), "--edition=v0.5", "--ruleset=external")
    return Board.objects.get()


def shown(client, query):
    context = client.get(BOARD + query).context
    rows = [
        (row.submission.name, row.rank, row.delta, row.time_ratio, row.counts, row.tick, [c.mark for c in row.cells])
        for row in context["page"]
    ]
    return rows, context["shows"], context["has_times"], context["page"].paginator.count


@pytest.mark.parametrize(
    "query",
    ["", "?dir=asc", "?sort=time", "?sort=time&dir=desc", "?sort=counted", "?sort=ogbg", "?sort=ogbg&dir=desc",
     "?sort=nothing", "?q=ONE", "?q=jax", "?q=pytorch", "?q=nobody", "?page=7"],
)  # fmt: skip
def test_rows_are_the_same_in_every_order(client, board, monkeypatch, query):
    whole = shown(client, query)

    monkeypatch.setattr(large_boards, "LARGE", 2)

    assert shown(client, query) == whole


def test_pages_are_cut_from_the_whole_order(client, board, monkeypatch):
    everything = [row[0] for row in shown(client, "?sort=ogbg")[0]]
    monkeypatch.setattr(large_boards, "LARGE", 2)
    monkeypatch.setattr("leaderboard.views.boards.ROWS_A_PAGE", 4)

    pages = [[row[0] for row in shown(client, f"?sort=ogbg&page={number}")[0]] for number in (1, 2)]

    assert pages == [everything[:4], everything[4:]]


def test_only_lines_in_colour_are_drawn_over_one_band(client, board, monkeypatch):
    monkeypatch.setattr(large_boards, "LARGE", 2)

    page = client.get(f"{BOARD}?show=three-external-v0-5&show=nobody").context
    figure = json.loads(client.get(reverse("profile_json", args=["v0.5", "external"])).content)

    assert [entry.name for entry in page["profile"].legend] == ["three"]
    assert "7 submissions, 10 to 90 %" in page["profile"].wide
    names = [trace.get("name") for trace in figure["data"]]
    assert names[:2] == [None, "7 submissions, 10 to 90 %"]
    assert names[-1] in ("one", "two")
    assert len(names) == 2 + 6


def test_a_part_of_a_board_costs_no_more_queries_than_a_whole_one(
    client, board, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(large_boards, "LARGE", 2)

    with django_assert_max_num_queries(5):
        client.get(f"{BOARD}?sort=ogbg&q=jax")


def test_a_comparison_is_the_same_whether_its_board_is_large_or_not(client, board, monkeypatch):
    address = "/compare/?s=one-external-v0-5&s=three-external-v0-5"

    def compared():
        context = client.get(address).context
        rows = [(row.submission.name, row.rank, row.delta, row.counts) for row, _ in context["own"]]
        return rows, [entry.name for entry in context["profile"].legend if entry.is_on]

    whole = compared()
    monkeypatch.setattr(large_boards, "LARGE", 2)

    assert compared() == whole
    assert whole[1] == ["one", "three"]


def test_the_band_lies_between_the_profiles(board):
    document, head = board.current.document, board.current.head
    profiles = list(document["profile"]["rho"].values())

    for index, (low, high) in enumerate(zip(head["band"]["low"], head["band"]["high"], strict=True)):
        column = [rho[index] for rho in profiles]
        assert min(column) <= low <= high <= max(column)
