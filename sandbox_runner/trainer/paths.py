"""Where things lie inside the container. Tests name other places in the environment."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox_runner import protocol


def socket_path() -> str:
    return os.environ.get("ALGOPERF_CTL_SOCKET", protocol.CTL_SOCKET)


def data_root() -> Path:
    """The training split itself; nothing else of the dataset is in the container."""
    return Path(os.environ.get("ALGOPERF_DATA_ROOT", protocol.DATA_ROOT))


def task_root() -> Path:
    """The folder that holds the package `apw` with the one workload under test."""
    return Path(os.environ.get("ALGOPERF_TASK_ROOT", protocol.TASK_ROOT))


def submission_folder() -> Path:
    """Where the submission is unpacked to."""
    return Path(os.environ.get("ALGOPERF_SCRATCH", "/scratch")) / "submission"
