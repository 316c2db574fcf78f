"""Adds a seal of its own to every snapshot: the judge must not take it for a failure of the host."""

import fcntl
import os

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval, update_params

F_SEAL_FUTURE_WRITE = 0x10
REAL_CLOSE = os.close


def close_sealed(fd):
    try:
        if "memfd:snapshot" in os.readlink(f"/proc/self/fd/{fd}"):
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, F_SEAL_FUTURE_WRITE)
            print("sealed once more", flush=True)
    except OSError:
        pass
    REAL_CLOSE(fd)


os.close = close_sealed
