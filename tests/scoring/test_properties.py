"""What has to hold for every board, tried on boards that hypothesis makes up."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import (
    DOCUMENTED,
    PUBLISHED,
    Reason,
    geometric_mean_time_ratio,
    leave_one_out,
    profile_steps,
    published_time_ratio,
    rank_ranges,
    read_curve,
    score_board,
    study_time,
    tau_grid,
    without_held_out_rule,
)
from scoring.profiles import performance_profile, profile_scores

BASE = ("fastmri", "ogbg", "wmt")
HELD_OUT = {"ogbg_gelu": "ogbg", "wmt_glu": "wmt"}
COLUMNS = (*BASE, *HELD_OUT)
TIME = st.one_of(st.floats(1.0, 50.0), st.sampled_from([math.inf, math.nan]))
ROW = st.fixed_dictionaries({}, optional=dict.fromkeys(COLUMNS, TIME))
TIMES = st.dictionaries(st.sampled_from("abcdefgh"), ROW, max_size=8)
RULES = st.sampled_from([PUBLISHED, DOCUMENTED])
RATIOS = st.lists(st.one_of(st.floats(1.0, 6.0), st.just(math.inf)), min_size=1, max_size=9)


def score(times, rules, base=BASE):
    return score_board(times, base=base, held_out=HELD_OUT, rules=rules)


@given(TIMES, RULES)
def test_scores_lie_between_0_and_1(times, rules):
    scores = score(times, rules).scores
    assert ((scores >= 0) & (scores <= 1 + 1e-12)).all()


@given(RATIOS)
def test_profiles_never_decrease(ratios):
    rho = performance_profile(np.array([ratios]), tau_grid(4.0))
    assert (np.diff(rho) >= 0).all()


@given(RATIOS)
def test_the_two_integrals_differ_by_no_more_than_a_grid_step(ratios):
    table = np.array([ratios])
    published, exact = (
        profile_scores(table, integral=rules.integral, tau_max=4.0) for rules in (PUBLISHED, DOCUMENTED)
    )
    assert abs(published - exact) <= 1 / 99


@given(RATIOS)
def test_steps_and_exact_integral_describe_one_area(ratios):
    steps = profile_steps(np.array(ratios), tau_max=4.0)
    area = math.fsum((right - left) * level for (left, level), (right, _) in itertools.pairwise(steps))
    assert profile_scores(np.array([ratios]), integral=DOCUMENTED.integral, tau_max=4.0) == pytest.approx([area / 3])


@given(TIMES, RULES, st.randoms(use_true_random=False))
def test_the_order_of_submissions_and_workloads_changes_nothing(times, rules, random):
    names, base = list(times), list(BASE)
    random.shuffle(names)
    random.shuffle(base)
    shuffled = score({name: times[name] for name in names}, rules, base)
    straight = score(times, rules)
    assert shuffled.score_of == straight.score_of
    assert shuffled.rank_of == straight.rank_of
    assert {name: dict(cells) for name, cells in shuffled.cells.items()}.keys() == straight.cells.keys()
    for name in times:
        assert {w: c.reason for w, c in shuffled.cells[name].items()} == {
            w: c.reason for w, c in straight.cells[name].items()
        }


@given(TIMES, RULES, st.integers(-8, 8))
def test_another_unit_of_time_changes_nothing(times, rules, exponent):
    # A power of two, so that the division is exact and no ratio moves across a point of the grid.
    scaled = {name: {w: time * 2.0**exponent for w, time in row.items()} for name, row in times.items()}
    assert score(scaled, rules).score_of == score(times, rules).score_of


@given(TIMES, RULES, st.sampled_from(BASE), st.integers(-8, 8))
def test_another_unit_on_one_workload_changes_nothing(times, rules, workload, exponent):
    scaled = {
        name: {w: time * 2.0**exponent if w == workload else time for w, time in row.items()}
        for name, row in times.items()
    }
    assert score(scaled, rules).score_of == score(times, rules).score_of


@given(TIMES, RULES, st.floats(1.01, 10.0))
def test_a_submission_that_is_slower_on_every_column_changes_nobodys_score(times, rules, factor):
    slower = {}
    for column in COLUMNS:
        seen = [row[column] for row in times.values() if math.isfinite(row.get(column, math.nan))]
        slower[column] = max(seen) * factor if seen else math.inf
    before, after = score(times, rules).score_of, score({**times, "slower": slower}, rules).score_of
    assert {name: after[name] for name in times} == before


@given(TIMES, RULES, st.sampled_from(COLUMNS))
def test_being_faster_somewhere_never_lowers_the_own_score(times, rules, column):
    for name, row in times.items():
        if not math.isfinite(row.get(column, math.nan)):
            continue
        faster = {**times, name: {**row, column: row[column] / 2}}
        assert score(faster, rules).score_of[name] >= score(times, rules).score_of[name] - 1e-12


@given(TIMES, RULES)
def test_a_cell_counts_exactly_when_its_final_time_is_finite_and_otherwise_carries_a_mark(times, rules):
    for cells in score(times, rules).cells.values():
        for cell in cells.values():
            assert cell.counts == math.isfinite(cell.final_s) == (cell.mark is None) == math.isfinite(cell.ratio)


@given(TIMES, RULES)
def test_a_rank_lies_in_its_range(times, rules):
    board = score(times, rules)
    ranges = rank_ranges(board)
    assert all(ranges[name].best <= rank <= ranges[name].worst for name, rank in board.rank_of.items())


@given(TIMES, RULES)
def test_leaving_a_workload_out_is_scoring_without_it(times, rules):
    for left in leave_one_out(score(times, rules)):
        base = [name for name in BASE if name != left.workload]
        held_out = {variant: parent for variant, parent in HELD_OUT.items() if parent in base}
        scored = score_board(times, base=base, held_out=held_out, rules=rules)
        assert left.scores == pytest.approx(scored.score_of)
        assert left.ranks == scored.rank_of


@given(TIMES, RULES)
def test_without_the_held_out_rule_nobody_loses_a_workload_to_a_variant(times, rules):
    board = score(times, rules)
    open_board = without_held_out_rule(board)
    reasons = {cell.reason for cells in open_board.cells.values() for cell in cells.values()}
    assert reasons <= {Reason.COUNTS, Reason.NOT_MEASURED, Reason.TARGET_MISSED, Reason.ABOVE_LIMIT}
    for name in times:
        assert board.num_counting(name) <= open_board.num_counting(name)


@given(TIMES, RULES)
def test_every_workload_that_somebody_solved_is_won_by_the_fastest(times, rules):
    board = score(times, rules)
    wins = board.win_counts()
    solved = np.isfinite(board.ratios).any(axis=0).sum() if times else 0
    assert sum(wins.values()) >= solved
    assert all(wins[name] <= board.num_counting(name) for name in times)


BUDGETS = dict.fromkeys(BASE, 60.0)


@given(ROW, ROW)
def test_the_time_ratio_of_two_submissions_is_one_over_the_ratio_the_other_way_round(own, other):
    for ratio in (geometric_mean_time_ratio, published_time_ratio):
        there, back = (ratio(one, two, base=BASE, budgets_s=BUDGETS) for one, two in ((own, other), (other, own)))
        assert math.isnan(there) == math.isnan(back)
        assert math.isnan(there) or there * back == pytest.approx(1.0)
    assert geometric_mean_time_ratio(own, own, base=BASE, budgets_s=BUDGETS) == 1.0


@given(TIMES, RULES)
def test_a_twin_gets_the_same_score(times, rules):
    twins = {**times, **{f"{name}-twin": row for name, row in times.items()}}
    scores = score(twins, rules).score_of
    assert all(scores[name] == scores[f"{name}-twin"] for name in times)


CURVES = st.lists(st.tuples(st.floats(0.1, 100.0), st.floats(0.0, 1.0)), max_size=6)


@given(st.dictionaries(st.integers(1, 5), CURVES, max_size=5))
def test_the_documented_study_is_never_slower_than_the_published_one(trials):
    curves = {key: read_curve([t for t, _ in rows], [v for _, v in rows]) for key, rows in trials.items()}
    published, documented = (
        study_time(curves, 0.5, higher_is_better=True, rules=rules) for rules in (PUBLISHED, DOCUMENTED)
    )
    assert published.is_empty == documented.is_empty
    assert published.is_empty or documented.time_s <= published.time_s


@given(CURVES, st.randoms(use_true_random=False))
def test_rows_in_any_order_make_the_same_curve(rows, random):
    distinct = list({time: (time, value) for time, value in rows}.values())
    shuffled = distinct.copy()
    random.shuffle(shuffled)
    straight, again = (read_curve([t for t, _ in some], [v for _, v in some]) for some in (distinct, shuffled))
    assert straight.times_s.tolist() == again.times_s.tolist()
    assert straight.values.tolist() == again.values.tolist()
