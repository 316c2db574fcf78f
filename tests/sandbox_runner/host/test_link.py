"""Who may connect, how often, and how fast a trainer may talk."""

import os
import socket
from pathlib import Path

import pytest

from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.errors import HostFailure
from sandbox_runner.host.link import JudgeLink, Listener, RateLimit, TrainerLink
from sandbox_runner.protocol import MAX_TRAINER_MESSAGE_BYTES, TRAINER_MESSAGES_PER_SECOND, ProtocolViolation


@pytest.fixture
def pair():
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ends
    for end in ends:
        end.close()


def test_the_container_user_connects_once_and_never_again(tmp_path):
    listener = Listener(tmp_path, os.getuid())
    first = Channel.connect(str(tmp_path / "supervisor.sock"))
    channel = listener.accept()
    try:
        first.send("beat", step=1)
        assert TrainerLink(channel).receive() == {"kind": "beat", "step": 1}
        with pytest.raises(FileNotFoundError):
            Channel.connect(str(tmp_path / "supervisor.sock"))
    finally:
        first.close()
        channel.close()


def test_another_user_is_refused(tmp_path):
    listener = Listener(tmp_path, os.getuid() + 1 if os.getuid() else 10001)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.connect(str(tmp_path / "supervisor.sock"))
        with pytest.raises(HostFailure, match="connected to the socket"):
            listener.accept()


def test_a_burst_passes_and_a_flood_does_not():
    seconds = [0.0]
    limit = RateLimit(lambda: seconds[0])
    for _ in range(4 * TRAINER_MESSAGES_PER_SECOND):
        limit.spend()
    with pytest.raises(ProtocolViolation, match="messages a second"):
        limit.spend()
    seconds[0] = 1.0
    for _ in range(TRAINER_MESSAGES_PER_SECOND):
        limit.spend()
    with pytest.raises(ProtocolViolation):
        limit.spend()


def test_descriptors_of_a_trainer_are_closed_unseen(pair, tmp_path):
    mine, theirs = pair
    before = len(list(Path("/proc/self/fd").iterdir()))
    with (tmp_path / "file").open("w") as file:
        Channel(theirs).send("beat", fd=file.fileno(), step=1)
    TrainerLink(Channel(mine)).receive()

    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"kind":"beat"}',
        b'{"kind":"beat","step":true}',
        b'{"kind":"beat","step":-1}',
        b'{"kind":"beat","step":1e3}',
        b'{"kind":"beat","step":NaN}',
        b'{"kind":"beat","step":1,"more":2}',
        b'{"kind":"beat","step":' + b"9" * 400 + b"}",
        b'{"kind":"setup_done","layout":"short","nbytes":1}',
        b"[" * 9000,
        b'{"kind":"failed","where":"x","error":"' + b"y" * MAX_TRAINER_MESSAGE_BYTES + b'"}',
    ],
)
def test_whatever_is_not_a_message_is_a_violation_or_the_end(pair, packet):
    mine, theirs = pair
    theirs.send(packet)
    with pytest.raises((ProtocolViolation, ChannelClosed)):
        TrainerLink(Channel(mine)).receive()


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (b'{"kind":"failed","error":"no data"}', "no data"),
        (b'{"kind":"hello"}', "expected metrics"),
        (b"x", "not JSON"),
    ],
)
def test_a_judge_that_fails_is_the_hosts_fault(pair, packet, words):
    mine, theirs = pair
    theirs.send(packet)
    with pytest.raises(HostFailure, match=words):
        JudgeLink(Channel(mine)).receive("metrics", 5, lambda: None)


def test_a_judge_that_does_not_answer_is_given_up(pair):
    asked = []
    with pytest.raises(HostFailure, match="did not answer"):
        JudgeLink(Channel(pair[0])).receive("metrics", 0.3, lambda: asked.append(1))
    assert asked  # cancellation is looked for meanwhile
