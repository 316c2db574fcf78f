"""What can go wrong around a run. A failed run of a submission is data (`protocol.Ending`), never one of these.

SandboxError
├── ClockMisuse          start and stop called in an impossible order: a bug of ours
├── JournalBroken        a journal line does not follow the one before it
├── EngineFailed         Docker did not do what it was asked
├── EngineUnavailable    no Docker engine answers and none could be started
├── ImageMissing         the images for this tree are not built
├── ImageBuildFailed     an image could not be built
├── FreezeFailed         the trainer could not be frozen within its deadline
├── SealFailed           the snapshot could not be made immutable
├── ArchiveRejected      an upload is not an archive we accept; carries the findings
└── HostFailure          anything else that is the host's fault: the attempt ends as `infra` and is charged to nobody
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox_runner.compliance.findings import Finding


class SandboxError(Exception):
    """Base class of this package."""


class ClockMisuse(SandboxError):
    """Start and stop were called in an impossible order."""


class JournalBroken(SandboxError):
    """A journal line does not follow the one before it."""


class EngineFailed(SandboxError):
    """Docker did not do what it was asked."""


class EngineUnavailable(SandboxError):
    """No Docker engine answers and none could be started; the message says what to do."""


class ImageMissing(SandboxError):
    """The images for this tree are not built."""


class ImageBuildFailed(SandboxError):
    """An image could not be built; the message carries the end of the builder's output."""


class FreezeFailed(SandboxError):
    """The trainer could not be frozen within its deadline."""


class SealFailed(SandboxError):
    """The snapshot could not be made immutable."""


class ArchiveRejected(SandboxError):
    """An upload is not an archive we accept. `findings` say why, each with what to do."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(finding.message for finding in findings))
        self.findings = tuple(findings)


class HostFailure(SandboxError):
    """The host's own fault; the message says what an operator should look at."""
