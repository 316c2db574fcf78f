"""The board that an address means, and what all its pages have in common: head, tabs, ruleset and edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import reverse

from leaderboard.board_figures import entries
from leaderboard.models import Board, Snapshot, Standing
from leaderboard.models.submissions import RULESETS
from workloads import editions
from workloads.spec import Edition, Ruleset


@dataclass(frozen=True, kw_only=True)
class OpenBoard:
    """One ruleset of an edition as a reader asked for it; without a snapshot while nothing is ranked."""

    edition: Edition
    ruleset: str
    boards: list[Board]  # of this edition, both rulesets, the newest first
    board: Board | None
    snapshot: Snapshot | None
    kept: str = ""  # the part of the query that says which hardware and which snapshot

    @property
    def head(self) -> Mapping[str, Any]:
        """What the snapshot says about itself; empty without one."""
        return self.snapshot.head if self.snapshot else {}

    @property
    def is_old(self) -> bool:
        """True for a snapshot that has been followed by another one."""
        return self.board is not None and self.snapshot is not None and self.snapshot.pk != self.board.current_id

    def standings(self) -> list[Standing]:
        """All standings, best first, in one query."""
        return list(Standing.objects.for_table(self.snapshot).defer("profile")) if self.snapshot else []

    def workload(self, name: str) -> dict[str, Any]:
        """One base workload. Raises Http404 for one that this board does not have."""
        return self._column(name, "base")

    def variant(self, name: str) -> dict[str, Any]:
        """One held-out variant. Raises Http404 likewise."""
        return self._column(name, "held_out")

    def _column(self, name: str, role: str) -> dict[str, Any]:
        found = next((entry for entry in entries(self.head, role) if entry["name"] == name), None)
        if found is None:
            raise Http404
        return found


def open_board(request: HttpRequest, edition: str, ruleset: str) -> OpenBoard:
    """The newest board that ranks something, or the one of `hardware`; its present snapshot, or number `snapshot`.

    Raises Http404 for an edition or a ruleset that does not exist.
    """
    if edition not in editions.names() or ruleset not in dict(RULESETS):
        raise Http404
    boards = sorted(Board.objects.for_pages(edition), key=_ranks_nothing)  # else in the order of the query
    own = [entry for entry in boards if entry.ruleset == ruleset]
    wanted = request.GET.get("hardware", "")
    chosen = next((entry for entry in own if entry.hardware_model == wanted), own[0] if own else None)
    return OpenBoard(
        edition=editions.load(edition),
        ruleset=ruleset,
        boards=boards,
        board=chosen,
        snapshot=_snapshot(request, chosen) if chosen else None,
        kept=urlencode([(name, request.GET[name]) for name in ("hardware", "snapshot") if request.GET.get(name)]),
    )


def _ranks_nothing(board: Board) -> bool:
    return board.current is None or not board.current.head.get("ranked")


def opened_or_404(request: HttpRequest, edition: str, ruleset: str) -> tuple[OpenBoard, Snapshot]:
    """The same, for pages that have nothing to say without a snapshot."""
    opened = open_board(request, edition, ruleset)
    if opened.snapshot is None:
        raise Http404
    return opened, opened.snapshot


def _snapshot(request: HttpRequest, board: Board) -> Snapshot | None:
    number = request.GET.get("snapshot", "")
    current = board.current
    if not number.isdecimal() or (current is not None and str(current.number) == number):
        return current
    older = Snapshot.objects.filter(board=board, number=int(number[:9])).defer("document").first()
    return older or current


def frame(opened: OpenBoard, tab: str) -> dict[str, Any]:
    """What the head of every page of a board shows."""
    edition, head = opened.edition, opened.head
    base = entries(head, "base")
    rules = Ruleset(opened.ruleset)
    return {
        "edition": edition,
        "editions": [editions.load(name) for name in editions.names()],
        "ruleset": opened.ruleset,
        "rulesets": [_ruleset(opened, value, name) for value, name in RULESETS],
        "boards": [entry for entry in opened.boards if entry.ruleset == opened.ruleset],
        "board": opened.board,
        "snapshot": opened.snapshot,
        "is_old": opened.is_old,
        "head": head,
        "ranked": head.get("ranked", 0),
        "workload_count": len(base or edition.workloads),
        "held_out": entries(head, "held_out"),
        "numbers": {
            "studies": base[0]["studies"] if base else edition.studies[rules],
            "trials": head.get("trials") or edition.trials[rules],
        },
        "tau_max": head.get("tau_max", edition.tau_max),
        "rules": head.get("rules", edition.rules),
        "tabs": _tabs(opened, tab),
        "may_fill": edition.accepts_submissions and edition.hardware_class == settings.LOCAL_HARDWARE_CLASS,
    }


def _ruleset(opened: OpenBoard, value: str, name: str) -> dict[str, Any]:
    newest = next((entry for entry in opened.boards if entry.ruleset == value), None)
    shown = opened.snapshot if value == opened.ruleset else newest.current if newest else None
    return {
        "name": name,
        "href": reverse("board", args=[opened.edition.name, value]),
        "current": value == opened.ruleset,
        "count": shown.head.get("ranked", 0) if shown else 0,
    }


def _tabs(opened: OpenBoard, current: str) -> list[dict[str, Any]]:
    """The pages of a board; those that have nothing to show are left out."""
    head = opened.head
    tabs = [("board", "Ranking"), ("workloads", "Workloads")]
    if opened.snapshot is not None and not opened.snapshot.is_printed:
        if entries(head, "held_out"):
            tabs.append(("robustness", "Robustness"))
        if len(entries(head, "base")) > 1:
            tabs.append(("stability", "Stability"))
    address = [opened.edition.name, opened.ruleset]
    query = f"?{opened.kept}" if opened.kept else ""
    return [
        {"text": text, "href": reverse(name, args=address) + query, "current": name == current} for name, text in tabs
    ]
