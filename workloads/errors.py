"""What can go wrong in this package.

WorkloadsError
├── EvaluationError      a split does not hold the examples that its workload declares
├── SnapshotMismatch     a model's arrays are not those of the workload's layout
├── SubmissionError      a submission folder cannot be loaded, or a function returned something impossible
└── UnknownWorkload      no workload, or no code for it, has that name

`search_space.SearchSpaceError` is a ValueError of its own: its message is shown to the author of the file.
"""

from __future__ import annotations


class WorkloadsError(Exception):
    """Base class of this package."""


class EvaluationError(WorkloadsError):
    """A split does not hold the examples that its workload declares."""


class SnapshotMismatch(WorkloadsError):
    """A model's arrays are not those of the workload's layout."""


class SubmissionError(WorkloadsError):
    """A submission cannot be loaded, or one of its functions returned something impossible."""


class UnknownWorkload(WorkloadsError):
    """No workload, or no code for it, has that name; the message lists the known ones."""
