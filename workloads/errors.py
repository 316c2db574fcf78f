"""What can go wrong in this package.

WorkloadsError
├── SubmissionError      a submission folder cannot be loaded, or a function returned something impossible
└── UnknownWorkload      no workload, or no code for it, has that name

`search_space.SearchSpaceError` is a ValueError of its own: its message is shown to the author of the file.
"""

from __future__ import annotations


class WorkloadsError(Exception):
    """Base class of this package."""


class SubmissionError(WorkloadsError):
    """A submission cannot be loaded, or one of its functions returned something impossible."""


class UnknownWorkload(WorkloadsError):
    """No workload, or no code for it, has that name; the message lists the known ones."""
