"""A trainer and a judge as plain processes, so that every turn of the protocol can be played without Docker.

The fake model is one float32. The fake judge reports it as the accuracy, so a trainer decides what it is judged with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sandbox_runner.host.docker import ExitState, Role
from sandbox_runner.protocol import LayoutEntry

LAYOUT = [LayoutEntry(key="p000", shape=(1,), dtype="float32", offset=0, nbytes=4)]
ROOT = Path(__file__).resolve().parents[3]

JUDGE = """
import dataclasses, hashlib, os, struct, sys
from sandbox_runner.channel import Channel
from tests.sandbox_runner.host.fakes import LAYOUT
channel = Channel.connect(sys.argv[1])
channel.send("hello", protocol=1)
channel.receive()
channel.send("ready", layout=[dataclasses.asdict(entry) for entry in LAYOUT], nbytes=4,
             num_examples={"eval_train": 10, "validation": 10, "test": 10})
while True:
    message, fd = channel.receive()
    content = os.pread(fd, 4, 0)
    os.close(fd)
    value = struct.unpack("<f", content)[0]
    finite = value == value and abs(value) != float("inf")
    if sys.argv[2] == "dies" and message["evaluation"] == 2:
        sys.exit(1)
    channel.send("metrics", evaluation=message["evaluation"], sha256=hashlib.sha256(content).hexdigest(),
                 finite=finite, num_examples={}, seconds=0.0, initial=content == bytes(4),
                 metrics={f"{split}/accuracy": value if finite else None for split in message["splits"]})
"""

TRAINER = """
import fcntl, mmap, os, select, struct, sys, time
from sandbox_runner.channel import Channel
from sandbox_runner.protocol import layout_digest
from tests.sandbox_runner.host.fakes import LAYOUT
behaviour = sys.argv[2]
channel = Channel.connect(sys.argv[1])
channel.send("hello", protocol=1, framework="jax")
channel.receive()
channel.send("setup_done", layout="0" * 64 if behaviour == "other_layout" else layout_digest(LAYOUT), nbytes=4)

def write(fd, value):
    os.pwrite(fd, struct.pack("<f", value), 0)
    os.close(fd)

message, fd = channel.receive()
write(fd, 0.5 if behaviour == "other_weights" else 0.0)
channel.send("snapshot_ready", evaluation=0, step=0)
channel.receive()  # load: from here on it is the submission that speaks
step = 0
if behaviour == "exits":
    sys.exit(3)
if behaviour == "killed":
    os.kill(os.getpid(), 9)
if behaviour == "garbage":
    channel.socket.send(b"\\xff\\x00{")
if behaviour == "duplicate_keys":
    channel.socket.send(b'{"kind":"beat","step":1,"step":2}')
if behaviour == "unknown":
    channel.send("eval_result", metrics={"validation/accuracy": 1.0})
if behaviour == "unsolicited":
    channel.send("snapshot_ready", evaluation=7, step=1)
if behaviour == "too_long":
    channel.send("failed", where="x", error="y" * 20000)
if behaviour == "flood":
    for _ in range(100000):
        channel.send("beat", step=1)
if behaviour == "silent":
    time.sleep(60)
if behaviour == "raises":
    channel.send("failed", where="update_params", error="ValueError: no")
    sys.exit(1)
if behaviour == "raises_colours":
    channel.send("failed", where="\\x1b[31m", error="\\0red\\ud800")
if behaviour == "sends_a_file":
    channel.send("beat", fd=1, step=1)
if behaviour == "hello_again":
    channel.send("hello", protocol=1, framework="jax")
channel.send("loaded")
channel.send("init_done")
while True:
    step += 1
    time.sleep(0.005)
    if behaviour == "ignores" and step % 100 == 0:
        channel.send("beat", step=step)
    if behaviour == "completes" and step == 20:
        channel.send("training_complete", step=step)
    if behaviour == "ignores" or not select.select([channel.socket], [], [], 0)[0]:
        continue
    message, fd = channel.receive()
    if message["kind"] != "snapshot_request":
        continue
    if behaviour == "keeps_map":
        kept = mmap.mmap(fd, 4)
    if behaviour == "seals_first":
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL)
    value = {"nan": float("nan"), "slow": 0.0, "completes": 0.1}.get(behaviour, 0.2 * message["evaluation"])
    write(fd, value)
    if behaviour == "twice":
        channel.send("snapshot_ready", evaluation=message["evaluation"], step=step)
    channel.send("snapshot_ready", evaluation=message["evaluation"], step=step)
    if behaviour == "exits_at_ready":
        os._exit(0)
    reply = channel.receive()[0]  # eval_result, unless the run is over
    assert not [name for name in reply.get("metrics", {}) if name.startswith("test/")], "a test metric was shown"
"""


PROBE = """
import os, sys, time
from sandbox_runner.channel import Channel
behaviour, _, value = sys.argv[2].partition(" ")
channel = Channel.connect(sys.argv[1])
channel.send("hello", protocol=1, framework="")
channel.receive()  # load
channel.send("loaded")
asked = channel.receive()[0]
if behaviour == "exits":
    sys.exit(3)
if behaviour == "raises":
    channel.send("failed", where="get_batch_size", error="KeyError: " + asked["workload"])
if behaviour == "trains":
    channel.send("init_done")
if behaviour == "answers":
    channel.send("batch_size_is", value=int(value))
while behaviour == "chats":
    channel.send("beat", step=1)
    time.sleep(0.05)
if behaviour == "silent":
    time.sleep(60)
channel.receive()
"""


class FakeContainer:
    """A plain process that plays a container."""

    def __init__(self, source: str, socket: Path, behaviour: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", source, str(socket), behaviour],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.removed = False

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_state(self) -> ExitState | None:
        code = self.process.poll()
        return None if code is None else ExitState(exit_code=code if code >= 0 else 128 - code, oom_killed=False)

    def wait(self, deadline_s: float) -> ExitState | None:
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            return None
        return self.exit_state()

    def log_tail(self) -> str:
        return "the last lines"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        self.removed = True


class FakeEngine:
    """Starts the fake trainer and judge with the behaviours a test asks for."""

    def __init__(self, trainer: str = "honest", judge: str = "honest", probe: str = "answers 8") -> None:
        self._behaviours = {Role.TRAINER: (TRAINER, trainer), Role.JUDGE: (JUDGE, judge), Role.PROBE: (PROBE, probe)}
        self.containers: dict[Role, FakeContainer] = {}
        self.mounts: dict[Role, Mapping[Path, str]] = {}

    def start(self, role, run_id, image, limits, mounts) -> FakeContainer:
        ctl = next(outside for outside, inside in mounts.items() if inside == "/ctl")
        source, behaviour = self._behaviours[role]
        self.mounts[role] = mounts
        self.containers[role] = FakeContainer(source, ctl / "supervisor.sock", behaviour)
        return self.containers[role]


class FakeFreezer:
    """Stops and continues one process by signal; says what the cgroup files would say."""

    def __init__(self, pid: int, *, cpu_step_ns: int = 0, refused: int = 0) -> None:
        self._pid, self._cpu_ns, self._cpu_step_ns, self._refused = pid, 0, cpu_step_ns, refused

    def freeze(self, deadline_s: float = 10.0) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def cpu_usage_ns(self) -> int:
        self._cpu_ns += self._cpu_step_ns
        return self._cpu_ns

    def oom_kills(self) -> int:
        return 0

    def pids_refused(self) -> int:
        return self._refused

    def _signal(self, number: int) -> None:
        try:
            os.kill(self._pid, number)
        except ProcessLookupError as error:
            raise FileNotFoundError(str(error)) from None
