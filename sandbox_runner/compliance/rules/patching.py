"""What a submission is given stays as it is: frameworks, clock, API package, workload, evaluation results."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.packages import API_PACKAGES
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.rules.framework_switches import is_switch
from sandbox_runner.compliance.source import Module, Sources, imports, root, starts_with

_HARD = {"time", *API_PACKAGES}  # the clock and the benchmark's own package
_WATCHED = {"torch", "jax", "jaxlib", "flax", "optax", "numpy", "builtins", "gc", "os", "sys", "random", "inspect"}
_GIVEN = {"eval_results", "train_state"}
_CONTENT_WRITES = {"append", "extend", "insert", "clear", "pop", "remove", "sort", "reverse", "update", "setdefault"}
_SETTERS = {"setattr", "delattr"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if starts_with(name, "unittest.mock"):
                yield RULE.at(module, node, Verdict.REVIEW, "unittest.mock replaces parts of other modules.")
        for node in module.nodes:
            changed = _changed(module, node)
            if changed and not is_switch(changed):
                message = f"This line changes {changed}, which is not the submission's."
                yield RULE.at(module, node, _verdict(changed), message)


def _changed(module: Module, node: ast.AST) -> str:
    """The dotted name of somebody else's object that this node changes, or ""."""
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return _foreign(module, node)
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return _foreign_contents(module, node.value)
    if isinstance(node, ast.Call):
        return _changed_by_call(module, node)
    return ""


def _changed_by_call(module: Module, node: ast.Call) -> str:
    if any(module.is_builtin(node.func, setter) for setter in _SETTERS) and node.args:
        return _foreign(module, node.args[0])
    owner, _, method = module.dotted(node.func).rpartition(".")
    if method in ("__setattr__", "__delattr__") and node.args:
        return _foreign(module, node.args[0]) or (owner if _is_foreign(module, owner) else "")
    if method in _CONTENT_WRITES and (owner == "sys.modules" or _is_given(module, node, owner)):
        return owner
    return ""


def _foreign(module: Module, node: ast.AST) -> str:
    name = module.dotted(node)
    return name if _is_foreign(module, name) else ""


def _foreign_contents(module: Module, node: ast.AST) -> str:
    """`x.__dict__[...]`, `vars(x)[...]`, `sys.modules[...]` and `eval_results[...]` on the left of an assignment."""
    if isinstance(node, ast.Call) and module.is_builtin(node.func, "vars") and node.args:
        return _foreign(module, node.args[0])
    name = module.dotted(node)
    if name.endswith(".__dict__"):
        return name if _is_foreign(module, name) else ""
    return name if name == "sys.modules" or _is_given(module, node, name) else ""


def _is_foreign(module: Module, name: str) -> bool:
    if not name:
        return False
    if root(name) in module.imported_roots:
        return root(name) in _HARD | _WATCHED
    return name == "workload" or "workload" in name.split(".")[:-1]


def _is_given(module: Module, node: ast.AST, name: str) -> bool:
    """True for eval_results and train_state where they are parameters, not variables of the submission's own."""
    return name in _GIVEN and any(
        argument.arg == name
        for function in module.functions_around(node)
        for argument in (*function.args.args, *function.args.kwonlyargs)
    )


def _verdict(changed: str) -> Verdict:
    return Verdict.REJECTED if root(changed) in _HARD else Verdict.REVIEW


RULE = Rule(
    id="patching",
    title="Nothing outside the submission is changed",
    why="Model, loss, data, clock and frameworks are the same for everybody; replaced parts make times incomparable.",
    fix="Keep the state in objects of the submission, and call public functions instead of replacing them.",
    verdicts=(Verdict.REVIEW, Verdict.REJECTED),
    find=_find,
)
