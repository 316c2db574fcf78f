"""Whatever is killed while a trial runs, the trial ends with a result, nobody is charged, and nothing is left."""

from __future__ import annotations

import json
import os
import signal

import docker
import pytest

from sandbox_runner.host import dockerd
from sandbox_runner.host import engine as engines
from tests.losses.conftest import Losses

pytestmark = [pytest.mark.docker, pytest.mark.trains]


def check_second_attempt(losses: Losses, team: str) -> None:
    """The first attempt is lost, the second has the same seed and a result."""
    first, second = losses.attempts(team)
    assert (first["status"], second["status"]) == ("lost", "finished")
    assert json.loads(first["spec"])["seed"] == json.loads(second["spec"])["seed"]
    assert losses.trial(team)[:2] == ("finished", "complete")


def containers_of(engine: str, attempt: str) -> list[str]:
    client = docker.DockerClient(base_url=engine)
    try:
        found = client.containers.list(all=True)
        return [each.name for each in found if each.labels.get("algoperf.run", "").replace("-", "") == attempt]
    finally:
        client.close()


def test_a_killed_supervisor_ends_in_a_second_attempt(losses, engine):
    losses.submit("supervisor")
    first = losses.wait_until_training("supervisor")
    losses.kill("sandbox_runner", "supervise")

    losses.wait_until_done("supervisor")
    check_second_attempt(losses, "supervisor")
    assert containers_of(engine, first["id"]) == []


def test_a_killed_host_worker_ends_the_site_in_order_and_the_trial_after_the_next_start(losses, engine):
    losses.submit("worker")
    first = losses.wait_until_training("worker")
    losses.kill("sandbox_runner", "worker")

    losses.wait(lambda: losses.site.process.poll() is not None, "the end of the site")
    assert "host worker ended" in losses.site.output.read_text()
    assert losses.processes() == []
    losses.site.start()
    losses.wait_until_done("worker")
    check_second_attempt(losses, "worker")
    assert containers_of(engine, first["id"]) == []


def test_a_stopped_site_leaves_nothing_and_goes_on_after_the_next_start(losses, engine):
    losses.submit("site")
    first = losses.wait_until_training("site")
    losses.site.end()

    assert losses.processes() == []
    assert containers_of(engine, first["id"]) == []
    assert losses.trial("site")[0] == "queued"
    losses.site.start()
    losses.wait_until_done("site")
    check_second_attempt(losses, "site")
    assert losses.trial("site")[2] == 0  # stopping is our doing and does not count


def test_a_site_that_is_killed_whole_goes_on_after_the_next_start(losses, engine):
    losses.submit("killed")
    first = losses.wait_until_training("killed")
    losses.kill()

    losses.wait(lambda: not losses.processes(), "the end of all processes")
    losses.site.process.wait()
    losses.site.start()
    losses.wait_until_done("killed")
    check_second_attempt(losses, "killed")
    assert containers_of(engine, first["id"]) == []


def test_a_stopped_engine_is_the_hosts_fault_and_the_trial_runs_again(losses, engine):
    pid = dockerd.pid()
    if pid is None:
        pytest.skip("the engine in use is not the project's own, so it is not ours to stop")
    losses.submit("engine")
    losses.wait_until_training("engine")
    os.kill(pid, signal.SIGTERM)
    losses.wait(lambda: losses.attempts("engine")[0]["status"] == "lost", "the loss of the attempt")

    with engines.running():  # starts it again, where it was
        losses.wait_until_done("engine")
    status, ending, _failures = losses.trial("engine")
    assert (status, ending) == ("finished", "complete")
    assert all(attempt["status"] == "lost" for attempt in losses.attempts("engine")[:-1])
