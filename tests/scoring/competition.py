"""Reads the compact logs and the expected results of the 2024 competition, for the golden tests.

The folder is `algoperf` under ALGOPERF_SHARED (default: `../shared/data` beside the checkout); tests skip without it.
"""

import csv
import gzip
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import scoring

REPOSITORY = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("ALGOPERF_SHARED", REPOSITORY.parent / "shared")) / "data" / "algoperf"
LEADERBOARDS = ("v05_external", "v05_self_tuning", "v06_external", "v06_self_tuning")
EXPECTED_STUDIES = {"v05_external": 5, "v05_self_tuning": 5, "v06_external": 3, "v06_self_tuning": 3}
RULES = {
    "least_time": replace(scoring.PUBLISHED, name="least_time"),
    "min_time_as_documented": replace(
        scoring.PUBLISHED, name="min_time_as_documented", trial_rule=scoring.TrialRule.LEAST_TIME
    ),
}
"""The rule sets of `expected/`: both with the trapezoid and without empty studies."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What `targets.csv` says about one workload of one leaderboard."""

    role: str
    base: str
    target: float
    higher_is_better: bool
    budget_s: float


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one table, compressed or not."""
    path = FOLDER / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from csv.DictReader(file)


@cache
def tasks(leaderboard: str) -> dict[str, Task]:
    """Scored workloads of a leaderboard, base and held-out, by name."""
    return {
        row["workload"]: Task(
            role=row["role"],
            base=row["base_workload"],
            target=float(row["scoring_validation_target"]),
            higher_is_better=row["direction"] == "max",
            budget_s=float(row["max_allowed_runtime_sec"]),
        )
        for row in rows("targets.csv")
        if row["leaderboard"] == leaderboard and row["role"] != "extra"
    }


def base_workloads(leaderboard: str) -> list[str]:
    return [name for name, task in tasks(leaderboard).items() if task.role == "base"]


def held_out(leaderboard: str) -> dict[str, str]:
    return {name: task.base for name, task in tasks(leaderboard).items() if task.role == "held_out"}


@cache
def curves(leaderboard: str) -> dict[str, dict[str, dict[int, dict[int, scoring.Curve]]]]:
    """Curves by submission, workload, study and trial."""
    logs: dict[tuple[str, str, int, int], tuple[list[float], list[float]]] = {}
    for row in rows(f"evals_{leaderboard}.csv.gz"):
        key = (row["submission"], row["workload"], int(row["study"]), int(row["trial"]))
        times, values = logs.setdefault(key, ([], []))
        times.append(float(row["accumulated_submission_time"]))
        values.append(float(row["validation_metric"] or "nan"))
    nested: dict[str, dict[str, dict[int, dict[int, scoring.Curve]]]] = {}
    for (submission, workload, study, trial), (times, values) in logs.items():
        by_study = nested.setdefault(submission, {}).setdefault(workload, {})
        by_study.setdefault(study, {})[trial] = scoring.read_curve(times, values)
    return nested


@cache
def workload_times(leaderboard: str, rule: str) -> dict[str, dict[str, scoring.WorkloadTime]]:
    """Runtimes by submission and workload, under one of `RULES`."""
    return {
        submission: {
            name: scoring.workload_time_from_trials(
                by_workload.get(name, {}),
                task.target,
                higher_is_better=task.higher_is_better,
                expected_studies=EXPECTED_STUDIES[leaderboard],
                rules=RULES[rule],
            )
            for name, task in tasks(leaderboard).items()
        }
        for submission, by_workload in curves(leaderboard).items()
    }


@cache
def board(leaderboard: str, rule: str) -> scoring.Board:
    """The scored leaderboard, under one of `RULES`."""
    times = {
        submission: {name: runtime.time_s for name, runtime in by_workload.items()}
        for submission, by_workload in workload_times(leaderboard, rule).items()
    }
    return scoring.score_board(
        times, base=base_workloads(leaderboard), held_out=held_out(leaderboard), rules=RULES[rule]
    )


def expected(table: str, leaderboard: str, rule: str) -> list[dict[str, str]]:
    """The rows of one expected table for one leaderboard and one trial rule."""
    return [row for row in rows(f"expected/{table}") if (row["leaderboard"], row["trial_rule"]) == (leaderboard, rule)]


def same(ours: float, theirs: str | float, tolerance: float = 1e-9) -> bool:
    """Equal to 1e-9 relative; inf equals inf, NaN equals NaN."""
    other = float(theirs)
    if math.isnan(other) or math.isinf(other):
        return math.isnan(ours) if math.isnan(other) else ours == other
    return math.isclose(ours, other, rel_tol=tolerance, abs_tol=1e-15)


def printed(value: float, digits: int) -> str:
    """A published number as its table prints it."""
    return {True: str(value)}.get(not math.isfinite(value), f"{value:.{digits}f}")


def differences(pairs: Mapping[str, tuple[float, str]]) -> list[str]:
    """One line for each number that is not the expected one."""
    return [f"{name}: {ours} is not {theirs}" for name, (ours, theirs) in pairs.items() if not same(ours, theirs)]
