"""Submissions in the style of real entries load and train on narrow workloads, through the trainer's own loop."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox_runner.compliance.findings import Verdict
from tests.sandbox_runner.compliance.submissions import report_of
from workloads import registry

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
INFORMATION = ROOT / "tests" / "sandbox_cases" / "shared" / "submission_info.yml"
STEPS = 20
# entry -> framework, generation, and the workload of the quick test; together every workload once.
ENTRIES = {
    "nadamw_jax": ("jax", "C", "wmt"),
    "nadamw_pmap": ("jax", "A", "criteo1tb"),
    "averaged_pmap": ("jax", "B", "imagenet_vit"),
    "nadamw_torch": ("pytorch", "C", "librispeech_conformer"),
    "nesterov_ddp": ("pytorch", "A", "imagenet_resnet"),
    "schedule_free": ("pytorch", "B", "librispeech_deepspeech"),
    "averaging_queue": ("pytorch", "B", "ogbg"),
    "shampoo": ("pytorch", "B", "fastmri"),
}


def drive(entry: str, name: str, environment: dict[str, str] | None = None):
    """The entry's result on one workload; what it printed is shown when it fails."""
    framework, generation, _ = ENTRIES[entry]
    # Twenty steps of a narrow model cost less than optimizing its program.
    quick = {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "tests.entries.drive", entry, framework, str(STEPS), name],
        cwd=ROOT,
        env={**os.environ, **quick, **(environment or {})},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    (row,) = (json.loads(line) for line in result.stdout.splitlines() if line.startswith("{"))
    assert row == {
        "workload": name,
        "generation": generation,
        "steps": STEPS,
        "evaluations": 3,
        "same_layout": True,
        "moved": True,
        "finite": True,
    }


def test_every_workload_is_taken_once():
    assert sorted(name for _, _, name in ENTRIES.values()) == sorted(registry.BASE_NAMES)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_passes_the_checks_of_an_upload(entry):
    folder = HERE / entry
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.py")}
    files["submission_info.yml"] = INFORMATION.read_bytes()
    files["tuning_search_space.json"] = b'[{"learning_rate": 0.1}]'
    report = report_of(files, framework=ENTRIES[entry][0])
    assert not [finding for check in report.checks for finding in check.findings if finding.verdict != Verdict.NOTE]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_takes_twenty_steps(entry):
    drive(entry, ENTRIES[entry][2])


@pytest.mark.full
@pytest.mark.parametrize("name", registry.BASE_NAMES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_takes_twenty_steps_on_every_workload(entry, name):
    drive(entry, name)


@pytest.mark.full
@pytest.mark.parametrize("entry", ["nadamw_pmap", "nadamw_jax"])
def test_an_entry_trains_on_two_devices_of_one_process(entry):
    drive(entry, "ogbg", {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"})
