"""What can go wrong inside the judge. Either means that the host's side is broken, never that a submission is.

JudgeError
├── NotSealed        the bytes to judge could still change
└── UnexpectedOrder  the supervisor asked for something at the wrong time
"""

from __future__ import annotations


class JudgeError(Exception):
    """Base class of this package."""


class NotSealed(JudgeError):
    """The bytes to judge could still change, or are not as many as the model has."""


class UnexpectedOrder(JudgeError):
    """The supervisor asked for something at the wrong time."""
