"""The one workload of this container: model and input queue, built from a spec that does not name it."""

from __future__ import annotations

import importlib
import itertools
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox_runner.protocol import LayoutEntry
from sandbox_runner.trainer import paths
from workloads import shards, snapshot
from workloads.api import TrialKeys, trial_keys
from workloads.frameworks import ahead_of_steps, configure, device_count
from workloads.spec import Framework, Workload


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Which of the processes of a trial this is. They meet in a file that none of them has used before."""

    rank: int = 0
    ranks: int = 1
    meeting: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Task:
    """Everything that exists before the first byte of a submission."""

    framework: str
    workload: Any
    keys: TrialKeys
    batch_size: int
    devices: int  # that share one batch, over all processes
    batches: Iterator[Any]  # NumPy, not yet on a device
    params: Any
    model_state: Any
    layout: Sequence[LayoutEntry]


def num_ranks(framework: str) -> int:
    """How many processes a trial has: one per device in PyTorch, one in JAX, which drives all devices itself."""
    return device_count(framework) if framework == Framework.PYTORCH else 1


def build_task(message: Mapping[str, Any], rank: Rank) -> Task:
    """From the supervisor's `setup` message. Slow parts (imports, data, model) happen here, off the clock."""
    framework, batch_size, seed = message["framework"], message["batch_size"], message["seed"]
    configure(framework)
    if framework == Framework.PYTORCH:
        _join(rank)
    spec = Workload.from_json(message["task"])
    sys.path.insert(0, str(paths.task_root()))
    model_module, data_module = importlib.import_module("apw.model"), importlib.import_module("apw.data")
    workload = model_module.Workload(spec)
    keys = trial_keys(seed, framework)
    devices = rank.ranks if framework == Framework.PYTORCH else device_count(framework)
    arguments = (data_module.train_batches, paths.data_root(), spec, batch_size, seed)
    if rank.ranks > 1:
        batches: Iterator[Any] = shards.rank_batches(*arguments, rank.rank, rank.ranks)
    else:
        batches = shards.global_batches(*arguments, devices)
    first = next(batches)  # whatever a dataset does before its first batch is not the submission's time
    params, model_state = workload.init_model_fn(keys.model)
    _reseed(rank, seed)
    layout = tuple(LayoutEntry(**vars(entry)) for entry in snapshot.module(framework).layout(params, model_state))
    return Task(
        framework=framework,
        workload=workload,
        keys=keys,
        batch_size=batch_size,
        devices=devices,
        batches=ahead_of_steps(framework, itertools.chain([first], batches)),
        params=params,
        model_state=model_state,
        layout=layout,
    )


def _join(rank: Rank) -> None:
    from workloads.process_group import join

    join(rank.rank, rank.ranks, rank.meeting, os.environ)


def _reseed(rank: Rank, seed: int) -> None:
    """Every process has made the same model; what it draws from here on, dropout for example, is its own."""
    if rank.rank:
        import torch

        torch.manual_seed(seed + rank.rank)
