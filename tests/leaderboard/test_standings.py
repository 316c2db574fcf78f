import dataclasses

import pytest

from leaderboard import standings
from leaderboard.errors import ImmutableRow
from leaderboard.models import Attempt, Board, Standing, Submission, Trial
from tests import factories
from tests.leaderboard import boards
from tests.leaderboard.boards import EDITION, finish_trial, ran
from workloads import editions

pytestmark = pytest.mark.django_db

FAST = {"imagenet_resnet": 10.0, "ogbg": 20.0, "ogbg_gelu": 20.0}
SLOW = {"imagenet_resnet": 20.0, "ogbg": 40.0, "ogbg_gelu": 30.0}
BOARD = ("tiny", "r1", "self_tuning", "cpu2", "Example CPU")


@pytest.fixture(autouse=True)
def _tiny_edition(monkeypatch):
    monkeypatch.setattr(editions, "load", lambda name: EDITION)


def ranked(snapshot):
    return [(row.rank, row.submission.slug) for row in Standing.objects.for_table(snapshot)]


def test_published_submissions_are_ranked_by_their_measurements():
    ran(SLOW, slug="slow")
    ran(FAST, slug="fast")
    snapshot = standings.recompute_board(*BOARD)
    assert ranked(snapshot) == [(1, "fast"), (2, "slow")]
    fast, slow = Standing.objects.for_table(snapshot)
    assert (fast.benchmark_score, slow.benchmark_score) == pytest.approx((1.0, 2 / 3))
    assert (slow.benchmark_score, slow.published_score) == (slow.documented_score, pytest.approx((99.5 - 33) / 99))
    assert (slow.rank_best, slow.rank_worst, slow.speedup) == (2, 2, None)
    assert slow.cells["ogbg"]["raw_s"] == 40.0
    assert slow.cells["ogbg_gelu"]["ratio"] == 1.5
    assert len(slow.profile) == 100


def test_the_board_shows_the_new_snapshot():
    ran(FAST)
    snapshot = standings.recompute_board(*BOARD, reason="Fast was published.")
    board = Board.objects.get()
    assert (board.current, snapshot.number, snapshot.rules) == (snapshot, 1, "documented")
    assert snapshot.reason == "Fast was published."


def test_nothing_new_makes_no_new_snapshot():
    ran(FAST)
    first = standings.recompute_board(*BOARD)
    assert standings.recompute_board(*BOARD) == first
    assert Standing.objects.count() == 1


def test_a_new_submission_makes_the_next_snapshot_and_the_old_one_stays():
    ran(FAST, slug="fast")
    first = standings.recompute_board(*BOARD)
    ran(SLOW, slug="slow")
    second = standings.recompute_board(*BOARD)
    assert (second.number, ranked(first), len(ranked(second))) == (2, [(1, "fast")], 2)
    with pytest.raises(ImmutableRow):
        first.delete()


def test_the_time_against_the_baseline_is_stored():
    ran(FAST, slug="fast")
    ran(SLOW, slug="baseline", is_baseline=True)
    fast, baseline = Standing.objects.for_table(standings.recompute_board(*BOARD))
    assert (fast.speedup, baseline.speedup) == (pytest.approx(0.5), pytest.approx(1.0))


@pytest.mark.parametrize("status", ["withdrawn", "disqualified", "incomplete"])
def test_a_submission_that_is_not_published_is_listed_with_its_reason(status):
    ran(FAST, slug="fast")
    ran(SLOW, slug="slow", name="Slow", status=status, status_note="Somebody said so.")
    snapshot = standings.recompute_board(*BOARD)
    assert ranked(snapshot) == [(1, "fast")]
    assert snapshot.document["not_ranked"] == [
        {"submission": "slow", "name": "Slow", "status": status, "reason": "Somebody said so."}
    ]


@pytest.mark.parametrize("status", ["queued", "running", "scoring", "in_review", "cancelled", "draft"])
def test_a_submission_on_its_way_is_neither_ranked_nor_listed(status):
    ran(FAST, status=status)
    snapshot = standings.recompute_board(*BOARD)
    assert (ranked(snapshot), snapshot.document["not_ranked"]) == ([], [])


@pytest.mark.parametrize("left_out", ["ogbg", "ogbg_gelu"])
def test_a_published_submission_that_did_not_run_everything_is_listed_not_ranked(left_out):
    ran({name: time_s for name, time_s in FAST.items() if name != left_out}, slug="partial")
    snapshot = standings.recompute_board(*BOARD)
    assert ranked(snapshot) == []
    assert [(row["status"], row["reason"]) for row in snapshot.document["not_ranked"]] == [
        ("incomplete", "Ran 2 of 3 workloads in full.")
    ]


@pytest.mark.parametrize("status", [Trial.Status.GIVEN_UP, Trial.Status.CANCELLED, Trial.Status.QUEUED])
def test_a_trial_without_a_result_makes_its_submission_incomplete(status):
    submission = ran(FAST)
    Trial.objects.filter(study__submission=submission, study__workload="ogbg", study__number=2).update(status=status)
    assert standings.missing_runs(submission) == "Ran 2 of 3 workloads in full."
    assert ranked(standings.recompute_board(*BOARD)) == []


def test_a_submission_that_ran_everything_misses_nothing():
    assert standings.missing_runs(ran(FAST)) == ""


def test_a_trial_that_crashed_before_its_first_evaluation_is_a_result_without_measurements():
    submission = ran(FAST, slug="fast")
    ran(SLOW, slug="slow")
    Attempt.objects.filter(trial__study__submission=submission, trial__study__workload="ogbg").get(
        trial__study__number=1
    ).evaluations.all().delete()
    fast = Standing.objects.for_table(standings.recompute_board(*BOARD)).get(submission=submission)
    # Under the documented rules the empty study counts as missed, so the median of the two is inf.
    assert (fast.cells["ogbg"]["mark"], fast.cells["ogbg"]["reached"]) == ("inf", 1)


def test_evaluations_of_a_lost_attempt_do_not_count():
    submission = ran(FAST)
    trial = Trial.objects.get(study__submission=submission, study__workload="ogbg", study__number=1)
    lost = factories.AttemptFactory(trial=trial, number=2, status=Attempt.Status.LOST)
    factories.EvaluationFactory(attempt=lost, charged_s=1.0, metrics={"validation/mean_average_precision": 0.9})
    snapshot = standings.recompute_board(*BOARD)
    assert Standing.objects.for_table(snapshot).get().cells["ogbg"]["raw_s"] == 20.0


def test_an_invalid_evaluation_never_reaches_a_target():
    submission = ran(FAST)
    attempt = Attempt.objects.get(trial__study__submission=submission, trial__study__workload="ogbg_gelu")
    attempt.evaluations.filter(number=2).update(is_valid=False)
    snapshot = standings.recompute_board(*BOARD)
    assert Standing.objects.for_table(snapshot).get().cells["ogbg_gelu"]["mark"] == "inf"


def test_the_published_successor_of_a_submission_takes_its_place():
    first = ran(SLOW, slug="first")
    ran(FAST, slug="second", version=2, previous=first)
    assert ranked(standings.recompute_board(*BOARD)) == [(1, "second")]


@pytest.mark.parametrize(
    "fields", [{"ruleset": "external"}, {"revision": "r0"}, {"hardware_model": "Other CPU"}, {"hardware_class": "gpu8"}]
)
def test_boards_never_mix(fields):
    submission = ran(FAST)
    Submission.objects.filter(pk=submission.pk).update(**fields)
    assert ranked(standings.recompute_board(*BOARD)) == []


def test_an_empty_board_has_an_empty_snapshot():
    snapshot = standings.recompute_board(*BOARD)
    assert (snapshot.document["submissions"], snapshot.standings.count()) == ({}, 0)


def test_a_board_knows_that_it_is_up_to_date_again():
    submission = ran(FAST, awaits_standings=True)
    other = ran(SLOW, awaits_standings=True, ruleset="external")
    standings.recompute_board_of(submission)
    submission.refresh_from_db()
    other.refresh_from_db()
    assert (submission.awaits_standings, other.awaits_standings) == (False, True)


def test_an_old_revision_is_scored_with_the_targets_of_its_own_snapshot(monkeypatch):
    ran(FAST, slug="fast")
    slow = ran(SLOW, slug="slow")
    standings.recompute_board(*BOARD)
    monkeypatch.setattr(editions, "load", lambda name: dataclasses.replace(EDITION, revision="r2", workloads=()))
    Submission.objects.filter(pk=slow.pk).update(status="disqualified")
    assert ranked(standings.recompute_board(*BOARD)) == [(1, "fast")]


def test_a_revision_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="nothing is known about revision r0"):
        standings.recompute_board("tiny", "r0", "self_tuning", "cpu2")


def test_a_frozen_board_keeps_its_snapshot():
    ran(FAST)
    frozen = standings.recompute_board(*BOARD)
    Board.objects.update(is_frozen=True)
    ran(SLOW)
    assert standings.recompute_board(*BOARD) == frozen


def test_a_removal_is_previewed_without_being_stored():
    fast, slow = ran(FAST, slug="fast"), ran(SLOW, slug="slow", name="Slow")
    snapshot = standings.recompute_board(*BOARD)
    (move,) = standings.preview_removal(snapshot, fast)
    assert (move.slug, move.name, move.rank_before, move.rank_after, move.changes) == ("slow", "Slow", 2, 1, True)
    assert (move.score_before, move.score_after) == (pytest.approx(2 / 3), 1.0)
    (move,) = standings.preview_removal(snapshot, slow)
    assert not move.changes
    assert Board.objects.get().current == snapshot


def test_the_number_of_queries_does_not_grow_with_the_board(django_assert_max_num_queries):
    for _ in range(2):
        ran(FAST)
    with django_assert_max_num_queries(16):
        standings.recompute_board(*BOARD)
    for _ in range(5):
        ran(FAST)
    with django_assert_max_num_queries(16):
        standings.recompute_board(*BOARD)


def test_external_tuning_takes_the_fastest_trial_of_each_study():
    submission = ran({}, slug="external", ruleset="external")
    for workload, studies in {**boards.STUDIES, "imagenet_resnet": 3, "ogbg": 3}.items():
        for study in range(1, studies + 1):
            first = finish_trial(submission, workload, study, 40.0)
            second = factories.TrialFactory(study=first.study, number=2, status=Trial.Status.FINISHED)
            attempt = factories.AttemptFactory(trial=second, status=Attempt.Status.FINISHED)
            metric = "accuracy" if workload == "imagenet_resnet" else "mean_average_precision"
            factories.EvaluationFactory(attempt=attempt, charged_s=7.0, metrics={f"validation/{metric}": 0.9})
    snapshot = standings.recompute_board_of(submission)
    cell = Standing.objects.for_table(snapshot).get().cells["ogbg"]
    assert (cell["raw_s"], cell["study_times"][0]) == (7.0, {"study": 1, "time_s": 7.0, "trial": 2})
