"""Heartbeats carry progress out and cancellation back; a lease that is lost ends the run silently."""

import threading
import time

import pytest

from sandbox_runner.host.reporters import Progress
from sandbox_runner.host.site_client import Claim, LeaseLost, SiteUnreachable
from sandbox_runner.host.site_reporter import SiteReporter
from sandbox_runner.host.spool import Spool
from sandbox_runner.protocol import Action, Ending, ReportKind, TrialResult, TrialSpec

CLAIM = Claim(
    spec=TrialSpec(
        attempt="7",
        edition="mini",
        revision="r",
        ruleset="external",
        framework="jax",
        workload="ogbg",
        study=1,
        trial=1,
        seed=1,
        hyperparameters=None,
        bundle_sha256="0" * 64,
    ),
    token="t",
    lease="l",
    heartbeat_s=0.05,
)


class Site:
    """A site whose answers a test sets."""

    def __init__(self) -> None:
        self.action, self.error, self.heartbeats, self.reports = Action.CONTINUE, None, [], []
        self.beaten = threading.Semaphore(0)

    def heartbeat(self, _claim, document):
        self.heartbeats.append(document)
        self.beaten.release()
        if self.error:
            raise self.error("gone")
        return self.action

    def report(self, _claim, document):
        if self.error:
            raise self.error("gone")
        self.reports.append(document["kind"])

    def wait_for_beats(self, count):
        for _ in range(count):
            assert self.beaten.acquire(timeout=20)


@pytest.fixture
def site():
    return Site()


@pytest.fixture
def reporter(site, tmp_path):
    reporter = SiteReporter(site, CLAIM, Spool(tmp_path / "spool"))
    yield reporter
    reporter.close(0)


def wait_until_stopped(reporter, site):
    while reporter.stop_requested is None:
        site.wait_for_beats(1)
    return reporter.stop_requested


def test_heartbeats_carry_progress_and_the_log(site, reporter):
    reporter.watch_log(lambda: "step 3")
    reporter.progress(Progress(state="running", step=3, charged_s=1.5, best=0.25))
    site.wait_for_beats(3)

    assert site.heartbeats[-1] == {
        "state": "running",
        "step": 3,
        "charged_s": 1.5,
        "best": 0.25,
        "log_tail": "step 3",
    }


def test_a_cancelled_run_is_asked_to_stop(site, reporter):
    site.action = Action.CANCEL

    assert wait_until_stopped(reporter, site) is Ending.CANCELLED


def test_a_site_that_is_away_does_not_stop_a_run(site, reporter):
    site.error = SiteUnreachable
    site.wait_for_beats(3)

    assert reporter.stop_requested is None


def test_a_lost_lease_stops_the_run(site, reporter):
    site.error = LeaseLost
    site.wait_for_beats(1)
    reporter._thread.join(20)

    assert reporter.stop_requested is Ending.INFRA


def test_the_result_is_delivered_before_the_reporter_closes(site, reporter):
    reporter.started({"batch_size": 8})
    reporter.finished(
        TrialResult(ending=Ending.BUDGET, charged_s=1.0, time_to_target_s=None, evaluations=(), message="")
    )

    assert reporter.close(20)
    assert site.reports == [ReportKind.STARTED, ReportKind.FINISHED]


def test_the_first_reason_to_stop_stands(reporter):
    reporter.stop(Ending.INFRA)
    reporter.stop(Ending.CANCELLED)

    assert reporter.stop_requested is Ending.INFRA


def test_a_log_that_cannot_be_read_does_not_end_the_heartbeats(site, reporter, caplog):
    def stumble():
        raise KeyError("State")

    reporter.watch_log(stumble)
    reporter.started({})
    while "KeyError" not in caplog.text:
        time.sleep(0.01)
    reporter.watch_log(lambda: "step 3")
    site.wait_for_beats(2)

    assert reporter.stop_requested is None
