"""What the checks say about the red-team corpus. They are advice: most of it has to be contained by the sandbox."""

from __future__ import annotations

import pytest

from sandbox_runner.compliance import Verdict
from sandbox_runner.protocol import Ending
from tests.sandbox_cases import corpus
from tests.sandbox_runner.compliance.submissions import report_of


@pytest.mark.parametrize("name", corpus.names())
def test_a_case_gets_the_verdict_it_names(name):
    case = corpus.load(name)
    report = report_of(case.files(), ruleset=case.ruleset, framework=case.framework)
    serious = {finding.rule for finding in report.findings if finding.verdict in (Verdict.REVIEW, Verdict.REJECTED)}
    assert serious == set(case.check_rules)
    assert (report.verdict if serious else Verdict.PASSED) == case.check_verdict


@pytest.mark.parametrize("name", corpus.names())
def test_a_case_expects_endings_that_exist(name):
    assert set(corpus.load(name).expect.endings) <= set(Ending)
