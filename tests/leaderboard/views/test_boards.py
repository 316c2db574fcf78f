"""Leaderboards: what is ranked, what is not, and how it can be looked at and taken away."""

from __future__ import annotations

import csv
import io

import pytest
from django.urls import reverse

from leaderboard import lifecycle, standings
from tests.leaderboard.views.conftest import HOSTILE, text_of

pytestmark = pytest.mark.django_db
BOARD = "/leaderboards/mini/self_tuning/"


def test_a_board_shows_scores_and_times_in_five_queries(client, published, django_assert_max_num_queries):
    published(name="AdamW")
    published(name="Momentum", is_baseline=True)

    with django_assert_max_num_queries(5):
        response = client.get(BOARD)

    page = text_of(response)
    assert response.status_code == 200
    assert [row.rank for row in response.context["page"]] == ["=1", "=1"]
    assert page.index("AdamW") < page.index("Momentum")
    assert "1.0000" in page
    assert "<svg" in page


def test_everybody_gets_the_same_board_which_caches_may_keep(client, as_user, member, published):
    published(name="AdamW")

    stranger, insider = client.get(BOARD), as_user(member).get(BOARD)

    assert stranger.content == insider.content
    assert "public" in stranger["Cache-Control"]
    assert "Cookie" not in stranger.get("Vary", "")
    assert client.get(BOARD, headers={"if-none-match": stranger["ETag"]}).status_code == 304


def test_an_empty_board_says_what_will_be_there(client, edition):
    page = text_of(client.get(BOARD))

    assert "No submission of this ruleset is ranked yet." in page
    assert reverse("reference_submissions") in page


@pytest.mark.parametrize("board", ["mini/external/x", "mini/other", "none/external"])
def test_a_board_that_does_not_exist_is_404(client, edition, board):
    assert client.get(f"/leaderboards/{board}/").status_code == 404


def test_unknown_words_in_the_address_are_ignored(client, published):
    published(name="AdamW")

    response = client.get(f"{BOARD}?sort=nothing&dir=sideways&unit=miles&page=999&axis=log2&show=nobody")

    assert response.status_code == 200
    assert response.context["unit"] == "fraction"


def test_a_column_can_be_sorted_and_only_its_head_says_so(client, published):
    published(name="AdamW")

    page = text_of(client.get(f"{BOARD}?sort=small&dir=desc"))

    assert page.count("aria-sort") == 1
    assert 'aria-sort="descending"><a class="sort" href="?sort=small' in page


def test_the_filter_keeps_rows_that_hold_every_word(client, published):
    published(name="AdamW")
    published(name="Momentum")

    response = client.get(f"{BOARD}?q=adamw+example")

    assert [str(row.submission) for row in response.context["page"]] == ["AdamW"]
    assert "Nothing matches" in text_of(client.get(f"{BOARD}?q=zebra"))


def test_what_is_not_ranked_is_listed_with_state_reason_and_decision(client, published, reviewer):
    cheat = published(name="Cheat")
    lifecycle.disqualify(cheat.pk, actor=reviewer, rule="workload-names", public_note="It looks at the name.")
    standings.recompute_board_of(cheat)
    published(name="Quick look", workloads=["small"])

    page = text_of(client.get(BOARD))
    not_ranked = page[page.index('id="not-ranked"') :]

    assert "Disqualified" in not_ranked
    assert "It looks at the name." in not_ranked
    assert reverse("decision", args=[cheat.decisions.get().pk]) in not_ranked
    assert "Incomplete" in not_ranked
    assert "Ran 1 of 3 workloads" in not_ranked
    assert "Cheat" not in page[: page.index('id="not-ranked"')]


def test_a_newer_version_takes_the_place_of_the_older_one(client, published):
    old = published(name="AdamW")
    published(name="AdamW", version=2, previous=old)

    response = client.get(BOARD)

    assert [str(row.submission) for row in response.context["page"]] == ["AdamW v2"]
    assert "A newer version is ranked." in text_of(response)


def test_a_hostile_name_is_text_in_tables_charts_and_downloads(client, published, team):
    team.name = HOSTILE
    team.save()
    published(name=HOSTILE, authors=f"{HOSTILE}, Somebody", affiliation=HOSTILE)

    for name in ("board", "profile_svg"):
        page = text_of(client.get(reverse(name, args=["mini", "self_tuning"])))
        assert "<b>x" not in page
        assert "alert(1)</script>" not in page
        assert "&lt;b&gt;x" in page


def test_the_csv_holds_what_the_page_shows_with_full_precision(client, published):
    submission = published(name="=AdamW")

    scores = client.get(reverse("scores_csv", args=["mini", "self_tuning"]))
    times = client.get(reverse("times_csv", args=["mini", "self_tuning"]))

    row = next(csv.DictReader(io.StringIO(scores.content.decode())))
    assert row["submission"] == "'=AdamW"  # not a formula
    assert float(row["score"]) == submission.standings.get().benchmark_score
    lines = list(csv.DictReader(io.StringIO(times.content.decode())))
    assert [line["workload"] for line in lines] == ["small", "other", "small_wide"]
    assert all(float(line["time_s"]) == 10.0 for line in lines)


def test_a_missed_target_is_inf_on_the_page_and_in_the_csv(client, published):
    published(name="AdamW")
    published(name="Slow", ending="budget")

    page = text_of(client.get(BOARD))
    times = client.get(reverse("times_csv", args=["mini", "self_tuning"])).content.decode()

    assert '<abbr title="Target not reached: 0 of 2 studies reached it, the median did not">inf</abbr>' in page
    assert ",inf," in times


def test_the_snapshot_and_the_figure_are_json(client, published):
    published(name="AdamW")

    assert client.get(reverse("board_json", args=["mini", "self_tuning"])).json()["edition"] == "mini"
    assert client.get(reverse("profile_json", args=["mini", "self_tuning"])).json()["data"]
    assert client.get(reverse("board_json", args=["mini", "external"])).status_code == 404
