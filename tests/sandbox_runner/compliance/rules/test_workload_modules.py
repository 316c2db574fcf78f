from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.workload_modules import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "from algoperf.workloads.ogbg import models",
        "import algoperf.workloads.wmt",
        "from algoperf import workloads",
        "from algorithmic_efficiency.workloads import workloads",
        "import workloads",
        "from workloads.api import sample",
        "from sandbox_runner import protocol",
        "import apw",
    ],
)
def test_workload_code_is_refused(code):
    assert judge(RULE, code) == [(Verdict.REJECTED, 1)]


@pytest.mark.parametrize(
    "code",
    ["from algoperf import submission_runner", "from algoperf.checkpoint_utils import save", "import algoperf.halton"],
)
def test_the_benchmarks_own_tools_are_for_a_reviewer(code):
    assert judge(RULE, code) == [(Verdict.REVIEW, 1)]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "from algoperf import spec",
        "from algorithmic_efficiency import spec",
        "import algoperf",
        "from algoperf.pytorch_utils import pytorch_setup",
        "from algoperf import jax_sharding_utils",
        "from .workloads_of_mine import x",
        "import torch.nn as nn",
    ],
)
def test_the_submission_api_is_silent(code):
    assert judge(RULE, code) == []
