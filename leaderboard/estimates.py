"""How long trials take here, by the wall clock, and so how long what is left will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from django.db.models import Count, QuerySet

from leaderboard.models import Attempt, Submission, Trial

Key = tuple[str, str, str]
"""Edition, ruleset and workload: what decides how long a trial takes on one kind of machine."""

SAMPLE = 400  # attempts that ended last: enough for a mean, and machines change

_STUDY = "trial__study"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Wall seconds of attempts that gave a result: set-up and evaluations are in them."""

    walls: dict[Key, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, attempts: QuerySet[Attempt]) -> Self:
        """From the last of these attempts, in one query."""
        ended = attempts.filter(status=Attempt.Status.FINISHED, finished_at__isnull=False).order_by("-finished_at")
        names = (f"{_STUDY}__submission__edition", f"{_STUDY}__submission__ruleset", f"{_STUDY}__workload")
        walls: dict[Key, list[float]] = defaultdict(list)
        for edition, ruleset, workload, began, until in ended.values_list(*names, "leased_at", "finished_at")[:SAMPLE]:
            walls[edition, ruleset, workload].append((until - began).total_seconds())
        return cls(walls=dict(walls))

    @classmethod
    def of_this_site(cls) -> Self:
        """Of everything that ran here."""
        return cls.of(Attempt.objects.filter(trial__study__submission__origin=Submission.Origin.RUN))

    def trial_s(self, key: Key) -> float | None:
        """Mean seconds of such a trial, else of every trial; None before the first one has ended."""
        times = self.walls.get(key) or [time for listed in self.walls.values() for time in listed]
        return sum(times) / len(times) if times else None


def left_s(pace: Pace, submissions: Iterable[Submission]) -> dict[int, float | None]:
    """Seconds that the open trials of each submission will take, one after the other; in one query.

    None where nothing has ended yet that could tell.
    """
    of = {row.pk: row for row in submissions}
    rows = Trial.objects.open().filter(study__submission__in=of).order_by()
    counts = rows.values_list("study__submission_id", "study__workload").annotate(trials=Count("pk"))
    left: dict[int, float | None] = dict.fromkeys(of, 0.0)
    for pk, workload, trials in counts:
        one_s, so_far_s = pace.trial_s((of[pk].edition, of[pk].ruleset, workload)), left[pk]
        left[pk] = None if one_s is None or so_far_s is None else so_far_s + trials * one_s
    return left
