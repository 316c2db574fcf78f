"""The benchmark of data does what it says; how fast is nobody's business here."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks import bench_data
from workloads import registry


def test_both_ways_to_read_photographs_read_all_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_data, "PHOTOGRAPHS", 8)
    photographs = bench_data._make_photographs(tmp_path)
    spec = registry.get("imagenet_resnet")

    assert bench_data._plain(photographs, spec) == 8
    assert bench_data._by_pipeline(photographs, spec) == 8
    sizes = [len(content) for content in photographs.files]
    assert 50_000 < np.mean(sizes) < 200_000  # ImageNet's have 110 kB on average


def test_waiting_is_counted_apart_from_the_rest_of_a_step():
    clock = iter([0.0, 3.0, 10.0, 11.0, 20.0])  # the last question finds nothing left
    queue = bench_data._Timed(iter("ab"))
    queue.now = lambda: next(clock)

    assert list(queue) == ["a", "b"]
    assert queue.waited_s == 4.0


def test_a_pipeline_of_the_mini_edition_is_measured(mini_data):
    found = bench_data.measure_pipeline(argparse.Namespace(workload=["ogbg"], seconds=0.01))

    assert found["examples_per_s"] > 0
    assert found["first_s"] > 0
