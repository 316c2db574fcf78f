"""What can go wrong in this package.

WorkloadsError
├── DataError            the data of an edition is not usable
│   ├── DataMissing      it has not been built here, or what it is built from is not there
│   ├── DataDamaged      a raw file that it is prepared from cannot be read
│   ├── DataMismatch     it is there, but it is not what the manifest says
│   └── FetchFailed      a source package could not be fetched, or is not the pinned one
├── EvaluationError      a split does not hold the examples that its workload declares
├── SnapshotMismatch     a model's arrays are not those of the workload's layout
├── SubmissionError      a submission folder cannot be loaded, or a function returned something impossible
├── TargetsError         targets could not be set or confirmed
├── TransferError        weights cannot be carried from one framework to the other
├── UnknownWorkload      no workload, edition or framework, or no code for it, has that name
└── VectorsError         a folder of golden vectors cannot be used

`search_space.SearchSpaceError` is a ValueError of its own: its message is shown to the author of the file.
"""

from __future__ import annotations


class WorkloadsError(Exception):
    """Base class of this package; messages say what to do."""


class DataError(WorkloadsError):
    """The data of an edition is not usable."""


class DataMissing(DataError):
    """The data has not been built in this place."""


class DataDamaged(DataError):
    """A raw file cannot be read as what it should be; the message names it and says what to do."""


class DataMismatch(DataError):
    """The data is there, but its content differs from the manifest."""


class FetchFailed(DataError):
    """A source package could not be fetched, or is not the pinned one."""


class EvaluationError(WorkloadsError):
    """A split does not hold the examples that its workload declares."""


class SnapshotMismatch(WorkloadsError):
    """A model's arrays are not those of the workload's layout."""


class SubmissionError(WorkloadsError):
    """A submission cannot be loaded, or one of its functions returned something impossible."""


class TargetsError(WorkloadsError):
    """A run that targets need could not begin or measured nothing, or what is kept of earlier ones is damaged."""


class TransferError(WorkloadsError):
    """Weights cannot be carried from one framework to the other."""


class UnknownWorkload(WorkloadsError):
    """Nothing, or no code for it, has that name; the message lists the known ones."""


class VectorsError(WorkloadsError):
    """A folder of golden vectors is not there, or not in their format."""
