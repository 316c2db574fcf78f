"""Fails in its third step."""

import honest
from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(global_step, **arguments):
    if global_step == 2:
        raise RuntimeError("the loss of step 2 is not a number")
    return honest.update_params(global_step=global_step, **arguments)
