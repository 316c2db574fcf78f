import json
import math

import pytest

import scoring
from leaderboard import snapshots
from leaderboard.snapshots import Axes, Entry
from tests.leaderboard.boards import EDITION

AXES = Axes.of(EDITION, "self_tuning", "cpu2", "Example CPU")


def entry(slug, times_s, *, pk=1, is_baseline=False):
    """A submission whose studies all take the given time; None misses the target, an absent workload never ran."""
    curves = {
        workload: {
            study: {1: scoring.read_curve([1.0, time_s or 150.0], [0.1, 0.4 if time_s is None else 0.6])}
            for study in range(1, 3)
        }
        for workload, time_s in times_s.items()
    }
    return Entry(id=pk, slug=slug, name=slug.title(), team="Team", is_baseline=is_baseline, curves=curves)


FAST = {"imagenet_resnet": 10.0, "ogbg": 20.0, "ogbg_gelu": 20.0}
SLOW = {"imagenet_resnet": 20.0, "ogbg": 10.0, "ogbg_gelu": None}


def test_axes_take_targets_budgets_and_studies_from_the_edition():
    resnet, ogbg, gelu = AXES.columns
    assert (resnet.metric_key, resnet.target, resnet.budget_s, resnet.studies) == ("validation/accuracy", 0.5, 200.0, 2)
    assert (AXES.base, AXES.held_out) == (["imagenet_resnet", "ogbg"], {"ogbg_gelu": "ogbg"})
    assert (gelu.role, gelu.studies, ogbg.role) == ("held_out", 1, "base")


def test_axes_survive_in_the_document():
    document = json.loads(json.dumps(snapshots.make_document(AXES, [], [])))
    assert Axes.from_document(document) == AXES


def test_the_document_is_plain_json_with_the_best_submission_first():
    document = snapshots.make_document(AXES, [entry("slow", SLOW), entry("fast", FAST)], [])
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert list(document["submissions"]) == ["fast", "slow"]
    assert document["scores"]["documented"] == pytest.approx({"fast": 1.0, "slow": (2 / 3) / 2})


def test_both_rule_sets_are_scored():
    document = snapshots.make_document(AXES, [entry("slow", SLOW), entry("fast", FAST)], [])
    assert document["scores"]["published"]["slow"] == pytest.approx((99.5 - 33) / 99 / 2)
    assert document["times"].keys() == {"documented", "published"}


def test_a_cell_says_its_fraction_rank_mark_and_studies():
    document = snapshots.make_document(AXES, [entry("slow", SLOW), entry("fast", FAST)], [])
    slow = document["times"]["documented"]["slow"]
    assert slow["imagenet_resnet"]["fraction"] == 0.1
    assert (slow["imagenet_resnet"]["rank"], slow["imagenet_resnet"]["mark"]) == (2, None)
    assert (slow["ogbg"]["mark"], slow["ogbg"]["because"], slow["ogbg"]["rank"]) == ("double_dagger", "ogbg_gelu", None)
    assert (slow["ogbg_gelu"]["mark"], slow["ogbg_gelu"]["reached"], slow["ogbg_gelu"]["studies"]) == ("inf", 0, 2)
    assert slow["ogbg"]["study_times"] == [
        {"study": 1, "time_s": 10.0, "trial": 1},
        {"study": 2, "time_s": 10.0, "trial": 1},
    ]


def test_equal_times_share_a_place_on_a_workload():
    entries = [entry("a", FAST), entry("b", {**FAST, "ogbg": 30.0}), entry("c", FAST)]
    times = snapshots.make_document(AXES, entries, [])["times"]["documented"]
    assert {slug: cells["ogbg"]["rank"] for slug, cells in times.items()} == {"a": 1, "b": 3, "c": 1}


def test_ranks_carry_range_interval_wins_and_the_time_against_the_baseline():
    entries = [entry("slow", SLOW), entry("fast", FAST, is_baseline=True)]
    slow = snapshots.make_document(AXES, entries, [])["ranks"]["slow"]
    assert {name: slow[name] for name in ("rank", "best", "worst", "interval", "wins", "counts")} == {
        "rank": 2, "best": 2, "worst": 2, "interval": [2, 2], "wins": 0, "counts": 1,
    }  # fmt: skip
    assert slow["time_ratio"] == pytest.approx(1.0)  # twice as slow, twice as fast


def test_without_a_baseline_there_is_no_time_ratio():
    assert snapshots.make_document(AXES, [entry("fast", FAST)], [])["ranks"]["fast"]["time_ratio"] is None


def test_a_board_without_held_out_variants_has_nothing_to_leave_out_of_the_rule():
    plain = Axes.of(EDITION, "external", "cpu2", "Example CPU")
    bare = Axes(**{**plain.__dict__, "columns": plain.columns[:2]})
    assert snapshots.make_document(bare, [], [])["without_held_out"] is None
    assert snapshots.make_document(AXES, [entry("slow", SLOW)], [])["without_held_out"]["scores"] == {"slow": 1.0}


def test_the_board_comes_back_out_of_its_document():
    only_resnet = {"imagenet_resnet": 39.0}
    document = snapshots.make_document(AXES, [entry("a", FAST), entry("b", SLOW), entry("c", only_resnet)], [])
    board = snapshots.board_from_document(document)
    assert board.score_of == pytest.approx(document["scores"]["documented"])
    assert math.isnan(board.cells["c"]["ogbg"].raw_s)
    assert math.isinf(board.held_out_cells["b"]["ogbg_gelu"].raw_s)


def test_a_board_without_one_submission_is_another_board():
    document = snapshots.make_document(AXES, [entry("a", FAST), entry("b", SLOW)], [])
    assert snapshots.board_from_document(document, without="a").score_of == {"b": 0.5}
