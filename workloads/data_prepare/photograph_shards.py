"""Writing shards of photographs, as `workloads/datasets/imagenet.py` reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from workloads import photographs
from workloads.errors import DataDamaged

File = tuple[str, bytes, int]  # where it is from, in words; its content; its class


def write_shard(folder: Path, stem: str, files: Iterable[File]) -> int:
    """Writes the files one after the other, each looked at; returns how many there were.

    Raises:
        DataDamaged: one of them is no whole picture.
    """
    ends, targets = [0], []
    with (folder / f"{stem}.jpegs").open("wb") as shard:
        for name, content, label in files:
            try:
                photographs.check(content)
            except DataDamaged as error:
                raise DataDamaged(f"{name}: {error}. Get that file again.") from error
            shard.write(content)
            ends.append(ends[-1] + len(content))
            targets.append(label)
    np.save(folder / f"{stem}.offsets.npy", np.array(ends, np.int64), allow_pickle=False)
    np.save(folder / f"{stem}.targets.npy", np.array(targets, np.int16), allow_pickle=False)
    return len(targets)
