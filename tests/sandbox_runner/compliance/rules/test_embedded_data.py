from __future__ import annotations

import base64
import random

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.embedded_data import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge

REVIEW, REJECTED = Verdict.REVIEW, Verdict.REJECTED
NOISE = random.Random(0).randbytes(20_000)
PACKED = base64.b64encode(NOISE).decode()
PROSE = "The quick brown fox jumps over the lazy dog, again and again, and rests. " * 60


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"WEIGHTS = [{'0.5, ' * 512}]", {REVIEW}),
        (f"WEIGHTS = {{{', '.join(f'{n}: -0.5' for n in range(300))}}}", {REVIEW}),
        (f"WEIGHTS = [{'[1, 2, 3, 4], ' * 128}]", {REVIEW}),
        ("NAMES = (" + '"a", ' * 600 + ")", {REVIEW}),
        ("\n".join(f"x{n} = {n}.5" for n in range(2001)), {REVIEW}),
        (f"WEIGHTS = [{'0.5, ' * 20_001}]", {REVIEW, REJECTED}),
        (f"DATA = '{PACKED}'", {REVIEW}),
        (f"DATA = '{PACKED[:600]}'", {REVIEW}),
        (f"DATA = {NOISE[:600]!r}", {REVIEW}),
        (f"DATA = '{NOISE[:1100].hex()}'", {REVIEW}),
        (f"TEXT = '''{PROSE}'''", {REVIEW}),
        (f"'''{PACKED[:600]}'''", {REVIEW}),
        (f"def f():\n    '''{PACKED[:600]}'''", {REVIEW}),
        (f"# {PACKED[:600]}\nx = 1", {REVIEW}),
        ("\n".join(f"# {PACKED[n : n + 70]}" for n in range(0, 7000, 70)), {REVIEW}),
        ("\n".join(f"x{n} = '{PROSE[:1500]}'" for n in range(30)), {REVIEW}),
    ],
)
def test_tables_and_packed_texts_are_found(code, expected):
    assert {verdict for verdict, _ in judge(RULE, code)} == expected


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        f"BETAS = [{'0.5, ' * 300}]",
        "\n".join(f"x{n} = {n}.5" for n in range(333)),  # as many numbers as any known submission has
        f"'''{PROSE}'''",
        f"def f():\n    '''{PROSE}'''",
        "\n".join(f"# {line}." for line in PROSE.split(", ")),
        f"HELP = '{PROSE[:1500]}'",
        "x = jnp.zeros((1000, 1000))",
    ],
)
def test_settings_and_documentation_are_silent(code):
    assert judge(RULE, code) == []
