"""The referee at the end of a socket, spoken to by a supervisor that the test plays."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox_runner.channel import Channel
from sandbox_runner.host.snapshot import Snapshot
from sandbox_runner.trainer.errors import Stopped, TrainerError
from sandbox_runner.trainer.referee import SocketReferee

METRICS = {"validation/accuracy": 0.5, "train/loss": None}


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.settimeout(10)
        yield Channel(ours), Channel(theirs)


def write_letter(fd: int, params: Any, model_state: Any) -> None:
    os.pwrite(fd, params, 0)
    os.close(fd)


def referee_at(channel: Channel) -> SocketReferee:
    return SocketReferee(channel, write_letter, lambda metrics: metrics["validation/accuracy"] >= 0.5)


def request(supervisor: Channel, evaluation: int) -> Snapshot:
    snapshot = Snapshot(1)
    supervisor.send("snapshot_request", fd=snapshot.fd, evaluation=evaluation)
    return snapshot


def test_nothing_is_due_until_the_supervisor_asks(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    referee = referee_at(channel)
    assert not referee.is_due(1)
    with request(supervisor, 1):
        assert referee.is_due(2)
        assert referee.is_due(3)


def test_beats_come_at_most_once_a_second(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    referee = referee_at(channel)
    for step in range(1, 50):
        referee.is_due(step)
    assert supervisor.receive()[0] == {"kind": "beat", "step": 1}
    supervisor.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        supervisor.receive()


def test_a_measurement_is_written_announced_and_answered(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    referee = referee_at(channel)
    with request(supervisor, 4) as snapshot:
        supervisor.send("eval_result", evaluation=4, step=9, metrics=METRICS, charged_s=12.5, remaining_s=1.0)
        assert referee.is_due(9)
        measured = referee.measure(9, b"A", None)
        assert os.pread(snapshot.fd, 1, 0) == b"A"
        snapshot.seal()
    kinds = [supervisor.receive()[0] for _ in range(2)]
    assert kinds[1] == {"kind": "snapshot_ready", "evaluation": 4, "step": 9}
    assert measured.metrics == METRICS
    assert measured.validation_goal_reached
    assert referee.elapsed_s() >= 12.5


def test_completed_training_waits_for_the_last_request(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    referee = referee_at(channel)
    with request(supervisor, 2):
        referee.training_complete(7)
    assert supervisor.receive()[0] == {"kind": "training_complete", "step": 7}


def test_a_stop_ends_the_trial_wherever_it_arrives(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    supervisor.send("stop", reason="cancelled")
    with pytest.raises(Stopped, match="cancelled"):
        referee_at(channel).is_due(1)


def test_a_message_out_of_order_is_an_error(ends: tuple[Channel, Channel]):
    supervisor, channel = ends
    supervisor.send("load", sha256="0")
    with pytest.raises(TrainerError, match="sent load"):
        referee_at(channel).is_due(1)


def test_measuring_unasked_is_an_error(ends: tuple[Channel, Channel]):
    with pytest.raises(TrainerError, match="no snapshot"):
        referee_at(ends[1]).measure(1, b"A", None)
