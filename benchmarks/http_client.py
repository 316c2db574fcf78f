"""A reader that asks for one address again and again on open connections, and notes how long each answer took."""

from __future__ import annotations

import socket
import statistics
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What one address cost. Times are milliseconds until the last byte."""

    requests: int
    p50_ms: float
    p95_ms: float
    per_second: float
    status: int
    nbytes: int  # of the body


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    def __init__(self, address: str, headers: str = "") -> None:
        parts = urlsplit(address)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._request = f"GET {path} HTTP/1.1\r\nHost: {parts.hostname}\r\n{headers}\r\n".encode()
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._socket: socket.socket | None = None

    def get(self) -> tuple[int, bytes]:
        """Status and body. A connection that the server has closed meanwhile is opened again."""
        if self._socket is None:
            self._socket = socket.create_connection(self._place, timeout=60)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(self._request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        status = int(lines[0].split()[1])
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
        }
        length = 0 if status == 304 else int(fields[b"content-length"])
        chunks, have = [body], len(body)
        while have < length:
            chunks.append(self._more())
            have += len(chunks[-1])
        if fields.get(b"connection", b"").lower() == b"close":
            self.close()
        return status, b"".join(chunks)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _more(self) -> bytes:
        assert self._socket is not None
        part = self._socket.recv(262_144)
        if not part:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return part


def measure(address: str, *, seconds: float, connections: int = 1, headers: str = "") -> Timing:
    """Reads one address for some seconds; latencies of all connections together."""
    warm = Connection(address, headers)
    status, body = warm.get()
    warm.close()
    times: list[list[float]] = [[] for _ in range(connections)]
    start = time.perf_counter()
    threads = [
        threading.Thread(target=_read, args=(address, headers, start + seconds, mine), daemon=True) for mine in times
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - start
    taken = sorted(value for mine in times for value in mine)
    cuts = statistics.quantiles(taken, n=20) if len(taken) > 1 else taken * 19
    return Timing(
        requests=len(taken),
        p50_ms=1000 * cuts[9],
        p95_ms=1000 * cuts[18],
        per_second=len(taken) / elapsed,
        status=status,
        nbytes=len(body),
    )


def _read(address: str, headers: str, until: float, times: list[float]) -> None:
    connection = Connection(address, headers)
    while (before := time.perf_counter()) < until or not times:
        connection.get()
        times.append(time.perf_counter() - before)
    connection.close()
