"""Handing models and batches out and taking them back, on one device; several are in `test_devices_jax`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from workloads.placement import placement
from workloads.process_group import environment
from workloads.spec import Framework

ROOT = Path(__file__).resolve().parents[2]
JAX_WORKLOAD = SimpleNamespace(framework=Framework.JAX, to_device=lambda batch: batch)


def test_replicated_arrays_have_an_axis_of_devices():
    placed = placement(JAX_WORKLOAD, replicated=True)

    params, state = placed.model({"kernel": jnp.ones((3, 2))}, {"batch_stats": {"mean": jnp.zeros(2)}})
    batch = placed.batch({"inputs": np.zeros((4, 5)), "targets": (np.zeros(4), np.zeros((4, 2)))})

    assert params["kernel"].shape == (1, 3, 2)
    assert state["batch_stats"]["mean"].shape == (1, 2)
    assert batch["inputs"].shape == (1, 4, 5)
    assert [part.shape for part in batch["targets"]] == [(1, 4), (1, 4, 2)]


def test_what_is_measured_is_the_first_copy_and_the_mean_of_the_running_averages():
    placed = placement(JAX_WORKLOAD, replicated=True)

    params, state = placed.measured({"kernel": jnp.array([[1.0], [9.0]])}, {"mean": jnp.array([[1.0], [3.0]])})

    assert params["kernel"].tolist() == [1.0]
    assert state["mean"].tolist() == [2.0]
    assert placed.measured({}, None) == ({}, None)


def test_without_replication_everything_stays_as_it_is():
    placed = placement(JAX_WORKLOAD)
    params, batch = {"kernel": jnp.ones(2)}, {"inputs": np.zeros((4, 5))}

    assert placed.model(params, None) == (params, None)
    assert placed.measured(params, None) == (params, None)
    assert placed.batch(batch) is batch


@pytest.mark.parametrize(("rank", "ranks", "names"), [(0, 1, set()), (1, 4, {"RANK", "LOCAL_RANK", "WORLD_SIZE"})])
def test_only_several_processes_have_a_rank_in_their_environment(rank, ranks, names):
    found = environment(rank, ranks)
    assert found.keys() & {"RANK", "LOCAL_RANK", "WORLD_SIZE"} == names
    assert found.get("RANK", "0") == str(rank)


def test_one_process_has_a_group_of_its_own():
    program = """
import torch
import torch.distributed as dist
from workloads.process_group import join, leave
join(0, 1, None)
join(0, 1, None)
value = torch.ones(2)
dist.all_reduce(value)
gathered = [torch.empty(2)]
dist.all_gather(gathered, value, group=dist.new_group([0]))
print(dist.get_world_size(), gathered[0].tolist())
leave()
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout.strip() == "1 [1.0, 1.0]", result.stderr
