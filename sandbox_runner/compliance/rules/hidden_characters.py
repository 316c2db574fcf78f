"""Source says what it seems to say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources

# Marks that turn the direction of a line, and characters without width. The first of a file is a byte order mark.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\U000e0000-\U000e0fff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MANY_BLANKS = 2048  # trailing blanks of one file: room to hide bytes in


def _find(sources: Sources) -> Iterator[Finding]:
    for module in sources.modules:
        for number, line in enumerate(module.lines, start=1):
            if _INVISIBLE.search(line) or _CONTROL.search(line):
                message = "This line contains characters that are not shown, or that turn its direction."
                yield RULE.on_line(module, number, Verdict.REVIEW, message)
        if sum(len(line) - len(line.rstrip()) for line in module.lines) > _MANY_BLANKS:
            message = f"The lines of this file end in more than {_MANY_BLANKS} blanks together."
            yield RULE.in_file(module.path, Verdict.REVIEW, message)
        for node in module.nodes:
            name = node.id if isinstance(node, ast.Name) else node.arg if isinstance(node, ast.arg) else "a"
            if not name.isascii():
                message = f"The name {name} has letters that may look like others."
                yield RULE.at(module, node, Verdict.NOTE, message, "Nothing to do, or use plain letters.")


RULE = Rule(
    id="hidden-characters",
    title="The source holds no invisible characters",
    why="A line that shows something else than Python reads cannot be reviewed.",
    fix="Delete the characters; an editor shows them when asked to show invisible characters.",
    verdicts=(Verdict.NOTE, Verdict.REVIEW),
    find=_find,
)
