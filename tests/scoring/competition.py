"""The logs of the 2024 competition, read and scored by the product, and the results they are compared with.

The folder is `algoperf` under ALGOPERF_SHARED (default: `../shared/data` beside the checkout); tests skip without it.
"""

import csv
import gzip
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import scoring
from scoring.__main__ import edition_axes
from scoring.axes import Axes, Task
from scoring.logs import SubmissionLog, open_logs
from scoring.logs.times import submission_times

REPOSITORY = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("ALGOPERF_SHARED", REPOSITORY.parent / "shared")) / "data" / "algoperf"
LEADERBOARDS = {
    "v05_external": ("v0.5", "external"),
    "v05_self_tuning": ("v0.5", "self_tuning"),
    "v06_external": ("v0.6", "external"),
    "v06_self_tuning": ("v0.6", "self_tuning"),
}
RULES = {
    "least_time": replace(scoring.PUBLISHED, name="least_time"),
    "min_time_as_documented": replace(
        scoring.PUBLISHED, name="min_time_as_documented", trial_rule=scoring.TrialRule.LEAST_TIME
    ),
}
"""The rule sets of `expected/`: both with the trapezoid and without empty studies."""


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one table, compressed or not."""
    path = FOLDER / name
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from csv.DictReader(file)


def expected(table: str, leaderboard: str, rule: str) -> list[dict[str, str]]:
    """The rows of one expected table for one leaderboard and one trial rule."""
    return [row for row in rows(f"expected/{table}") if (row["leaderboard"], row["trial_rule"]) == (leaderboard, rule)]


@cache
def axes(leaderboard: str) -> Axes:
    """What our edition scores."""
    return edition_axes(*LEADERBOARDS[leaderboard])


@cache
def submissions(leaderboard: str) -> tuple[SubmissionLog, ...]:
    """All logs of a leaderboard."""
    edition, ruleset = LEADERBOARDS[leaderboard]
    with open_logs(FOLDER, edition=edition, ruleset=ruleset) as logs:
        return tuple(logs.read())


@cache
def workload_times(leaderboard: str, rule: str) -> dict[str, dict[str, scoring.WorkloadTime]]:
    """Runtimes by submission and workload, under one of `RULES`; also of workloads that are logged and not scored."""
    extra = {
        row["workload"]: Task(
            metric=row["metric"],
            higher_is_better=row["direction"] == "max",
            target=float(row["scoring_validation_target"]),
        )
        for row in rows("targets.csv")
        if (row["leaderboard"], row["role"]) == (leaderboard, "extra")
    }
    scored = axes(leaderboard)
    everything = replace(scored, variants={**scored.variants, **extra})
    return {log.name: submission_times(log, everything, RULES[rule]) for log in submissions(leaderboard)}


@cache
def board(leaderboard: str, rule: str) -> scoring.Board:
    """The scored leaderboard, under one of `RULES`."""
    times = {
        submission: {name: runtime.time_s for name, runtime in by_workload.items()}
        for submission, by_workload in workload_times(leaderboard, rule).items()
    }
    scored = axes(leaderboard)
    return scoring.score_board(times, base=list(scored.base), held_out=scored.held_out, rules=RULES[rule])


def raw_times(leaderboard: str, rule: str) -> dict[str, dict[str, float]]:
    """Seconds by submission and base workload."""
    cells = board(leaderboard, rule).cells
    return {name: {workload: cell.raw_s for workload, cell in row.items()} for name, row in cells.items()}


def same(ours: float, theirs: str | float, tolerance: float = 1e-9) -> bool:
    """Equal to 1e-9 relative; inf equals inf, NaN equals NaN."""
    other = float(theirs)
    if math.isnan(other) or math.isinf(other):
        return math.isnan(ours) if math.isnan(other) else ours == other
    return math.isclose(ours, other, rel_tol=tolerance, abs_tol=1e-15)


def differences(pairs: Mapping[str, tuple[float, str]]) -> list[str]:
    """One line for each number that is not the expected one."""
    return [f"{name}: {ours} is not {theirs}" for name, (ours, theirs) in pairs.items() if not same(ours, theirs)]
