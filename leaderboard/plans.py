"""What a submission will run, in numbers a team can read before it sends anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leaderboard.lifecycle.submissions import selected_workloads, study_count
from leaderboard.models import Submission
from leaderboard.templatetags.shown import by_name
from workloads import api, editions
from workloads.spec import Edition, Ruleset, Workload


@dataclass(frozen=True, kw_only=True)
class PlannedWorkload:
    """One workload of a plan. `budget_s` is charged seconds per trial."""

    workload: Workload
    studies: int
    full_studies: int  # as many as the edition asks for
    trials: int
    budget_s: float

    @property
    def longest_s(self) -> float:
        """Charged seconds when every trial uses its whole budget."""
        return self.studies * self.trials * self.budget_s


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All of it."""

    edition: Edition
    workloads: tuple[PlannedWorkload, ...]

    @property
    def trials(self) -> int:
        return sum(row.studies * row.trials for row in self.workloads)

    @property
    def longest_s(self) -> float:
        return sum(row.longest_s for row in self.workloads)

    @property
    def is_complete(self) -> bool:
        """True when it runs everything its board asks for, so that it can be ranked."""
        ran = {row.workload.name for row in self.workloads if row.studies == row.full_studies}
        return all(workload.name in ran for workload in (*self.edition.workloads, *self.edition.held_out))


def of_edition(edition: Edition, ruleset: Ruleset, *, quick: bool = False) -> Plan:
    """What a submission with nothing left out runs, or one that takes the quick look."""
    chosen = {"workloads": list(edition.quick_look), "studies_override": 1} if quick else {}
    return of_submission(Submission(edition=edition.name, ruleset=ruleset, **chosen))


def of_submission(submission: Submission) -> Plan:
    """What this submission runs, or would run. Raises NotReady for a workload its edition does not have."""
    edition, ruleset = editions.load(submission.edition), Ruleset(submission.ruleset)
    rows = tuple(
        PlannedWorkload(
            workload=workload,
            studies=study_count(submission, edition, workload),
            full_studies=study_count(Submission(ruleset=submission.ruleset), edition, workload),
            trials=edition.trials[ruleset],
            budget_s=edition.budget_s(workload, ruleset),
        )
        for workload in selected_workloads(submission, edition)
    )
    return Plan(edition=edition, workloads=rows)


def sampled_points(submission: Submission) -> list[Mapping[str, Any]]:
    """The hyperparameters of the first study, as they will be drawn; empty without a search space."""
    if submission.ruleset != Ruleset.EXTERNAL or not submission.search_space:
        return []
    count = editions.load(submission.edition).trials[Ruleset.EXTERNAL]
    try:
        return list(api.sample(api.parse_search_space(submission.search_space), count, 0))
    except api.SearchSpaceError:
        return []  # the checks say what is wrong with it


def hyperparameter_rows(points: list[dict[str, Any]]) -> tuple[list[tuple[str, list[Any]]], int]:
    """Names with their values across trials where they differ, and how many names are equal everywhere."""
    rows = by_name(points)
    differing = [(name, values) for name, values in rows if any(value != values[0] for value in values)]
    return differing, len(rows) - len(differing)
