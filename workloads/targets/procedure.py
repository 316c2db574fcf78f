"""The order of things: tune the four algorithms, repeat the best point over fresh seeds, take the target."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.editions import mini
from workloads.errors import TargetsError
from workloads.spec import Edition, Scalar, Workload
from workloads.targets import choice, search_spaces
from workloads.targets.choice import Outcome
from workloads.targets.runs import ROOT, Run, measure
from workloads.targets.store import Measured, Store

EVALUATIONS = 6
_TUNING_SEED = 0
# Of the task these decide when a run is judged, not what it reaches.
_WITHOUT_EFFECT = ("target", "max_runtime_s", "eval_period_s")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How thorough the procedure is. A held-out variant tries each algorithm's `variant_points` best of its base."""

    framework: str = "pytorch"
    points: int = 6
    variant_points: int = 2
    seeds: int = 3


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One run and what came of it."""

    run: Run
    measured: Measured
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All runs that a workload's target rests on; `tuning` in the order they were planned."""

    workload: Workload
    steps: int
    tuning: Sequence[Trained]
    repeats: Sequence[Trained]

    @property
    def winner(self) -> Trained:
        best, *_ = choice.ranking(self.workload.metric, [trained.outcome for trained in self.tuning])
        return self.tuning[best]


class Procedure:
    """Sets targets of one edition's workloads; runs that the store holds are not trained again."""

    def __init__(
        self, edition: Edition, settings: Settings, store: Store, jobs: int, say: Callable[[str], None]
    ) -> None:
        self._edition, self._settings, self._store = edition, settings, store
        self._jobs, self._say = jobs, say

    def findings(self, workload: Workload) -> Findings:
        """Tunes, then repeats. A variant needs its base's tuning, which is completed first.

        Raises:
            TargetsError: an algorithm is missing, a run could not begin, or no run measured anything.
        """
        tuning = self._tune(workload)
        best, *_ = choice.ranking(workload.metric, [trained.outcome for trained in tuning])
        if tuning[best].outcome.validation is None:
            raise TargetsError(f"{workload.name}: no run of any algorithm measured anything")
        winner = tuning[best].run
        seeds = range(_TUNING_SEED + 1, _TUNING_SEED + 1 + self._settings.seeds)
        repeats = [self._run(workload, winner.algorithm, winner.hyperparameters, seed) for seed in seeds]
        return Findings(
            workload=workload, steps=steps(workload), tuning=tuning, repeats=self._measure(workload, repeats)
        )

    def _tune(self, workload: Workload) -> list[Trained]:
        points = self._base_points() if workload.name == workload.base else self._variant_points(workload)
        return self._measure(workload, [self._run(workload, *point, _TUNING_SEED) for point in points])

    def _base_points(self) -> list[tuple[str, dict[str, Scalar]]]:
        count = self._settings.points
        return [(name, point) for name in search_spaces.ALGORITHMS for point in search_spaces.points(name, count)]

    def _variant_points(self, variant: Workload) -> list[tuple[str, dict[str, Scalar]]]:
        base = self._edition.workload(variant.base)
        tuned = self._tune(base)
        ranked = [tuned[index] for index in choice.ranking(base.metric, [trained.outcome for trained in tuned])]
        found = []
        for name in search_spaces.ALGORITHMS:
            best = [trained.run for trained in ranked if trained.run.algorithm == name]
            found += [(name, dict(run.hyperparameters)) for run in best[: self._settings.variant_points]]
        return found

    def _run(self, workload: Workload, algorithm: str, hyperparameters: Any, seed: int) -> Run:
        folder = ROOT / "algorithms" / algorithm / self._settings.framework
        if not (folder / "submission.py").is_file():
            raise TargetsError(
                f"{folder} is missing: targets are set with all of {', '.join(search_spaces.ALGORITHMS)}"
            )
        return Run(
            edition=self._edition.name,
            workload=workload.name,
            metric=workload.metric.name,
            task=task_hash(workload),
            framework=self._settings.framework,
            algorithm=algorithm,
            hyperparameters=hyperparameters,
            seed=seed,
            steps=steps(workload),
            evaluations=EVALUATIONS,
        )

    def _measure(self, workload: Workload, runs: Sequence[Run]) -> list[Trained]:
        found = measure(runs, self._store, self._jobs, self._say)
        return [
            Trained(run=run, measured=measured, outcome=choice.outcome(workload.metric, measured.curve))
            for run, measured in zip(runs, found, strict=True)
        ]


def steps(workload: Workload) -> int:
    """How long every run is."""
    return int(search_spaces.HORIZON * workload.step_hint)


def task_hash(workload: Workload) -> str:
    """Sixteen hex digits of the workload's model, data and sizes; its target and its times do not belong to it."""
    fields = {name: value for name, value in workload.as_json().items() if name not in _WITHOUT_EFFECT}
    document = json.dumps([fields, data_hash(workload)], sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]


def data_hash(workload: Workload) -> str:
    """Sixteen hex digits of the hashes of all files of its dataset.

    Raises:
        TargetsError: the manifest does not know the dataset.
    """
    datasets = mini.manifest()["datasets"]
    if workload.dataset not in datasets:
        raise TargetsError(f"the manifest has no dataset {workload.dataset!r}: build the data first")
    files = {name: entry["sha256"] for name, entry in datasets[workload.dataset]["files"].items()}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def default_state() -> Path:
    """Where finished runs are kept between calls: `targets` in the state folder."""
    return Path(os.environ.get("ALGOPERF_STATE") or ROOT / "var").resolve() / "targets"
