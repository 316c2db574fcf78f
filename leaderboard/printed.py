"""The boards of 2024 as they are printed: facts shipped with the site, shown until their logs are imported."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction

import scoring
from leaderboard import standings
from leaderboard.lifecycle.history import Attribution, record_printed
from leaderboard.models import Board, Snapshot, Submission
from leaderboard.snapshots import Axes
from workloads import editions

FACTS = Path(__file__).parent / "data" / "printed_v0_5.json"


def load_printed_boards() -> list[Snapshot]:
    """Stores the printed boards where there is none yet; returns the new snapshots. A second time it only looks."""
    facts: Mapping[str, Any] = json.loads(FACTS.read_text())
    made = [_load_board(facts, board) for board in facts["boards"]]
    return [snapshot for snapshot in made if snapshot is not None]


@transaction.atomic
def _load_board(facts: Mapping[str, Any], printed: Mapping[str, Any]) -> Snapshot | None:
    edition = editions.load(facts["edition"])
    axes = Axes.of(edition, printed["ruleset"], edition.hardware_class, facts["hardware_model"])
    axes = dataclasses.replace(axes, rules=scoring.PUBLISHED.name)
    board, _ = Board.objects.get_or_create(
        edition=axes.edition,
        revision=axes.revision,
        ruleset=axes.ruleset,
        hardware_class=axes.hardware_class,
        hardware_model=axes.hardware_model,
    )
    if board.current_id is not None:
        return None
    submissions = {
        entry["key"]: record_printed(edition.name, axes.ruleset, _attribution(facts, entry))
        for entry in printed["submissions"]
    }
    document = make_document(axes, facts, printed["submissions"], submissions)
    board.is_frozen = True
    board.save(update_fields=["is_frozen"])
    return standings.publish_document(board, document, "As printed; copied by hand.")


def make_document(
    axes: Axes, facts: Mapping[str, Any], printed: list[dict[str, Any]], submissions: Mapping[str, Submission]
) -> dict[str, Any]:
    """A document of `leaderboard.snapshots` that says what was printed and nothing more.

    Args:
        printed: entries of the facts, best first.
        submissions: row by key.
    """
    scores = [entry["score"] for entry in printed]
    slugs = [submissions[entry["key"]].slug for entry in printed]
    return {
        **axes.as_json(),
        "origin": "printed",
        "sources": [{"text": facts["source"], "url": facts["source_url"]}],
        "submissions": {slug: _about(submissions[entry["key"]]) for slug, entry in zip(slugs, printed, strict=True)},
        "scores": {axes.rules: dict(zip(slugs, scores, strict=True))},
        "times": {axes.rules: {slug: _cells(entry) for slug, entry in zip(slugs, printed, strict=True)}},
        "profile": {"tau": [], "rho": {}},
        "ranks": {
            slug: {
                "rank": 1 + sum(other > entry["score"] for other in scores),
                "best": None,
                "worst": None,
                "interval": None,
                "wins": None,
                "counts": sum(cell["mark"] is None for cell in entry["times"].values()) if entry["times"] else None,
                "ratio_mean": None,
                "time_ratio": None,
                "time_ratio_published": None,
            }
            for slug, entry in zip(slugs, printed, strict=True)
        },
        "leave_one_out": [],
        "without_held_out": None,
        "effort": {},
        "not_ranked": [],
    }


def _attribution(facts: Mapping[str, Any], entry: Mapping[str, Any]) -> Attribution:
    return Attribution(
        key=entry["key"],
        name=entry["name"],
        team=entry["team"],
        authors=", ".join(entry["authors"]),
        affiliation=entry["affiliation"],
        framework=entry["framework"],
        description=entry["description"],
        is_baseline=entry["key"] == "baseline",
        source=facts["source"],
        source_url=facts["source_url"],
        hardware_model=facts["hardware_model"],
        published_at=datetime.fromisoformat(f"{facts['published']}T00:00:00+00:00"),
    )


def _about(submission: Submission) -> dict[str, Any]:
    return {
        "id": submission.pk,
        "name": str(submission),
        "team": submission.team.name,
        "is_baseline": submission.is_baseline,
        "origin": submission.origin,
    }


def _cells(entry: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {workload: _cell(**cell) for workload, cell in entry["times"].items()}


_REASONS = {
    None: scoring.Reason.COUNTS,
    "inf": scoring.Reason.TARGET_MISSED,
    "NaN": scoring.Reason.NOT_MEASURED,
    "star": scoring.Reason.ABOVE_LIMIT,
    "double_dagger": None,  # how its held-out variant failed was not printed
}


def _cell(fraction: float | None, mark: str | None) -> dict[str, Any]:
    return {
        "raw_s": None,
        "final_s": None,
        "fraction": fraction,
        "ratio": None,
        "mark": mark,
        "reason": _REASONS[mark],
        "because": None,
        "reached": None,
        "studies": None,
        "study_times": [],
        "rank": None,
    }
