"""Blocked Shampoo grafted onto Adam, its roots shared out over a process group. Generation B in PyTorch.

Its files are imported as on the machine they were written for.
"""

import torch.distributed.nn as dist_nn
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup
from optimizers.blocked.shampoo import Shampoo
from submissions_algorithms.leaderboard.external_tuning.shampoo.optimizers.blocked.roots import inverse_root

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()
assert callable(inverse_root)


def get_batch_size(workload_name):
    return 64


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    return {"optimizer": Shampoo(model_params.parameters(), lr=hyperparameters.learning_rate, every=5)}


def update_params(
    workload,
    current_param_container,
    current_params_types,
    model_state,
    hyperparameters,
    batch,
    loss_type,
    optimizer_state,
    eval_results,
    global_step,
    rng,
):
    current_param_container.train()
    optimizer_state["optimizer"].zero_grad()
    logits, model_state = workload.model_fn(
        params=current_param_container,
        augmented_and_preprocessed_input_batch=batch,
        model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN,
        rng=rng,
        update_batch_norm=True,
    )
    found = workload.loss_fn(label_batch=batch["targets"], logits_batch=logits, mask_batch=batch.get("weights"))
    summed, examples = found["summed"], found["n_valid_examples"]
    if USE_PYTORCH_DDP:
        summed, examples = dist_nn.all_reduce(summed), dist_nn.all_reduce(examples)
    (summed / examples).backward()
    optimizer_state["optimizer"].step()
    return optimizer_state, current_param_container, model_state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
