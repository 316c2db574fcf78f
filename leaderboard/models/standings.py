"""Boards and their immutable snapshots. `leaderboard.standings` writes them, pages only read."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.utils import timezone

from leaderboard.models.bases import AppendOnly, AppendOnlyQuerySet
from leaderboard.models.submissions import RULESETS, Submission


class BoardQuerySet(models.QuerySet["Board"]):
    def for_page(self, edition: str, ruleset: str) -> Self:
        """Boards of one edition and ruleset with their current snapshot, the newest revision first."""
        rows = self.filter(edition=edition, ruleset=ruleset).select_related("current")
        return rows.order_by("-current__created_at", "-pk")

    def for_pages(self, edition: str) -> Self:
        """Boards of one edition that show something, the newest first, without their long documents."""
        rows = self.filter(edition=edition, current__isnull=False).select_related("current")
        return rows.defer("current__document").order_by("-current__created_at", "-pk")


class Board(models.Model):
    """What may be compared: scores never mix boards."""

    edition = models.CharField(max_length=40)
    revision = models.CharField(max_length=64)
    ruleset = models.CharField(max_length=20, choices=RULESETS)
    hardware_class = models.CharField(max_length=40)
    hardware_model = models.CharField(max_length=120, blank=True)  # CPU or GPU model
    current = models.ForeignKey("Snapshot", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_frozen = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = BoardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["edition", "revision", "ruleset", "hardware_class", "hardware_model"], name="board_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.edition} {self.ruleset} on {self.hardware_model or self.hardware_class}"


class Snapshot(AppendOnly):
    """A board as it stood at one moment."""

    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="snapshots")
    number = models.PositiveIntegerField()
    rules = models.CharField(max_length=20)  # the rule set that ranks: published or documented
    reason = models.TextField(blank=True)  # what changed, one sentence
    document = models.JSONField(default=dict)  # everything that charts and downloads need, see `leaderboard.snapshots`
    head = models.JSONField(default=dict)  # the part of it that does not grow with the submissions
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["board", "number"], name="snapshot_number_once")]

    def __str__(self) -> str:
        return f"{self.board}, snapshot {self.number}"

    @property
    def is_printed(self) -> bool:
        """True when it repeats what was printed elsewhere: scores and rounded times, no measurements, no curves."""
        return bool(self.head.get("origin") == "printed")

    @property
    def is_shipped(self) -> bool:
        """True when it came with the site: measured by this project's judge on another machine."""
        return bool(self.head.get("origin") == "shipped")


class StandingQuerySet(AppendOnlyQuerySet):
    def for_table(self, snapshot: Snapshot) -> Self:
        """Standings of one snapshot, best first, with everything a row shows."""
        rows = self.filter(snapshot=snapshot).select_related("submission", "submission__team")
        return rows.order_by("rank", "submission__name")

    def on_current_boards(self, edition: str) -> Self:
        """Standings of the snapshots that boards of an edition show now."""
        return self.filter(snapshot__in=Board.objects.filter(edition=edition).values("current"))

    def for_submission(self, submission: Submission) -> Self:
        """Where a submission stands now, with its board's document."""
        rows = self.filter(submission=submission, snapshot__in=Board.objects.values("current"))
        return rows.select_related("snapshot", "snapshot__board")

    def for_comparison(self, submissions: Iterable[Submission]) -> Self:
        """Where some submissions stand now, with board and snapshot, without its long document."""
        rows = self.filter(submission__in=[row.pk for row in submissions], snapshot__in=Board.objects.values("current"))
        return rows.select_related("snapshot", "snapshot__board").defer("snapshot__document", "cells", "facts")

    def for_landing(self, count: int) -> Self:
        """The first few of every current board, best first; boards by edition, of several the newest one first."""
        rows = self.filter(snapshot__in=Board.objects.values("current"), rank__lte=count)
        rows = rows.select_related("submission", "submission__team", "snapshot__board")
        rows = rows.defer("snapshot__document", "cells", "facts", "profile")
        board = ("-snapshot__board__edition", "snapshot__board__ruleset", "-snapshot__created_at")
        return rows.order_by(*board, "rank", "submission__name")


class Standing(AppendOnly):
    """A submission's stored place in one snapshot, under both rule sets."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="standings")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="standings")
    rank = models.PositiveIntegerField()  # equal scores share a rank
    rank_best = models.PositiveIntegerField(null=True)  # with any one workload left out
    rank_worst = models.PositiveIntegerField(null=True)
    benchmark_score = models.FloatField()  # of the rule set that ranks
    published_score = models.FloatField()
    documented_score = models.FloatField(null=True)  # None: only the printed score is known
    speedup = models.FloatField(null=True)  # geometric mean against the baseline
    cells = models.JSONField(default=dict)  # per workload: time, ratio, mark, studies that reached it
    profile = models.JSONField(default=list)  # rho along the snapshot's taus
    facts = models.JSONField(default=dict)  # the rest the document says about it, see `snapshots.facts_of`

    objects = StandingQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "submission"], name="standing_once")]

    def __str__(self) -> str:
        return f"#{self.rank} {self.submission}"
