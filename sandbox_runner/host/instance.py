"""Which installation this is: its state folder, its id, and the names that keep it apart from its neighbours."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LABEL_INSTANCE = "algoperf.instance"
LABEL_RUN = "algoperf.run"
LABEL_ROLE = "algoperf.role"

_MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes with the terminator


def state_dir() -> Path:
    """Everything that is not code: `ALGOPERF_STATE`, else `var/` beside manage.py."""
    return Path(os.environ.get("ALGOPERF_STATE") or ROOT / "var").resolve()


def instance_id() -> str:
    """Twelve hex digits, one per state folder. Containers, sockets and locks of others are never touched."""
    return hashlib.sha256(str(state_dir()).encode()).hexdigest()[:12]


def runs_dir() -> Path:
    """One folder per attempt on this host: spec, journal, spool, lock."""
    return state_dir() / "host" / "runs"


def socket_dir(run_id: str) -> Path:
    """Where the sockets of one run live; outside the state folder when its path is too long for a socket."""
    inside = runs_dir() / run_id / "ctl"
    if len(str(inside / "trainer" / "supervisor.sock")) <= _MAX_SOCKET_PATH:
        return inside
    return Path("/run") / f"algoperf-{instance_id()}" / run_id
