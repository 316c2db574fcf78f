"""Every status change, one function each: lock, check, change, audit row, save.

`submissions`  a draft on its way to the queue, and out of the race
`runs`         leases of trials to hosts, and what came of them
`results`      from the last trial to a published, reviewed or incomplete submission
`review`       reviewers' decisions
`audit`        the chain of everything that was done

The functions know nothing of Celery: the entrance that called one enqueues what comes next.
"""

from leaderboard.lifecycle.audit import record, verify_chain
from leaderboard.lifecycle.results import publish_submission, set_baseline, settle_submission
from leaderboard.lifecycle.review import clear_findings, disqualify, reinstate
from leaderboard.lifecycle.runs import (
    claim_attempt,
    heartbeat,
    lease_next_trial,
    record_report,
    release_host,
    requeue_expired_leases,
)
from leaderboard.lifecycle.submissions import (
    accept_licence,
    attach_archive,
    cancel_submission,
    check_again,
    checks_failed_to_run,
    create_draft,
    discard_draft,
    edit_draft,
    finish_checks,
    new_version,
    record_finding,
    send_submission,
    start_checks,
    withdraw_submission,
)

__all__ = [
    "accept_licence",
    "attach_archive",
    "cancel_submission",
    "check_again",
    "checks_failed_to_run",
    "claim_attempt",
    "clear_findings",
    "create_draft",
    "discard_draft",
    "disqualify",
    "edit_draft",
    "finish_checks",
    "heartbeat",
    "lease_next_trial",
    "new_version",
    "publish_submission",
    "record",
    "record_finding",
    "record_report",
    "reinstate",
    "release_host",
    "requeue_expired_leases",
    "send_submission",
    "set_baseline",
    "settle_submission",
    "start_checks",
    "verify_chain",
    "withdraw_submission",
]
