"""Training runs as child processes, each with one thread on a core of its own.

Nothing a run measures depends on time, so neither the machine nor its load matters. The number of threads changes the
order of additions, and so the last digits, as another machine does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.errors import TargetsError
from workloads.spec import Scalar
from workloads.targets.store import Curve, Measured, Store

ROOT = Path(__file__).resolve().parents[2]
_TRAIN = (sys.executable, "-m", "workloads", "train")
_USAGE = 2  # the exit status of a run that never began
_LIMIT_S = 1200  # far beyond the slowest sensible run
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run of a fixed number of steps; `task` identifies the workload's data and model."""

    edition: str
    workload: str
    metric: str
    task: str
    framework: str
    algorithm: str
    hyperparameters: Mapping[str, Scalar]
    seed: int
    steps: int
    evaluations: int

    @property
    def submission(self) -> Path:
        return ROOT / "algorithms" / self.algorithm / self.framework

    def about(self) -> dict[str, Any]:
        """Everything its result depends on, the submission's text included."""
        text = (self.submission / "submission.py").read_bytes()
        return {**dataclasses.asdict(self), "submission_sha256": hashlib.sha256(text).hexdigest()}

    def key(self) -> str:
        return hashlib.sha256(json.dumps(self.about(), sort_keys=True).encode()).hexdigest()[:16]


def measure(runs: Iterable[Run], store: Store, jobs: int, say: Callable[[str], None]) -> list[Measured]:
    """The results of all runs, in their order; only those that the store lacks are trained, `jobs` at a time.

    Raises:
        TargetsError: a run could not begin, was interrupted, or does not end. A crash of the algorithm is a result.
    """
    cores: queue.SimpleQueue[int] = queue.SimpleQueue()
    allowed = sorted(os.sched_getaffinity(0))
    for job in range(jobs):
        cores.put(allowed[job % len(allowed)])
    wanted = list(runs)
    known = {run.workload: store.read(run.workload) for run in wanted}

    def one(run: Run) -> Measured:
        found = known[run.workload].get(run.key())
        if found is not None:
            return found
        core = cores.get()
        try:
            measured = _train(run, core)
        finally:
            cores.put(core)
        store.add(run.workload, run.key(), run.about(), measured)
        say(f"{run.workload}  {run.algorithm}  {dict(run.hyperparameters)}  seed {run.seed}: {_shown(measured)}")
        return measured

    pool = ThreadPoolExecutor(jobs)
    try:
        return list(pool.map(one, wanted))
    finally:
        pool.shutdown(cancel_futures=True)  # after an error the rest is not started


def train_command(run: Run) -> list[str]:
    """The command of one run, as anybody could type it."""
    command = [*_TRAIN, str(run.submission.relative_to(ROOT)), "--edition", run.edition, "--workload", run.workload]
    command += ["--hyperparameters", json.dumps(run.hyperparameters), "--seed", str(run.seed)]
    return [*command, "--steps", str(run.steps), "--evaluations", str(run.evaluations), "--json"]


def document_of(command: list[str], core: int | None = None, limit_s: float = _LIMIT_S) -> dict[str, Any] | None:
    """What a `train` command printed; None when the algorithm crashed. With `core`: one thread on that core.

    Raises:
        TargetsError: the run could not begin, was interrupted, or took longer than `limit_s`.
    """
    environment = os.environ if core is None else os.environ | _ONE_THREAD
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with child:
        if core is not None:
            os.sched_setaffinity(child.pid, {core})
        try:
            out, err = child.communicate(timeout=limit_s)
        except BaseException as error:
            child.kill()
            if isinstance(error, subprocess.TimeoutExpired):
                raise TargetsError(f"a run took longer than {limit_s:g} s: {' '.join(command)}") from None
            raise
    if child.returncode == _USAGE:
        raise TargetsError(err.strip().rpartition("\n")[2])
    if child.returncode in (-signal.SIGINT, -signal.SIGTERM):
        raise TargetsError("a run was interrupted; the same command goes on where this one stopped")
    return json.loads(out) if child.returncode == 0 else None


def _train(run: Run, core: int) -> Measured:
    started = time.monotonic()
    document = document_of(train_command(run), core)
    wall_s = time.monotonic() - started
    if document is None:
        return Measured(curve=(), ending="crash", wall_s=wall_s)
    return Measured(curve=_curve(document, run.metric), ending=document["ending"], wall_s=wall_s)


def _curve(document: Mapping[str, Any], metric: str) -> Curve:
    rows = [(evaluation["step"], evaluation["metrics"]) for evaluation in document["evaluations"]]
    return tuple((step, found.get(f"validation/{metric}"), found.get(f"test/{metric}")) for step, found in rows)


def _shown(measured: Measured) -> str:
    values = " ".join("-" if value is None else f"{value:.4g}" for _, value, _ in measured.curve)
    return f"{values or 'nothing'} ({measured.ending}, {measured.wall_s:.0f} s)"
