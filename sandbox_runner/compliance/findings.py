"""What a check says: findings, check results and the whole report, as plain values that survive JSON.

Texts may quote a stranger's file, so every finding cleans its own: no control characters, no direction marks, bounded
length. Pages still have to escape them.
"""

from __future__ import annotations

import base64
import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

MAX_EXCERPT = 200
MAX_PATH = 200
MAX_SENTENCE = 600
MAX_FIX = 1500
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode categories that print nothing or change direction


class Verdict(StrEnum):
    """What a finding means for the submission, mildest first."""

    PASSED = "passed"
    NOTE = "note"  # worth knowing, nobody has to act
    REVIEW = "review"  # runs; a reviewer looks before it can be published
    REJECTED = "rejected"  # does not run

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)


class Stage(StrEnum):
    """The order in which checks run."""

    ARCHIVE = "archive"
    FILES = "files"
    API = "api"
    RULES = "rules"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One remark of one check: where, what, and what to do about it."""

    rule: str
    stage: Stage
    verdict: Verdict
    message: str
    fix: str  # may be several lines where it shows what to copy
    path: str = ""
    line: int = 0  # 1-based; 0 where a line makes no sense
    excerpt: str = ""  # the line of code

    def __post_init__(self) -> None:
        limits = {"message": MAX_SENTENCE, "path": MAX_PATH, "excerpt": MAX_EXCERPT}
        for name, limit in limits.items():
            object.__setattr__(self, name, printable(getattr(self, name), limit))
        object.__setattr__(self, "fix", printable(self.fix, MAX_FIX, lines=True))

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "stage": str(self.stage), "verdict": str(self.verdict)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        fields = {entry.name: document[entry.name] for entry in dataclasses.fields(cls) if entry.name in document}
        return cls(**{**fields, "stage": Stage(fields["stage"]), "verdict": Verdict(fields["verdict"])})


@dataclass(frozen=True, kw_only=True)
class CheckInfo:
    """A check before it has run: what a page can list as waiting."""

    id: str
    title: str
    stage: Stage

    def finding(
        self, verdict: Verdict, message: str, fix: str, *, path: str = "", line: int = 0, excerpt: str = ""
    ) -> Finding:
        """A finding of this check."""
        return Finding(
            rule=self.id,
            stage=self.stage,
            verdict=verdict,
            message=message,
            fix=fix,
            path=path,
            line=line,
            excerpt=excerpt,
        )


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """One check after it has run."""

    id: str
    title: str
    stage: Stage
    findings: tuple[Finding, ...] = ()

    @property
    def state(self) -> Verdict:
        """The worst of its findings; passed where there are none."""
        return worst(self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "stage": str(self.stage),
            "state": str(self.state),
            "findings": [finding.as_json() for finding in self.findings],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            id=str(document["id"]),
            title=str(document["title"]),
            stage=Stage(document["stage"]),
            findings=tuple(Finding.from_json(finding) for finding in document["findings"]),
        )


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the checks found. After a rejected archive only the checks that ran are listed and `bundle` is empty.

    `bundle` is the normalised tar a trainer gets, `info` the checked fields of submission_info.yml, `search_space` the
    parsed document of tuning_search_space.json where it counts.
    """

    checks: tuple[CheckResult, ...]
    archive_sha256: str
    bundle_sha256: str = ""
    bundle: bytes = b""
    info: Mapping[str, Any] = field(default_factory=dict)
    search_space: Any = None
    compressed_bytes: int = 0  # of the bundle, beside the size of a model: is there room for weights?

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for check in self.checks for finding in check.findings)

    @property
    def verdict(self) -> Verdict:
        return worst(self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "checks": [check.as_json() for check in self.checks],
            "archive_sha256": self.archive_sha256,
            "bundle_sha256": self.bundle_sha256,
            "bundle": base64.b64encode(self.bundle).decode(),
            "info": dict(self.info),
            "search_space": self.search_space,
            "compressed_bytes": self.compressed_bytes,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(
            checks=tuple(CheckResult.from_json(check) for check in document["checks"]),
            archive_sha256=str(document["archive_sha256"]),
            bundle_sha256=str(document["bundle_sha256"]),
            bundle=base64.b64decode(document["bundle"], validate=True),
            info=dict(document["info"]),
            search_space=document["search_space"],
            compressed_bytes=int(document["compressed_bytes"]),
        )


def worst(findings: Sequence[Finding]) -> Verdict:
    """The most severe verdict among findings."""
    return max((finding.verdict for finding in findings), key=lambda verdict: verdict.severity, default=Verdict.PASSED)


def printable(text: str, limit: int, *, lines: bool = False) -> str:
    """`text` without characters that print nothing or turn the line around, at most `limit` long.

    Line ends become spaces unless `lines` is true.
    """
    shortened = text if len(text) <= limit else f"{text[: limit - 1]}…"
    shortened = shortened.replace("\t", " ").replace("\r\n", "\n")
    return "".join(_visible(char, lines=lines) for char in shortened)


def _visible(char: str, *, lines: bool) -> str:
    if char == "\n":
        return char if lines else " "
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _INVISIBLE else char
