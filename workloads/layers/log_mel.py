"""Log-mel features of sound: sizes, constants and the mel matrix, the same for both frameworks. NumPy only.

Source: the benchmark's front end for read speech (AlgoPerf, LibriSpeech): HTK's pre-emphasis, a periodic Hann window,
TensorFlow's `linear_to_mel_weight_matrix`, and the mean and deviation of each band over the training set.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

SAMPLE_RATE = 16_000
FRAME = 401  # samples that decide whether a frame is padded; pre-emphasis leaves the last one out
WINDOW = 400
HOP = 160
FFT = 512
BANDS = 80
PRE_EMPHASIS = 0.97
SCALE = 2.0**-15  # 16-bit samples become numbers below one
FLOOR = 1e-5  # of a band's energy, before the logarithm
_LOWEST_HZ, _HIGHEST_HZ = 125.0, 7600.0

# Of the logarithm of each band over the training set.
# fmt: off
MEAN = (
    -7.6047816, -7.1206226, -6.8864245, -6.870577, -6.966772, -7.1084094, -6.9528027, -6.783994, -6.619552,
    -6.4876266, -6.412066, -6.3940477, -6.424487, -6.399371, -6.515827, -6.7138, -6.8476877, -6.9885, -6.9221387,
    -7.1461487, -7.20404, -7.0537553, -7.3140383, -7.122325, -7.302514, -7.1212144, -7.2425733, -7.1730537,
    -7.0979414, -7.0887475, -6.984991, -6.878773, -6.7602754, -6.6300945, -6.514577, -6.4245057, -6.3565135,
    -6.3178763, -6.266077, -6.246833, -6.2821527, -6.190839, -6.2484355, -6.147264, -6.0924726, -6.0171003,
    -5.9250402, -5.8535833, -5.820911, -5.811893, -5.8078375, -5.771463, -5.7453732, -5.7705655, -5.776564,
    -5.7831674, -5.7954087, -5.7994823, -5.8023477, -5.804712, -5.816818, -5.88448, -5.9727106, -6.044466,
    -6.1284866, -6.2257586, -6.3157496, -6.3906116, -6.49286, -6.5498457, -6.605432, -6.650838, -6.669176,
    -6.672689, -6.6842346, -6.697458, -6.7547183, -6.7949142, -6.863421, -6.9418654,
)
# fmt: on
# The same, standard deviation.
# fmt: off
STDDEV = (
    3.4353282, 3.5962932, 3.7012472, 3.7369206, 3.7535105, 3.6936293, 3.6922498, 3.7641523, 3.8419716, 3.8999848,
    3.929424, 3.931741, 3.9139585, 3.9031599, 3.8692, 3.8155081, 3.764497, 3.7099106, 3.6965086, 3.6003766,
    3.5493226, 3.5465121, 3.450036, 3.4712813, 3.408461, 3.4408135, 3.4104881, 3.421764, 3.4312851, 3.419921,
    3.4305806, 3.4382665, 3.4580367, 3.4817991, 3.495871, 3.5036793, 3.5047574, 3.4988735, 3.493056, 3.4822943,
    3.4594305, 3.461277, 3.4559064, 3.4755423, 3.497155, 3.5326557, 3.57052, 3.5920312, 3.5969074, 3.59135,
    3.5865932, 3.582681, 3.5837743, 3.589579, 3.5819314, 3.583787, 3.5861185, 3.588959, 3.5922148, 3.5939455,
    3.585663, 3.5884113, 3.5921023, 3.587049, 3.580657, 3.5731068, 3.5617533, 3.5498073, 3.5527375, 3.5475366,
    3.538785, 3.5256178, 3.5031836, 3.4922726, 3.4879646, 3.4725595, 3.455839, 3.4351828, 3.4284294, 3.429917,
)
# fmt: on


def hann_window() -> np.ndarray:
    """(WINDOW,) float32, computed as such, periodic: its next value would be its first again."""
    angles = np.arange(WINDOW, dtype=np.float32) * np.float32(2 * np.pi / WINDOW)
    return np.float32(0.5) - np.float32(0.5) * np.cos(angles)


def mel_matrix(log: Callable[[np.ndarray], np.ndarray] = lambda x: np.log(x, dtype=np.float64)) -> np.ndarray:
    """(FFT // 2 + 1, BANDS) float32: how much of each frequency goes into each band, in triangles linear in mel.

    The constant part of the signal, frequency 0, goes nowhere. Computed in float32, rounded as the benchmark's PyTorch
    code rounds: the triangles of the lowest bands are so steep that it shows in the gradients of the first layer.

    Args:
        log: the logarithm of float32 numbers; the last digit of PyTorch's is its own.
    """
    hertz = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1, dtype=np.float32)
    frequencies = (np.float32(1127) * log(1 + hertz / np.float32(700)).astype(np.float32))[:, np.newaxis]
    edges = _evenly_spaced(_mel(_LOWEST_HZ), _mel(_HIGHEST_HZ), BANDS + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies - lower) / (centre - lower)
    falling = (upper - frequencies) / (upper - centre)
    matrix = np.maximum(np.float32(0), np.minimum(rising, falling))
    matrix[0] = 0
    return matrix


def _mel(hertz: float) -> float:
    return 1127.0 * math.log(1.0 + hertz / 700.0)


def _evenly_spaced(first: float, last: float, count: int) -> np.ndarray:
    """(count,) float32 as PyTorch spaces them: from both ends, and each rounded once."""
    low, high, index = np.float32(first), np.float32(last), np.arange(count)
    step = (high - low) / np.float32(count - 1)
    from_low, from_high = low + index * np.float64(step), high - index[::-1] * np.float64(step)
    return np.where(index < count // 2, from_low, from_high).astype(np.float32)
