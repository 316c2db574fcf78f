from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.hidden_characters import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "x = 1  # \u202e turned around",
        "access = 'user\u2066'",
        "x = 'a\u200bb'",
        "x = 1 # \x1b[8m hidden",
        "x = 1" + " " * 3000 + "\ny = 2",
    ],
)
def test_what_is_not_shown_is_for_a_reviewer(code):
    assert [verdict for verdict, _ in judge(RULE, code)] == [Verdict.REVIEW]


def test_letters_that_look_like_others_are_noted():
    assert judge(RULE, "p\u0430rams = 1") == [(Verdict.NOTE, 1)]


@pytest.mark.parametrize(
    "code", [SUBMISSION, "# Ünïcode in comments: β₁, θ\nx = 'é'", "x = 1\t# tab\x0c\ny = 2", "\ufeffx = 1"]
)
def test_ordinary_letters_are_silent(code):
    assert judge(RULE, code) == []
