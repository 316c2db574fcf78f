"""`python -m workloads targets` around training runs that are not ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workloads import editions
from workloads.__main__ import main
from workloads.errors import TargetsError
from workloads.targets import confirm, runs


class Trainer:
    """Stands in for `train`: the smaller the learning rate, the better, but heavy ball always crashes."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.unusable = ""
        self.least_horizon = 0.0

    def __call__(self, command: list[str], core: int | None = None) -> dict[str, Any] | None:
        if self.unusable and self.unusable in command:
            raise TargetsError("no data in there: run `make setup`")
        self.commands.append(command)
        if "heavy_ball" in command[4]:
            return None
        point = json.loads(command[command.index("--hyperparameters") + 1])
        rate = point["learning_rate"]
        value = 0.9 - rate / 1000 - int(command[command.index("--seed") + 1]) / 100
        metrics = {"validation/accuracy": value, "test/accuracy": value - 0.1}
        step = int(command[command.index("--steps") + 1]) if "--steps" in command else 900
        evaluations = [{"step": 1, "metrics": {}}, {"step": step, "metrics": metrics}]
        reached = 12.5 if rate > 1e-4 and point["horizon_factor"] >= self.least_horizon else None
        return {
            "evaluations": evaluations, "ending": "steps", "steps": step, "best": value, "time_to_target_s": reached
        }  # fmt: skip


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Trainer:
    trainer = Trainer()
    monkeypatch.setattr(runs, "document_of", trainer)
    monkeypatch.setattr(confirm, "document_of", trainer)
    return trainer


def targets(folder: Path, *options: str, name: str = "imagenet_resnet") -> int:
    places = ["--state", str(folder / "state"), "--results", str(folder / "results")]
    return main(["targets", "--workloads", name, *places, *options])


def record(folder: Path, name: str = "imagenet_resnet") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results" / f"{name}.json").read_text())
    return document


def test_the_best_point_is_repeated_over_fresh_seeds_and_sets_the_target(tmp_path: Path, trainer: Trainer):
    assert targets(tmp_path, "--points", "2", "--seeds", "3") == 0

    assert len(trainer.commands) == 4 * 2 + 3
    found = record(tmp_path)
    rates = [row["hyperparameters"]["learning_rate"] for row in found["tuning"] if row["algorithm"] != "heavy_ball"]
    assert found["set_by"]["hyperparameters"]["learning_rate"] == min(rates)
    assert [row["seed"] for row in found["repeats"]] == [1, 2, 3]
    assert found["target"] == {"validation": 0.879, "test": 0.779}  # 0.9 - 0.02 - a little, rounded down
    assert found["steps"] == int(0.75 * editions.load("mini").workload("imagenet_resnet").step_hint)
    assert found["measured_at"] == [1, found["steps"]]
    assert {row["ending"] for row in found["tuning"]} == {"steps", "crash"}
    assert "--workloads imagenet_resnet --points 2 --variant-points 2 --seeds 3 --framework pytorch" in found["command"]


def test_a_second_call_trains_only_what_is_new(tmp_path: Path, trainer: Trainer):
    assert targets(tmp_path, "--points", "1", "--seeds", "1") == 0
    before = len(trainer.commands)
    assert targets(tmp_path, "--points", "1", "--seeds", "2", "--jobs", "2") == 0
    assert len(trainer.commands) == before + 1


def test_an_interrupted_procedure_goes_on_where_it_stopped(tmp_path: Path, trainer: Trainer, capsys):
    trainer.unusable = "algorithms/nesterov/pytorch"
    assert targets(tmp_path, "--points", "1", "--seeds", "1") == 1
    assert capsys.readouterr().err.endswith("targets: no data in there: run `make setup`\n")
    assert not (tmp_path / "results").exists()

    done = list(trainer.commands)
    trainer.unusable = ""
    assert targets(tmp_path, "--points", "1", "--seeds", "1") == 0
    assert not [command for command in trainer.commands[len(done) :] if command in done]


def test_a_variant_tries_the_best_points_of_its_base(tmp_path: Path, trainer: Trainer):
    held_out = next(variant for variant in editions.load("mini").held_out if variant.metric.name == "accuracy")
    assert targets(tmp_path, "--points", "3", "--variant-points", "2", "--seeds", "1", name=held_out.name) == 0

    of_base = [command for command in trainer.commands if held_out.base in command]
    of_variant = [command for command in trainer.commands if held_out.name in command]
    assert (len(of_base), len(of_variant)) == (4 * 3, 4 * 2 + 1)
    adamw = [row for row in record(tmp_path, held_out.name)["tuning"] if row["algorithm"] == "adamw"]
    rates = [row["hyperparameters"]["learning_rate"] for row in adamw]
    assert rates == sorted(rates), "the best first, and the stand-in likes small rates"


def test_confirming_runs_the_winner_in_the_other_framework_and_badly_tuned(tmp_path: Path, trainer: Trainer):
    targets(tmp_path, "--points", "1", "--seeds", "1")
    trainer.commands.clear()
    assert targets(tmp_path, "--confirm") == 0

    assert [command[4].rpartition("/")[2] for command in trainer.commands] == ["jax", "jax"]
    found = record(tmp_path)["confirmed"]
    assert found["objections"] == []
    assert found["badly_tuned"]["time_to_target_s"] is None

    assert targets(tmp_path, "--points", "1", "--seeds", "1") == 0
    assert record(tmp_path)["confirmed"] == found, "the same target stays confirmed"


def test_confirming_tries_longer_schedules_when_three_seeds_were_not_enough(tmp_path: Path, trainer: Trainer):
    targets(tmp_path, "--points", "1", "--seeds", "1")
    trainer.least_horizon = 1.0
    assert targets(tmp_path, "--confirm") == 0
    sensible = record(tmp_path)["confirmed"]["sensible"]
    horizons = [0.75, 0.75, 0.75, 0.975, 0.975, 0.975, 1.5]
    assert [run["horizon_factor"] for run in sensible] == pytest.approx(horizons)
    assert [run["seed"] for run in sensible] == [1, 2, 3, 1, 2, 3, 1]


def test_a_target_that_does_not_separate_is_told(tmp_path: Path, trainer: Trainer, monkeypatch, capsys):
    targets(tmp_path, "--points", "1", "--seeds", "1")
    monkeypatch.setattr(confirm, "_BADLY_TUNED", 1.0)
    assert targets(tmp_path, "--confirm") == 1
    assert "imagenet_resnet: a badly tuned run reached it after 12.5 s" in capsys.readouterr().err


def test_records_are_shown_as_a_table(tmp_path: Path, trainer: Trainer, capsys):
    targets(tmp_path, "--points", "2", "--seeds", "1")
    capsys.readouterr()
    assert targets(tmp_path, "--table") == 0
    *_, row = capsys.readouterr().out.splitlines()
    assert row.startswith("| `imagenet_resnet` | accuracy | >= 0.88")
    assert row.endswith("| none (heavy_ball) | not yet |")


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (("--confirm",), 1, "imagenet_resnet has no record in"),
        (("--workloads", "mnist"), 2, "edition mini has no workload 'mnist'"),
    ],
)
def test_a_wrong_question_gets_a_sentence(tmp_path: Path, options, status: int, sentence: str, capsys):
    assert targets(tmp_path, *options) == status
    assert sentence in capsys.readouterr().err
