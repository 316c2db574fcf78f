"""Preparing the real, full-size datasets: from what their owners hand out to files that training reads.

`python -m workloads data prepare DATASET --from DIR --to DIR` looks at the source, cuts the work into parts, does them
in parallel worker processes, and goes on where it was killed. The result is

    DIR/<dataset>/{train,eval_train,validation,test}/   flat folders of files, four separate trees
    DIR/<dataset>/vocabulary/sentencepiece.model        where there are pieces of words
    DIR/<dataset>/manifest.json                         every file's size and hash, the number of examples per split

Each dataset has one module here with the dataset's name, and in it `PREPARER`, a frozen dataclass of this shape
(`parts.Preparer`); everything else is done by `run.py`:

* `check(source, say)` looks at everything that can be seen without decoding and returns one `Problem` per missing or
  damaged thing: the file, what was expected, what to do. It is run first, and every time.
* `parts(source)` cuts the work into `Part`s, in a fixed order. A part is done as a whole or not at all, by one worker;
  it should take seconds to minutes and fit into a few hundred megabytes. Parts of a later `stage` start when all of the
  earlier ones are done, and find their files: a vocabulary is stage 0, what is cut with it stage 1.
* `write(part, source, folder, prepared)` runs in a worker. It writes the part's files, with names that no other part of
  the split uses, into the empty `folder`; the frame moves them to `prepared/<split>/`. It returns how many examples the
  files hold. `prepared` holds what earlier stages made: to give a file to a second split without a copy, link it with
  `link_or_copy(prepared / "train" / name, folder / name)`. Raw files are untrusted: what cannot be read is a
  `DataDamaged` that names the file and says what to do.
* `counts` are the examples every split has to hold in the end, `layout` is the text that tells an operator how the
  source has to lie, `licence` names the terms, `version` changes when the prepared format does.

Source paths in parts are relative to the source, so that a half-done preparation survives a move of it. Tests give a
preparer other numbers with `dataclasses.replace(PREPARER, counts=...)` and run it with `run.prepare`.
"""

from __future__ import annotations

import importlib

from workloads.data_prepare.parts import Part, Preparer, Problem, link_or_copy
from workloads.errors import DataError

DATASETS = ("criteo1tb", "fastmri", "imagenet", "librispeech", "molpcba", "wmt")

__all__ = ["DATASETS", "Part", "Preparer", "Problem", "link_or_copy", "load"]


def load(dataset: str) -> Preparer:
    """The preparer of that dataset; DataError names the known ones."""
    if dataset not in DATASETS:
        raise DataError(f"no dataset is called {dataset!r}; known: {', '.join(DATASETS)}")
    try:
        preparer: Preparer = importlib.import_module(f"workloads.data_prepare.{dataset}").PREPARER
    except ModuleNotFoundError as error:
        raise DataError(f"preparing {dataset} needs {error.name}, which is not installed: run `make setup`") from error
    return preparer
