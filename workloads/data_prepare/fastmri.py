"""The single-coil knees of fastMRI: HDF5 volumes, as arrays of records of `workloads/datasets/fastmri.py`.

The benchmark leaves out columns of a measurement, never rows, so the transform along the rows does not depend on what
is left out. It is done here, once, and what the picture does not need of its result is cut away: half of the bytes.

Source: AlgoPerf workloads, fastmri, "Data"; Zbontar et al. 2018 (arXiv 1811.08839).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workloads.data_prepare.heads import link_head
from workloads.data_prepare.parts import Part, Problem, Say
from workloads.errors import DataDamaged, DataError

_MEASURED, _PICTURE, _LARGEST = "kspace", "reconstruction_esc", "max"  # names in a volume, the last an attribute
_SIZE = 320  # of a picture, both ways
_ROWS = 640  # of a measurement
_GET_AGAIN = "Download that volume again from fastmri.med.nyu.edu."


@dataclass(frozen=True, kw_only=True)
class FastMri:
    """How the volumes become a dataset."""

    dataset: str = "fastmri"
    version: int = 1
    licence: str = "the fastMRI data use agreement; not for redistribution"
    layout: str = (
        "  knee_singlecoil_train/*.h5   973 volumes\n"
        "  knee_singlecoil_val/*.h5     199 volumes\n"
        "(the volumes of knee_singlecoil_test have no pictures and are not used)"
    )
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"train": 34_742, "eval_train": 3_584, "validation": 3_554, "test": 3_581}
    )
    volumes: Mapping[str, int] = field(
        default_factory=lambda: {"knee_singlecoil_train": 973, "knee_singlecoil_val": 199}
    )
    validation_volumes: int = 100  # the first of the second folder; test has the others

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Folders with too few or too many volumes, and volumes that are not what they should be."""
        problems = []
        for folder, wanted in self.volumes.items():
            paths = _volumes(source, folder)
            if len(paths) != wanted:
                advice = f"Unpack {folder}.tar.xz there again, all of it."
                found = f"{len(paths):,}" if paths else "nothing"
                problems.append(Problem(path=folder, expected=f"{wanted:,} volumes (*.h5)", found=found, advice=advice))
            say(f"fastmri: looking at {len(paths):,} volumes of {folder}")
            for path in paths:
                try:
                    _shape(path)
                except DataError as error:
                    name = f"{folder}/{path.name}"
                    problems.append(Problem(path=name, expected="a volume", found=str(error), advice=_GET_AGAIN))
        return problems

    def parts(self, source: Path) -> list[Part]:
        """One for each volume; then `eval_train`, from volumes all over the training set."""
        training, held_out = (_volumes(source, folder) for folder in self.volumes)
        of_split = {
            "train": training,
            "validation": held_out[: self.validation_volumes],
            "test": held_out[self.validation_volumes :],
        }
        parts = [
            Part(
                name=f"{split}_{path.stem}",
                split=split,
                job=(path.relative_to(source).as_posix(), f"{path.stem}.npy"),
                examples=_shape(path)[0],
                nbytes=_shape(path)[0] * _record(_shape(path)[2]).itemsize,
            )
            for split, paths in of_split.items()
            for path in paths
        ]
        return parts + list(self._eval_train([part for part in parts if part.split == "train"]))

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        """Converts a volume, or gives one of training to `eval_train`."""
        if part.split == "eval_train":
            return link_head(prepared / "train" / part.job[0], folder, part.examples or 0)
        name, result = part.job
        records = _converted(source / name)
        np.save(folder / result, records, allow_pickle=False)
        return len(records)

    def _eval_train(self, training: Sequence[Part]) -> Iterator[Part]:
        """Every so many volumes until there are slices enough, the last one cut short."""
        missing = self.counts["eval_train"]
        stride = max(1, self.counts["train"] // max(1, missing))
        for volume in (volume for start in range(stride) for volume in training[start::stride]):
            if missing <= 0:
                return
            slices = volume.examples or 0
            yield Part(
                name=f"eval_{volume.name}",
                split="eval_train",
                stage=1,
                job=(volume.job[1],),
                examples=min(slices, missing),
            )
            missing -= slices


def _volumes(source: Path, folder: str) -> list[Path]:
    return sorted((source / folder).glob("*.h5"))


def _record(columns: int) -> np.dtype[np.void]:
    """One slice."""
    return np.dtype(
        [
            ("columns", np.complex64, (_SIZE, columns)),
            ("target", np.float32, (_SIZE, _SIZE)),
            ("volume_max", np.float32),
        ]
    )


@functools.lru_cache(maxsize=4_096)
def _shape(path: Path) -> tuple[int, int, int]:
    """(slices, rows, columns) of a volume's measurement; DataDamaged unless the volume is one of single-coil knees."""
    with _opened(path) as volume:
        for name in (_MEASURED, _PICTURE):
            if name not in volume:
                raise DataDamaged(f"{path}: it has no {name}. {_GET_AGAIN}")
        if not np.isfinite(float(volume.attrs.get(_LARGEST, math.nan))):
            raise DataDamaged(f"{path}: its attribute {_LARGEST} is no number. {_GET_AGAIN}")
        shape, pictures = volume[_MEASURED].shape, volume[_PICTURE].shape
        is_complex = volume[_MEASURED].dtype.kind == "c" and volume[_PICTURE].dtype.kind == "f"
    is_knee = is_complex and len(shape) == 3 and shape[1] == _ROWS and shape[2] >= _SIZE
    if not is_knee or pictures != (shape[0], _SIZE, _SIZE):
        raise DataDamaged(
            f"{path}: {_MEASURED} has the shape {shape} and {_PICTURE} {pictures}, "
            f"expected (slices, {_ROWS}, at least {_SIZE}) complex and (slices, {_SIZE}, {_SIZE}). {_GET_AGAIN}"
        )
    return int(shape[0]), int(shape[1]), int(shape[2])


def _converted(path: Path) -> np.ndarray:
    """The records of a volume; DataDamaged when some of it cannot be read or is not finite."""
    with _opened(path) as volume:
        result = records(volume[_MEASURED], volume[_PICTURE], volume.attrs[_LARGEST])
    if not all(np.isfinite(result[name]).all() for name in ("columns", "target")):
        raise DataDamaged(f"{path}: it holds values that are not finite. {_GET_AGAIN}")
    return result


def records(measured: Any, pictures: Any, largest: float) -> np.ndarray:
    """The records of slices, read one by one.

    Args:
        measured: (slices, 640, columns) complex64, an array or a dataset of h5py.
        pictures: (slices, 320, 320) float32, likewise.
        largest: the largest value of the volume.
    """
    result = np.empty(len(measured), _record(measured.shape[2]))
    top = (_ROWS - _SIZE) // 2
    for number in range(len(result)):
        transformed = np.fft.ifft(np.fft.ifftshift(measured[number], axes=0), axis=0, norm="ortho")
        result["columns"][number] = np.fft.fftshift(transformed, axes=0)[top : top + _SIZE]
        result["target"][number] = pictures[number]
    result["volume_max"] = largest
    return result


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The volume as h5py reads it; what it cannot read is a DataDamaged."""
    try:
        import h5py  # of the extra `data`; images have none
    except ModuleNotFoundError as error:
        raise DataError("preparing fastmri needs the Python package h5py: run `make setup`") from error
    try:
        with h5py.File(path, "r") as volume:
            yield volume
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise DataDamaged(f"{path}: it cannot be read ({error}). {_GET_AGAIN}") from error


PREPARER = FastMri()
