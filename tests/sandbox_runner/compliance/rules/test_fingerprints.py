from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.fingerprints import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "if workload.step_hint == 120000: pass",
        "if workload.step_hint > 100_000: pass",
        "if 48_000 <= workload.step_hint: pass",
        "if workload.num_train_examples in (50000, 45000): pass",
        "if workload.num_validation_examples == 3000: pass",
        "if workload.validation_target_value == 0.5: pass",
        "if workload.max_allowed_runtime_sec // 1000 == 7: pass",
        "if self.workload.eval_period_time_sec == 80: pass",
        "hint = workload.step_hint\nif hint == 120000: pass",
        "def f(workload):\n    hint = int(workload.step_hint)\n    return hint == 120000",
        "KNOWN = (50000, 45000)\nif workload.num_train_examples in KNOWN: pass",
        "TABLE = {50000: 1, 45000: 2}\nTABLE[workload.num_train_examples]",
        "TABLE = {50000: 1, 45000: 2}\nTABLE.get(workload.num_train_examples, 3)",
        "{50000: 1, 45000: 2}[workload.num_train_examples]",
        "{50000: 1, 45000: 2}.get(workload.step_hint)",
        "match workload.step_hint:\n    case 120000: pass",
        "if p.shape == (2048, 1000): pass",
        "if p.shape in {(1, 2): 0, (2048, 1000): 1}: pass",
        "if tuple(p.shape) in [(64, 3, 7, 7), (64,)]: pass",
        "if p.size() == (512, 512): pass",
        "if sum(p.numel() for p in params) == 25557032: pass",
        "TABLE = {(2048, 1000): 1, (512, 512): 2}\nTABLE[tuple(p.shape)]",
        "if hashlib.sha256(repr(shapes).encode()).hexdigest() == 'ab12': pass",
        "if hash(shapes) == 123456: pass",
        "STEPS = 186_666",
        "size = 1281167",
        "target = 0.77431",
        "BUDGETS = {66159: 0.1, 12_011: 0.2}",
    ],
)
def test_recognising_a_workload_by_fixed_values_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "warmup = int(hyperparameters.warmup_factor * workload.step_hint)",
        "steps = workload.step_hint * 0.75",
        "if global_step > workload.step_hint: pass",
        "if global_step == int(workload.step_hint * 0.5357): raise Done",
        "steps_per_eval = workload.eval_period_time_sec / time_per_step",
        "if workload.step_hint <= 0: pass",
        "if workload.num_train_examples is None: pass",
        "epochs = max(1, workload.num_train_examples // batch_size)",
        "if workload.target_metric_name in ('loss', 'wer'): pass",
        "if loss_type == spec.LossType.CTC_LOSS: pass",
        "if p.ndim >= 2: pass",
        "if len(p.shape) == 4: pass",
        "if p.shape[0] == 1: pass",
        "if p.shape[0] > 1_000_000: pass",
        "if p.shape[2:] == (3, 3): pass",
        "if p.shape == (3, 3): pass",
        "if max(p.shape) > 8192: pass",
        "if p.numel() == 1: pass",
        "if p.numel() > 1_000_000: pass",
        "if p.shape == q.shape: pass",
        "buffers = {}\nbuffers[p.shape] = p",
        "CACHE = {}\nCACHE.get(p.shape)",
        "def get_batch_size(name):\n    return 43_793",
        "if global_step % 3 == 0: pass",
        "STYLES = {'adam': 1, 'sgd': 2}\nSTYLES[hyperparameters.style]",
        "zeros = jax.tree.map(lambda s: jnp.zeros(s.shape_tuple), workload.param_shapes)",
    ],
)
def test_scaling_with_sizes_and_telling_kinds_of_layers_apart_is_silent(code):
    assert judge(RULE, code) == []
