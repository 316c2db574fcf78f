"""What tests of golden numbers need: the generator behind them, and weights carried to JAX as a parity file says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workloads.transfer import Leaf, carry
from workloads.vectors.generator import array, arrays, integers, numbers

__all__ = ["array", "arrays", "integers", "jax_tree", "numbers"]


def jax_tree(mapping: list[dict[str, Any]], torch_arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """A JAX parameter tree made of PyTorch arrays, by the recorded name and operations of every leaf."""
    return carry(map(Leaf.from_json, mapping), torch_arrays)
