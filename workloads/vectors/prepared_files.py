"""The files of `pipelines/` about raw files that are prepared: lines of clicks, measured slices."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.data_prepare import click_lines
from workloads.data_prepare import fastmri as scans
from workloads.data_prepare.farmhash import fingerprint64
from workloads.datasets import criteo1tb, fastmri
from workloads.vectors import generator
from workloads.vectors.quantity import Quantity, Reporter

_LOGARITHMS = 2e-6  # of counts up to 2**31, so one unit in the last place
_PIXELS = 1e-5
_MOMENTS = 1e-6  # relative
_Record = Mapping[str, Any]


def _criteo1tb(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    own = dataclasses.replace(report, workload="criteo1tb")
    spec = registry.get("criteo1tb")
    dense = spec.data["dense_features"]
    batch = _only_batch(criteo1tb.eval_batches, click_lines.parse(_text(record["lines"])), "criteo1tb")
    expected = np.array(record["inputs"], np.float32)
    yield own.equal("labels", batch["targets"][:, 0], record["targets"])
    yield own.compare("logarithms of counts", batch["inputs"][:, :dense], expected[:, :dense], _LOGARITHMS)
    yield own.equal("buckets of categories", batch["inputs"][:, dense:], expected[:, dense:])
    hashes = record["farmhash64"]
    found = [str(fingerprint64(item["string"].encode())) for item in hashes]
    yield own.equal("fingerprints", found, [item["fingerprint64"] for item in hashes])
    rounding = record["float32_rounding_and_row"]
    rows = np.zeros(len(rounding), click_lines.RECORD)
    rows["category_0"] = [item["bucket"] for item in rounding]
    ids = _only_batch(criteo1tb.eval_batches, rows, "criteo1tb")["inputs"][:, dense].astype(int)
    yield own.equal("rounded buckets", ids, [item["after_float32"] for item in rounding])
    table = ids % spec.model["table_rows"]
    yield own.equal("rows of the table", table, [item["table_row_mod_4194304"] for item in rounding])


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _fastmri(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    own = dataclasses.replace(report, workload="fastmri")
    draws = record["uniform_draws_width_368"]
    yield own.equal("uniform draws", fastmri.uniform_draws(368, (0, 0))[: len(draws)], np.array(draws, np.float32))
    for width, mask in record["eval_masks"].items():
        yield own.equal(f"mask of {width} columns", _as_hex(int(width), tuple(record["eval_seed"])), mask["kept_hex"])
    for name, mask in record["train_masks"].items():
        yield own.equal(f"mask of {name}", _as_hex(mask["width"], tuple(mask["seed_pair"])), mask["kept_hex"])
    with np.load(folder / "pipelines" / "fastmri_slices.npz") as stored:
        arrays = dict(stored)
    for width, expected in record["slices"].items():
        measured, picture = made_slice(int(width))
        volume = scans.records(measured[np.newaxis], picture[np.newaxis], expected["volume_max"])
        batch = _only_batch(fastmri.eval_batches, volume, "fastmri")
        for name in ("mean", "std", "volume_max"):
            value = expected[name]
            yield own.compare(f"{name} of {width} columns", batch[name][0], value, _MOMENTS, relative_to=value)
        for name in ("inputs", "targets"):
            sampled = batch[name].ravel()[arrays[f"{width}_index"]]
            yield own.compare(f"{name} of {width} columns", sampled, arrays[f"{width}_{name}"], _PIXELS)


def made_slice(columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The measurement (640, columns) complex64 and the picture (320, 320) float32 of the golden slice of that width."""
    y, x = (np.arange(640) - 320)[:, np.newaxis] / 640, (np.arange(columns) - columns // 2) / columns
    real, imaginary = (
        generator.numbers(f"fastmri/{part}{columns}", 640 * columns).reshape(640, columns) for part in ("re", "im")
    )
    measured = (real + 1j * imaginary) / (1 + 400 * (x**2 + y**2)) * 1e-5
    picture = 1.2e-6 * (1 + generator.numbers(f"fastmri/target{columns}", 320 * 320))
    return measured.astype(np.complex64), picture.astype(np.float32).reshape(320, 320)


def _as_hex(width: int, key: tuple[int, int]) -> str:
    """The mask as the file writes it: the first column is the highest bit."""
    bits = "".join("1" if kept else "0" for kept in fastmri.column_mask(width, key))
    return f"{int(bits, 2):0{-(-width // 4)}x}"


def _only_batch(eval_batches: Callable[..., Iterator[Any]], rows: np.ndarray, workload: str) -> Any:
    """What a dataset makes of a split with these rows."""
    with tempfile.TemporaryDirectory() as name:
        np.save(Path(name) / "rows.npy", rows)
        (batch,) = eval_batches(Path(name), registry.get(workload), len(rows))
    return batch


FILES: Mapping[str, Callable[[Path, _Record, Reporter], Iterator[Quantity]]] = {
    "criteo1tb": _criteo1tb,
    "fastmri": _fastmri,
}
