"""A board as a folder of plain files that needs no site: a page, tables, pictures, every run, and their hashes.

The same snapshot always gives the same bytes, so two archives can be compared by their manifests.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

from leaderboard import board_csv, board_text, charts, figures, tables
from leaderboard.errors import ArchiveExists
from leaderboard.models import Snapshot, Standing, Submission
from leaderboard.run_document import run_document

MANIFEST, SUMS = "MANIFEST.json", "SHA256SUMS"


def export(snapshot: Snapshot, to: Path) -> dict[str, Any]:
    """Writes the archive to a folder that is empty or not there yet; whole or not at all. Returns its manifest.

    Raises:
        ArchiveExists: the folder holds something already.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise ArchiveExists(f"{to} is not empty. Name a folder that is not there yet, or remove it first.")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=f".{to.name}-") as scratch:
        building = Path(scratch) / "board"
        building.mkdir()
        for name, parts in _files(snapshot):
            _write(building / name, parts)
        manifest = _manifest(snapshot, building)
        if to.exists():
            to.rmdir()
        shutil.move(building, to)
    return manifest


def _files(snapshot: Snapshot) -> Iterator[tuple[str, Iterable[str]]]:
    """Every file with its text in parts, so that large ones are never in memory as a whole."""
    standings = list(Standing.objects.for_table(snapshot))
    style = finders.find("leaderboard/design.css")
    yield "design.css", [Path(style).read_text() if isinstance(style, str) else ""]
    if not snapshot.is_printed and standings:
        yield "profile.svg", [charts.standalone_svg(figures.profile(snapshot, standings))]
        yield "trials.csv", board_csv.trials(snapshot)
    yield "scores.csv", board_csv.scores(snapshot, standings)
    yield "times.csv", board_csv.times(snapshot, standings)
    yield "board.json", [_json(board_text.document_of(snapshot))]
    yield "cite.bib", [board_text.bibtex(snapshot)]
    yield "index.html", [_page(snapshot, standings)]
    for standing in standings:
        yield (
            f"submissions/{standing.submission.slug}.json",
            [_json(submission_document(snapshot, standing.submission))],
        )


def submission_document(snapshot: Snapshot, submission: Submission) -> dict[str, Any]:
    """Who entered it, where it is from, and its whole run. Of a printed board no run, also when one was imported."""
    names = ("slug", "name", "version", "authors", "affiliation", "description", "paper_url", "licence", "origin",
             "source", "source_url", "archive_sha256", "bundle_sha256")  # fmt: skip
    about = {**{name: getattr(submission, name) for name in names}, "team": submission.team.name}
    if not snapshot.is_printed:
        return {**about, "run": run_document(submission)}
    source = snapshot.head["sources"][0]
    return {**about, "origin": "printed", "source": source["text"], "source_url": source["url"], "run": None}


def _page(snapshot: Snapshot, standings: list[Standing]) -> str:
    context = {
        "snapshot": snapshot,
        "board": snapshot.board,
        "head": snapshot.head,
        "address": board_text.address_of(snapshot),
        "licence": board_text.LICENCE,
        "columns": tables.columns_of(snapshot.head),
        "rows": tables.rows_of(snapshot.head, standings),
        "held_out": [entry for entry in snapshot.head.get("workloads", ()) if entry["role"] == "held_out"],
        "left_out": snapshot.document.get("leave_one_out", ()),
        "not_ranked": snapshot.document.get("not_ranked", ()),
    }
    return render_to_string("leaderboard/archive.html", context)


def _write(path: Path, parts: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _manifest(snapshot: Snapshot, folder: Path) -> dict[str, Any]:
    """Hashes of every file, as JSON and in the form that `sha256sum --check` reads."""
    board = snapshot.board
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = [
        {"path": path.relative_to(folder).as_posix(), "nbytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in paths
    ]
    manifest = {
        "edition": board.edition,
        "revision": board.revision,
        "ruleset": board.ruleset,
        "hardware_class": board.hardware_class,
        "hardware_model": board.hardware_model,
        "snapshot": snapshot.number,
        "created_at": snapshot.created_at.isoformat(timespec="seconds"),
        "address": board_text.address_of(snapshot),
        "licence": board_text.LICENCE,
        "files": files,
    }
    _write(folder / MANIFEST, [_json(manifest)])
    _write(folder / SUMS, [f"{entry['sha256']}  {entry['path']}\n" for entry in files])
    return manifest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
