"""NAdamW as an own optimizer class: generation C in PyTorch."""

import math
from typing import Any

import torch
import torch.distributed.nn as dist_nn
from absl import logging
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()


class NAdamW(torch.optim.Optimizer):
    """Adam that looks one step of momentum ahead, with decoupled weight decay."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2) -> None:
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def __setstate__(self, state) -> None:
        super().__setstate__(state)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = torch.tensor(0.0)
                    state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                    state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                state["step"] += 1
                step = state["step"].item()
                p.mul_(1 - group["lr"] * group["weight_decay"])
                state["exp_avg"].mul_(beta1).add_(p.grad, alpha=1 - beta1)
                state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                ahead = state["exp_avg"].mul(beta1).add_(p.grad, alpha=1 - beta1)
                denominator = (state["exp_avg_sq"].sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
                p.addcdiv_(ahead, denominator, value=-group["lr"] / (1 - beta1 ** (step + 1)))


def init_optimizer_state(
    workload: spec.Workload,
    model_params: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    rng: spec.RandomState,
) -> spec.OptimizerState:
    del model_state, rng
    decayed, plain = [], []
    for name, p in model_params.named_parameters():
        (plain if p.ndim < 2 or "bias" in name else decayed).append(p)
    groups = [{"params": decayed, "weight_decay": hyperparameters.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = NAdamW(groups, lr=hyperparameters.learning_rate, betas=(0.9, 0.99))
    warmup_steps = max(1, int(0.05 * workload.step_hint))
    warmup = LinearLR(optimizer, start_factor=1e-10, end_factor=1.0, total_iters=warmup_steps)
    cosine = CosineAnnealingLR(optimizer, T_max=max(workload.step_hint - warmup_steps, 1))
    scheduler = SequentialLR(optimizer, schedulers=[warmup, cosine], milestones=[warmup_steps])
    return {"optimizer": optimizer, "scheduler": scheduler}


def update_params(
    workload: spec.Workload,
    current_param_container: spec.ParameterContainer,
    current_params_types: spec.ParameterTypeTree,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    batch: dict[str, spec.Tensor],
    loss_type: spec.LossType,
    optimizer_state: spec.OptimizerState,
    eval_results: list[tuple[int, float]],
    global_step: int,
    rng: spec.RandomState,
    train_state: dict[str, Any] | None = None,
) -> spec.UpdateReturn:
    del current_params_types, loss_type, train_state, eval_results
    if global_step >= workload.step_hint:
        raise spec.TrainingCompleteError
    current_model = current_param_container
    current_model.train()
    optimizer_state["optimizer"].zero_grad()
    logits_batch, new_model_state = workload.model_fn(
        params=current_model,
        augmented_and_preprocessed_input_batch=batch,
        model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN,
        rng=rng,
        update_batch_norm=True,
        dropout_rate=hyperparameters.dropout_rate,
    )
    label_smoothing = hyperparameters.label_smoothing if hasattr(hyperparameters, "label_smoothing") else 0.0
    loss_dict = workload.loss_fn(
        label_batch=batch["targets"],
        logits_batch=logits_batch,
        mask_batch=batch.get("weights"),
        label_smoothing=label_smoothing,
    )
    summed_loss, n_valid_examples = loss_dict["summed"], loss_dict["n_valid_examples"]
    if USE_PYTORCH_DDP:
        # Use dist_nn.all_reduce to ensure correct loss and gradient scaling.
        summed_loss = dist_nn.all_reduce(summed_loss)
        n_valid_examples = dist_nn.all_reduce(n_valid_examples)
    loss = summed_loss / n_valid_examples
    loss.backward()
    grad_norm = torch.nn.utils.clip_grad_norm_(current_model.parameters(), max_norm=1.0)
    optimizer_state["optimizer"].step()
    optimizer_state["scheduler"].step()
    if global_step <= 100 or global_step % 500 == 0:
        if workload.metrics_logger is not None:
            workload.metrics_logger.append_scalar_metrics({"loss": loss.item()}, global_step)
        logging.info("%d) loss = %0.3f, grad_norm = %0.3f", global_step, loss, grad_norm)
    return optimizer_state, current_param_container, new_model_state


def prepare_for_eval(
    workload,
    current_param_container,
    current_params_types,
    model_state,
    hyperparameters,
    loss_type,
    optimizer_state,
    eval_results,
    global_step,
    rng,
):
    return optimizer_state, current_param_container, model_state


def get_batch_size(workload_name):
    if workload_name == "criteo1tb":
        return 262_144
    raise ValueError(f"Unsupported workload name: {workload_name}.")


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
