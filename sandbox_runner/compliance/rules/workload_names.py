"""Workload names steer one thing only: get_batch_size."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance import definitions
from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources
from sandbox_runner.compliance.workload_words import is_workload_name, words_in

_ALLOWED = {"get_batch_size", "get_eval_batch_size"}
_LOG_METHODS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "fatal", "log", "vlog"}
_SAID = "Workload names are for get_batch_size only"


def _find(sources: Sources) -> Iterator[Finding]:
    allowed = _allowed(sources)
    for module in sources.modules:
        for node in module.statements:
            if _owner(module, node) in allowed:
                yield from _escapes(module, node)
            elif found := _named(module, node):
                verdict, message = found
                yield RULE.at(module, node, verdict, message)


def _named(module: Module, node: ast.AST) -> tuple[Verdict, str] | None:
    if node in module.texts:
        return _named_in_text(module, node)
    identifier = _identifier(node)
    if identifier and words_in(identifier):
        return Verdict.REVIEW, f"{_SAID}; here {identifier} names one."
    return None


def _named_in_text(module: Module, node: ast.AST) -> tuple[Verdict, str] | None:
    parent, text = module.parents[node], module.texts[node]
    whole = is_workload_name(text)
    words = words_in(text)
    if (not whole and not words) or _is_message(module, node):
        return None
    if isinstance(parent, ast.Dict) and node in parent.keys and not whole:
        return Verdict.NOTE, f'The key "{text}" mentions a workload.'
    if not words and not isinstance(parent, ast.Compare | ast.Dict | ast.Subscript | ast.MatchValue):
        return None  # "resnet" or "vit" only mean a workload where something is compared or looked up
    return Verdict.REVIEW, f'{_SAID}; here the text "{text[:60]}" names one.'


def _identifier(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.keyword):
        return node.arg or ""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    return ""


def _is_message(module: Module, node: ast.AST) -> bool:
    """True for what is only printed: logs, exceptions, assertions, warnings."""
    for parent in module.ancestors(node):
        if isinstance(parent, ast.Raise | ast.Assert):
            return True
        if isinstance(parent, ast.Call):
            name = module.dotted(parent.func)
            if name in ("print", "warnings.warn") or name.rsplit(".", 1)[-1] in _LOG_METHODS:
                return True
        if isinstance(parent, ast.stmt):
            return False
    return False


def _allowed(sources: Sources) -> set[str]:
    """get_batch_size, what it is called where it is imported from, and module-level names that only these use."""
    allowed = set(_ALLOWED)
    if (main := sources.by_path.get("submission.py")) is not None:
        for name in _ALLOWED:
            definition = definitions.find(sources, main, name)
            allowed |= set(_defines(definition.node)) if definition else set()
    return allowed | _used_only_by(sources, allowed)


def _used_only_by(sources: Sources, owners: set[str]) -> set[str]:
    """Module-level names that everything else could do without: helpers of the owners, and helpers of those."""
    uses: dict[str, set[str]] = {}  # who -> the names it mentions
    defined: set[str] = set()
    for module in sources.modules:
        for node in module.nodes:
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                name = node.id if isinstance(node, ast.Name) else node.attr
                uses.setdefault(_owner(module, node), set()).add(name)
        defined |= {name for statement in module.tree.body for name in _defines(statement)}
    mentioned = {name for owner, names in uses.items() for name in names - {owner}}
    waiting = ["", *(defined - mentioned - owners)]  # loose statements, and what others call from outside
    needed = set(waiting)
    while waiting:
        found = uses.get(waiting.pop(), set()) - needed - owners
        needed |= found
        waiting.extend(found)
    return defined - needed


def _owner(module: Module, node: ast.AST) -> str:
    """The module-level function, class or variable whose definition holds a node; "" for loose statements."""
    names = _defines(module.statements[node])
    return names[0] if names else ""


def _defines(statement: ast.AST) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return []


def _escapes(module: Module, node: ast.AST) -> Iterator[Finding]:
    """What get_batch_size learns stays there."""
    if isinstance(node, ast.Global):
        message = "get_batch_size writes a global variable; what it learns about the workload has to stay there."
        yield RULE.at(module, node, Verdict.REVIEW, message)


RULE = Rule(
    id="workload-names",
    title="Workload names appear only in get_batch_size",
    why="The rules allow one thing to depend on which workload is trained: the batch size.",
    fix="Decide by generic properties (loss type, parameter shapes and kinds), or leave the decision to tuning.",
    verdicts=(Verdict.NOTE, Verdict.REVIEW),
    find=_find,
)
