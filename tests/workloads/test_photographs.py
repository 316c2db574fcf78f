from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from tests.workloads.pictures import encoded, picture, plain
from workloads import photographs
from workloads.errors import DataDamaged

MEAN, STDDEV = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255


@pytest.fixture(scope="session")
def golden(shared):
    """The reference's evaluation pictures: the folder of the files, and the stored values."""
    folder = shared / "data" / "reference_vectors" / "pipelines"
    with np.load(folder / "imagenet_eval.npz") as stored:
        return folder, dict(stored)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("landscape.png", 1e-5), ("landscape.jpg", 0.02), ("portrait.jpg", 0.02), ("small.jpg", 0.02)],
)
def test_evaluation_sees_the_numbers_of_the_reference(golden, name, tolerance, record_property):
    """JPEG decoders may differ by a level, hence the wider tolerance; with the same library they do not."""
    folder, stored = golden
    expected = stored[f"{name.replace('.', '_')}_torch"]

    found = photographs.centre(photographs.decoded((folder / f"imagenet_{name}").read_bytes()), 224, 256)

    normalised = ((found - MEAN) / STDDEV).transpose(2, 0, 1).ravel()[stored["index"]]
    np.testing.assert_allclose(normalised, expected, atol=tolerance)
    record_property("golden: pixels", len(expected))


@pytest.mark.parametrize("name", ["landscape", "portrait", "small"])
def test_the_other_test_set_is_cut_and_resized_as_the_reference_does_but_decoded_exactly(golden, name, record_property):
    """The reference's decoder is up to 5 of 255 off and darker by 0.66 on average; cubic weights amplify the former."""
    folder, stored = golden
    expected = stored[f"{name}_jpg_jax"]

    image = photographs.decoded((folder / f"imagenet_{name}.jpg").read_bytes())
    found = photographs.cubic_centre(image, 224, 224 / 256)

    off = (((found - MEAN) / STDDEV).ravel()[stored["index"]] - expected) * STDDEV.mean()
    assert abs(off).max() < 8
    assert off.mean() == pytest.approx(0.66, abs=0.05)
    record_property("golden: pixels", len(expected))


def test_the_pixels_that_come_out_of_a_file_have_the_references_sum(golden):
    folder, _ = golden
    for record in json.loads((folder / "imagenet_eval.json").read_text())["images"]:
        if "decoded_rgb_sum_pillow" in record:
            image = photographs.decoded((folder / record["file"]).read_bytes())
            assert np.asarray(image).sum() == pytest.approx(record["decoded_rgb_sum_pillow"], rel=1e-4)


def test_cubic_interpolation_leaves_a_picture_of_the_right_size_as_it_is():
    image = picture(size=(32, 32))

    np.testing.assert_allclose(photographs.cubic_centre(image, 32, 1.0), np.asarray(image), atol=1e-3)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (picture(mode="L"), "JPEG"),
        (picture(mode="CMYK"), "JPEG"),
        (picture(), "PNG"),
        (picture(mode="RGBA"), "PNG"),
        (picture(mode="P"), "PNG"),
    ],
    ids=["grey", "cmyk", "png", "transparent", "palette"],
)
def test_odd_files_of_the_real_collection_become_rgb(image, kind):
    content = encoded(image, kind)

    photographs.check(content)
    found = photographs.decoded(content)

    assert found.mode == "RGB"
    assert abs(np.asarray(found, np.float32) - np.asarray(image.convert("RGB"), np.float32)).mean() < 12


@pytest.mark.parametrize("look", [photographs.decoded, photographs.check])
@pytest.mark.parametrize(
    "content",
    [encoded(picture(size=(300, 300)))[:-800], encoded(picture(), "PNG")[:200], b"", b"<html>not found</html>",
     encoded(picture(), "GIF")],
    ids=["cut off", "cut off png", "empty", "a page", "another format"],
)  # fmt: skip
def test_what_is_no_whole_photograph_is_refused(look, content):
    with pytest.raises(DataDamaged, match="no whole JPEG or PNG"):
        look(content)


def test_random_windows_have_the_areas_and_shapes_they_may_have():
    random = np.random.default_rng(0)
    windows = np.array([photographs._random_window(500, 375, random) for _ in range(2_000)])
    left, top, width, height = windows.T

    assert min(left.min(), top.min()) >= 0
    assert (left + width).max() <= 500
    assert (top + height).max() <= 375
    area, shape = width * height / (500 * 375), width / height
    assert (area.min(), area.max()) == (pytest.approx(0.08, abs=0.02), pytest.approx(0.96, abs=0.04))
    assert (shape.min(), shape.max()) == (pytest.approx(3 / 4, abs=0.03), pytest.approx(4 / 3, abs=0.03))


@pytest.mark.parametrize("size", [(1000, 10), (10, 1000)])
def test_a_picture_that_no_window_fits_gives_its_middle(size):
    left, top, width, height = photographs._random_window(*size, np.random.default_rng(1))

    assert min(width, height) <= 10
    assert 3 / 4 - 0.05 <= width / height <= 4 / 3 + 0.05
    assert (2 * left + width, 2 * top + height) in itertools.product(*((side - 1, side, side + 1) for side in size))


def test_training_crops_are_mirrored_half_of_the_time_and_follow_from_their_generator():
    image = Image.fromarray(
        np.tile(np.arange(200, dtype=np.uint8)[None, :, None], (200, 1, 3))
    )  # brighter to the right

    crops = [np.asarray(photographs.random_crop(image, 16, np.random.default_rng(seed))) for seed in range(200)]
    again = np.asarray(photographs.random_crop(image, 16, np.random.default_rng(7)))

    mirrored = [crop[0, 0, 0] > crop[0, -1, 0] for crop in crops]
    assert 70 < sum(mirrored) < 130
    assert np.array_equal(crops[7], again)


def test_a_plain_picture_stays_plain():
    image = plain(90)
    for found in (photographs.centre(image, 24, 28), photographs.cubic_centre(image, 24, 0.875)):
        np.testing.assert_allclose(found, 90, atol=1e-3)
        assert found.shape == (24, 24, 3)
