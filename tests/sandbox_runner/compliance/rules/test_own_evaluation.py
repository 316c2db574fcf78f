from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.own_evaluation import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "workload.eval_model(8, params, state, rng, '/data', None, 0)",
        "workload._eval_model_on_split('validation', 8, 8, params, state, rng, '/data')",
        "workload._eval_iters.clear()",
        "getattr(workload, 'eval_model')",
    ],
)
def test_evaluating_by_itself_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "model.eval()",
        "best = max(r[1]['validation/' + workload.target_metric_name] for r in eval_results)",
        '"""Like eval_model, but on training batches."""',
    ],
)
def test_reading_results_is_silent(code):
    assert judge(RULE, code) == []
