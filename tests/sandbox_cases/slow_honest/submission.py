"""Honest, and takes its time."""

import time

import honest
from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(**arguments):
    time.sleep(0.05)
    return honest.update_params(**arguments)
