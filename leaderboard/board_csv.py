"""A snapshot as tables: full precision, `inf` and `NaN` as words, marks apart, and in every row what it belongs to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from leaderboard import tables
from leaderboard.board_text import LICENCE
from leaderboard.models import Snapshot, Standing, Trial

ABOUT = ("edition", "revision", "ruleset", "hardware", "snapshot", "licence", "origin")
"""The first columns of every table: a file says by itself what it is."""


class _Echo:
    """A file that gives each line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def scores(snapshot: Snapshot, standings: Iterable[Standing]) -> Iterator[str]:
    """Lines: one a standing, with the scores of both rule sets and everything beside them."""
    head = ["rank", "submission", "slug", "team", "framework", "score", "score_published", "score_documented", "counts",
            "rank_best", "rank_worst", "rank_interval_low", "rank_interval_high", "wins", "time_ratio_to_baseline",
            "score_without_held_out", "rank_without_held_out", "trials", "charged_s", "saved_by_racing_s"]  # fmt: skip
    return _lines(snapshot, head, (_score_row(row) for row in standings))


def _score_row(standing: Standing) -> list[Any]:
    facts, submission = standing.facts, standing.submission
    interval = facts.get("interval") or [None, None]
    without, effort = facts.get("without_held_out") or {}, facts.get("effort") or {}
    return [
        standing.rank, str(submission), submission.slug, submission.team.name, submission.framework,
        standing.benchmark_score, standing.published_score, standing.documented_score, facts.get("counts"),
        standing.rank_best, standing.rank_worst, *interval, facts.get("wins"), standing.speedup,
        without.get("score"), without.get("rank"), effort.get("trials"), effort.get("charged_s"), effort.get("saved_s"),
    ]  # fmt: skip


def times(snapshot: Snapshot, standings: Iterable[Standing]) -> Iterator[str]:
    """Lines: one a standing and workload, held-out variants included."""
    head = ["submission", "slug", "workload", "role", "metric", "target", "budget_s", "time_s", "fraction",
            "ratio_to_fastest", "mark", "counts", "because", "rank", "studies_reached", "studies"]  # fmt: skip
    entries = snapshot.head.get("workloads", [])
    rows = (
        _time_row(standing, entry, standing.cells[entry["name"]])
        for standing in standings
        for entry in entries
        if entry["name"] in standing.cells
    )
    return _lines(snapshot, head, rows)


def _time_row(standing: Standing, entry: dict[str, Any], stored: dict[str, Any]) -> list[Any]:
    cell = tables.cell_of(tables.column_of(entry), stored)
    word = cell.mark if cell.mark in ("inf", "NaN") else None
    return [
        str(standing.submission), standing.submission.slug, entry["name"], entry["role"], entry["metric"],
        entry["target"], entry["budget_s"], cell.time_s if cell.time_s is not None else word,
        cell.fraction if cell.fraction is not None else word, cell.ratio, cell.mark, "yes" if cell.counts else "no",
        cell.held_out, stored.get("rank"), stored.get("reached"), stored.get("studies"),
    ]  # fmt: skip


def trials(snapshot: Snapshot) -> Iterator[str]:
    """Lines: one a trial of every ranked submission, read as they are asked for; a point is one JSON object.

    A printed board has none, although logs of the same submissions may have been imported since.
    """
    head = ["submission", "slug", "workload", "study", "trial", "seed", "ending", "charged_s", "time_to_target_s",
            "raced", "hyperparameters"]  # fmt: skip
    return _lines(snapshot, head, () if snapshot.is_printed else Trial.objects.for_download(snapshot))


def _lines(snapshot: Snapshot, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    board = snapshot.board
    hardware, origin = board.hardware_model or board.hardware_class, snapshot.head.get("origin", "run")
    about = [board.edition, board.revision, board.ruleset, hardware, snapshot.number, LICENCE, origin]
    writer: Any = csv.writer(_Echo(), lineterminator="\n")
    yield writer.writerow([*ABOUT, *head])
    for row in rows:
        yield writer.writerow([_harmless(value) for value in (*about, *row)])


def _harmless(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula gets an apostrophe in front."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return "" if value is None else value
