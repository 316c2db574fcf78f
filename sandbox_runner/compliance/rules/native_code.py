"""Kernels come with the framework; a submission brings none of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, imports, root, starts_with

_NAMES = (
    "ctypes",
    "_ctypes",
    "cffi",
    "mmap",
    "fcntl",
    "cupy",
    "numba",
    "triton",
    "tvm",
    "pycuda",
    "cuda",
    "cython",
    "torch.utils.cpp_extension",
    "torch.ops.load_library",
    "torch.classes.load_library",
    "torch.cuda.cudart",
    "jax.ffi",
    "jax.extend.ffi",
    "jax.experimental.pallas",
    "jax.experimental.mosaic",
    "numpy.ctypeslib",
)


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if forbidden := _forbidden(name):
                yield RULE.at(module, node, Verdict.REJECTED, f"{forbidden} brings in code of another kind.")
        for node in module.nodes:
            if isinstance(node, ast.Attribute | ast.Call):
                name = module.dotted(node)
                forbidden = _forbidden(name) if root(name) in module.imported_roots else ""
                if forbidden and not isinstance(module.parents[node], ast.Attribute):
                    yield RULE.at(module, node, Verdict.REJECTED, f"{forbidden} brings in code of another kind.")


def _forbidden(name: str) -> str:
    return next((forbidden for forbidden in _NAMES if starts_with(name, forbidden)), "")


RULE = Rule(
    id="native-code",
    title="No kernels or native code of its own",
    why="The benchmark compares training algorithms, not kernels; native code also escapes every other check.",
    fix="Use the public functions of PyTorch or JAX, torch.compile or jax.jit.",
    verdicts=(Verdict.REJECTED,),
    find=_find,
)
