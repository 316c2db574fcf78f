"""What finished runs leave behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from workloads.errors import TargetsError
from workloads.targets.store import Measured, Store

RUN = Measured(curve=((10, 0.5, 0.4), (20, None, None)), ending="diverged", wall_s=3.0)


def test_runs_are_read_back_by_their_key_workload_by_workload(tmp_path: Path):
    store = Store(tmp_path / "targets")
    store.add("ogbg", "first", {"algorithm": "adamw"}, RUN)
    store.add("ogbg", "second", {"algorithm": "adamw"}, Measured(curve=(), ending="crash", wall_s=1.0))
    store.add("wmt", "third", {}, RUN)

    again = Store(tmp_path / "targets")
    assert list(again.read("ogbg")) == ["first", "second"]
    assert again.read("ogbg")["first"] == RUN
    assert again.read("fastmri") == {}


def test_a_damaged_line_is_named(tmp_path: Path):
    store = Store(tmp_path)
    store.add("ogbg", "first", {}, RUN)
    path = tmp_path / "ogbg.jsonl"
    path.write_text(path.read_text() + '{"key": "second"}\n')
    with pytest.raises(TargetsError, match="line 2, is not a run: delete the line"):
        store.read("ogbg")
