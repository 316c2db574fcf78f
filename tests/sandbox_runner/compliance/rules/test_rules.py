"""What holds for every rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox_runner.compliance import RULES, rules

FOLDER = Path(rules.__file__).parent


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_why_it_exists_and_what_to_do(rule):
    for sentence in (rule.why, rule.fix):
        assert sentence.endswith(".")
    assert not rule.title.endswith(".")
    assert list(rule.verdicts) == sorted(rule.verdicts, key=lambda verdict: verdict.severity)


def test_every_file_holds_one_rule_that_is_named_like_it_and_has_a_test():
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__", "base"}
    assert {rule.id.replace("-", "_") for rule in RULES} == files
    assert {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")} == {*files, "rules"}
