"""The recommendation network: golden numbers, its variants recomputed in NumPy, initial values, ids, dropout."""

from __future__ import annotations

import dataclasses
import json

import jax
import numpy as np
import pytest
import torch

from tests.workloads.initial_values import assert_drawn_alike
from tests.workloads.reference_vectors import arrays, numbers
from tests.workloads.twins import outputs, twins
from workloads import registry
from workloads.api import ForwardPassMode
from workloads.narrow import narrow

NAMES = ["criteo1tb", "criteo1tb_layernorm", "criteo1tb_embed_init", "criteo1tb_resnet"]


def shortened(name, rows=65_536):
    """Full size, but for the table."""
    spec = registry.get(name)
    return dataclasses.replace(spec, model={**spec.model, "table_rows": rows})


def clicks(count):
    """(count, 39): ids far above the rows of any table, as the benchmark stores them."""
    dense = 3 + 3 * numbers("dense", count * 13).reshape(count, 13)
    ids = np.floor(20_000_000 * (1 + numbers("ids", count * 26).reshape(count, 26)))
    return np.concatenate([dense, ids], axis=1).astype(np.float32)


def test_pytorch_is_the_reference_in_outputs_losses_and_gradients(shared):
    folder = shared / "data" / "reference_vectors" / "models"
    record, stored = json.loads((folder / "criteo1tb.json").read_text()), np.load(folder / "criteo1tb.npz")
    workload = registry.load(registry.get("criteo1tb"), "pytorch")(shortened("criteo1tb"))
    with torch.device("meta"):
        model = workload.build_model()
    weights = {name: torch.from_numpy(value).double() for name, value in arrays(record["params"]).items()}
    model.load_state_dict(weights, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_()
    batch = {key: torch.from_numpy(stored[f"input/{key}"]).double() for key in ("inputs", "targets", "weights")}

    logits, _ = workload.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, True)
    loss = workload.loss_fn(batch["targets"], logits, batch["weights"], 0.1)
    workload.loss_fn(batch["targets"], logits)["summed"].backward()

    np.testing.assert_allclose(logits.detach().numpy(), stored["train_float64"], atol=1e-10, rtol=0)
    expected = record["losses"]["train/ls0_masked"]  # nothing is smoothed
    assert loss["summed"].item() == pytest.approx(expected["summed"], rel=1e-6)
    assert loss["n_valid_examples"].item() == expected["n_valid_examples"]
    assert list(loss["per_example"].shape) == expected["per_example_shape"]
    for name, parameter in model.named_parameters():
        gradient = parameter.grad.numpy().ravel()
        _, _, norm, dot = record["grads"][name]
        assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-8), name
        assert gradient @ numbers(f"grad/{name}", gradient.size) == pytest.approx(dot, abs=1e-8 * norm), name


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_computes_what_is_written_of_it(name):
    spec = narrow(registry.get(name))
    inputs = clicks(5)
    pytorch, model, _, _, weights = twins(spec)  # that JAX computes the same is tested for all of them

    expected = recomputed(spec.model, weights, inputs.astype(np.float64))

    np.testing.assert_allclose(outputs(pytorch, model, inputs.astype(np.float64)), expected, atol=1e-12, rtol=0)


def recomputed(model, weights, inputs):
    """The forward pass from the facts, one layer after the other."""
    names = list(weights)
    matrices = {part: [n for n in names if n.startswith(part) and weights[n].ndim == 2] for part in ("bot", "top")}
    scales = {
        part: [n for n in names if n.startswith(part) and n.endswith("weight") and weights[n].ndim == 1]
        for part in ("bot", "top", "embed_ln")
    }

    def linear(x, name):
        return x @ weights[name].T + weights[name.replace("weight", "bias")]

    def normed(x, part, number):
        if not model["layer_norm"]:
            return x
        name = scales[part][number]
        centred = x - x.mean(-1, keepdims=True)
        centred /= np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
        return centred * weights[name] + weights[name.replace("weight", "bias")]

    def hidden(x, part, count):
        for number in range(count):
            y = normed(np.maximum(linear(x, matrices[part][number]), 0), part, number)
            x = y + x if model["residual"] and number > 0 else y
        return x

    bottom = hidden(inputs[:, :13], "bot", 3)
    table = np.concatenate([weights[f"embedding_chunk_{chunk}"] for chunk in range(4)])
    embedded = normed(table[inputs[:, 13:].astype(int) % model["table_rows"]], "embed_ln", 0)
    if model["residual"]:
        pairs = embedded.reshape(len(inputs), -1)
    else:
        vectors = np.concatenate([bottom[:, None], embedded], axis=1)
        pairs = np.stack([(vectors[:, i] * vectors[:, j]).sum(-1) for i in range(27) for j in range(i, 27)], axis=1)
    return linear(hidden(np.concatenate([bottom, pairs], axis=1), "top", 4), matrices["top"][4])


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_initial_values_are_drawn_as_published(framework, shared):
    record = json.loads((shared / "spec" / "params" / "criteo1tb_test.json").read_text())  # of the shortened table
    params, _ = registry.load(shortened("criteo1tb"), framework)(shortened("criteo1tb")).init_model_fn(3)
    values = dict(params.named_parameters()) if framework == "pytorch" else by_path(params)

    for row in record[framework]:
        values_of_row = values[row["name"]]
        assert_drawn_alike(row, np.asarray(values_of_row.detach() if framework == "pytorch" else values_of_row))


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_the_variant_with_large_embeddings_draws_them_up_to_one(framework):
    spec = narrow(registry.get("criteo1tb_embed_init"))
    params, _ = registry.load(spec, framework)(spec).init_model_fn(3)
    table = params.embedding_chunk_2.detach() if framework == "pytorch" else params["embedding_table"]

    assert 0 <= float(table.min()) < 0.01
    assert 0.99 < float(table.max()) <= 1


def by_path(tree):
    return {"/".join(str(key.key) for key in path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
@pytest.mark.parametrize("name", NAMES)
def test_the_output_layer_is_the_one_of_a_single_unit(name, framework):
    spec = narrow(registry.get(name))
    workload = registry.load(spec, framework)(spec)
    params, _ = workload.init_model_fn(0)
    keys = [key for key, _ in params.named_parameters()] if framework == "pytorch" else list(params)
    output = [key for key in keys if workload.is_output_params(key)]

    if framework == "pytorch":
        assert [tuple(params.get_parameter(key).shape) for key in output] == [(1, 16), (1,)]
    else:
        assert [params[key]["kernel"].shape for key in output] == [(16, 1)]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
@pytest.mark.parametrize("name", NAMES)
def test_dropout_acts_in_training_only(name, framework):
    pytorch, model, jax_workload, params, _ = twins(narrow(registry.get(name)), torch.float32)
    workload, params = (pytorch, model) if framework == "pytorch" else (jax_workload, params)
    inputs = clicks(16)
    plain = outputs(workload, params, inputs)

    assert np.array_equal(outputs(workload, params, inputs, rate=0.5), plain)
    np.testing.assert_allclose(outputs(workload, params, inputs, ForwardPassMode.TRAIN), plain, atol=1e-5)
    dropped = [outputs(workload, params, inputs, ForwardPassMode.TRAIN, 0.5, seed) for seed in (1, 1, 2)]
    assert np.array_equal(dropped[0], dropped[1])
    assert not np.allclose(dropped[0], dropped[2], atol=1e-3)


def test_ids_survive_weights_of_half_the_width():
    """They come as floats beside the dense features, and bfloat16 knows integers up to 256 only."""
    spec = narrow(registry.get("criteo1tb"))
    pytorch, model, jax_workload, params, _ = twins(spec, torch.float32)
    inputs = clicks(32)
    expected = outputs(pytorch, model, inputs)

    half = pytorch.model_fn(
        model.bfloat16(), {"inputs": torch.from_numpy(inputs)}, None, ForwardPassMode.EVAL, None, False
    )[0]
    half_params = jax.tree.map(lambda leaf: jax.numpy.asarray(leaf, jax.numpy.bfloat16), params)
    half_jax = outputs(jax_workload, half_params, inputs)

    np.testing.assert_allclose(half.float().numpy(), expected, atol=0.1 * expected.std())
    np.testing.assert_allclose(half_jax, expected, atol=0.1 * expected.std())


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
@pytest.mark.parametrize("name", NAMES)
def test_evaluations_are_cut_into_the_published_batches(name, framework, shared):
    facts = json.loads((shared / "spec" / "workloads.json").read_text())["workloads"]["criteo1tb"]
    spec = registry.get(name)
    workload = registry.load(spec, framework)(spec)

    assert workload.eval_batch_size == facts["eval_batch_size"][framework]
    assert workload.num_eval_train_examples == facts["examples"]["eval_train"][framework]
    assert registry.load(narrow(spec), framework)(narrow(spec)).eval_batch_size == narrow(spec).eval_batch_size
