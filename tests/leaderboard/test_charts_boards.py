"""Charts about a whole board: robustness, stability, speed against coverage, two side by side; and charts as files."""

from __future__ import annotations

import csv
import io
import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from leaderboard import charts
from leaderboard.charts import files
from leaderboard.charts.markers import SHAPES
from leaderboard.charts.speed import front
from leaderboard.charts.styles import MARKERS
from tests.leaderboard.test_charts import (
    CSS,
    bar,
    bars,
    dumbbells,
    every_chart,
    images,
    pair,
    point,
    profile,
    profile_line,
    rank_line,
    ranks,
    ratio_chart,
    speeds,
)

SVG = "{http://www.w3.org/2000/svg}"


def xs(image, css):
    """Where the shapes of one class stand, from left to right."""
    places = [part.get("cx") for part in image.iter() if css in part.get("class", "").split()]
    return [float(place) for place in places if place]


# --- robustness -------------------------------------------------------------------------------------------------------


def test_a_dumbbell_goes_from_the_base_to_the_held_out_multiple_on_a_log_axis():
    image = images(dumbbells([pair(base=1.0, held_out=8.0)]))[0]

    ring, dot = xs(image, "ring"), xs(image, "f1")
    link = next(part for part in image.iter() if part.get("class") == "link")
    assert (ring, dot) == ([178.0], [580.0])  # both ends of the axis
    assert (float(link.get("x1")), float(link.get("x2"))) == (178.0, 580.0)
    half = images(dumbbells([pair(base=1.0, held_out=8.0**0.5)]))[0]
    assert xs(half, "f1") == [pytest.approx((178 + 580) / 2)]


def test_what_was_missed_is_said_in_words_and_draws_nothing():
    chart = dumbbells([pair("Both", None, None, base_word="NaN"), pair("Missed", 1.0, None)])

    assert "base NaN, held-out inf" in chart.svg
    assert chart.table.rows == (("Both", "NaN", "inf"), ("Missed", "1.00×", "inf"))
    assert len(chart.figure["data"][1]["x"]) == 1  # one base
    assert chart.figure["data"][2]["x"] == []  # no held-out variant


def test_a_multiple_beyond_the_axis_is_drawn_at_its_edge_and_the_chart_says_so():
    chart = dumbbells([pair(base=1.0, held_out=31.0)])

    assert chart.figure["data"][2]["x"] == [8.0]
    assert chart.table.rows[0][2] == "31.00×"
    assert chart.notes == ("Multiples above 8× are drawn at the edge.",)
    assert dumbbells([pair()]).notes == ()


def test_a_variant_faster_than_those_that_take_part_is_drawn_at_the_other_edge():
    chart = dumbbells([pair(base=None, held_out=0.62)])

    assert chart.figure["data"][2]["x"] == [1.0]
    assert chart.table.rows[0][2] == "0.62×"
    assert chart.notes == ("Multiples below 1× are drawn at the edge.",)


def test_the_summary_counts_those_within_the_limit_and_names_the_largest_step():
    summary = dumbbells([pair("A", 1.0, 4.0), pair("B", 2.0, 7.0), pair("C", 1.0, None)]).summary

    assert summary.startswith("1 of 3 submissions are within 4 times")
    assert "A: 1.00× to 4.00×" in summary
    assert "largest step" not in dumbbells([pair("A", 1.0, 1.0)]).summary


# --- stability --------------------------------------------------------------------------------------------------------


def test_rank_one_is_on_top_and_each_line_has_its_own_marker():
    chart = ranks([rank_line("a", (1, 1, 1)), rank_line("b", (2, 2, 2), slot=3)])

    assert chart.figure["layout"]["yaxis"]["range"] == [2.6, 0.4]
    traces = {trace["meta"]["trace"]: trace for trace in chart.figure["data"]}
    assert traces["a"]["marker"]["symbol"] == "square"
    assert traces["b"]["marker"]["symbol"] == "cross"
    assert traces["b"]["text"][1] == "− OGBG: rank 2, score 0.5000"


def test_names_at_the_ends_never_lie_on_each_other_although_ranks_are_shared():
    image = images(ranks([rank_line(f"s{index}", (1, 1, 1), slot=index) for index in range(5)]))[0]

    places = sorted(float(part.get("y")) for part in image.iter() if part.get("class") == "lab")
    assert len(places) == 5
    assert all(below - above >= 16.9 for above, below in itertools.pairwise(places))


def test_at_most_twelve_lines_are_drawn_and_the_chart_says_of_how_many():
    chart = ranks([rank_line(f"s{index}", (index + 1,) * 3, slot=index) for index in range(30)])

    assert len(chart.figure["data"]) == 12
    assert chart.notes == ("12 of 30 submissions are drawn.",)


def test_the_summary_of_ranks_says_whether_the_first_stays_first():
    assert "A stays first" in ranks([rank_line("a", (1, 1, 1))]).summary
    assert "between 1 and 2" in ranks([rank_line("a", (1, 2, 1))]).summary


# --- speed against coverage -------------------------------------------------------------------------------------------


def test_the_front_holds_what_nobody_beats_in_both_at_once():
    fast, broad, beaten, equal = point("a", 1.1, 5), point("b", 1.5, 8), point("c", 1.6, 7), point("d", 1.1, 5)

    assert [one.slug for one in front([broad, beaten, equal, fast])] == ["d", "a", "b"]


def test_a_submission_without_a_workload_that_counts_is_named_instead_of_drawn():
    chart = speeds([point(), point("none", None, 0)])

    assert len(chart.figure["data"]) == 2  # the front and one point
    assert chart.notes == ("Without a workload that counts: None.",)
    assert chart.table.rows[1] == ("None", "0/8", "–")


def test_only_the_front_and_the_baseline_are_labelled():
    chart = speeds([point("best", 1.0, 8), point("middle", 1.5, 7, slot=1), point("base", 2.0, 6, is_baseline=True)])

    labels = [part.text for part in images(chart)[0].iter() if part.get("class") == "lab"]
    assert labels == ["Best", "Base"]


def test_an_empty_board_has_no_front():
    assert speeds([]).summary == "No submission has a workload that counts."


# --- two side by side -------------------------------------------------------------------------------------------------


def test_a_bar_points_to_the_faster_one_in_its_colour_and_twice_as_fast_is_one_unit():
    chart = ratio_chart(
        [
            charts.RatioBar(workload="OGBG", first_s=10.0, second_s=20.0),
            charts.RatioBar(workload="WMT", first_s=40.0, second_s=10.0),
        ]
    )
    trace = chart.figure["data"][0]

    assert trace["x"] == [-2.0, 1.0]  # from below: WMT, OGBG
    assert trace["marker"]["color"] == ["c2", "c1"]
    assert trace["text"] == ["4.00×", "2.00×"]
    assert "Fast is faster on 1, Fast on 1" in chart.summary


def test_a_workload_without_both_times_is_named_and_one_that_does_not_count_is_hatched():
    chart = ratio_chart(
        [
            charts.RatioBar(workload="OGBG", first_s=None, second_s=20.0),
            charts.RatioBar(workload="WMT", first_s=40.0, second_s=10.0, counts=False),
        ]
    )

    assert chart.notes == ("At least one has no time on OGBG.",)
    assert chart.figure["data"][0]["marker"]["pattern"]["shape"] == ["/"]
    assert chart.table.rows[0] == ("OGBG", "–", "–")
    assert "url(#ratios-hatch720)" in chart.wide


# --- the area on the linear axis --------------------------------------------------------------------------------------


def test_the_area_is_shaded_below_one_or_two_lines_in_colour_on_the_linear_axis_only():
    quiet = [profile_line(f"q{index}", slot=index, in_colour=False) for index in range(4)]
    lines = [*quiet[:2], profile_line("first", 0.7784, slot=4), profile_line("second", slot=5), *quiet[2:]]

    linear, log = profile(lines, axis="linear"), profile(lines)

    filled = [trace for trace in linear.figure["data"] if "fill" in trace]
    assert [trace["meta"]["trace"] for trace in filled] == ["first"]
    assert "score 0.7784 of First" in linear.figure["layout"]["xaxis"]["title"]["text"]
    assert not any("fill" in trace for trace in log.figure["data"])
    three = profile([*lines, profile_line("third", slot=6)], axis="linear")
    assert not any("fill" in trace for trace in three.figure["data"])


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_a_picture_taken_away_needs_no_style_sheet(chart):
    image = ET.fromstring(files.standalone_svg(chart))

    assert image.tag == f"{SVG}svg"
    assert image[0].tag == f"{SVG}style"
    styled = {css for part in image.iter() for css in part.get("class", "").split()} - {"chart", "hide-s"}
    missing = {css for css in styled if not re.search(rf"\.{css}\b", files.STYLES)}
    assert missing == set()


def test_the_colours_of_pictures_are_those_of_the_light_theme():
    light = CSS[: CSS.index("@media (prefers-color-scheme: dark)")]

    for name, value in files.TOKENS.items():
        assert f"{name}: {value};" in light


def test_the_numbers_of_a_chart_are_a_table_in_which_no_name_is_a_formula():
    rows = list(csv.reader(io.StringIO(files.table_csv(bars([bar(name='=HYPERLINK("x")')])))))

    assert rows[0] == ["Submission", "Time", "Fraction of budget", "Mark"]
    assert rows[1][0] == '\'=HYPERLINK("x")'


def test_every_marker_of_a_style_has_a_shape():
    assert set(MARKERS) == set(SHAPES)
