"""How numbers and moments look."""

import math
from datetime import UTC, datetime

import pytest

from leaderboard.templatetags import shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00:00.0"),
        (12.44, "0:00:12.4"),
        (599.94, "0:09:59.9"),
        (599.96, "0:10:00"),
        (3600, "1:00:00"),
        (47445.2, "13:10:45"),
        (None, "–"),
        (math.inf, "inf"),
        (math.nan, "NaN"),
    ],
)
def test_times_are_hours_minutes_seconds_with_tenths_while_short(seconds, text):
    assert shown.hms(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0017486, "0.0017486"),
        (4.035e-4, "4.035e-4"),
        (-0.5, "−0.5"),
        (1e6, "1e6"),
        (123456, "123460"),
        (0, "0"),
        (True, "true"),
        ("ADAM", "ADAM"),
        (None, "–"),
    ],
)
def test_hyperparameters_have_five_digits_and_booleans_are_words(value, text):
    assert shown.five_digits(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.72, "−28\u00a0%"), (1.16, "+16\u00a0%"), (1.0, "0\u00a0%"), (None, "–")]
)
def test_a_time_against_the_baseline_is_signed_whole_percent(ratio, text):
    assert shown.percent_change(ratio) == text


def test_scores_fractions_and_multiples():
    assert (shown.score(0.77841), shown.fraction(0.654), shown.multiple(1.5349)) == ("0.7784", "0.65", "1.53×")
    assert (shown.signed(0.2077), shown.signed(-0.1)) == ("+0.2077", "−0.1000")
    assert (shown.signed(0.0), shown.signed(-1e-9)) == ("0.0000", "0.0000")


def test_moments_are_elements_with_the_time_zone_written_out():
    when = datetime(2026, 3, 8, 10, 5, tzinfo=UTC)

    assert shown.moment(when) == '<time datetime="2026-03-08T10:05:00+00:00">8 Mar 2026 10:05 UTC</time>'
    assert shown.moment(None) == "–"


@pytest.mark.parametrize(("seconds", "text"), [(12, "12 s"), (240, "4 min"), (3 * 3600, "3 h"), (3 * 86400, "3 d")])
def test_how_long_ago_is_one_unit(seconds, text):
    assert shown.ago(seconds) == text
