from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys

import jax
import numpy as np
import pytest
import torch
from torch import nn

from workloads import editions, registry, snapshot, snapshot_jax, snapshot_torch
from workloads.api import ForwardPassMode, trial_keys
from workloads.errors import SnapshotMismatch
from workloads.narrow import narrow
from workloads.snapshot import LayoutEntry
from workloads.spec import Framework, Workload

IMAGES, GRAPHS = (editions.load("mini").workload(name) for name in ("imagenet_resnet", "ogbg"))
HAS_CONSTANTS = ("librispeech_conformer", "librispeech_deepspeech", "wmt")  # windows, averages, tables of positions


def build(spec, framework, seed=3):
    workload = registry.load(spec, framework)(spec)
    return workload, *workload.init_model_fn(trial_keys(seed, framework).model)


def content(framework, params, state):
    return b"".join(array.tobytes() for array in snapshot.module(framework).arrays(params, state))


@pytest.fixture(scope="module")
def images():
    """The image classifier in both frameworks."""
    return {framework: build(IMAGES, framework) for framework in Framework}


@pytest.fixture(scope="module")
def graphs():
    """The graph network in both frameworks."""
    return {framework: build(GRAPHS, framework) for framework in Framework}


@pytest.fixture(params=[("images", fw) for fw in Framework] + [("graphs", fw) for fw in Framework], ids="-".join)
def built(request, images, graphs):
    name, framework = request.param
    spec, models = (IMAGES, images) if name == "images" else (GRAPHS, graphs)
    return spec, framework, *models[framework]


def test_bytes_survive_the_round_trip(built):
    _, framework, workload, params, state = built
    module = snapshot.module(framework)
    random = np.random.default_rng(0)
    sent = b"".join(
        random.integers(0, 2**31, entry.shape).astype(entry.dtype).tobytes() for entry in module.layout(params, state)
    )

    restored = module.restore(workload, sent)

    assert content(framework, *restored) == sent
    assert module.layout(*restored) == module.layout(params, state)


def test_a_layout_is_dense_numbered_and_follows_the_arrays(built):
    _, framework, _, params, state = built
    layout = snapshot.module(framework).layout(params, state)
    arrays = list(snapshot.module(framework).arrays(params, state))

    assert [entry.offset for entry in layout[1:]] == [entry.offset + entry.nbytes for entry in layout[:-1]]
    assert [(entry.shape, entry.dtype, entry.nbytes) for entry in layout] == [
        (array.shape, str(array.dtype), array.nbytes) for array in arrays
    ]
    for kind in "ps":
        keys = [entry.key for entry in layout if entry.key[0] == kind]
        assert keys == [f"{kind}{number:03d}" for number in range(len(keys))]
    assert all(array.flags.c_contiguous for array in arrays)


def test_a_spec_that_came_as_json_without_its_name_gives_the_same_layout(built):
    spec, framework, _, params, state = built
    sent = Workload.from_json(json.loads(json.dumps(spec.anonymous("w-1").as_json())))
    workload = registry.load(spec, framework)(sent)

    if framework == Framework.JAX:
        other = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))
    else:
        other = workload.init_model_fn(1)

    assert snapshot.module(framework).layout(*other) == snapshot.module(framework).layout(params, state)


@pytest.mark.parametrize("framework", Framework)
def test_running_averages_travel_with_the_parameters(framework, images):
    workload, params, state = images[framework]
    batch = workload.to_device({"inputs": np.random.default_rng(0).random((4, 28, 28, 1), np.float32)})

    def forward(params, state, mode, update):
        return workload.model_fn(params, batch, state, mode, None, update_batch_norm=update)

    _, trained = forward(params, state, ForwardPassMode.TRAIN, True)
    restored = snapshot.module(framework).restore(workload, content(framework, params, trained))
    ours, _ = forward(params, trained, ForwardPassMode.EVAL, False)
    theirs, _ = forward(*restored, ForwardPassMode.EVAL, False)

    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_batches_counted_by_batch_norm_are_part_of_a_pytorch_snapshot():
    workload, model, _ = build(IMAGES, "pytorch")
    model.bn1.num_batches_tracked += 2**40

    restored, _ = snapshot_torch.restore(workload, content("pytorch", model, None))

    assert restored.bn1.num_batches_tracked.item() == 2**40
    assert {entry.dtype for entry in snapshot_torch.layout(model)} == {"float32", "int64"}


@pytest.mark.parametrize("name", registry.BASE_NAMES)
def test_constants_of_a_pytorch_model_are_those_of_the_judge(name):
    spec = narrow(registry.get(name))
    workload, model, _ = build(spec, "pytorch")
    untouched = {name: value.clone() for name, value in model.named_buffers()}
    constants = [name for name in untouched if not name.endswith(snapshot_torch.RUNNING)]
    with torch.no_grad():
        for constant in constants:
            model.get_buffer(constant).add_(1)

    restored, _ = snapshot_torch.restore(workload, content("pytorch", model, None))

    assert {name for name, _ in restored.named_buffers()} == set(untouched)
    for constant in constants:
        assert torch.equal(restored.get_buffer(constant), untouched[constant])
    assert bool(constants) == (name in HAS_CONSTANTS)


def test_wrappers_of_a_pytorch_model_do_not_show():
    _, model, _ = build(GRAPHS, "pytorch")
    wrapped = nn.DataParallel(model)

    assert snapshot_torch.layout(wrapped) == snapshot_torch.layout(model)
    assert content("pytorch", wrapped, None) == content("pytorch", model, None)


@pytest.mark.parametrize("framework", Framework)
def test_equal_seeds_give_equal_bytes_also_in_another_process(framework, graphs):
    spec = GRAPHS
    here = hashlib.sha256(content(framework, *graphs[framework][1:])).hexdigest()
    code = (
        "import hashlib, sys; from workloads import registry, editions, snapshot; from workloads.api import trial_keys;"
        f"spec = editions.load('mini').workload('{spec.name}'); framework = '{framework}';"
        "model = registry.load(spec, framework)(spec).init_model_fn(trial_keys(3, framework).model);"
        "arrays = snapshot.module(framework).arrays(*model);"
        "print(hashlib.sha256(b''.join(a.tobytes() for a in arrays)).hexdigest())"
    )

    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert here == there
    assert here != hashlib.sha256(content(framework, *build(spec, framework, seed=4)[1:])).hexdigest()


def test_a_snapshot_of_another_size_is_refused():
    workload, _model, _ = build(GRAPHS, "pytorch")

    with pytest.raises(SnapshotMismatch, match=r"has \d+ bytes, not 12"):
        snapshot_torch.restore(workload, b"x" * 12)


def test_the_first_array_that_changed_is_named(graphs):
    _, params, state = graphs["jax"]
    layout = snapshot_jax.layout(params, state)
    half = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, "bfloat16"), params)
    shorter = dataclasses.replace(layout[0], shape=(1,))

    snapshot.check(layout, layout)
    with pytest.raises(SnapshotMismatch, match="float32 and int64 arrays, not bfloat16"):
        snapshot_jax.layout(half, state)
    with pytest.raises(SnapshotMismatch, match=r"array p000 has become float32\[1\]; it started as float32\[64\]"):
        snapshot.check(layout, [shorter, *layout[1:]])
    with pytest.raises(SnapshotMismatch, match="the model has 41 arrays instead of 42"):
        snapshot.check(layout, layout[1:])


def test_an_empty_layout_takes_an_empty_snapshot():
    assert snapshot.views((), b"") == []


def test_unaligned_counters_are_read_whole():
    layout = snapshot.build_layout([("p", (1,), "float32"), ("s", (), "int64")])
    assert layout[1] == LayoutEntry(key="s000", shape=(), dtype="int64", offset=4, nbytes=8)

    _, counter = snapshot.views(layout, np.float32(1).tobytes() + np.int64(2**40 + 1).tobytes())

    assert torch.from_numpy(counter.copy()).item() == 2**40 + 1
