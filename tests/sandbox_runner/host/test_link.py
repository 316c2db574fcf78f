"""Who may connect, how often, and how fast a trainer may talk."""

import contextlib
import os
import socket
import struct
import time
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


@pytest.mark.parametrize("count", [1, 253])
def test_a_trainer_sends_no_descriptors(pair, tmp_path, count):
    mine, theirs = pair
    before = _open_descriptors()
    with (tmp_path / "file").open("w") as file:
        socket.send_fds(theirs, [b'{"kind":"beat","step":1}'], [file.fileno()] * count)
    with pytest.raises(ProtocolViolation, match="descriptor"):
        TrainerLink(Channel(mine)).receive()

    _wait_for(lambda: _open_descriptors() == before)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("is_read", [True, False])
def test_a_socket_that_lingers_keeps_nobody_waiting(pair, is_read):
    mine, theirs = pair
    link, before = TrainerLink(Channel(mine)), _open_descriptors() - 1
    with socket.create_server(("127.0.0.1", 0)) as server:
        never_read, lingering = socket.create_connection(server.getsockname()), server.accept()[0]
    lingering.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            lingering.send(bytes(1 << 16))
    lingering.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1000))
    socket.send_fds(theirs, [b'{"kind":"beat","step":1}'], [lingering.fileno()])
    lingering.close()  # ours is the last reference now: the close that lingers
    if is_read:
        with pytest.raises(ProtocolViolation):
            link.receive()
    link.close()

    never_read.close()
    _wait_for(lambda: _open_descriptors() == before)


def test_an_empty_packet_with_a_descriptor_is_a_violation_too(pair, tmp_path):
    mine, theirs = pair
    with (tmp_path / "file").open("w") as file:
        socket.send_fds(theirs, [b""], [file.fileno()])
    with pytest.raises(ProtocolViolation, match="descriptor"):
        TrainerLink(Channel(mine)).receive()


def _open_descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def _wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


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
