from __future__ import annotations

import json

import pytest

from sandbox_runner.compliance.findings import CheckResult, Finding, Report, Stage, Verdict, printable, worst
from tests.sandbox_runner.compliance.submissions import honest_files, report_of


def finding(verdict: Verdict = Verdict.NOTE, **fields) -> Finding:
    return Finding(**{"rule": "r", "stage": Stage.RULES, "verdict": verdict, "message": "m", "fix": "f", **fields})


def test_a_finding_survives_json():
    original = finding(Verdict.REVIEW, path="a.py", line=3, excerpt="x = 1")
    assert Finding.from_json(json.loads(json.dumps(original.as_json()))) == original


def test_a_report_survives_json_with_its_bundle():
    report = report_of(honest_files())
    assert Report.from_json(json.loads(json.dumps(report.as_json()))) == report
    assert report.bundle


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\tb\nc", "a b c"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("\u202eevil", "\N{REPLACEMENT CHARACTER}evil"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("é ‡ 漢", "é ‡ 漢"),
        ("<script>", "<script>"),  # pages escape; a finding keeps what was written
    ],
)
def test_texts_lose_what_cannot_be_seen(text, shown):
    assert finding(message=text, excerpt=text, path=text).message == shown
    assert finding(excerpt=text).excerpt == shown


def test_texts_are_bounded():
    long = finding(message="m" * 10_000, fix="f" * 10_000, excerpt="e" * 10_000, path="p" * 10_000)
    assert len(long.excerpt) == 200
    assert [len(long.message), len(long.fix), len(long.path)] == [600, 1500, 200]
    assert printable("abcdef", 4) == "abc…"


def test_advice_keeps_its_lines():
    assert finding(fix="name: x\nauthors: y").fix == "name: x\nauthors: y"


def test_the_worst_verdict_counts():
    assert worst([]) is Verdict.PASSED
    assert worst([finding(Verdict.REVIEW), finding(Verdict.NOTE)]) is Verdict.REVIEW
    assert worst([finding(Verdict.NOTE), finding(Verdict.REJECTED), finding(Verdict.REVIEW)]) is Verdict.REJECTED


def test_a_check_without_findings_has_passed():
    result = CheckResult(id="r", title="t", stage=Stage.RULES)
    assert result.as_json()["state"] == "passed"
