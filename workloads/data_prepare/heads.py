"""Giving a part of the training split to `eval_train`, too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workloads.data_prepare.parts import link_or_copy


def link_head(existing: Path, folder: Path, rows: int) -> int:
    """The first `rows` records of an array in `folder`, under the same name: no copy where these are all of them.

    Returns:
        how many there are; fewer than `rows` where the array is shorter.
    """
    records = np.load(existing, mmap_mode="r")
    if len(records) <= rows:
        link_or_copy(existing, folder / existing.name)
    else:
        np.save(folder / existing.name, records[:rows], allow_pickle=False)
    return min(rows, len(records))
