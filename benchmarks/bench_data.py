"""What data costs: examples per second of every pipeline, and how much of a training step waits for it.

Three measurements, each in a process of its own: the pipeline alone; a real training run of the mini edition (AdamW of
`algorithms/`) whose waiting for the next batch is counted; and photographs, decoded and cut by the pipeline of ImageNet
beside a plain loop over the same files in Pillow, in turns on one core, as a ratio.
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads import editions, registry
from workloads.api import parse_search_space, sample, trial_keys
from workloads.compatibility import install
from workloads.frameworks import configure, device_count
from workloads.loop import Measured, Trial, initial_state, run
from workloads.placement import placement
from workloads.shards import global_batches
from workloads.spec import Framework, Split, Workload
from workloads.submission import hyperparameters_tuple, load_submission
from workloads.view import WorkloadView

ROOT = Path(__file__).parents[1]
ALGORITHM = ROOT / "algorithms" / "adamw"
EDITION = "mini"
SEED = 1
WARM_STEPS = 10  # compiled and cached by then
PHOTOGRAPHS = 48
PHOTOGRAPH_SIZE = (500, 375)  # pixels, as most of ImageNet's
ROUNDS = 5


def main() -> int:
    options = _parser().parse_args()
    if options.measure:
        print(json.dumps(_MEASUREMENTS[options.measure](options)))
        return 0
    print(f"{EDITION} edition, {len(os.sched_getaffinity(0))} cores\n")
    print(
        f"{'workload':24} {'batch':>6} {'first ms':>9} {'examples/s':>11} {'waiting, pytorch':>17} {'waiting, jax':>13}"
    )
    for spec in editions.load(EDITION).workloads:
        if not options.workload or spec.name in options.workload:
            alone = _in_process("pipeline", options, spec.name)
            torch, jax = (_in_process("waiting", options, spec.name, framework)["share"] for framework in _FRAMEWORKS)
            print(
                f"{spec.name:24} {spec.batch_size:6} {alone['first_s'] * 1e3:9.1f} {alone['examples_per_s']:11,.0f} "
                f"{torch:17.1%} {jax:13.1%}",
                flush=True,
            )
    if not options.workload:
        found = _in_process("photographs", options)
        print(f"\nphotographs of {PHOTOGRAPH_SIZE[0]} x {PHOTOGRAPH_SIZE[1]}, cut to 224 x 224, a second")
        print(
            f"on one core: plain loop in Pillow {found['plain_per_s']:.0f}, pipeline {found['pipeline_per_s']:.0f}, "
            f"ratio {found['ratio']:.2f} (aim: at least 0.90)"
        )
        print(f"on all cores ({found['cores']}): pipeline {found['all_cores_per_s']:.0f}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_data", description=__doc__)
    parser.add_argument("workload", nargs="*", help="default: all of the mini edition, and photographs")
    parser.add_argument("--seconds", type=float, default=2, help="for each pipeline alone (default: 2)")
    parser.add_argument("--steps", type=int, default=40, help="measured training steps (default: 40)")
    parser.add_argument("--measure", choices=tuple(_MEASUREMENTS), help="do this one here and print it as JSON")
    parser.add_argument("--framework", choices=_FRAMEWORKS, default=Framework.PYTORCH)
    return parser


def _in_process(measurement: str, options: argparse.Namespace, *arguments: str) -> dict[str, Any]:
    """One measurement, made by a fresh process; arguments are a workload and a framework."""
    command = [sys.executable, "-m", "benchmarks.bench_data", *arguments[:1], f"--measure={measurement}"]
    command += [f"--seconds={options.seconds}", f"--steps={options.steps}"]
    command += [f"--framework={framework}" for framework in arguments[1:]]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return document


# --- pipelines --------------------------------------------------------------------------------------------------


def measure_pipeline(options: argparse.Namespace) -> dict[str, Any]:
    """Batches for training one after the other, and nothing else. Seconds until the first; examples a second then."""
    spec = editions.load(EDITION).workload(options.workload[0])
    started = time.perf_counter()
    batches = _batches(spec, 1)
    next(batches)
    first_s = time.perf_counter() - started
    started, count = time.perf_counter(), 0
    while (passed := time.perf_counter() - started) < options.seconds:
        next(batches)
        count += 1
    return {"first_s": first_s, "examples_per_s": count * spec.batch_size / passed}


def measure_waiting(options: argparse.Namespace) -> dict[str, Any]:
    """The share of a training step that passes in the pipeline, once everything is compiled and cached."""
    spec, framework = editions.load(EDITION).workload(options.workload[0]), options.framework
    configure(framework)
    if framework == Framework.PYTORCH:
        from workloads.process_group import join

        join(0, 1, None)
    install()
    queue = _Timed(_batches(spec, device_count(framework) if framework == Framework.JAX else 1))
    keys = trial_keys(SEED, framework)
    workload = registry.load(spec, framework)(spec)
    params, model_state = workload.init_model_fn(keys.model)
    placed = placement(workload)
    space = parse_search_space(json.loads((ALGORITHM / framework / "tuning_search_space.json").read_text()))
    trial = Trial(
        submission=load_submission(ALGORITHM / framework),
        workload=WorkloadView(workload, placed),
        framework=framework,
        hyperparameters=hyperparameters_tuple(sample(space, 1, 0)[0]),
        keys=keys,
        input_queue=map(placed.batch, queue),
        placement=placed,
    )
    referee = _Stopwatch(queue, WARM_STEPS + options.steps)
    run(trial, initial_state(trial, params, model_state), referee)
    return {"share": referee.waited_s / referee.passed_s, "step_s": referee.passed_s / options.steps}


class _Timed:
    """An iterator that adds up how long its reader waited."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self.batches = batches
        self.waited_s = 0.0
        self.now = time.perf_counter

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        started = self.now()
        batch = next(self.batches)
        self.waited_s += self.now() - started
        return batch


class _Stopwatch:
    """A referee that takes two times: when the run is warm, and at its end."""

    def __init__(self, queue: _Timed, steps: int) -> None:
        self.queue, self.steps = queue, steps
        self.waited_s = self.passed_s = 0.0

    def is_due(self, step: int) -> bool:
        if step == WARM_STEPS:
            self.warm_at, self.waited_before = time.perf_counter(), self.queue.waited_s
        return step == self.steps

    def training_complete(self, step: int) -> None: ...

    def measure(self, step: int, params: Any, model_state: Any) -> Measured:
        self.passed_s = time.perf_counter() - self.warm_at
        self.waited_s = self.queue.waited_s - self.waited_before
        return Measured(metrics={}, charged_s=self.passed_s, stop=True)

    def elapsed_s(self) -> float:
        return 0.0


def _batches(spec: Workload, devices: int) -> Iterator[Any]:
    dataset = importlib.import_module(f"workloads.datasets.{spec.dataset}")
    directory = editions.data_directory(EDITION) / spec.dataset / Split.TRAIN
    return global_batches(dataset.train_batches, directory, spec, spec.batch_size, SEED, devices)


# --- photographs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Photographs:
    """Files of one size, and the folder in which they lie as prepared data."""

    files: list[bytes]
    directory: Path


def measure_photographs(options: argparse.Namespace) -> dict[str, Any]:
    """Photographs a second, decoded, cut at random, resized and made into normalised float32 batches.

    The plain loop calls Pillow and NumPy for each file, one after the other. Both take turns on one core, and the
    median of the rounds' ratios is what counts: another program disturbs a round, not the ratio of its two halves.
    """
    spec = registry.get("imagenet_resnet")
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        photographs = _make_photographs(Path(folder))
        os.sched_setaffinity(0, cores[:1])
        rounds = [
            (_rate(lambda: _plain(photographs, spec)), _rate(lambda: _by_pipeline(photographs, spec)))
            for _ in range(ROUNDS)
        ]
        os.sched_setaffinity(0, cores)
        all_cores = statistics.median(_rate(lambda: _by_pipeline(photographs, spec)) for _ in range(ROUNDS))
    plain, pipeline = (statistics.median(side) for side in zip(*rounds, strict=True))
    return {
        "plain_per_s": plain,
        "pipeline_per_s": pipeline,
        "ratio": statistics.median(after / before for before, after in rounds),
        "all_cores_per_s": all_cores,
        "cores": len(cores),
    }


def _rate(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    return work() / (time.perf_counter() - started)


def _plain(photographs: _Photographs, spec: Workload) -> int:
    """What anybody would write first."""
    from PIL import Image

    random = np.random.default_rng(SEED)
    size = spec.data["image_shape"][0]
    mean, stddev = (np.asarray(spec.data[name], np.float32) for name in ("mean", "stddev"))
    batch = []
    for content in photographs.files:
        image = Image.open(io.BytesIO(content)).convert("RGB")
        part = random.uniform(0.08, 1) ** 0.5
        width, height = (int(side * part) for side in image.size)
        left, top = int(random.integers(image.width - width + 1)), int(random.integers(image.height - height + 1))
        image = image.crop((left, top, left + width, top + height)).resize((size, size), Image.Resampling.BILINEAR)
        if random.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        batch.append((np.asarray(image, np.float32) - mean) / stddev)
    return len(np.stack(batch))


def _by_pipeline(photographs: _Photographs, spec: Workload) -> int:
    """As many as there are files, in batches of an eighth of them."""
    from workloads.datasets import imagenet

    size, steps = PHOTOGRAPHS // 8, 8
    batches = imagenet.train_batches(photographs.directory, spec, size, SEED)
    return sum(len(batch["inputs"]) for batch in itertools.islice(batches, steps))


def _make_photographs(folder: Path) -> _Photographs:
    """Smooth noise compresses about as photographs do: 500 x 375 pixels become about 100 kB, as ImageNet's."""
    from PIL import Image

    random = np.random.default_rng(SEED)
    files = []
    for _ in range(PHOTOGRAPHS):
        rough = Image.fromarray(random.integers(0, 256, (60, 80, 3), np.uint8))
        smooth = np.asarray(rough.resize(PHOTOGRAPH_SIZE, Image.Resampling.BICUBIC), np.int16)
        grain = random.integers(-12, 13, smooth.shape)
        file = io.BytesIO()
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    (folder / "bench.jpegs").write_bytes(b"".join(files))
    np.save(folder / "bench.offsets.npy", np.cumsum([0, *map(len, files)]))
    np.save(folder / "bench.targets.npy", np.arange(PHOTOGRAPHS, dtype=np.int32))
    return _Photographs(files=files, directory=folder)


_FRAMEWORKS = (str(Framework.PYTORCH), str(Framework.JAX))
_MEASUREMENTS: Mapping[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "pipeline": measure_pipeline,
    "waiting": measure_waiting,
    "photographs": measure_photographs,
}

if __name__ == "__main__":
    sys.exit(main())
