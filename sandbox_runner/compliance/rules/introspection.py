"""A submission does not look into the program that calls it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources, imports, root

_NAMES = {
    "inspect.stack",
    "inspect.trace",
    "inspect.currentframe",
    "inspect.getouterframes",
    "inspect.getinnerframes",
    "inspect.getframeinfo",
    "gc.get_objects",
    "gc.get_referrers",
    "gc.get_referents",
    "gc.callbacks",
    "sys._getframe",
    "sys._current_frames",
    "sys.settrace",
    "sys.setprofile",
    "sys.addaudithook",
    "sys.modules",
    "sys.meta_path",
    "sys.path_hooks",
    "sys.excepthook",
    "sys.displayhook",
    "traceback.walk_stack",
    "__main__",
}
_ATTRIBUTES = {
    "tb_frame",
    "f_back",
    "f_locals",
    "f_globals",
    "f_builtins",
    "__subclasses__",
    "__globals__",
    "__closure__",
}


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for node, name in imports(module):
            if name in _NAMES or root(name) == "__main__":
                yield RULE.at(module, node, Verdict.REVIEW, f"{name} looks into the program that calls the submission.")
        for node in module.nodes:
            if asked := _asked(module, node):
                message = f"{asked} looks into the program that calls the submission."
                yield RULE.at(module, node, Verdict.REVIEW, message)


def _asked(module: Module, node: ast.AST) -> str:
    if isinstance(node, ast.Attribute | ast.Call):
        name = module.dotted(node)
        if name in _NAMES and root(name) in module.imported_roots:
            return name
    if isinstance(node, ast.Attribute):
        return node.attr if node.attr in _ATTRIBUTES else ""
    text = module.texts.get(node, "")
    return text if text in _ATTRIBUTES else ""


RULE = Rule(
    id="introspection",
    title="It does not look into its caller",
    why="Frames and object lists lead to the program around the submission. Nothing there is part of the API.",
    fix="Use what the functions are given as arguments.",
    verdicts=(Verdict.REVIEW,),
    find=_find,
)
