"""Takes all the memory there is, and some more."""

import torch
from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval

HELD = []


def update_params(**arguments):
    while True:
        HELD.append(torch.ones(32 * 1024 * 1024))
