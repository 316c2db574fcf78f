import math

import pytest

from scoring import (
    DOCUMENTED,
    PUBLISHED,
    RankRange,
    ScoringError,
    leave_one_out,
    rank_intervals,
    rank_ranges,
    score_board,
    without_held_out_rule,
)

INF, NAN = math.inf, math.nan
BASE = ("wmt", "ogbg", "fastmri")
HELD_OUT = {"wmt_glu": "wmt"}
TIMES = {
    "a": {"wmt": 10.0, "wmt_glu": INF, "ogbg": 20.0, "fastmri": INF},
    "b": {"wmt": 15.0, "wmt_glu": 10.0, "ogbg": 30.0, "fastmri": 10.0},
    "c": {"wmt": 39.0, "wmt_glu": 20.0, "ogbg": 20.0, "fastmri": 11.0},
}


@pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])
def test_leaving_a_workload_out_equals_scoring_the_board_without_it(rules):
    board = score_board(TIMES, base=BASE, held_out=HELD_OUT, rules=rules)
    for left in leave_one_out(board):
        base = [name for name in BASE if name != left.workload]
        held_out = {variant: parent for variant, parent in HELD_OUT.items() if parent in base}
        scored = score_board(TIMES, base=base, held_out=held_out, rules=rules)
        assert left.scores == pytest.approx(scored.score_of)
        assert left.ranks == scored.rank_of


def test_a_board_of_one_workload_has_nothing_to_leave_out():
    board = score_board({"a": {"wmt": 1.0}}, base=("wmt",), rules=DOCUMENTED)
    assert leave_one_out(board) == []
    assert rank_ranges(board) == {"a": RankRange(best=1, worst=1)}


def test_a_rank_range_spans_the_board_and_every_board_with_one_workload_out():
    board = score_board(TIMES, base=BASE, held_out=HELD_OUT, rules=DOCUMENTED)
    ranks = {name: {board.rank_of[name], *(left.ranks[name] for left in leave_one_out(board))} for name in TIMES}
    assert rank_ranges(board) == {name: RankRange(best=min(seen), worst=max(seen)) for name, seen in ranks.items()}


def test_without_the_held_out_rule_a_double_dagger_counts_again():
    board = score_board(TIMES, base=BASE, held_out=HELD_OUT, rules=DOCUMENTED)
    open_board = without_held_out_rule(board)
    assert not board.cells["a"]["wmt"].counts
    assert open_board.cells["a"]["wmt"].counts


def test_studies_that_all_agree_leave_the_ranks_where_they_are():
    studies = {"a": {"wmt": [10.0] * 3}, "b": {"wmt": [20.0] * 3}}
    assert rank_intervals(studies, base=("wmt",), rules=DOCUMENTED, resamples=20) == {
        "a": RankRange(best=1, worst=1),
        "b": RankRange(best=2, worst=2),
    }


def test_studies_that_overlap_widen_the_interval():
    studies = {"a": {"wmt": [10.0, 30.0, 20.0]}, "b": {"wmt": [25.0, 12.0, 21.0]}}
    intervals = rank_intervals(studies, base=("wmt",), rules=DOCUMENTED)
    assert intervals == {"a": RankRange(best=1, worst=2), "b": RankRange(best=1, worst=2)}


def test_the_same_seed_draws_the_same_boards():
    studies = {name: {"wmt": [10.0 + index, 14.0, 30.0 - index]} for index, name in enumerate("abcdef")}
    first, again = (rank_intervals(studies, base=("wmt",), rules=PUBLISHED, seed=3) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])
def test_empty_studies_and_absent_cells_can_be_drawn(rules):
    studies = {"a": {"wmt": [10.0, NAN, INF]}, "b": {"wmt": [NAN]}, "c": {}}
    intervals = rank_intervals(studies, base=("wmt",), held_out={"wmt_glu": "wmt"}, rules=rules, resamples=20)
    assert intervals == {name: RankRange(best=1, worst=1) for name in studies}  # nobody scores: all share rank 1


@pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])
def test_the_order_of_submissions_and_workloads_changes_no_interval(rules):
    times = {name: {w: [10.0 + k, 14.0 + k, 30.0 - k] for w in (*BASE, "wmt_glu")} for k, name in enumerate("abcdefgh")}
    turned = {name: dict(reversed(times[name].items())) for name in reversed(times)}
    straight, other = (
        rank_intervals(studies, base=base, held_out=HELD_OUT, rules=rules, resamples=9, confidence=0.5)
        for studies, base in ((times, BASE), (turned, BASE[::-1]))
    )
    assert straight == other
    assert len(set(straight.values())) > 1  # a board where everything is equal would show nothing


def test_an_empty_board_has_no_intervals():
    assert rank_intervals({}, base=("wmt",), rules=DOCUMENTED) == {}


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"confidence": 0.0}, {"confidence": 1.5}, {"base": ()}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ScoringError):
        rank_intervals({"a": {"wmt": [1.0]}}, **{"base": ("wmt",), "rules": DOCUMENTED, **wrong})
