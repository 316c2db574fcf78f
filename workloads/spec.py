"""What a workload is, as plain data. Loads without torch or jax, crosses walls as JSON."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

Scalar = float | int | bool | str | None


class Framework(StrEnum):
    """The two languages a submission may be written in."""

    JAX = "jax"
    PYTORCH = "pytorch"


class Ruleset(StrEnum):
    """Who tunes: a search space we sample, or the algorithm on the clock."""

    EXTERNAL = "external"
    SELF_TUNING = "self_tuning"


class Split(StrEnum):
    """The four separate trees of a dataset; a trainer container sees only the first."""

    TRAIN = "train"
    EVAL_TRAIN = "eval_train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The number a target is set in. `name` is the benchmark's: accuracy, mean_average_precision, loss, ..."""

    name: str
    higher_is_better: bool

    def reaches(self, value: float | None, target: float) -> bool:
        """True at or past the target; a missing, NaN or infinite value never reaches anything."""
        if value is None or not math.isfinite(value):
            return False
        return value >= target if self.higher_is_better else value <= target

    def is_better(self, value: float, other: float) -> bool:
        return value > other if self.higher_is_better else value < other


@dataclass(frozen=True, kw_only=True)
class Target:
    """Metric values to reach. `test` is None where a workload has no test split."""

    validation: float
    test: float | None = None


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Dataset + model + loss + metric + target: everything on one screen.

    `dataset` names a module of `workloads.datasets`, `base` the folder of `workloads` that holds the models.
    `data` and `model` hold the keyword arguments of the dataset and of the model, JSON values only.
    """

    name: str
    base: str
    dataset: str
    data: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    loss_type: str  # a name of api.LossType
    metric: Metric
    target: Target
    max_runtime_s: float  # charged seconds, external tuning
    eval_period_s: float  # charged seconds between the end of one evaluation and the next
    step_hint: int
    batch_size: int  # global training batch of the baseline
    eval_batch_size: int
    num_train_examples: int
    num_eval_train_examples: int
    num_validation_examples: int
    num_test_examples: int | None = None

    def variant(self, suffix: str, **changes: Any) -> Self:
        """A held-out variant `<base>_<suffix>`: `model` and `data` are merged, other fields replaced."""
        for part in ("model", "data"):
            if part in changes:
                changes[part] = {**getattr(self, part), **changes[part]}
        return dataclasses.replace(self, name=f"{self.base}_{suffix}", **changes)

    def anonymous(self, alias: str) -> Self:
        """The same task without its name: what a trainer container is told."""
        return dataclasses.replace(self, name=alias, base=alias, dataset=alias)

    def num_examples(self, split: Split) -> int | None:
        return {
            Split.TRAIN: self.num_train_examples,
            Split.EVAL_TRAIN: self.num_eval_train_examples,
            Split.VALIDATION: self.num_validation_examples,
            Split.TEST: self.num_test_examples,
        }[split]

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        fields = dict(document)
        fields["metric"] = Metric(**fields["metric"])
        fields["target"] = Target(**fields["target"])
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class Edition:
    """One version of the benchmark: workloads and rules as data. Nothing about a version is an `if` in code.

    Per-ruleset numbers are mappings keyed by `Ruleset`. `revision` is a hash of data manifest and targets:
    results of different revisions never share a board.
    """

    name: str
    revision: str
    title: str
    hardware_class: str
    workloads: tuple[Workload, ...]
    held_out: tuple[Workload, ...] = ()
    studies: Mapping[Ruleset, int]
    trials: Mapping[Ruleset, int]
    budget_factor: Mapping[Ruleset, float]  # multiplies max_runtime_s
    held_out_studies: int = 1
    quick_look: tuple[str, ...] = ()  # base workloads that answer first when somebody wants only a first impression
    tau_max: float = 4.0
    rules: str = "documented"  # which scoring rule set ranks its boards
    stop_at: tuple[Split, ...] = (Split.VALIDATION,)  # a trial ends when all of these targets are reached
    test_always_judged: bool = False
    batch_scale: bool = False  # answers of get_batch_size are scaled from the full to this edition's batch
    publication: str = "self"  # or "operators"
    racing: bool = False
    accepts_submissions: bool = True  # False: its boards are history, nothing new runs under its rules

    def workload(self, name: str) -> Workload:
        """Raises KeyError with the known names when `name` is not part of this edition."""
        for workload in (*self.workloads, *self.held_out):
            if workload.name == name:
                return workload
        known = ", ".join(workload.name for workload in (*self.workloads, *self.held_out))
        raise KeyError(f"edition {self.name} has no workload {name!r}; it has: {known}")

    def budget_s(self, workload: Workload, ruleset: Ruleset) -> float:
        return workload.max_runtime_s * self.budget_factor[ruleset]
