"""What can go wrong while scoring.

ScoringError
├── UnknownRuleSet     a rule set's name that is neither published nor documented
├── InvalidCurve       a trial's rows do not fit together
├── InvalidTimes       a table of times holds something that is not a time
├── InvalidLogs        a folder or an archive of logs cannot be read
└── InvalidTargets     a targets file does not say what is scored
"""

from __future__ import annotations


class ScoringError(ValueError):
    """Base of all errors of this package: the input cannot be scored, and the message says why."""


class UnknownRuleSet(ScoringError):
    """The name of a rule set is not known."""


class InvalidCurve(ScoringError):
    """Times and metric values of one trial do not belong together."""


class InvalidTimes(ScoringError):
    """A time to target is neither positive seconds, inf (missed) nor NaN (never measured)."""


class InvalidLogs(ScoringError):
    """Logs that cannot be read as the competition wrote them; the message names the file and what to do."""


class InvalidTargets(ScoringError):
    """A targets file that does not name workloads, metrics and targets."""
