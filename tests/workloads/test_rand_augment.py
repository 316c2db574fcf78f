from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.workloads.pictures import picture, plain
from workloads.rand_augment import OPERATIONS, rand_augment


def applied(name: str, image: Image.Image, seed: int = 0) -> np.ndarray:
    return np.asarray(OPERATIONS[name](image, np.random.default_rng(seed)))


def test_there_are_sixteen_and_all_but_solarize_change_a_picture():
    image = picture(size=(224, 224))

    same = [name for name in OPERATIONS if np.array_equal(applied(name, image), np.asarray(image))]

    assert len(OPERATIONS) == 16
    assert same == ["solarize"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_keeps_size_and_mode_and_leaves_the_given_picture_alone(name):
    image = picture(size=(224, 224))
    before = np.asarray(image).copy()

    found = applied(name, image)

    assert found.shape == (224, 224, 3)
    assert found.dtype == np.uint8
    assert np.array_equal(np.asarray(image), before)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("invert", 100, 155),
        ("posterize", 0b10111101, 0b10110000),
        ("solarize_add", 100, 210),
        ("solarize_add", 130, 130),
        ("brightness", 100, 190),
        ("contrast", 100, 100),
    ],
)
def test_the_strength_of_operations_on_brightness_is_the_largest(name, before, after):
    assert (applied(name, plain(before)) == after).all()


@pytest.mark.parametrize(("name", "axis"), [("translate_x", 1), ("translate_y", 0)])
def test_a_shift_is_of_a_hundred_pixels_either_way_and_leaves_grey(name, axis):
    image = plain(10, (224, 224))

    found = {tuple(np.flatnonzero(applied(name, image, seed).take(0, 1 - axis)[:, 0] == 128)) for seed in range(20)}

    assert found == {tuple(range(100)), tuple(range(124, 224))}


@pytest.mark.parametrize("name", ["shear_x", "shear_y", "rotate"])
def test_what_comes_in_from_outside_is_grey(name):
    found = applied(name, plain(10, (224, 224)))

    share = (found == 128).mean()
    assert set(np.unique(found)) == {10, 128}
    assert 0.1 < share < 0.2 if name != "rotate" else 0.1 < share < 0.3


def test_a_cut_is_a_square_of_eighty_pixels_that_may_leave_the_picture():
    cuts = [applied("cut_out", plain(10, (224, 224)), seed)[:, :, 0] == 128 for seed in range(50)]

    sizes = [(cut.any(axis=0).sum(), cut.any(axis=1).sum()) for cut in cuts]
    assert max(sizes) == (80, 80)
    assert min(min(size) for size in sizes) < 80
    assert all(cut.sum() == width * height for cut, (width, height) in zip(cuts, sizes, strict=True))


def test_draws_follow_from_the_generator_and_reach_every_operation(monkeypatch):
    drawn = []
    operations = tuple(lambda image, random, name=name: drawn.append(name) or image for name in OPERATIONS)
    monkeypatch.setattr("workloads.rand_augment._IN_ORDER", operations)

    for seed in range(100):
        rand_augment(picture(), 2, np.random.default_rng(seed))

    assert len(drawn) == 200
    assert set(drawn) == set(OPERATIONS)
