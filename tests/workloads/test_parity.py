"""PyTorch and JAX compute the same function: outputs, gradients and running averages with the same weights."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from workloads import parity, registry
from workloads.narrow import narrow

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 12 * 1024**3


@pytest.mark.parametrize("name", registry.names())
def test_both_frameworks_agree_on_the_narrow_workload(name):
    """And an exception with a limit of its own is needed: the day it is not, it goes."""
    found = parity.compare(narrow(registry.get(name)), 4)
    assert found.passed, found
    assert found.limit == parity.LIMIT or found.largest > parity.LIMIT


@pytest.mark.parametrize("name", ["imagenet_resnet", "librispeech_deepspeech"])
def test_a_switch_of_a_known_exception_is_needed(name):
    """Without it the two differ: the day they do not, the exception goes."""
    assert not parity.compare(narrow(registry.get(name)), 2, switch=False).passed


@pytest.mark.full
@pytest.mark.trains
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", registry.names())
def test_both_frameworks_agree_at_full_width(name):
    """A process of its own for each, with a limit on its memory."""
    result = subprocess.run(
        [sys.executable, "-m", "workloads", "parity", name, "--full", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES)),
    )
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]
    row = json.loads(result.stdout.splitlines()[-1])
    assert row["name"] == name
    assert row["passed"]
