"""JAX on several virtual devices: the losses of one, in both ways of using them, and every example counted once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workloads import registry

ROOT = Path(__file__).resolve().parents[2]
# One process per number of devices: XLA is told once. Batches are always made of the same eight pieces.
PROGRAM = """
import dataclasses, itertools, json, sys
import jax, jax.numpy as jnp, numpy as np
from workloads import registry, shards, synthetic
from workloads.api import ForwardPassMode, trial_keys
from workloads.frameworks import configure
from workloads.narrow import narrow
from workloads.placement import placement

replicated, names = sys.argv[1] == "replicated", sys.argv[2:]
configure("jax")
devices = jax.device_count()


def pieces(spec):
    made = synthetic.train_batches(spec, 2, 3)
    while True:
        group = list(itertools.islice(made, 8))
        size = len(group) // devices
        yield [shards.joined(group[index * size:(index + 1) * size]) for index in range(devices)]


def sharded_step(workload):
    def step(params, state, batch, rng):
        def loss_fn(params):
            logits, new_state = workload.model_fn(
                params, batch, state, ForwardPassMode.TRAIN, rng, update_batch_norm=True, dropout_rate=0.1)
            found = workload.loss_fn(batch["targets"], logits, batch.get("weights"))
            return found["summed"] / found["n_valid_examples"], new_state
        (loss, state), gradient = jax.value_and_grad(loss_fn, has_aux=True)(params)
        return jax.tree.map(lambda p, g: p - 0.05 * g, params, gradient), state, loss
    return jax.jit(step)


def replicated_step(workload):
    def step(params, state, batch, rng):
        def loss_fn(params):
            logits, new_state = workload.model_fn(
                params, batch, state, ForwardPassMode.TRAIN, rng, update_batch_norm=True, dropout_rate=0.0)
            found = workload.loss_fn(batch["targets"], logits, batch.get("weights"))
            return found["summed"], (found["n_valid_examples"], new_state)
        (loss, (examples, state)), gradient = jax.value_and_grad(loss_fn, has_aux=True)(params)
        loss, examples, gradient = jax.lax.psum((loss, examples, gradient), "batch")
        return jax.tree.map(lambda p, g: p - 0.05 * g / examples, params, gradient), state, loss / examples
    return jax.pmap(step, axis_name="batch", in_axes=(0, 0, 0, None))


for name in names:
    spec = narrow(registry.get(name))
    if replicated and "time_masks" in spec.model:
        still = {"time_masks": 0, "frequency_masks": 0, "fixed_dropout_jax": None}
        still = {key: value for key, value in still.items() if key in spec.model}
        spec = dataclasses.replace(spec, model={**spec.model, **still})
    workload = registry.load(spec, "jax")(spec)
    placed, keys = placement(workload, replicated=replicated), trial_keys(5, "jax")
    params, state = placed.model(*workload.init_model_fn(keys.model))
    step = replicated_step(workload) if replicated else sharded_step(workload)
    losses, queue = [], pieces(spec)
    for number in range(3):
        rng = jax.random.fold_in(keys.steps, number)
        params, state, loss = step(params, state, placed.batch(next(queue)), rng)
        losses.append(float(np.ravel(loss)[0]))
    params, state = placed.measured(params, state)
    norms = [float(jnp.linalg.norm(leaf)) for leaf in jax.tree.leaves((params, state))]
    print(json.dumps({"name": name, "devices": devices, "losses": losses, "norms": norms}))
"""


def run(program: str, devices: int, *arguments: str) -> list[dict]:
    flags = f"--xla_force_host_platform_device_count={devices}"
    # Three steps of a narrow model cost less than optimizing its program.
    quick = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**os.environ, **quick, "XLA_FLAGS": flags},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def assert_same_training(numbers: tuple[int, ...], way: str, names: tuple[str, ...]) -> None:
    alone = run(PROGRAM, 1, way, *names)
    for devices in numbers:
        for one, several in zip(alone, run(PROGRAM, devices, way, *names), strict=True):
            assert several["devices"] == devices
            assert several["losses"] == pytest.approx(one["losses"], rel=2e-5), one["name"]
            assert several["norms"] == pytest.approx(one["norms"], rel=1e-3, abs=1e-4), one["name"]


def test_sharded_batches_train_like_on_one_device():
    """Batch norm over the whole batch, dropout included: the random bits do not depend on the devices either."""
    assert_same_training((8,), "sharded", ("imagenet_resnet", "ogbg"))


def test_replicated_arrays_train_like_on_one_device():
    assert_same_training((2,), "replicated", ("ogbg",))


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", registry.BASE_NAMES)
def test_every_workload_trains_on_two_to_eight_devices_like_on_one(name):
    assert_same_training((2, 4, 8), "sharded", (name,))


# Batch norm of these sees the examples of its own device, as in that generation.
PER_DEVICE = {"imagenet_resnet", "librispeech_conformer"}


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [name for name in registry.BASE_NAMES if name not in PER_DEVICE])
def test_every_workload_trains_on_replicated_arrays_like_on_one_device(name):
    assert_same_training((2, 8), "replicated", (name,))


EVALUATION = """
import json, sys
import jax
from workloads import registry, synthetic
from workloads.evaluation import evaluate
from workloads.narrow import narrow

for name in sys.argv[1:]:
    spec = narrow(registry.get(name))
    workload = registry.load(spec, "jax")(spec)
    params, state = workload.init_model_fn(3)
    batches = synthetic.eval_batches(spec, spec.eval_batch_size, 21, 4)
    print(json.dumps({"name": name, "devices": jax.device_count(), **evaluate(workload, params, state, batches, 21)}))
"""


def test_an_evaluation_counts_every_example_once_on_any_number_of_devices():
    """21 examples in batches of eight: the last one is short, and `evaluate` refuses another count."""
    names = ("imagenet_resnet", "ogbg")
    alone = run(EVALUATION, 1, *names)
    for one, several in zip(alone, run(EVALUATION, 8, *names), strict=True):
        assert several.pop("devices") == 8
        assert one.pop("devices") == 1
        assert one.pop("name") == several.pop("name")
        assert several == pytest.approx(one, rel=1e-5)
