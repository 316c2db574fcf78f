"""A board's snapshot -> its charts. Everything they show is stored; nothing is scored here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.urls import reverse

from leaderboard import charts, tables
from leaderboard.models import Attempt, Evaluation, Snapshot, Standing, Submission
from leaderboard.wording import metric_label, workload_label
from workloads.spec import Metric

TOP_CURVES = 6
TrialKey = tuple[int, int, int]
"""Submission, number of the study, number of the trial."""


def style_of(submission: Submission) -> charts.Style:
    return charts.submission_style(submission.style_slot, is_baseline=submission.is_baseline)


def entries(document: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """The base or the held-out workloads of a snapshot, in the edition's order."""
    return [entry for entry in document.get("workloads", []) if entry["role"] == role]


def base_of(document: Mapping[str, Any], variant: Mapping[str, Any]) -> str:
    """The name of the base workload that a held-out variant belongs to."""
    names = [entry["name"] for entry in entries(document, "base") if entry["base"] == variant["base"]]
    return names[0] if names else str(variant["base"])


def word_of(cell: Mapping[str, Any] | None) -> str:
    """`inf` or `NaN` for a cell without a time."""
    return "NaN" if not cell or cell.get("reason") == "not_measured" else "inf"


def pair_of(name: str, standing: Standing, base: str, variant: str) -> charts.Pair:
    """One submission on one held-out variant."""
    ours, held_out = (standing.cells.get(workload) or {} for workload in (base, variant))
    return charts.Pair(
        name=name,
        url=standing.submission.get_absolute_url(),
        style=style_of(standing.submission),
        base=ours.get("multiple"),
        held_out=held_out.get("multiple"),
        base_word=word_of(ours),
        held_out_word=word_of(held_out),
    )


def dumbbell(snapshot: Snapshot, standings: Sequence[Standing], variant: Mapping[str, Any]) -> charts.Chart:
    """All submissions on one held-out variant, best ranked first."""
    base = base_of(snapshot.head, variant)
    return charts.held_out_dumbbells(
        [pair_of(str(row.submission), row, base, variant["name"]) for row in standings],
        title=workload_label(variant["name"], variant["base"]),
        limit=snapshot.head["tau_max"],
        revision=str(snapshot.pk),
        uid=f"held-out-{variant['name']}",
    )


def held_out_of(snapshot: Snapshot, standing: Standing) -> charts.Chart | None:
    """One submission on all held-out variants; None for an edition without any."""
    head = snapshot.head
    variants = entries(head, "held_out")
    if not variants:
        return None
    pairs = [
        pair_of(workload_label(entry["name"], entry["base"]), standing, base_of(head, entry), entry["name"])
        for entry in variants
    ]
    return charts.held_out_dumbbells(
        pairs,
        title="Held-out robustness",
        limit=head["tau_max"],
        revision=str(snapshot.pk),
        uid="held-out",
        rows_are="variants",
    )


def left_out(snapshot: Snapshot) -> list[str]:
    """The workloads that are left out in turn: all base workloads, unless there is only one."""
    names = [entry["name"] for entry in entries(snapshot.head, "base")]
    return names if len(names) > 1 else []


def stability_columns(snapshot: Snapshot) -> list[str]:
    """`All 8`, `− Criteo`, …"""
    names = left_out(snapshot)
    return [f"All {len(entries(snapshot.head, 'base'))}", *(f"− {workload_label(name)}" for name in names)]


def ranks(snapshot: Snapshot, standings: Sequence[Standing], shown: Sequence[str] = ()) -> charts.Chart:
    """The rank of the first twelve, or of those asked for, with every workload left out in turn."""
    names = left_out(snapshot)
    chosen = [row for row in standings if row.submission.slug in set(shown)] or list(standings)
    lines = []
    for row in chosen[: charts.MOST_RANK_LINES]:
        others = [row.facts["leave_one_out"][name] for name in names]
        lines.append(
            charts.RankLine(
                slug=row.submission.slug,
                name=str(row.submission),
                url=row.submission.get_absolute_url(),
                style=style_of(row.submission),
                ranks=(row.rank, *(other["rank"] for other in others)),
                scores=(row.benchmark_score, *(other["score"] for other in others)),
            )
        )
    return charts.rank_stability(lines, stability_columns(snapshot), of=len(standings), revision=str(snapshot.pk))


def speed(snapshot: Snapshot, standings: Sequence[Standing]) -> charts.Chart:
    """Speed where it counts against the number of workloads that count."""
    points = [
        charts.SpeedPoint(
            slug=row.submission.slug,
            name=str(row.submission),
            url=row.submission.get_absolute_url(),
            style=style_of(row.submission),
            ratio=row.facts["ratio_mean"],
            counts=row.facts["counts"],
            is_baseline=row.submission.is_baseline,
        )
        for row in standings
    ]
    count = len(entries(snapshot.head, "base"))
    return charts.speed_and_coverage(points, num_workloads=count, revision=str(snapshot.pk))


def bars(snapshot: Snapshot, standings: Sequence[Standing], column: tables.Column) -> charts.Chart:
    """All times on one workload, the fastest first."""
    rows = []
    for standing in standings:
        cell = tables.cell_of(column, standing.cells.get(column.name))
        rows.append(
            charts.Bar(
                slug=standing.submission.slug,
                name=str(standing.submission),
                url=standing.submission.get_absolute_url(),
                time_s=cell.time_s,
                fraction=cell.fraction,
                mark=cell.mark,
                is_baseline=standing.submission.is_baseline,
            )
        )
    label = workload_label(column.name)
    return charts.workload_bars(rows, workload=label, budget_s=column.budget_s, revision=str(snapshot.pk))


def best_trials(standings: Sequence[Standing], workload: str) -> dict[TrialKey, Standing]:
    """The fastest trial on a workload of each of the six fastest submissions, the fastest first."""
    found = []
    for standing in standings:
        studies = (standing.cells.get(workload) or {}).get("study_times", [])
        timed = [study for study in studies if study["time_s"] is not None and study.get("trial") is not None]
        if timed:
            best = min(timed, key=lambda study: study["time_s"])
            found.append((best["time_s"], standing, (standing.submission_id, best["study"], best["trial"])))
    found.sort(key=lambda row: row[0])
    return {key: standing for _, standing, key in found[:TOP_CURVES]}


def attempts_of(workload: str, trials: Collection[TrialKey]) -> dict[TrialKey, Attempt]:
    """The attempt that counts of each of some trials, with the trial, in one query."""
    if not trials:
        return {}
    rows = Attempt.objects.for_best_curves(workload, trials)
    found = {(row.trial.study.submission_id, row.trial.study.number, row.trial.number): row for row in rows}
    return {key: found[key] for key in trials if key in found}


def best_curves(
    snapshot: Snapshot,
    column: tables.Column,
    wanted: Mapping[TrialKey, Standing],
    attempts: Mapping[TrialKey, Attempt],
    *,
    axis: str = "time",
) -> charts.Chart | None:
    """The curve of one trial of each of some submissions, in one query; None where no evaluation is kept.

    Args:
        wanted: by trial, as `best_trials` chooses them.
    """
    keys = {attempt.pk: key for key, attempt in attempts.items()}
    points: dict[TrialKey, list[charts.Point]] = {}
    for row in Evaluation.objects.for_curves(attempts.values()) if attempts else ():
        value = row.metrics.get(f"validation/{column.metric}") if row.is_valid else None
        point = charts.Point(time_s=row.charged_s, step=row.step, value=value)
        points.setdefault(keys[row.attempt_id], []).append(point)
    lines = [_best_line(wanted[key], key, column, points[key]) for key in wanted if points.get(key)]
    if not lines:
        return None
    return charts.training_curves(
        lines,
        metric=metric_label(column.metric),
        target=column.target,
        higher_is_better=column.higher_is_better,
        budget_s=column.budget_s,
        revision=str(snapshot.pk),
        title=f"Best curves on {column.label}",
        axis=axis,
        log_y=column.metric == "loss",
        lines_are="submission",
    )


def _best_line(
    standing: Standing, key: TrialKey, column: tables.Column, points: Sequence[charts.Point]
) -> charts.CurveLine:
    submission = standing.submission
    metric = Metric(name=column.metric, higher_is_better=column.higher_is_better)
    hit = next((index for index, point in enumerate(points) if metric.reaches(point.value, column.target)), None)
    return charts.CurveLine(
        key=submission.slug,
        name=str(submission),
        style=style_of(submission),
        points=tuple(points),
        hit=hit,
        url=reverse("trial", args=[submission.slug, column.name, *key[1:]]),
    )
