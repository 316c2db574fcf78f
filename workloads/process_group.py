"""The processes of one PyTorch trial as a `torch.distributed` group, without a network.

There is always a group, also for a single process: some submissions ask for one when they are imported. Processes meet
in a file; on CPUs they talk over the loopback interface (gloo), on GPUs over NVLink or shared memory (nccl).
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C import _distributed_c10d as c10d

# An evaluation freezes all processes for minutes, and nobody may take that for a hang.
_PATIENCE = timedelta(days=7)


def environment(rank: int, ranks: int) -> dict[str, str]:
    """What the benchmark's launcher puts into the environment of each process; nothing of it for a single one."""
    patient = {
        "GLOO_SOCKET_IFNAME": "lo",
        "NCCL_SOCKET_IFNAME": "lo",
        "TORCH_NCCL_ENABLE_MONITORING": "0",
        "TORCH_NCCL_HEARTBEAT_TIMEOUT_SEC": str(int(_PATIENCE.total_seconds())),
    }
    if ranks == 1:
        return patient
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    return {**patient, **{name: str(value) for name, value in place.items()}}


def join(rank: int, ranks: int, meeting: Path | None, environ: MutableMapping[str, str] = os.environ) -> None:
    """Returns when all processes are there; a group that exists already stays. `meeting` is a file none has used."""
    if dist.is_initialized():
        return
    environ.update(environment(rank, ranks))
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // ranks))
    store = c10d.HashStore() if meeting is None else c10d.FileStore(str(meeting), ranks)
    dist.init_process_group("nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=ranks, timeout=_PATIENCE)


def leave() -> None:
    """Ends this process's part in the group, if it has one."""
    if dist.is_initialized():
        dist.destroy_process_group()
