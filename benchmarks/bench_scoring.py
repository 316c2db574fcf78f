"""What scoring costs: CPU seconds and memory on the logs of 2024, beside a plain pandas read, and how boards grow.

Rebuilds the original layout of the v0.5 external logs from the compact tables in a temporary folder, then measures each
part in a process of its own. CPU seconds are user and system together, imports included where it says so.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.original_layout import rebuild

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ALGOPERF_SHARED", ROOT.parent / "shared"))
BOARDS = (100, 1_000, 10_000)
REPEATS = 3
REFERENCE_CPU_S, REFERENCE_MB = 7.1, 168
"""The reference implementation on 3,700 files, two cores; source: its own measurement beside the logs."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_scoring", description=__doc__)
    parser.add_argument("--part", choices=tuple(PARTS), help="measure this one here and print it as JSON")
    parser.add_argument("--logs", type=Path, help="folder in the original layout")
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.logs)))
        return 0
    compact = SHARED / "data" / "algoperf"
    if not compact.is_dir():
        print(f"No competition logs in {compact}; name the folder above `data` in ALGOPERF_SHARED.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="bench-scoring-") as folder:
        files = rebuild(compact, Path(folder), "v05_external")
        _print_reading(Path(folder), files)
    _print_growth()
    return 0


def _print_reading(logs: Path, files: int) -> None:
    size = sum(path.stat().st_size for path in logs.rglob("eval_measurements.csv"))
    print(
        f"v0.5 external, original layout: {files:,} tables, {size / 1e6:.1f} MB; best of {REPEATS}, warm file cache\n"
    )
    _measure("pandas", logs)  # so that nobody is the first to read the files
    best = {
        part: min((_measure(part, logs) for _ in range(REPEATS)), key=_cpu) for part in ("stages", "command", "pandas")
    }
    stages, command, pandas = best["stages"], best["command"], best["pandas"]
    print(f"{'':44}CPU s   peak MB")
    for name in ("import", "read", "select", "score"):
        print(f"ours: {name:38}{stages[name]:5.2f}")
    print(f"ours: all four in one process               {_cpu(stages):5.2f} {stages['peak_mb']:9.0f}")
    print(f"ours: python -m scoring --json, start to end{command['cpu']:6.2f} {command['peak_mb']:9.0f}")
    print(f"pandas: import                              {pandas['import']:5.2f}")
    print(f"pandas: read_csv of the same files          {pandas['read']:5.2f} {pandas['peak_mb']:9.0f}")
    print(f"reference implementation, as published      {REFERENCE_CPU_S:5.2f} {REFERENCE_MB:9}\n")
    print(f"pandas, reading alone, over our whole command: {pandas['read'] / command['cpu']:.1f}")
    print(f"reference over our whole command: {REFERENCE_CPU_S / command['cpu']:.1f}\n")


def _print_growth() -> None:
    print("Synthetic boards, 8 base workloads and 6 variants, 5 studies; CPU s, and microseconds a submission\n")
    print(f"{'submissions':>12}" + "".join(f"{name:>16}" for name in GROWING) + "  peak MB")
    for size in BOARDS:
        result = _measure("growth", Path(str(size)))
        columns = (f"{result[name]:7.3f}{result[name] / size * 1e6:9.1f}" for name in GROWING)
        print(f"{size:12,}{''.join(columns)}{result['peak_mb']:9.0f}")


def _measure(part: str, logs: Path) -> dict[str, float]:
    """Runs one part in a fresh interpreter."""
    command = [sys.executable, "-m", "benchmarks.bench_scoring", "--part", part, "--logs", str(logs)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=True
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _cpu(result: dict[str, float]) -> float:
    return sum(seconds for name, seconds in result.items() if name != "peak_mb")


def _peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


@contextlib.contextmanager
def _clock(result: dict[str, float], name: str) -> Iterator[None]:
    started = time.process_time()
    yield
    result[name] = result.get(name, 0.0) + time.process_time() - started


def _stages(logs: Path) -> dict[str, float]:
    """Our parts one by one: files and their numbers, times, board."""
    result: dict[str, float] = {}
    with _clock(result, "import"):
        import scoring
        from scoring.__main__ import edition_axes
        from scoring.logs import CLOCK, open_logs
    axes = edition_axes("v0.5", "external")
    tasks, times = axes.tasks, {}
    with _clock(result, "read"):
        source = open_logs(logs, edition="v0.5", ruleset="external")
    submissions = source.read(details=False)
    while True:
        with _clock(result, "read"):
            submission = next(submissions, None)
            if submission is None:
                break
            tables = [
                (trial, trial.evaluations.arrays(CLOCK, tasks[trial.workload].column))
                for trial in submission.trials
                if trial.workload in tasks
            ]
        with _clock(result, "select"):
            curves: dict[str, Any] = {name: {} for name in tasks}
            for trial, table in tables:
                curves[trial.workload].setdefault(trial.study, {})[trial.trial] = scoring.read_curve(*table)
            times[submission.name] = {
                name: scoring.workload_time_from_trials(
                    curves[name],
                    task.target,
                    higher_is_better=task.higher_is_better,
                    expected_studies=axes.studies,
                    rules=scoring.PUBLISHED,
                ).time_s
                for name, task in tasks.items()
            }
    with _clock(result, "score"):
        scoring.score_board(times, base=list(axes.base), held_out=axes.held_out, rules=scoring.PUBLISHED)
    return {**result, "peak_mb": _peak_mb()}


def _command(logs: Path) -> dict[str, float]:
    """The command as a reader runs it, the start of the interpreter included."""
    arguments = [sys.executable, "-m", "scoring", str(logs), "--edition", "v0.5", "--ruleset", "external", "--json"]
    subprocess.run(arguments, stdout=subprocess.DEVNULL, check=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": usage.ru_utime + usage.ru_stime, "peak_mb": _peak_mb(resource.RUSAGE_CHILDREN)}


def _pandas(logs: Path) -> dict[str, float]:
    """What everybody would write first: every table read whole, one submission in memory at a time."""
    result: dict[str, float] = {}
    with _clock(result, "import"):
        import pandas
    with _clock(result, "read"):
        for submission in sorted((logs / "algoperf_v05" / "logs" / "external_tuning").iterdir()):
            tables = [pandas.read_csv(path) for path in submission.glob("study_*/*/trial_*/eval_measurements.csv")]
            del tables
    return {**result, "peak_mb": _peak_mb()}


GROWING = ("score", "without one", "intervals", "document", "table")


def _growth(size: Path) -> dict[str, float]:
    """A board of so many submissions, with made-up study times."""
    import numpy as np

    import scoring
    from scoring.logs.times import BoardTimes
    from scoring.report import as_table

    generator, result = np.random.default_rng(0), dict[str, float]()
    base = [f"base_{number}" for number in range(8)]
    held_out = {f"{name}_changed": name for name in base[:6]}
    drawn = generator.lognormal(5.0, 0.5, size=(int(str(size)), 14, 5))
    drawn[generator.random(drawn.shape) < 0.1] = np.inf
    studies = {
        f"submission_{number}": dict(zip([*base, *held_out], table, strict=True))
        for number, table in enumerate(drawn.tolist())
    }
    medians = np.median(drawn, axis=2).tolist()
    times = {
        name: dict(zip(row, values, strict=True)) for (name, row), values in zip(studies.items(), medians, strict=True)
    }
    with _clock(result, "score"):
        board = scoring.score_board(times, base=base, held_out=held_out, rules=scoring.PUBLISHED)
    with _clock(result, "without one"):
        scoring.rank_ranges(board)
        scoring.without_held_out_rule(board)
    with _clock(result, "intervals"):
        scoring.rank_intervals(studies, base=base, held_out=held_out, rules=scoring.PUBLISHED)
    with _clock(result, "document"):
        json.dumps(board.as_json(dict.fromkeys(base, 1_000.0)))
    with _clock(result, "table"):
        as_table(board, BoardTimes(), edition="v0.5", ruleset="external", budgets_s={})
    return {**result, "peak_mb": _peak_mb()}


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "stages": _stages,
    "command": _command,
    "pandas": _pandas,
    "growth": _growth,
}

if __name__ == "__main__":
    sys.exit(main())
