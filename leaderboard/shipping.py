"""The boards that ship with the site: what the references got in the sandbox of one machine, as one small file.

    format          1
    measured        {hardware_class, hardware_model, date, python, torch, jax, images: [{trainer, judge}]}
    boards          [{axes, submissions: [...]}], `axes` as in `leaderboard.snapshots`; of each submission what an
                    archive of the board holds (`leaderboard.archive`) with its whole run, and its files as text

It names no host and no path. Metrics that no score depends on have six digits; hashes of sealed weights are left out.
"""

from __future__ import annotations

import json
import lzma
import platform
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from leaderboard import archive, files, filling
from leaderboard.errors import NotReady
from leaderboard.models import Attempt, Board, Snapshot, Submission
from leaderboard.snapshots import Axes

FORMAT = 1
FIXTURE = Path(__file__).parent / "data" / "shipped_boards.json.xz"
MAX_BYTES = 100_000_000  # of the text; more would be no file of ours


def pack(boards: Iterable[Board]) -> dict[str, Any]:
    """The references of some boards of one machine as the document of this module's docstring.

    Raises:
        NotReady: no reference is ranked there, or the boards are of several machines.
    """
    packed, submissions = [], []
    models = set()
    for board in boards:
        rows = _references(board)
        if board.current is None or not rows:
            continue
        models.add((board.hardware_class, board.hardware_model))
        submissions += rows
        packed.append(
            {
                "axes": Axes.from_document(board.current.head).as_json(),
                "submissions": [_pack_submission(board.current, row) for row in rows],
            }
        )
    if not packed:
        raise NotReady("No reference submission is ranked on these boards yet: run `make fill-boards` first.")
    if len(models) > 1:
        raise NotReady("These boards were measured on several machines: name one with --hardware.")
    (hardware_class, hardware_model) = models.pop()
    measured = {"hardware_class": hardware_class, "hardware_model": hardware_model, **_provenance(submissions)}
    return {"format": FORMAT, "measured": measured, "boards": packed}


def write(document: Mapping[str, Any], path: Path) -> int:
    """Writes it compressed; the same document always gives the same bytes. Returns how many."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    data = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(data)
    draft.replace(path)
    return len(data)


def read(path: Path) -> dict[str, Any]:
    """The document of a file. Raises NotReady for one that is damaged, too large or of another format."""
    try:
        with lzma.open(path) as stream:
            data = stream.read(MAX_BYTES + 1)
        document = json.loads(data) if len(data) <= MAX_BYTES else None
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise NotReady(f"{path.name} is damaged ({error}): restore it from the repository.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotReady(f"{path.name} is no file of shipped boards of format {FORMAT}: restore it from the repository.")
    return document


def _references(board: Board) -> list[Submission]:
    """The ranked references of a board, best first; what teams entered stays out of the file."""
    rows = Submission.objects.filter(
        standings__snapshot=board.current,
        origin=Submission.Origin.RUN,
        team__name__startswith=filling.TEAM,
        created_by=None,  # sent from the shell
    )
    return list(rows.select_related("team").order_by("standings__rank", "slug"))


def _pack_submission(snapshot: Snapshot, submission: Submission) -> dict[str, Any]:
    document = archive.submission_document(snapshot, submission)
    for workload in document["run"]["workloads"]:
        for study in workload["studies"]:
            for trial in study["trials"]:
                _shorten(trial)
    names = ("framework", "ruleset", "revision", "is_baseline", "search_space_json")
    document |= {name: getattr(submission, name) for name in names}
    document["finished_at"] = submission.finished_at and submission.finished_at.isoformat(timespec="seconds")
    document["files"] = {row.path: files.read(row.sha256).decode() for row in submission.files.all()}
    return document


def _shorten(trial: dict[str, Any]) -> None:
    for name in ("charged_s", "time_to_target_s"):
        trial[name] = _microseconds(trial[name])
    for row in trial["evaluations"]:
        row["charged_s"] = _microseconds(row["charged_s"])
        row["sha256"] = ""
        row["metrics"] = {name: _short(name, value) for name, value in row["metrics"].items()}


def _microseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _short(name: str, value: float | None) -> float | None:
    """Six digits; a validation or test value may be the one that a target is compared with and stays as it is."""
    return value if value is None or not name.startswith("train/") else float(f"{value:.6g}")


def _provenance(submissions: Iterable[Submission]) -> dict[str, Any]:
    """When these ran and with which versions; those of the sandbox images, by the locks they are built from."""
    rows = list(submissions)
    started = Attempt.objects.filter(trial__study__submission__in=rows, status=Attempt.Status.FINISHED)
    images = {
        json.dumps(facts["images"], sort_keys=True) for facts in started.values_list("started", flat=True) if facts
    }
    last = max(row.finished_at for row in rows if row.finished_at)
    deploy = Path(settings.BASE_DIR) / "deploy"
    return {
        "date": last.date().isoformat(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "torch": _pinned("torch", deploy / "torch.txt"),
        "jax": _pinned("jax", deploy / "sandbox" / "requirements.lock"),
        "images": [json.loads(text) for text in sorted(images)],
    }


def _pinned(package: str, lock: Path) -> str:
    found = re.search(rf"^{package}==([^\s;\\]+)", lock.read_text(), flags=re.MULTILINE)
    return found[1] if found else ""
