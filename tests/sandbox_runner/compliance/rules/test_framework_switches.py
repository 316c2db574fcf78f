from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.framework_switches import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.backends.cudnn.benchmark = True",
        "import torch.backends.cuda\ntorch.backends.cuda.matmul.allow_tf32 = True",
        "import torch\ntorch.set_float32_matmul_precision('high')",
        "import torch\ntorch._dynamo.config.cache_size_limit = 64",
        "import torch\nside = torch.cuda.Stream()",
        "import jax\njax.config.update('jax_default_matmul_precision', 'high')",
        "from jax import config\nconfig.update('x', 1)",
    ],
)
def test_a_global_switch_is_noted(code):
    assert judge(RULE, code) == [(Verdict.NOTE, 2)]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import torch\nf = torch.compile(g, mode='reduce-overhead')",
        "import torch\nx = torch.backends.cudnn.benchmark",
        "config.update('x', 1)",
        "import torch\ntorch.manual_seed(0)",
    ],
)
def test_compilation_and_reading_are_silent(code):
    assert judge(RULE, code) == []
