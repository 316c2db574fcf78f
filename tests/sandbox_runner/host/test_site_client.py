"""What the host makes of a site that answers badly or not to the end."""

import hashlib
import socket
import threading

import pytest

from sandbox_runner.host import site_client
from sandbox_runner.host.site_client import Claim, LeaseLost, SiteClient, SiteUnreachable
from tests.sandbox_runner.host.test_site_reporter import CLAIM

BUNDLE = b"the submission" * 100


@pytest.fixture
def site(monkeypatch):
    """A site that gives one prepared answer and hangs up."""
    monkeypatch.setattr(site_client, "TIMEOUT_S", 5.0)
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def answer_once(answer: bytes) -> SiteClient:
        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        host, port = listener.getsockname()
        return SiteClient(f"http://{host}:{port}", "host", "key")

    yield answer_once
    for thread in threads:
        thread.join(20)
    listener.close()


def http(status: str, body: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n".encode() + body


def bundle(client: SiteClient, claim: Claim = CLAIM) -> bytes:
    try:
        return client.bundle(claim)
    finally:
        client._session.close()


def test_a_bundle_arrives_whole(site):
    assert hashlib.sha256(bundle(site(http("200 OK", BUNDLE)))).digest() == hashlib.sha256(BUNDLE).digest()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http("500 Broken", b"sorry"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ],
    ids=["nothing", "error", "cut off"],
)
def test_a_bundle_that_does_not_come_is_the_sites_failure(site, answer):
    with pytest.raises(SiteUnreachable):
        bundle(site(answer))


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "409 Conflict"])
def test_an_attempt_that_is_not_ours_is_lost(site, status):
    with pytest.raises(LeaseLost):
        bundle(site(http(status, b"gone")))
