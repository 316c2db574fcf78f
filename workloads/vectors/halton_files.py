"""The files of `halton/`: points of search spaces, and random keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workloads import halton
from workloads.random_keys import fold_in, prng_key, split
from workloads.search_space import parse_search_space, sample
from workloads.spec import Framework
from workloads.vectors.quantity import Quantity, Reporter

_LOGARITHM = 1e-15  # relative, of points on a logarithmic scale
_Record = Mapping[str, Any]


def _halton(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    for dimensions, expected in record["raw_points"].items():
        found = halton.points(int(dimensions), len(expected["unshuffled"]))
        yield report.compare(f"points in {dimensions} dimensions", found, expected["unshuffled"], 0.0)
    for key, expected in record["unordered_sets"].items():
        name, count = key.split("/")
        points = sample(parse_search_space(record["spaces"][name]), int(count), 0)
        values = [value for point in points for value in point.values()]
        yield report.quantity(f"space {key}", _difference(values, [v for point in expected for v in point]), _LOGARITHM)
    for count, expected in record["list_spaces"].items():
        points = sample(parse_search_space(record["list_space_points"]), int(count), 0)
        values = [value for point in points for value in point.values()]
        yield report.quantity(f"list of {count}", _difference(values, [v for point in expected for v in point]), 0.0)


def _difference(found: list[Any], expected: list[Any]) -> float:
    """The largest relative difference; infinite where types or values other than floats differ."""
    if [type(value) for value in found] != [type(value) for value in expected]:
        return float("inf")
    pairs = list(zip(found, expected, strict=True))
    if any(one != other for one, other in pairs if not isinstance(other, float)):
        return float("inf")
    floats = [abs(one - other) / max(abs(other), 1e-300) for one, other in pairs if isinstance(other, float)]
    return max(floats, default=0.0)


def _random_utils(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    for framework in Framework:
        own = Reporter(file=report.file, framework=framework)
        for seed, expected in record.get(framework.value, {}).items():
            key = prng_key(int(seed), framework)
            found = {
                "PRNGKey": key,
                "split_of_key": split(key, 2, framework),
                "split_of_key_3": split(key, 3, framework),
                "fold_in_key_7": fold_in(key, 7, framework),
            }
            for name, value in expected.items():
                if name in found:
                    yield own.equal(f"seed {seed}, {name}", np.asarray(found[name]).tolist(), value)


FILES: Mapping[str, Callable[[Path, _Record, Reporter], Iterator[Quantity]]] = {
    "halton": _halton,
    "random_utils": _random_utils,
}
