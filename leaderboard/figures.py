"""Rows -> charts: standings become profiles, evaluations become training curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.urls import reverse

import scoring
from leaderboard import charts
from leaderboard.models import Evaluation, Snapshot, Standing, Submission
from leaderboard.results import TrialRow, metric_value
from leaderboard.wording import metric_label


def profile(
    snapshot: Snapshot, standings: Sequence[Standing], *, axis: str = "log", shown: Sequence[str] = ()
) -> charts.Chart:
    """The performance profiles of a snapshot.

    Args:
        standings: best first, with their submissions loaded; of a large board only those to draw in colour.
        shown: slugs to draw in colour; without any, the top five and the baseline.
    """
    head = snapshot.head
    base = [entry["name"] for entry in head["workloads"] if entry["role"] == "base"]
    lines = [_profile_line(standing, base, head["tau_max"]) for standing in standings]
    is_part = len(lines) < head.get("ranked", 0)
    return charts.performance_profile(
        lines if is_part else charts.choose_in_colour(lines, shown),
        band=_band(head) if is_part else None,
        num_workloads=len(base),
        tau_max=head["tau_max"],
        revision=f"{snapshot.pk}",
        axis=axis,
    )


def _band(head: Mapping[str, Any]) -> charts.Band | None:
    """Where all profiles of a large board lie; None for a snapshot that was stored before this was."""
    if not head.get("band"):
        return None
    taus = scoring.tau_grid(head["tau_max"]).tolist()
    return charts.Band(count=head["ranked"], taus=taus, low=head["band"]["low"], high=head["band"]["high"])


def _profile_line(standing: Standing, base: Sequence[str], tau_max: float) -> charts.ProfileLine:
    submission = standing.submission
    cells = [standing.cells.get(name) or {} for name in base]
    ratios = np.array([math.inf if cell.get("ratio") is None else cell["ratio"] for cell in cells])
    return charts.ProfileLine(
        slug=submission.slug,
        name=str(submission),
        url=submission.get_absolute_url(),
        score=standing.benchmark_score,
        steps=tuple(scoring.profile_steps(ratios, tau_max=tau_max)),
        style=charts.submission_style(submission.style_slot, is_baseline=submission.is_baseline),
        is_baseline=submission.is_baseline,
    )


def curves(
    submission: Submission, rows: Sequence[TrialRow], evaluations: Sequence[Evaluation], *, axis: str = "time"
) -> charts.Chart:
    """The validation metric of trials of one workload.

    Args:
        rows: at least one, all of the same workload.
        evaluations: of the attempts of these rows, in order.
    """
    workload = rows[0].workload
    return charts.training_curves(
        [_curve_line(submission, row, evaluations) for row in rows],
        metric=metric_label(workload.metric.name),
        target=workload.target.validation,
        higher_is_better=workload.metric.higher_is_better,
        budget_s=rows[0].budget_s,
        revision=f"{submission.pk}-{submission.row_version}",
        axis=axis,
        log_y=workload.metric.name == "loss",
    )


def _curve_line(submission: Submission, row: TrialRow, evaluations: Sequence[Evaluation]) -> charts.CurveLine:
    trial = row.trial
    own = [entry for entry in evaluations if row.attempt is not None and entry.attempt_id == row.attempt.pk]
    points = tuple(
        charts.Point(time_s=entry.charged_s, step=entry.step, value=metric_value(entry, row.workload)) for entry in own
    )
    key = f"t{trial.number}"
    return charts.CurveLine(
        key=key,
        name=f"Trial {trial.number}",
        style=charts.trial_style(trial.number),
        points=points,
        hit=next((index for index, entry in enumerate(own) if entry.reached_validation), None),
        url=reverse("trial", args=[submission.slug, row.workload.name, trial.study.number, trial.number]),
    )
