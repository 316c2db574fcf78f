"""The child process that reads a stranger's archive: limits itself, reads the upload from stdin, writes JSON lines.

In: one JSON line {"ruleset", "framework", "nbytes"}, then that many bytes of zip. Out: a line {"check": ...} for each
check, and {"report": ...} at the end. Everything it meets is data; it never imports or runs what it reads.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

from sandbox_runner.compliance import limits
from sandbox_runner.compliance.checker import finish, run_checks
from sandbox_runner.compliance.findings import CheckResult


def main() -> None:
    """Serves one upload. Whatever goes wrong ends the process; the parent turns that into a finding."""
    limit_resources()
    request = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read(request["nbytes"])
    report = finish(run_checks(data, request["ruleset"], request["framework"]), _write_check)
    _write({"report": report.as_json()})


def limit_resources() -> None:
    """Memory, processor seconds, no files, no core dump. Lowered by the child itself, before it reads a byte."""
    for kind, limit in (
        (resource.RLIMIT_AS, limits.CHILD_MEMORY_BYTES),
        (resource.RLIMIT_CPU, limits.CHILD_CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def _write_check(result: CheckResult) -> None:
    _write({"check": result.as_json()})


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
