"""Shapes, names, kinds and initial values of the full-size models, against the benchmark's parameter tables."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest
import torch

from workloads import registry
from workloads.parameters import parameter_table

# The benchmark guesses kinds from names, and ours are guessed in the same way. None differs.
FRAMEWORKS = {"pytorch": "pytorch_buffers", "jax": "jax_model_state"}


def table(shared, name):
    return json.loads((shared / "spec" / "params" / f"{name}.json").read_text())


def flat(tree):
    return {"/".join(str(key.key) for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("name", registry.names())
def test_the_model_has_the_published_parameters(name, framework, shared):
    expected = table(shared, name)

    found = parameter_table(registry.get(name), framework)

    assert {parameter.name: (list(parameter.shape), parameter.kind.name) for parameter in found.parameters} == {
        record["name"]: (record["shape"], record["kind"]) for record in expected[framework]
    }
    assert found.total == expected["total_parameters"][framework]
    assert len(found.parameters) == expected["parameter_tensors"][framework]
    assert {key: list(shape) for key, shape in found.state.items()} == expected[FRAMEWORKS[framework]]


@pytest.mark.parametrize("name", ["imagenet_resnet", "ogbg"])
def test_the_output_layer_is_the_last_one(name):
    spec = registry.get(name)
    with torch.device("meta"):
        workload = registry.load(spec, "pytorch")(spec)
        keys = [key for key, _ in workload.build_model().named_parameters()]
    assert [key for key in keys if workload.is_output_params(key)] == keys[-2:]

    workload = registry.load(spec, "jax")(spec)
    params, _ = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))
    (output,) = [key for key in params if workload.is_output_params(key)]
    assert params[output]["kernel"].shape[-1] in (1000, 128)


@pytest.mark.parametrize("name", ["imagenet_resnet", "ogbg"])
def test_initial_pytorch_values_are_spread_as_published(name, shared):
    spec = registry.get(name)
    model, _ = registry.load(spec, "pytorch")(spec).init_model_fn(7)
    parameters = dict(model.named_parameters())

    for record in table(shared, name)["pytorch"]:
        assert_spread(record, parameters[record["name"]].detach().numpy())


def test_initial_jax_values_are_spread_as_published(shared):
    """Only the graph network: compiling the initial values of ResNet-50 takes long."""
    spec = registry.get("ogbg")
    params, _ = registry.load(spec, "jax")(spec).init_model_fn(7)
    leaves = flat(params)

    for record in table(shared, "ogbg")["jax"]:
        assert_spread(record, np.asarray(leaves[record["name"]]))


def test_the_variant_with_large_scales_differs_in_those_only():
    small, large = (registry.get(name) for name in ("imagenet_resnet", "imagenet_resnet_large_bn_init"))
    states = [registry.load(spec, "pytorch")(spec).init_model_fn(1)[0].state_dict() for spec in (small, large)]

    changed = [key for key in states[0] if not torch.equal(states[0][key], states[1][key])]

    assert len(changed) == 16
    assert all(key.endswith("bn3.weight") and states[1][key].eq(8.0).all() for key in changed)


def assert_spread(record, values):
    """Mean and deviation as in the recorded draw, within what a draw of that size varies; constants exactly."""
    init, tolerance = record["init"], 5 / np.sqrt(values.size)
    if init["std"] == 0:
        assert (values == init["mean"]).all(), record["name"]
        return
    assert values.std() == pytest.approx(init["std"], rel=2 * tolerance), record["name"]
    assert values.mean() == pytest.approx(0, abs=tolerance * init["std"]), record["name"]
