from __future__ import annotations

import random

import pytest

from sandbox_runner.compliance.file_kinds import check_kinds
from sandbox_runner.compliance.findings import Verdict
from tests.sandbox_runner.compliance.submissions import honest_files

KB = 1024
NOISE = random.Random(0).randbytes(300 * KB)
DULL = bytes([0, 1, 2, 3]) * (50 * KB)


def verdicts(path: str, content: bytes, *, declared: bool = False) -> list[Verdict]:
    return [finding.verdict for finding in check_kinds({path: content}, {path} if declared else set())]


def test_an_honest_submission_has_nothing_to_say():
    assert list(check_kinds(honest_files(), ())) == []


@pytest.mark.parametrize(
    "path", ["README.md", "LICENSE", "setup.cfg", "pyproject.toml", "a/b.yaml", "param_splitting/wmt.txt"]
)
def test_texts_beside_the_source_are_fine(path):
    assert verdicts(path, b"embedding.weight\nencoder.layer.0.bias\n" * 400) == []


@pytest.mark.parametrize(
    "path", ["weights.pt", "theta.state", "kernel.so", "kernel.cu", "run.sh", "model.npz", "noname"]
)
def test_an_undeclared_file_of_another_kind_is_refused(path):
    assert verdicts(path, b"x") == [Verdict.REJECTED]


@pytest.mark.parametrize("path", ["notes.txt", "data.json", "README.md"])
def test_bytes_under_a_text_name_are_refused(path):
    assert verdicts(path, NOISE[:100]) == [Verdict.REJECTED]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (NOISE[: 16 * KB], []),
        (NOISE[: 17 * KB], [Verdict.REVIEW]),  # dense: compressed, or parameters
        (DULL[: 60 * KB], []),
        (DULL[: 65 * KB], [Verdict.REVIEW]),
        (NOISE[: 148 * KB], [Verdict.REVIEW]),  # the size of the known learned optimizer
        (b"layer 1\n" * 20_000, []),
        (b"layer 1\n" * 40_000, [Verdict.REVIEW]),
    ],
)
def test_a_declared_data_file_may_carry_a_little(content, expected):
    assert verdicts("theta.state", content, declared=True) == expected


def test_a_large_or_packed_text_is_for_a_reviewer():
    packed = NOISE[: 30 * KB].hex().encode()
    base64_like = bytes(65 + byte % 58 for byte in NOISE[: 30 * KB])
    assert verdicts("notes.txt", b"a word and another\n" * 20_000) == [Verdict.REVIEW]
    assert verdicts("notes.txt", base64_like) == [Verdict.REVIEW]
    assert verdicts("notes.txt", packed) == [Verdict.REVIEW]
