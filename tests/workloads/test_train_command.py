"""`python -m workloads train` from the folder of a submission to one JSON document."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sandbox_runner.processes import make_data
from tests.sandbox_runner.trainer.submissions import files

ROOT = Path(__file__).resolve().parents[2]

# The mini edition with one tiny workload in it, so that a run takes a second.
DRIVER = """
import dataclasses, sys
from tests.sandbox_runner.processes import TINY
from workloads import editions
from workloads.__main__ import main
spec = dataclasses.replace(TINY, max_runtime_s=600.0, eval_period_s=600.0)
silu = spec.variant("silu", model={"activation": "silu"})
edition = dataclasses.replace(editions.load("mini"), workloads=(spec,), held_out=(silu,))
editions.load = lambda name: edition
sys.exit(main(["train", "entry", "--framework", "pytorch", "--workload", *sys.argv[1:]]))
"""

METRICS = ("accuracy", "loss")
FIVE_STEPS = "if global_step == 4: raise spec.TrainingCompleteError"


def train(
    folder: Path, submission: dict[str, str], *options: str, data: str = "data"
) -> subprocess.CompletedProcess[str]:
    for name, text in submission.items():
        (folder / "entry").mkdir(exist_ok=True)
        (folder / "entry" / name).write_text(text)
    make_data(folder / "data" / "imagenet")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "ALGOPERF_DATA": str(folder / data), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *options], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.mark.trains
def test_a_run_prints_one_document_and_its_progress_elsewhere(tmp_path: Path):
    submission = files("pytorch", FIVE_STEPS)
    submission["tuning_search_space.json"] = json.dumps([{"learning_rate": 0.1}] * 5)
    result = train(tmp_path, submission, "imagenet_resnet", "--trial", "2", "--study", "3", "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["workload"] == "imagenet_resnet"
    assert document["framework"] == "pytorch"
    assert document["hyperparameters"] == {"learning_rate": 0.1}
    assert document["batch_size"] == 8  # 1024 of 1024, scaled to the tiny baseline of 8
    assert document["seed"] == 3002
    assert (document["ending"], document["steps"]) == ("complete", 5)
    assert [evaluation["step"] for evaluation in document["evaluations"]] == [1, 5]
    assert document["target"] == 0.9
    assert document["best"] == max(e["metrics"]["validation/accuracy"] for e in document["evaluations"])
    assert "train: step 1: " in result.stderr


@pytest.mark.trains
def test_fixed_steps_on_a_variant_train_one_point_past_the_target_and_measure_test_at_the_best(tmp_path: Path):
    options = ("--steps", "6", "--evaluations", "2", "--hyperparameters", '{"learning_rate": 0.2}', "--target", "0.0")
    result = train(tmp_path, files("pytorch"), "imagenet_resnet_silu", *options, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["workload"] == "imagenet_resnet_silu"
    assert document["hyperparameters"] == {"learning_rate": 0.2}
    assert (document["ending"], document["steps"]) == ("steps", 6)
    first, last = document["evaluations"]
    assert (first["step"], last["step"]) == (3, 6)
    assert set(first["metrics"]) == {f"{split}/{name}" for split in ("validation", "test") for name in METRICS}


@pytest.mark.trains
def test_self_tuning_needs_no_search_space_and_passes_none(tmp_path: Path):
    submission = files("pytorch", FIVE_STEPS)
    result = train(tmp_path, submission, "imagenet_resnet", "--ruleset", "self_tuning", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["hyperparameters"] is None


@pytest.mark.trains
def test_another_budget_ends_a_run(tmp_path: Path):
    options = ("--ruleset", "self_tuning", "--target", "2", "--budget", "0.5", "--json")
    result = train(tmp_path, files("pytorch"), "imagenet_resnet", *options)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["ending"] == "budget"
    assert "the budget of 0.5 s is used up" in result.stderr


@pytest.mark.trains
def test_a_failing_submission_ends_with_its_traceback(tmp_path: Path):
    submission = files("pytorch", "raise RuntimeError('diverged')")
    result = train(tmp_path, submission, "imagenet_resnet", "--ruleset", "self_tuning", "--json")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "RuntimeError: diverged" in result.stderr
    assert result.stderr.endswith("train: the submission failed\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("wmt",), "edition mini has no workload 'wmt'; it has: imagenet_resnet"),
        (("imagenet_resnet",), "tuning_search_space.json is missing"),
        (("imagenet_resnet", "--hyperparameters", '{"learning_rate": []}'), 'The value of "learning_rate" in point 1'),
        (("imagenet_resnet", "--hyperparameters", "{"), "Expecting property name"),
        (("imagenet_resnet", "--ruleset", "self_tuning", "--steps", "0"), "--steps and --evaluations are at least 1"),
        (("imagenet_resnet", "--ruleset", "self_tuning", "--budget", "0"), "--budget is more than 0 seconds"),
    ],
)
def test_a_wrong_question_gets_a_sentence(tmp_path: Path, options: tuple[str, ...], sentence: str):
    result = train(tmp_path, files("pytorch"), *options)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_missing_data_is_nobodys_failure_and_says_what_to_do(tmp_path: Path):
    result = train(tmp_path, files("pytorch"), "imagenet_resnet", "--ruleset", "self_tuning", data="elsewhere")
    assert result.returncode == 2
    assert result.stderr.rstrip().endswith("run `make setup`")
    assert "Traceback" not in result.stderr


def test_a_trial_beyond_the_search_space_gets_a_sentence(tmp_path: Path):
    submission = files("pytorch") | {"tuning_search_space.json": '[{"learning_rate": 0.1}]'}
    result = train(tmp_path, submission, "imagenet_resnet", "--trial", "2")
    assert result.returncode == 2
    assert "--trial 2: this search space gives trials 1 to 1" in result.stderr
