"""Is a model's golden file laid out as its README says? Asked before anything is computed, so that what is missing is
said in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workloads.errors import VectorsError

_TABLES = ("params", "inputs", "outputs", "losses", "grads")
_PASSES = ("eval", "train")
_GRADIENT = "[norm, dot] in float32, then [norm, dot] in float64"


def check(name: str, record: Any, stored: Iterable[str]) -> None:
    """Raises VectorsError with the first thing that is missing from, or wrong in, the file of one model.

    Args:
        name: of the file, without its ending.
        record: what the JSON file holds.
        stored: names of the arrays beside it.
    """
    problem = next(_problems(record, frozenset(stored)), None)
    if problem is not None:
        raise VectorsError(f"models/{name}.json {problem}: see the format in the README of the vectors")


def _problems(record: Any, stored: frozenset[str]) -> Iterator[str]:
    for key in _TABLES:
        if not isinstance(record, dict) or key not in record:
            yield f"has no {key!r}"
        elif not isinstance(record[key], dict) or not all(isinstance(name, str) for name in record[key]):
            yield f"has no table of names under {key!r}"
    for table in ("params", "buffers"):
        yield from _incomplete(table, record.get(table, {}), ("shape", "offset", "half_width"))
    yield from _incomplete("inputs", record["inputs"], ("shape",))
    yield from _incomplete("losses", record["losses"], ("summed", "n_valid_examples"))
    for name in (*_PASSES, *(["eval_plain"] if "eval_plain" in record["outputs"] else [])):
        yield from _pass(name, record["outputs"], stored)
    if not record["grads"]:
        yield "has no gradients"
    for name, row in record["grads"].items():
        if name not in record["params"]:
            yield f"has a gradient of {name}, but no such parameter"
        if not isinstance(row, list) or len(row) != 4 or not all(isinstance(number, int | float) for number in row):
            yield f"has no {_GRADIENT} of {name}"


def _incomplete(table: str, entries: Any, keys: Iterable[str]) -> Iterator[str]:
    if not isinstance(entries, dict):
        yield f"has no table of names under {table!r}"
        return
    for name, entry in entries.items():
        missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
        if missing:
            yield f"has no {' and no '.join(missing)} of {name} in {table!r}"


def _pass(name: str, outputs: Mapping[str, Any], stored: frozenset[str]) -> Iterator[str]:
    """One pass has statistics in both precisions, and its numbers in both, all of them or some with their places."""
    yield from _incomplete("outputs", {name: outputs.get(name)}, ("shape", "l2", "float64"))
    yield from _incomplete("outputs", {f"{name}/float64": outputs[name]["float64"]}, ("l2",))
    whole, some = (name, f"{name}_float64"), (f"{name}_index", f"{name}_sample", f"{name}_sample_float64")
    if not stored.issuperset(whole) and not stored.issuperset(some):
        yield f"has no arrays {', '.join(whole)}, nor {', '.join(some)}, beside it"
