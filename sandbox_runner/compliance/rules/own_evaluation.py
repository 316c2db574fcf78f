"""Evaluations are the judge's; a submission sees their results in eval_results."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources

_NAMES = {"eval_model", "_eval_model_on_split", "_eval_iters"}


def _find(sources: Sources) -> Iterator[Finding]:
    for module, node in sources.nodes(ast.Attribute, ast.Constant, ast.BinOp):
        name = node.attr if isinstance(node, ast.Attribute) else module.texts.get(node, "")
        if name in _NAMES:
            message = f"{name} does not exist where a submission runs: validation data are not there."
            yield RULE.at(module, node, Verdict.REVIEW, message)


RULE = Rule(
    id="own-evaluation",
    title="It does not evaluate by itself",
    why="Validation and test data are kept apart from the training, so that no submission can learn from them.",
    fix="Read eval_results, or measure on batches of the input queue.",
    verdicts=(Verdict.REVIEW,),
    find=_find,
)
