"""Random keys of the framework this process trains in."""

from __future__ import annotations

from typing import Any

from workloads import random_keys
from workloads.frameworks import configured


def PRNGKey(seed: Any) -> Any:
    """A fresh key from an integer."""
    return random_keys.prng_key(seed, configured())


def split(seed: Any, num: int = 2) -> Any:
    """`num` new keys, shape (num, 2)."""
    return random_keys.split(seed, num, configured())


def fold_in(seed: Any, data: Any) -> Any:
    """A new key that depends on `seed` and on the integer `data`."""
    return random_keys.fold_in(seed, data, configured())
