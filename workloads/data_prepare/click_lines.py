"""Lines of the Criteo 1 TB click logs as records: a label, 13 counts and 26 categories, separated by tabs.

A count keeps its value, a category becomes its bucket. Logarithms and rounding, which the benchmark applies to all of
them, are left to `workloads/datasets/criteo1tb.py`. Source: AlgoPerf workloads, criteo1tb, "Data".
"""

from __future__ import annotations

import numpy as np

from workloads.data_prepare.farmhash import fingerprint64, fingerprints_of_8_to_16

# Of each categorical column.
BUCKETS = (
    *(39_884_406, 39_043, 17_289, 7_420, 20_263, 3, 7_120, 1_543, 63, 38_532_951, 2_953_546, 403_346, 10),
    *(2_208, 11_938, 155, 4, 976, 14, 39_979_771, 25_641_295, 39_664_984, 585_935, 12_972, 108, 36),
)
_COUNTS = 13
_DENSE = ("label", *(f"count_{column}" for column in range(_COUNTS)))
_FIELDS = len(_DENSE) + len(BUCKETS)
RECORD = np.dtype(
    [(name, np.uint8 if name == "label" else np.uint32) for name in _DENSE]
    + [(f"category_{column}", np.min_scalar_type(buckets - 1)) for column, buckets in enumerate(BUCKETS)]
)

_NEWLINE, _TAB, _MINUS, _ZERO = b"\n\t-0"
_MISSING_CATEGORY = np.frombuffer(b"00000000", np.uint8)
_USUAL_LENGTH = len(_MISSING_CATEGORY)
_MOST_DIGITS = 10


class BadLine(Exception):
    """(line within the text, what is wrong with it)."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(line, what)
        self.line, self.what = line, what


def parse(text: bytes) -> np.ndarray:
    """The records of whole lines. Fields that are empty or `-1` are missing: 0, or the category `00000000`.

    Raises:
        BadLine: a line is not a label, counts and categories.
    """
    if b"\r" in text:
        raise BadLine(
            text.count(b"\n", 0, text.index(b"\r")), "a carriage return, which would change the last category"
        )
    content = np.frombuffer(text + bytes(_USUAL_LENGTH), np.uint8)  # so that eight bytes follow every position
    starts, lengths = _fields(content[: len(text)])
    records = np.empty(len(starts), RECORD)
    numbers = _numbers(content, starts[:, : len(_DENSE)], lengths[:, : len(_DENSE)])
    labels = numbers[:, 0]
    if labels.max(initial=0) > 1:
        raise BadLine(int(np.argmax(labels > 1)), "the label is neither 0 nor 1")
    for column, name in enumerate(_DENSE):
        records[name] = numbers[:, column]
    for column, buckets in enumerate(BUCKETS):
        place = len(_DENSE) + column
        hashes = _hashes(content, starts[:, place], lengths[:, place], column)
        records[f"category_{column}"] = hashes % np.uint64(buckets)
    return records


def _fields(content: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each field begins and how long it is, both (lines, fields)."""
    ends = np.flatnonzero((content == _TAB) | (content == _NEWLINE))
    is_last = content[ends] == _NEWLINE
    expected = np.arange(1, len(ends) + 1) % _FIELDS == 0
    if len(ends) % _FIELDS or not np.array_equal(is_last, expected):
        per_line = np.diff(np.flatnonzero(is_last), prepend=-1)
        line = int(np.argmax(per_line != _FIELDS))
        raise BadLine(line, f"{per_line[line]} fields between tabs instead of {_FIELDS}")
    starts = np.concatenate([[0], ends[:-1] + 1])
    return starts.reshape(-1, _FIELDS), (ends - starts).reshape(-1, _FIELDS)


def _numbers(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The values of whole numbers, 0 where they are negative or missing."""
    is_negative = (content[starts] == _MINUS) & (lengths > 1)
    first, digits = starts + is_negative, lengths - is_negative
    values = np.zeros(starts.shape, np.int64)
    is_bad = digits > _MOST_DIGITS
    for place in range(min(_MOST_DIGITS, int(digits.max(initial=0)))):
        is_used = place < digits
        digit = content[np.where(is_used, first + place, 0)] - np.uint8(_ZERO)  # other characters become large
        is_bad |= is_used & (digit > 9)
        values = np.where(is_used, 10 * values + digit, values)
    is_bad |= values > np.iinfo(np.uint32).max
    if is_bad.any():
        line, column = (int(indices[0]) for indices in np.nonzero(is_bad))
        raise BadLine(line, f"field {column + 1} is not a whole number")
    return np.where(is_negative, 0, values)


def _hashes(content: np.ndarray, starts: np.ndarray, lengths: np.ndarray, column: int) -> np.ndarray:
    """Fingerprints of the values, each followed by the number of its column."""
    suffix = np.frombuffer(str(column).encode(), np.uint8)
    texts = np.empty((len(starts), _USUAL_LENGTH + len(suffix)), np.uint8)
    texts[:, :_USUAL_LENGTH] = np.lib.stride_tricks.sliding_window_view(content, _USUAL_LENGTH)[starts]
    texts[:, _USUAL_LENGTH:] = suffix
    is_missing = (lengths == 0) | ((lengths == 2) & (content[starts] == _MINUS) & (content[starts + 1] == _ZERO + 1))
    texts[is_missing, :_USUAL_LENGTH] = _MISSING_CATEGORY
    hashes = fingerprints_of_8_to_16(texts)
    for line in np.flatnonzero(~is_missing & (lengths != _USUAL_LENGTH)):
        value = content[starts[line] : starts[line] + lengths[line]].tobytes()
        hashes[line] = fingerprint64(value + suffix.tobytes())
    return hashes
