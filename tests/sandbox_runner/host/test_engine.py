"""The project's own Docker engine: who gets it, who ends it, what it leaves behind."""

from __future__ import annotations

import http.server
import os
import re
import signal
import socketserver
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from sandbox_runner.errors import EngineUnavailable
from sandbox_runner.host import dockerd, engine, processes
from sandbox_runner.host.engine_ping import answers

HOLD_THE_ENGINE = """
from sandbox_runner.host import engine
with engine.running() as base_url:
    print(base_url, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    """A state folder of its own, and a machine on which no other engine answers."""
    monkeypatch.setenv("ALGOPERF_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("ALGOPERF_DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SYSTEM_SOCKET", tmp_path / "no-system-engine.sock")


class _Pong(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass


@pytest.fixture
def foreign_engine(tmp_path) -> Iterator[Path]:
    """Somebody else's engine: all it can do is answer a ping."""
    path = tmp_path / "foreign.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _Pong) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield path
        server.shutdown()


def _pid() -> int:
    return int((dockerd.folder() / "dockerd.pid").read_text())


def _processes_of_this_engine() -> list[str]:
    """Command lines of everything that runs with this test's engine folder among its arguments."""
    needle = str(dockerd.folder()).encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if needle in command:
                found.append(command.decode(errors="replace"))
    return found


# --- without starting one ---------------------------------------------------------------------------------------


def test_an_engine_named_in_the_environment_is_used_as_it_is(foreign_engine, monkeypatch):
    monkeypatch.setenv("ALGOPERF_DOCKER_HOST", f"unix://{foreign_engine}")

    with engine.running() as base_url:
        assert base_url == f"unix://{foreign_engine}"

    assert answers(f"unix://{foreign_engine}")
    assert not dockerd.folder().exists()


def test_an_engine_named_in_the_environment_has_to_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("ALGOPERF_DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")

    with pytest.raises(EngineUnavailable, match=r"nobody\.sock.*start it or unset it"), engine.running():
        pass


def test_the_systems_engine_is_used_when_it_answers(foreign_engine, monkeypatch):
    monkeypatch.setattr(engine, "SYSTEM_SOCKET", foreign_engine)

    with engine.running() as base_url:
        assert base_url == f"unix://{foreign_engine}"


def test_an_ordinary_user_is_told_that_starting_an_engine_needs_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(EngineUnavailable, match="needs root"), engine.running():
        pass


def test_a_missing_dockerd_says_what_to_do(monkeypatch):
    monkeypatch.setattr(dockerd, "SYSTEM_PATH", "/nowhere")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(EngineUnavailable, match="make setup"), engine.running():
        pass


def test_an_address_that_is_none_is_refused():
    with pytest.raises(EngineUnavailable, match="no address"):
        answers("/var/run/docker.sock")


def test_sockets_of_a_deep_state_folder_move_to_a_short_path(tmp_path, monkeypatch):
    monkeypatch.setenv("ALGOPERF_STATE", str(tmp_path / ("deep" * 25)))

    assert str(dockerd._socket()).startswith("/run/algoperf-")
    assert len(str(dockerd._socket())) < 100
    assert dockerd.folder().is_relative_to(tmp_path)


# --- the real one -----------------------------------------------------------------------------------------------


@pytest.mark.docker
def test_the_last_user_stops_the_engine():
    with engine.running() as base_url:
        with engine.running() as same:
            assert same == base_url
        assert answers(base_url), "somebody still uses it"

    assert not answers(base_url)
    assert not dockerd._socket().exists()
    assert _processes_of_this_engine() == []


@pytest.mark.docker
def test_a_second_process_shares_the_engine_and_may_outlive_the_first():
    with engine.running() as base_url:
        other = subprocess.Popen(
            [sys.executable, "-c", HOLD_THE_ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert other.stdout.readline().strip() == base_url

    assert answers(base_url), "the second process still uses it"
    other.communicate("\n")
    assert other.returncode == 0
    assert _processes_of_this_engine() == []


@pytest.mark.docker
def test_a_killed_user_does_not_keep_the_engine_for_ever():
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    base_url = other.stdout.readline().strip()
    other.kill()
    other.communicate()
    assert answers(base_url), "nobody was left to stop it"

    with engine.running():
        pass

    assert _processes_of_this_engine() == []


@pytest.mark.docker
def test_a_killed_engine_starts_again():
    with engine.running():
        os.kill(_pid(), signal.SIGKILL)
        with engine.running() as base_url:
            assert answers(base_url)

    assert _processes_of_this_engine() == []


@pytest.fixture
def sleeper(tmp_path) -> Path:
    """The smallest root file system that can sleep, as a tar."""
    libraries = re.findall(
        r"(/\S+)", subprocess.run(["ldd", "/bin/sleep"], capture_output=True, text=True, check=True).stdout
    )
    path = tmp_path / "sleeper.tar"
    with tarfile.open(path, "w", dereference=True) as tar:
        for file in ("/bin/sleep", *libraries):
            tar.add(file)
    return path


@pytest.mark.docker
def test_containers_of_a_killed_engine_end_with_its_last_user(sleeper):
    with engine.running() as base_url:
        client = docker.DockerClient(base_url=base_url, timeout=60)
        client.api.import_image(str(sleeper), repository="sleeper")
        container = client.containers.run("sleeper", ["/bin/sleep", "600"], network_mode="none", detach=True)
        container.reload()
        client.close()
        inside = container.attrs["State"]["Pid"]
        os.kill(_pid(), signal.SIGKILL)

    assert not processes.is_alive(inside)
    assert _processes_of_this_engine() == []
    assert dockerd.control_groups() == []
    assert str(dockerd.folder()) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.docker
def test_a_pid_file_that_names_a_stranger_harms_nobody():
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        dockerd.folder().mkdir(parents=True)
        (dockerd.folder() / "dockerd.pid").write_text(str(stranger.pid))
        with engine.running() as base_url:
            assert answers(base_url)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.docker
def test_an_engine_that_cannot_start_shows_the_end_of_its_log(monkeypatch):
    options = dockerd._options()
    monkeypatch.setattr(dockerd, "_options", lambda: [*options, "--storage-driver=no-such-driver"])

    with pytest.raises(EngineUnavailable, match=r"(?s)did not start.*no-such-driver"), engine.running():
        pass

    assert _processes_of_this_engine() == []
