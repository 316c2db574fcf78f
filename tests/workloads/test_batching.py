from __future__ import annotations

import lzma

import numpy as np
import pytest

from workloads.batching import array_files, read_array


def test_a_packed_array_is_read_under_its_plain_name(tmp_path):
    np.save(tmp_path / "b.npy", np.arange(3))
    np.save(tmp_path / "a.npy", np.array([(1, 2)], [("label", "u1"), ("count", "<u4")]))
    packed = tmp_path / "a.npy.xz"
    packed.write_bytes(lzma.compress((tmp_path / "a.npy").read_bytes()))
    (tmp_path / "a.npy").unlink()

    first, second = (read_array(path) for path in array_files(tmp_path))

    assert [path.name for path in array_files(tmp_path)] == ["a.npy", "b.npy"]
    assert first["count"].tolist() == [2]
    assert isinstance(second, np.memmap)


def test_an_array_that_is_not_there_is_named_plainly(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x\.npy'"):
        read_array(tmp_path / "x.npy")
