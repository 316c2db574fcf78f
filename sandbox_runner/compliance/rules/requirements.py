"""requirements.txt names packages that are offered; nothing else is ever installed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.compliance.packages import OFFERED
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources

_FILE = "requirements.txt"
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[A-Za-z0-9,._ -]*\])?\s*([<>=!~][^;@]*)?(;.*)?")
_MAX_LINES = 500


def _find(sources: Sources) -> Iterator[Finding]:
    lines = sources.files.get(_FILE, b"").decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines[:_MAX_LINES], start=1):
        requirement = line.split("#")[0].strip()
        if requirement and (found := _judge(requirement)):
            verdict, message = found
            yield RULE.info.finding(verdict, message, RULE.fix, path=_FILE, line=number, excerpt=line.strip())


def _judge(requirement: str) -> tuple[Verdict, str] | None:
    match = _REQUIREMENT.fullmatch(requirement)
    if match is None:
        return Verdict.REJECTED, "This line is not a package name with a version; addresses and options are not read."
    name, _, version, _ = match.groups()
    if re.sub(r"[-_.]+", "-", name).casefold() not in OFFERED:
        return Verdict.REJECTED, f"{name} is not among the packages that are offered."
    if version:
        return Verdict.NOTE, f"The version of {name} is the image's; this line does not change it."
    return None


RULE = Rule(
    id="requirements",
    title="requirements.txt asks only for what is offered",
    why="All submissions run with the same packages in the same versions; nothing is installed for a single one.",
    fix=f"Offered are {', '.join(sorted(OFFERED))}. Other source code can be part of the archive.",
    verdicts=(Verdict.NOTE, Verdict.REJECTED),
    find=_find,
)
