"""The order in which waiting submissions get their next host, as the queue page tells it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from leaderboard.lifecycle.runs import fair_order
from leaderboard.models import Submission


def in_order(submissions: Sequence[Submission]) -> list[Submission]:
    """Waiting submissions as dispatch takes them: teams in turn, within a team first sent first.

    Args:
        submissions: those with trials left, in the order they were sent.
    """
    by_team: dict[int, list[Submission]] = {team: [] for team in fair_order({row.team_id for row in submissions})}
    for row in submissions:
        by_team[row.team_id].append(row)
    turns = zip_longest(*by_team.values())
    return [row for turn in turns for row in turn if row is not None]


def position_of(submission: Submission) -> int | None:
    """Its place among those that wait, from 1; None when it does not wait any more."""
    waiting = list(Submission.objects.for_queue().filter(status=Submission.Status.QUEUED))
    ordered = [row.pk for row in in_order(waiting)]
    return ordered.index(submission.pk) + 1 if submission.pk in ordered else None
