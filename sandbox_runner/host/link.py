"""The supervisor's end of the sockets: who may connect, how fast it may talk, how long we wait."""

from __future__ import annotations

import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox_runner import protocol
from sandbox_runner.channel import Channel, ChannelClosed
from sandbox_runner.errors import HostFailure
from sandbox_runner.protocol import ProtocolViolation

_BURST = 4 * protocol.TRAINER_MESSAGES_PER_SECOND
_SEND_TIMEOUT_S = 10.0


class Listener:
    """A socket in a folder that one container sees read-only. Takes exactly one connection, then is gone."""

    def __init__(self, directory: Path, uid: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o755)
        self.directory = directory
        self._uid = uid
        self._path = directory / Path(protocol.CTL_SOCKET).name
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(str(self._path))
        os.chown(self._path, uid, uid)
        self._path.chmod(0o600)
        self._socket.listen(1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def accept(self) -> Channel:
        """The one connection; HostFailure when it comes from another user than the container's."""
        connection, _address = self._socket.accept()
        _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        self.close()
        if uid != self._uid:
            connection.close()
            raise HostFailure(f"user {uid} connected to the socket of user {self._uid}")
        connection.settimeout(_SEND_TIMEOUT_S)
        return Channel(connection)

    def close(self) -> None:
        self._socket.close()
        self._path.unlink(missing_ok=True)


def close_aside(descriptors: Iterable[int]) -> None:
    """Closes what a stranger has had in his hands, without waiting for it.

    Closing a socket that was set to linger blocks for as long as its maker likes, and so does closing a connection in
    whose queue such a socket waits. The thread that does it ends with this process at the latest.
    """

    def close_all() -> None:
        for descriptor in descriptors:
            with suppress(OSError):
                os.close(descriptor)

    threading.Thread(target=close_all, name="close", daemon=True).start()


class RateLimit:
    """A bucket of messages that refills at the protocol's pace."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._left = float(_BURST)
        self._last = now()

    def spend(self) -> None:
        """Raises ProtocolViolation when the trainer talks faster than the protocol allows."""
        now = self._now()
        self._left = min(_BURST, self._left + (now - self._last) * protocol.TRAINER_MESSAGES_PER_SECOND)
        self._last = now
        if self._left < 1:
            raise ProtocolViolation(f"more than {protocol.TRAINER_MESSAGES_PER_SECOND} messages a second")
        self._left -= 1


class TrainerLink:
    """Messages of the trainer, each one checked. It has no reason to send descriptors."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._rate = RateLimit()
        self.last_heard = time.monotonic()

    def wait(self, timeout_s: float) -> bool:
        """True when there is something to read, end of connection included."""
        poller = select.poll()
        poller.register(self.channel.socket, select.POLLIN | select.POLLHUP)
        return bool(poller.poll(max(0.0, timeout_s) * 1000))

    def receive(self) -> dict[str, Any]:
        """The next message; ProtocolViolation, or ChannelClosed at the end."""
        packet, descriptors = self.channel.receive_all(protocol.MAX_TRAINER_MESSAGE_BYTES)
        if descriptors:
            close_aside(descriptors)
            raise ProtocolViolation("a message came with a file descriptor")
        if not packet:
            raise ChannelClosed("the trainer closed the connection")
        self._rate.spend()
        self.last_heard = time.monotonic()
        return protocol.parse_trainer_message(packet)

    def send(self, kind: str, *, fd: int | None = None, **fields: Any) -> None:
        """ChannelClosed also when the trainer does not read for seconds: nothing is owed to it."""
        try:
            self.channel.send(kind, fd=fd, **fields)
        except TimeoutError:
            raise ChannelClosed("the trainer does not read its messages") from None

    def close(self) -> None:
        """Hangs up; never blocks, whatever still waits in the connection."""
        close_aside([self.channel.socket.detach()])


class JudgeLink:
    """Questions to the judge and their answers. Its failures are ours."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def send(self, kind: str, *, fd: int | None = None, **fields: Any) -> None:
        try:
            self._channel.send(kind, fd=fd, **fields)
        except (ChannelClosed, TimeoutError) as error:
            raise HostFailure(f"the judge cannot be reached: {error}") from None

    def receive(self, expected: str, deadline_s: float, idle: Callable[[], None]) -> dict[str, Any]:
        """The judge's next message, which has to be `expected`; `idle` is called while waiting."""
        deadline = time.monotonic() + deadline_s
        poller = select.poll()
        poller.register(self._channel.socket, select.POLLIN | select.POLLHUP)
        while not poller.poll(200):
            idle()
            if time.monotonic() >= deadline:
                raise HostFailure(f"the judge did not answer within {deadline_s:g} s")
        try:
            message, descriptor = self._channel.receive()
        except (ChannelClosed, ProtocolViolation) as error:
            raise HostFailure(f"the judge failed: {error}") from None
        if descriptor is not None:
            os.close(descriptor)
        if message["kind"] == "failed":
            raise HostFailure(f"the judge failed: {message.get('error', '')[:2000]}")
        if message["kind"] != expected:
            raise HostFailure(f"the judge sent {message['kind']}, expected {expected}")
        return message
