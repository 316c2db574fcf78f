"""A packet socket that carries one JSON message and at most one file descriptor at a time."""

from __future__ import annotations

import array
import os
import socket
from collections.abc import Sequence
from typing import Any

from sandbox_runner import protocol

_MOST_DESCRIPTORS = 253  # the kernel's own limit for one packet; those without room would be closed unseen, by us


class ChannelClosed(Exception):
    """The peer is gone."""


class Channel:
    """One end of an AF_UNIX SEQPACKET connection. Packets keep their borders, so there is no framing to attack."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection

    @classmethod
    def connect(cls, path: str) -> Channel:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
            raise
        return cls(connection)

    def send(self, kind: str, *, fd: int | None = None, **fields: Any) -> None:
        """Raises ChannelClosed when the peer is gone, TimeoutError when it does not read."""
        packet = protocol.encode(kind, **fields)
        ancillary: Sequence[tuple[int, int, Any]] = []
        if fd is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            self.socket.sendmsg([packet], ancillary)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise ChannelClosed(str(error)) from None

    def receive_all(self, limit: int = protocol.MAX_MESSAGE_BYTES) -> tuple[bytes, tuple[int, ...]]:
        """The next packet, empty at the end, and every descriptor with it, ours to close.

        One byte over `limit` is kept, so that a check sees it.
        """
        descriptors = array.array("i")
        try:
            packet, ancillary, _flags, _address = self.socket.recvmsg(
                limit + 1, socket.CMSG_SPACE(_MOST_DESCRIPTORS * descriptors.itemsize), socket.MSG_CMSG_CLOEXEC
            )
        except ConnectionResetError as error:
            raise ChannelClosed(str(error)) from None
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
        return packet, tuple(descriptors)

    def receive_packet(self, limit: int = protocol.MAX_MESSAGE_BYTES) -> tuple[bytes, int | None]:
        """The next packet of a trusted peer and the descriptor it carried; ChannelClosed at the end."""
        packet, descriptors = self.receive_all(limit)
        first, *others = descriptors or (None,)
        for descriptor in others if packet else descriptors:
            os.close(descriptor)
        if not packet:
            raise ChannelClosed("the peer closed the connection")
        return packet, first

    def receive(self) -> tuple[dict[str, Any], int | None]:
        """The next message of a trusted peer."""
        packet, descriptor = self.receive_packet()
        return protocol.decode(packet), descriptor

    def close(self) -> None:
        self.socket.close()
