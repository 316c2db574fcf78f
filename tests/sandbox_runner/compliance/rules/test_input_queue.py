from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.input_queue import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "queue = workload._build_input_queue(rng, 'validation', '/data', 8)",
        "getattr(workload, '_build_input_queue')",
        "NAME = '_build' + '_input_queue'",
    ],
)
def test_building_a_queue_is_refused(code):
    assert set(judge(RULE, code)) == {(Verdict.REJECTED, 1)}


@pytest.mark.parametrize("code", [SUBMISSION, '"""Never calls _build_input_queue."""', "build_input_queue = 1"])
def test_other_queues_are_silent(code):
    assert judge(RULE, code) == []
