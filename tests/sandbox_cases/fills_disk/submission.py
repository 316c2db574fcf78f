"""Fills every place that can be written to, then trips over the last one."""

from pathlib import Path

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval

PLACES = ("/tmp", "/dev/shm", "/scratch")


def update_params(**arguments):
    for place in PLACES:
        try:
            _fill(Path(place) / "filler")
        except OSError as error:
            print(place, error)
    raise RuntimeError("all disks are full")


def _fill(path):
    block = bytes(1024 * 1024)
    with path.open("wb") as file:
        while True:
            file.write(block)
