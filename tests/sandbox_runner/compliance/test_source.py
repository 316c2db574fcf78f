from __future__ import annotations

import ast

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.limits import MAX_SOURCE_BYTES
from sandbox_runner.compliance.source import Module, Sources, parse
from workloads.spec import Framework


def module(code: str) -> Module:
    modules, findings = parse({"submission.py": code.encode()})
    assert not findings
    return modules[0]


def refusal(content: bytes):
    modules, findings = parse({"helper.py": content})
    assert modules == ()
    assert [finding.verdict for finding in findings] == [Verdict.REJECTED]
    return findings[0]


def test_a_syntax_error_is_shown_with_its_line():
    finding = refusal(b"x = 1\nif x\n    y = 2\n")
    assert (finding.path, finding.line, finding.excerpt) == ("helper.py", 2, "if x")


@pytest.mark.parametrize(
    "content",
    [
        b"return 1",
        b"def f():\n    nonlocal x\n",
        b"break",
        b"def f(a, a): pass",
        b"match = 1\nmatch x:\n  case {}:\n pass",
        b"def f[T](x: T) -> T: return x\n",  # a newer Python
        b"x = 1\x00",
        b"\xff\xfe",
        b"x = '\xe9'",
        b"# -*- coding: utf-7 -*-\n",
        b"# coding: latin-1\nx = 1\n",
        b"# coding: nonsense\nx = 1\n",
        b"(" * 5000 + b")" * 5000,
        b"x = " + b"-" * 100_000 + b"1",
        b"x = " + b"(lambda: " * 200 + b"1" + b")" * 200,
        b"a" + b".a" * 50_000,
        b"[" * 300 + b"]" * 300,
        b"x = " + b"9" * 5000,
        b"x = [" + b"1," * 250_000 + b"]",
        b"if 1:\n" + b"".join(b" " * n + b"if 1:\n" for n in range(1, 200)),
    ],
)
def test_what_python_3_11_does_not_read_is_refused(content):
    finding = refusal(content)
    assert finding.message
    assert finding.fix


def test_odd_but_valid_source_is_read_without_warnings():
    code = "\ufeffpattern = '\\d'\r\nx = 1 if pattern is 'a' else 2\rdel x\n"
    assert [line for line in module(code).lines if "del" in line] == ["del x"]


def test_lines_are_counted_as_python_counts_them():
    parsed = module('x = "\\x0c"\x0c\ny = "a\u2028b"\nz = 1\n')
    name = next(node for node in parsed.nodes if isinstance(node, ast.Name) and node.id == "z")
    assert parsed.line(name.lineno) == "z = 1"


def test_all_source_together_is_limited():
    _, findings = parse({f"f{n}.py": b"#" * (MAX_SOURCE_BYTES // 4) for n in range(5)})
    assert [finding.verdict for finding in findings] == [Verdict.REJECTED]


def dotted(code: str) -> str:
    """What the last expression of the code resolves to."""
    parsed = module(code)
    last = parsed.tree.body[-1]
    assert isinstance(last, ast.Expr)
    return parsed.dotted(last.value)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import numpy as np\nnp.load", "numpy.load"),
        ("import os.path\nos.environ", "os.environ"),
        ("import os.path as p\np.join", "os.path.join"),
        ("from time import perf_counter as clock\nclock", "time.perf_counter"),
        ("from . import helper\nhelper.x", ".helper.x"),
        ("from .helper import x\nx.y", ".helper.x.y"),
        ("import torch\nbackend = torch.backends\nbackend.cudnn", "torch.backends.cudnn"),
        ("import torch\nbackend = torch.backends\nbackend = 1\nbackend.cudnn", "backend.cudnn"),
        ("import os\ngetattr(os, 'environ').clear", "os.environ.clear"),
        ("import os\ngetattr(os, 'envi' + 'ron')", "os.environ"),
        ("workload.step_hint", "workload.step_hint"),
        ("f().x", ""),
        ("x[0].y", ""),
    ],
)
def test_names_are_resolved_to_what_they_stand_for(code, name):
    assert dotted(code) == name


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("eval", True),
        ("import builtins\nbuiltins.eval", True),
        ("from torch import compile as eval\neval", False),
        ("def eval(): pass\neval", False),
        ("def f(eval): pass\neval", False),
        ("model.eval", False),
    ],
)
def test_a_builtin_is_told_from_a_name_of_ones_own(code, expected):
    parsed = module(code)
    last = parsed.tree.body[-1]
    assert isinstance(last, ast.Expr)
    assert parsed.is_builtin(last.value, "eval") is expected


@pytest.mark.parametrize(
    ("name", "importer", "path"),
    [
        ("helper", "submission.py", "helper.py"),
        ("pkg.inner", "submission.py", "pkg/inner.py"),
        ("pkg", "submission.py", "pkg/__init__.py"),
        (".helper", "submission.py", "helper.py"),
        (".inner", "pkg/outer.py", "pkg/inner.py"),
        ("..helper", "pkg/outer.py", "helper.py"),
        (".", "pkg/outer.py", "pkg/__init__.py"),
        ("submissions.self_tuning.mine.helper", "submission.py", "helper.py"),
        ("submissions.self_tuning.mine.pkg.inner", "submission.py", "pkg/inner.py"),
        ("torch", "submission.py", None),
        ("...helper", "pkg/outer.py", None),
    ],
)
def test_imports_find_the_files_of_the_submission(name, importer, path):
    paths = ["submission.py", "helper.py", "pkg/__init__.py", "pkg/inner.py", "pkg/outer.py"]
    modules, _ = parse(dict.fromkeys(paths, b""))
    sources = Sources(modules=modules, files={}, framework=Framework.JAX)
    found = sources.find_module(name, sources.by_path[importer])
    assert (found.path if found else None) == path
