"""The file of `pipelines/` about photographs, as evaluations see them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.data_prepare.photograph_shards import write_shard
from workloads.datasets import imagenet
from workloads.spec import Split
from workloads.vectors.quantity import Quantity, Reporter

_EXACT = 1e-5  # where both decode alike
_DECODERS = 0.02  # JPEG decoders differ by a level here and there
# The reference decodes the test split with TensorFlow's fast transform, up to 5 of 255 off; cubic weights amplify that.
_FAST_DECODER = 0.14
_Record = Mapping[str, Any]


def _imagenet_eval(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    own = dataclasses.replace(report, workload="imagenet_resnet")
    with np.load(folder / "pipelines" / "imagenet_eval.npz") as stored:
        arrays = dict(stored)
    names = [image["file"] for image in record["images"]]
    for split, part in ((Split.VALIDATION, "torch"), (Split.TEST, "jax")):
        for name, pixels in zip(names, _evaluated(folder / "pipelines", names, split), strict=True):
            expected = arrays.get(f"{name.removeprefix('imagenet_').replace('.', '_')}_{part}")
            if expected is None:
                continue
            pixels = pixels.transpose(2, 0, 1) if part == "torch" else pixels
            tolerance = _EXACT if name.endswith(".png") else _DECODERS if part == "torch" else _FAST_DECODER
            yield own.compare(f"{name} in {split}", pixels.ravel()[arrays["index"]], expected, tolerance)


def _evaluated(folder: Path, names: list[str], split: Split) -> np.ndarray:
    """The inputs that a split of these files gives."""
    with tempfile.TemporaryDirectory() as root:
        directory = Path(root) / split
        directory.mkdir()
        write_shard(directory, "golden", ((name, (folder / name).read_bytes(), 0) for name in names))
        (batch,) = imagenet.eval_batches(directory, registry.get("imagenet_resnet"), len(names))
    inputs: np.ndarray = batch["inputs"]
    return inputs


FILES = {"imagenet_eval": _imagenet_eval}
