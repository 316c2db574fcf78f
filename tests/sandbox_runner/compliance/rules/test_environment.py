from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.environment import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "line",
    [
        "os.environ['XLA_FLAGS'] = '1'",
        "os.environ['RANK'] = '0'",
        "os.environ['X'] += '1'",
        "del os.environ['X']",
        "os.environ.update(X='1')",
        "os.environ.setdefault('X', '1')",
        "os.environ.pop('X')",
        "os.environ.clear()",
        "os.environ = {}",
        "os.environ |= {'X': '1'}",
        "os.putenv('X', '1')",
        "os.unsetenv('X')",
        "put = os.putenv",
    ],
)
def test_changing_the_environment_is_for_a_reviewer(line):
    assert {verdict for verdict, _ in judge(RULE, f"import os\n{line}")} == {Verdict.REVIEW}


@pytest.mark.parametrize("code", ["from os import environ\nenviron['X'] = '1'", "import os as o\no.environ['X'] = '1'"])
def test_other_names_for_it_are_seen_through(code):
    assert judge(RULE, code) == [(Verdict.REVIEW, 2)]


@pytest.mark.parametrize("line", ["os.environ['HOME']", "os.environ.get('USER', '')", "os.getenv('SLURM_JOB_ID')"])
def test_reading_something_unexpected_is_noted(line):
    assert judge(RULE, f"import os\n{line}") == [(Verdict.NOTE, 2)]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import os\nrank = int(os.environ['RANK'])",
        "import os\nlocal = os.environ.get('LOCAL_RANK', '0')",
        "import os\nddp = 'LOCAL_RANK' in os.environ",
        "import os\nsize = os.getenv('WORLD_SIZE')",
        "environ = {}\nenviron['x'] = 1",
    ],
)
def test_reading_the_ranks_is_silent(code):
    assert judge(RULE, code) == []
