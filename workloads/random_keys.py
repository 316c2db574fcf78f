"""Random keys of a trial: the benchmark's `PRNGKey`, `split` and `fold_in` in both frameworks.

JAX uses its own threefry keys. PyTorch has no key type, so keys are pairs of 31-bit integers drawn by NumPy's MT19937.
Source: AlgoPerf protocol, "Random seeds" (v0.6 stream).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads.spec import Framework

_MAX = 2**31 - 1


def prng_key(seed: Any, framework: str) -> Any:
    """A fresh key. `seed` is an integer, or for PyTorch also a key (a pair of integers)."""
    if framework == Framework.JAX:
        import jax

        return jax.random.PRNGKey(seed)
    return split(seed, 2, framework)[0]


def split(key: Any, num: int, framework: str) -> Any:
    """`num` new keys, shape (num, 2)."""
    if framework == Framework.JAX:
        import jax

        return jax.random.split(key, num)
    return _generator(key).randint(0, _MAX, dtype=np.int32, size=(num, 2))


def fold_in(key: Any, data: Any, framework: str) -> Any:
    """A new key that depends on `key` and on the integer `data`."""
    if framework == Framework.JAX:
        import jax

        return jax.random.fold_in(key, data)
    return [_generator(key).randint(0, _MAX, dtype=np.int32), data]


@dataclass(frozen=True, kw_only=True)
class TrialKeys:
    """The four keys of one trial; trainer and judge derive the same ones from the same seed."""

    data: Any
    optimizer: Any
    model: Any
    steps: Any


def trial_keys(seed: int, framework: str) -> TrialKeys:
    """Splits a trial's seed into the keys of input queue, optimizer state, initial model and steps, in this order."""
    data, optimizer, model, steps = split(prng_key(seed, framework), 4, framework)
    return TrialKeys(data=data, optimizer=optimizer, model=model, steps=steps)


def _generator(seed: Any) -> np.random.RandomState:
    """MT19937 seeded with an integer or with a key. Values wrap around, so negative seeds are welcome."""
    if isinstance(seed, Sequence | np.ndarray):
        return np.random.RandomState([int(value) % _MAX for value in seed])
    return np.random.RandomState(int(seed) % _MAX)
