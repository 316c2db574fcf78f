"""The checks in a child process with limits: what the site uses, because the upload is a stranger's."""

from __future__ import annotations

import contextlib
import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from sandbox_runner.compliance import limits
from sandbox_runner.compliance.findings import CheckInfo, CheckResult, Report, Stage, Verdict

FINISHED = CheckInfo(id="checks-finished", title="The checks came to an end", stage=Stage.RULES)
_ROOT = Path(__file__).resolve().parents[2]
# Isolated mode leaves out the current folder and the environment, so the one folder it needs is named here.
_PROGRAM = "import sys; sys.path.insert(0, sys.argv[1]); from sandbox_runner.compliance.child import main; main()"
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}  # each thread maps memory
_GOODBYE_S = 5
_MAX_OUTPUT = 4 * limits.MAX_TOTAL_BYTES  # the bundle in base64 and all findings


def check_in_child(
    data: bytes,
    ruleset: str,
    framework: str,
    on_check: Callable[[CheckResult], None] | None = None,
    *,
    wall_s: float = limits.CHILD_WALL_S,
) -> Report:
    """Checks an upload; `on_check` sees each result as soon as it is known.

    A child that is killed, crashes or says nonsense becomes a rejected check `checks-finished` of the report.
    """
    if len(data) > limits.MAX_ARCHIVE_BYTES:
        data = data[: limits.MAX_ARCHIVE_BYTES + 1]  # enough to be refused for its size
    sha256 = hashlib.sha256(data).hexdigest()
    done: list[CheckResult] = []
    with _child() as child:
        watch = threading.Timer(wall_s, child.kill)
        watch.start()
        try:
            _send(child, data, ruleset, framework)
            report = _receive(child, done, on_check)
            _close(child.stdout)  # ends a child that would go on writing
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_GOODBYE_S)  # so that the exit status is its own, not that of the kill
        finally:
            watch.cancel()
            child.kill()
            child.wait()
    if report is not None and report.archive_sha256 == sha256:
        return report
    failed = _unfinished(child.returncode)
    if on_check:
        on_check(failed)
    return Report(checks=(*done, failed), archive_sha256=sha256)


def _child() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _PROGRAM, str(_ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        cwd="/",
        env=_ENVIRONMENT,
        start_new_session=True,
    )


def _send(child: subprocess.Popen[bytes], data: bytes, ruleset: str, framework: str) -> None:
    request = json.dumps({"ruleset": ruleset, "framework": framework, "nbytes": len(data)}) + "\n"
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # the exit status says what happened
        child.stdin.write(request.encode() + data)
        child.stdin.close()


def _close(stream: IO[bytes] | None) -> None:
    if stream is not None:
        stream.close()


def _receive(
    child: subprocess.Popen[bytes], done: list[CheckResult], on_check: Callable[[CheckResult], None] | None
) -> Report | None:
    """The report, or None where the child ended without one."""
    assert child.stdout is not None
    for message in _messages(child.stdout):
        try:
            if "report" in message:
                return Report.from_json(message["report"])
            result = CheckResult.from_json(message["check"])
        except (KeyError, TypeError, ValueError):
            return None
        done.append(result)
        if on_check:
            on_check(result)
    return None


def _messages(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    left = _MAX_OUTPUT
    while line := stream.readline(left):
        left -= len(line)
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        if not isinstance(message, dict):
            return
        yield message


def _unfinished(returncode: int) -> CheckResult:
    if returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        message = "The checks took too long: the source is larger or more entangled than any submission needs."
    else:
        message = "The checks broke off: the source is larger or nested more deeply than can be read."
    fix = "Leave out files that the submission does not need, and split what is generated or very long."
    return CheckResult(
        id=FINISHED.id,
        title=FINISHED.title,
        stage=FINISHED.stage,
        findings=(FINISHED.finding(Verdict.REJECTED, message, fix),),
    )
