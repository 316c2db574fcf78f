"""The whole procedure on the smallest workload there is, with real child processes."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from tests.sandbox_runner.processes import ROOT, TINY, make_data
from workloads import editions
from workloads.__main__ import main
from workloads.targets import runs, search_spaces

# `python -m workloads train` in an edition of one tiny workload.
DRIVER = f"""
import dataclasses, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.sandbox_runner.processes import TINY
from workloads import editions
from workloads.__main__ import main
edition = dataclasses.replace(editions.load("mini"), workloads=(TINY,), held_out=())
editions.load = lambda name: edition
sys.exit(main(["train", *sys.argv[1:]]))
"""


@pytest.mark.trains
def test_a_lost_run_is_trained_again_and_gives_the_same_numbers(tmp_path: Path, monkeypatch):
    make_data(tmp_path / "data" / "imagenet")
    edition = dataclasses.replace(editions.load("mini"), workloads=(TINY,), held_out=())
    monkeypatch.setattr(editions, "load", lambda name: edition)
    monkeypatch.setenv("ALGOPERF_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(runs, "_TRAIN", (sys.executable, "-c", DRIVER))
    monkeypatch.setattr(search_spaces, "ALGORITHMS", {"nadamw": search_spaces.ALGORITHMS["nadamw"]})
    arguments = ["targets", "--points", "1", "--seeds", "1", "--state", str(tmp_path), "--results", str(tmp_path)]

    assert main(arguments) == 0
    record = json.loads((tmp_path / "imagenet_resnet.json").read_text())
    assert (record["steps"], record["measured_at"]) == (7, [1, 2, 4, 5, 6, 7])

    finished = tmp_path / "imagenet_resnet.jsonl"
    tuning, repeat = finished.read_text().splitlines()
    finished.write_text(f"{repeat}\n")
    assert main(arguments) == 0
    repeat_kept, tuning_again = finished.read_text().splitlines()
    assert repeat_kept == repeat
    assert json.loads(tuning_again)["curve"] == json.loads(tuning)["curve"]
