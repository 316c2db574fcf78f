from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.requirements import RULE
from sandbox_runner.compliance.source import Sources
from workloads.spec import Framework


def verdicts(text: str) -> list[tuple[Verdict, int]]:
    files = {"requirements.txt": text.encode()}
    found = RULE.find(Sources(modules=(), files=files, framework=Framework.JAX))
    return [(finding.verdict, finding.line) for finding in found]


@pytest.mark.parametrize(
    "line",
    [
        "git+https://example.org/x.git",
        "learned_optimization @ git+https://example.org/x.git",
        "https://example.org/x.whl",
        "-r other.txt",
        "--index-url https://example.org",
        "-e .",
        "./wheels/x.whl",
        "tensorflow-metadata==1.14.0",
        "torchvision",
        "r",
    ],
)
def test_what_is_not_offered_is_refused(line):
    assert verdicts(f"# needed for speed\n{line}\n") == [(Verdict.REJECTED, 2)]


@pytest.mark.parametrize("line", ["optax==0.2.6", "torch>=2.0,<3", "Absl_Py == 2.1.0", "jax[cuda]==0.4", "numpy~=2.0"])
def test_a_version_is_noted_since_it_changes_nothing(line):
    assert verdicts(line) == [(Verdict.NOTE, 1)]


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "optax  # schedules\ntorch\n", "numpy ; python_version > '3'"])
def test_names_of_offered_packages_are_silent(text):
    assert verdicts(text) == []


def test_no_file_is_silent():
    assert list(RULE.find(Sources(modules=(), files={}, framework=Framework.JAX))) == []
