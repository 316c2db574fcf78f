"""Which generation a submission belongs to, and what it gets for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from workloads.generations import built_in_dropout, detect
from workloads.view import WorkloadView

PMAP_OLD = """
import functools
import jax
from algorithmic_efficiency import spec
@functools.partial(jax.pmap, axis_name='batch', static_broadcasted_argnums=(0, 1))
def step(workload, update, params, batch):
    return workload.model_fn(params, batch, None, spec.ForwardPassMode.TRAIN, None, update_batch_norm=True)
"""
PMAP_NEW = PMAP_OLD.replace("algorithmic_efficiency", "algoperf")
JIT = """
import jax
from algoperf import spec, jax_sharding_utils
def step(workload, params, batch, rate):
    '''Replaces the older pmap.'''
    return workload.model_fn(params, batch, None, spec.ForwardPassMode.TRAIN, None, True, dropout_rate=rate)
"""
JIT_WITH_PMAP_HELPER = JIT + "\nhelper = jax.pmap\n"
TORCH_OLD = "import torch\nfrom algorithmic_efficiency import spec\n"
TORCH_B = "import torch\nfrom algoperf import spec\n"
TORCH_C = TORCH_B + "def step(workload, params, batch): workload.model_fn(params, batch, dropout_rate=0.1)\n"
BOTH_NAMES = "try:\n    from algoperf import spec\nexcept ImportError:\n    from algorithmic_efficiency import spec\n"


@pytest.mark.parametrize(
    ("source", "framework", "name", "replicated", "dropout_at_start"),
    [
        (PMAP_OLD, "jax", "A", True, True),
        (PMAP_NEW, "jax", "B", True, True),
        (JIT, "jax", "C", False, False),
        (JIT_WITH_PMAP_HELPER, "jax", "C", False, False),
        (TORCH_OLD, "pytorch", "A", False, True),
        (TORCH_B, "pytorch", "B", False, True),
        (TORCH_C, "pytorch", "C", False, False),
        (BOTH_NAMES, "pytorch", "B", False, True),
    ],
)
def test_imports_and_calls_tell_the_generation(source, framework, name, replicated, dropout_at_start, tmp_path):
    (tmp_path / "submission.py").write_text(source)

    found = detect(tmp_path, framework)

    assert (found.name, found.replicated, found.dropout_at_start) == (name, replicated, dropout_at_start)


def test_every_file_of_a_submission_counts(tmp_path):
    (tmp_path / "submission.py").write_text("from algorithmic_efficiency import spec\nfrom .steps import step\n")
    (tmp_path / "steps.py").write_text("import jax\nstep = jax.pmap(lambda x: x)\n")
    (tmp_path / "broken.py").write_text("def (\n")

    assert detect(tmp_path, "jax").replicated


def test_older_generations_have_the_rate_of_their_hyperparameters_built_in(tmp_path):
    (tmp_path / "submission.py").write_text(TORCH_B)
    found = detect(tmp_path, "pytorch")

    assert built_in_dropout(found, SimpleNamespace(dropout_rate=0.25)) == 0.25
    assert built_in_dropout(found, SimpleNamespace(dropout_rate=None)) is None
    assert built_in_dropout(found, SimpleNamespace(learning_rate=0.1)) is None
    assert built_in_dropout(found, None) is None


def test_the_newest_generation_passes_its_rate_itself(tmp_path):
    (tmp_path / "submission.py").write_text(TORCH_C)
    assert built_in_dropout(detect(tmp_path, "pytorch"), SimpleNamespace(dropout_rate=0.25)) is None


class Recorder:
    """A workload that remembers with which rate its forward pass was called."""

    def __init__(self) -> None:
        self.rates = []

    def init_model_fn(self, rng):
        return f"model of {rng}", None

    def model_fn(self, params, batch, dropout_rate=0.1):
        self.rates.append(dropout_rate)
        return "logits", None


def test_a_built_in_rate_holds_until_a_call_names_another():
    workload = Recorder()
    view = WorkloadView(workload, dropout_rate=0.3)

    view.model_fn("model", "batch")
    view.model_fn("model", "batch", dropout_rate=0.0)
    view.init_model_fn(7, dropout_rate=0.5, aux_dropout_rate=0.9)
    view.model_fn("model", "batch")

    assert workload.rates == [0.3, 0.0, 0.5]


def test_a_view_without_a_rate_leaves_the_default_to_the_workload():
    workload = Recorder()
    view = WorkloadView(workload)

    assert view.init_model_fn(7) == ("model of 7", None)
    view.model_fn("model", "batch")

    assert workload.rates == [0.1]
