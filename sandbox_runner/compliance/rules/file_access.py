"""Files: those of the submission, and scratch space. Nothing else is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources

_SYSTEM_PATH = re.compile(
    r"/(bin|boot|ctl|data|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|usr|var)(/|$)"
)
_OPENERS = {"open", "io.open", "os.open", "torch.load", "torch.save", "numpy.load", "numpy.loadtxt", "numpy.fromfile",
            "numpy.memmap", "numpy.save", "numpy.savez", "jax.numpy.load", "jax.numpy.save"}  # fmt: skip
_PATH_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes"}
_WALKERS = {"os.walk", "os.listdir", "os.scandir", "glob.glob", "glob.iglob"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Constant, ast.BinOp, ast.Call):
        if isinstance(node, ast.Call):
            if name := _opens(module, node):
                yield RULE.at(module, node, Verdict.NOTE, f"{name} reads or writes files.")
        elif _SYSTEM_PATH.match(path := module.texts.get(node, "")):
            message = f"{path} lies outside the submission and its scratch space."
            yield RULE.at(module, node, Verdict.REVIEW, message)


def _opens(module: Module, node: ast.Call) -> str:
    name = module.dotted(node.func)
    if name in _OPENERS | _WALKERS and (name != "open" or module.is_builtin(node.func, "open")):
        return name
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    return method if method in _PATH_METHODS else ""


RULE = Rule(
    id="file-access",
    title="No files outside the submission are used",
    why="A trial starts from nothing but the submission and the training data, which come through the input queue.",
    fix="Read only files of the submission, declared under data_files, relative to __file__; write to the temp folder.",
    verdicts=(Verdict.NOTE, Verdict.REVIEW),
    find=_find,
)
