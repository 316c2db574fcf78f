"""The files of `pipelines/` that are compared here: log-mel features of sound, batches of graphs, packed sentences."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.data_prepare import pieces
from workloads.datasets import molpcba, wmt
from workloads.layers import log_mel
from workloads.spec import Framework
from workloads.vectors import generator, photograph_files, prepared_files
from workloads.vectors.quantity import Quantity, Reporter

_FEATURES = 2e-4  # the logarithm near its floor
_Record = Mapping[str, Any]


def _logmel(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    with np.load(folder / "pipelines" / "logmel.npz") as stored:
        arrays = dict(stored)
    yield report.compare("mel matrix", log_mel.mel_matrix(), arrays["mel_weights"], 2e-5)
    sound, paddings = (arrays[name].astype(np.float32) for name in ("waveform", "input_paddings"))
    for framework in Framework:
        own = dataclasses.replace(report, framework=framework)
        features, padded = _features(framework, sound, paddings)
        yield own.compare("features", features, arrays["features"], _FEATURES)
        yield own.equal("paddings", padded, arrays["paddings"])


def _features(framework: Framework, sound: np.ndarray, paddings: np.ndarray) -> tuple[np.ndarray, ...]:
    if framework == Framework.PYTORCH:
        import torch

        from workloads.layers.log_mel_torch import LogMel

        found = LogMel()(torch.from_numpy(sound), torch.from_numpy(paddings))
    else:
        from workloads.layers.log_mel_jax import log_mel_features

        found = log_mel_features(sound, paddings)
    return tuple(np.asarray(part) for part in found)


def _ogbg_batching(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    """Cases of one shard; several shards are the benchmark's way to lose graphs, which is not ours."""
    with np.load(folder / "pipelines" / "ogbg_batching.npz") as stored:
        arrays = dict(stored)
    own = dataclasses.replace(report, workload="ogbg")
    with tempfile.TemporaryDirectory() as name:
        _write_graphs(Path(name), record["graphs"])
        for case in record["cases"]:
            size = case["global_batch"]
            if case["shards"] > 1:
                yield own.skip(f"batches of {size}", "graphs are batched in one shard here")
                continue
            batches = molpcba.eval_batches(Path(name), registry.get("ogbg"), size)
            for number, batch in enumerate(itertools.islice(batches, len(case["batches"]))):
                found = {**batch["inputs"]._asdict(), "targets": batch["targets"], "weights": batch["weights"]}
                for key, value in found.items():
                    expected = arrays.get(f"gb{size}_b{number}_{key}")
                    if expected is not None:
                        yield own.compare(f"batch {number} of {size}, {key}", value, expected, 0.0)


def _write_graphs(directory: Path, graphs: list[Mapping[str, int]]) -> None:
    """A split of made-up molecules, as the dataset stores it."""
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("nodes", "edges", "senders", "receivers", "labels", "n_node", "n_edge")
    }
    for number, size in enumerate(graphs):
        nodes, bonds = size["nodes"], size["bonds"]
        start, end = (generator.integers(f"ogbg_pipe/{side}{number}", bonds, 0, nodes) for side in "st")
        edges = generator.integers(f"ogbg_pipe/e{number}", 3 * bonds, 0, 4).reshape(bonds, 3)
        labels = generator.numbers(f"ogbg_pipe/l{number}", 128) > 0.5
        unknown = generator.numbers(f"ogbg_pipe/m{number}", 128) > 0.3
        parts["nodes"].append(generator.integers(f"ogbg_pipe/n{number}", 9 * nodes, 0, 9).reshape(nodes, 9))
        parts["edges"] += [edges, edges]
        parts["senders"] += [start, end]
        parts["receivers"] += [end, start]
        parts["labels"].append(np.where(unknown, -1, labels)[np.newaxis])
        parts["n_node"].append(np.array([nodes]))
        parts["n_edge"].append(np.array([2 * bonds]))
    for name, arrays in parts.items():
        np.save(directory / f"{name}.npy", np.concatenate(arrays).astype(np.int16))


def _wmt(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    """Rows of packed pairs, and texts as tokens and back."""
    own = dataclasses.replace(report, workload="wmt")
    for number, case in enumerate(record["packing"]):
        length = case["length"]
        if max(len(side) for pair in case["pairs"] for side in pair) > length:
            yield own.skip(f"packing {number}", "pairs that are longer than a row are left out before")
            continue
        with tempfile.TemporaryDirectory() as name:
            for stem, array in pieces.split_arrays(case["pairs"]).items():
                np.save(Path(name) / f"{stem}.npy", array)
            pairs = wmt.Pairs.load(Path(name), length)
            order = np.arange(len(pairs))
            packed = [wmt.pack(pairs, order[first : first + length], length) for first in order[::length]]
        for key in case["rows"][0]:
            found = np.concatenate([rows[key] for rows in packed])
            yield own.equal(f"packing {number}, {key}", found, np.array([row[key] for row in case["rows"]]))
    model = (folder / "pipelines" / record["tokeniser"]["model"]).read_bytes()
    for example in record["tokeniser"]["examples"]:
        ((tokens, _),) = pieces.token_pairs(model, [(example["text"], "")], len(example["ids"]) + 1)
        yield own.equal(f"tokens of {example['text']!r}", np.array(tokens), np.array(example["ids"]))


FILES: Mapping[str, Callable[[Path, _Record, Reporter], Iterator[Quantity]]] = {
    "logmel": _logmel,
    "ogbg_batching": _ogbg_batching,
    "wmt": _wmt,
    **photograph_files.FILES,
    **prepared_files.FILES,
}
