"""Never returns from its second step."""

import honest
from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(global_step, **arguments):
    while global_step == 1:
        pass
    return honest.update_params(global_step=global_step, **arguments)
