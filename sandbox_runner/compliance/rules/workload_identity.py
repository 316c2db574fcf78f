"""What the workload object is called, and where it comes from, is no input of a training algorithm."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources, text_of
from workloads.api import WORKLOAD_MEMBERS

_QUESTIONS = {"type", "isinstance", "repr", "str", "vars", "dir", "format"}
_NAMES = {"__class__", "__module__", "__name__", "__qualname__", "__doc__", "__dict__", "__repr__", "__str__"}
_SURROUNDINGS = {
    "sys.argv",
    "sys.orig_argv",
    "sys.path_importer_cache",
    "os.uname",
    "os.getcwd",
    "os.getcwdb",
    "platform.node",
    "platform.uname",
    "socket.gethostname",
}


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Call, ast.Attribute, ast.FormattedValue):
        if asked := _asks(module, node):
            yield RULE.at(module, node, Verdict.REVIEW, f"{asked} asks which workload this is.")
        elif isinstance(node, ast.Attribute) and module.dotted(node) in _SURROUNDINGS:
            message = f"{module.dotted(node)} asks where the submission runs."
            yield RULE.at(module, node, Verdict.REVIEW, message)


def _asks(module: Module, node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        chain = module.dotted(node).split(".")
        return module.dotted(node) if node.attr in _NAMES and "workload" in chain[:-1] else ""
    if isinstance(node, ast.FormattedValue):
        return "Printing the workload object" if _is_workload(module, node.value) else ""
    if not isinstance(node, ast.Call) or not node.args or not _is_workload(module, node.args[0]):
        return ""
    for question in _QUESTIONS:
        if module.is_builtin(node.func, question):
            return f"{question}(workload)"
    if any(module.is_builtin(node.func, reader) for reader in ("getattr", "hasattr")):
        name = text_of(node.args[1]) if len(node.args) > 1 else None
        return "" if name in WORKLOAD_MEMBERS else f"{module.dotted(node.func)}(workload, …)"
    return ""


def _is_workload(module: Module, node: ast.AST) -> bool:
    return module.dotted(node).rsplit(".", 1)[-1] in ("workload", "_workload")


RULE = Rule(
    id="workload-identity",
    title="The workload is not asked for its name",
    why="An algorithm that recognises its task could use settings prepared for it. The task is nameless where it runs.",
    fix="Use the members of the workload that the API lists; they are the same for all workloads.",
    verdicts=(Verdict.REVIEW,),
    find=_find,
)
