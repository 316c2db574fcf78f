"""Leases of trials to hosts, and what came of them."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from leaderboard import lifecycle
from leaderboard.errors import LeaseLost, ReportRejected
from leaderboard.models import Attempt, AuditEvent, Evaluation, Host, Submission, Trial
from tests.factories import HostFactory, StudyFactory, SubmissionFactory, TeamFactory, TrialFactory
from tests.leaderboard import steps
from tests.leaderboard.steps import claim, evaluation, finish, lease, report, result, run, run_everything, sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
S = Submission.Status
T = Trial.Status
A = Attempt.Status


def external(count: int = 3, **fields: object) -> Submission:
    """One study of `count` trials, queued."""
    submission = SubmissionFactory(sent=True, ruleset="external", **fields)
    study = StudyFactory(submission=submission, workload="small", number=1, position=0)
    for number in range(1, count + 1):
        TrialFactory(study=study, number=number)
    return submission


# --- leasing --------------------------------------------------------------------------------------------------------


def test_a_lease_goes_to_an_idle_host_and_no_second_one_follows() -> None:
    external()
    host = HostFactory()

    attempt = lease(host)

    assert (attempt.status, attempt.trial.status, attempt.number) == (A.LEASED, T.LEASED, 1)
    assert lifecycle.lease_next_trial(host.pk, now=timezone.now()) is None


@pytest.mark.parametrize(
    "away",
    [
        {"is_draining": True},
        {"heartbeat_at": None},
        {"heartbeat_at": timezone.now() - timedelta(minutes=5)},
        {"retired_at": timezone.now()},
        {"hardware_class": "gpu8"},
    ],
    ids=["draining", "never seen", "silent", "retired", "other hardware"],
)
def test_a_host_that_cannot_run_it_gets_nothing(away: dict[str, object]) -> None:
    external()

    assert lifecycle.lease_next_trial(HostFactory(**away).pk, now=timezone.now()) is None


def test_trials_of_one_study_run_one_after_the_other_on_however_many_hosts() -> None:
    external()

    first = lease(HostFactory(hardware_model="same"))

    other = HostFactory(hardware_model="same")
    assert lifecycle.lease_next_trial(other.pk, now=timezone.now()) is None
    claim(first)
    finish(first)
    assert lease(other).trial.number == 2


def test_studies_run_beside_each_other() -> None:
    submission = external()
    TrialFactory(study=StudyFactory(submission=submission, workload="other", number=1, position=1), number=1)

    one = lease(HostFactory())
    two = lease(HostFactory())

    assert (one.trial.study.workload, two.trial.study.workload) == ("small", "other")


def test_all_trials_of_a_submission_run_on_one_hardware_model() -> None:
    submission = external()
    TrialFactory(study=StudyFactory(submission=submission, workload="other", number=1, position=1), number=1)
    lease(HostFactory(hardware_model="Model A"))

    submission.refresh_from_db()
    assert submission.hardware_model == "Model A"
    assert lifecycle.lease_next_trial(HostFactory(hardware_model="Model B").pk, now=timezone.now()) is None
    assert lease(HostFactory(hardware_model="Model A")).trial.study.workload == "other"


def test_teams_take_turns_and_within_a_team_the_first_sent_is_first() -> None:
    many, few = TeamFactory(), TeamFactory()
    start = timezone.now() - timedelta(hours=1)
    first = external(team=many, sent_at=start)
    second = external(team=many, sent_at=start + timedelta(minutes=1))
    late = external(team=few, sent_at=start + timedelta(minutes=2))
    host = HostFactory()

    order = []
    for _ in range(5):
        attempt = run(host)
        order.append(attempt.trial.study.submission)
        finish(attempt)

    assert order == [first, late, first, late, first]
    assert second.studies.get().trials.filter(status=T.QUEUED).count() == 3


def test_a_team_with_something_running_waits_behind_one_with_nothing() -> None:
    busy, quiet = TeamFactory(), TeamFactory()
    external(team=busy, sent_at=timezone.now() - timedelta(hours=2))
    external(team=busy, sent_at=timezone.now() - timedelta(hours=1))
    late = external(team=quiet)
    run(HostFactory())

    assert lease(HostFactory()).trial.study.submission == late


# --- claiming -------------------------------------------------------------------------------------------------------


def test_a_claim_hands_out_the_spec_once() -> None:
    submission = external()
    attempt = lease()

    handed = claim(attempt)

    attempt.refresh_from_db()
    submission.refresh_from_db()
    assert (handed.spec.workload, handed.spec.study, handed.spec.trial) == ("small", 1, 1)
    assert handed.spec.attempt == str(attempt.pk)
    assert handed.spec == attempt.trial_spec()
    assert handed.token not in attempt.token_hash
    assert (attempt.status, submission.status) == (A.RUNNING, S.RUNNING)
    with pytest.raises(LeaseLost, match="cannot be claimed"):
        claim(attempt)


def test_a_claim_by_another_host_with_another_lease_or_too_late_is_refused() -> None:
    external()
    attempt = lease()

    with pytest.raises(LeaseLost, match="not leased to this host"):
        lifecycle.claim_attempt(attempt.pk, attempt.lease_id, host=HostFactory(), now=timezone.now())
    with pytest.raises(LeaseLost, match="not leased to this host"):
        lifecycle.claim_attempt(attempt.pk, attempt.pk, host=attempt.host, now=timezone.now())
    with pytest.raises(LeaseLost, match="no such attempt"):
        lifecycle.claim_attempt(attempt.lease_id, attempt.lease_id, host=attempt.host, now=timezone.now())
    with pytest.raises(LeaseLost, match="expired"):
        claim(attempt, now=timezone.now() + timedelta(seconds=46))


def test_a_later_trial_races_the_best_time_of_its_study_so_far() -> None:
    external()
    host = HostFactory()

    limits = []
    for ending, charged_s in (("budget", 60.0), ("target", 31.0), ("target", 12.0)):
        attempt = lease(host)
        limits.append(claim(attempt).spec.race_limit_s)
        finish(attempt, ending, charged_s)

    assert limits == [None, None, 31.0]


def test_self_tuning_never_races() -> None:
    sent()
    host = HostFactory()
    run_specs = []
    for _ in range(2):
        attempt = lease(host)
        run_specs.append(claim(attempt).spec)
        finish(attempt)

    assert {spec.race_limit_s for spec in run_specs} == {None}


# --- while it runs --------------------------------------------------------------------------------------------------


def test_a_heartbeat_renews_the_lease_and_keeps_the_figures() -> None:
    external()
    attempt = run()
    later = timezone.now() + timedelta(seconds=20)

    action = lifecycle.heartbeat(
        attempt.pk, attempt.lease_id, now=later, state="running", step=7, charged_s=3.5, best=0.4, log_tail="hello"
    )

    attempt.refresh_from_db()
    assert action == "continue"
    assert attempt.lease_expires_at == later + timedelta(seconds=45)
    assert (attempt.step, attempt.charged_s, attempt.best, attempt.log_tail) == (7, 3.5, 0.4, "hello")


def test_a_cancelled_submission_tells_its_supervisor_and_keeps_the_evaluations() -> None:
    submission = external()
    attempt = run()
    report(attempt, "evaluation", evaluation().as_json(), sequence=1)

    lifecycle.cancel_submission(submission.pk, actor="shell")
    action = lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now())
    finish(attempt, "cancelled", 3.0)

    submission.refresh_from_db()
    assert action == "cancel"
    assert (attempt.status, attempt.trial.status, submission.status) == (A.CANCELLED, T.CANCELLED, S.CANCELLED)
    assert Evaluation.objects.filter(attempt=attempt).exists()


def test_a_lease_cancelled_before_its_claim_cannot_be_claimed() -> None:
    submission = external()
    attempt = lease()

    lifecycle.cancel_submission(submission.pk, actor="shell")

    with pytest.raises(LeaseLost, match="is cancelled"):
        claim(attempt)


# --- reports --------------------------------------------------------------------------------------------------------


def test_a_repeated_report_changes_nothing() -> None:
    external()
    attempt = run()

    first = report(attempt, "evaluation", evaluation(0, accuracy=0.5).as_json(), sequence=1)
    again = report(attempt, "evaluation", evaluation(0, accuracy=0.5).as_json(), sequence=1)

    assert (first, again) == (True, False)
    assert Evaluation.objects.get().metrics == {"validation/accuracy": 0.5}
    with pytest.raises(ReportRejected, match="another content"):
        report(attempt, "evaluation", evaluation(0, accuracy=0.9).as_json(), sequence=1)


def test_the_last_report_may_come_twice_and_finishes_once() -> None:
    external()
    attempt = run()

    finish(attempt)
    finish(attempt)

    assert attempt.status == A.FINISHED
    assert AuditEvent.objects.filter(action="finish trial").count() == 1


def test_a_finished_trial_carries_its_result() -> None:
    external()
    attempt = run()
    report(attempt, "started", {"batch_size": 32, "images": {"trainer": "sha256:1"}}, sequence=0)
    report(attempt, "evaluation", evaluation(0).as_json(), sequence=1)

    finish(attempt, "target", 12.0, batch_size=32, message="Reached.", log_tail="bye\x1b[31m\x00")

    trial = attempt.trial
    assert (trial.status, trial.ending, trial.time_to_target_s, trial.batch_size) == (T.FINISHED, "target", 12.0, 32)
    assert [row.charged_s for row in attempt.evaluations.all()] == [2.5, 12.0]
    assert attempt.log_tail == "bye"
    assert attempt.started["images"] == {"trainer": "sha256:1"}
    assert "evaluations" not in attempt.result


def test_reports_of_an_old_lease_are_refused() -> None:
    external()
    attempt = run()
    lifecycle.release_host(attempt.host_id, now=timezone.now(), message="restart")

    with pytest.raises(LeaseLost):
        finish(attempt)
    with pytest.raises(LeaseLost):
        lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=timezone.now())
    assert Trial.objects.get(pk=attempt.trial_id).status == T.QUEUED


@pytest.mark.parametrize("ending", ["budget", "complete", "crash", "oom", "pids", "hang", "protocol", "seal"])
def test_every_ending_of_a_submission_is_a_result(ending: str) -> None:
    external(count=1)
    attempt = run()

    finish(attempt, ending)

    trial = attempt.trial
    assert (trial.status, trial.ending, trial.time_to_target_s) == (T.FINISHED, ending, None)


# --- lost attempts --------------------------------------------------------------------------------------------------


def lose(host: Host | None = None, message: str = "The engine stopped.", *, started: bool = True) -> Attempt:
    """One more attempt, lost by its host while the submission ran or before."""
    Host.objects.update(resting_until=None)
    attempt = run(host)
    if started:
        report(attempt, "started", {"batch_size": 32}, sequence=0)
    finish(attempt, "infra", 4.0, message=message)
    return attempt


def test_an_attempt_the_host_lost_runs_again_with_the_same_seed() -> None:
    external(count=1)
    first = lose()

    second = lease()

    assert (first.status, first.message) == (A.LOST, "The engine stopped.")
    assert second.trial == first.trial
    assert (second.number, second.trial.seed) == (2, first.trial.seed)
    assert second.trial.charged_s is None
    assert second.trial.failures == 1


def test_a_trial_that_hosts_lose_three_times_is_given_up_and_says_why() -> None:
    submission = external(count=1)
    for _ in range(3):
        lose()

    trial = Trial.objects.get()
    submission.refresh_from_db()
    assert (trial.status, trial.failures, submission.status) == (T.GIVEN_UP, 3, S.SCORING)
    assert "charged to nobody" in trial.message
    assert "The engine stopped." in trial.message


def test_attempts_lost_before_the_submission_ran_are_held_against_the_host() -> None:
    external(count=1)
    for _ in range(9):
        lose(started=False)
    trial = Trial.objects.get()
    between = (trial.status, trial.failures, trial.false_starts)

    lose(started=False)

    trial.refresh_from_db()
    assert between == (T.QUEUED, 0, 9)
    assert trial.status == T.GIVEN_UP


def test_a_host_that_loses_everything_rests_longer_and_longer_until_it_has_a_result() -> None:
    external(count=2)
    host, pauses = HostFactory(), []
    for _ in range(4):
        lose(host, started=False)
        host.refresh_from_db()
        pauses.append(host.resting_until and round((host.resting_until - timezone.now()).total_seconds()))

    assert pauses == [None, 30, 60, 120]
    assert lifecycle.lease_next_trial(host.pk, now=timezone.now()) is None
    Host.objects.update(heartbeat_at=host.resting_until)
    attempt = run(host, now=host.resting_until)
    finish(attempt, "crash")
    host.refresh_from_db()
    assert (host.lost_in_row, host.resting_until) == (0, None)


def test_a_draining_host_lets_go_without_counting_it() -> None:
    external(count=1)
    attempt = run()
    attempt.host.is_draining = True
    attempt.host.save()

    finish(attempt, "infra")

    trial = Trial.objects.get()
    assert (trial.status, trial.failures, trial.false_starts) == (T.QUEUED, 0, 0)


def test_a_host_that_ends_a_trial_nobody_cancelled_gives_it_back() -> None:
    external(count=1)
    attempt = run()

    finish(attempt, "cancelled")

    assert Trial.objects.get().status == T.QUEUED


def expire_after(attempt: Attempt, seconds: float) -> int:
    """The site beats every 15 s and the host is silent."""
    start = attempt.lease_expires_at - timedelta(seconds=45)
    requeued = 0
    for beat in range(int(seconds // 15) + 1):
        requeued += lifecycle.requeue_expired_leases(now=start + timedelta(seconds=15 * beat))
    return requeued


def test_a_silent_host_loses_its_attempt_half_a_minute_after_the_lease() -> None:
    external(count=1)
    attempt = run()

    assert expire_after(attempt, 75) == 0
    assert expire_after(attempt, 90) == 1
    attempt.refresh_from_db()
    assert (attempt.status, attempt.trial.status, attempt.trial.false_starts) == (A.LOST, T.QUEUED, 1)


def test_an_attempt_renewed_at_the_last_moment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The beat has listed it as expired, then its heartbeat comes first."""
    external(count=1)
    attempt = run()
    look = lifecycle.runs._locked_attempt

    def renew_first(pk: uuid.UUID) -> Attempt:
        Attempt.objects.filter(pk=pk).update(lease_expires_at=attempt.lease_expires_at + timedelta(minutes=10))
        return look(pk)

    monkeypatch.setattr(lifecycle.runs, "_locked_attempt", renew_first)

    assert expire_after(attempt, 90) == 0
    attempt.refresh_from_db()
    assert attempt.status == A.RUNNING


def test_a_lease_nobody_claimed_is_no_failure_of_the_trial() -> None:
    external(count=1)
    attempt = lease()

    assert expire_after(attempt, 90) == 1
    attempt.trial.refresh_from_db()
    assert (attempt.trial.status, attempt.trial.failures, attempt.trial.false_starts) == (T.QUEUED, 0, 0)


def test_after_the_site_was_down_hosts_have_one_full_lease_to_come_back() -> None:
    external(count=1)
    attempt = run()
    start = attempt.lease_expires_at - timedelta(seconds=45)
    lifecycle.requeue_expired_leases(now=start)
    back = start + timedelta(hours=1)

    assert lifecycle.requeue_expired_leases(now=back) == 0
    assert lifecycle.requeue_expired_leases(now=back + timedelta(seconds=30)) == 0
    assert lifecycle.heartbeat(attempt.pk, attempt.lease_id, now=back + timedelta(seconds=40)) == "continue"
    assert lifecycle.requeue_expired_leases(now=back + timedelta(seconds=60)) == 0
    attempt.refresh_from_db()
    assert attempt.status == A.RUNNING


def test_nothing_expires_while_hosts_cannot_reach_the_site() -> None:
    external(count=1)
    attempt = run()
    start = attempt.lease_expires_at - timedelta(seconds=45)
    for beat in range(20):
        now = start + timedelta(seconds=15 * beat)
        assert lifecycle.requeue_expired_leases(now=now, site_answers=False) == 0

    assert lifecycle.requeue_expired_leases(now=now + timedelta(seconds=30)) == 0
    assert lifecycle.requeue_expired_leases(now=now + timedelta(seconds=45)) == 1


def test_releasing_a_host_requeues_its_attempts_at_once() -> None:
    external(count=1)
    attempt = run()
    other = HostFactory()

    assert lifecycle.release_host(other.pk, now=timezone.now(), message="restart") == 0
    assert lifecycle.release_host(attempt.host_id, now=timezone.now(), message="The site was restarted.") == 1
    attempt.refresh_from_db()
    assert (attempt.status, attempt.message, attempt.trial.failures) == (A.LOST, "The site was restarted.", 0)


# --- the end --------------------------------------------------------------------------------------------------------


def test_the_last_trial_hands_the_submission_to_scoring() -> None:
    submission = run_everything(sent())

    assert submission.status == S.SCORING
    assert submission.finished_at is not None
    assert lifecycle.verify_chain() > 5


def test_a_late_result_of_a_cancelled_run_stays_out_of_the_score() -> None:
    submission = external(count=1)
    attempt = run()
    lifecycle.cancel_submission(submission.pk, actor="shell")

    finish(attempt, "target")

    assert (attempt.status, attempt.trial.status, attempt.trial.time_to_target_s) == (A.FINISHED, T.CANCELLED, None)


def test_a_result_that_contradicts_itself_is_refused() -> None:
    external()
    attempt = run()
    lying = result("target", 10.0, evaluations=[steps.evaluation(0)]).as_json()

    with pytest.raises(ReportRejected, match="time_to_target_s"):
        report(attempt, "finished", lying)
