"""Says that it is alive, and never hands over a snapshot."""

import json
import os
import socket
import time

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(**arguments):
    supervisor = _supervisor()
    step = 0
    while True:
        step += 1
        supervisor.send(json.dumps({"kind": "beat", "step": step}).encode())
        time.sleep(0.5)


def _supervisor():
    for name in os.listdir("/proc/self/fd"):
        try:
            candidate = socket.socket(fileno=os.dup(int(name)))
            if candidate.family == socket.AF_UNIX and candidate.type == socket.SOCK_SEQPACKET:
                return candidate
        except OSError:
            pass
    raise RuntimeError("there is no way to the supervisor")
