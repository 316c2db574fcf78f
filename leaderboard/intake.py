"""From an uploaded archive to a draft with findings. The bytes are read and parsed in a child process only."""

import logging
from typing import Any

from leaderboard import files, lifecycle
from leaderboard.errors import IllegalTransition
from leaderboard.models import Submission
from sandbox_runner import compliance
from sandbox_runner.compliance import CheckInfo, CheckResult, Report, Verdict

log = logging.getLogger(__name__)


def check_submission(submission_id: int) -> Submission:
    """VALIDATING -> a draft that may be sent, or REJECTED, with every check stored as it ends.

    Raises:
        IllegalTransition: the draft is not being checked, or was given another archive meanwhile.
    """
    submission = lifecycle.start_checks(submission_id, [_listed(info) for info in compliance.CATALOGUE])
    archive = submission.archive_sha256

    def keep(result: CheckResult) -> None:
        check = {**_listed(result), "state": str(result.state)}
        lifecycle.record_finding(submission_id, check=check, findings=[_row(finding) for finding in result.findings])

    try:
        data = files.read(archive)
        report = compliance.check_in_child(data, submission.ruleset, submission.framework, keep)
        return _finish(submission_id, report)
    except IllegalTransition:
        raise
    except Exception:
        # Whatever it is, it is ours: the child turns everything about the archive into findings.
        log.exception("the checks of submission %s could not run", submission_id)
        return lifecycle.checks_failed_to_run(submission_id)


def _finish(submission_id: int, report: Report) -> Submission:
    passed = report.verdict is not Verdict.REJECTED and bool(report.bundle)
    return lifecycle.finish_checks(
        submission_id,
        passed=passed,
        bundle=report.bundle,
        contents=compliance.read_bundle(report.bundle) if report.bundle else {},
        search_space=report.search_space,
        info=report.info,
    )


def _listed(info: CheckInfo | CheckResult) -> dict[str, str]:
    return {"rule": info.id, "title": info.title, "stage": str(info.stage)}


def _row(finding: compliance.Finding) -> dict[str, Any]:
    return {**finding.as_json(), "line": finding.line or None}
