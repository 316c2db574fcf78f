"""Training data come from the queue that data_selection is given; nobody builds another one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources

_NAME = "_build_input_queue"


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Attribute, ast.Constant, ast.BinOp):
        name = node.attr if isinstance(node, ast.Attribute) else module.texts.get(node)
        if name == _NAME:
            yield RULE.at(module, node, Verdict.REJECTED, f"{_NAME} is not for submissions.")


RULE = Rule(
    id="input-queue",
    title="No second input queue is built",
    why="The order and the split of the data belong to the benchmark; a queue of one's own could read other splits.",
    fix="Take batches from the input_queue that data_selection is given; it never ends.",
    verdicts=(Verdict.REJECTED,),
    find=_find,
)
