"""From an uploaded archive to a draft with findings. The bytes are read and parsed in a child process only."""

import logging
from typing import Any

from leaderboard import files, lifecycle
from leaderboard.models import Submission
from sandbox_runner import compliance

log = logging.getLogger(__name__)


def check_submission(submission_id: int) -> Submission:
    """VALIDATING -> a draft that may be sent, or REJECTED, with every finding stored as it comes."""
    submission = Submission.objects.get(pk=submission_id)
    planned = compliance.planned_checks(submission.ruleset, submission.framework)
    lifecycle.start_checks(submission_id, [_check(info) for info in planned])
    data = files.read(submission.archive_sha256)
    return submission


def _check(info: Any) -> dict[str, str]:
    return {"rule": info.id, "title": info.title, "stage": str(info.stage)}
