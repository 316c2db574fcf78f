"""What a snapshot of a board says, as one JSON document: from measurements to scores, ranks and marks. No database.

The document holds everything a page, a chart or a download shows, and enough to score the same board again:

    edition, revision, ruleset, hardware_class, hardware_model, rules, tau_max, trials
    origin          "run" (here), "imported" (measured elsewhere), "printed" (copied from print), "shipped" (measured by
                    this judge on another machine), or "mixed"
    sources         [{text, url}], of what was not measured here
    workloads       [{name, role, base, metric, higher_is_better, target, budget_s, studies}]
    submissions     {slug: {id, name, team, is_baseline, origin}}, best first
    scores, times   {rule set: {slug: score}}, {rule set: {slug: {workload: cell}}}
    profile         {tau: [...], rho: {slug: [...]}}, of the rule set that ranks, like all below
    ranks           {slug: {rank, best, worst, interval: [best, worst], wins, counts, ratio_mean, time_ratio,
                    time_ratio_published}}: ranks with one workload left out, ranks over resampled studies, workloads on
                    which it is the fastest, workloads that count, geometric mean of their ratios, geometric mean of
                    time over the baseline's as pages show it and as the reference code prints it
    leave_one_out   [{workload, scores, ranks}]
    without_held_out  {scores, ranks}, null for an edition without held-out variants
    effort          {slug: {trials, raced, charged_s, saved_s}}, see `leaderboard.effort`
    not_ranked      [{submission, name, status, reason}]

No number in it is inf or NaN: a cell without a time says which it was in its mark. A printed board has what was printed
(scores and rounded fractions of the budget); everything else in it is null or empty.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

import scoring
from leaderboard.effort import Effort
from workloads.spec import Edition, Ruleset, Workload

PER_SUBMISSION = (
    "submissions",
    "scores",
    "times",
    "profile",
    "ranks",
    "leave_one_out",
    "without_held_out",
    "effort",
    "not_ranked",
)
"""The sections of a document that grow with its submissions; the rest is its head."""

Curves = Mapping[str, Mapping[int, Mapping[int, scoring.Curve]]]
"""Curves of one submission by workload, study and trial."""

RESAMPLES = 200


@dataclass(frozen=True, kw_only=True)
class Column:
    """One workload of a board, with what it takes to turn its trials into a time."""

    name: str
    role: str  # "base" or "held_out"
    base: str
    metric: str
    higher_is_better: bool
    target: float
    budget_s: float
    studies: int

    @classmethod
    def of(cls, workload: Workload, edition: Edition, ruleset: Ruleset, *, held_out: bool) -> Self:
        return cls(
            name=workload.name,
            role="held_out" if held_out else "base",
            base=workload.base,
            metric=workload.metric.name,
            higher_is_better=workload.metric.higher_is_better,
            target=workload.target.validation,
            budget_s=edition.budget_s(workload, ruleset),
            studies=edition.held_out_studies if held_out else edition.studies[ruleset],
        )

    @property
    def metric_key(self) -> str:
        """Where an evaluation keeps the value that counts."""
        return f"validation/{self.metric}"


@dataclass(frozen=True, kw_only=True)
class Axes:
    """What a board compares: its identity, its columns and its rules."""

    edition: str
    revision: str
    ruleset: str
    hardware_class: str
    hardware_model: str
    rules: str
    tau_max: float
    trials: int  # a study
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, edition: Edition, ruleset: str, hardware_class: str, hardware_model: str) -> Self:
        """The axes of a present edition."""
        side = Ruleset(ruleset)
        return cls(
            edition=edition.name,
            revision=edition.revision,
            ruleset=ruleset,
            hardware_class=hardware_class,
            hardware_model=hardware_model,
            rules=edition.rules,
            tau_max=edition.tau_max,
            trials=edition.trials[side],
            columns=(
                *(Column.of(workload, edition, side, held_out=False) for workload in edition.workloads),
                *(Column.of(workload, edition, side, held_out=True) for workload in edition.held_out),
            ),
        )

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The axes a snapshot was made with: an old revision's targets live on in its snapshots."""
        names = ("edition", "revision", "ruleset", "hardware_class", "hardware_model", "rules", "tau_max", "trials")
        columns = tuple(Column(**column) for column in document["workloads"])
        return cls(**{name: document[name] for name in names}, columns=columns)

    @property
    def base(self) -> list[str]:
        return [column.name for column in self.columns if column.role == "base"]

    @property
    def held_out(self) -> dict[str, str]:
        """Base workload by held-out variant."""
        names = {column.base: column.name for column in self.columns if column.role == "base"}
        return {column.name: names[column.base] for column in self.columns if column.role == "held_out"}

    @property
    def budgets_s(self) -> dict[str, float]:
        return {column.name: column.budget_s for column in self.columns}

    def as_json(self) -> dict[str, Any]:
        document = asdict(self)
        document["workloads"] = [dict(column) for column in document.pop("columns")]
        return document


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A submission that takes part, with its measurements."""

    id: int
    slug: str
    name: str
    team: str
    is_baseline: bool
    curves: Curves
    effort: Effort = field(default_factory=Effort)
    origin: str = "run"
    source: str = ""
    source_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A board under both rule sets."""

    axes: Axes
    runtimes: Mapping[str, Mapping[str, Mapping[str, scoring.WorkloadTime]]]  # by rule set, slug and workload
    boards: Mapping[str, scoring.Board]  # by rule set

    @property
    def ranking(self) -> scoring.Board:
        return self.boards[self.axes.rules]


def score(axes: Axes, entries: Sequence[Entry]) -> Scored:
    """Times to target, gating, profiles and scores under the published and the documented rules."""
    runtimes = {
        name: {entry.slug: _runtimes(axes, entry.curves, rules) for entry in entries}
        for name, rules in scoring.RULE_SETS.items()
    }
    boards = {
        name: _board(axes, {slug: {w: t.time_s for w, t in row.items()} for slug, row in by_slug.items()}, name)
        for name, by_slug in runtimes.items()
    }
    return Scored(axes=axes, runtimes=runtimes, boards=boards)


def make_document(axes: Axes, entries: Sequence[Entry], not_ranked: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """The document of this module's docstring."""
    scored = score(axes, entries)
    board = scored.ranking
    by_slug = {entry.slug: entry for entry in entries}
    order = board.best_first()
    return {
        **axes.as_json(),
        **origins(entries),
        "submissions": {slug: _about(by_slug[slug]) for slug in order},
        "scores": {
            name: {slug: other.score_of[slug] for slug in order} for name, other in sorted(scored.boards.items())
        },
        "times": {name: _times(scored, name, order) for name in sorted(scored.boards)},
        "profile": board.as_json()["profile"],
        "ranks": _ranks(scored, entries),
        "leave_one_out": [
            {"workload": left.workload, "scores": dict(left.scores), "ranks": dict(left.ranks)}
            for left in scoring.leave_one_out(board)
        ],
        "without_held_out": _without_held_out(board),
        "effort": {slug: by_slug[slug].effort.as_json() for slug in order},
        "not_ranked": [dict(row) for row in not_ranked],
    }


def origins(entries: Sequence[Entry]) -> dict[str, Any]:
    """Who measured a board, and where the rest of it comes from."""
    found = sorted({entry.origin for entry in entries})
    sources = {(entry.source, entry.source_url) for entry in entries if entry.source}
    return {
        "origin": "run" if not found else found[0] if len(found) == 1 else "mixed",
        "sources": [{"text": text, "url": url} for text, url in sorted(sources)],
    }


def head_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a document that does not grow with its submissions, how many there are, and where profiles lie.

    band        {low: [...], high: [...]}, the 10th and the 90th percentile of all profiles at every tau; null without
                profiles. It stands for the lines of a board that has too many to draw.
    """
    head = {name: value for name, value in document.items() if name not in PER_SUBMISSION}
    return {**head, "ranked": len(document.get("submissions", ())), "band": _band(document["profile"]["rho"])}


def _band(profiles: Mapping[str, Sequence[float]]) -> dict[str, list[float]] | None:
    if not profiles:
        return None
    low, high = np.quantile(np.array(list(profiles.values())), [0.1, 0.9], axis=0)
    return {"low": low.round(6).tolist(), "high": high.round(6).tolist()}


def cells_of(head: Mapping[str, Any], cells: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One submission's cells in the order of the board's workloads, each with its workload, role and `counts`.

    Args:
        head: of the snapshot, or its whole document.
        cells: by workload, as stored.
    """
    return [
        {
            "workload": entry["name"],
            "role": entry["role"],
            **cells[entry["name"]],
            "counts": cells[entry["name"]]["reason"] == scoring.Reason.COUNTS,
        }
        for entry in head.get("workloads", ())
        if entry["name"] in cells
    ]


def facts_of(document: Mapping[str, Any], slug: str) -> dict[str, Any]:
    """Everything a document says about one submission beside its cells and its profile.

    {interval, wins, counts, ratio_mean, time_ratio_published, effort,
    leave_one_out: {workload: {score, rank}}, without_held_out: {score, rank} or null}
    """
    ranks, without = document["ranks"][slug], document["without_held_out"]
    names = ("interval", "wins", "counts", "ratio_mean", "time_ratio_published")
    return {
        **{name: ranks.get(name) for name in names},
        "effort": document["effort"].get(slug),
        "leave_one_out": {
            left["workload"]: {"score": left["scores"][slug], "rank": left["ranks"][slug]}
            for left in document["leave_one_out"]
        },
        "without_held_out": without and {"score": without["scores"][slug], "rank": without["ranks"][slug]},
    }


def board_from_document(document: Mapping[str, Any], *, without: str | None = None) -> scoring.Board:
    """The board of a snapshot again, optionally without one submission: what would its removal change?"""
    axes = Axes.from_document(document)
    times = {
        slug: {workload: _raw_s(cell) for workload, cell in cells.items()}
        for slug, cells in document["times"][axes.rules].items()
        if slug != without
    }
    return _board(axes, times, axes.rules)


def _board(axes: Axes, times: Mapping[str, Mapping[str, float]], rules: str) -> scoring.Board:
    return scoring.score_board(
        times, base=axes.base, held_out=axes.held_out, rules=scoring.rule_set(rules), tau_max=axes.tau_max
    )


def _runtimes(axes: Axes, curves: Curves, rules: scoring.RuleSet) -> dict[str, scoring.WorkloadTime]:
    return {
        column.name: scoring.workload_time_from_trials(
            curves.get(column.name, {}),
            column.target,
            higher_is_better=column.higher_is_better,
            expected_studies=column.studies,
            rules=rules,
        )
        for column in axes.columns
    }


def _about(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "name": entry.name,
        "team": entry.team,
        "is_baseline": entry.is_baseline,
        "origin": entry.origin,
    }


def _times(scored: Scored, rules: str, order: Sequence[str]) -> dict[str, Any]:
    """Cells by submission and workload, held-out variants included, with their studies."""
    board, budgets_s = scored.boards[rules], scored.axes.budgets_s
    places = {name: _places(board, name) for name in board.base}
    fastest = _fastest(board)
    return {
        slug: {
            workload: {
                **cell.as_json(budgets_s[workload]),
                **_studies(scored.runtimes[rules][slug][workload], scored.axes, workload),
                "rank": places[workload].get(slug) if workload in places else None,
                "multiple": _finite(cell.raw_s / fastest[workload]),
            }
            for workload, cell in (*board.cells[slug].items(), *board.held_out_cells[slug].items())
        }
        for slug in order
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _fastest(board: scoring.Board) -> dict[str, float]:
    """The time that the others are measured against, by workload, NaN without one: before any rule the least one, of a
    held-out variant among those that reached its base workload."""
    fastest: dict[str, float] = {}
    for cells in (*board.cells.values(), *board.held_out_cells.values()):
        for workload, cell in cells.items():
            takes_part = math.isfinite(cell.raw_s) and cell.reason is not scoring.Reason.BASE_NOT_REACHED
            fastest[workload] = min(fastest.get(workload, math.inf), cell.raw_s if takes_part else math.inf)
    return {workload: time_s if math.isfinite(time_s) else math.nan for workload, time_s in fastest.items()}


def _studies(runtime: scoring.WorkloadTime, axes: Axes, workload: str) -> dict[str, Any]:
    expected = next(column.studies for column in axes.columns if column.name == workload)
    return {
        "reached": runtime.num_reached,
        "studies": max(expected, len(runtime.studies)),
        "study_times": [
            {"study": number, "time_s": study.time_s if study.reached else None, "trial": study.trial}
            for number, study in runtime.studies.items()
        ],
    }


def _places(board: scoring.Board, workload: str) -> dict[str, int]:
    """Rank by submission on one workload, among those that count; equal times share one."""
    times = {slug: cells[workload].final_s for slug, cells in board.cells.items() if cells[workload].counts}
    ordered = sorted(times.values())
    return {slug: 1 + bisect.bisect_left(ordered, time) for slug, time in times.items()}


def _ranks(scored: Scored, entries: Sequence[Entry]) -> dict[str, Any]:
    board = scored.ranking
    ranges, wins, ratios = scoring.rank_ranges(board), board.win_counts(), _time_ratios(scored, entries)
    means = _ratio_means(board)
    intervals = scoring.rank_intervals(
        {
            slug: {workload: [study.time_s for study in t.studies.values()] for workload, t in row.items()}
            for slug, row in scored.runtimes[scored.axes.rules].items()
        },
        base=board.base,
        held_out=board.held_out,
        rules=board.rules,
        tau_max=board.tau_max,
        resamples=RESAMPLES,
    )
    return {
        slug: {
            "rank": board.rank_of[slug],
            "best": ranges[slug].best,
            "worst": ranges[slug].worst,
            "interval": [intervals[slug].best, intervals[slug].worst],
            "wins": wins[slug],
            "counts": board.num_counting(slug),
            "ratio_mean": means[slug],
            **ratios[slug],
        }
        for slug in board.best_first()
    }


def _ratio_means(board: scoring.Board) -> dict[str, float | None]:
    """Geometric mean of the ratios that count; None where none does."""
    means: dict[str, float | None] = {}
    for slug, cells in board.cells.items():
        logs = [math.log(cell.ratio) for cell in cells.values() if cell.counts]
        means[slug] = math.exp(math.fsum(logs) / len(logs)) if logs else None
    return means


def _time_ratios(scored: Scored, entries: Sequence[Entry]) -> dict[str, dict[str, float | None]]:
    """Geometric mean of time over the baseline's; without a baseline, None. Of several, the best ranked one."""
    board, budgets_s = scored.ranking, scored.axes.budgets_s
    baselines = {entry.slug for entry in entries if entry.is_baseline}
    reference = next((slug for slug in board.best_first() if slug in baselines), None)
    if reference is None:
        return {slug: {"time_ratio": None, "time_ratio_published": None} for slug in board.submissions}
    raw = {slug: {workload: cell.raw_s for workload, cell in cells.items()} for slug, cells in board.cells.items()}
    ratios: dict[str, dict[str, float | None]] = {}
    for slug, times in raw.items():
        own = scoring.geometric_mean_time_ratio(times, raw[reference], base=board.base, budgets_s=budgets_s)
        published = scoring.published_time_ratio(times, raw[reference], base=board.base, budgets_s=budgets_s)
        ratios[slug] = {"time_ratio": own, "time_ratio_published": None if math.isnan(published) else published}
    return ratios


def _without_held_out(board: scoring.Board) -> dict[str, Any] | None:
    if not board.held_out:
        return None
    other = scoring.without_held_out_rule(board)
    return {"scores": other.score_of, "ranks": other.rank_of}


def _raw_s(cell: Mapping[str, Any]) -> float:
    if cell["raw_s"] is not None:
        return float(cell["raw_s"])
    return math.nan if cell["reason"] == scoring.Reason.NOT_MEASURED else math.inf
