"""RandAugment: a few operations drawn for each picture, all at their full strength. Needs Pillow.

Trainer containers carry it beside one dataset file.
Source: Cubuk et al. 2019 (arXiv 1909.13719); strengths of AlgoPerf workloads, image classification.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

_GREY = (128, 128, 128)
_ENHANCEMENT = 1.9
_DEGREES, _SHEAR, _PIXELS, _HALF_CUT = 30, 0.3, 100, 40
_BRIGHTER_DARK = [min(255, value + 110) if value < 128 else value for value in range(256)]

_Operation = Callable[[Image.Image, np.random.Generator], Image.Image]


def rand_augment(image: Image.Image, operations: int, random: np.random.Generator) -> Image.Image:
    """`operations` of the sixteen, drawn with replacement and applied one after the other to an RGB picture."""
    for number in random.integers(len(OPERATIONS), size=operations):
        image = _IN_ORDER[number](image, random)
    return image


def _plain(change: Callable[[Image.Image], Image.Image]) -> _Operation:
    return lambda image, random: change(image)


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> _Operation:
    return lambda image, random: kind(image).enhance(_ENHANCEMENT)


def _moved(x: float, y: float, to: tuple[int, int] = (0, 0)) -> _Operation:
    """A shear along one axis (`x`: by so much per row, `y`: per column) or a shift, in a random direction."""

    def move(image: Image.Image, random: np.random.Generator) -> Image.Image:
        sign = _sign(random)
        matrix = (1, sign * x, sign * to[0], sign * y, 1, sign * to[1])
        return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=_GREY)

    return move


def _rotate(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return image.rotate(_sign(random) * _DEGREES, Image.Resampling.NEAREST, fillcolor=_GREY)


def _cut_out(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A grey square around a random pixel; what lies outside the picture is lost."""
    x, y = (int(random.integers(side)) for side in image.size)
    image = image.copy()
    image.paste(_GREY, (x - _HALF_CUT, y - _HALF_CUT, x + _HALF_CUT, y + _HALF_CUT))
    return image


def _sign(random: np.random.Generator) -> int:
    return 1 if random.random() < 0.5 else -1


OPERATIONS: Mapping[str, _Operation] = {
    "auto_contrast": _plain(ImageOps.autocontrast),
    "equalize": _plain(ImageOps.equalize),
    "invert": _plain(ImageOps.invert),
    "rotate": _rotate,
    "posterize": _plain(lambda image: ImageOps.posterize(image, 4)),
    "solarize": _plain(lambda image: image),  # only above 255, so nothing
    "solarize_add": _plain(lambda image: image.point(_BRIGHTER_DARK * 3)),
    "colour": _enhanced(ImageEnhance.Color),
    "contrast": _enhanced(ImageEnhance.Contrast),
    "brightness": _enhanced(ImageEnhance.Brightness),
    "sharpness": _enhanced(ImageEnhance.Sharpness),
    "shear_x": _moved(_SHEAR, 0),
    "shear_y": _moved(0, _SHEAR),
    "translate_x": _moved(0, 0, to=(_PIXELS, 0)),
    "translate_y": _moved(0, 0, to=(0, _PIXELS)),
    "cut_out": _cut_out,
}
_IN_ORDER = tuple(OPERATIONS.values())
