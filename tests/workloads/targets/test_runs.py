"""Training runs as child processes, with children that only pretend to train."""

from __future__ import annotations

import json
import os
import sys

import pytest

from workloads.errors import TargetsError
from workloads.targets.runs import document_of


def child(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


def test_a_run_has_one_core_and_one_thread():
    allowed = min(os.sched_getaffinity(0))
    program = """
import json, os, time
time.sleep(0.2)
print(json.dumps({"cores": list(os.sched_getaffinity(0)), "threads": os.environ["OMP_NUM_THREADS"]}))
"""
    assert document_of(child(program), allowed) == {"cores": [allowed], "threads": "1"}


def test_on_the_clock_a_run_has_the_whole_machine():
    program = "import json, os; print(json.dumps(list(os.sched_getaffinity(0))))"
    assert json.loads(json.dumps(document_of(child(program)))) == sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "import os; os.kill(os.getpid(), 9)"])
def test_a_crash_of_the_algorithm_is_a_result(program: str):
    assert document_of(child(program)) is None


def test_a_run_that_could_not_begin_says_why():
    program = "import sys; print('train: no data here: run `make setup`', file=sys.stderr); sys.exit(2)"
    with pytest.raises(TargetsError, match=r"^train: no data here: run `make setup`$"):
        document_of(child(program))


def test_an_interrupted_run_is_no_result():
    with pytest.raises(TargetsError, match="goes on where this one stopped"):
        document_of(child("import os; os.kill(os.getpid(), 15)"))


def test_a_run_that_does_not_end_is_ended():
    with pytest.raises(TargetsError, match=r"longer than 0\.1 s"):
        document_of(child("import time; time.sleep(60)"), limit_s=0.1)
