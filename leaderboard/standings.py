"""Rows -> scoring arrays -> one immutable snapshot with its standings. Where `scoring` meets the database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

import scoring
from leaderboard import snapshots
from leaderboard.effort import Effort, TrialTime, add_up
from leaderboard.models import Attempt, Board, Evaluation, Snapshot, Standing, Submission, Trial
from leaderboard.snapshots import Axes, Entry
from workloads import editions

NO_LOGS = "Only its printed results are known; its logs have not been imported."


@transaction.atomic
def recompute_board(
    edition: str,
    revision: str,
    ruleset: str,
    hardware_class: str,
    hardware_model: str = "",
    *,
    reason: str = "",
    thaw: bool = False,
    axes: Axes | None = None,
    moment: datetime | None = None,
) -> Snapshot:
    """Scores a board from its published submissions and swaps in the new snapshot, all in one transaction.

    Published submissions that did not run everything are listed in the document, not ranked; withdrawn and
    disqualified ones are not published any more and take no part. Nothing new, or a frozen board: the current
    snapshot stays and is returned.

    Args:
        reason: what changed, one sentence for the change log.
        thaw: computes a frozen board too, for the import that replaces what was printed.
        axes: what the board compares, where it comes with its results; default: as its edition or last snapshot says.
        moment: of the snapshot; default: now.
    Raises:
        KeyError: an unknown edition.
        ValueError: a revision that is neither the edition's present one nor that of an earlier snapshot.
    """
    board = _locked_board(edition, revision, ruleset, hardware_class, hardware_model)
    if board.is_frozen and board.current is not None and not thaw:
        return board.current
    axes = axes or _axes(board)
    members = Submission.objects.filter(hardware_class=hardware_class, hardware_model=hardware_model)
    published = members.ranked(edition=edition, revision=revision, ruleset=ruleset).select_related("team")
    submissions = {submission.pk: submission for submission in published.order_by("pk")}
    gaps = _gaps(axes, submissions)
    complete = [submission for pk, submission in submissions.items() if pk not in gaps]
    curves, efforts = _curves(axes, complete), _efforts(axes, complete)
    entries = [_entry(submission, curves[submission.pk], efforts[submission.pk]) for submission in complete]
    others = members.not_ranked(edition=edition, ruleset=ruleset).filter(revision=revision)
    document = snapshots.make_document(axes, entries, _not_ranked(submissions, gaps, others))
    members.filter(edition=edition, revision=revision, ruleset=ruleset, awaits_standings=True).update(
        awaits_standings=False
    )
    if board.current is not None and board.current.document == document:
        return board.current
    return publish_document(board, document, reason, moment=moment)


def recompute_board_of(submission: Submission, *, reason: str = "") -> Snapshot:
    """The same for the board a submission belongs to."""
    return recompute_board(
        submission.edition,
        submission.revision,
        submission.ruleset,
        submission.hardware_class,
        submission.hardware_model,
        reason=reason,
    )


@dataclass(frozen=True, kw_only=True)
class Move:
    """What the removal of one submission does to another."""

    slug: str
    name: str
    rank_before: int
    rank_after: int
    score_before: float
    score_after: float

    @property
    def changes(self) -> bool:
        return self.rank_before != self.rank_after or self.score_before != self.score_after


def preview_removal(snapshot: Snapshot, submission: Submission) -> list[Move]:
    """How the others would stand without this submission, best first. Scored in memory, nothing is stored."""
    document = snapshot.document
    before = snapshots.board_from_document(document)
    after = snapshots.board_from_document(document, without=submission.slug)
    return [
        Move(
            slug=slug,
            name=document["submissions"][slug]["name"],
            rank_before=before.rank_of[slug],
            rank_after=after.rank_of[slug],
            score_before=before.score_of[slug],
            score_after=after.score_of[slug],
        )
        for slug in after.best_first()
    ]


def missing_runs(submission: Submission) -> str:
    """Why a submission cannot be ranked, one sentence; empty when every trial of its edition has a result."""
    axes = Axes.of(
        editions.load(submission.edition), submission.ruleset, submission.hardware_class, submission.hardware_model
    )
    return _gaps(axes, {submission.pk: submission}).get(submission.pk, "")


def _locked_board(edition: str, revision: str, ruleset: str, hardware_class: str, hardware_model: str) -> Board:
    board, _ = Board.objects.get_or_create(
        edition=edition,
        revision=revision,
        ruleset=ruleset,
        hardware_class=hardware_class,
        hardware_model=hardware_model,
    )
    return Board.objects.select_for_update(of=("self",)).select_related("current").get(pk=board.pk)


def _axes(board: Board) -> Axes:
    """From the edition while its revision is the present one, else from the board's last snapshot."""
    edition = editions.load(board.edition)
    if edition.revision == board.revision:
        return Axes.of(edition, board.ruleset, board.hardware_class, board.hardware_model)
    if board.current is not None:
        return Axes.from_document(board.current.document)
    raise ValueError(
        f"Edition {board.edition} has revision {edition.revision}; nothing is known about revision {board.revision}."
    )


def _gaps(axes: Axes, submissions: Mapping[int, Submission]) -> dict[int, str]:
    """By submission that lacks results: what is missing, one sentence.

    What was measured elsewhere was complete by the rules of its time: gaps in its logs are results.
    """
    run = [pk for pk, submission in submissions.items() if submission.origin == Submission.Origin.RUN]
    trials = Trial.objects.filter(study__submission__in=run)
    counts: dict[int, dict[str, set[int]]] = {pk: defaultdict(set) for pk in run}
    finished = Count("pk", filter=Q(status=Trial.Status.FINISHED))
    rows = trials.order_by().values_list("study__submission_id", "study__workload", "study__number")
    for pk, workload, study, done, total in rows.annotate(done=finished, total=Count("pk")):
        if done == total and done >= axes.trials:
            counts[pk][workload].add(study)
    gaps = {pk: NO_LOGS for pk, row in submissions.items() if row.origin == Submission.Origin.PRINTED}
    for pk, by_workload in counts.items():
        ready = [column for column in axes.columns if len(by_workload[column.name]) >= column.studies]
        if len(ready) < len(axes.columns):
            gaps[pk] = f"Ran {len(ready)} of {len(axes.columns)} workloads in full."
    return gaps


def _curves(axes: Axes, submissions: Iterable[Submission]) -> dict[int, snapshots.Curves]:
    """Every measured curve by submission, workload, study and trial, in one query."""
    keys = {column.name: column.metric_key for column in axes.columns}
    rows = Evaluation.objects.filter(
        attempt__status=Attempt.Status.FINISHED,
        attempt__trial__status=Trial.Status.FINISHED,
        attempt__trial__study__submission__in=[submission.pk for submission in submissions],
        attempt__trial__study__workload__in=list(keys),
    ).order_by("attempt__trial_id", "number")
    study = "attempt__trial__study"
    read = rows.values_list(
        f"{study}__submission_id",
        f"{study}__workload",
        f"{study}__number",
        "attempt__trial__number",
        "charged_s",
        "is_valid",
        "metrics",
    )
    points: dict[tuple[int, str, int, int], tuple[list[float], list[float | None]]] = defaultdict(lambda: ([], []))
    for pk, workload, number, trial, charged_s, is_valid, metrics in read.iterator():
        times, values = points[pk, workload, number, trial]
        times.append(charged_s)
        values.append(metrics.get(keys[workload]) if is_valid else None)
    nested: dict[int, dict[str, dict[int, dict[int, scoring.Curve]]]] = defaultdict(dict)
    for (pk, workload, number, trial), (times, values) in points.items():
        curve = scoring.read_curve(times, values)
        nested[pk].setdefault(workload, {}).setdefault(number, {})[trial] = curve
    return defaultdict(dict, nested)


def _efforts(axes: Axes, submissions: Iterable[Submission]) -> dict[int, Effort]:
    """What the trials of each submission cost, in one query."""
    budgets_s = axes.budgets_s
    rows = Trial.objects.filter(
        status=Trial.Status.FINISHED,
        study__submission__in=[submission.pk for submission in submissions],
        study__workload__in=list(budgets_s),
        charged_s__isnull=False,
    ).order_by()
    names = ("study__submission_id", "study__workload", "study__number", "number")
    trials: dict[int, list[TrialTime]] = defaultdict(list)
    for pk, workload, study, number, charged_s, reached_s, is_raced in rows.values_list(
        *names, "charged_s", "time_to_target_s", "is_raced"
    ):
        trials[pk].append(
            TrialTime(
                workload=workload,
                study=study,
                trial=number,
                charged_s=charged_s,
                time_to_target_s=reached_s,
                is_raced=is_raced,
                budget_s=budgets_s[workload],
            )
        )
    return defaultdict(Effort, {pk: add_up(listed) for pk, listed in trials.items()})


def _entry(submission: Submission, curves: snapshots.Curves, effort: Effort) -> Entry:
    return Entry(
        id=submission.pk,
        slug=submission.slug,
        name=str(submission),
        team=submission.team.name,
        is_baseline=submission.is_baseline,
        curves=curves,
        effort=effort,
        origin=submission.origin,
        source=submission.source,
        source_url=submission.source_url,
    )


def _not_ranked(
    published: Mapping[int, Submission], gaps: Mapping[int, str], others: Iterable[Submission]
) -> list[dict[str, str]]:
    incomplete = [(published[pk], str(Submission.Status.INCOMPLETE), reason) for pk, reason in gaps.items()]
    rest = [(other, other.status, other.status_note) for other in others if other.pk not in published]
    return [
        {"submission": submission.slug, "name": str(submission), "status": status, "reason": reason}
        for submission, status, reason in (*incomplete, *rest)
    ]


def publish_document(
    board: Board, document: Mapping[str, Any], reason: str, *, moment: datetime | None = None
) -> Snapshot:
    """Stores a document as the board's next snapshot with its standings, and shows it from now on."""
    number = 1 if board.current is None else board.current.number + 1
    snapshot = Snapshot.objects.create(
        board=board,
        number=number,
        rules=document["rules"],
        reason=reason,
        document=document,
        head=snapshots.head_of(document),
        created_at=moment or timezone.now(),
    )
    Standing.objects.bulk_create(_standings(snapshot))
    board.current = snapshot
    board.save(update_fields=["current"])
    return snapshot


def _standings(snapshot: Snapshot) -> Sequence[Standing]:
    document, rules = snapshot.document, snapshot.rules
    return [
        Standing(
            snapshot=snapshot,
            submission_id=about["id"],
            rank=document["ranks"][slug]["rank"],
            rank_best=document["ranks"][slug]["best"],
            rank_worst=document["ranks"][slug]["worst"],
            benchmark_score=document["scores"][rules][slug],
            published_score=document["scores"]["published"][slug],
            documented_score=document["scores"].get("documented", {}).get(slug),
            speedup=document["ranks"][slug]["time_ratio"],
            cells=document["times"][rules][slug],
            profile=document["profile"]["rho"].get(slug, []),
            facts=snapshots.facts_of(document, slug),
        )
        for slug, about in document["submissions"].items()
    ]
