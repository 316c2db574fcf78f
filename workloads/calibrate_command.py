"""`python -m workloads calibrate`: how long the reference algorithms take, as the table an edition's numbers rest on.

Every run is a `train` in its own process, one after the other: two at once on two cores would measure each other.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workloads import editions
from workloads.spec import Framework, Ruleset, Workload

_SEARCH_SPACE = "tuning_search_space.json"
_UNREACHABLE = "1e9"
_COLUMNS = ("workload", "algorithm", "framework", "learning rate", "seed", "to target, s", "steps", "best", "test")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `calibrate`."""
    parser = commands.add_parser("calibrate", help="measure the reference algorithms on an edition's workloads")
    parser.add_argument("algorithms", nargs="+", type=Path, help="folders with one folder per framework")
    parser.add_argument("--edition", default="mini", choices=editions.names())
    parser.add_argument("--workloads", nargs="+", help="default: all of the edition")
    parser.add_argument("--frameworks", nargs="+", choices=tuple(Framework), default=tuple(Framework))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--learning-rate-factors", nargs="+", type=float, default=[1.0], help="0.01: badly tuned")
    parser.add_argument("--curves", action="store_true", help="train to the end of the budget and print every value")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """0 when every run worked, whether or not it reached its target."""
    names = options.workloads or [workload.name for workload in editions.load(options.edition).workloads]
    print("| " + " | ".join(_COLUMNS) + " |\n" + "|---" * len(_COLUMNS) + "|", flush=True)
    failures = 0
    for name, algorithm, framework, factor, seed in itertools.product(
        names, options.algorithms, options.frameworks, options.learning_rate_factors, options.seeds
    ):
        document = _train(algorithm / framework, name, factor, seed, options)
        if document is None:
            failures += 1
            continue
        rate = f"{document['hyperparameters']['learning_rate']:g}"
        reached = document["time_to_target_s"]
        cells = [name, algorithm.name, str(framework), rate, str(seed)]
        cells += ["missed" if reached is None else f"{reached:.1f}", str(document["steps"])]
        cells += [f"{document['best']:.3f}", _test_value(document, editions.load(options.edition).workload(name))]
        print("| " + " | ".join(cells) + " |", flush=True)
        if options.curves:
            print(_curve(document), flush=True)
    return 1 if failures else 0


def _train(folder: Path, workload: str, factor: float, seed: int, options: argparse.Namespace) -> dict[str, Any] | None:
    """One run on the first point of the search space, its learning rate multiplied; None when it failed."""
    with _scaled(folder, factor) as submission:
        command = [sys.executable, "-m", "workloads", "train", str(submission), "--edition", options.edition]
        command += ["--workload", workload, "--ruleset", Ruleset.EXTERNAL, "--seed", str(seed), "--json"]
        command += ["--target", _UNREACHABLE] if options.curves else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"calibrate: {folder} failed:\n{done.stderr[-2000:]}", file=sys.stderr, flush=True)
        return None
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@contextmanager
def _scaled(folder: Path, factor: float) -> Iterator[Path]:
    """A copy of a submission whose search space is its own first point with another learning rate."""
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / folder.name
        shutil.copytree(folder, copy)
        point = json.loads((folder / _SEARCH_SPACE).read_text())[0]
        point["learning_rate"] *= factor
        (copy / _SEARCH_SPACE).write_text(json.dumps([point]))
        yield copy


def _test_value(document: dict[str, Any], workload: Workload) -> str:
    """The target metric on the test split, which is measured where validation reaches its target."""
    value = document["evaluations"][-1]["metrics"].get(f"test/{workload.metric.name}")
    return "" if value is None else f"{value:.3f}"


def _curve(document: dict[str, Any]) -> str:
    values = []
    for evaluation in document["evaluations"]:
        metrics = evaluation["metrics"]
        shown = [metrics[key] for key in metrics if key.startswith("validation/") and not key.endswith("/loss")]
        values.append(f"{evaluation['charged_s']:.0f} s ({evaluation['step']}): " + " ".join(f"{v:.3f}" for v in shown))
    return "\n".join(f"    {value}" for value in values)
