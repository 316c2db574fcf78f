import math

import pytest

from scoring import ScoringError, geometric_mean_time_ratio, percent_change, published_time_ratio

INF, NAN = math.inf, math.nan
BASE = ("wmt", "ogbg")
BUDGETS = {"wmt": 100.0, "ogbg": 50.0}


def test_the_mean_is_geometric():
    ratio = geometric_mean_time_ratio(
        {"wmt": 20.0, "ogbg": 10.0}, {"wmt": 40.0, "ogbg": 5.0}, base=BASE, budgets_s=BUDGETS
    )
    assert ratio == pytest.approx(1.0)


@pytest.mark.parametrize("missed", [INF, NAN])
def test_on_pages_a_missed_workload_counts_as_the_full_budget(missed):
    ratio = geometric_mean_time_ratio(
        {"wmt": missed, "ogbg": 25.0}, {"wmt": 25.0, "ogbg": 25.0}, base=BASE, budgets_s=BUDGETS
    )
    assert ratio == pytest.approx(2.0)


def test_the_published_mean_adds_a_second_to_the_budget():
    ratio = published_time_ratio({"wmt": INF}, {"wmt": 50.5}, base=("wmt",), budgets_s=BUDGETS)
    assert ratio == pytest.approx(2.0)


def test_one_unmeasured_workload_makes_the_published_mean_nan():
    assert math.isnan(published_time_ratio({"wmt": 1.0}, {"wmt": 1.0}, base=BASE, budgets_s=BUDGETS))


def test_percent_is_signed():
    assert percent_change(0.75) == -25.0


def test_a_workload_without_budget_is_refused():
    with pytest.raises(ScoringError, match="wmt has no budget"):
        geometric_mean_time_ratio({}, {}, base=("wmt",), budgets_s={})


def test_a_mean_over_nothing_is_refused():
    with pytest.raises(ScoringError, match="no workloads"):
        published_time_ratio({}, {}, base=(), budgets_s={})
