"""What a container of ours can and cannot do, asked from inside a real one."""

import json
import time

import pytest

from sandbox_runner.errors import EngineFailed
from sandbox_runner.host import docker, images
from sandbox_runner.host.docker import Engine, Role
from sandbox_runner.host.freezer import freezer_for
from sandbox_runner.host.hardware import HARDWARE_CLASSES

pytestmark = pytest.mark.docker

ASK = """
import ctypes, errno, json, os, resource, socket
libc = ctypes.CDLL(None, use_errno=True)

def refused(call):
    try:
        result = call()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    if result == -1:
        return errno.errorcode.get(ctypes.get_errno(), "?")
    return "allowed"

def fill(path, limit):
    written = 0
    with open(path, "wb", buffering=0) as file:
        try:
            while written < limit:
                written += file.write(bytes(1 << 20))
        except OSError as error:
            return errno.errorcode[error.errno], written
        finally:
            os.unlink(path)
    return "allowed", written

status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
CLOCK_REALTIME, PTRACE_ATTACH, CLONE_NEWUSER = 0, 16, 0x10000000
print(json.dumps({
    "uid": os.getuid(),
    "capabilities": status["CapEff"].strip() + status["CapBnd"].strip(),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "core": resource.getrlimit(resource.RLIMIT_CORE),
    "interfaces": sorted(name for _, name in socket.if_nameindex()),
    "connect": refused(lambda: socket.create_connection(("192.0.2.1", 80), timeout=2)),
    "vsock": refused(lambda: socket.socket(40, socket.SOCK_STREAM)),
    "set_clock": refused(lambda: libc.clock_settime(CLOCK_REALTIME, ctypes.byref((ctypes.c_long * 2)(1, 0)))),
    "ptrace_init": refused(lambda: libc.ptrace(PTRACE_ATTACH, 1, 0, 0)),
    "new_namespace": refused(lambda: libc.unshare(CLONE_NEWUSER)),
    "mount": refused(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
    "io_uring": refused(lambda: libc.syscall(425, 8, ctypes.byref((ctypes.c_char * 256)()))),
    "write_root": refused(lambda: open("/opt/x", "w")),
    "write_etc": refused(lambda: open("/etc/passwd", "a")),
    "write_cgroup": refused(lambda: open("/sys/fs/cgroup/freezer/freezer.state", "w")),
    "kernel_memory": refused(lambda: open("/dev/mem", "rb")),
    "docker_socket": os.path.exists("/var/run/docker.sock"),
    "scratch": fill("/scratch/x", 1 << 30),
    "tmp": fill("/tmp/x", 1 << 30),
    "environment": sorted(os.environ),
    "command_line": open("/proc/self/cmdline").read().replace(chr(0), " ")[:60],
}))
"""

SPIN = "import os\n[os.fork() for _ in range(2)]\nwhile True: pass\n"


@pytest.fixture(scope="module")
def hardware():
    return HARDWARE_CLASSES["cpu2"]


@pytest.fixture
def start(engine, hardware, monkeypatch):
    """Starts the trainer's container with another program in it; removes what it started."""
    client = Engine(engine)
    started = []

    def start(program):
        monkeypatch.setattr(Role, "command", property(lambda self: ["python3", "-I", "-u", "-c", program]))
        image = images.resolve(engine, "trainer")
        started.append(client.start(Role.TRAINER, f"test-{len(started)}-{id(started):x}", image, hardware.trainer, {}))
        return started[-1]

    yield start
    for container in started:
        container.remove()
    client.close()


@pytest.fixture
def answers(start):
    container = start(ASK)
    state = container.wait(60)
    assert state is not None
    assert state.exit_code == 0, container.log_tail()
    return json.loads(container.log_tail().splitlines()[-1])


def test_a_container_has_no_rights_no_network_and_no_room_to_spare(answers, hardware):
    tmpfs = hardware.trainer.tmpfs_bytes
    assert answers["uid"] == 10001
    assert set(answers["capabilities"]) == {"0"}
    assert (answers["no_new_privileges"], answers["seccomp"]) == ("1", "2")
    assert answers["core"] == [0, 0]
    assert answers["interfaces"] == ["lo"]
    assert answers["connect"] == "ENETUNREACH"
    for call in ("vsock", "set_clock", "ptrace_init", "new_namespace", "mount", "io_uring"):
        assert answers[call] == "EPERM", call
    assert answers["write_root"] in ("EROFS", "EACCES")
    for place in ("write_etc", "write_cgroup", "kernel_memory"):
        assert answers[place] in ("EROFS", "EACCES", "ENOENT"), place
    assert answers["docker_socket"] is False
    assert answers["scratch"] == ["ENOSPC", tmpfs]
    assert answers["tmp"] == ["ENOSPC", tmpfs]


def test_nothing_around_a_trainer_names_its_workload(answers):
    assert not {name for name in answers["environment"] if "workload" in name.lower()}
    assert "imagenet" not in answers["command_line"]


def test_a_frozen_container_does_not_use_the_processor_and_dies_without_another_instruction(start):
    container = start(SPIN)
    freezer = freezer_for(container.pid)
    _wait_for(lambda: freezer.cpu_usage_ns() > 200_000_000)

    freezer.freeze()
    before = freezer.cpu_usage_ns()
    time.sleep(0.5)
    assert freezer.cpu_usage_ns() == before

    freezer.thaw()
    _wait_for(lambda: freezer.cpu_usage_ns() > before)
    freezer.freeze()
    freezer.kill()
    state = container.wait(20)
    assert state is not None
    assert state.exit_code == 137
    assert not state.oom_killed


def test_freezing_again_and_again_under_load_never_fails(start):
    freezer = freezer_for(start(SPIN).pid)
    for _ in range(40):
        freezer.freeze()
        before = freezer.cpu_usage_ns()
        assert freezer.cpu_usage_ns() == before
        freezer.thaw()


def test_memory_past_the_limit_is_reported_as_such(start):
    container = start("data = []\nwhile True: data.append(bytearray(1 << 26))\n")
    state = container.wait(120)

    assert state is not None
    assert (state.exit_code, state.oom_killed) == (137, True)


def test_a_log_is_capped_and_harmless(start):
    container = start("for _ in range(400): print('\\x1b[31m' + 'x' * 1000 + '\\x00')\n")
    assert container.wait(60) is not None
    tail = container.log_tail()

    assert 0 < len(tail) <= docker.LOG_TAIL_BYTES
    assert not {"\x1b", "\x00"} & set(tail)


def test_an_image_that_is_not_there_is_the_engines_failure(engine, hardware):
    client = Engine(engine)
    with pytest.raises(EngineFailed, match="start the trainer container"):
        client.start(Role.TRAINER, "test-none", "sha256:" + "0" * 64, hardware.trainer, {})
    client.close()


def _wait_for(condition, deadline_s=30):
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)
