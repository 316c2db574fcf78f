"""Checks of an uploaded submission that need no execution: archive reader, static rules, report. Loads without torch.

`check_in_child` is the entrance for uploads, `archive_of_folder` and `check` are for a submitter's own folder,
`CATALOGUE` lists all checks before the first has run, `RULES` says why each rule about code and data exists.
"""

from sandbox_runner.compliance.archive import Archive, archive_of_folder, read_archive, read_bundle, zip_of_folder
from sandbox_runner.compliance.checker import CATALOGUE, check, finish, run_checks
from sandbox_runner.compliance.findings import CheckInfo, CheckResult, Finding, Report, Stage, Verdict
from sandbox_runner.compliance.in_child import check_in_child
from sandbox_runner.compliance.rules import ALL as RULES
from sandbox_runner.compliance.rules import Rule
from sandbox_runner.errors import ArchiveRejected

__all__ = [
    "CATALOGUE",
    "RULES",
    "Archive",
    "ArchiveRejected",
    "CheckInfo",
    "CheckResult",
    "Finding",
    "Report",
    "Rule",
    "Stage",
    "Verdict",
    "archive_of_folder",
    "check",
    "check_in_child",
    "finish",
    "read_archive",
    "read_bundle",
    "run_checks",
    "zip_of_folder",
]
