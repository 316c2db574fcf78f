"""The process of one leased attempt: outlives the task that started it, ends with its trial."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
from pathlib import Path
from types import FrameType

from sandbox_runner.errors import HostFailure, SandboxError
from sandbox_runner.host import engine as engines
from sandbox_runner.host import instance, preflight, reaper
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.plan import make_plan
from sandbox_runner.host.site_client import Claim, SiteClient
from sandbox_runner.host.site_reporter import SiteReporter
from sandbox_runner.host.spool import Spool
from sandbox_runner.host.trial import run_trial
from sandbox_runner.protocol import Ending, TrialResult

DELIVERY_S = 600.0
_CLAIM, _ACCESS = "claim.json", "site.json"


def store_claim(claim: Claim, site: str, host: str, key: str) -> Path:
    """Writes what the supervisor process needs, readable by root alone; returns the run folder."""
    directory = instance.runs_dir() / claim.spec.attempt
    directory.mkdir(parents=True, exist_ok=True)
    for name, document in ((_CLAIM, claim.as_json()), (_ACCESS, {"site": site, "host": host, "key": key})):
        descriptor = os.open(directory / name, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file)
    return directory


def read_claim(directory: Path) -> tuple[SiteClient, Claim]:
    """Raises HostFailure when the folder holds no claim."""
    try:
        access = json.loads((directory / _ACCESS).read_text())
        claim = Claim.from_json(json.loads((directory / _CLAIM).read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HostFailure(f"{directory.name} holds no claim: {error}") from None
    return SiteClient(access["site"], access["host"], access["key"]), claim


def supervise(run_id: str) -> int:
    """Runs the claimed attempt; 0 when the site has its result."""
    directory = instance.runs_dir() / run_id
    client, claim = read_claim(directory)
    its_own_client, _ = read_claim(directory)  # a client belongs to one thread
    reporter = SiteReporter(its_own_client, claim, Spool(directory / "spool"))

    def let_go(_signal: int, _frame: FrameType | None) -> None:
        reporter.stop(Ending.INFRA)

    signal.signal(signal.SIGTERM, let_go)
    signal.signal(signal.SIGINT, let_go)
    try:
        _run(client, claim, reporter)
    except (SandboxError, OSError) as error:
        logging.getLogger(__name__).exception("attempt %s", run_id)
        reporter.finished(
            TrialResult(
                ending=Ending.INFRA, charged_s=0.0, time_to_target_s=None, evaluations=(), message=str(error)[:2000]
            )
        )
    stopping = reporter.stop_requested is Ending.INFRA
    return 0 if reporter.close(5.0 if stopping else DELIVERY_S) else 1


def _run(client: SiteClient, claim: Claim, reporter: SiteReporter) -> None:
    trial = make_plan(claim.spec)
    bundle = client.bundle(claim)
    if hashlib.sha256(bundle).hexdigest() != claim.spec.bundle_sha256:
        raise HostFailure("the site sent other bytes than it announced")
    with engines.running() as base_url:
        engine = Engine(base_url)
        try:
            reaper.reap(engine)
            images = preflight.check(trial.hardware, engine)
            run_trial(trial, bundle, engine=engine, images=images, reporter=reporter)
        finally:
            engine.close()
