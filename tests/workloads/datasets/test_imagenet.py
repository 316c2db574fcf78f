from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from workloads import editions
from workloads.datasets import imagenet

SPEC = editions.load("mini").workload("imagenet_resnet")
PLAIN = SPEC.variant(
    "plain", data={"image_shape": (4, 4, 1), "mean": (0.0,), "stddev": (1.0,), "mirror": False, "shift": 0}
)


@pytest.fixture
def split(tmp_path):
    """Ten images of one brightness each: image i is all i, and so is its class."""
    np.save(tmp_path / "inputs.npy", np.broadcast_to(np.arange(10, dtype=np.uint8)[:, None, None, None], (10, 4, 4, 1)))
    np.save(tmp_path / "targets.npy", np.arange(10, dtype=np.uint8))
    return tmp_path


def test_evaluation_covers_every_example_once_and_marks_what_pads(split):
    batches = list(imagenet.eval_batches(split, PLAIN, 4))

    assert [len(batch["inputs"]) for batch in batches] == [4, 4, 4]
    seen = np.concatenate([batch["targets"][batch["weights"] > 0] for batch in batches])
    assert seen.tolist() == list(range(10))
    assert batches[-1]["weights"].tolist() == [1, 1, 0, 0]
    assert not batches[-1]["inputs"][2:].any()


def test_an_epoch_shows_every_example_once_and_the_next_one_in_another_order(split):
    batches = itertools.islice(imagenet.train_batches(split, PLAIN, 3, seed=1), 20)
    order = np.concatenate([batch["targets"] for batch in batches])

    epochs = order.reshape(6, 10)

    assert (np.sort(epochs, axis=1) == np.arange(10)).all()
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_training_batches_depend_on_the_seed_alone(split):
    def first(seed):
        return next(imagenet.train_batches(split, SPEC.variant("x", data=dict(PLAIN.data) | {"shift": 1}), 8, seed))

    again = first(5)
    assert all(np.array_equal(value, again[key]) for key, value in first(5).items())
    assert not np.array_equal(first(5)["targets"], first(6)["targets"])
    assert first(-7)["targets"].shape == (8,)  # seeds of the official runs may be negative


def test_images_and_labels_stay_together_and_have_the_types_of_both_frameworks(split):
    batch = next(imagenet.train_batches(split, PLAIN, 6, seed=0))

    assert set(batch) == {"inputs", "targets"}
    assert batch["inputs"].dtype == np.float32
    assert batch["targets"].dtype == np.int32
    assert (batch["inputs"][:, 0, 0, 0] == batch["targets"]).all()


def test_a_batch_may_be_larger_than_the_split(split):
    batch = next(imagenet.train_batches(split, PLAIN, 25, seed=0))

    assert set(np.bincount(batch["targets"], minlength=10)) == {2, 3}


def test_mirroring_and_shifting_keep_the_picture(tmp_path):
    picture = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1) + 1
    np.save(tmp_path / "inputs.npy", np.repeat(picture, 64, axis=0))
    np.save(tmp_path / "targets.npy", np.zeros(64, np.uint8))
    spec = PLAIN.variant("augmented", data={"mirror": True, "shift": 1})

    images = next(imagenet.train_batches(tmp_path, spec, 64, seed=0))["inputs"][..., 0]

    black = np.zeros((6, 6))
    black[1:5, 1:5] = picture[0, :, :, 0]
    windows = [black[top : top + 4, left : left + 4] for top, left in itertools.product(range(3), repeat=2)]
    legal = {tuple(window[:, ::direction].ravel()) for window in windows for direction in (1, -1)}
    found = {tuple(image.ravel()) for image in images}
    assert found <= legal
    assert len(found) > 10


def test_pixels_are_normalised_with_the_numbers_of_the_spec(split):
    spec = PLAIN.variant("normalised", data={"mean": (3.0,), "stddev": (2.0,)})

    (batch,) = imagenet.eval_batches(split, spec, 10)

    np.testing.assert_allclose(batch["inputs"][:, 0, 0, 0], (np.arange(10) - 3) / 2)


def test_mixup_blends_every_image_and_its_label_with_its_neighbour_in_the_same_proportion(split):
    spec = PLAIN.variant("mixed", data={"mixup": 1.0})

    batch = next(imagenet.train_batches(split, spec, 10, seed=3))

    assert batch["targets"].shape == (10, 10)
    assert batch["targets"].dtype == np.float32
    np.testing.assert_allclose(batch["targets"].sum(axis=1), 1, rtol=1e-6)
    assert 0.01 < batch["targets"].max() < 0.99
    np.testing.assert_allclose(batch["inputs"][:, 0, 0, 0], batch["targets"] @ np.arange(10), rtol=1e-5)


def test_evaluation_never_mixes(split):
    (batch,) = imagenet.eval_batches(split, PLAIN.variant("mixed", data={"mixup": 1.0}), 10)

    assert batch["targets"].tolist() == list(range(10))


def test_padding_has_the_shapes_of_the_reference(shared):
    golden = json.loads((shared / "data" / "reference_vectors" / "pipelines" / "batch_padding.json").read_text())

    padded = imagenet._pad(np.ones(3, np.float32), 1)

    assert padded.tolist() == golden["fastmri_like_weights"]
