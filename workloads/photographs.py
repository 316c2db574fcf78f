"""Compressed photographs: decoded, cut and resized as image classifiers want them. Needs Pillow.

Trainer containers carry it beside one dataset file. What is random follows from the generator that is given.
"""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

from workloads.errors import DataDamaged

_FORMATS = ("JPEG", "PNG")  # some files called JPEG hold the other
_TRIES = 10
_CUBIC = -0.5  # Keys' parameter


def decoded(content: bytes) -> Image.Image:
    """The picture in RGB; grey, CMYK and palette ones are converted.

    Raises:
        DataDamaged: the bytes are no whole JPEG or PNG.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataDamaged(f"this is no whole JPEG or PNG: {error}") from error


def check(content: bytes) -> None:
    """Raises DataDamaged unless the bytes can be decoded; a third of the work of doing so, at an eighth of the size."""
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.draft(image.mode, (1, 1))
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataDamaged(f"this is no whole JPEG or PNG: {error}") from error


def random_crop(image: Image.Image, size: int, random: np.random.Generator) -> Image.Image:
    """A window of 8 to 100 % of the area and 3:4 to 4:3 in shape, resized (bilinear) and half of the time mirrored.

    Source: Szegedy et al. 2014 (arXiv 1409.4842); AlgoPerf workloads, image classification, PyTorch.
    """
    left, top, width, height = _random_window(*image.size, random)
    image = image.crop((left, top, left + width, top + height))
    image = image.resize((size, size), Image.Resampling.BILINEAR)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


def centre(image: Image.Image, size: int, short_side: int) -> np.ndarray:
    """(size, size, 3) uint8: the short side resized to `short_side` (bilinear), then the middle."""
    width, height = image.size
    short = min(width, height)
    scaled = [short_side if side == short else int(short_side * side / short) for side in (width, height)]
    image = image.resize((scaled[0], scaled[1]), Image.Resampling.BILINEAR)
    left, top = (round((side - size) / 2) for side in scaled)
    return np.asarray(image.crop((left, top, left + size, top + size)))


def cubic_centre(image: Image.Image, size: int, part: float) -> np.ndarray:
    """(size, size, 3) float32: the middle square of `part` of the short side, resized by cubic interpolation.

    Nothing is averaged where it shrinks and nothing is clipped where it overshoots.
    Source: AlgoPerf workloads, image classification, JAX; Keys 1981, "Cubic convolution interpolation".
    """
    width, height = image.size
    side = int(part * min(width, height))
    left, top = ((length - side + 1) // 2 for length in (width, height))
    square = np.asarray(image.crop((left, top, left + side, top + side)), np.float32)
    places, weights = _cubic_taps(side, size)
    rows = np.einsum("it,itwc->iwc", weights, square[places], optimize=True)
    return np.einsum("jt,ijtc->ijc", weights, rows[:, places], optimize=True)


def _random_window(width: int, height: int, random: np.random.Generator) -> tuple[int, int, int, int]:
    """(left, top, width, height); the largest allowed window in the middle when ten tries do not fit."""
    narrowest, widest = 3 / 4, 4 / 3
    for _ in range(_TRIES):
        area = width * height * random.uniform(0.08, 1.0)
        shape = math.exp(random.uniform(math.log(narrowest), math.log(widest)))
        across, down = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < across <= width and 0 < down <= height:
            left, top = random.integers(width - across + 1), random.integers(height - down + 1)
            return int(left), int(top), across, down
    across = min(width, round(height * widest))
    down = min(height, round(width / narrowest))
    return (width - across) // 2, (height - down) // 2, across, down


def _cubic_taps(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places and weights, both (size, 4), of the pixels that make each new one; weights outside the picture are 0."""
    position = (np.arange(size) + 0.5) * (length / size) - 0.5
    places = np.floor(position).astype(np.int64)[:, np.newaxis] + np.arange(-1, 3)
    away = np.abs(position[:, np.newaxis] - places)
    near = (_CUBIC + 2) * away**3 - (_CUBIC + 3) * away**2 + 1
    far = _CUBIC * (away**3 - 5 * away**2 + 8 * away - 4)
    weights = np.where((places >= 0) & (places < length), np.where(away <= 1, near, far), 0)
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return places.clip(0, length - 1), weights
