"""What runs look like on a submission's page."""

from __future__ import annotations

import math

import pytest
from django.utils import timezone

from leaderboard import results
from leaderboard.models import Attempt, Host, Trial
from tests.factories import HostFactory
from tests.leaderboard import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def host() -> Host:
    row: Host = HostFactory()
    return row


def live(submission) -> results.LiveTrial:
    attempts = Attempt.objects.for_live(submission)
    return results.live_trials(submission, attempts, now=timezone.now())[0]


def test_the_second_bar_says_how_far_the_best_value_has_come(edition, host):
    row = steps.sent()
    attempt = steps.run(host)
    for number, accuracy in enumerate((0.2, 0.65, 0.5)):
        payload = steps.evaluation(number, 2.5 * number, accuracy).as_json()
        steps.report(attempt, "evaluation", payload, sequence=number)

    shown = live(row)

    assert shown.best == 0.65
    assert shown.target_share == pytest.approx((0.2 - 0.65) / (0.2 - 0.8))
    assert (shown.charged_s, shown.budget_s) == (5.0, 90.0)
    assert shown.where == "small, study 1, trial 1"


@pytest.mark.parametrize(("values", "share"), [([], 0.0), ([0.9], 0.0), ([0.5, 0.1], 0.0), ([0.5, 0.95], 1.0)])
def test_the_second_bar_stays_between_its_ends(edition, host, values, share):
    row = steps.sent()
    attempt = steps.run(host)
    for number, accuracy in enumerate(values):
        payload = steps.evaluation(number, 2.5, accuracy).as_json()
        steps.report(attempt, "evaluation", payload, sequence=number)

    assert live(row).target_share == share


def test_the_median_over_studies_is_inf_when_most_missed(edition, host):
    row = steps.sent(workloads=["small"])
    steps.finish(steps.run(host), "target", 10.0)
    steps.finish(steps.run(host), "budget", 90.0)
    trials = results.trial_rows(row, Trial.objects.for_page(row))

    shown = results.workload_rows(row, trials, None)[0]

    assert shown.study_times == [10.0, None]
    assert math.isinf(shown.time_s)
    assert (shown.reached, shown.state) == (1, ("not reached", ""))
    assert shown.marks == [pytest.approx(138 * 10 / 90, abs=0.1)]


def test_open_trials_have_no_time_yet(edition, host):
    row = steps.sent(workloads=["small"])
    steps.finish(steps.run(host), "target", 10.0)
    trials = results.trial_rows(row, Trial.objects.for_page(row))

    shown = results.workload_rows(row, trials, None)[0]

    assert shown.time_s is None
    assert shown.state == ("1 trial to go", "info")


def test_the_fastest_trial_of_each_study_is_marked(edition, host):
    row = steps.sent(ruleset="external", search_space_json='[{"lr": 0.1}, {"lr": 0.2}]', workloads=["small"])
    for seconds in (20.0, 15.0, 30.0, 40.0):
        steps.finish(steps.run(host), "target", seconds)

    trials = results.trial_rows(row, Trial.objects.for_page(row))

    fastest = [entry.trial.time_to_target_s for entry in trials if entry.is_fastest]
    assert fastest == [15.0, 30.0]
    assert results.totals(trials)["reached"] == 4
