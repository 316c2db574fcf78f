import itertools
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import plotly
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard import charts
from leaderboard.charts import svg
from leaderboard.charts.curves import MOST_POINTS, thin
from leaderboard.charts.labels import spread
from leaderboard.charts.scales import Scale, linear_axis, log_axis, profile_ticks, share_ticks, time_axis

HOSTILE = '<b onclick="x()">A&B</b>\u202e\n%{x}'
CSS = (Path(__file__).parents[2] / "leaderboard/static/leaderboard/design.css").read_text()
SCRIPT = (Path(__file__).parents[2] / "leaderboard/static/leaderboard/charts.js").read_text()


def profile_line(slug="fast", score=0.75, steps=((1.0, 0.5), (2.0, 1.0), (4.0, 1.0)), *, slot=0, name=None, **more):
    style = charts.submission_style(slot, is_baseline=more.get("is_baseline", False))
    return charts.ProfileLine(
        slug=slug, name=name or slug.title(), url=f"/submissions/{slug}/", score=score, steps=steps, style=style, **more
    )


def profile(lines, **options):
    return charts.performance_profile(lines, **{"num_workloads": 8, "tau_max": 4.0, "revision": "s1", **options})


def curve_line(number=1, values=(0.1, 0.3, 0.6), hit=2, **more):
    points = tuple(
        charts.Point(time_s=10.0 * (index + 1), step=100 * index, value=value) for index, value in enumerate(values)
    )
    return charts.CurveLine(
        **{
            "key": f"t{number}", "name": f"Trial {number}", "style": charts.trial_style(number),
            "points": points, "hit": hit, **more,
        }
    )  # fmt: skip


def curves(lines, **options):
    settings = {"metric": "accuracy", "target": 0.5, "higher_is_better": True, "budget_s": 60.0, "revision": "r"}
    return charts.training_curves(lines, **{**settings, **options})


def bar(slug="fast", time_s=30.0, mark=None, **more):
    return charts.Bar(
        **{
            "slug": slug, "name": slug.title(), "url": f"/submissions/{slug}/", "time_s": time_s,
            "fraction": None if time_s is None else time_s / 60.0, "mark": mark, **more,
        }
    )  # fmt: skip


def bars(rows):
    return charts.workload_bars(rows, workload="OGBG", budget_s=60.0, revision="s1")


def pair(name="Fast", base=1.2, held_out=2.5, slot=0, **more):
    return charts.Pair(
        name=name, url="/submissions/fast/", style=charts.submission_style(slot), base=base, held_out=held_out, **more
    )


def dumbbells(pairs):
    return charts.held_out_dumbbells(pairs, title="OGBG, gelu", limit=4.0, revision="s1", uid="held-out")


def rank_line(slug="fast", ranks=(1, 2, 1), *, name=None, slot=0):
    return charts.RankLine(
        slug=slug, name=name or slug.title(), url=f"/submissions/{slug}/", style=charts.submission_style(slot),
        ranks=tuple(ranks), scores=tuple(1 / rank for rank in ranks),
    )  # fmt: skip


def ranks(lines, of=None):
    return charts.rank_stability(lines, ["All 2", "− OGBG", "− WMT"], of=of or len(lines), revision="s1")


def point(slug="fast", ratio=1.2, counts=7, *, name=None, slot=0, **more):
    return charts.SpeedPoint(
        slug=slug, name=name or slug.title(), url=f"/submissions/{slug}/", style=charts.submission_style(slot),
        ratio=ratio, counts=counts, **more,
    )  # fmt: skip


def speeds(points):
    return charts.speed_and_coverage(points, num_workloads=8, revision="s1")


def ratio_chart(rows, name="Fast"):
    sides = [charts.Side(name=name, style=charts.submission_style(slot)) for slot in (0, 1)]
    return charts.ratio_bars(rows, *sides, revision="s1")


def every_chart(name="Fast"):
    return [
        dumbbells([pair(name), pair(name, held_out=None, base=9.5), pair(name, base=None, base_word="NaN")]),
        ranks([rank_line(name=name), rank_line("slow", (2, 1, 2), name=name, slot=7)]),
        speeds([point(name=name), point("slow", 2.0, 4, name=name, slot=9), point("none", None, 0, name=name)]),
        ratio_chart(
            [
                charts.RatioBar(workload="OGBG", first_s=10.0, second_s=15.0),
                charts.RatioBar(workload="WMT", first_s=10.0, second_s=5.0, counts=False),
                charts.RatioBar(workload="ViT", first_s=None, second_s=5.0),
            ],
            name,
        ),
        profile([profile_line(name=name), profile_line("quiet", slot=1, name=name, in_colour=False)]),
        profile([profile_line(name=name)], axis="linear"),
        curves([curve_line(name=name), curve_line(2, hit=None)]),
        bars([bar(name=name), bar("slow", 59.0, "star"), bar("missed", None, "inf")]),
    ]


def images(chart):
    return [ET.fromstring(image) for image in (chart.wide, chart.narrow)]


def strings(part):
    if isinstance(part, dict):
        return [text for value in part.values() for text in strings(value)]
    if isinstance(part, list | tuple):
        return [text for value in part for text in strings(value)]
    return [part] if isinstance(part, str) else []


# --- what holds for all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_every_chart_has_a_named_and_described_image_in_two_sizes(chart):
    for image, css in zip(images(chart), ("hide-s", "only-s"), strict=True):
        title, description = image[0], image[1]
        assert image.get("role") == "img"
        assert image.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
        assert (title.text, description.text) == (chart.title, chart.summary)
        assert image.get("class") == f"chart {css}"


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_ids_of_the_two_images_never_clash(chart):
    ids = re.findall(r' id="([^"]+)"', chart.svg)
    assert len(ids) == len(set(ids)) >= 4


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_images_carry_no_style_and_only_classes_of_the_design(chart):
    for image in images(chart):
        for part in image.iter():
            assert "style" not in part.attrib
            for css in part.get("class", "").split():
                assert f".{css}" in CSS, f"{css} is not in design.css"


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_figures_are_plain_json_with_the_common_layout(chart):
    assert json.loads(json.dumps(chart.figure, allow_nan=False)) == chart.figure
    layout, config = chart.figure["layout"], chart.figure["config"]
    assert (layout["dragmode"], layout["hovermode"], layout["showlegend"]) == (False, "closest", False)
    assert layout["uirevision"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    for axis in (layout["xaxis"], layout["yaxis"]):
        assert (axis["fixedrange"], axis["zeroline"]) == (True, False)
    assert config == {"displayModeBar": False, "responsive": True, "scrollZoom": False, "doubleClick": False}


@pytest.mark.parametrize("chart", every_chart(), ids=lambda chart: chart.uid)
def test_colours_of_figures_are_tokens_of_the_design(chart):
    def colours(part, key=""):
        if isinstance(part, dict):
            return [c for name, value in part.items() for c in colours(value, name)]
        if isinstance(part, list):
            return [c for value in part for c in colours(value, key)]
        return [part] if key.endswith("color") and isinstance(part, str) else []

    found = {colour.split("@")[0] for colour in colours(chart.figure)} - {"rgba(0,0,0,0)"}
    assert found
    assert all(f"--{token}:" in CSS for token in found), found


@pytest.mark.parametrize("chart", every_chart(HOSTILE), ids=lambda chart: chart.uid)
def test_a_hostile_name_is_text_everywhere(chart):
    assert "<b" not in chart.svg
    assert "&lt;b" in chart.svg
    texts = strings(chart.figure)
    assert not any("<b onclick" in text or "\u202e" in text for text in texts)
    assert any("&lt;b onclick" in text for text in texts)
    assert all("\u202e" not in cell and "\n" not in cell for row in chart.table.rows for cell in row)


@pytest.mark.parametrize("chart", every_chart(HOSTILE), ids=lambda chart: chart.uid)
def test_templates_hold_no_name_and_no_tag_that_would_become_a_style(chart):
    templates = [trace.get("hovertemplate", "") for trace in chart.figure["data"]]
    assert all("A&amp;B" not in template for template in templates)
    assert set(re.findall(r"<(/?\w+)", " ".join(templates))) <= {"br", "extra", "/extra"}


def test_a_style_attribute_is_refused():
    with pytest.raises(ValueError, match="content security policy"):
        svg.element("g", style="fill: red")


# --- styles -----------------------------------------------------------------------------------------------------


def test_24_slots_are_24_styles():
    styles = {charts.submission_style(slot) for slot in range(24)}
    assert len({(style.colour, style.dash) for style in styles}) == 24
    assert charts.submission_style(24) == charts.submission_style(0)


def test_a_slot_decides_colour_dash_and_marker():
    assert charts.submission_style(0) == charts.Style(colour="c1", dash="solid", marker="square")
    assert charts.submission_style(7) == charts.Style(colour="c2", dash="dash", marker="diamond")
    assert charts.submission_style(3, is_baseline=True) == charts.BASELINE == charts.Style(colour="c0", dash="dash")
    assert charts.submission_style(None).stroke == "sx"


def test_trials_of_a_submission_have_five_colours():
    assert [charts.trial_style(number).colour for number in range(1, 7)] == ["c1", "c2", "c3", "c4", "c5", "c1"]


# --- performance profile ----------------------------------------------------------------------------------------


def test_a_profile_climbs_in_steps_from_one_to_the_limit():
    (trace,) = profile([profile_line()]).figure["data"]
    assert (trace["x"], trace["y"], trace["line"]["shape"]) == ([1.0, 2.0, 4.0], [0.5, 1.0, 1.0], "hv")
    assert trace["meta"] == {"trace": "fast", "url": "/submissions/fast/", "on": "c1", "off": "quiet"}


def test_the_axis_is_logarithmic_with_named_multiples():
    axis = profile([profile_line()]).figure["layout"]["xaxis"]
    assert (axis["type"], axis["range"]) == ("log", [0.0, math.log10(4)])
    assert axis["ticktext"] == ["1×", "1.25×", "1.5×", "2×", "2.5×", "3×", "4×"]


def test_the_linear_axis_shades_one_or_two_lines_and_names_the_stored_score():
    one = profile([profile_line(score=0.7784)], axis="linear")
    assert one.figure["layout"]["xaxis"]["type"] == "linear"
    assert "score 0.7784" in one.figure["layout"]["xaxis"]["title"]["text"]
    assert one.figure["data"][-1]["fillcolor"] == "c1@0.14"
    three = profile([profile_line(slug) for slug in "abc"], axis="linear")
    assert all("fill" not in trace for trace in three.figure["data"])
    assert all("fill" not in trace for trace in profile([profile_line()]).figure["data"])


def test_the_best_line_is_drawn_last_so_that_it_lies_on_top():
    lines = [profile_line("first"), profile_line("quiet", slot=1, in_colour=False), profile_line("second", slot=2)]
    assert [trace["name"] for trace in profile(lines).figure["data"]] == ["Quiet", "Second", "First"]


def test_lines_in_the_background_are_thin_and_grey_but_keep_their_colour_for_the_legend():
    quiet = profile([profile_line(slot=3, in_colour=False)])
    (trace,) = quiet.figure["data"]
    assert (trace["line"]["color"], trace["opacity"], trace["meta"]["on"]) == ("ctx", 0.55, "c4")
    drawn = next(part for part in images(quiet)[0].iter() if part.get("data-trace"))
    assert (drawn.get("class"), drawn.get("data-on"), drawn.get("data-off")) == ("s sx thin", "s s4", "s sx thin")
    assert not quiet.legend[0].is_on


def test_the_top_five_and_the_baseline_are_in_colour_unless_others_are_asked_for():
    lines = [profile_line(f"s{index}") for index in range(8)] + [profile_line("base", is_baseline=True)]
    assert [line.slug for line in charts.choose_in_colour(lines) if line.in_colour] == [
        "s0", "s1", "s2", "s3", "s4", "base",
    ]  # fmt: skip
    chosen = charts.choose_in_colour(lines, ["s7", "nobody", "s6"])
    assert [line.slug for line in chosen if line.in_colour] == ["s6", "s7"]


def test_no_more_than_twelve_lines_get_a_colour():
    lines = [profile_line(f"s{index}") for index in range(20)]
    assert sum(line.in_colour for line in charts.choose_in_colour(lines, [line.slug for line in lines])) == 12


def test_above_sixty_the_background_is_one_band():
    lines = charts.choose_in_colour([profile_line(f"s{index}", slot=index) for index in range(80)])
    chart = profile(lines)
    assert len(chart.figure["data"]) == 6 + 2
    assert chart.wide.count("<path") < 40
    assert len(chart.table.rows) == 80
    assert len(json.dumps(chart.figure)) < 30_000


def test_lines_of_one_level_are_drawn_side_by_side():
    chart = profile([profile_line("a"), profile_line("b", slot=1)])
    starts = {re.match(r"M52\.0 ([\d.]+)", path)[1] for path in re.findall(r'd="(M52\.0 [^"]+)"', chart.wide)}
    assert len(starts) == 2


def test_the_table_says_at_some_taus_how_many_workloads_are_solved():
    table = profile([profile_line()]).table
    assert table.columns == ("Submission", "Score", "τ ≤ 1", "τ ≤ 1.25", "τ ≤ 1.5", "τ ≤ 2", "τ ≤ 3", "τ ≤ 4")
    assert table.rows == (("Fast", "0.7500", "4/8", "4/8", "4/8", "8/8", "8/8", "8/8"),)


def test_an_empty_board_is_an_empty_plot_that_says_so():
    chart = profile([])
    assert (chart.summary, chart.figure["data"], chart.table.rows) == ("No submission is ranked yet.", [], ())
    assert len(images(chart)) == 2


def test_a_long_name_is_cut_beside_its_line_and_whole_in_table_and_title():
    name = "An optimizer " * 9
    chart = profile([profile_line(name=name)])
    labels = [part.text for part in images(chart)[0].iter() if part.get("class") == "lab"]
    assert labels == ["An optimizer An optim…"]
    assert chart.table.rows[0][0] == name.strip()


# --- training curves --------------------------------------------------------------------------------------------


def test_a_curve_shows_its_target_and_marks_its_first_hit():
    chart = curves([curve_line()])
    curve, dot = chart.figure["data"]
    assert (curve["x"], curve["y"], dot["x"], dot["y"]) == ([10.0, 20.0, 30.0], [0.1, 0.3, 0.6], [30.0], [0.6])
    assert chart.figure["layout"]["shapes"][0]["y0"] == 0.5
    assert chart.figure["layout"]["annotations"][0]["text"] == "target 0.5"
    assert chart.wide.count("<circle") == 1
    assert "1 reached it, Trial 1 first, after 0:00:30.0" in chart.summary


def test_a_curve_that_missed_has_no_mark():
    chart = curves([curve_line(hit=None)])
    assert len(chart.figure["data"]) == 1
    assert "<circle" not in chart.wide
    assert chart.table.rows == (("Trial 1", "0.6", "inf", "3"),)


def test_diverged_evaluations_are_gaps():
    chart = curves([curve_line(values=(0.1, None, 0.3, 0.4), hit=None)])
    assert chart.figure["data"][0]["y"] == [0.1, None, 0.3, 0.4]
    drawn = next(part for part in images(chart)[0].iter() if part.get("data-trace"))
    assert drawn.get("d").count("M") == 2


def test_the_end_of_the_budget_is_drawn_when_it_is_in_sight():
    near, far = curves([curve_line()], budget_s=28.0), curves([curve_line()], budget_s=500.0)
    assert near.figure["layout"]["shapes"][1]["x0"] == 28.0
    assert 'class="bud"' in near.wide
    assert len(far.figure["layout"]["shapes"]) == 1
    assert 'class="bud"' not in far.wide


def test_steps_can_be_the_axis():
    chart = curves([curve_line()], axis="step")
    assert chart.figure["data"][0]["x"] == [0.0, 100.0, 200.0]
    assert chart.figure["layout"]["xaxis"]["title"]["text"] == "Step"


def test_a_loss_can_fall_over_decades():
    lines = [curve_line(values=(10.0, 1.0, 0.01), hit=2)]
    options = {"target": 0.02, "higher_is_better": False, "metric": "loss"}
    chart = curves(lines, log_y=True, **options)
    assert chart.figure["layout"]["yaxis"]["type"] == "log"
    assert chart.figure["layout"]["annotations"][0]["y"] == math.log10(0.02)
    assert curves([curve_line(values=(0.0, 1.0, 1.0))], log_y=True).figure["layout"]["yaxis"]["type"] == "linear"


def test_a_single_evaluation_is_a_dot():
    alone, more = curves([curve_line(values=(0.1,), hit=None)]), curves([curve_line(values=(0.1, 0.2), hit=None)])

    assert [chart.figure["data"][0]["mode"] for chart in (alone, more)] == ["markers", "lines"]
    assert [str(chart.wide).count("<circle") for chart in (alone, more)] == [1, 0]


def test_a_long_curve_is_thinned_and_keeps_its_extremes_and_its_hit():
    values = [math.sin(index / 50) for index in range(5000)]
    values[1234] = 9.0
    points = tuple(charts.Point(time_s=float(index), step=index, value=value) for index, value in enumerate(values))
    chart = curves([curve_line(points=points, hit=2345)], target=0.5)
    shown, dot = chart.figure["data"]
    assert len(shown["x"]) <= MOST_POINTS
    assert max(shown["y"]) == 9.0
    assert (shown["x"][0], shown["x"][-1], dot["x"]) == (0.0, 4999.0, [2345.0])


def test_five_full_curves_stay_a_small_figure():
    points = tuple(charts.Point(time_s=1.23456 * i, step=i, value=0.5) for i in range(200))
    chart = curves([curve_line(number, points=points, hit=None) for number in range(1, 6)])
    assert len(json.dumps(chart.figure)) < 60_000


def test_curves_without_any_evaluation_are_an_empty_plot():
    chart = curves([curve_line(values=(), hit=None)])
    assert chart.table.rows == (("Trial 1", "NaN", "inf", "0"),)
    assert len(images(chart)) == 2


# --- workload bars ----------------------------------------------------------------------------------------------


def test_bars_stand_fastest_first_with_their_time_and_mark():
    chart = bars([bar("slow", 45.0, "double_dagger"), bar("fast", 15.0), bar("base", 30.0, is_baseline=True)])
    trace = chart.figure["data"][0]
    assert trace["x"] == [0.75, 0.5, 0.25]  # drawn from below
    assert trace["text"][0] == "0.75 · 0:00:45.0‡"
    assert trace["marker"]["color"] == ["accent", "ctx", "accent"]
    assert trace["marker"]["pattern"]["shape"] == ["/", "", ""]
    assert chart.figure["layout"]["yaxis"]["ticktext"] == ["Slow", "Base", "Fast"]


def test_those_without_a_time_are_listed_as_text():
    chart = bars([bar(), bar("missed", None, "inf"), bar("never", None, "NaN")])
    assert chart.notes == ("Missed: inf", "Never: NaN")
    assert chart.table.rows[1:] == (("Missed", "inf", "inf", "inf"), ("Never", "NaN", "NaN", "NaN"))
    assert len(chart.figure["data"][0]["x"]) == 1


def test_two_submissions_of_one_name_keep_two_bars():
    trace = bars([bar("a", 10.0, name="Same"), bar("b", 20.0, name="Same")]).figure["data"][0]
    assert len(set(trace["y"])) == 2


def test_a_workload_nobody_reached_is_an_empty_plot():
    chart = bars([bar("missed", None, "inf")])
    assert chart.summary == "No submission reached the target."
    assert len(images(chart)) == 2


# --- axes and labels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longest_s", "unit", "texts"),
    [
        (60.0, "s", ["0", "10", "20", "30", "40", "50", "60"]),
        (5400.0, "min", ["0", "15", "30", "45", "60", "75", "90"]),
        (10_800.0, "h:mm", ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00"]),
        (0.0, "s", ["0", "1"]),
    ],
)
def test_time_is_written_in_the_unit_that_reads_best(longest_s, unit, texts):
    axis = time_axis(longest_s)
    assert (axis.unit, [tick.text for tick in axis.ticks]) == (unit, texts)


def test_a_linear_axis_begins_and_ends_at_round_numbers():
    axis = linear_axis([0.027, 0.284])
    assert (axis.low, axis.high) == pytest.approx((0.0, 0.3))
    assert [tick.text for tick in axis.ticks] == ["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]


def test_shares_are_named_as_long_as_there_is_room():
    assert [tick.text for tick in share_ticks(2)] == ["0/2", "1/2", "2/2"]
    assert len(share_ticks(100)) <= 10


def test_the_tau_limit_is_always_a_tick():
    assert [tick.value for tick in profile_ticks(2.2)] == [1.0, 1.25, 1.5, 2.0, 2.2]
    assert [tick.text for tick in profile_ticks(3.0, is_log=False)] == ["1×", "1.5×", "2×", "2.5×", "3×"]


def test_values_outside_a_scale_lie_on_its_edge():
    scale = Scale(low=1.0, high=4.0, start=0.0, end=100.0, is_log=True)
    assert (scale(0.1), scale(2.0), scale(9.0)) == pytest.approx((0.0, 50.0, 100.0))


quick = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


@quick
@given(NUMBERS)
def test_every_value_lies_inside_its_linear_axis(values):
    axis = linear_axis(values)
    slack = 1e-6 * (axis.high - axis.low)
    assert axis.low - slack <= min(values)
    assert max(values) <= axis.high + slack
    assert 2 <= len(axis.ticks) <= 12


@quick
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20))
def test_every_value_lies_inside_its_logarithmic_axis(values):
    axis = log_axis(values)
    assert axis.low < min(values) <= max(values) < axis.high


@quick
@given(st.lists(st.floats(0, 300), max_size=15).map(sorted))
def test_labels_never_overlap_and_stay_in_order(wanted):
    places = spread(wanted, gap=17.0, low=0.0, high=300.0)
    assert all(after - before >= 17.0 - 1e-6 for before, after in itertools.pairwise(places))
    assert all(-1e-6 <= place <= 300.0 + 1e-6 for place in places)


@quick
@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=60), st.integers(8, 40))
def test_thinning_keeps_ends_extremes_and_the_limit(values, most):
    points = [charts.Point(time_s=float(index), step=index, value=value) for index, value in enumerate(values)]
    kept = thin(points, most=most)
    measured = [value for value in values if value is not None]
    assert (len(kept) <= most, kept[0], kept[-1]) == (True, points[0], points[-1])
    if measured:
        shown = [point.value for point in kept if point.value is not None]
        assert (min(shown), max(shown)) == (min(measured), max(measured))


# --- the script -------------------------------------------------------------------------------------------------


def test_the_script_holds_the_places_of_the_style_sheets_that_the_pinned_library_would_inject():
    bundle = (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_text()
    for name in re.findall(r'const STYLES = \["([^"]+)", "([^"]+)"\]', SCRIPT)[0]:
        assert name.removesuffix("global") in bundle
    assert bundle.count('createElement("style")') == 2


def test_the_script_evaluates_nothing_and_writes_no_markup():
    assert not re.search(
        r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|\.style\b|document\.write", SCRIPT
    )
