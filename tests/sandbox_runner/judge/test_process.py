"""The judge: its own model from the seed, every example counted, and no snapshot that can take it down."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox_runner.channel import Channel
from sandbox_runner.host.snapshot import Snapshot
from sandbox_runner.judge import process
from sandbox_runner.judge.bench import Bench
from tests.sandbox_runner.processes import COUNTS, TINY, make_data
from workloads.spec import Split

HELD_APART = [Split.EVAL_TRAIN, Split.VALIDATION, Split.TEST]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("judge") / "data")


@pytest.fixture(scope="module")
def bench(data: Path) -> Bench:
    return Bench(TINY, "pytorch", 3, data)


def ask(bench: Bench, weights: np.ndarray, splits: list[Split]) -> dict[str, Any]:
    with Snapshot(bench.nbytes) as snapshot:
        os.pwrite(snapshot.fd, weights.tobytes(), 0)
        snapshot.seal()
        return dict(process.answer(bench, os.dup(snapshot.fd), splits))


def initial(bench: Bench) -> np.ndarray:
    return np.frombuffer(bench._initial, np.uint8)


def test_it_counts_every_example_of_every_split(bench: Bench):
    assert bench.num_examples == {split.value: COUNTS[split] for split in HELD_APART}


def test_it_knows_the_initial_weights_up_to_rounding(bench: Bench):
    own = initial(bench)
    assert ask(bench, own, [])["initial"] is True
    nearly = own.copy()
    nearly[:4] = (own[:4].view(np.float32) + np.float32(5e-7)).view(np.uint8)
    assert ask(bench, nearly, [])["initial"] is True
    moved = own.copy()
    moved[:4] = (own[:4].view(np.float32) + np.float32(1e-3)).view(np.uint8)
    assert ask(bench, moved, [])["initial"] is False


def test_only_the_splits_asked_for_are_measured(bench: Bench):
    answer = ask(bench, initial(bench), [Split.VALIDATION])
    assert sorted(answer["metrics"]) == ["validation/accuracy", "validation/loss"]
    assert answer["num_examples"] == {"validation": COUNTS[Split.VALIDATION]}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_have_no_metrics(bench: Bench, value: float):
    broken = initial(bench).copy()
    broken[:4] = np.frombuffer(np.float32(value).tobytes(), np.uint8)
    answer = ask(bench, broken, HELD_APART)
    assert (answer["finite"], answer["metrics"]) == (False, {})
    assert "not finite" in answer["error"]


def test_metrics_that_are_not_finite_become_null(bench: Bench):
    huge = np.full(bench.nbytes // 4, 3e38, np.float32).view(np.uint8)
    answer = ask(bench, huge, [Split.VALIDATION])
    assert answer["finite"] is True
    assert answer["metrics"]["validation/loss"] is None


def test_an_evaluation_that_fails_is_an_answer_and_the_next_one_works(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as broken:
        broken.setattr(bench, "measure", lambda content, splits: 1 / 0)
        answer = ask(bench, initial(bench), HELD_APART)
    assert (answer["finite"], answer["metrics"]) == (False, {})
    assert "ZeroDivisionError" in answer["error"]
    assert ask(bench, initial(bench), HELD_APART)["finite"] is True


@pytest.fixture
def conversation(data: Path) -> Iterator[tuple[Channel, list[BaseException | None]]]:
    """The supervisor's end of a judge that runs in a thread, and what ended it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(60)
    ended: list[BaseException | None] = []

    def serve() -> None:
        try:
            process.serve(Channel(theirs), data)
            ended.append(None)
        except Exception as error:
            ended.append(error)
        theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield Channel(ours), ended
    ours.close()
    thread.join(60)
    assert ended


def test_a_split_with_missing_examples_stops_the_judge_before_it_is_ready(tmp_path: Path, data: Path):
    copied = Path(shutil.copytree(data, tmp_path / "data"))
    for name in ("inputs", "targets"):
        path = copied / "validation" / f"{name}.npy"
        np.save(path, np.load(path)[:-1])
    with pytest.raises(Exception, match=r"19 examples, the workload declares 20"):
        Bench(TINY, "pytorch", 3, copied)


def test_a_workload_without_a_test_split_is_judged_without_one(data: Path):
    bench = Bench(dataclasses.replace(TINY, num_test_examples=None), "pytorch", 3, data)
    assert sorted(bench.num_examples) == ["eval_train", "validation"]


def test_a_message_out_of_order_ends_the_judge(conversation: tuple[Channel, list[BaseException | None]]):
    supervisor, _ = conversation
    assert supervisor.receive()[0] == {"kind": "hello", "protocol": 1}
    supervisor.send("evaluate", evaluation=1, splits=[])
    with pytest.raises(Exception, match="closed"):
        supervisor.receive()


def test_a_stop_ends_the_judge_quietly(conversation: tuple[Channel, list[BaseException | None]]):
    supervisor, ended = conversation
    supervisor.receive()
    supervisor.send("setup", workload=TINY.as_json(), framework="pytorch", seed=3)
    assert supervisor.receive()[0]["kind"] == "ready"
    supervisor.send("stop", reason="done")
    with pytest.raises(Exception, match="closed"):
        supervisor.receive()
    assert ended == [None]
