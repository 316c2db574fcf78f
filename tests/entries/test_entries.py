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

pytestmark = pytest.mark.trains

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
INFORMATION = ROOT / "tests" / "sandbox_cases" / "shared" / "submission_info.yml"
STEPS = 20
# entry -> framework, generation, and two workloads; together every workload twice.
ENTRIES = {
    "nadamw_jax": ("jax", "C", ("wmt", "imagenet_resnet")),
    "nadamw_pmap": ("jax", "A", ("ogbg", "criteo1tb")),
    "averaged_pmap": ("jax", "B", ("fastmri", "imagenet_vit")),
    "nadamw_torch": ("pytorch", "C", ("librispeech_conformer", "criteo1tb")),
    "nesterov_ddp": ("pytorch", "A", ("imagenet_resnet", "librispeech_deepspeech")),
    "schedule_free": ("pytorch", "B", ("wmt", "librispeech_deepspeech")),
    "averaging_queue": ("pytorch", "B", ("ogbg", "fastmri")),
    "shampoo": ("pytorch", "B", ("imagenet_vit", "librispeech_conformer")),
}


def drive(entry: str, framework: str, names: tuple[str, ...], environment: dict[str, str] | None = None):
    """The entry's results by workload; what it printed is shown when it fails."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.entries.drive", entry, framework, str(STEPS), *names],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **(environment or {})},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    rows = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    return {row["workload"]: row for row in rows}


def check(found, names, generation):
    assert list(found) == list(names)
    for row in found.values():
        assert row == {
            "workload": row["workload"],
            "generation": generation,
            "steps": STEPS,
            "evaluations": 3,
            "same_layout": True,
            "moved": True,
            "finite": True,
        }


def test_every_workload_is_taken_twice():
    taken = sorted(name for _, _, names in ENTRIES.values() for name in names)
    assert taken == sorted([*registry.BASE_NAMES] * 2)


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
    framework, generation, names = ENTRIES[entry]
    check(drive(entry, framework, names), names, generation)


@pytest.mark.full
@pytest.mark.parametrize("name", registry.BASE_NAMES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_takes_twenty_steps_on_every_workload(entry, name):
    framework, generation, _ = ENTRIES[entry]
    check(drive(entry, framework, (name,)), (name,), generation)


@pytest.mark.full
@pytest.mark.parametrize("entry", ["nadamw_pmap", "nadamw_jax"])
def test_an_entry_trains_on_two_devices_of_one_process(entry):
    framework, generation, _ = ENTRIES[entry]
    names = ("ogbg",)
    check(drive(entry, framework, names, {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}), names, generation)
