"""Says a great deal: many lines, one endless line, and bytes that terminals obey."""

import sys

import honest
from honest import data_selection, get_batch_size, init_optimizer_state, prepare_for_eval


def update_params(global_step, **arguments):
    if global_step == 0:
        for number in range(200_000):
            print(f"line {number}", "x" * 400)
        sys.stdout.write("y" * 20_000_000 + "\n")
        print("\x1b[2J\x1b[31m\x00<script>alert(1)</script>\u202e", flush=True)
    return honest.update_params(global_step=global_step, **arguments)
