import math

import pytest

from scoring import DOCUMENTED, PUBLISHED, InvalidTimes, Mark, Reason, ScoringError, rule_set, score_board
from scoring.errors import UnknownRuleSet

INF, NAN = math.inf, math.nan


def board(times, *, base=("wmt",), held_out=None, rules=DOCUMENTED):
    return score_board(times, base=base, held_out=held_out, rules=rules)


def cell(times, submission="a", workload="wmt", **axes):
    return board(times, **axes).cells[submission][workload]


def gated(a_base, a_held, b_base=10.0, b_held=10.0):
    """The base cell of `a` beside a `b` that does everything in 10 s."""
    times = {"a": {"wmt": a_base, "wmt_glu": a_held}, "b": {"wmt": b_base, "wmt_glu": b_held}}
    return cell(times, held_out={"wmt_glu": "wmt"})


def test_a_score_is_the_mean_over_workloads():
    times = {"a": {"wmt": 10.0, "ogbg": 20.0}, "b": {"wmt": 25.0, "ogbg": 10.0}}
    scored = board(times, base=("wmt", "ogbg"))
    assert scored.score_of == pytest.approx({"a": (1 + 2 / 3) / 2, "b": (0.5 + 1) / 2})
    assert scored.best_first() == ["a", "b"]


def test_a_missed_target_is_marked_inf():
    missed = cell({"a": {"wmt": INF}, "b": {"wmt": 10.0}})
    assert (missed.mark, missed.reason, missed.counts) == (Mark.INF, Reason.TARGET_MISSED, False)


@pytest.mark.parametrize("row", [{}, {"wmt": NAN}])
def test_a_workload_without_measurements_is_marked_nan(row):
    assert cell({"a": row, "b": {"wmt": 10.0}}).mark is Mark.NAN


def test_exactly_four_times_the_fastest_counts_and_more_is_a_star():
    at_the_limit = cell({"a": {"wmt": 40.0}, "b": {"wmt": 10.0}})
    above = cell({"a": {"wmt": 40.001}, "b": {"wmt": 10.0}})
    assert (at_the_limit.mark, at_the_limit.ratio) == (None, 4.0)
    assert (above.mark, above.final_s, above.raw_s) == (Mark.STAR, INF, 40.001)


def test_the_limit_is_exact_where_division_would_round():
    assert cell({"a": {"wmt": 4 * 0.1}, "b": {"wmt": 0.1}}).counts


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (INF, Reason.HELD_OUT_MISSED),
        (NAN, Reason.HELD_OUT_NOT_MEASURED),
        (41.0, Reason.HELD_OUT_ABOVE_LIMIT),
    ],
)
def test_a_failed_held_out_variant_is_a_double_dagger_with_its_reason(held, reason):
    failed = gated(12.0, held)
    assert (failed.mark, failed.reason, failed.because) == (Mark.DOUBLE_DAGGER, reason, "wmt_glu")


def test_a_held_out_variant_that_passed_leaves_the_base_time_alone():
    assert gated(12.0, 40.0).final_s == 12.0


def test_the_star_is_tested_before_the_double_dagger():
    assert gated(41.0, INF).mark is Mark.STAR


def test_a_missed_base_keeps_its_own_mark_whatever_the_variant_did():
    assert gated(INF, 10.0).mark is Mark.INF
    assert gated(NAN, INF).mark is Mark.NAN


def test_the_fastest_held_out_time_is_taken_among_those_who_reached_the_base():
    # b is ten times faster on the variant but missed the base, so a is compared with itself.
    assert gated(12.0, 10.0, b_base=INF, b_held=1.0).counts


def test_the_fastest_base_time_is_taken_also_among_those_whose_held_out_failed():
    # b fails its variant, and still a is above four times b.
    assert gated(41.0, 10.0, b_held=INF).mark is Mark.STAR


def test_ratios_are_taken_after_gating():
    times = {"a": {"wmt": 20.0, "wmt_glu": 10.0}, "b": {"wmt": 10.0, "wmt_glu": INF}}
    scored = board(times, held_out={"wmt_glu": "wmt"})
    assert scored.cells["a"]["wmt"].ratio == 1.0
    assert scored.score_of == {"a": 1.0, "b": 0.0}


def test_held_out_cells_say_when_their_base_was_not_reached():
    times = {"a": {"wmt": INF, "wmt_glu": 10.0}, "b": {"wmt": 10.0, "wmt_glu": 10.0}}
    held = board(times, held_out={"wmt_glu": "wmt"}).held_out_cells
    assert (held["a"]["wmt_glu"].reason, held["a"]["wmt_glu"].mark) == (Reason.BASE_NOT_REACHED, None)
    assert held["b"]["wmt_glu"].counts


def test_a_variant_nobody_measured_takes_its_base_from_everybody():
    times = {"a": {"wmt": 10.0}, "b": {"wmt": 20.0}}
    assert board(times, held_out={"wmt_glu": "wmt"}).score_of == {"a": 0.0, "b": 0.0}


def test_two_variants_of_one_base_must_both_pass():
    times = {"a": {"wmt": 10.0, "wmt_glu": 10.0, "wmt_post_ln": INF}}
    failed = cell(times, held_out={"wmt_glu": "wmt", "wmt_post_ln": "wmt"})
    assert (failed.mark, failed.because) == (Mark.DOUBLE_DAGGER, "wmt_post_ln")


def test_a_workload_nobody_solved_earns_nothing_and_still_divides():
    times = {"a": {"wmt": 10.0, "ogbg": INF}, "b": {"wmt": 10.0}}
    assert board(times, base=("wmt", "ogbg")).score_of == {"a": 0.5, "b": 0.5}


def test_a_submission_alone_is_the_fastest_of_what_it_solved():
    assert board({"a": {"wmt": 123.0}}, rules=PUBLISHED).score_of == pytest.approx({"a": 1.0})


def test_equal_scores_share_a_rank_and_the_next_is_skipped():
    times = {"slow": {"wmt": 30.0}, "b": {"wmt": 10.0}, "a": {"wmt": 10.0}}
    scored = board(times)
    assert scored.rank_of == {"slow": 3, "b": 1, "a": 1}
    assert scored.best_first() == ["a", "b", "slow"]
    assert scored.win_counts() == {"slow": 0, "b": 1, "a": 1}


def test_unknown_workloads_are_ignored_and_listed():
    scored = board({"a": {"wmt": 10.0, "ogbg_silu": 1.0, "cifar": 1.0}})
    assert (scored.score_of, scored.ignored) == ({"a": 1.0}, ("cifar", "ogbg_silu"))


def test_an_empty_board_has_no_scores():
    scored = board({}, held_out={"wmt_glu": "wmt"})
    assert (scored.score_of, scored.best_first(), scored.as_json()["times"]) == ({}, [], {})


@pytest.mark.parametrize("time_s", [0.0, -3.0, -INF])
def test_a_time_that_is_not_positive_names_submission_and_workload(time_s):
    with pytest.raises(InvalidTimes, match=r"a has .* on wmt"):
        board({"a": {"wmt": time_s}})


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"base": ()}, "at least one base workload"),
        ({"base": ("wmt", "wmt")}, "each workload once"),
        ({"held_out": {"ogbg_gelu": "ogbg"}}, "not a base workload"),
    ],
)
def test_axes_that_make_no_sense_are_refused(axes, message):
    with pytest.raises(ScoringError, match=message):
        board({"a": {"wmt": 1.0}}, **axes)


def test_the_document_holds_plain_values_and_keeps_fractions_of_marked_cells():
    times = {"a": {"wmt": 50.0, "ogbg": INF}, "b": {"wmt": 10.0}}
    document = board(times, base=("wmt", "ogbg")).as_json({"wmt": 100.0, "ogbg": 100.0})
    assert document["scores"] == {"b": 0.5, "a": 0.0}
    assert document["times"]["a"] == {
        "wmt": {
            "raw_s": 50.0, "final_s": None, "fraction": 0.5, "ratio": None,
            "mark": "star", "reason": "above_limit", "because": None,
        },
        "ogbg": {
            "raw_s": None, "final_s": None, "fraction": None, "ratio": None,
            "mark": "inf", "reason": "target_missed", "because": None,
        },
    }  # fmt: skip
    assert document["times"]["b"]["ogbg"]["mark"] == "NaN"
    assert len(document["profile"]["tau"]) == len(document["profile"]["rho"]["a"]) == 100


def test_each_mark_has_the_symbol_of_the_published_table():
    assert [mark.symbol for mark in Mark] == ["*", "‡", "inf", "NaN"]


def test_rule_sets_are_found_by_name():
    assert (rule_set("published"), rule_set("documented")) == (PUBLISHED, DOCUMENTED)
    with pytest.raises(UnknownRuleSet, match="published, documented"):
        rule_set("fair")
