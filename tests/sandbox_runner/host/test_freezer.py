"""The two freezer drivers against a cgroup file system of plain files."""

import os
from pathlib import Path

import pytest

from sandbox_runner.errors import FreezeFailed, HostFailure
from sandbox_runner.host.freezer import FreezerV1, FreezerV2, freezer_for


@pytest.fixture
def v1(tmp_path):
    paths = dict.fromkeys(("freezer", "cpuacct", "memory", "pids"), "docker/abc")
    for controller in paths:
        (tmp_path / controller / "docker/abc").mkdir(parents=True)
    (tmp_path / "freezer/docker/abc/freezer.state").write_text("THAWED\n")
    (tmp_path / "cpuacct/docker/abc/cpuacct.usage").write_text("123\n")
    (tmp_path / "memory/docker/abc/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    (tmp_path / "pids/docker/abc/pids.events").write_text("max 7\n")
    return FreezerV1(tmp_path, paths), tmp_path / "freezer/docker/abc/freezer.state"


def test_v1_writes_frozen_and_thawed(v1):
    freezer, state = v1
    freezer.freeze()
    assert state.read_text() == "FROZEN"
    freezer.thaw()
    assert state.read_text() == "THAWED"


def test_v1_reads_what_the_container_did(v1):
    freezer, _state = v1
    assert (freezer.cpu_usage_ns(), freezer.oom_kills(), freezer.pids_refused()) == (123, 2, 7)


def test_v1_gives_up_thawed_when_the_kernel_never_confirms(v1, monkeypatch):
    freezer, state = v1
    read_text = Path.read_text

    def still_freezing(self, *args, **kwargs):  # what the kernel answers for as long as a task resists
        return read_text(self, *args, **kwargs).replace("FROZEN", "FREEZING")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", still_freezing)
        with pytest.raises(FreezeFailed):
            freezer.freeze(deadline_s=0.1)

    assert state.read_text() == "THAWED"


@pytest.fixture
def v2(tmp_path):
    (tmp_path / "cgroup.freeze").write_text("0")
    (tmp_path / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 5\nuser_usec 3\n")
    (tmp_path / "memory.events").write_text("low 0\noom_kill 1\n")
    return FreezerV2(tmp_path), tmp_path


def test_v2_waits_for_the_kernel_to_confirm(v2):
    freezer, directory = v2
    (directory / "cgroup.events").write_text("populated 1\nfrozen 1\n")
    freezer.freeze()
    assert (directory / "cgroup.freeze").read_text() == "1"


def test_v2_gives_up_thawed(v2):
    freezer, directory = v2
    with pytest.raises(FreezeFailed):
        freezer.freeze(deadline_s=0.05)
    assert (directory / "cgroup.freeze").read_text() == "0"


def test_v2_counts_microseconds_as_nanoseconds_and_missing_files_as_zero(v2):
    freezer, _directory = v2
    assert freezer.cpu_usage_ns() == 5_000
    assert freezer.oom_kills() == 1
    assert freezer.pids_refused() == 0


@pytest.mark.parametrize("call", ["freeze", "cpu_usage_ns"])
def test_a_cgroup_that_is_gone_is_said_so_at_once(v2, call):
    freezer, directory = v2
    for name in ("cgroup.events", "cpu.stat"):
        (directory / name).unlink()
    with pytest.raises(FileNotFoundError):
        getattr(freezer, call)()


def test_a_process_that_is_gone_is_the_hosts_failure():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with pytest.raises(HostFailure, match="is gone"):
        freezer_for(child)
