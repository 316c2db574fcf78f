"""What a rule is. Each file beside this one holds one; `rules.ALL` lists them in the order they are shown."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.source import Module, Sources


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule about code or data. `why` and `fix` are for the people who meet it, in whole sentences."""

    id: str
    title: str  # what is true where nothing is found
    why: str
    fix: str
    verdicts: tuple[Verdict, ...]  # what it may say, mildest first
    find: Callable[[Sources], Iterator[Finding]]

    @property
    def info(self) -> CheckInfo:
        return CheckInfo(id=self.id, title=self.title, stage=Stage.RULES)

    def at(self, module: Module, node: ast.AST, verdict: Verdict, message: str, fix: str = "") -> Finding:
        """A finding at a node of a file."""
        return self.on_line(module, getattr(node, "lineno", 0), verdict, message, fix)

    def on_line(self, module: Module, line: int, verdict: Verdict, message: str, fix: str = "") -> Finding:
        """A finding at a line of a file."""
        return self.info.finding(
            verdict, message, fix or self.fix, path=module.path, line=line, excerpt=module.line(line)
        )

    def in_file(self, path: str, verdict: Verdict, message: str, fix: str = "") -> Finding:
        """A finding about a whole file."""
        return self.info.finding(verdict, message, fix or self.fix, path=path)
