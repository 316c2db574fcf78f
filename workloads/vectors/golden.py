"""One model's golden file: weights, inputs and results, and how the workload has to be set to meet them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry, transfer
from workloads.api import GraphsTuple
from workloads.errors import VectorsError
from workloads.spec import Workload
from workloads.vectors import generator

# What a specification may switch on that the vectors were made without.
_SWITCHED_OFF: Mapping[str, Any] = {"frequency_masks": 0, "time_masks": 0, "fixed_dropout_jax": None}
_PLAIN = "plain_"  # prefix of the inputs that are one sentence per row
_SPEECH_LEVELS = 4000  # samples between two levels of loudness


class Golden:
    """The vectors of one workload; `name` is the file's name without its ending."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.record = read_json(folder / "models" / f"{name}.json")
        self.stored = _arrays(folder / "models" / f"{name}.npz")

    @cached_property
    def spec(self) -> Workload:
        """The workload without what is random, its table as short as the one of the vectors."""
        spec = registry.get(self.name)
        model = {**spec.model, **{key: value for key, value in _SWITCHED_OFF.items() if key in spec.model}}
        if "table_rows" in model:
            chunks = [how["shape"][0] for name, how in self.record["params"].items() if "embedding_chunk" in name]
            model["table_rows"] = sum(chunks)
        return dataclasses.replace(spec, model=model)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Parameters and running averages by PyTorch name, float32."""
        return generator.arrays(self.record["params"]) | generator.arrays(self.record.get("buffers", {}))

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """Every input by its key in the file: stored, or made by the formula of its base."""
        found: dict[str, np.ndarray] = {}
        for key, how in self.record["inputs"].items():
            if f"input/{key}" in self.stored:
                found[key] = self.stored[f"input/{key}"]
            else:
                found[key] = self._formula(key, tuple(how["shape"]), found).astype(np.float32)
        return found

    def batch(self, *, plain: bool = False) -> dict[str, Any]:
        """The batch as a dataset of ours gives it: NumPy, images with channels last, what belongs together as a pair.

        Args:
            plain: sentences one per row, instead of packed ones.
        """
        given = self.inputs
        if plain:
            return {key.removeprefix(_PLAIN): value for key, value in given.items() if key.startswith(_PLAIN)}
        given = {key: value for key, value in given.items() if not key.startswith(_PLAIN)}
        if "audio" in given:
            return {
                "inputs": (given["audio"], given["audio_paddings"]),
                "targets": (given["targets"], given["target_paddings"]),
            }
        if "nodes" in given:
            fields = {name: given.pop(name) for name in GraphsTuple._fields if name in given}
            return {"inputs": GraphsTuple(**{"globals": None, **fields}), **given}
        if given["inputs"].ndim == 4:
            given["inputs"] = np.ascontiguousarray(given["inputs"].transpose(0, 2, 3, 1))
        return given

    def parity(self) -> dict[str, Any] | None:
        """The file that says which JAX array is made of which tensors, where there is one."""
        path = self.folder / "jax_parity" / f"{self.name}.json"
        return read_json(path) if path.is_file() else None

    def leaves(self, jax_shapes: transfer.Shapes) -> tuple[transfer.Leaf, ...]:
        """How the JAX arrays are made: as the parity file says, or derived."""
        parity = self.parity()
        records = (*parity.get("mapping", ()), *parity.get("state_mapping", ())) if parity else ()
        return tuple(map(transfer.Leaf.from_json, records)) or self.derived(jax_shapes)

    def derived(self, jax_shapes: transfer.Shapes) -> tuple[transfer.Leaf, ...]:
        return transfer.derive(self.spec.base, {key: value.shape for key, value in self.weights.items()}, jax_shapes)

    def jax_results(self) -> dict[str, np.ndarray] | None:
        """Results of the JAX model where it is another function than the PyTorch one."""
        path = self.folder / "models" / f"{self.name}_jax.npz"
        return _arrays(path) if path.is_file() else None

    def _formula(self, key: str, shape: tuple[int, ...], found: Mapping[str, np.ndarray]) -> np.ndarray:
        base, count = self.spec.base, math.prod(shape)
        if base == "fastmri" and key == "inputs":
            return 2 * generator.numbers("fastmri/inputs", count).reshape(shape)
        if base == "fastmri" and key == "targets":
            # The sum is rounded once, so the inputs enter it before they are.
            inputs = 2 * generator.numbers("fastmri/inputs", count)
            return (inputs + 0.5 * generator.numbers("fastmri/targets", count)).reshape(shape)
        if base.startswith("imagenet") and key == "inputs":
            return 1.75 * generator.numbers("imagenet/inputs", count).reshape(shape)
        if base.startswith("librispeech") and key in ("audio", "audio_paddings"):
            return _speech(*shape)[key == "audio_paddings"]
        raise VectorsError(f"input {key!r} of {self.name} is neither stored nor given by a formula")


def _speech(rows: int, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Sound (rows, samples) that gets louder and softer, and its paddings: 1 from the end of each row on."""
    ends = (80_000, 66_000, 50_000)[:rows]
    loudness = ((np.arange(samples) // _SPEECH_LEVELS) % 4 + 1) / 4
    sound = [np.rint(8000 * loudness * generator.numbers(f"librispeech/audio{row}", samples)) for row in range(rows)]
    paddings = np.stack([(np.arange(samples) >= end).astype(np.float64) for end in ends])
    return np.where(paddings > 0, 0.0, np.stack(sound)), paddings


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object; VectorsError when it is none."""
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise VectorsError(f"{path} cannot be read as JSON: {error}") from error
    return document


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError) as error:
        raise VectorsError(f"{path} cannot be read as an archive of arrays: {error}") from error
