"""Structural similarity of restored images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

_WINDOW = 7  # pixels, square and uniform
_K1, _K2 = 0.01, 0.03
_THREADS = 8


class Ssim:
    """Structural similarity and mean absolute error, both means over images.

    Similarity is that of the images as they were measured, so their normalisation is undone first; the error is that
    of the normalised ones, as in training.
    """

    def __init__(self) -> None:
        self.num_examples = 0
        self._similarity = 0.0
        self._error = 0.0

    def update(self, outputs: np.ndarray, batch: Mapping[str, Any]) -> None:
        """Adds a batch.

        Args:
            outputs: (B, height, width).
            batch: `targets` like outputs; `mean`, `std`, `volume_max` and `weights` (B,), 0 where a row only pads.
        """
        rows = np.flatnonzero(batch["weights"])
        with ThreadPoolExecutor(_THREADS) as pool:  # NumPy lets go of the lock; one image takes about 10 ms
            results = list(pool.map(lambda row: _compare(outputs, batch, row), rows))
        self._similarity += math.fsum(similarity for similarity, _ in results)
        self._error += math.fsum(error for _, error in results)
        self.num_examples += len(rows)

    def compute(self) -> dict[str, float]:
        return {"ssim": self._similarity / self.num_examples, "loss": self._error / self.num_examples}


def _compare(outputs: np.ndarray, batch: Mapping[str, Any], row: int) -> tuple[float, float]:
    """Similarity and mean absolute error of one image."""
    output, target = (images[row].astype(np.float64) for images in (outputs, batch["targets"]))
    mean, std, largest = (float(batch[name][row]) for name in ("mean", "std", "volume_max"))
    return similarity(output * std + mean, target * std + mean, largest), float(np.abs(output - target).mean())


def similarity(image: np.ndarray, truth: np.ndarray, data_range: float) -> float:
    """Structural similarity of two images: -1 to 1, and 1 for equal ones.

    Args:
        image, truth: (height, width) float64, at least 7 pixels either way.
        data_range: largest value of the images; 0 stands for 1.
    Source: Wang et al. 2004, with a uniform 7x7 window and sample covariances; scikit-image's defaults.
    """
    data_range = data_range or 1.0
    c1, c2 = (_K1 * data_range) ** 2, (_K2 * data_range) ** 2
    mean_x, mean_y = window_means(image), window_means(truth)
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    product, squares = mean_x * mean_y, mean_x * mean_x + mean_y * mean_y
    covariance = unbiased * (window_means(image * truth) - product)
    variances = unbiased * (window_means(image * image + truth * truth) - squares)  # of both, in sum
    ratio = (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return float(np.clip(ratio.mean(), -1.0, 1.0))


def window_means(image: np.ndarray) -> np.ndarray:
    """Means of all windows inside an image (height, width): (height - 6, width - 6).

    The benchmark pads the image and then crops just what that padding touched, so no padding is needed.
    """
    height, width = (size - _WINDOW + 1 for size in image.shape)
    rows = _sum([image[offset : offset + height] for offset in range(_WINDOW)])
    return _sum([rows[:, offset : offset + width] for offset in range(_WINDOW)]) / _WINDOW**2


def _sum(parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total
