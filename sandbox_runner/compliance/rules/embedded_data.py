"""Source code is code: it holds no tables of numbers and no packed texts."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.payload import entropy, longest_run
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Module, Sources

_MANY_NUMBERS = 2_000  # literals of one file; known submissions have at most 333
_TOO_MANY_NUMBERS = 20_000
_LONG_COLLECTION = 512
_LONG_TEXT = 2_048  # characters of one text that is no docstring
_SOME_TEXT = 512
_DENSE = 5.5  # bits a character
_ALL_TEXTS = 32_768  # characters of all texts of one file that are no docstrings


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        yield from _numbers(module)
        yield from _texts(module)
        yield from _comments(module)


def _numbers(module: Module) -> Iterator[Finding]:
    count = sum(
        isinstance(node, ast.Constant) and isinstance(node.value, int | float | complex) for node in module.nodes
    )
    if count > _MANY_NUMBERS:
        verdict = Verdict.REJECTED if count > _TOO_MANY_NUMBERS else Verdict.REVIEW
        yield RULE.in_file(module.path, verdict, f"The file holds {count} numbers; {_MANY_NUMBERS} are usual at most.")
    for node in module.nodes:
        size = _constant_members(node)
        if size >= _LONG_COLLECTION:
            yield RULE.at(module, node, Verdict.REVIEW, f"A table of {size} fixed values is written out here.")


def _constant_members(node: ast.AST) -> int:
    """How many constants a written-out collection holds, also inside rows of its own."""
    if isinstance(node, ast.Dict):
        members: list[ast.expr] = [*filter(None, node.keys), *node.values]
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        members = node.elts
    else:
        return 0
    rows = [member for member in members if isinstance(member, ast.List | ast.Tuple)]
    members = [*members, *(element for row in rows for element in row.elts)]
    return sum(
        isinstance(member.operand if isinstance(member, ast.UnaryOp) else member, ast.Constant) for member in members
    )


def _texts(module: Module) -> Iterator[Finding]:
    total = 0
    for node in module.nodes:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bytes):
            continue
        text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        if node in module.docstrings:
            if _is_packed(text):
                yield RULE.at(module, node, Verdict.REVIEW, "This text looks packed, not written.")
            continue
        total += len(text)
        if len(text) > _LONG_TEXT or _is_packed(text):
            yield RULE.at(module, node, Verdict.REVIEW, f"A text of {len(text)} characters stands in the code.")
    if total > _ALL_TEXTS:
        yield RULE.in_file(module.path, Verdict.REVIEW, f"The texts of this file have {total} characters together.")


def _comments(module: Module) -> Iterator[Finding]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(module.text).readline))
    except (tokenize.TokenError, SyntaxError):
        return  # Python's parser read the file; its slower twin is stricter about a few odd endings
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    dense = [token for token in comments if longest_run(token.string)]
    together = "".join(token.string for token in comments)
    if dense:
        message = "This comment looks packed, not written."
        yield RULE.on_line(module, dense[0].start[0], Verdict.REVIEW, message)
    elif len(together) > _SOME_TEXT and entropy(together) > _DENSE:
        yield RULE.in_file(module.path, Verdict.REVIEW, "The comments of this file look packed, not written.")


def _is_packed(text: str) -> bool:
    return len(text) > _SOME_TEXT and (entropy(text) > _DENSE or longest_run(text) > 0)


RULE = Rule(
    id="embedded-data",
    title="No data are embedded in the source",
    why="Trained parameters or tables of tuned settings would carry knowledge of the workloads into a trial.",
    fix="Compute the values. A learned update rule belongs in a file that is declared under data_files.",
    verdicts=(Verdict.REVIEW, Verdict.REJECTED),
    find=_find,
)
