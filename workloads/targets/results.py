"""The committed records, one file per workload: what was tried, what it reached, and the target that follows."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workloads.spec import Edition, Framework, Workload
from workloads.targets import choice
from workloads.targets.procedure import Findings, Settings, Trained, data_hash, task_hash

FOLDER = Path(__file__).resolve().parents[1] / "editions" / "mini_targets"
_PACKAGES = {Framework.PYTORCH: ("numpy", "torch"), Framework.JAX: ("numpy", "jax", "jaxlib", "optax")}
_HEADER = ("workload", "metric", "validation", "test", "set by", "repeats", "last algorithm", "confirmed")


def document(findings: Findings, settings: Settings) -> dict[str, Any]:
    """The record of one workload."""
    workload = findings.workload
    target = choice.target(workload.metric, [trained.outcome for trained in findings.repeats])
    winner = findings.winner
    return {
        "workload": workload.name,
        "target": {"validation": target.validation, "test": target.test},
        "metric": {"name": workload.metric.name, "higher_is_better": workload.metric.higher_is_better},
        "set_by": {"algorithm": winner.run.algorithm, "hyperparameters": dict(winner.run.hyperparameters)},
        "framework": str(settings.framework),
        "command": command(workload, settings),
        "task": task_hash(workload),
        "data": data_hash(workload),
        "versions": versions(settings.framework),
        "submissions": {trained.run.algorithm: trained.run.about()["submission_sha256"] for trained in findings.tuning},
        "steps": findings.steps,
        "measured_at": [step for step, *_ in winner.measured.curve],
        "trained_s": round(sum(trained.measured.wall_s for trained in (*findings.tuning, *findings.repeats))),
        "repeats": [
            {"seed": trained.run.seed, "test": trained.outcome.test, **_curve(trained)} for trained in findings.repeats
        ],
        "tuning": [
            {
                "algorithm": trained.run.algorithm,
                "hyperparameters": dict(trained.run.hyperparameters),
                "seed": trained.run.seed,
                **_curve(trained),
            }
            for trained in findings.tuning
        ],
    }


def command(workload: Workload, settings: Settings) -> str:
    """What sets this workload's target again."""
    return (
        f"python -m workloads targets --edition mini --workloads {workload.name} --points {settings.points} "
        f"--variant-points {settings.variant_points} --seeds {settings.seeds} --framework {settings.framework}"
    )


def versions(framework: str) -> dict[str, str]:
    """Python and the packages that computed the numbers."""
    packages = {name: importlib.metadata.version(name) for name in _PACKAGES[Framework(framework)]}
    return {"python": platform.python_version(), **packages}


def write(record: Mapping[str, Any], folder: Path = FOLDER) -> Path:
    """Writes a record; lists of numbers and points are one line each."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['workload']}.json"
    lines = []
    for name, value in record.items():
        if name in ("repeats", "tuning"):
            rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in value)
            lines.append(f" {json.dumps(name)}: [\n  {rows}\n ]")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value, allow_nan=False)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    return path


def read(name: str, folder: Path = FOLDER) -> dict[str, Any] | None:
    """The record of a workload; None where it has none yet."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def table(edition: Edition, folder: Path = FOLDER) -> Iterator[str]:
    """A Markdown table of all records, line by line."""
    yield "| " + " | ".join(_HEADER) + " |"
    yield "|---" * len(_HEADER) + "|"
    for workload in (*edition.workloads, *edition.held_out):
        record = read(workload.name, folder)
        if record is not None:
            yield "| " + " | ".join(_cells(workload, record)) + " |"


def _cells(workload: Workload, record: Mapping[str, Any]) -> list[str]:
    metric, target = workload.metric, record["target"]
    sign = ">=" if metric.higher_is_better else "<="
    bests: dict[str, list[choice.Outcome]] = {}
    for row in record["tuning"]:
        bests.setdefault(row["algorithm"], []).append(_best(workload, row))
    ranked = {name: choice.in_order(metric, runs)[0] for name, runs in bests.items()}
    last = choice.ranking(metric, list(ranked.values()))[-1]
    repeats = [_best(workload, row).validation for row in record["repeats"]]
    return [
        f"`{workload.name}`",
        metric.name.replace("_", " "),
        f"{sign} {target['validation']:g}",
        "" if target["test"] is None else f"{sign} {target['test']:g}",
        record["set_by"]["algorithm"],
        ", ".join("none" if value is None else f"{value:.4g}" for value in repeats),
        f"{_number(list(ranked.values())[last].validation)} ({list(ranked)[last]})",
        _confirmed(record.get("confirmed")),
    ]


def _confirmed(confirmed: Mapping[str, Any] | None) -> str:
    if confirmed is None:
        return "not yet"
    if confirmed["objections"]:
        return "; ".join(confirmed["objections"])
    fastest = min(run["time_to_target_s"] for run in confirmed["sensible"] if run["time_to_target_s"] is not None)
    return f"{confirmed['framework']}, {fastest:.1f} s"


def _best(workload: Workload, row: Mapping[str, Any]) -> choice.Outcome:
    return choice.outcome(workload.metric, [(0, value, None) for value in row["validation"]])


def _curve(trained: Trained) -> dict[str, Any]:
    return {
        "ending": trained.measured.ending,
        "validation": [validation for _, validation, _ in trained.measured.curve],
    }


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4g}"
