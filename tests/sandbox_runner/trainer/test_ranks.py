"""Several PyTorch processes in one trainer: the losses of one, one voice to the supervisor, one failure for all."""

from __future__ import annotations

import dataclasses
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sandbox_runner.host.snapshot import Snapshot
from tests.sandbox_runner.processes import ROOT, TrainerPeer, bundle, started
from workloads import registry, shards, synthetic
from workloads.api import ForwardPassMode, trial_keys
from workloads.narrow import narrow
from workloads.spec import Workload

# Their batch norm sees the examples of its own process only.
PER_PROCESS = {"imagenet_resnet", "librispeech_conformer"}
STEPS = 3
BATCH_SIZE = 16
SEED = 3
# Made-up batches that always come as the same small pieces, so that every number of processes sees the same examples.
DATA = """
import dataclasses
import itertools
from workloads import shards, synthetic

def train_batches(directory, spec, batch_size, seed):
    pieces = synthetic.train_batches(dataclasses.replace(spec, base=BASE, dataset=DATASET), 2, seed)
    while True:
        yield shards.joined(list(itertools.islice(pieces, batch_size // 2)))
"""
SUBMISSION = """
import torch
import torch.distributed as dist
import torch.distributed.nn as dist_nn
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()
WORLD_SIZE = dist.get_world_size()
AT_IMPORT


def get_batch_size(workload_name):
    return 16


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    return {"optimizer": torch.optim.SGD(model_params.parameters(), lr=0.05, momentum=0.9)}


def update_params(workload, current_param_container, current_params_types, model_state, hyperparameters, batch,
                  loss_type, optimizer_state, eval_results, global_step, rng, train_state):
    if global_step == LAST:
        raise spec.TrainingCompleteError
    IN_STEP
    optimizer_state["optimizer"].zero_grad()
    logits, model_state = workload.model_fn(
        params=current_param_container, augmented_and_preprocessed_input_batch=batch, model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN, rng=rng, update_batch_norm=True, dropout_rate=0.0)
    found = workload.loss_fn(label_batch=batch["targets"], logits_batch=logits, mask_batch=batch.get("weights"))
    summed, examples = found["summed"], found["n_valid_examples"]
    if USE_PYTORCH_DDP:
        summed, examples = dist_nn.all_reduce(summed), dist_nn.all_reduce(examples)
    loss = summed / examples
    loss.backward()
    optimizer_state["optimizer"].step()
    if RANK == 0:
        print(f"loss {global_step} {loss.item():.9g} of {WORLD_SIZE}", flush=True)
    return optimizer_state, current_param_container, model_state


def prepare_for_eval(workload, current_param_container, current_params_types, model_state, hyperparameters, loss_type,
                     optimizer_state, eval_results, global_step, rng):
    if USE_PYTORCH_DDP:
        dist.barrier()
    return optimizer_state, current_param_container, model_state


def data_selection(workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters,
                   global_step, rng):
    return next(input_queue)
"""


def submission(*, last: int = STEPS, at_import: str = "", in_step: str = "") -> bytes:
    source = SUBMISSION.replace("AT_IMPORT", at_import).replace("IN_STEP", in_step).replace("LAST", str(last))
    return bundle({"submission.py": source})


def comparable(name: str) -> Workload:
    """Narrow, without what every process draws for itself."""
    spec = narrow(registry.get(name))
    masks = {key: 0 for key in ("frequency_masks", "time_masks") if key in spec.model}
    return dataclasses.replace(spec, model={**spec.model, **masks})


@contextmanager
def trainer(folder: Path, name: str, ranks: int) -> Iterator[TrainerPeer]:
    """A PyTorch trainer with so many CPU processes."""
    spec = comparable(name)
    package = folder / "task" / "apw"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "model.py").write_text((ROOT / "workloads" / spec.base / "model_torch.py").read_text())
    (package / "data.py").write_text(DATA.replace("BASE", repr(spec.base)).replace("DATASET", repr(spec.dataset)))
    more = {"ALGOPERF_DEVICES": str(ranks), "OMP_NUM_THREADS": "1"}
    with started("sandbox_runner.trainer", folder / "run", folder, folder / "task", more) as peer:
        yield TrainerPeer(peer, "pytorch", spec=spec, seed=SEED)


def train(folder: Path, name: str, ranks: int) -> tuple[list[float], np.ndarray]:
    """The losses of a few steps, and by how much they moved the arrays of a snapshot, as one vector."""
    with trainer(folder, name, ranks) as found:
        found.set_up(batch_size=BATCH_SIZE)
        with found.initial_snapshot() as snapshot:
            initial = _content(snapshot, found.nbytes)
        found.load(submission())
        for kind in ("loaded", "init_done"):
            found.peer.receive(kind)
        snapshot, step = found.snapshot(1)
        snapshot.close()
        found.answer(1, step, {})
        assert found.peer.receive("training_complete")["step"] == STEPS + 1
        found.request(2)
        snapshot, _ = found.snapshot(2)
        with snapshot:
            moved = _content(snapshot, found.nbytes) - initial
        found.answer(2, STEPS + 1, {})
        found.peer.send("stop", reason="complete")
        assert found.peer.exit_status() == 0
    lines = (folder / "run" / "log").read_text().splitlines()
    losses = [line.split() for line in lines if line.startswith("loss ")]
    assert {words[4] for words in losses} == {str(ranks)}
    return [float(words[2]) for words in losses], moved


def _content(snapshot: Snapshot, nbytes: int) -> np.ndarray:
    return np.frombuffer(os.pread(snapshot.fd, nbytes, 0), np.float32)


def assert_same_training(tmp_path: Path, name: str, ranks: int) -> None:
    """Movements are compared as a whole: a ReLU that rounds to the other side of zero moves one filter by itself."""
    losses, moved = train(tmp_path / "one", name, 1)
    shared_losses, shared_moved = train(tmp_path / "several", name, ranks)
    assert len(losses) == STEPS
    assert shared_losses == pytest.approx(losses, rel=2e-5)
    assert np.linalg.norm(shared_moved - moved) < 5e-3 * np.linalg.norm(moved)


@pytest.mark.parametrize("name", ["librispeech_deepspeech", "ogbg"])
def test_two_processes_train_like_one(tmp_path: Path, name: str):
    """Losses and weights, with graphs and with batch norm over the batches of all processes."""
    assert_same_training(tmp_path, name, 2)


@pytest.mark.full
@pytest.mark.parametrize("ranks", [2, 4, 8])
@pytest.mark.parametrize("name", [name for name in registry.BASE_NAMES if name not in PER_PROCESS])
def test_several_processes_train_like_one(tmp_path: Path, name: str, ranks: int):
    assert_same_training(tmp_path, name, ranks)


@pytest.mark.parametrize("name", sorted(PER_PROCESS))
def test_batch_norm_of_one_process_sees_its_own_examples(tmp_path: Path, name: str):
    """As in the benchmark: the first loss is that of two half batches, each normalised by itself."""
    losses, _ = train(tmp_path, name, 2)

    spec = comparable(name)
    workload = registry.load(spec, "pytorch")(spec)
    model, _ = workload.init_model_fn(trial_keys(SEED, "pytorch").model)
    pieces = synthetic.train_batches(spec, 2, SEED)
    halves = []
    for _ in range(2):
        batch = workload.to_device(shards.joined([next(pieces) for _ in range(BATCH_SIZE // 4)]))
        logits, _ = workload.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, True, 0.0)
        found = workload.loss_fn(batch["targets"], logits)
        halves.append({key: found[key].item() for key in ("summed", "n_valid_examples")})
    summed, examples = (sum(half[key] for half in halves) for key in ("summed", "n_valid_examples"))
    assert losses[0] == pytest.approx(summed / examples, rel=1e-5)


FAILURES = {
    "one rank fails when it is imported": (
        {"at_import": "assert RANK != 1, 'not here'"},
        "import",
        "rank 1: .*AssertionError: not here",
    ),
    "one rank fails while the others wait for it": (
        {"in_step": "assert RANK != 1, 'not now'"},
        "update_params",
        "rank 1: .*AssertionError: not now",
    ),
    "one rank is killed": (
        {"in_step": "import os, signal; RANK == 1 and os.kill(os.getpid(), signal.SIGKILL)"},
        "training",
        "rank 1 has ended by SIGKILL",
    ),
    "all ranks fail": ({"in_step": "raise KeyError('lost')"}, "update_params", "KeyError: 'lost'"),
    "the ranks disagree about the end": (
        {
            "last": 10**6,
            "in_step": "assert RANK < 2\n    if RANK == 1: raise spec.TrainingCompleteError\n    if RANK == 0: "
            "return optimizer_state, current_param_container, model_state",
        },
        "training",
        "some ranks raised TrainingCompleteError",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_the_failure_of_any_rank_is_the_submissions(tmp_path: Path, case: str):
    changes, where, sentence = FAILURES[case]
    with trainer(tmp_path, "ogbg", 2) as found:
        found.set_up(batch_size=BATCH_SIZE)
        found.initial_snapshot().close()
        found.load(submission(**changes))
        failure = found.peer.receive("loaded", "failed")
        while failure["kind"] != "failed":
            failure = found.peer.receive("init_done", "failed", "snapshot_ready")
        assert failure["where"] == where
        assert re.search(sentence, failure["error"], re.DOTALL), failure["error"]
        assert found.peer.exit_status() == 1


def test_a_batch_that_the_processes_cannot_share_is_refused(tmp_path: Path):
    with trainer(tmp_path, "ogbg", 2) as found:
        found.set_up(batch_size=15)
        found.initial_snapshot().close()
        found.load(submission())
        failure = found.peer.receive("failed")
        assert failure["where"] == "import"
        assert "15, which 2 devices cannot share evenly" in failure["error"]


def test_no_process_outlives_the_trial(tmp_path: Path):
    with trainer(tmp_path, "ogbg", 2) as found:
        found.set_up(batch_size=BATCH_SIZE)
        children = [
            int(pid)
            for pid in Path(f"/proc/{found.peer.process.pid}/task/{found.peer.process.pid}/children")
            .read_text()
            .split()
        ]
        assert len(children) == 1
        found.peer.process.kill()
        found.peer.process.wait()
    deadline = time.monotonic() + 20
    while any(
        Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
        for pid in children
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
