import math
from dataclasses import replace

import pytest

from scoring import DOCUMENTED, PUBLISHED, InvalidTimes, StudyTime, read_curve, study_time, workload_time

INF, NAN = math.inf, math.nan
QUICK_IN_SECONDS = read_curve([10, 20, 30], [0.1, 0.2, 0.9])  # hits in its third evaluation, after 30 s
FEW_EVALUATIONS = read_curve([90, 100], [0.1, 0.9])  # hits in its second, after 100 s
MISSES = read_curve([10, 20], [0.1, 0.2])
NEVER_RAN = read_curve([], [])


def time_of(trials, rules=DOCUMENTED):
    return study_time(trials, 0.5, higher_is_better=True, rules=rules)


def studies(*times):
    return {key: StudyTime(time_s=time) for key, time in enumerate(times)}


def test_the_documented_rule_takes_the_least_time():
    assert time_of({1: FEW_EVALUATIONS, 2: QUICK_IN_SECONDS}) == StudyTime(time_s=30, trial=2, evaluation=2)


def test_the_published_rule_takes_the_fewest_evaluations():
    study = time_of({1: QUICK_IN_SECONDS, 2: FEW_EVALUATIONS}, PUBLISHED)
    assert study == StudyTime(time_s=100, trial=2, evaluation=1)


def test_the_published_rule_breaks_ties_by_time():
    slower = read_curve([90, 110], [0.1, 0.9])
    assert time_of({1: slower, 2: FEW_EVALUATIONS}, PUBLISHED).trial == 2


@pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])
def test_trials_that_are_equal_in_everything_go_to_the_lowest_key(rules):
    assert time_of({3: FEW_EVALUATIONS, 2: FEW_EVALUATIONS}, rules).trial == 2


def test_a_study_whose_trials_all_miss_is_inf():
    study = time_of({1: MISSES, 2: MISSES})
    assert study == StudyTime(time_s=INF)
    assert not study.reached


@pytest.mark.parametrize("trials", [{}, {1: NEVER_RAN, 2: NEVER_RAN}])
def test_a_study_without_measurements_is_empty(trials):
    assert time_of(trials).is_empty


def test_a_trial_without_measurements_is_skipped():
    assert time_of({1: NEVER_RAN, 2: FEW_EVALUATIONS}).trial == 2


def test_the_runtime_is_the_median_over_studies():
    runtime = workload_time(studies(30, 10, 20), expected_studies=3, rules=DOCUMENTED)
    assert (runtime.time_s, runtime.num_reached) == (20, 3)


def test_the_median_of_an_even_number_of_studies_is_the_mean_of_the_middle_two():
    assert workload_time(studies(10, 20), expected_studies=2, rules=PUBLISHED).time_s == 15
    assert workload_time(studies(10, INF), expected_studies=2, rules=PUBLISHED).time_s == INF


def test_missed_studies_take_part_in_the_median():
    runtime = workload_time(studies(10, INF, INF), expected_studies=3, rules=DOCUMENTED)
    assert (runtime.time_s, runtime.num_reached) == (INF, 1)


@pytest.mark.parametrize(("rules", "time_s"), [(PUBLISHED, 15), (DOCUMENTED, INF)])
def test_empty_studies_are_dropped_or_count_as_missed(rules, time_s):
    assert workload_time(studies(10, 20, NAN, NAN), expected_studies=4, rules=rules).time_s == time_s


@pytest.mark.parametrize(("rules", "time_s"), [(PUBLISHED, 10), (DOCUMENTED, INF)])
def test_a_study_that_was_expected_and_never_ran_is_an_empty_study(rules, time_s):
    assert workload_time(studies(10), expected_studies=3, rules=rules).time_s == time_s


def test_one_absent_study_of_three_moves_the_documented_median_to_the_slower_one():
    assert workload_time(studies(10, 20), expected_studies=3, rules=DOCUMENTED).time_s == 20


@pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])
@pytest.mark.parametrize("times", [(), (NAN, NAN)])
def test_a_workload_nobody_measured_is_nan_under_both_rule_sets(rules, times):
    assert math.isnan(workload_time(studies(*times), expected_studies=3, rules=rules).time_s)


def test_the_two_fields_of_a_rule_set_are_independent():
    mixed = replace(PUBLISHED, empty_study=DOCUMENTED.empty_study)
    assert workload_time(studies(10), expected_studies=3, rules=mixed).time_s == INF


@pytest.mark.parametrize("time_s", [0, -1])
def test_a_study_time_that_is_not_positive_is_refused(time_s):
    with pytest.raises(InvalidTimes, match="study 0"):
        workload_time(studies(time_s), expected_studies=1, rules=DOCUMENTED)
