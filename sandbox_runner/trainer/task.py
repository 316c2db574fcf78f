"""The one workload of this container: model and input queue, built from a spec that does not name it."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox_runner.protocol import LayoutEntry
from sandbox_runner.trainer import paths
from workloads import snapshot
from workloads.api import TrialKeys, trial_keys
from workloads.frameworks import configure
from workloads.spec import Workload


@dataclass(frozen=True, kw_only=True)
class Task:
    """Everything that exists before the first byte of a submission."""

    framework: str
    workload: Any
    keys: TrialKeys
    input_queue: Iterator[Any]
    params: Any
    model_state: Any
    layout: Sequence[LayoutEntry]


def build_task(message: Mapping[str, Any]) -> Task:
    """From the supervisor's `setup` message. Slow parts (imports, data, model) happen here, off the clock."""
    framework = message["framework"]
    configure(framework)
    spec = Workload.from_json(message["task"])
    sys.path.insert(0, str(paths.task_root()))
    model_module, data_module = importlib.import_module("apw.model"), importlib.import_module("apw.data")
    workload = model_module.Workload(spec)
    keys = trial_keys(message["seed"], framework)
    batches = data_module.train_batches(paths.data_root(), spec, message["batch_size"], message["seed"])
    first = next(batches)  # whatever a dataset does before its first batch is not the submission's time
    params, model_state = workload.init_model_fn(keys.model)
    layout = tuple(LayoutEntry(**vars(entry)) for entry in snapshot.module(framework).layout(params, model_state))
    return Task(
        framework=framework,
        workload=workload,
        keys=keys,
        input_queue=map(workload.to_device, itertools.chain([first], batches)),
        params=params,
        model_state=model_state,
        layout=layout,
    )
