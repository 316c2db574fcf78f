"""Tells the site about one attempt: heartbeats that renew the lease, reports through the spool, cancellation back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from sandbox_runner.errors import SandboxError
from sandbox_runner.host.reporters import Progress
from sandbox_runner.host.site_client import Claim, LeaseLost, ReportRefused, SiteClient, SiteUnreachable
from sandbox_runner.host.spool import Spool
from sandbox_runner.protocol import Action, Ending, Evaluation, ReportKind, TrialResult

log = logging.getLogger(__name__)
_TICK_S = 0.25
_RETRY_S = 2.0


class SiteReporter:
    """Reporter of a leased attempt. Everything slow happens in its own thread."""

    def __init__(self, client: SiteClient, claim: Claim, spool: Spool) -> None:
        self._client, self._claim, self._spool = client, claim, spool
        self._progress = Progress(state="setup", step=0, charged_s=0.0, best=None)
        self._read_log: Callable[[], str] | None = None
        self._stop: Ending | None = None
        self._closing = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)
        self._thread.start()

    @property
    def stop_requested(self) -> Ending | None:
        return self._stop

    def stop(self, ending: Ending) -> None:
        """Asks the supervisor to end; the first reason stands."""
        if self._stop is None:
            self._stop = ending

    def started(self, facts: Mapping[str, Any]) -> None:
        self._spool.add(ReportKind.STARTED, facts)

    def progress(self, progress: Progress) -> None:
        self._progress = progress

    def evaluation(self, evaluation: Evaluation) -> None:
        self._spool.add(ReportKind.EVALUATION, evaluation.as_json())

    def watch_log(self, read_tail: Callable[[], str]) -> None:
        self._read_log = read_tail

    def finished(self, result: TrialResult) -> None:
        self._read_log = None
        self._spool.add(ReportKind.FINISHED, result.as_json())

    def close(self, deadline_s: float) -> bool:
        """Waits until the site has everything, at most `deadline_s`; True when nothing is left to deliver."""
        deadline = time.monotonic() + deadline_s
        while not self._spool.is_empty and not self._lost and time.monotonic() < deadline:
            time.sleep(_TICK_S)
        self._closing.set()
        self._thread.join(timeout=30)
        return self._spool.is_empty or self._lost

    def _loop(self) -> None:
        next_heartbeat, next_delivery = 0.0, 0.0
        while not self._closing.is_set() and not self._lost:
            now = time.monotonic()
            try:
                if now >= next_heartbeat:
                    next_heartbeat = now + self._claim.heartbeat_s
                    self._heartbeat()
                if now >= next_delivery:
                    deliver(self._client, self._claim, self._spool)
            except SiteUnreachable as error:
                log.warning("attempt %s: %s", self._claim.spec.attempt, error)
                next_delivery = time.monotonic() + _RETRY_S
            except LeaseLost as error:
                log.warning("attempt %s: the lease is lost: %s", self._claim.spec.attempt, error)
                self._lost = True
                self.stop(Ending.INFRA)
            except Exception:  # a bug of ours; without this thread the run would go on and the site believe it lost
                log.exception("attempt %s", self._claim.spec.attempt)
                next_delivery = time.monotonic() + _RETRY_S
            self._closing.wait(_TICK_S)

    def _heartbeat(self) -> None:
        document = asdict(self._progress) | {"log_tail": self._log_tail()}
        if self._client.heartbeat(self._claim, document) is Action.CANCEL:
            self.stop(Ending.CANCELLED)

    def _log_tail(self) -> str:
        if self._read_log is None:
            return ""
        try:
            return self._read_log()
        except SandboxError:
            return ""  # the container has just gone; its last lines come with the result


def deliver(client: SiteClient, claim: Claim, spool: Spool) -> None:
    """Sends everything that waits, in order. Raises SiteUnreachable or LeaseLost."""
    for path, document in spool.waiting():
        try:
            client.report(claim, document)
        except ReportRefused as error:
            log.error("%s was refused: %s", path, error)
            spool.refused(path)
        else:
            spool.delivered(path)
