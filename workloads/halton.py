"""The benchmark's quasirandom sequence: a scrambled, shifted Halton sequence over large prime bases.

Source: AlgoPerf protocol reference 3.2; golden points in the reference vectors' `halton.json`.
"""

from __future__ import annotations

import math

import numpy as np

_DROPPED_POINTS = 100  # the first points of large bases are strongly correlated
_PRIME_LIMIT_STEP = 1000


def points(dimensions: int, count: int) -> list[tuple[float, ...]]:
    """The first `count` points of the unit cube, in generation order. Depends on nothing but the two numbers."""
    columns = [_scrambled_radical_inverses(base, count) for base in bases(dimensions)]
    return list(zip(*columns, strict=True))


def bases(dimensions: int) -> list[int]:
    """The last primes below the limit, ascending, without the very last one."""
    limit = _PRIME_LIMIT_STEP
    while len(primes := _odd_primes(limit)) <= dimensions:
        limit += _PRIME_LIMIT_STEP
    return primes[-dimensions - 1 : -1]


def _odd_primes(limit: int) -> list[int]:
    is_prime = np.ones(limit, dtype=bool)
    is_prime[:2] = False
    for number in range(2, math.isqrt(limit) + 1):
        if is_prime[number]:
            is_prime[number * number :: number] = False
    return [int(prime) for prime in np.flatnonzero(is_prime) if prime > 2]


def _scrambled_radical_inverses(base: int, count: int) -> list[float]:
    """One coordinate of all points: digits permuted (zero stays), reflected at the point, shifted modulo one."""
    generator = np.random.RandomState(base)
    nonzero_digits = np.arange(1, base)
    generator.shuffle(nonzero_digits)
    permutation = [0, *nonzero_digits.tolist()]
    shift = generator.random_sample()
    indices = range(_DROPPED_POINTS + 1, _DROPPED_POINTS + count + 1)
    return [math.fmod(_radical_inverse(index, base, permutation) + shift, 1.0) for index in indices]


def _radical_inverse(index: int, base: int, permutation: list[int]) -> float:
    value, denominator = 0.0, float(base)
    while index:
        index, digit = divmod(index, base)
        value += permutation[digit] / denominator
        denominator *= base
    return value
