"""`python -m workloads calibrate` around a training run that is not one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from workloads import calibrate_command
from workloads.__main__ import main


@pytest.fixture
def algorithm(tmp_path: Path) -> Path:
    """An algorithm in one framework with two points to tune."""
    folder = tmp_path / "steepest" / "jax"
    folder.mkdir(parents=True)
    (folder / "submission.py").write_text("")
    (folder / "tuning_search_space.json").write_text(json.dumps([{"learning_rate": 0.5}, {"learning_rate": 9.0}]))
    return folder.parent


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], float]]:
    """Every training run that was asked for: its command, and the learning rate it was given."""
    seen: list[tuple[list[str], float]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        (point,) = json.loads((Path(command[4]) / "tuning_search_space.json").read_text())
        seen.append((command, point["learning_rate"]))
        if command[command.index("--seed") + 1] == "13":
            return subprocess.CompletedProcess(command, 1, "", "it diverged")
        metrics = {"validation/accuracy": 0.83, "validation/loss": 0.5, "test/accuracy": 0.81}
        document = {
            "hyperparameters": point,
            "time_to_target_s": None if point["learning_rate"] < 0.1 else 7.25,
            "steps": 400,
            "best": 0.83,
            "evaluations": [{"step": 400, "charged_s": 7.25, "metrics": metrics}],
        }
        return subprocess.CompletedProcess(command, 0, json.dumps(document), "")

    monkeypatch.setattr(calibrate_command.subprocess, "run", run)
    return seen


def calibrate(algorithm: Path, *options: str) -> int:
    fixed = ["--workloads", "imagenet_resnet", "--frameworks", "jax"]
    return main(["calibrate", str(algorithm), *fixed, *options])


def test_every_run_is_a_row_with_its_first_point_and_scaled_learning_rate(algorithm, runs, capsys):
    assert calibrate(algorithm, "--seeds", "1", "2", "--learning-rate-factors", "1", "0.01") == 0

    rows = capsys.readouterr().out.splitlines()
    assert rows[2] == "| imagenet_resnet | steepest | jax | 0.5 | 1 | 7.2 | 400 | 0.830 | 0.810 |"
    assert rows[4] == "| imagenet_resnet | steepest | jax | 0.005 | 1 | missed | 400 | 0.830 | 0.810 |"
    assert [rate for _, rate in runs] == [0.5, 0.5, 0.005, 0.005]
    assert json.loads((algorithm / "jax" / "tuning_search_space.json").read_text())[0] == {"learning_rate": 0.5}


def test_a_whole_curve_is_trained_past_every_target(algorithm, runs, capsys):
    assert calibrate(algorithm, "--seeds", "1", "--curves") == 0

    command, _ = runs[0]
    assert command[command.index("--target") + 1] == "1e9"
    assert "    7 s (400): 0.830" in capsys.readouterr().out


def test_a_failed_run_is_told_and_the_others_go_on(algorithm, runs, capsys):
    assert calibrate(algorithm, "--seeds", "13", "1") == 1

    printed = capsys.readouterr()
    assert "it diverged" in printed.err
    assert len(printed.out.splitlines()) == 3
