"""Boards that ship with the site, so that a newcomer's first page is a real one: loaded once, frozen, apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from leaderboard import reports, shipping, standings
from leaderboard.lifecycle.history import Attribution, Run, record_shipped
from leaderboard.models import Attempt, Board, Evaluation, Snapshot, Trial
from leaderboard.snapshots import Axes
from sandbox_runner.protocol import Ending
from workloads import editions


def load_shipped_boards(path: Path = shipping.FIXTURE) -> list[Snapshot]:
    """Stores the shipped boards that are not there yet; returns the new snapshots. Without the file, none.

    Raises:
        NotReady: the file is damaged.
    """
    if not path.exists():
        return []
    document = shipping.read(path)
    made = [_load(board, document["measured"]) for board in document["boards"]]
    return [snapshot for snapshot in made if snapshot is not None]


@transaction.atomic
def _load(packed: Mapping[str, Any], measured: Mapping[str, Any]) -> Snapshot | None:
    day = date.fromisoformat(measured["date"])
    axes = Axes.from_document(packed["axes"])
    # The same processor here and there is two machines all the same: the name keeps their boards apart.
    model = axes.hardware_model[:90] or axes.hardware_class
    axes = replace(axes, hardware_model=f"{model}, shipped {day:%-d %b %Y}")
    identity = (axes.edition, axes.revision, axes.ruleset, axes.hardware_class, axes.hardware_model)
    names = ("edition", "revision", "ruleset", "hardware_class", "hardware_model")
    board = Board.objects.filter(**dict(zip(names, identity, strict=True))).first()
    if (board is not None and board.current_id is not None) or not _is_known(axes):
        return None
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for submission in packed["submissions"]:
        _store(axes, submission, measured, moment)
    snapshot = standings.recompute_board(
        *identity, reason="Shipped with the site.", thaw=True, axes=axes, moment=moment
    )
    Board.objects.filter(pk=snapshot.board_id).update(is_frozen=True)
    return snapshot


def _is_known(axes: Axes) -> bool:
    """False for a board of workloads that this version does not have any more: its pages could not be shown."""
    if axes.edition not in editions.names():
        return False
    edition = editions.load(axes.edition)
    known = {workload.name for workload in (*edition.workloads, *edition.held_out)}
    return known >= {column.name for column in axes.columns}


def _store(axes: Axes, packed: Mapping[str, Any], measured: Mapping[str, Any], moment: datetime) -> None:
    about = Attribution(
        key=f"{packed['slug']} {axes.revision} {measured['date']}",
        name=packed["name"],
        team=packed["team"],
        authors=packed["authors"],
        affiliation=packed["affiliation"],
        framework=packed["framework"],
        description=packed["description"],
        is_baseline=packed["is_baseline"],
        source=sentence(axes, measured),
        hardware_model=axes.hardware_model,
        published_at=datetime.fromisoformat(packed["finished_at"]) if packed["finished_at"] else moment,
    )
    contents = {path: text.encode() for path, text in packed["files"].items()}
    fields = {name: packed[name] for name in ("archive_sha256", "search_space_json", "licence")}
    runs = list(_runs(packed["run"], measured, about.published_at or moment))
    record_shipped(axes.edition, axes.ruleset, about, runs, contents, revision=axes.revision, **fields)


def sentence(axes: Axes, measured: Mapping[str, Any]) -> str:
    """Where these numbers are from: the words on every page that shows them."""
    day = date.fromisoformat(measured["date"])
    images = "; ".join(
        ", ".join(f"{role} image {digest.removeprefix('sha256:')[:12]}" for role, digest in sorted(pair.items()))
        for pair in measured["images"]
    )
    versions = f"Python {measured['python']}, torch {measured['torch']}, jax {measured['jax']}"
    return (
        f"Measured on {measured['hardware_model'] or 'an unnamed processor'} ({measured['hardware_class']}), "
        f"{day:%-d %B %Y}, by the sandbox of this project; not on this machine. "
        f"{versions}{f'; {images}' if images else ''}; {axes.edition} revision {axes.revision}."
    )


def _runs(run: Mapping[str, Any], measured: Mapping[str, Any], moment: datetime) -> Iterator[Run]:
    facts = {"images": measured["images"]}
    for workload in run["workloads"]:
        for study in workload["studies"]:
            for trial in study["trials"]:
                yield _run(workload["workload"], study["study"], trial, facts, moment)


def _run(workload: str, study: int, trial: Mapping[str, Any], facts: dict[str, Any], moment: datetime) -> Run:
    ending = Ending(trial["ending"])
    return Run(
        workload=workload,
        study=study,
        trial=Trial(
            number=trial["trial"],
            seed=trial["seed"],
            hyperparameters=trial["hyperparameters"],
            status=Trial.Status.FINISHED,
            ending=ending,
            message=trial["message"],
            charged_s=trial["charged_s"],
            time_to_target_s=trial["time_to_target_s"],
            is_raced=trial["raced"],
            batch_size=trial["batch_size"],
            finished_at=moment,
        ),
        attempt=Attempt(
            number=1,
            status=Attempt.Status.FINISHED,
            lease_expires_at=moment,
            leased_at=moment,
            finished_at=moment,
            charged_s=trial["charged_s"],
            ending=ending,
            message=trial["message"],
            started=facts,
        ),
        evaluations=[_evaluation(row, moment) for row in trial["evaluations"]],
    )


def _evaluation(document: Mapping[str, Any], moment: datetime) -> Evaluation:
    row = reports.evaluation(document)
    return Evaluation(
        number=row.evaluation,
        step=row.step,
        charged_s=row.charged_s,
        metrics=dict(row.metrics),
        is_valid=row.valid,
        reached_validation=row.reached_validation,
        reached_test=row.reached_test,
        sha256=row.sha256,
        note=row.note,
        created_at=moment,
    )
