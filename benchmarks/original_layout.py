"""Compact tables of logs -> the folders and files they were made from, with made-up text where a column was dropped.

Every file gets the columns of the original, so that reading it costs what reading the original costs. Dropped metrics
repeat the target's metric, dropped clocks follow from the others; nothing that is scored is made up.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

METRICS = {
    "loss": ("loss",),
    "ssim": ("loss", "ssim"),
    "accuracy": ("accuracy", "loss"),
    "wer": ("ctc_loss", "wer"),
    "mean_average_precision": ("accuracy", "loss", "mean_average_precision"),
    "bleu": ("accuracy", "bleu", "loss"),
}
"""What the original logs beside the metric of the target."""
SPLITS = ("test", "train", "validation")
TRIAL = ("submission", "study", "workload", "framework", "trial")


def rebuild(compact: Path, destination: Path, leaderboard: str) -> int:
    """Writes the logs of one leaderboard below a folder.

    Args:
        compact: the folder of the compact tables.
        leaderboard: `v05_external` and the like.
    Returns:
        how many tables of evaluations were written.
    """
    version, ruleset = leaderboard.split("_", 1)
    logs = destination / f"algoperf_{version}" / "logs" / {"external": "external_tuning"}.get(ruleset, ruleset)
    targets = {row["workload"]: row for row in _rows(compact / "targets.csv") if row["leaderboard"] == leaderboard}
    points = {
        _key(row): row["hparams"] for row in _rows(compact / "hparams.csv.gz") if row["leaderboard"] == leaderboard
    }
    for row in _rows(compact / "trials.csv.gz"):
        if row["leaderboard"] == leaderboard:
            _write_documents(_folder(logs, row), row, points.get(_key(row)))
    written = 0
    for _, rows in itertools.groupby(_rows(compact / f"evals_{leaderboard}.csv.gz"), _key):
        _write_evaluations(logs, list(rows), targets)
        written += 1
    return written


def _write_documents(folder: Path, row: dict[str, str], hyperparameters: str | None) -> None:
    folder.mkdir(parents=True)
    if row["has_hparams"] == "1" and hyperparameters:
        (folder / "hparams.json").write_text(json.dumps(json.loads(hyperparameters), indent=2))
    if row["has_meta_data"] == "1":
        metadata = {
            "git_commit_hash": row["git_commit_hash"],
            "gpu_model_name": row["gpu_model_name"],
            "gpu_count": int(row["gpu_count"] or 0),
            "rng_seed": int(row["rng_seed"] or 0),
        }
        (folder / "meta_data_0.json").write_text(json.dumps(metadata, indent=2))


def _write_evaluations(logs: Path, rows: list[dict[str, str]], targets: dict[str, dict[str, str]]) -> None:
    target = targets[rows[0]["workload"]]
    metrics = METRICS[target["metric"]]
    header = [
        "accumulated_eval_time", "accumulated_logging_time", "accumulated_submission_time", "global_step",
        "preemption_count", "score",
        *(f"test/{name}" for name in metrics), "total_duration",
        *(f"train/{name}" for name in metrics), *(f"validation/{name}" for name in metrics),
    ]  # fmt: skip
    header += [f"{split}/num_examples" for split in ("test", "validation") if target[f"num_{split}_examples"]]
    header.sort()
    folder = _folder(logs, rows[0])
    folder.mkdir(parents=True, exist_ok=True)
    lines = [",".join(header), *(",".join(_cell(row, name, target) for name in header) for row in rows)]
    (folder / "eval_measurements.csv").write_text("\n".join(lines) + "\n")


def _cell(row: dict[str, str], column: str, target: dict[str, str]) -> str:
    if column in row:
        return row[column]
    if column == "score":
        return row["accumulated_submission_time"]
    if column == "accumulated_eval_time":
        return repr(float(row["total_duration"]) - float(row["accumulated_submission_time"]))
    if column == "accumulated_logging_time":
        return repr(float(row["total_duration"]) * 1e-5)
    split, _, name = column.partition("/")
    return target[f"num_{split}_examples"] if name == "num_examples" else row[f"{split}_metric"]


def _folder(logs: Path, row: dict[str, str]) -> Path:
    workload = f"{row['workload']}_{row['framework']}"
    return logs / row["submission"] / f"study_{row['study']}" / workload / f"trial_{row['trial']}"


def _key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[name] for name in TRIAL)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from csv.DictReader(file)
