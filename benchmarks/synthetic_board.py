"""A board of invented submissions, as large as asked for, scored and stored as a real one.

DJANGO_SETTINGS_MODULE=... python -m benchmarks.synthetic_board 1000
"""

from __future__ import annotations

import os
import sys
from typing import Any

import django
import numpy as np

EDITION, RULESET, HARDWARE = "v0.6", "external", "invented"


def make(count: int) -> None:
    """Stores a board of `count` submissions with random times, the same ones each time."""
    from leaderboard import snapshots, standings
    from leaderboard.models import Board, Submission, Team
    from workloads import editions

    generator = np.random.default_rng(0)
    edition = editions.load(EDITION)
    axes = snapshots.Axes.of(edition, RULESET, edition.hardware_class, HARDWARE)
    teams = Team.objects.bulk_create(Team(name=f"Team {n}", slug=f"team-{n}") for n in range(50))
    rows = Submission.objects.bulk_create(
        Submission(
            team=teams[n % len(teams)],
            name=f"Invented {n}",
            slug=f"invented-{n}",
            edition=EDITION,
            revision=edition.revision,
            ruleset=RULESET,
            hardware_class=edition.hardware_class,
            hardware_model=HARDWARE,
            framework=("jax", "pytorch")[n % 2],
            status=Submission.Status.PUBLISHED,
            authors="Ada Example, Ben Example, Cem Example",
            affiliation="Example Institute",
            is_baseline=n == 0,
            style_slot=None if n == 0 else n,
        )
        for n in range(count)
    )
    entries = [
        snapshots.Entry(
            id=row.pk,
            slug=row.slug,
            name=row.name,
            team=row.team.name,
            is_baseline=row.is_baseline,
            curves={column.name: _studies(column, generator) for column in axes.columns},
        )
        for row in rows
    ]
    board = Board.objects.create(
        edition=EDITION,
        revision=edition.revision,
        ruleset=RULESET,
        hardware_class=edition.hardware_class,
        hardware_model=HARDWARE,
    )
    document = snapshots.make_document(axes, entries, [])
    standings.publish_document(board, document, f"{count} invented submissions.")


def _studies(column: Any, generator: np.random.Generator) -> dict[int, dict[int, Any]]:
    """Times around half of the budget; one workload in ten is missed."""
    import scoring

    missed = generator.random() < 0.1
    value = column.target + (0.0 if not missed else -1.0 if column.higher_is_better else 1.0)
    share = generator.lognormal(-0.7, 0.4)
    times_s = [float(column.budget_s * share * generator.uniform(0.95, 1.05)) for _ in range(column.studies)]
    return {study: {1: scoring.read_curve([time_s], [value])} for study, time_s in enumerate(times_s, start=1)}


if __name__ == "__main__":
    assert os.environ.get("DJANGO_SETTINGS_MODULE")
    django.setup()
    make(int(sys.argv[1]))
