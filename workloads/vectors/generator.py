"""The number generator behind the vectors: weights and inputs as pure functions of a name and a position."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np


def numbers(name: str, count: int) -> np.ndarray:
    """(count,) float64 in [-1, 1), multiples of 2**-23."""
    x = (np.arange(count, dtype=np.uint32) * np.uint32(2654435761)) ^ np.uint32(zlib.crc32(name.encode()))
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return (x >> np.uint32(8)) / 2.0**23 - 1.0


def integers(name: str, count: int, low: int, high: int) -> np.ndarray:
    """(count,) int64 in low .. high - 1."""
    return (low + np.floor((numbers(name, count) + 1) / 2 * (high - low))).astype(np.int64)


def array(name: str, how: Mapping[str, Any]) -> np.ndarray:
    """A float32 weight from its record: shape, offset and half width."""
    shape = how["shape"]
    values = how["offset"] + how["half_width"] * numbers(name, math.prod(shape))
    return values.astype(np.float32).reshape(shape)


def arrays(records: Mapping[str, Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Every array of a table of records by name."""
    return {name: array(name, how) for name, how in records.items()}
