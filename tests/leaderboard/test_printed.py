"""The boards of 2024 as shipped, against the table they were copied from."""

import csv

import pytest

from leaderboard import lifecycle, standings
from leaderboard.errors import NotReady
from leaderboard.models import AuditEvent, Board, Standing, Submission, Team
from leaderboard.printed import load_printed_boards
from tests import factories

pytestmark = pytest.mark.django_db
MARKS = {"inf": "inf", "nan": "NaN"}


@pytest.fixture
def printed():
    return load_printed_boards()


def published(shared):
    with (shared / "data" / "algoperf" / "published.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["leaderboard"].startswith("v05")]


def standing_of(row):
    ruleset = row["leaderboard"].removeprefix("v05_")
    return Standing.objects.get(
        submission__ruleset=ruleset, submission__source_key=row["submission"], submission__edition="v0.5"
    )


@pytest.mark.usefixtures("printed")
def test_all_17_scores_and_88_cells_are_those_of_the_published_tables(shared):
    scores = cells = 0
    for row in published(shared):
        standing = standing_of(row)
        if row["workload"] == "score":
            assert (standing.benchmark_score, standing.published_score) == (float(row["value"]), float(row["value"]))
            scores += 1
        else:
            cell = standing.cells[row["workload"]]
            word = MARKS.get(row["value"].lower())
            assert cell["mark"] == (row["mark"] or word)
            assert cell["fraction"] == (None if word else float(row["value"]))
            cells += 1
    assert (scores, cells) == (17, 88)


@pytest.mark.usefixtures("printed")
def test_printed_entries_carry_name_authors_affiliation_and_source(shared):
    with (shared / "data" / "algoperf" / "submissions.csv").open() as file:
        about = {row["submission"]: row for row in csv.DictReader(file) if row["leaderboard"] == "v05_external"}

    rows = Submission.objects.from_elsewhere(edition="v0.5", ruleset="external")

    assert {row.source_key for row in rows} == about.keys()
    for row in rows:
        fact = about[row.source_key]
        assert (row.name, row.affiliation) == (fact["display_name"], fact["affiliation"])
        assert row.authors.split(", ") == fact["authors"].split("; ")
        assert (row.origin, row.status) == ("printed", "published")
        assert "ICLR 2025" in row.source
        assert row.source_url.startswith("https://mlcommons.org/")


def test_a_printed_board_is_labelled_and_says_nothing_that_was_not_printed(printed):
    external, self_tuning = printed

    assert [snapshot.is_printed for snapshot in printed] == [True, True]
    assert (external.head["ranked"], self_tuning.head["ranked"]) == (11, 6)
    assert external.board.is_frozen
    best = Standing.objects.for_table(external).first()
    assert (best.documented_score, best.rank_best, best.speedup, best.profile) == (None, None, None, [])
    assert best.facts["counts"] == 7
    assert Standing.objects.for_table(self_tuning).first().cells == {}


def test_printed_boards_are_loaded_once(printed):
    events = AuditEvent.objects.count()

    assert load_printed_boards() == []
    assert (Submission.objects.count(), AuditEvent.objects.count()) == (17, events)


def test_a_board_that_is_there_already_is_left_alone(printed):
    board = printed[0].board
    again = standings.recompute_board(
        board.edition, board.revision, board.ruleset, board.hardware_class, board.hardware_model
    )
    assert again == printed[0]
    assert Board.objects.count() == 2


def test_a_team_that_has_an_account_here_is_not_given_printed_results():
    impostor = factories.TeamFactory(name="Shi, et al.")

    load_printed_boards()

    shampoo = Submission.objects.get(source_key="shampoo_submission")
    assert shampoo.team != impostor
    assert (shampoo.team.name, shampoo.team.is_attributed) == ("Shi, et al. (elsewhere)", True)
    assert not Team.objects.filter(is_attributed=True, memberships__isnull=False).exists()


@pytest.mark.usefixtures("printed")
def test_nobody_starts_a_new_version_of_a_printed_entry():
    shampoo = Submission.objects.get(source_key="shampoo_submission")
    with pytest.raises(NotReady, match=r"v0\.5 is closed"):
        lifecycle.new_version(shampoo.pk, actor="shell")


@pytest.mark.usefixtures("printed")
def test_every_style_of_a_ruleset_is_given_once_and_the_baseline_has_its_own():
    slots = list(
        Submission.objects.filter(ruleset="external", is_baseline=False)
        .order_by("style_slot")
        .values_list("style_slot", flat=True)
    )
    assert slots == list(range(10))
    assert Submission.objects.get(ruleset="external", is_baseline=True).style_slot is None
