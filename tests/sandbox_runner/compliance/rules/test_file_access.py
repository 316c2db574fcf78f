from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.file_access import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "PATH = '/data/validation'",
        "ROOT = '/proc/self/maps'",
        "x = '/ctl/supervisor.sock'",
        "x = '/home/me/weights.pt'",
        "x = '/da' + 'ta/test'",
        "x = f'/proc/{pid}/root'",
    ],
)
def test_paths_outside_the_submission_are_for_a_reviewer(code):
    assert set(judge(RULE, code)) == {(Verdict.REVIEW, 1)}


@pytest.mark.parametrize(
    "code",
    [
        "open('theta.state', 'rb')",
        "import torch\ntorch.load('theta.state')",
        "import numpy as np\nnp.load('theta.npy')",
        "Path(__file__).with_name('theta.state').read_bytes()",
        "import os\nos.listdir('.')",
    ],
)
def test_reading_files_is_noted(code):
    assert [verdict for verdict, _ in judge(RULE, code)] == [Verdict.NOTE]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "x = 'validation/' + workload.target_metric_name",
        "x = 'train/loss'",
        "x = '/'",
        "x = a / b",
        "x = '/datapoint'",
        '"""/data is not read."""',
        "import tempfile\ntempfile.mkdtemp()",
        "door.open()",
    ],
)
def test_metric_names_and_divisions_are_silent(code):
    assert judge(RULE, code) == []
