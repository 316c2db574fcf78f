"""Does a Docker engine answer at an address? Asked over plain HTTP, in milliseconds and without a client library."""

from __future__ import annotations

import http.client
import socket

from sandbox_runner.errors import EngineUnavailable

_TIMEOUT_S = 5.0


def answers(base_url: str) -> bool:
    """True when a Docker engine answers a ping at `unix:///path` or `tcp://host:port`."""
    connection = _connection(base_url)
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        response.read()
        return response.status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(base_url: str) -> http.client.HTTPConnection:
    scheme, separator, rest = base_url.partition("://")
    if separator and scheme == "unix":
        return _UnixConnection(rest)
    if separator and scheme == "tcp":
        return http.client.HTTPConnection(rest.rstrip("/"), timeout=_TIMEOUT_S)
    raise EngineUnavailable(f"{base_url!r} is no address of a Docker engine: use unix:///path or tcp://host:port")
