"""ImageNet 2012 with ImageNet-v2 as the test split: the published files, undecoded, in shards.

The archives are read as they are published, or as folders of classes where somebody has unpacked them. A class's number
is its place among the sorted WordNet ids; the folders of ImageNet-v2 are named by those numbers.

Source: AlgoPerf workloads, imagenet_resnet, "Data"; Russakovsky et al. 2014 (arXiv 1409.0575); Recht et al. 2019 (arXiv
1902.10811).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from workloads.data_prepare import image_archives
from workloads.data_prepare.parts import Part, Problem, Say
from workloads.data_prepare.photograph_shards import File, write_shard
from workloads.datasets.imagenet import Photographs
from workloads.errors import DataDamaged, DataError

_TRAIN_TAR, _TRAIN_FOLDER = "ILSVRC2012_img_train.tar", "train"
_VALIDATION_TAR, _VALIDATION_FOLDER = "ILSVRC2012_img_val.tar", "val"
_DEVKIT, _DEVKIT_FOLDER = "ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12"
_TEST_TARS = ("imagenetv2-matched-frequency.tar.gz", "imagenetv2-matched-frequency.tar")
_TEST_FOLDER = "imagenetv2-matched-frequency-format-val"
_WNID = re.compile(r"n\d{8}")
_PER_PART = 1_024
_MEAN_BYTES = 115_000  # of a photograph
_GOLDEN = (math.sqrt(5) - 1) / 2
_GET = "Download it from image-net.org."


@dataclass(frozen=True, kw_only=True)
class ImageNet:
    """How the photographs become a dataset."""

    dataset: str = "imagenet"
    version: int = 1
    licence: str = "ImageNet terms of access, not for redistribution; ImageNet-v2: MIT"
    layout: str = (
        f"  {_TRAIN_TAR}, or {_TRAIN_FOLDER}/<WordNet id>/*.JPEG\n"
        f"  {_VALIDATION_TAR} with {_DEVKIT}, or {_VALIDATION_FOLDER}/<WordNet id>/*.JPEG\n"
        f"  {_TEST_TARS[0]}, or {_TEST_FOLDER}/<class number>/*.jpeg"
    )
    # The evaluation sample is the larger one of the two workloads; the other sees its head.
    counts: Mapping[str, int] = field(
        default_factory=lambda: {"train": 1_281_167, "eval_train": 51_200, "validation": 50_000, "test": 10_000}
    )
    classes: int = 1_000

    def check(self, source: Path, say: Say) -> list[Problem]:
        """Archives that are not there or cannot be listed, and classes or photographs that are too few or too many."""
        say("imagenet: looking at archives and folders")
        problems = _attempt(_TRAIN_TAR, lambda: self._check_train(source))
        wnids = set() if problems else set(_train_classes(source))
        problems += _attempt(_VALIDATION_TAR, lambda: self._check_validation(source, wnids))
        return problems + _attempt(_TEST_FOLDER, lambda: self._check_test(source))

    def parts(self, source: Path) -> list[Part]:
        """One for each class of training, others of about a thousand photographs; then `eval_train`."""
        labels = {wnid: label for label, wnid in enumerate(sorted(_train_classes(source)))}
        eval_train, size = self.counts["eval_train"], _PER_PART
        return [
            *_train_parts(source, labels),
            *_validation_parts(source, labels),
            *_test_parts(source, self.counts["test"], self.classes),
            *(
                _part(f"eval_train-{first:06}", "eval_train", ("sample", first, min(size, eval_train - first)), stage=1)
                for first in range(0, eval_train, size)
            ),
        ]

    def write(self, part: Part, source: Path, folder: Path, prepared: Path) -> int:
        """Writes one shard."""
        kind, *job = part.job
        if kind == "sample":
            return write_shard(folder, part.name, _sample(prepared / "train", *job))
        return write_shard(folder, part.name, _READERS[kind](source, *job))

    # --- looking at the source ----------------------------------------------------------------------------------

    def _check_train(self, source: Path) -> list[Problem]:
        path = _TRAIN_FOLDER if (source / _TRAIN_FOLDER).is_dir() else _TRAIN_TAR
        if not (source / path).exists():
            return [Problem(path=path, expected="the training photographs", advice=_GET)]
        classes = _train_classes(source)
        problems = []
        if len(classes) != self.classes:
            problems.append(_count(path, f"{self.classes:,} classes named by WordNet ids", len(classes)))
        if path == _TRAIN_FOLDER and not problems:
            found = sum(len(image_archives.folder_files(source / path / wnid)) for wnid in classes)
            problems += _unless_equal(path, found, self.counts["train"])
        return problems

    def _check_validation(self, source: Path, wnids: set[str]) -> list[Problem]:
        """`wnids` are the classes of training; none when they are not known yet."""
        wanted = self.counts["validation"]
        if (source / _VALIDATION_FOLDER).is_dir():
            folders = _class_folders(source, _VALIDATION_FOLDER)
            strange = sorted(set(folders) ^ wnids)
            if wnids and strange:
                found = f"{len(strange):,} others, such as {strange[0]}"
                return [_problem(_VALIDATION_FOLDER, "the folders of the training classes", found)]
            return _unless_equal(_VALIDATION_FOLDER, _photographs_below(source, folders.values()), wanted)
        missing = [name for name in (_VALIDATION_TAR, _DEVKIT) if not (source / name).exists()]
        if _DEVKIT in missing and (source / _DEVKIT_FOLDER).is_dir():
            missing.remove(_DEVKIT)
        if missing:
            return [Problem(path=name, expected="the file as published", advice=_GET) for name in missing]
        numbers = sorted(image_archives.validation_number(each.name) for each in _validation_members(source))
        if numbers != list(range(1, wanted + 1)):
            return [_count(_VALIDATION_TAR, f"the photographs 1 to {wanted:,}", len(numbers))]
        return self._check_ground_truth(source, wnids)

    def _check_ground_truth(self, source: Path, wnids: set[str]) -> list[Problem]:
        devkit = _devkit(source)
        truth = image_archives.validation_classes(devkit)
        unknown = set(truth) - wnids
        if wnids and unknown:
            found = f"{len(unknown):,} others, such as {min(unknown)}"
            return [_problem(devkit.name, "the classes of the training photographs", found)]
        return _unless_equal(devkit.name, len(truth), self.counts["validation"])

    def _check_test(self, source: Path) -> list[Problem]:
        if (source / _TEST_FOLDER).is_dir():
            folders = _numbered_folders(source)
            if sorted(folders) != list(range(self.classes)):
                return [_count(_TEST_FOLDER, f"folders named 0 to {self.classes - 1}", len(folders))]
            return _unless_equal(_TEST_FOLDER, _photographs_below(source, folders.values()), self.counts["test"])
        if _test_tar(source) is None:
            advice = "Download it from huggingface.co/datasets/vaishaal/ImageNetV2."
            return [Problem(path=_TEST_TARS[0], expected="the file as published", advice=advice)]
        return []


# --- the work ---------------------------------------------------------------------------------------------------


def _part(name: str, split: str, job: tuple[Any, ...], examples: int | None = None, stage: int = 0) -> Part:
    count = job[2] if job[0] == "sample" else examples or _PER_PART
    return Part(name=name, split=split, job=job, examples=examples, stage=stage, nbytes=_MEAN_BYTES * count)


def _train_parts(source: Path, labels: Mapping[str, int]) -> Iterator[Part]:
    for wnid, place in sorted(_train_classes(source).items()):
        job = ("folders", [[place, labels[wnid]]]) if isinstance(place, str) else ("inner_tar", *place, labels[wnid])
        yield _part(f"train-{wnid}", "train", job)


def _validation_parts(source: Path, labels: Mapping[str, int]) -> Iterator[Part]:
    if (source / _VALIDATION_FOLDER).is_dir():
        folders = [(place, labels[wnid]) for wnid, place in sorted(_class_folders(source, _VALIDATION_FOLDER).items())]
        yield from _folder_parts("validation", folders)
        return
    truth = image_archives.validation_classes(_devkit(source))
    files = _validation_members(source)
    for first in range(0, len(files), _PER_PART):
        chosen = files[first : first + _PER_PART]
        places = [
            [each.start, each.nbytes, labels[truth[image_archives.validation_number(each.name) - 1]]] for each in chosen
        ]
        yield _part(f"validation-{first:06}", "validation", ("members", _VALIDATION_TAR, places), len(chosen))


def _test_parts(source: Path, count: int, classes: int) -> Iterator[Part]:
    archive = _test_tar(source)
    if (source / _TEST_FOLDER).is_dir() or archive is None:
        yield from _folder_parts("test", [(place, label) for label, place in sorted(_numbered_folders(source).items())])
    else:
        # It is compressed, so it can only be read from its start.
        yield _part("test", "test", ("numbered_tar", archive, classes), count)


def _folder_parts(split: str, folders: Sequence[tuple[str, int]], per_part: int = 20) -> Iterator[Part]:
    for first in range(0, len(folders), per_part):
        chosen = [list(folder) for folder in folders[first : first + per_part]]
        yield _part(f"{split}-{first:06}", split, ("folders", chosen))


def _sample(train: Path, first: int, count: int) -> Iterator[File]:
    """Photographs from all over the training split: every head of the sample has all classes in equal shares.

    Steps of the golden section of the whole, around and around: no two places are near each other, and no generator of
    random numbers has to stay what it is.
    """
    files = Photographs.open(train)
    step = round(_GOLDEN * len(files))
    while math.gcd(step, len(files)) != 1:
        step += 1
    for index in ((number * step) % len(files) for number in range(first, first + count)):
        yield f"{train}, file {index}", files.read(index), int(files.targets[index])


def _read_folders(source: Path, folders: Sequence[tuple[str, int]]) -> Iterator[File]:
    for folder, label in folders:
        for name, content in image_archives.read_folder(source / folder):
            yield name, content, label


def _read_inner_tar(source: Path, archive: str, start: int, nbytes: int, label: int) -> Iterator[File]:
    for name, content in image_archives.files_of(source / archive, start, nbytes):
        yield f"{archive}: {name}", content, label


def _read_members(source: Path, archive: str, places: Sequence[tuple[int, int, int]]) -> Iterator[File]:
    found = image_archives.read_members(source / archive, [(start, nbytes) for start, nbytes, _ in places])
    for (name, content), (_, _, label) in zip(found, places, strict=True):
        yield name, content, label


def _read_numbered_tar(source: Path, archive: str, classes: int) -> Iterator[File]:
    """ImageNet-v2: the folder of a file is the number of its class, not its place among the sorted names."""
    for name, content in image_archives.files_of(source / archive):
        folder = PurePosixPath(name).parent.name
        if not folder.isdecimal() or int(folder) >= classes:
            raise DataDamaged(f"{archive}: {name} does not lie in a folder named 0 to {classes - 1}. Get it again.")
        yield f"{archive}: {name}", content, int(folder)


_READERS: Mapping[str, Callable[..., Iterator[File]]] = {
    "folders": _read_folders,
    "inner_tar": _read_inner_tar,
    "members": _read_members,
    "numbered_tar": _read_numbered_tar,
}


# --- where things are -------------------------------------------------------------------------------------------


def _train_classes(source: Path) -> Mapping[str, str | tuple[str, int, int]]:
    """WordNet id -> a folder, or the place of an archive in the archive."""
    if (source / _TRAIN_FOLDER).is_dir():
        return _class_folders(source, _TRAIN_FOLDER)
    inner = [each for each in image_archives.members(source / _TRAIN_TAR) if each.name.endswith(".tar")]
    return {
        PurePosixPath(each.name).stem: (_TRAIN_TAR, each.start, each.nbytes)
        for each in inner
        if _WNID.fullmatch(PurePosixPath(each.name).stem)
    }


def _class_folders(source: Path, folder: str) -> dict[str, str]:
    return {path.name: f"{folder}/{path.name}" for path in (source / folder).iterdir() if _WNID.fullmatch(path.name)}


def _numbered_folders(source: Path) -> dict[int, str]:
    """By number: as words, 10 would come before 2."""
    folders = (path.name for path in (source / _TEST_FOLDER).iterdir() if path.name.isdecimal())
    return {int(name): f"{_TEST_FOLDER}/{name}" for name in folders}


def _validation_members(source: Path) -> list[image_archives.Member]:
    return [each for each in image_archives.members(source / _VALIDATION_TAR) if each.name.lower().endswith(".jpeg")]


def _devkit(source: Path) -> Path:
    return source / (_DEVKIT_FOLDER if (source / _DEVKIT_FOLDER).is_dir() else _DEVKIT)


def _test_tar(source: Path) -> str | None:
    return next((name for name in _TEST_TARS if (source / name).is_file()), None)


def _attempt(path: str, look: Callable[[], list[Problem]]) -> list[Problem]:
    """What it finds; what it cannot read is a problem, too."""
    try:
        return look()
    except DataError as error:
        found, _, advice = str(error).partition(". ")
        return [Problem(path=path, expected="a file that can be read", found=found, advice=advice)]


def _photographs_below(source: Path, folders: Iterable[str]) -> int:
    return sum(len(image_archives.folder_files(source / folder)) for folder in folders)


def _unless_equal(path: str, found: int, wanted: int) -> list[Problem]:
    return [] if found == wanted else [_count(path, f"{wanted:,} photographs", found)]


def _count(path: str, expected: str, found: int) -> Problem:
    return _problem(path, expected, f"{found:,}")


def _problem(path: str, expected: str, found: str) -> Problem:
    return Problem(path=path, expected=expected, found=found, advice="Download or unpack it again, all of it.")


PREPARER = ImageNet()
