"""FarmHash's Fingerprint64, which names the buckets of the click logs, for one text or for an array of short ones.

Source: Google FarmHash 1.1, `farmhashna::Hash64`, which its authors promise never to change.
"""

from __future__ import annotations

import numpy as np

_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F
_MASK = (1 << 64) - 1


def fingerprint64(text: bytes) -> int:
    """The 64-bit fingerprint of a text of any length."""
    length = len(text)
    if length <= 16:
        return _up_to_16(text)
    if length <= 32:
        return _17_to_32(text)
    if length <= 64:
        return _33_to_64(text)
    return _longer(text)


def fingerprints_of_8_to_16(texts: np.ndarray) -> np.ndarray:
    """The fingerprints (n,) uint64 of `n` texts of equal length.

    Args:
        texts: (n, length) uint8, 8 <= length <= 16.
    """
    count, length = texts.shape
    first = np.ascontiguousarray(texts[:, :8]).view("<u8").reshape(count)
    last = np.ascontiguousarray(texts[:, length - 8 :]).view("<u8").reshape(count)
    factor = np.uint64((_K2 + 2 * length) & _MASK)
    a = first + np.uint64(_K2)
    c = _rotated_array(last, 37) * factor + a
    d = (_rotated_array(a, 25) + last) * factor
    e = (c ^ d) * factor
    e ^= e >> np.uint64(47)
    f = (d ^ e) * factor
    f ^= f >> np.uint64(47)
    result: np.ndarray = f * factor
    return result


def _rotated_array(values: np.ndarray, bits: int) -> np.ndarray:
    rotated: np.ndarray = (values >> np.uint64(bits)) | (values << np.uint64(64 - bits))
    return rotated


def _word(text: bytes, start: int, size: int = 8) -> int:
    return int.from_bytes(text[start : start + size], "little")


def _rotated(value: int, bits: int) -> int:
    return ((value >> bits) | (value << (64 - bits))) & _MASK


def _mixed(value: int) -> int:
    return value ^ (value >> 47)


def _of_16(u: int, v: int, factor: int) -> int:
    a = _mixed(((u ^ v) * factor) & _MASK)
    b = _mixed(((v ^ a) * factor) & _MASK)
    return (b * factor) & _MASK


def _up_to_16(text: bytes) -> int:
    length = len(text)
    if length >= 8:
        factor = _K2 + 2 * length
        a, b = (_word(text, 0) + _K2) & _MASK, _word(text, length - 8)
        c = (_rotated(b, 37) * factor + a) & _MASK
        d = ((_rotated(a, 25) + b) * factor) & _MASK
        return _of_16(c, d, factor)
    if length >= 4:
        return _of_16(length + (_word(text, 0, 4) << 3), _word(text, length - 4, 4), _K2 + 2 * length)
    if length > 0:
        a, b, c = text[0], text[length >> 1], text[-1]
        y, z = a + (b << 8), length + (c << 2)
        return (_mixed((y * _K2 ^ z * _K0) & _MASK) * _K2) & _MASK
    return _K2


def _17_to_32(text: bytes) -> int:
    length = len(text)
    factor = _K2 + 2 * length
    a, b = (_word(text, 0) * _K1) & _MASK, _word(text, 8)
    c, d = (_word(text, length - 8) * factor) & _MASK, (_word(text, length - 16) * _K2) & _MASK
    return _of_16(
        (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK,
        (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK,
        factor,
    )


def _33_to_64(text: bytes) -> int:
    length = len(text)
    factor = _K2 + 2 * length
    a, b = (_word(text, 0) * _K2) & _MASK, _word(text, 8)
    c, d = (_word(text, length - 8) * factor) & _MASK, (_word(text, length - 16) * _K2) & _MASK
    y = (_rotated((a + b) & _MASK, 43) + _rotated(c, 30) + d) & _MASK
    z = _of_16(y, (a + _rotated((b + _K2) & _MASK, 18) + c) & _MASK, factor)
    e, f = (_word(text, 16) * factor) & _MASK, _word(text, 24)
    g, h = ((y + _word(text, length - 32)) * factor) & _MASK, ((z + _word(text, length - 24)) * factor) & _MASK
    return _of_16(
        (_rotated((e + f) & _MASK, 43) + _rotated(g, 30) + h) & _MASK,
        (e + _rotated((f + a) & _MASK, 18) + g) & _MASK,
        factor,
    )


def _longer(text: bytes) -> int:
    """Blocks of 64 bytes; the last one overlaps the one before it where the length is no multiple."""
    length, seed = len(text), 81
    x, y = seed, (seed * _K1 + 113) & _MASK
    z = (_mixed((y * _K2 + 113) & _MASK) * _K2) & _MASK
    v, w = (0, 0), (0, 0)
    x = (x * _K2 + _word(text, 0)) & _MASK
    for start in range(0, (length - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(text, start, (x, y, z, v, w), _K1, 1)
    factor = (_K1 + ((z & 0xFF) << 1)) & _MASK
    w = ((w[0] + ((length - 1) & 63)) & _MASK, w[1])
    v = ((v[0] + w[0]) & _MASK, v[1])
    w = ((w[0] + v[0]) & _MASK, w[1])
    x, y, z, v, w = _block(text, length - 64, (x, y, z, v, w), factor, 9)
    return _of_16(
        (_of_16(v[0], w[0], factor) + _mixed(y) * _K0 + z) & _MASK,
        (_of_16(v[1], w[1], factor) + x) & _MASK,
        factor,
    )


_State = tuple[int, int, int, tuple[int, int], tuple[int, int]]


def _block(text: bytes, start: int, state: _State, factor: int, weight: int) -> _State:
    """One step over 64 bytes; the last block has another factor and other weights than those before it."""
    x, y, z, v, w = state
    x = (_rotated((x + y + v[0] + _word(text, start + 8)) & _MASK, 37) * factor) & _MASK
    y = (_rotated((y + v[1] + _word(text, start + 48)) & _MASK, 42) * factor) & _MASK
    x ^= (w[1] * weight) & _MASK
    y = (y + v[0] * weight + _word(text, start + 40)) & _MASK
    z = (_rotated((z + w[0]) & _MASK, 33) * factor) & _MASK
    v = _of_32(text, start, (v[1] * factor) & _MASK, (x + w[0]) & _MASK)
    w = _of_32(text, start + 32, (z + w[1]) & _MASK, (y + _word(text, start + 16)) & _MASK)
    return z, y, x, v, w


def _of_32(text: bytes, start: int, a: int, b: int) -> tuple[int, int]:
    """A weak hash of 32 bytes with two seeds."""
    first, second, third, fourth = (_word(text, start + 8 * number) for number in range(4))
    a = (a + first) & _MASK
    b = _rotated((b + a + fourth) & _MASK, 21)
    c = (a + second + third) & _MASK
    return (c + fourth) & _MASK, (b + _rotated(c, 44) + a) & _MASK
