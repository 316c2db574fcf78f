from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.workload_identity import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "type(workload)",
        "workload.__class__.__name__",
        "workload.__module__",
        "repr(workload)",
        "str(workload)",
        "f'{workload}'",
        "isinstance(workload, object)",
        "vars(workload)",
        "dir(self.workload)",
        "getattr(workload, name)",
        "getattr(workload, 'secret')",
        "hasattr(workload, 'vocab_size')",
        "import sys\nsys.argv",
        "import os\nos.getcwd()",
        "import os\nos.uname()",
    ],
)
def test_asking_who_the_workload_is_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "workload.step_hint",
        "workload.loss_fn(label_batch=batch['targets'], logits_batch=logits)",
        "getattr(workload, 'step_hint')",
        "hasattr(workload, 'metrics_logger')",
        "isinstance(x, dict)",
        "type(params)",
        "str(workload.step_hint)",
        "self.__class__.__name__",
        "import sys\nsys.version_info",
    ],
)
def test_using_the_api_is_silent(code):
    assert judge(RULE, code) == []
