from __future__ import annotations

import numpy as np
import pytest

from workloads import editions, evaluation, registry
from workloads.datasets import imagenet, molpcba
from workloads.errors import EvaluationError
from workloads.evaluation import _all_finite, evaluate
from workloads.spec import Framework

MINI = editions.load("mini")
RESNET, GNN = MINI.workload("imagenet_resnet"), MINI.workload("ogbg")


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(0)
    np.save(tmp_path / "inputs.npy", random.integers(0, 256, (10, 28, 28, 1), np.uint8))
    np.save(tmp_path / "targets.npy", random.integers(0, 10, 10).astype(np.uint8))
    return tmp_path


@pytest.mark.parametrize("framework", Framework)
def test_the_batch_size_of_an_evaluation_does_not_change_its_result(framework, images):
    workload = registry.load(RESNET, framework)(RESNET)
    model = workload.init_model_fn(0)

    results = [evaluate(workload, *model, imagenet.eval_batches(images, RESNET, size), 10) for size in (3, 10)]

    assert set(results[0]) == {"accuracy", "loss"}
    assert results[0] == pytest.approx(results[1], rel=1e-5)


def test_a_split_with_another_number_of_examples_is_refused(images):
    workload = registry.load(RESNET, "pytorch")(RESNET)
    model = workload.init_model_fn(0)

    with pytest.raises(EvaluationError, match="the split has 10 examples, the workload declares 2000"):
        evaluate(workload, *model, imagenet.eval_batches(images, RESNET, 4), 2000)


def test_evaluating_twice_leaves_the_model_as_it_was(images):
    workload = registry.load(RESNET, "pytorch")(RESNET)
    model, state = workload.init_model_fn(0)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    for _ in range(2):
        evaluate(workload, model, state, imagenet.eval_batches(images, RESNET, 4), 10)

    assert all(before[name].equal(tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("framework", Framework)
def test_broken_parameters_give_metrics_that_are_not_numbers(framework, images):
    workload = registry.load(RESNET, framework)(RESNET)
    model, state = workload.init_model_fn(0)
    if framework == Framework.PYTORCH:
        model.fc.bias.data.fill_(float("nan"))
    else:
        model["Dense_0"]["bias"] = model["Dense_0"]["bias"] + float("nan")

    result = evaluate(workload, model, state, imagenet.eval_batches(images, RESNET, 10), 10)

    assert np.isnan(list(result.values())).all()


def test_finite_parameters_with_infinite_logits_are_worth_as_little(mini_data):
    workload = registry.load(GNN, "pytorch")(GNN)
    model, state = workload.init_model_fn(0)
    model.decoder.bias.data.fill_(3e38)
    model.decoder.weight.data.fill_(3e38)
    batches = molpcba.eval_batches(mini_data / GNN.dataset / "validation", GNN, GNN.eval_batch_size)

    result = evaluate(workload, model, state, batches, GNN.num_validation_examples)

    assert np.isnan(list(result.values())).all()


def test_every_part_of_several_outputs_must_be_finite_in_rows_that_count():
    weights, whole = np.array([1.0, 0.0]), np.zeros((2, 3))
    broken_padding = np.array([[0.0], [np.nan]])

    assert _all_finite((whole, broken_padding), weights)
    assert not _all_finite((whole, broken_padding[::-1]), weights)


@pytest.mark.parametrize("framework", Framework)
def test_the_built_molecules_are_evaluated_whole(framework, mini_data):
    workload = registry.load(GNN, framework)(GNN)
    model = workload.init_model_fn(0)
    batches = molpcba.eval_batches(mini_data / GNN.dataset / "validation", GNN, GNN.eval_batch_size)

    result = evaluate(workload, *model, batches, GNN.num_validation_examples)

    assert set(result) == {"accuracy", "loss", "mean_average_precision"}
    assert 0.05 < result["mean_average_precision"] < 0.25  # an untrained model is near the share of positives, 0.11


@pytest.mark.parametrize(("room", "readings"), [(10**6, 1), (10, 3)])
def test_a_split_is_kept_in_memory_where_it_fits_and_read_again_where_not(room, readings, monkeypatch, tmp_path):
    calls = []

    def eval_batches(directory, spec, batch_size):
        calls.append((directory, batch_size))
        yield from ({"inputs": (np.full(4, number, np.float32), np.zeros(4))} for number in range(3))

    monkeypatch.setattr(evaluation, "CACHE_BYTES", room)
    monkeypatch.setattr(imagenet, "eval_batches", eval_batches)
    split = evaluation.SplitData(RESNET, tmp_path)

    passes = [[batch["inputs"][0][0] for batch in split.batches()] for _ in range(3)]

    assert passes == 3 * [[0, 1, 2]]
    assert calls == readings * [(tmp_path, RESNET.eval_batch_size)]
