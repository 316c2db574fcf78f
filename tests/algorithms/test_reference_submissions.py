"""The reference submissions: valid under both rulesets, and a step with each of their points changes the model."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from workloads.api import parse_search_space, sample

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "algorithms").glob("*/*/submission.py"))
NAMES = [f"{folder.parent.name}-{folder.name}" for folder in FOLDERS]

# Two steps with every point and with no point at all, on the tiny network; the weights have to move and stay finite.
STEPS = """
import sys
from pathlib import Path
import numpy as np
from tests.sandbox_runner.processes import TINY
from workloads import registry, snapshot
from workloads.api import fold_in, parse_search_space, sample, trial_keys
from workloads.compatibility import install
from workloads.frameworks import configure
from workloads.submission import hyperparameters_tuple, load_submission
from workloads.view import WorkloadView
import json
folder, framework = Path(sys.argv[1]), sys.argv[2]
configure(framework)
install()
submission = load_submission(folder)
points = sample(parse_search_space(json.loads((folder / "tuning_search_space.json").read_text())), 5, 0)
workload = registry.load(TINY, framework)(TINY)
view, keys = WorkloadView(workload), trial_keys(1, framework)
arrays = lambda params: [array.copy() for array in snapshot.module(framework).arrays(params, None)]
random = np.random.default_rng(0)
batch = {"inputs": random.random((8, 8, 8, 1), np.float32), "targets": random.integers(0, 3, 8).astype(np.int32)}
for point in [None, *points]:
    hyperparameters = hyperparameters_tuple(point)
    params, state = workload.init_model_fn(keys.model)
    before = arrays(params)
    optimizer_state = submission.init_optimizer_state(view, params, state, hyperparameters, keys.optimizer)
    for step in range(2):
        chosen = submission.data_selection(
            view, iter([workload.to_device(batch)]), optimizer_state, params, state, hyperparameters, step, keys.data)
        optimizer_state, params, state = submission.update_params(
            workload=view, current_param_container=params, current_params_types=view.model_params_types,
            model_state=state, hyperparameters=hyperparameters, batch=chosen, loss_type=view.loss_type,
            optimizer_state=optimizer_state, eval_results=[], global_step=step,
            rng=fold_in(keys.steps, step, framework))
    after = arrays(params)
    assert any((a != b).any() for a, b in zip(before, after, strict=True)), point
    assert all(np.isfinite(a).all() for a in after), point
    prepared = submission.prepare_for_eval(
        workload=view, current_param_container=params, current_params_types=view.model_params_types, model_state=state,
        hyperparameters=hyperparameters, loss_type=view.loss_type, optimizer_state=optimizer_state, eval_results=[],
        global_step=2, rng=keys.steps)
    measured = arrays(prepared[1])
    assert [a.shape for a in measured] == [a.shape for a in after], point
    assert all(np.isfinite(a).all() for a in measured), point
for name in ("criteo1tb", "fastmri", "imagenet_resnet", "imagenet_vit", "librispeech_conformer",
             "librispeech_deepspeech", "ogbg", "wmt"):
    assert submission.get_batch_size(name) >= 32
try:
    submission.get_batch_size("ogbg_gelu")
except ValueError:
    print("ok")
"""


def test_six_algorithms_are_there_each_in_both_frameworks():
    names = ("adamw", "heavy_ball", "muon", "nadamw", "nesterov", "schedule_free_adamw")
    assert [f"{name}-{framework}" for name in names for framework in ("jax", "pytorch")] == NAMES


@pytest.mark.parametrize("folder", FOLDERS[::2], ids=NAMES[::2])
def test_both_frameworks_search_the_same_points_and_have_the_same_defaults(folder: Path):
    twin = folder.parent / "pytorch"
    space = "tuning_search_space.json"
    assert (folder / space).read_text() == (twin / space).read_text()
    assert _defaults(folder) == _defaults(twin)


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_a_point_names_only_fields_that_have_a_default(folder: Path):
    for point in json.loads((folder / "tuning_search_space.json").read_text()):
        assert set(point) <= set(_defaults(folder))


def _defaults(folder: Path) -> dict[str, object]:
    """`DEFAULTS` of a submission, read without importing it."""
    for node in ast.parse((folder / "submission.py").read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "DEFAULTS":
            assert node.value is not None
            return ast.literal_eval(node.value)
    raise AssertionError(f"{folder} has no DEFAULTS")


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_the_search_space_has_five_different_points(folder: Path):
    space = parse_search_space(json.loads((folder / "tuning_search_space.json").read_text()))
    points = sample(space, 6, 0)
    assert len(points) == 5
    assert len({json.dumps(point) for point in points}) == 5


@pytest.mark.full
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_every_point_and_the_defaults_train(folder: Path, tmp_path: Path):
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", STEPS, str(folder), folder.name],
        env=environment, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "ok"
