"""Environment variables may be read, not set."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources, text_of

_ENVIRON = ("os.environ", "os.environb")
_WRITES = {"update", "setdefault", "pop", "popitem", "clear", "__setitem__", "__delitem__"}
_EXPECTED = {"RANK", "LOCAL_RANK", "WORLD_SIZE"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Subscript, ast.Call, ast.Attribute, ast.AugAssign):
        if _writes(module, node):
            message = "This line changes the environment of the process."
            yield RULE.at(module, node, Verdict.REVIEW, message)
        elif name := _unexpected_read(module, node):
            message = f"The environment variable {name} is read; only RANK, LOCAL_RANK and WORLD_SIZE are set for you."
            yield RULE.at(module, node, Verdict.NOTE, message, "Do not rely on it.")


def _writes(module: Module, node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return not isinstance(node.ctx, ast.Load) and module.dotted(node.value) in _ENVIRON
    if isinstance(node, ast.AugAssign):
        return module.dotted(node.target) in _ENVIRON
    if isinstance(node, ast.Attribute):
        name = module.dotted(node)
        assigned = not isinstance(node.ctx, ast.Load) and name in _ENVIRON
        return assigned or name in ("os.putenv", "os.unsetenv")
    if isinstance(node, ast.Call):
        owner, _, method = module.dotted(node.func).rpartition(".")
        return owner in _ENVIRON and method in _WRITES
    return False


def _unexpected_read(module: Module, node: ast.AST) -> str:
    key: ast.AST | None = None
    if isinstance(node, ast.Subscript) and module.dotted(node.value) in _ENVIRON:
        key = node.slice
    elif isinstance(node, ast.Call) and module.dotted(node.func) in ("os.getenv", "os.environ.get") and node.args:
        key = node.args[0]
    name = text_of(key) if key is not None else None
    return name if name is not None and name not in _EXPECTED else ""


RULE = Rule(
    id="environment",
    title="The environment is left as it is",
    why="Environment variables steer frameworks, compilers and libraries; the benchmark sets them the same for all.",
    fix="Take the line out; use arguments of the framework's functions instead.",
    verdicts=(Verdict.NOTE, Verdict.REVIEW),
    find=_find,
)
