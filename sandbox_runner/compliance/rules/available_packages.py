"""Imports have to be present where a trial runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.packages import API_PACKAGES, IMAGE_MODULES, OFFERED, OUR_MODULES
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources, imports, root

_PRESENT = {*sys.stdlib_module_names, *IMAGE_MODULES, *OUR_MODULES, *API_PACKAGES, "__future__", "submission"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            owner = name if isinstance(node, ast.Import) else name.rpartition(".")[0]
            if name.startswith(".") or root(name) in _PRESENT or sources.find_module(owner, module):
                continue
            if sources.find_module(name, module) or _is_nested(sources, owner) or _is_nested(sources, name):
                continue
            optional = _is_optional(module, node)
            message = f"{root(name)} is not installed where a trial runs."
            yield RULE.at(module, node, Verdict.NOTE if optional else Verdict.REJECTED, message)


def _is_nested(sources: Sources, name: str) -> bool:
    """True for one file of some subfolder, imported by its own name: a trial finds it if nothing else has the name."""
    path = name.replace(".", "/")
    return sum(known.endswith((f"/{path}.py", f"/{path}/__init__.py")) for known in sources.by_path) == 1


def _is_optional(module: Module, node: ast.AST) -> bool:
    """True where a failing import does not end the program at once: in a try, a function or a TYPE_CHECKING block."""
    return any(
        isinstance(parent, ast.Try | ast.FunctionDef | ast.AsyncFunctionDef | ast.If)
        for parent in module.ancestors(node)
    )


RULE = Rule(
    id="available-packages",
    title="Everything it imports is installed",
    why="All submissions run in the same image without network; nothing is installed for a single one.",
    fix=f"Use what is there ({', '.join(sorted(OFFERED))}), or put the source of what you need into the archive.",
    verdicts=(Verdict.NOTE, Verdict.REJECTED),
    find=_find,
)
