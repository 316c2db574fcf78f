"""The reference submissions are what a team uploads: they pass every check, under both rulesets."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox_runner.compliance import Verdict, archive_of_folder, check

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = sorted(path.parent.relative_to(ROOT) for path in (ROOT / "algorithms").rglob("submission.py"))


def test_there_are_reference_submissions():
    assert {folder.name for folder in FOLDERS} == {"jax", "pytorch"}


@pytest.mark.parametrize("ruleset", ["external", "self_tuning"])
@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_reference_submission_has_nothing_to_review(folder, ruleset):
    findings = check(archive_of_folder(ROOT / folder), ruleset, folder.name)
    serious = [finding for finding in findings if finding.verdict in (Verdict.REVIEW, Verdict.REJECTED)]
    assert serious == []
