"""One compared quantity: what it is, how far off it is, and how far it may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """`error` and `tolerance` in the units of the quantity; a skipped one has a reason instead."""

    file: str  # below the folder of vectors
    workload: str
    framework: str  # numpy where it is the same code for both
    quantity: str
    error: float = 0.0
    tolerance: float = 0.0
    where: str = ""  # the worst of several, where there are several
    skipped: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.skipped) or self.error <= self.tolerance  # NaN is not below anything

    def as_json(self) -> dict[str, Any]:
        """One line; an error that is not a finite number is null, which never passes."""
        fields = {
            "file": self.file,
            "workload": self.workload,
            "framework": self.framework,
            "quantity": self.quantity,
        }
        if self.skipped:
            return {**fields, "skipped": self.skipped}
        error = self.error if math.isfinite(self.error) else None
        where = {"where": self.where} if self.where else {}
        return {**fields, "error": error, "tolerance": self.tolerance, "pass": self.passed, **where}


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Makes quantities of one file, workload and framework."""

    file: str
    workload: str = ""
    framework: str = "numpy"

    def compare(self, quantity: str, found: Any, expected: Any, tolerance: float, relative_to: float = 1.0) -> Quantity:
        """The largest absolute difference, over `relative_to`; another shape is infinitely far off."""
        found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
        error = math.inf
        if found.shape == expected.shape:
            same = found == expected  # infinities of one sign among them
            difference = np.abs(np.where(same, 0.0, found) - np.where(same, 0.0, expected))
            error = float(difference.max(initial=0.0)) / relative_to
        return self.quantity(quantity, error, tolerance)

    def equal(self, quantity: str, found: Any, expected: Any) -> Quantity:
        """0 or 1: whether two JSON values, strings or arrays are the same."""
        return self.quantity(quantity, float(not np.array_equal(np.asarray(found), np.asarray(expected))), 0.0)

    def quantity(self, quantity: str, error: float, tolerance: float, where: str = "") -> Quantity:
        return Quantity(**vars(self), quantity=quantity, error=float(error), tolerance=tolerance, where=where)

    def worst(self, quantity: str, errors: Iterable[tuple[str, float]], tolerance: float) -> Quantity:
        """The largest of several errors, with its name; NaN is the largest."""
        name, error = max(errors, key=lambda pair: math.inf if math.isnan(pair[1]) else pair[1])
        return self.quantity(quantity, error, tolerance, where=name)

    def skip(self, quantity: str, reason: str) -> Quantity:
        return Quantity(**vars(self), quantity=quantity, skipped=reason)
