"""What a board of logs compares: workloads, targets, directions and budgets as plain values, whoever says them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.errors import InvalidTargets

LOWER_IS_BETTER = frozenset({"loss", "ce_loss", "ctc_loss", "l1_loss", "error_rate", "wer", "ppl"})
HIGHER_IS_BETTER = frozenset({"accuracy", "mean_average_precision", "ssim", "bleu"})
MAX_TARGETS_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Task:
    """One scored workload.

    metric: the benchmark's name, as in the column `validation/<metric>` of a log.
    budget_s: charged seconds a trial of this ruleset may train; None where nobody says.
    """

    metric: str
    higher_is_better: bool
    target: float
    budget_s: float | None = None

    @property
    def column(self) -> str:
        return f"validation/{self.metric}"


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The columns of a board.

    base: scored workloads by name, in the order of the edition.
    variants: held-out variants by name.
    held_out: base workload by variant.
    studies: how many studies each column is the median of.
    """

    base: Mapping[str, Task]
    variants: Mapping[str, Task] = field(default_factory=dict)
    held_out: Mapping[str, str] = field(default_factory=dict)
    studies: int
    tau_max: float = 4.0

    @property
    def tasks(self) -> dict[str, Task]:
        """All columns by name, base workloads first."""
        return {**self.base, **self.variants}

    @property
    def budgets_s(self) -> dict[str, float]:
        """The budgets that are known, by workload."""
        return {name: task.budget_s for name, task in self.tasks.items() if task.budget_s is not None}


def read_targets(path: Path, *, budgets_s: Mapping[str, float], studies: int, tau_max: float = 4.0) -> Axes:
    """The axes that a targets file of the AlgoPerf scoring code says.

    The file is one JSON object: `base_workloads` and `held_out_workloads` are lists of names, `workloads` has for each
    name `target_metric_name` and `validation_target_value`. A held-out variant is `<base workload>_<change>`.

    Args:
        budgets_s, studies, tau_max: what such a file does not say.
    Raises:
        InvalidTargets: not such a file; says what to mend.
    Source: `scoring/workload_targets_*.json` of mlcommons/submissions_algorithms.
    """
    try:
        if path.stat().st_size > MAX_TARGETS_BYTES:
            raise InvalidTargets(f"{path} has more than {MAX_TARGETS_BYTES:,} bytes; it is no targets file")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidTargets(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, InvalidTargets):
            raise
        raise InvalidTargets(f"{path} is not JSON: {error}") from None
    try:
        return _axes(document, budgets_s, studies, tau_max)
    except InvalidTargets as error:
        raise InvalidTargets(f"{path}: {error}") from None


def _axes(document: Any, budgets_s: Mapping[str, float], studies: int, tau_max: float) -> Axes:
    if not isinstance(document, dict):
        raise InvalidTargets("a targets file is one JSON object")
    base, variants = _names(document, "base_workloads"), _names(document, "held_out_workloads")
    if not base:
        raise InvalidTargets("base_workloads names no workload")
    if len({*base, *variants}) != len(base) + len(variants):
        raise InvalidTargets("base_workloads and held_out_workloads name each workload once")
    workloads = document.get("workloads")
    if not isinstance(workloads, dict):
        raise InvalidTargets("workloads is an object with a target for each name")
    return Axes(
        base={name: _task(name, workloads.get(name), budgets_s) for name in base},
        variants={name: _task(name, workloads.get(name), budgets_s) for name in variants},
        held_out={name: _base_of(name, base) for name in variants},
        studies=studies,
        tau_max=tau_max,
    )


def _names(document: Mapping[str, Any], key: str) -> list[str]:
    names = document.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InvalidTargets(f"{key} is a list of names")
    return names


def _task(name: str, entry: Any, budgets_s: Mapping[str, float]) -> Task:
    if not isinstance(entry, dict):
        raise InvalidTargets(f"workloads has no entry for {name}")
    metric, target = entry.get("target_metric_name"), entry.get("validation_target_value")
    if metric not in LOWER_IS_BETTER | HIGHER_IS_BETTER:
        known = ", ".join(sorted(LOWER_IS_BETTER | HIGHER_IS_BETTER))
        raise InvalidTargets(f"the target_metric_name of {name} is {metric!r}; known: {known}")
    if isinstance(target, bool) or not isinstance(target, int | float) or not math.isfinite(target):
        raise InvalidTargets(f"the validation_target_value of {name} is {target!r}; it is a finite number")
    return Task(
        metric=metric, higher_is_better=metric in HIGHER_IS_BETTER, target=float(target), budget_s=budgets_s.get(name)
    )


def _base_of(variant: str, base: list[str]) -> str:
    fitting = [name for name in base if variant.startswith(f"{name}_")]
    if not fitting:
        raise InvalidTargets(f"held-out {variant} begins with the name of no base workload")
    return max(fitting, key=len)
