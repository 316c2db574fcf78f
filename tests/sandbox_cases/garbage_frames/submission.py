"""Finds the way to the supervisor and talks nonsense."""

import os
import socket

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(**arguments):
    for frame in (b"\xff\x00garbage", b"[" * 10_000, b'{"kind":"metrics","validation/accuracy":1.0}'):
        _supervisor().send(frame)
    raise RuntimeError("nobody minded")


def _supervisor():
    for name in os.listdir("/proc/self/fd"):
        try:
            candidate = socket.socket(fileno=os.dup(int(name)))
            if candidate.family == socket.AF_UNIX and candidate.type == socket.SOCK_SEQPACKET:
                return candidate
        except OSError:
            pass
    raise RuntimeError("there is no way to the supervisor")
