"""What each oddity of a log is worth in the end: the time of one workload."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring import DOCUMENTED, PUBLISHED, InvalidLogs
from scoring.axes import Axes, Task
from scoring.logs import Evaluations
from scoring.logs.evaluations import parse_evaluations
from scoring.logs.records import TrialLog, make_submission
from scoring.logs.times import board_times, submission_times

HEADER = "accumulated_submission_time,global_step,validation/ssim\n"
SSIM = Task(metric="ssim", higher_is_better=True, target=0.7)
AXES = Axes(base={"fastmri": SSIM}, studies=3)
HITS_AT_20 = "10,1,0.5\n20,2,0.8\n30,3,0.9\n"
MISSES = "10,1,0.5\n20,2,0.6\n"
RULES = pytest.mark.parametrize("rules", [PUBLISHED, DOCUMENTED])


def trial(body, *, study=0, number=1, workload="fastmri", framework="jax", header=HEADER):
    text = body if isinstance(body, Evaluations) else parse_evaluations((header + body).encode(), "here")
    return TrialLog(workload=workload, framework=framework, study=study, trial=number, source="here", evaluations=text)


def submission(*trials, name="amos"):
    return make_submission(name, trials)


def time_of(*trials, rules=PUBLISHED, axes=AXES):
    return submission_times(submission(*trials), axes, rules)["fastmri"].time_s


def in_each_study(body):
    return [trial(body, study=study) for study in range(3)]


@pytest.mark.parametrize(
    ("body", "time_s"),
    [
        (HITS_AT_20, 20),
        (MISSES, math.inf),
        ("", math.nan),
        ("20,2,0.8\n10,1,0.5\n30,3,0.9\n", 20),  # unsorted
        ("30,3,0.9\n20,2,0.8\n10,1,0.5\n", 20),
        (HITS_AT_20 * 2, 20),  # every row twice
        ("0,0,0.9\n" + HITS_AT_20, 20),  # the initial model
        ("-5,0,0.9\n" + HITS_AT_20, 20),
        ("nan,1,0.9\ninf,2,0.9\n,3,0.9\n" + HITS_AT_20, 20),  # no time
        ("15,1,\n16,1,nan\n17,1,inf\n18,1,-inf\n" + HITS_AT_20, 20),  # no value
        ("10,1,\n20,2,\n", math.inf),  # measured, and diverged from the start
        ("nan,1,0.9\n", math.nan),  # a table that measured nothing
        ("10,1,0.7\n", 10),  # exactly at the target
        ("10,1,0.6999999999999999\n", math.inf),
        ("99999,1,0.9\n", 99999),  # after any budget: the trainer ends a trial at its budget, not the scorer
    ],
)
@RULES
def test_every_oddity_of_a_table_has_its_time(body, time_s, rules):
    assert time_of(*in_each_study(body), rules=rules) == pytest.approx(time_s, nan_ok=True)


def test_a_missing_trial_leaves_its_study_to_the_others():
    study_without_trial_2 = [trial(MISSES, number=1), trial(HITS_AT_20, number=5)]
    assert time_of(*study_without_trial_2) == 20


@pytest.mark.parametrize(("rules", "time_s"), [(PUBLISHED, 20), (DOCUMENTED, math.inf)])
def test_a_missing_study_is_dropped_or_missed(rules, time_s):
    assert time_of(trial(HITS_AT_20, study=2), rules=rules) == time_s


@pytest.mark.parametrize(("rules", "time_s"), [(PUBLISHED, 20), (DOCUMENTED, math.inf)])
def test_a_study_of_empty_tables_is_dropped_or_missed(rules, time_s):
    assert time_of(trial(HITS_AT_20), trial("", study=1), trial("", study=2), rules=rules) == time_s


def test_more_trials_and_studies_than_the_edition_asks_for_all_count():
    trials = [trial(f"{10 * study + 10},1,0.8\n", study=study, number=study + 7) for study in range(5)]
    assert time_of(*trials) == 30


def test_workloads_that_are_not_scored_are_listed_and_their_tables_not_read():
    broken = Evaluations(source="there", fault="broken")
    times = board_times([submission(trial(HITS_AT_20), trial(broken, workload="cifar"))], AXES, PUBLISHED)
    assert (times.times_s, times.ignored) == ({"amos": {"fastmri": 20.0}}, ("cifar",))


def test_a_workload_that_a_submission_did_not_run_is_nan():
    times = board_times([submission(trial(HITS_AT_20)), submission(name="lawa")], AXES, PUBLISHED).times_s
    assert math.isnan(times["lawa"]["fastmri"])


def test_a_broken_table_of_a_scored_workload_is_an_error():
    with pytest.raises(InvalidLogs, match="there: broken"):
        time_of(trial(Evaluations(source="there", fault="broken")))


def test_a_submission_with_problems_is_an_error():
    twice = submission(trial(HITS_AT_20), trial(HITS_AT_20))
    with pytest.raises(InvalidLogs, match="amos: fastmri, study 0, trial 1 is there twice"):
        board_times([twice], AXES, PUBLISHED)


def test_a_log_without_the_metric_missed_the_target():
    other = trial("10,1,0.9\n", study=1, header=HEADER.replace("ssim", "loss"))
    times = board_times([submission(trial(HITS_AT_20), other)], AXES, PUBLISHED)
    assert times.times_s["amos"]["fastmri"] == math.inf


def test_a_metric_that_no_log_has_is_an_error():
    psnr = Axes(base={"fastmri": Task(metric="psnr", higher_is_better=True, target=0.7)}, studies=3)
    with pytest.raises(InvalidLogs, match=r"no trial of fastmri has logged validation/psnr; .*validation/ssim"):
        board_times([submission(trial(HITS_AT_20))], psnr, PUBLISHED)


ROWS = st.lists(
    st.tuples(
        st.one_of(st.floats(0.5, 99), st.sampled_from([0.0, -1.0, math.nan, math.inf])),
        st.one_of(st.floats(0, 1), st.just(math.nan)),
    ),
    max_size=8,
    unique_by=lambda row: row[0],
)


def body(rows):
    return "".join(f"{time_s!r},0,{value!r}\n" for time_s, value in rows)


@given(ROWS, st.randoms(use_true_random=False), st.sampled_from([PUBLISHED, DOCUMENTED]))
def test_order_repetition_and_rows_without_a_time_change_nothing(rows, random, rules):
    again = [*rows, *random.sample(rows, len(rows) // 2), (0.0, 0.95), (math.nan, 0.95)]
    random.shuffle(again)
    straight, shuffled = (time_of(trial(body(some)), rules=rules) for some in (rows, again))
    assert straight == shuffled or (math.isnan(straight) and math.isnan(shuffled))


@given(ROWS, st.integers(-8, 8), st.sampled_from([PUBLISHED, DOCUMENTED]))
def test_another_unit_of_time_scales_the_time(rows, exponent, rules):
    scaled = [(time_s * 2.0**exponent, value) for time_s, value in rows]
    assert time_of(*in_each_study(body(scaled)), rules=rules) == pytest.approx(
        time_of(*in_each_study(body(rows)), rules=rules) * 2.0**exponent, rel=0, abs=0, nan_ok=True
    )


@given(ROWS, st.floats(0.0, 0.9), st.sampled_from([PUBLISHED, DOCUMENTED]))
def test_evaluations_after_the_hit_change_nothing(rows, value, rules):
    first = time_of(*in_each_study(body(rows)), rules=rules)
    later = [*rows, (1_000.0, value)]
    if math.isfinite(first):
        assert time_of(*in_each_study(body(later)), rules=rules) == first
