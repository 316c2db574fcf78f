"""Plays the supervisor: starts a trainer, judge or probe as a plain process and talks to it over its socket."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from sandbox_runner import protocol
from sandbox_runner.channel import Channel
from sandbox_runner.host.snapshot import Snapshot, sealed_bytes
from workloads.imagenet_resnet.spec import IMAGENET_RESNET
from workloads.spec import Split, Target, Workload

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {Split.TRAIN: 64, Split.EVAL_TRAIN: 24, Split.VALIDATION: 20, Split.TEST: 12}

# The smallest residual network on the smallest images: it compiles in seconds and learns nothing.
TINY = dataclasses.replace(
    IMAGENET_RESNET,
    data={"image_shape": (8, 8, 1), "mean": (100.0,), "stddev": (50.0,)},
    model={
        **IMAGENET_RESNET.model,
        "stage_sizes": (1,),
        "width": 4,
        "classes": 3,
        "stem": {"kernel": 3, "stride": 1, "pool": False},
        "symmetric_padding": True,
    },
    target=Target(validation=0.9, test=0.9),
    step_hint=10,
    batch_size=8,
    eval_batch_size=8,
    num_train_examples=COUNTS[Split.TRAIN],
    num_eval_train_examples=COUNTS[Split.EVAL_TRAIN],
    num_validation_examples=COUNTS[Split.VALIDATION],
    num_test_examples=COUNTS[Split.TEST],
)


def make_data(folder: Path) -> Path:
    """Random images for all four splits of `TINY`."""
    random = np.random.default_rng(0)
    for split, count in COUNTS.items():
        (folder / split).mkdir(parents=True)
        np.save(folder / split / "inputs.npy", random.integers(0, 256, (count, 8, 8, 1), np.uint8))
        np.save(folder / split / "targets.npy", random.integers(0, 3, count))
    return folder


def make_task(folder: Path, framework: str) -> Path:
    """The neutral package `apw`, as the host writes it."""
    package = folder / "apw"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    suffix = "jax" if framework == "jax" else "torch"
    shutil.copyfile(ROOT / "workloads" / "imagenet_resnet" / f"model_{suffix}.py", package / "model.py")
    shutil.copyfile(ROOT / "workloads" / "datasets" / "imagenet.py", package / "data.py")
    return folder


def bundle(files: Mapping[str, str]) -> bytes:
    """A tar as the host hands it over."""
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, BytesIO(text.encode()))
    return stream.getvalue()


class Peer:
    """The supervisor's end of one process."""

    def __init__(self, channel: Channel, process: subprocess.Popen[bytes], *, is_judge: bool) -> None:
        self.channel = channel
        self.process = process
        self._parse = protocol.decode if is_judge else protocol.parse_trainer_message

    def send(self, kind: str, *, fd: int | None = None, **fields: Any) -> None:
        self.channel.send(kind, fd=fd, **fields)

    def receive(self, *expected: str) -> dict[str, Any]:
        """The next message, checked as the supervisor checks it; beats are passed over."""
        while True:
            packet, descriptor = self.channel.receive_packet()
            assert descriptor is None
            message = self._parse(packet)
            if message["kind"] == "beat":
                continue
            assert message["kind"] in expected, message
            return message

    def exit_status(self) -> int:
        """Hangs up and waits for the process to end."""
        self.channel.close()
        return self.process.wait(30)


@contextmanager
def started(
    module: str,
    folder: Path,
    data: Path | None = None,
    task: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> Iterator[Peer]:
    """A process of ours with its folders named in the environment, ended at the end of the `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    names = folder / "names"
    names.mkdir()
    for name in ("algoperf", "algorithmic_efficiency"):
        (names / name).symlink_to(ROOT / "sandbox_runner" / "algoperf")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": f"{ROOT}:{names}",
        "ALGOPERF_CTL_SOCKET": "ctl.sock",  # in its working directory: the kernel allows about a hundred characters
        "ALGOPERF_SCRATCH": str(folder),
        "ALGOPERF_DATA_ROOT": str(data or folder),
        "ALGOPERF_TASK_ROOT": str(task or folder),
        **(more or {}),
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        directory = os.open(folder, os.O_PATH)
        listener.bind(f"/proc/self/fd/{directory}/ctl.sock")
        os.close(directory)
        listener.listen(1)
        listener.settimeout(60)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            connection, _ = listener.accept()
            connection.settimeout(120)
            with connection:
                yield Peer(Channel(connection), process, is_judge=module == "sandbox_runner.judge")
        finally:
            process.kill()
            process.wait()
            print((folder / "log").read_text())  # pytest shows it when the test fails


class TrainerPeer:
    """The conversation with a trainer up to the point a test is about."""

    def __init__(self, peer: Peer, framework: str, *, spec: Workload = TINY, seed: int = 3) -> None:
        self.peer = peer
        self.framework = framework
        self.spec = spec
        self.seed = seed
        self.nbytes = 0
        self.layout = ""
        self._pending: Snapshot | None = None

    def set_up(self, hyperparameters: Mapping[str, Any] | None = None, batch_size: int = 8) -> None:
        assert self.peer.receive("hello")["protocol"] == protocol.PROTOCOL_VERSION
        self.peer.send(
            "setup",
            task=self.spec.anonymous("w-1234").as_json(),
            seed=self.seed,
            hyperparameters=hyperparameters,
            batch_size=batch_size,
            ruleset="self_tuning" if hyperparameters is None else "external",
            framework=self.framework,
        )
        done = self.peer.receive("setup_done")
        self.nbytes, self.layout = done["nbytes"], done["layout"]

    def request(self, evaluation: int) -> None:
        self._pending = Snapshot(self.nbytes)
        self.peer.send("snapshot_request", fd=self._pending.fd, evaluation=evaluation)

    def snapshot(self, evaluation: int) -> tuple[Snapshot, int]:
        """The sealed answer to `request`, and the step it was taken at."""
        ready = self.peer.receive("snapshot_ready")
        assert ready["evaluation"] == evaluation
        snapshot, self._pending = self._pending, None
        assert snapshot is not None
        snapshot.seal()
        return snapshot, ready["step"]

    def initial_snapshot(self) -> Snapshot:
        self.request(0)
        snapshot, step = self.snapshot(0)
        assert step == 0
        return snapshot

    def load(self, content: bytes) -> None:
        """Hands over a submission, with the first request right behind it."""
        with sealed_bytes(content) as sealed:
            self.peer.send("load", fd=sealed.fd, sha256=sealed.sha256())
        self.request(1)

    def answer(self, evaluation: int, step: int, metrics: Mapping[str, float | None], charged_s: float = 1.0) -> None:
        self.peer.send(
            "eval_result",
            evaluation=evaluation,
            step=step,
            metrics=dict(metrics),
            charged_s=charged_s,
            remaining_s=60 - charged_s,
        )
