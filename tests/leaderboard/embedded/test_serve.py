"""`manage.py serve` as a person uses it: real processes, a state folder of their own, no host."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """One `manage.py serve`, its output, and the processes it has started."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self.port = state, port
        self.output = state / "output.txt"
        with self.output.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", f"--port={port}", "--no-host"],
                cwd=ROOT,
                env={**os.environ, "ALGOPERF_STATE": str(state), "DJANGO_SETTINGS_MODULE": "webapp.settings.dev"},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def until(self, text: str) -> str:
        deadline = time.monotonic() + 60
        while text not in self.output.read_text():
            assert time.monotonic() < deadline, self.output.read_text()
            assert self.process.poll() is None or text in self.output.read_text(), self.output.read_text()
            time.sleep(0.1)
        return self.output.read_text()

    def get(self, path: str) -> str:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as response:
            text: str = response.read().decode()
            return text

    def below(self) -> dict[int, str]:
        """Everything that runs with this state folder, by process id."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if (
                    entry.name.isdigit()
                    and f"ALGOPERF_STATE={self.state}\0".encode() in (entry / "environ").read_bytes()
                ):
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
        found.pop(self.process.pid, None)
        return found

    def pid_of(self, word: str) -> int:
        return min(pid for pid, command in self.below().items() if word in command)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    site = Served(tmp_path, free_port())
    try:
        site.until("The site is at")
        yield site
    finally:
        if site.process.poll() is None:
            site.process.kill()
        site.process.wait()


def test_it_answers_and_ctrl_c_leaves_nothing_behind(served: Served) -> None:
    assert json.loads(served.get("/healthz")) == {"status": "ok"}
    assert len(served.below()) >= 3  # gunicorn with a worker, celery

    served.process.send_signal(signal.SIGINT)

    assert served.process.wait(60) == 0
    assert served.below() == {}
    assert served.output.read_text().rstrip().endswith("Stopped.")


def test_a_second_one_on_the_same_folder_says_where_the_first_is(served: Served) -> None:
    other = Served(served.state, free_port())

    assert other.process.wait(60) == 1
    assert f"runs already at http://127.0.0.1:{served.port}" in other.output.read_text()
    assert json.loads(served.get("/healthz")) == {"status": "ok"}


def test_a_process_that_dies_ends_the_site_and_is_named(served: Served) -> None:
    os.kill(served.pid_of("celery"), signal.SIGKILL)

    assert served.process.wait(60) == 1
    assert "The site worker ended with status -9" in served.output.read_text()
    assert served.below() == {}


def test_children_do_not_outlive_a_killed_parent(served: Served) -> None:
    served.process.kill()
    served.process.wait()

    deadline = time.monotonic() + 30
    while served.below() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert served.below() == {}


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        site = Served(tmp_path, taken.getsockname()[1])

        assert site.process.wait(60) == 1

    assert "is in use by another program" in site.output.read_text()
    assert "--port" in site.output.read_text()
    assert site.below() == {}
