"""Made-up batches in the exact layout of every dataset: the same keys, types, paddings and weights as real ones.

For tests, for comparing the frameworks and for the bench. All arrays are NumPy, shapes follow from the spec alone, and
one seed gives the same batches everywhere. Source: AlgoPerf workloads, the "Batch" line of each dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from workloads.api import GraphsTuple
from workloads.batching import generator
from workloads.spec import Workload

Batch = dict[str, Any]
_LARGEST_ID = 40_000_000  # of the largest categorical column; ids are stored as float32 and rounded by that


def train_batches(spec: Workload, batch_size: int, seed: int) -> Iterator[Batch]:
    """Endless training batches of `batch_size` examples."""
    random = generator(seed)
    make = _TRAIN[spec.dataset]
    while True:
        yield make(spec, batch_size, random)


def eval_batches(spec: Workload, batch_size: int, num_examples: int, seed: int) -> Iterator[Batch]:
    """Batches that hold `num_examples` in all; the rows that pad the last one have weight 0."""
    random = generator(seed)
    for start in range(0, num_examples, batch_size):
        valid = min(batch_size, num_examples - start)
        yield _EVAL[spec.dataset](spec, batch_size, valid, random)


# --- one function per dataset -----------------------------------------------------------------------------------


def _clicks(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """13 logarithms of counts, then 26 ids, all float32; one click or none each."""
    dense = np.log1p(random.integers(0, 1000, (count, spec.data["dense_features"])))
    ids = random.integers(0, _LARGEST_ID, (count, spec.data["categorical_features"]))
    inputs = np.concatenate([dense, ids], axis=1).astype(np.float32)
    return {"inputs": inputs, "targets": random.integers(0, 2, (count, 1)).astype(np.float32)}


def _knees(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """Images and what they should have been, with the numbers that undo their normalisation."""
    targets = random.normal(size=(count, *spec.data["image_shape"])).astype(np.float32)
    blurred = targets + 0.3 * random.normal(size=targets.shape).astype(np.float32)
    scale = {name: random.uniform(1, 2, count).astype(np.float32) for name in ("mean", "std")}
    return {"inputs": blurred, "targets": targets, **scale, "volume_max": 10 * scale["std"]}


def _images(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """Normalised images (count, height, width, channels); one class each, or a soft mixture after mixup."""
    inputs = random.normal(size=(count, *spec.data["image_shape"])).astype(np.float32)
    targets = random.integers(0, spec.model["classes"], count).astype(np.int32)
    return {"inputs": inputs, "targets": _mixed(targets, spec, random) if _is_mixed(spec) else targets}


def _is_mixed(spec: Workload) -> bool:
    return "mixup" in spec.data


def _mixed(targets: np.ndarray, spec: Workload, random: np.random.Generator) -> np.ndarray:
    one_hot = np.eye(spec.model["classes"], dtype=np.float32)[targets]
    weight = np.float32(random.beta(spec.data["mixup"], spec.data["mixup"]))
    return weight * one_hot + (1 - weight) * np.roll(one_hot, 1, axis=0)


def _speech(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """Samples of 16 bits and token ids as float32, each with its paddings: 1 where nothing is. Id 0 is the blank."""
    samples, tokens = spec.data["max_samples"], spec.data["max_targets"]
    audio_padding = _paddings(samples, random.integers(samples // 2, samples + 1, count))
    target_padding = _paddings(tokens, random.integers(max(1, tokens // 2), tokens + 1, count))
    audio = np.rint(8000 * random.uniform(-1, 1, (count, samples))).astype(np.float32) * (1 - audio_padding)
    ids = random.integers(3, spec.model["vocabulary"], (count, tokens)).astype(np.float32) * (1 - target_padding)
    return {"inputs": (audio, audio_padding), "targets": (ids, target_padding)}


def _molecules(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """`count` graphs and the one that pads the batch; labels that are not known have weight 0."""
    room_nodes, room_edges = spec.data["nodes_per_graph"] * count, spec.data["edges_per_graph"] * count
    n_node = random.integers(3, spec.data["nodes_per_graph"] + 1, count)
    n_edge = random.integers(2, spec.data["edges_per_graph"] + 1, count)
    starts = np.repeat(np.cumsum(n_node) - n_node, n_edge)
    ends = [starts + random.integers(0, np.repeat(n_node, n_edge)) for _ in range(2)]
    nodes, edges, first_padding = room_nodes + 1, room_edges, int(n_node.sum())
    inputs = GraphsTuple(
        nodes=_padded(_categories(random, first_padding, spec.model["node_features"]), nodes, 0),
        edges=_padded(_categories(random, len(starts), spec.model["edge_features"]), edges, 0),
        receivers=_padded(ends[0].astype(np.int32), edges, first_padding),
        senders=_padded(ends[1].astype(np.int32), edges, first_padding),
        globals=np.zeros((count + 1, spec.model["tasks"]), np.float32),
        n_node=np.append(n_node, nodes - first_padding).astype(np.int32),
        n_edge=np.append(n_edge, edges - len(starts)).astype(np.int32),
    )
    known = random.random((count, spec.model["tasks"])) < 0.8
    labels = np.where(known, random.integers(0, 2, known.shape), 0).astype(np.float32)
    weights = known.astype(np.float32)
    return {"inputs": inputs, "targets": _padded(labels, count + 1, 0), "weights": _padded(weights, count + 1, 0)}


def _sentences(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """Rows of two packed pairs each. Positions start again with every pair, segments count them; 0 is padding."""
    length = spec.data["max_length"]
    batch: Batch = {}
    for side in ("inputs", "targets"):
        first = random.integers(length // 4, length // 2 + 1, (count, 1))
        whole = first + random.integers(length // 4, length // 2 + 1, (count, 1))
        column = np.arange(length)
        segment = np.where(column < first, 1, np.where(column < whole, 2, 0))
        tokens = random.integers(3, spec.model["vocabulary"], (count, length))
        batch[side] = np.where(segment > 0, tokens, 0).astype(np.int32)
        batch[f"{side}_position"] = np.where(segment == 2, column - first, column * (segment > 0)).astype(np.int32)
        batch[f"{side}_segmentation"] = segment.astype(np.int32)
    return {**batch, "weights": (batch["targets"] > 0).astype(np.int32)}


def _plain_sentences(spec: Workload, count: int, random: np.random.Generator) -> Batch:
    """One pair a row, as in evaluation: no positions, no segments."""
    packed = _sentences(spec, count, random)
    first = {side: np.where(packed[f"{side}_segmentation"] == 1, packed[side], 0) for side in ("inputs", "targets")}
    return {**first, "weights": (first["targets"] > 0).astype(np.float32)}


_TRAIN: Mapping[str, Callable[[Workload, int, np.random.Generator], Batch]] = {
    "criteo1tb": _clicks,
    "fastmri": _knees,
    "imagenet": _images,
    "librispeech": _speech,
    "molpcba": _molecules,
    "wmt": _sentences,
}


# --- evaluation -------------------------------------------------------------------------------------------------


def _weighted(spec: Workload, size: int, valid: int, random: np.random.Generator) -> Batch:
    """A training batch with a weight per example; the rows behind the valid ones pad."""
    batch = _TRAIN[spec.dataset](spec, size, random)
    shape = batch["targets"].shape if spec.dataset == "criteo1tb" else (size,)
    return {**batch, "weights": _valid_rows(np.ones(shape, np.float32), valid)}


def _eval_images(spec: Workload, size: int, valid: int, random: np.random.Generator) -> Batch:
    batch = _images(spec, size, random)
    if _is_mixed(spec):
        batch["targets"] = batch["targets"].argmax(axis=1).astype(np.int32)
    return {**batch, "weights": _valid_rows(np.ones(size, np.float32), valid)}


def _eval_speech(spec: Workload, size: int, valid: int, random: np.random.Generator) -> Batch:
    """Rows that pad the batch are padding from start to end."""
    batch = _speech(spec, size, random)
    for values, paddings in (batch["inputs"], batch["targets"]):
        values[valid:], paddings[valid:] = 0, 1
    return {**batch, "weights": _valid_rows(np.ones(size, np.float32), valid)}


def _eval_molecules(spec: Workload, size: int, valid: int, random: np.random.Generator) -> Batch:
    batch = _molecules(spec, size, random)
    return {**batch, "weights": _valid_rows(batch["weights"], valid)}


def _eval_sentences(spec: Workload, size: int, valid: int, random: np.random.Generator) -> Batch:
    batch = _plain_sentences(spec, size, random)
    return {key: _valid_rows(value, valid) for key, value in batch.items()}


_EVAL: Mapping[str, Callable[[Workload, int, int, np.random.Generator], Batch]] = {
    "criteo1tb": _weighted,
    "fastmri": _weighted,
    "imagenet": _eval_images,
    "librispeech": _eval_speech,
    "molpcba": _eval_molecules,
    "wmt": _eval_sentences,
}


def _valid_rows(array: np.ndarray, valid: int) -> np.ndarray:
    """The array with zeros in the rows from `valid` on."""
    array = array.copy()
    array[valid:] = 0
    return array


def _paddings(length: int, valid: np.ndarray) -> np.ndarray:
    return (np.arange(length) >= valid[:, None]).astype(np.float32)


def _categories(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return random.integers(0, 4, (rows, columns)).astype(np.float32)


def _padded(array: np.ndarray, rows: int, value: int) -> np.ndarray:
    padded = np.full((rows, *array.shape[1:]), value, array.dtype)
    padded[: len(array)] = array
    return padded
