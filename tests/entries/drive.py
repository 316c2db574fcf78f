"""Trains one entry on narrow workloads as the trainer does, on all devices of this process.

`python -m tests.entries.drive ENTRY FRAMEWORK STEPS WORKLOAD...` prints one JSON object per workload. A submission
stays in the process it was imported by, so every entry has a process of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sandbox_runner.trainer.task import Task
from sandbox_runner.trainer.trial import Loaded, load, make_trial
from workloads import loop, registry, snapshot, synthetic
from workloads.api import trial_keys
from workloads.compatibility import install
from workloads.frameworks import configure, device_count
from workloads.loop import Measured
from workloads.narrow import narrow
from workloads.shards import global_batches
from workloads.spec import Framework, Workload
from workloads.submission import hyperparameters_tuple

HERE = Path(__file__).parent
SEED = 5


class CountingReferee:
    """Evaluates after the first step, in the middle and at the end; remembers what it was given to measure."""

    def __init__(self, framework: str, metric: str, steps: int) -> None:
        self.framework = framework
        self.metric = metric
        self.steps = steps
        self.measured: list[list[np.ndarray]] = []

    def is_due(self, step: int) -> bool:
        return step in (1, self.steps // 2, self.steps)

    def training_complete(self, step: int) -> None:
        raise AssertionError(f"the submission was done after {step} steps")

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        arrays = snapshot.module(self.framework).arrays(params, model_state)
        self.measured.append([np.array(array) for array in arrays])
        metrics = {f"validation/{self.metric}": 0.1 * len(self.measured)}
        return Measured(metrics=metrics, charged_s=float(step), stop=step == self.steps)

    def elapsed_s(self) -> float:
        return 0.0


def task(spec: Workload, framework: str) -> Task:
    """What the trainer builds before it has a submission, on made-up data."""
    workload = registry.load(spec, framework)(spec)
    keys, devices = trial_keys(SEED, framework), device_count(framework)
    params, model_state = workload.init_model_fn(keys.model)
    return Task(
        framework=framework,
        workload=workload,
        keys=keys,
        batch_size=spec.batch_size,
        devices=devices,
        batches=global_batches(batches, None, spec, spec.batch_size, SEED, devices),
        params=params,
        model_state=model_state,
        layout=(),
    )


def batches(_directory: Any, spec: Workload, batch_size: int, seed: int) -> Iterator[Mapping[str, Any]]:
    return synthetic.train_batches(spec, batch_size, seed)


def drive(built: Task, loaded: Loaded, point: Mapping[str, Any] | None, steps: int) -> dict[str, Any]:
    trial = make_trial(built, loaded, hyperparameters_tuple(point))
    module = snapshot.module(built.framework)
    before = [np.array(array) for array in module.arrays(built.params, built.model_state)]
    referee = CountingReferee(built.framework, built.workload.target_metric_name, steps)
    state = loop.run(trial, loop.initial_state(trial, built.params, built.model_state), referee)
    after = referee.measured[-1]
    return {
        "workload": built.workload.spec.name,
        "generation": loaded.generation.name,
        "steps": state.step,
        "evaluations": len(referee.measured),
        "same_layout": [array.shape for array in before] == [array.shape for array in after],
        "moved": any((a != b).any() for a, b in zip(before, after, strict=True)),
        "finite": all(np.isfinite(array).all() for array in after),
    }


def main(entry: str, framework: str, steps: int, names: list[str]) -> None:
    configure(framework)
    if framework == Framework.PYTORCH:
        from workloads.process_group import join

        join(0, 1, None)
    install()
    scratch = Path(tempfile.mkdtemp())
    shutil.copytree(HERE / entry, scratch / "submission")
    os.environ["ALGOPERF_SCRATCH"] = str(scratch)
    point_file = HERE / entry / "point.json"
    point = json.loads(point_file.read_text()) if point_file.is_file() else None
    loaded = None
    for name in names:
        spec = narrow(registry.get(name))
        built = task(spec, framework)
        loaded = loaded or load(built)
        print(json.dumps(drive(built, loaded, point, steps)), flush=True)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
