from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.network import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import socket",
        "from urllib.request import urlopen",
        "import http.client",
        "import requests",
        "import wandb",
        "from torch import hub",
        "import torch.distributed.rpc as rpc",
        "def f():\n    import ssl",
    ],
)
def test_network_modules_are_refused(code):
    assert [verdict for verdict, _ in judge(RULE, code)] == [Verdict.REJECTED]


@pytest.mark.parametrize(
    "code", [SUBMISSION, "import torch.distributed", "from .http import x", "socket = 1", "selection = 2"]
)
def test_everything_else_is_silent(code):
    assert judge(RULE, code) == []
