"""What PyTorch submissions ask for at import time."""

from __future__ import annotations

import os

import torch


def pytorch_setup() -> tuple[bool, int, torch.device, int]:
    """(uses distributed data parallel, rank, device, number of GPUs). Cheap, without side effects.

    One process a trial is the rule here; `LOCAL_RANK` names the rank where a launcher started several.
    """
    distributed = "LOCAL_RANK" in os.environ
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device(f"cuda:{rank}" if torch.cuda.is_available() else "cpu")
    return distributed, rank, device, torch.cuda.device_count()
