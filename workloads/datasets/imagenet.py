"""Labelled images, and the batches of every image classifier; both frameworks see the same ones.

A split is a folder that holds either of

* small images, decoded: `inputs.npy` (N, height, width, channels) uint8 and `targets.npy` (N,) integers;
* photographs, not decoded: any number of shards, each of them `<name>.jpegs`, the files one after the other,
  `<name>.offsets.npy` (n + 1,), where each begins and the last ends, and `<name>.targets.npy` (n,).

Source: AlgoPerf workloads, "Data" of both image classifiers. The two pipelines of the benchmark differ; here
photographs are cut and resized as its PyTorch one does, also for JAX, and those of the test split as both do.
Differences: epochs are whole permutations, and batches run across their end; the sample of the training set that
evaluations see is fixed; the test split is decoded exactly, which makes its pixels 0.7 of 255 brighter on average.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workloads.batching import generator, read_array, shuffled_indices
from workloads.decoding import cores, in_batches
from workloads.errors import DataDamaged, DataMismatch, DataMissing
from workloads.spec import Split, Workload

_Batch = dict[str, np.ndarray]
_SHORT_SIDE = 256 / 224  # of a photograph before its middle is cut out, relative to the result
_TEST_PART = 224 / 256  # of the short side, in the square that is cut out of a photograph of the test split
_EXAMPLE, _MIXTURE = 1, 2  # what a random draw is for


def train_batches(
    directory: Path, spec: Workload, batch_size: int, seed: int, turn: tuple[int, int] = (0, 1)
) -> Iterator[_Batch]:
    """Endless shuffled batches from the directory of the training split, cut or shifted and mirrored at random.

    Args:
        turn: (rank, ranks): only the batches number rank, rank + ranks, and so on.
    Yields:
        inputs (batch, height, width, channels) float32, normalised; targets (batch,) int32, or, where the
        workload mixes images, (batch, classes) float32.
    """
    if Photographs.are_in(directory):
        return _train_photographs(Photographs.open(directory), spec, batch_size, seed, turn)
    return itertools.islice(_train_small(directory, spec, batch_size, seed), turn[0], None, turn[1])


def eval_batches(directory: Path, spec: Workload, batch_size: int) -> Iterator[_Batch]:
    """Every example of a split once, in order. `weights` (batch,) is 0 on the rows that pad the last batch."""
    if Photographs.are_in(directory):
        return _eval_photographs(directory, spec, batch_size)
    return _eval_small(directory, spec, batch_size)


# --- small images -----------------------------------------------------------------------------------------------


def _train_small(directory: Path, spec: Workload, batch_size: int, seed: int) -> Iterator[_Batch]:
    images, targets = _load(directory)
    random = generator(seed)
    for indices in shuffled_indices(len(targets), batch_size, random):
        augmented = _augment(images[indices], spec, random)
        yield _mixed({"inputs": _normalise(augmented, spec), "targets": targets[indices]}, spec, random)


def _eval_small(directory: Path, spec: Workload, batch_size: int) -> Iterator[_Batch]:
    images, targets = _load(directory)
    for start in range(0, len(targets), batch_size):
        chosen = slice(start, start + batch_size)
        missing = batch_size - len(targets[chosen])
        batch = {
            "inputs": _normalise(images[chosen], spec),
            "targets": targets[chosen],
            "weights": np.ones(batch_size - missing, np.float32),
        }
        yield {key: _pad(value, missing) for key, value in batch.items()}


def _load(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    images = read_array(directory / "inputs.npy")
    targets = read_array(directory / "targets.npy").astype(np.int32)
    return images, targets


def _augment(images: np.ndarray, spec: Workload, random: np.random.Generator) -> np.ndarray:
    """Mirrors half of the images and moves each by up to `shift` pixels, black coming in at the border."""
    count, height, width, _ = images.shape
    if spec.data.get("mirror"):
        mirrored = random.random((count, 1, 1, 1)) < 0.5
        images = np.where(mirrored, images[:, :, ::-1], images)
    shift = spec.data.get("shift", 0)
    if not shift:
        return images
    padded = np.pad(images, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
    top, left = random.integers(0, 2 * shift + 1, (2, count))
    rows = (top[:, None] + np.arange(height))[:, :, None]
    columns = (left[:, None] + np.arange(width))[:, None, :]
    return padded[np.arange(count)[:, None, None], rows, columns]


# --- photographs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Photographs:
    """The files of a split, which stay on the disk; a shard is opened for every read, since there may be thousands."""

    shards: Sequence[Path]
    offsets: Sequence[np.ndarray]
    ends: np.ndarray  # how many files there are up to the end of each shard
    targets: np.ndarray  # (N,) int32

    @staticmethod
    def are_in(directory: Path) -> bool:
        return next(directory.glob("*.jpegs"), None) is not None

    @classmethod
    def open(cls, directory: Path) -> Photographs:
        shards = sorted(directory.glob("*.jpegs"))
        try:
            offsets = [np.load(path.with_suffix(".offsets.npy")) for path in shards]
            targets = [np.load(path.with_suffix(".targets.npy")) for path in shards]
        except FileNotFoundError as error:
            raise DataMissing(f"{error.filename} is missing: prepare this dataset again") from error
        for path, places, labels in zip(shards, offsets, targets, strict=True):
            if len(places) != len(labels) + 1 or path.stat().st_size != places[-1]:
                raise DataMismatch(f"{path} and its .offsets.npy and .targets.npy do not fit: prepare it again")
        ends = np.cumsum([len(labels) for labels in targets])
        return cls(shards=shards, offsets=offsets, ends=ends, targets=np.concatenate(targets).astype(np.int32))

    def __len__(self) -> int:
        return len(self.targets)

    def read(self, index: int) -> bytes:
        """File number `index` as it was published."""
        shard, number = self._place(index)
        start, end = (int(place) for place in self.offsets[shard][number : number + 2])
        with self.shards[shard].open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def decode(self, index: int) -> Any:
        """The same as a picture of Pillow."""
        from workloads import photographs  # only here, because small images need no Pillow

        try:
            return photographs.decoded(self.read(index))
        except DataDamaged as error:
            shard, number = self._place(index)
            raise DataMismatch(f"{self.shards[shard]}, file {number}: {error}. Run `data verify`.") from error

    def _place(self, index: int) -> tuple[int, int]:
        """Shard, and number in it."""
        shard = int(np.searchsorted(self.ends, index, side="right"))
        return shard, index - (int(self.ends[shard - 1]) if shard else 0)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a photograph belongs: a row of a batch."""

    batch: _Batch
    row: int
    index: int
    number: int  # of the batch


def _train_photographs(
    files: Photographs, spec: Workload, batch_size: int, seed: int, turn: tuple[int, int]
) -> Iterator[_Batch]:
    from workloads.photographs import random_crop
    from workloads.rand_augment import rand_augment

    size, key = spec.data["image_shape"][0], _key(seed)
    operations = spec.data.get("rand_augment", 0)

    def fill(place: _Place) -> _Place:
        random = generator([*key, _EXAMPLE, place.number, place.row])
        image = random_crop(files.decode(place.index), size, random)
        if operations:
            image = rand_augment(image, operations, random)
        place.batch["inputs"][place.row] = _normalise(np.asarray(image), spec)
        return place

    numbered = enumerate(shuffled_indices(len(files), batch_size, generator(seed)))
    chosen = itertools.islice(numbered, turn[0], None, turn[1])
    batches = (_places(files, spec, batch_size, indices, number) for number, indices in chosen)
    workers = max(1, cores() // turn[1])  # every rank is a process of this machine
    for first, *_ in in_batches(fill, batches, batch_size, workers):
        yield _mixed(first.batch, spec, generator([*key, _MIXTURE, first.number]))


def _eval_photographs(directory: Path, spec: Workload, batch_size: int) -> Iterator[_Batch]:
    """`eval_train` holds enough for every workload of this dataset; a workload that declares fewer sees the first."""
    files = Photographs.open(directory)
    count = len(files)
    if directory.name == Split.EVAL_TRAIN:
        count = min(count, spec.num_eval_train_examples)
    prepare = _eval_picture(directory, spec.data["image_shape"][0])

    def fill(place: _Place) -> _Place:
        place.batch["inputs"][place.row] = _normalise(prepare(files.decode(place.index)), spec)
        return place

    batches = (
        _places(files, spec, batch_size, np.arange(start, min(start + batch_size, count)))
        for start in range(0, count, batch_size)
    )
    for filled in in_batches(fill, batches, ahead=batch_size):
        weights = (np.arange(batch_size) < len(filled)).astype(np.float32)
        yield {**filled[0].batch, "weights": weights}


def _eval_picture(directory: Path, size: int) -> Callable[[Any], np.ndarray]:
    """The test split comes from elsewhere and is cut otherwise, as the benchmark does in both frameworks."""
    from workloads.photographs import centre, cubic_centre

    if directory.name == Split.TEST:
        return lambda image: cubic_centre(image, size, _TEST_PART)
    return lambda image: centre(image, size, round(size * _SHORT_SIDE))


def _places(files: Photographs, spec: Workload, batch_size: int, indices: np.ndarray, number: int = 0) -> list[_Place]:
    """The rows of a new batch, to be filled; those that pad it are 0."""
    inputs = np.zeros((batch_size, *spec.data["image_shape"]), np.float32)
    targets = _pad(files.targets[indices], batch_size - len(indices))
    batch = {"inputs": inputs, "targets": targets}
    return [_Place(batch=batch, row=row, index=int(index), number=number) for row, index in enumerate(indices)]


def _key(seed: Any) -> list[int]:
    return [int(word) for word in np.ravel(np.asarray(seed))]


# --- both -------------------------------------------------------------------------------------------------------


def _normalise(images: np.ndarray, spec: Workload) -> np.ndarray:
    mean = np.asarray(spec.data["mean"], np.float32)
    return (images.astype(np.float32) - mean) / np.asarray(spec.data["stddev"], np.float32)


def _mixed(batch: _Batch, spec: Workload, random: np.random.Generator) -> _Batch:
    """Mixup where the workload asks for it: every image with its neighbour, one weight for the batch, soft targets.

    Source: Zhang et al. 2017 (arXiv 1710.09412).
    """
    if "mixup" not in spec.data:
        return batch
    weight = np.float32(random.beta(spec.data["mixup"], spec.data["mixup"]))
    one_hot = np.eye(spec.model["classes"], dtype=np.float32)[batch["targets"]]
    parts = {"inputs": batch["inputs"], "targets": one_hot}
    return {key: weight * part + (1 - weight) * np.roll(part, 1, axis=0) for key, part in parts.items()}


def _pad(array: np.ndarray, missing: int) -> np.ndarray:
    return np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
