from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from tests.sandbox_runner.compliance.submissions import SUBMISSION, findings_of, honest_files, report_of


def verdicts(code: str, framework: str) -> list[Verdict]:
    report = report_of(honest_files(**{"submission.py": code}), framework=framework)
    return [finding.verdict for finding in findings_of(report, "framework")]


@pytest.mark.parametrize(
    ("imports", "framework", "expected"),
    [
        ("import torch", "pytorch", []),
        ("import torch.nn as nn", "pytorch", []),
        ("import jax", "jax", []),
        ("from optax import adamw", "jax", []),
        ("import torch\nimport jax", "pytorch", []),
        ("import math", "jax", []),
        ("import jax", "pytorch", [Verdict.NOTE]),
        ("import jax\nimport optax", "pytorch", [Verdict.NOTE]),
        ("import torch", "jax", [Verdict.NOTE]),
    ],
)
def test_importing_only_the_other_framework_is_noted(imports, framework, expected):
    assert verdicts(SUBMISSION.replace("import torch\n", f"{imports}\n", 1), framework) == expected
