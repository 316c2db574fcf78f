"""Where a name of submission.py is really defined: in the file itself, or in a helper module it imports from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox_runner.compliance.source import Module, Sources, imported_module, root

_MAX_HOPS = 20  # re-exports of re-exports; also ends circles


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a name stands for. `arguments` is None where the value is made by a call and its parameters are not seen."""

    module: Module
    node: ast.AST
    arguments: ast.arguments | None


def find(sources: Sources, module: Module, name: str, hops: int = 0) -> Definition | None:
    """The definition behind a module-level name, following imports inside the submission; None where there is none."""
    if hops > _MAX_HOPS:
        return None
    found: Definition | None = None
    for statement in _module_level(module.tree):
        found = _bound_by(sources, module, statement, name, hops) or found
    return found


def _bound_by(sources: Sources, module: Module, statement: ast.stmt, name: str, hops: int) -> Definition | None:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
        return Definition(module=module, node=statement, arguments=statement.args)
    if isinstance(statement, ast.ClassDef) and statement.name == name:
        return Definition(module=module, node=statement, arguments=None)
    if isinstance(statement, ast.ImportFrom):
        return _imported(sources, module, statement, name, hops)
    if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return _assigned(sources, module, statement.value, hops)
    return None


def _imported(sources: Sources, module: Module, statement: ast.ImportFrom, name: str, hops: int) -> Definition | None:
    for alias in statement.names:
        if alias.name == "*" or (alias.asname or alias.name) == name:
            target = sources.find_module(imported_module(statement), module)
            wanted = name if alias.name == "*" else alias.name
            if target is not None and target is not module:
                if found := find(sources, target, wanted, hops + 1):
                    return found
            elif alias.name != "*":
                return Definition(module=module, node=statement, arguments=None)
    return None


def _assigned(sources: Sources, module: Module, value: ast.expr, hops: int) -> Definition | None:
    if isinstance(value, ast.Lambda):
        return Definition(module=module, node=value, arguments=value.args)
    if isinstance(value, ast.Name):
        return find(sources, module, value.id, hops + 1) or Definition(module=module, node=value, arguments=None)
    dotted = module.dotted(value)
    if dotted and root(dotted) != dotted:
        owner, _, attribute = dotted.rpartition(".")
        target = sources.find_module(owner, module)
        if target is not None:
            return find(sources, target, attribute, hops + 1)
    return Definition(module=module, node=value, arguments=None)


def _module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, in order, also inside if, try, with and loops."""
    waiting: list[ast.AST] = list(reversed(tree.body))
    while waiting:
        statement = waiting.pop()
        if isinstance(statement, ast.stmt):
            yield statement
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        children = [
            child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt | ast.ExceptHandler)
        ]
        waiting.extend(reversed(children))
