from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.rules.native_code import RULE
from tests.sandbox_runner.compliance.submissions import SUBMISSION, judge


@pytest.mark.parametrize(
    "code",
    [
        "import ctypes",
        "from cffi import FFI",
        "import triton",
        "import triton.language as tl",
        "from numba import cuda",
        "import cupy",
        "import mmap",
        "from torch.utils import cpp_extension",
        "from torch.utils.cpp_extension import load_inline",
        "import torch\ntorch.utils.cpp_extension.load(name='x')",
        "import torch\ntorch.ops.load_library('x.so')",
        "from jax.experimental import pallas as pl",
        "import jax\njax.ffi.register_ffi_target('x', y)",
    ],
)
def test_native_code_is_refused(code):
    assert [verdict for verdict, _ in judge(RULE, code)] == [Verdict.REJECTED]


@pytest.mark.parametrize(
    "code",
    [
        SUBMISSION,
        "import torch\nf = torch.compile(g)",
        "import jax\nf = jax.jit(g, donate_argnums=(0,))",
        "import torch\ntorch.cuda.is_available()",
        "x.cuda()",
        "cuda.synchronize()",
        "from jax.experimental import pjit",
    ],
)
def test_public_functions_of_the_frameworks_are_silent(code):
    assert judge(RULE, code) == []
