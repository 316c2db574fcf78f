"""Nesterov momentum with DDP: generation A in PyTorch."""

import torch
import torch.distributed as dist
import torch.distributed.nn as dist_nn
from absl import logging
from algorithmic_efficiency import spec
from algorithmic_efficiency.pytorch_utils import pytorch_setup
from torch.optim.lr_scheduler import LambdaLR

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()


def get_batch_size(workload_name):
    if workload_name == "imagenet_resnet":
        return 1024
    raise ValueError(workload_name)


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    optimizer = torch.optim.SGD(
        model_params.parameters(), lr=hyperparameters.learning_rate, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    warmup = max(1, int(hyperparameters.warmup_factor * workload.step_hint))
    scheduler = LambdaLR(optimizer, lambda step: min(1.0, (1 + step) / warmup))
    return {"optimizer": optimizer, "scheduler": scheduler}


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
    current_model = current_param_container
    current_model.train()
    for param in current_model.parameters():
        param.grad = None
    logits_batch, new_model_state = workload.model_fn(
        params=current_model,
        augmented_and_preprocessed_input_batch=batch,
        model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN,
        rng=rng,
        update_batch_norm=True,
    )
    loss_dict = workload.loss_fn(
        label_batch=batch["targets"], logits_batch=logits_batch, mask_batch=batch.get("weights"), label_smoothing=0.0
    )
    summed_loss, n_valid_examples = loss_dict["summed"], loss_dict["n_valid_examples"]
    if USE_PYTORCH_DDP:
        summed_loss = dist_nn.all_reduce(summed_loss)
        n_valid_examples = dist_nn.all_reduce(n_valid_examples)
        assert dist.get_rank() == RANK
    loss = summed_loss / n_valid_examples
    loss.backward()
    if hasattr(hyperparameters, "grad_clip"):
        torch.nn.utils.clip_grad_norm_(current_model.parameters(), max_norm=hyperparameters.grad_clip)
    optimizer_state["optimizer"].step()
    optimizer_state["scheduler"].step()
    if RANK == 0:
        logging.info("step %d", global_step)
        print(f"loss {global_step} {loss.item():.9g}", flush=True)
    return optimizer_state, current_param_container, new_model_state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
