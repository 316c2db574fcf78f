from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.dynamic_code import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "eval('1')",
        "exec(text)",
        "compile(text, 'x', 'exec')",
        "__import__('os')",
        "run = eval",
        "ｅval('1')",  # Python reads full-width letters as plain ones
        "import builtins\nbuiltins.exec('1')",
        "import importlib",
        "from importlib import import_module",
        "import marshal",
        "import runpy",
        "import types\ntypes.FunctionType(code, {})",
        "f.__code__ = g.__code__",
        "__builtins__['eval']('1')",
        "import base64\nbase64.b64decode(X)",
        "import zlib\nzlib.decompress(X)",
        "bytes.fromhex(X)",
        "import codecs\ncodecs.decode(X, 'rot13')",
        "import os\ngetattr(os, name)('true')",
        "import torch\ngetattr(torch, name)",
    ],
)
def test_code_that_stands_in_no_file_is_for_a_reviewer(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.REVIEW}


@pytest.mark.parametrize(
    "code",
    [
        "import math\ngetattr(math, name)",
        "import numpy as np\nfn = getattr(np, rule)",
        "getattr(hyperparameters, key)",
        "import pickle\npickle.load(f)",
        "globals()['x']",
    ],
)
def test_evaluators_over_tables_are_noted(code):
    assert {verdict for verdict, _ in judge(RULE, code)} == {Verdict.NOTE}


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "model.eval()",
        "import torch\nstep = torch.compile(step)",
        "from torch import compile\nstep = compile(step)",
        "import re\nre.compile('x')",
        "import pickle",
        "import ast\ntree = ast.parse(text)",
        "import torch\n@torch.compile\ndef newton_schulz(g): return g",
        "getattr(hyperparameters, 'label_smoothing', 0.0)",
        "hasattr(hyperparameters, 'dropout_rate')",
        "import math\nmath.exp(1)",
    ],
)
def test_compilers_of_the_frameworks_are_silent(code):
    assert judge(RULE, code) == []
