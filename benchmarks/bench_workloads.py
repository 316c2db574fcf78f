"""What a training step costs: steps per second and peak memory of every workload, framework and way to run it.

Each measurement is a process of its own, so that peaks and threads do not mix. Models have full width; inputs are made
up and short, and the table of clicks is shortened, so that small machines can take part: `--full-inputs` measures real
lengths. On a GPU it also prints how much of the device's peak a step uses (`--peak-tflops`).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workloads import registry, synthetic
from workloads.api import ForwardPassMode
from workloads.narrow import narrow, shortened
from workloads.spec import Workload

ROOT = Path(__file__).parents[1]
WAYS = {"eager": "pytorch", "compile": "pytorch", "jit": "jax"}
RATE = 1e-3
TOP = 4


def main() -> int:
    options = _parser().parse_args()
    if options.way:
        print(json.dumps(measure(options.workload[0], options.way, options)))
        return 0
    names = options.workload or list(registry.BASE_NAMES)
    print(
        f"batch {options.batch}, {options.dtype}, {'narrow' if options.narrow else 'full width'}; best of a few steps\n"
    )
    print(f"{'workload':24} {'way':8} {'steps/s':>9} {'first s':>8} {'peak MB':>8} {'GFLOP/step':>11} {'GFLOP/s':>9}")
    failed = 0
    for name in names:
        for way in options.ways.split(","):
            row = _in_process(name, way)
            failed += "error" in row
            print(_line(name, way, row, options.peak_tflops), flush=True)
    return int(failed > 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_workloads", description=__doc__)
    parser.add_argument("workload", nargs="*", choices=[*registry.names(), []], help="default: the base workloads")
    parser.add_argument("--batch", type=int, default=2, help="examples a step (default: 2)")
    parser.add_argument("--steps", type=int, default=5, help="measured steps (default: 5)")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--narrow", action="store_true", help="the narrow edition, which takes seconds")
    parser.add_argument("--full-inputs", action="store_true", help="real lengths of sound and text, the whole table")
    parser.add_argument("--peak-tflops", type=float, help="of the device and type: adds the share of it that is used")
    parser.add_argument("--ways", default=",".join(WAYS), help="some of eager,compile,jit (default: all)")
    parser.add_argument("--way", choices=tuple(WAYS), help="measure this one here and print it as JSON")
    return parser


def _in_process(name: str, way: str) -> dict[str, Any]:
    """The measurement, made by a process with the same options."""
    command = [sys.executable, "-m", "benchmarks.bench_workloads", name, "--way", way]
    command += [argument for argument in sys.argv[1:] if argument not in registry.names()]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        return {"error": (result.stderr.strip().splitlines() or ["no output"])[-1]}
    row: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return row


def _line(name: str, way: str, row: Mapping[str, Any], peak_tflops: float | None) -> str:
    if "error" in row:
        return f"{name:24} {way:8} {row['error'][:90]}"
    rate = row["flop"] * row["steps_per_s"]
    used = "" if peak_tflops is None else f"  {rate / peak_tflops / 1e12:.1%} of peak"
    dominant = "  " + ", ".join(f"{op} {share:.0%}" for op, share in row["dominant"]) if row["dominant"] else ""
    return (
        f"{name:24} {way:8} {row['steps_per_s']:9.3f} {row['first_step_s']:8.2f} {row['peak_mb']:8.0f} "
        f"{row['flop'] / 1e9:11.2f} {rate / 1e9:9.1f}{used}{dominant}"
    )


def measure(name: str, way: str, options: argparse.Namespace) -> dict[str, Any]:
    """One way to run one workload, here. Seconds are wall time; `flop` counts matrix products and convolutions."""
    spec = registry.get(name)
    if options.narrow:
        spec = narrow(spec)
    elif not options.full_inputs:
        spec = shortened(spec)
    batch = next(synthetic.train_batches(spec, options.batch, 1))
    prepare = _torch_step if WAYS[way] == "pytorch" else _jax_step
    step, finish = prepare(spec, batch, way, options.dtype)
    started = time.perf_counter()
    step()
    first_step_s = time.perf_counter() - started
    seconds = []
    for _ in range(options.steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return {"steps_per_s": 1 / min(seconds), "first_step_s": first_step_s, **finish()}


_Prepared = tuple[Callable[[], None], Callable[[], dict[str, Any]]]


def _torch_step(spec: Workload, batch: Mapping[str, Any], way: str, dtype: str) -> _Prepared:
    """A step of gradient descent that waits for the device; then memory, operations and what takes the time."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    workload = registry.load(spec, "pytorch")(spec)
    model, _ = workload.init_model_fn(1)
    called = torch.compile(model) if way == "compile" else model
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    placed = workload.to_device(batch)
    device = workload.device.type

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            outputs, _ = workload.model_fn(called, placed, None, ForwardPassMode.TRAIN, None, True)
            found = workload.loss_fn(placed["targets"], outputs, placed.get("weights"))
        (found["summed"] / found["n_valid_examples"]).backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    def finish() -> dict[str, Any]:
        peak_mb = torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else _resident_peak_mb()
        if way == "compile":
            return {"peak_mb": peak_mb, "flop": _eager_flop, "dominant": []}
        return {"peak_mb": peak_mb, "flop": _eager_flop, "dominant": _dominant(step, device)}

    # Counting runs one step of its own, before anything is measured, and never on a compiled model.
    with FlopCounterMode(display=False) as counter:
        optimizer.zero_grad()
        outputs, _ = workload.model_fn(model, placed, None, ForwardPassMode.TRAIN, None, True)
        found = workload.loss_fn(placed["targets"], outputs, placed.get("weights"))
        found["summed"].backward()
    _eager_flop = counter.get_total_flops()
    return step, finish


def _dominant(step: Callable[[], None], device: str) -> list[tuple[str, float]]:
    """The operations that take most of a step's time by themselves, with their shares."""
    from torch.profiler import ProfilerActivity, profile

    activity = ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as recorded:
        step()
    own = {
        event.key.removeprefix("aten::"): event.self_device_time_total
        if device == "cuda"
        else event.self_cpu_time_total
        for event in recorded.key_averages()
    }
    total = sum(own.values()) or 1
    return [(name, own[name] / total) for name in sorted(own, key=own.__getitem__, reverse=True)[:TOP]]


def _jax_step(spec: Workload, batch: Mapping[str, Any], way: str, dtype: str) -> _Prepared:
    """The same step, compiled once."""
    import jax
    import jax.numpy as jnp

    workload = registry.load(spec, "jax")(spec)
    params, state = workload.init_model_fn(1)
    half = jnp.bfloat16 if dtype == "bfloat16" else jnp.float32

    def cast(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.astype(half) if leaf.dtype == jnp.float32 else leaf, tree)

    def train(params: Any, state: Any, batch: Any, rng: Any) -> Any:
        def loss_fn(params: Any) -> Any:
            outputs, new = workload.model_fn(
                cast(params), {**batch, "inputs": cast(batch["inputs"])}, state, ForwardPassMode.TRAIN, rng, True
            )
            found = workload.loss_fn(batch["targets"], outputs, batch.get("weights"))
            return found["summed"] / found["n_valid_examples"], new

        gradient, state = jax.grad(loss_fn, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - RATE * g, params, gradient), state

    placed = workload.to_device(batch)
    compiled: Any = None
    held = [params, state]

    def step() -> None:
        nonlocal compiled
        key = jax.random.PRNGKey(0)
        if compiled is None:
            compiled = jax.jit(train, donate_argnums=(0, 1)).lower(*held, placed, key).compile()
        held[:] = compiled(*held, placed, key)
        jax.block_until_ready(held)

    def finish() -> dict[str, Any]:
        memory = jax.devices()[0].memory_stats() or {}
        peak_mb = memory["peak_bytes_in_use"] / 1e6 if "peak_bytes_in_use" in memory else _resident_peak_mb()
        return {"peak_mb": peak_mb, "flop": float((compiled.cost_analysis() or {}).get("flops", 0)), "dominant": []}

    return step, finish


def _resident_peak_mb() -> float:
    """Of the whole process, libraries included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    sys.exit(main())
