"""Reports survive a site that is away, a supervisor that dies, and a delivery that is repeated."""

import pytest

from sandbox_runner.host.site_client import LeaseLost, ReportRefused, SiteUnreachable
from sandbox_runner.host.site_reporter import deliver
from sandbox_runner.host.spool import Spool
from sandbox_runner.protocol import ReportKind


class Site:
    """Takes reports, unless told to fail."""

    def __init__(self, failures: int = 0, error: type[Exception] = SiteUnreachable) -> None:
        self.received, self.failures, self.error = [], failures, error

    def report(self, _claim, document):
        if self.failures:
            self.failures -= 1
            raise self.error("no")
        self.received.append(document["sequence"])


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool")
    for number in range(3):
        spool.add(ReportKind.EVALUATION, {"evaluation": number})
    return spool


def test_reports_are_delivered_in_order_once(spool):
    site = Site()
    deliver(site, None, spool)
    deliver(site, None, spool)

    assert site.received == [1, 2, 3]
    assert spool.is_empty


def test_what_was_not_delivered_waits(spool):
    site = Site(failures=1)
    with pytest.raises(SiteUnreachable):
        deliver(site, None, spool)
    assert not spool.is_empty

    deliver(site, None, spool)
    assert site.received == [1, 2, 3]


def test_a_lost_lease_is_passed_on(spool):
    with pytest.raises(LeaseLost):
        deliver(Site(failures=1, error=LeaseLost), None, spool)


def test_a_report_the_site_refuses_does_not_hold_up_the_others(spool):
    site = Site(failures=1, error=ReportRefused)
    deliver(site, None, spool)

    assert site.received == [2, 3]
    assert spool.is_empty


def test_a_second_process_continues_the_numbers(tmp_path, spool):
    deliver(Site(), None, spool)
    again = Spool(tmp_path / "spool")
    again.add(ReportKind.FINISHED, {})

    assert [document["sequence"] for _path, document in again.waiting()] == [4]
