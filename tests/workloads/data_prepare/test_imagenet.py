"""The published archives, and the same unpacked, with four classes and tiny photographs."""

from __future__ import annotations

import dataclasses
import io
import itertools
import shutil
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from tests.workloads.pictures import encoded, picture, plain
from workloads import registry
from workloads.data_prepare.imagenet import ImageNet
from workloads.data_prepare.run import prepare
from workloads.data_prepare.verify import verify
from workloads.datasets import imagenet
from workloads.errors import DataDamaged, DataMismatch, DataMissing

WNIDS = ["n02119789", "n01440764", "n07697537", "n03445777"]  # not in the order of their numbers
ORDER = sorted(WNIDS)
TRAIN, VALIDATION, TEST = 6, 2, 3  # photographs per class
PREPARER = ImageNet(counts={"train": 24, "eval_train": 10, "validation": 8, "test": 12}, classes=4)
FULL = registry.get("imagenet_resnet")
SPEC = dataclasses.replace(
    FULL,
    data={**FULL.data, "image_shape": (24, 24, 3), "mean": (0.0,) * 3, "stddev": (1.0,) * 3},
    num_train_examples=24,
    num_eval_train_examples=8,
    num_validation_examples=8,
    num_test_examples=12,
)


def photograph(label: int, number: int) -> bytes:
    """A plain picture: its brightness says its class, its height its number."""
    return encoded(plain(40 + 40 * label, (40, 32 + number)))


def tar_of(files: dict[str, bytes], mode: str = "w:") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def training_files(wnid: str) -> dict[str, bytes]:
    return {f"{wnid}_{number}.JPEG": photograph(ORDER.index(wnid), number) for number in range(TRAIN)}


def validation_truth() -> dict[int, str]:
    """Number of a validation photograph -> class; in no order."""
    return {number: WNIDS[(3 * number) % 4] for number in range(1, 4 * VALIDATION + 1)}


def numbered_files() -> dict[str, bytes]:
    return {f"{label}/{number}abc.jpeg": photograph(label, number) for label in range(4) for number in range(TEST)}


@pytest.fixture
def archives(tmp_path):
    """What the owners hand out."""
    source = tmp_path / "published"
    source.mkdir()
    inner = {f"{wnid}.tar": tar_of(training_files(wnid)) for wnid in WNIDS}
    (source / "ILSVRC2012_img_train.tar").write_bytes(tar_of(inner))
    truth = validation_truth()
    photographs = {
        f"ILSVRC2012_val_{number:08}.JPEG": photograph(ORDER.index(wnid), number)
        for number, wnid in reversed(truth.items())
    }
    (source / "ILSVRC2012_img_val.tar").write_bytes(tar_of(photographs))
    (source / "ILSVRC2012_devkit_t12.tar.gz").write_bytes(devkit(truth))
    prefix = "imagenetv2-matched-frequency-format-val"
    files = {f"{prefix}/{name}": content for name, content in numbered_files().items()}
    (source / "imagenetv2-matched-frequency.tar.gz").write_bytes(tar_of(files, "w:gz"))
    return source


def devkit(truth: dict[int, str]) -> bytes:
    """Ids of the kit follow an order of its own; ids above are inner nodes of WordNet's tree."""
    ids = {wnid: place + 1 for place, wnid in enumerate(WNIDS)}
    rows = [(ids[wnid], wnid, "words") for wnid in WNIDS] + [(5, "n00001740", "entity")]
    synsets = np.array(rows, dtype=[("ILSVRC2012_ID", object), ("WNID", object), ("words", object)])
    meta = io.BytesIO()
    savemat(meta, {"synsets": synsets[:, np.newaxis]})
    lines = "".join(f"{ids[truth[number]]}\n" for number in sorted(truth))
    return tar_of(
        {
            "ILSVRC2012_devkit_t12/data/meta.mat": meta.getvalue(),
            "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": lines.encode(),
        },
        "w:gz",
    )


@pytest.fixture
def folders(tmp_path):
    """The same, unpacked by class as many people have it."""
    source = tmp_path / "unpacked"
    for wnid in WNIDS:
        write(source / "train" / wnid, training_files(wnid))
    for number, wnid in validation_truth().items():
        name = f"ILSVRC2012_val_{number:08}.JPEG"
        write(source / "val" / wnid, {name: photograph(ORDER.index(wnid), number)})
    write(source / "imagenetv2-matched-frequency-format-val", numbered_files())
    return source


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def prepared(source: Path, root: Path, preparer: ImageNet = PREPARER) -> Path:
    return prepare(preparer, source, root, 1, lambda line: None)


def shown(folder: Path, spec=SPEC) -> list[tuple[int, int]]:
    """(class by its brightness, class by its label) of every example that an evaluation sees."""
    found = []
    for batch in imagenet.eval_batches(folder, spec, 5):
        brightness = batch["inputs"].mean(axis=(1, 2, 3))
        found += [
            (round((value - 40) / 40), int(label))
            for value, label, weight in zip(brightness, batch["targets"], batch["weights"], strict=True)
            if weight
        ]
    return found


@pytest.mark.parametrize("form", ["archives", "folders"])
def test_every_photograph_keeps_its_class_and_is_there_once(form, request, tmp_path):
    found = prepared(request.getfixturevalue(form), tmp_path / "data")

    for split, per_class in (("train", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        pairs = shown(found / split)
        assert all(seen == label for seen, label in pairs), split
        assert Counter(label for _, label in pairs) == dict.fromkeys(range(4), per_class), split
    assert verify(found, PREPARER.counts) == 3 * (4 + 1 + 1 + 1)


def test_both_forms_give_the_same_files_to_training(archives, folders, tmp_path):
    first, second = (prepared(source, tmp_path / source.name) for source in (archives, folders))

    names = sorted(path.name for path in (first / "train").iterdir())
    assert names == sorted(path.name for path in (second / "train").iterdir())
    assert all((first / "train" / name).read_bytes() == (second / "train" / name).read_bytes() for name in names)


def test_the_evaluation_sample_is_of_training_photographs_each_once_and_has_all_classes(archives, tmp_path):
    found = prepared(archives, tmp_path)

    sample, train = (imagenet.Photographs.open(found / split) for split in ("eval_train", "train"))

    contents = [sample.read(index) for index in range(len(sample))]
    assert len(set(contents)) == len(contents) == 10
    assert set(contents) <= {train.read(index) for index in range(len(train))}
    assert set(sample.targets) == {0, 1, 2, 3}


def test_a_workload_that_declares_a_smaller_sample_sees_its_head(archives, tmp_path):
    found = prepared(archives, tmp_path)

    assert len(shown(found / "eval_train")) == 8
    assert len(shown(found / "eval_train", dataclasses.replace(SPEC, num_eval_train_examples=10))) == 10


def test_folders_of_the_test_set_are_numbers_not_words(tmp_path, folders):
    """As words, 10 comes before 2."""
    shutil.rmtree(folders / "imagenetv2-matched-frequency-format-val")
    for part in ("train", "val"):
        shutil.rmtree(folders / part)
    for label in range(12):
        wnid = f"n{label:08}"
        write(folders / "train" / wnid, {f"{wnid}_1.JPEG": encoded(plain(20 * label))})
        write(folders / "val" / wnid, {"ILSVRC2012_val_00000001.JPEG": encoded(plain(20 * label))})
        name = f"{label}/x.jpeg"
        write(folders / "imagenetv2-matched-frequency-format-val", {name: encoded(plain(20 * label))})
    counts = {"train": 12, "eval_train": 2, "validation": 12, "test": 12}

    found = prepared(folders, tmp_path / "data", ImageNet(counts=counts, classes=12))

    (batch,) = imagenet.eval_batches(found / "test", SPEC, 12)
    assert batch["targets"].tolist() == list(range(12))
    np.testing.assert_allclose(batch["inputs"].mean(axis=(1, 2, 3)), 20 * np.arange(12), atol=1.5)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ILSVRC2012_img_train.tar", "ILSVRC2012_img_train.tar: expected the training photographs, found nothing"),
        ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12.tar.gz: expected the file as published, found nothing"),
        ("imagenetv2-matched-frequency.tar.gz", "imagenetv2-matched-frequency.tar.gz: expected the file as published"),
    ],
)
def test_a_missing_archive_is_named_and_so_is_the_way_to_get_it(archives, tmp_path, name, words):
    (archives / name).unlink()

    with pytest.raises(DataMissing, match=words) as caught:
        prepared(archives, tmp_path / "data")

    assert "Download it" in str(caught.value)
    assert "val/<WordNet id>" in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["ILSVRC2012_img_train.tar", "ILSVRC2012_img_val.tar"])
def test_an_archive_that_is_cut_off_is_found_before_anything_is_made(archives, tmp_path, name):
    whole = (archives / name).read_bytes()
    (archives / name).write_bytes(whole[: len(whole) // 2])

    with pytest.raises(DataMissing, match=name):
        prepared(archives, tmp_path / "data")


def test_a_class_too_few_is_counted(folders, tmp_path):
    shutil.rmtree(folders / "train" / WNIDS[2])

    with pytest.raises(DataMissing, match="train: expected 4 classes named by WordNet ids, found 3"):
        prepared(folders, tmp_path / "data")


def test_a_damaged_photograph_is_named_and_the_rest_is_kept(folders, tmp_path):
    path = folders / "train" / WNIDS[1] / f"{WNIDS[1]}_3.JPEG"
    path.write_bytes(encoded(picture(size=(200, 200)))[:-700])

    with pytest.raises(DataDamaged, match=rf"{WNIDS[1]}_3.JPEG: this is no whole JPEG or PNG"):
        prepared(folders, tmp_path / "data")

    path.write_bytes(photograph(ORDER.index(WNIDS[1]), 3))
    assert len(shown(prepared(folders, tmp_path / "data") / "train")) == 24


def test_an_archive_with_a_photograph_too_few_is_refused_at_the_end(archives, tmp_path):
    short = {f"{wnid}.tar": tar_of(dict(itertools.islice(training_files(wnid).items(), 5))) for wnid in WNIDS}
    (archives / "ILSVRC2012_img_train.tar").write_bytes(tar_of(short))

    with pytest.raises(DataMismatch, match="train holds 20 examples, expected 24"):
        prepared(archives, tmp_path / "data")


@pytest.mark.parametrize("folder", ["cats", "4", "../1"])
def test_a_test_photograph_of_no_class_is_refused(archives, tmp_path, folder):
    files = {f"v2/{name}": content for name, content in numbered_files().items()}
    files.popitem()
    files[f"v2/{folder}/x.jpeg" if folder != "../1" else "x.jpeg"] = photograph(1, 1)
    (archives / "imagenetv2-matched-frequency.tar.gz").write_bytes(tar_of(files, "w:gz"))

    with pytest.raises(DataDamaged, match="does not lie in a folder named 0 to 3"):
        prepared(archives, tmp_path / "data")
