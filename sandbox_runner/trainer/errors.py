"""What can go wrong inside the trainer.

TrainerError
├── BundleError          the handed-over submission is not a plain tar of regular files
├── RankFailed           another process of the trial has ended
└── Stopped              the supervisor has ended the trial: not a failure
"""

from __future__ import annotations


class TrainerError(Exception):
    """Base class of this package."""


class BundleError(TrainerError):
    """The handed-over submission is not a plain tar of regular files."""


class RankFailed(TrainerError):
    """Another process of the trial has ended."""


class Stopped(TrainerError):
    """The supervisor has ended the trial."""
