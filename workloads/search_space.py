"""Search spaces of external tuning, and the points drawn from them. Loads without torch or jax.

Two shapes of `tuning_search_space.json` exist: a list of points, taken as they are and in their order, and an object
that gives every hyperparameter either `feasible_points` or `min`, `max` and `scaling`, sampled quasirandomly.

Order and studies. The reference returns the same set of points in every study, in an order that nobody can reproduce.
The rules promise different draws. Here a space is sampled once, in generation order, and cut into consecutive pieces:
study 0 tries the first `count` points, study 1 the next `count`, and so on. The first study of five trials therefore
tries exactly the reference's five points. A list is the same in every study.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workloads import halton
from workloads.spec import Scalar

MAX_HYPERPARAMETERS = 100
MAX_POINTS = 1000
_MAX_TEXT = 200
_MAX_INTEGER = 2**63 - 1


class SearchSpaceError(ValueError):
    """A search space that cannot be sampled; the message is a sentence for its author."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A continuous range, always sampled as a float."""

    min: float
    max: float
    logarithmic: bool

    def at(self, coordinate: float) -> float:
        """The value at `coordinate` in [0, 1)."""
        if self.logarithmic:
            return self.min * math.exp(coordinate * math.log(self.max / self.min))
        return coordinate * (self.max - self.min) + self.min


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A discrete set; values keep their JSON types."""

    points: tuple[Scalar, ...]

    def at(self, coordinate: float) -> Scalar:
        """The value at `coordinate` in [0, 1)."""
        return self.points[math.floor(coordinate * len(self.points))]


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The object form: hyperparameter name -> where its values come from."""

    dimensions: Mapping[str, Interval | Choice]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.dimensions)


@dataclass(frozen=True, kw_only=True)
class PointList:
    """The list form: every point names the same hyperparameters."""

    points: tuple[Mapping[str, Scalar], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.points[0])


SearchSpace = Ranges | PointList


def parse_search_space(document: Any) -> SearchSpace:
    """The search space a parsed `tuning_search_space.json` describes.

    Raises:
        SearchSpaceError: the shape is wrong; the message says where and what is expected.
    """
    if isinstance(document, list):
        return _parse_points(document)
    if isinstance(document, dict):
        return _parse_ranges(document)
    raise SearchSpaceError(
        "A search space is a list of points, or an object that maps each hyperparameter to its range; "
        f"this is {_describe(document)}."
    )


def sample(space: SearchSpace, count: int, study: int) -> list[dict[str, Scalar]]:
    """The points of one study, in the order of its trials.

    Args:
        count: trials per study. A list with fewer points gives fewer trials.
        study: from 0; each study of an object space continues the sequence where the one before stopped.
    """
    if count < 1 or study < 0:
        raise ValueError("count is at least 1 and study at least 0")
    if isinstance(space, PointList):
        return [dict(point) for point in space.points[:count]]
    coordinates = halton.points(len(space.dimensions), (study + 1) * count)[study * count :]
    return [
        {name: dimension.at(u) for (name, dimension), u in zip(space.dimensions.items(), point, strict=True)}
        for point in coordinates
    ]


def _parse_points(document: Sequence[Any]) -> PointList:
    if not document:
        raise SearchSpaceError("The list of points is empty; give at least one point, usually five.")
    if len(document) > MAX_POINTS:
        raise SearchSpaceError(f"The list has {len(document)} points; at most {MAX_POINTS} are allowed.")
    points = []
    for number, point in enumerate(document, start=1):
        if not isinstance(point, dict):
            raise SearchSpaceError(
                f"Point {number} is {_describe(point)}; every point is an object of hyperparameters."
            )
        _check_names(point, where=f"Point {number}")
        for name, value in point.items():
            _check_scalar(value, where=f'The value of "{name}" in point {number}')
        points.append(point)
    _check_same_names(points)
    order = list(points[0])
    return PointList(points=tuple({name: point[name] for name in order} for point in points))


def _check_same_names(points: Sequence[Mapping[str, Scalar]]) -> None:
    expected = set(points[0])
    for number, point in enumerate(points, start=1):
        missing, extra = expected - set(point), set(point) - expected
        if missing or extra:
            parts = [f"lacks {_quote(missing)}"] if missing else []
            parts += [f"adds {_quote(extra)}"] if extra else []
            raise SearchSpaceError(
                f"Point {number} {' and '.join(parts)}; every point has exactly the hyperparameters of the first one."
            )


def _parse_ranges(document: Mapping[str, Any]) -> Ranges:
    _check_names(document, where="The search space")
    return Ranges(dimensions={name: _parse_dimension(name, entry) for name, entry in document.items()})


def _parse_dimension(name: str, entry: Any) -> Interval | Choice:
    expected = '"feasible_points", or "min", "max" and "scaling"'
    if not isinstance(entry, dict):
        raise SearchSpaceError(f'"{name}" is {_describe(entry)}; it has to be an object with {expected}.')
    bounds = [key for key in ("min", "max", "scaling") if key in entry]
    if "feasible_points" in entry:
        if bounds:
            raise SearchSpaceError(f'"{name}" has "feasible_points" as well as {_quote(bounds)}; give {expected}.')
        return _parse_choice(name, entry["feasible_points"])
    if len(bounds) < 3:
        missing = [key for key in ("min", "max", "scaling") if key not in entry]
        raise SearchSpaceError(f'"{name}" lacks {_quote(missing)}; give {expected}.')
    return _parse_interval(name, entry["min"], entry["max"], entry["scaling"])


def _parse_choice(name: str, points: Any) -> Choice:
    if not isinstance(points, list) or not points:
        raise SearchSpaceError(f'"feasible_points" of "{name}" has to be a list with at least one value.')
    if len(points) > MAX_POINTS:
        raise SearchSpaceError(f'"{name}" has {len(points)} feasible points; at most {MAX_POINTS} are allowed.')
    for number, value in enumerate(points, start=1):
        _check_scalar(value, where=f'Feasible point {number} of "{name}"')
    return Choice(points=tuple(points))


def _parse_interval(name: str, low: Any, high: Any, scaling: Any) -> Interval:
    for key, value in (("min", low), ("max", high)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SearchSpaceError(f'"{key}" of "{name}" is {_describe(value)}; it has to be a number.')
        _check_scalar(value, where=f'"{key}" of "{name}"')
    if scaling not in ("linear", "log"):
        raise SearchSpaceError(f'"scaling" of "{name}" has to be "linear" or "log".')
    if low > high:
        raise SearchSpaceError(f'"min" of "{name}" is greater than its "max".')
    if scaling == "log" and low <= 0:
        raise SearchSpaceError(f'"min" of "{name}" has to be greater than 0 for "log" scaling.')
    if not math.isfinite(float(high) - float(low)) or (scaling == "log" and not math.isfinite(high / low)):
        raise SearchSpaceError(f'The range of "{name}" is too wide to be sampled.')
    return Interval(min=low, max=high, logarithmic=scaling == "log")


def _check_names(point: Mapping[str, Any], *, where: str) -> None:
    if not point:
        raise SearchSpaceError(f"{where} has no hyperparameters.")
    if len(point) > MAX_HYPERPARAMETERS:
        raise SearchSpaceError(f"{where} has {len(point)} hyperparameters; at most {MAX_HYPERPARAMETERS} are allowed.")
    for name in point:
        is_plain = name.isascii() and name.isidentifier()  # Python reads other letters as their nearest plain ones
        if not is_plain or name.startswith("_") or keyword.iskeyword(name) or len(name) > _MAX_TEXT:
            raise SearchSpaceError(
                f'{where} has a hyperparameter named "{name[:_MAX_TEXT]}"; a name is a Python identifier '
                "of ASCII letters, digits and underscores that is no keyword and does not start with an underscore."
            )


def _check_scalar(value: Any, *, where: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise SearchSpaceError(f"{where} is not a finite number.")
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise SearchSpaceError(f"{where} does not fit into 64 bits.")
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        raise SearchSpaceError(f"{where} is a text of {len(value)} characters; at most {_MAX_TEXT} are allowed.")
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise SearchSpaceError(f"{where} is a text with other than printable ASCII characters.")
    if value is not None and not isinstance(value, bool | int | float | str):
        raise SearchSpaceError(f"{where} is {_describe(value)}; a value is a number, a text, true, false or null.")


def _describe(value: Any) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _quote(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))
