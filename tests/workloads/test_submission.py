"""Loading a submission folder: relative imports, plain imports, missing functions; and the view it gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from workloads.submission import hyperparameters_tuple
from workloads.view import WorkloadView

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = "\n".join(
    f"def {name}(*arguments):\n    return None"
    for name in ("get_batch_size", "init_optimizer_state", "data_selection", "update_params")
)
LOAD = """
from pathlib import Path
from workloads.submission import load_submission
submission = load_submission(Path("entry"))
"""


def load(folder: Path, files: dict[str, str], then: str = "") -> subprocess.CompletedProcess[str]:
    """Loads the folder in a process of its own, because a submission stays in the process it was imported by."""
    for name, text in files.items():
        path = folder / "entry" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-c", LOAD + then], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_files_of_a_submission_import_each_other_with_and_without_dots(tmp_path: Path):
    files = {
        "submission.py": f"from __future__ import annotations\nfrom .inner.rule import A\nimport plain\n{FUNCTIONS}",
        "inner/rule.py": "from ..plain import B\nA = B",
        "plain.py": "B = 1",
    }
    result = load(tmp_path, files, "print(submission.prepare_for_eval, submission.get_batch_size('x'))")
    assert result.stdout.strip() == "None None", result.stderr


@pytest.mark.parametrize("root", ["submissions", "submissions_algorithms.leaderboard"])
def test_files_import_each_other_by_the_place_they_had_on_the_scoring_machine(tmp_path: Path, root: str):
    files = {
        "submission.py": f"from {root}.self_tuning.entry.rule import A\n"
        f"import {root}.self_tuning.entry.inner.deep as deep\n"
        f"from . import rule\nassert A is rule.A is deep.A\n{FUNCTIONS}",
        "rule.py": "A = object()",
        "inner/deep.py": "from ..rule import A",
    }
    result = load(tmp_path, files)
    assert result.returncode == 0, result.stderr


def test_a_wrong_absolute_import_still_fails(tmp_path: Path):
    result = load(tmp_path, {"submission.py": f"from submissions.entry.missing import A\n{FUNCTIONS}"})
    assert "No module named 'submissions'" in result.stderr


def test_a_folder_of_the_submission_called_like_a_root_wins(tmp_path: Path):
    files = {"submission.py": f"from submissions.rule import A\n{FUNCTIONS}", "submissions/rule.py": "A = 1"}
    result = load(tmp_path, files)
    assert result.returncode == 0, result.stderr


def test_an_initializer_of_the_folder_runs_first(tmp_path: Path):
    files = {"__init__.py": "READY = True", "submission.py": f"from . import READY\nassert READY\n{FUNCTIONS}"}
    result = load(tmp_path, files)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"other.py": ""}, "entry has no file submission.py at its top"),
        ({"submission.py": "def get_batch_size(name): ..."}, "defines no function init_optimizer_state(workload"),
        ({"submission.py": FUNCTIONS + "\ndata_selection = 3"}, "defines no function data_selection(workload"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, files: dict[str, str], sentence: str):
    result = load(tmp_path, files)
    assert f"SubmissionError: {sentence}" in result.stderr.replace("submission.py defines", "defines")


@pytest.mark.parametrize(
    ("parameters", "expected"), [("train_state=None, **k", True), ("**k", False), ("a, train_state", True)]
)
def test_only_a_named_train_state_is_wanted(tmp_path: Path, parameters: str, expected: bool):
    source = FUNCTIONS + f"\ndef update_params({parameters}): ..."
    result = load(tmp_path, {"submission.py": source}, "print(submission.wants_train_state)")
    assert result.stdout.strip() == str(expected), result.stderr


def test_hyperparameters_are_a_namedtuple_in_the_order_of_the_space():
    point = hyperparameters_tuple({"learning_rate": 0.1, "nesterov": True, "dropout_rate": None})
    assert type(point).__name__ == "Hyperparameters"
    assert point._fields == ("learning_rate", "nesterov", "dropout_rate")
    assert point.dropout_rate is None
    assert hyperparameters_tuple(None) is None
    assert not hasattr(hyperparameters_tuple(None), "label_smoothing")


class Everything:
    step_hint = 10
    metrics_logger = "a logger"

    def eval_model(self) -> None: ...

    def is_output_params(self, key: str) -> bool:
        return key == "head"


def test_a_view_shows_the_api_and_refuses_the_rest():
    view = WorkloadView(Everything())
    assert view.step_hint == 10
    assert view.is_output_params("head")
    assert view.metrics_logger is None
    assert not hasattr(view, "eval_model")
    with pytest.raises(AttributeError, match=r"workload\._build_input_queue is not part of the AlgoPerf API"):
        _ = view._build_input_queue
    with pytest.raises(AttributeError, match="cannot be set"):
        view.step_hint = 3
    assert "step_hint" in dir(view)


def test_views_are_hashed_by_identity():
    workload = Everything()
    first, second = WorkloadView(workload), WorkloadView(workload)
    assert first != second
    assert len({first, second, first}) == 2
