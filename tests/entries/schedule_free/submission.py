"""Schedule-free AdamW without anything to tune: generation B in PyTorch, self-tuning.

The gradient is taken between the fast weights z and their average x; the average is what gets evaluated.
"""

import collections

import torch
import torch.distributed.nn as dist_nn
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()

HPARAMS = {"learning_rate": 0.0025, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.05, "warmup_factor": 0.05}
Hyperparameters = collections.namedtuple("Hyperparameters", HPARAMS)


class AdamWScheduleFree(torch.optim.Optimizer):
    def __init__(self, params, lr, betas, weight_decay, warmup_steps) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "warmup_steps": warmup_steps,
            "k": 0,
            "weight_sum": 0.0,
            "training": True,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def eval(self):
        self._swap(to_training=False)

    @torch.no_grad()
    def train(self):
        self._swap(to_training=True)

    def _swap(self, to_training):
        for group in self.param_groups:
            if group["training"] == to_training:
                continue
            group["training"] = to_training
            beta1 = group["betas"][0]
            for p in group["params"]:
                if "z" in self.state[p]:
                    p.lerp_(self.state[p]["z"], 1 - beta1 if to_training else 1 - 1 / beta1)

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            group["k"] += 1
            rate = group["lr"] * min(1.0, group["k"] / group["warmup_steps"])
            group["weight_sum"] += rate**2
            share = rate**2 / group["weight_sum"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "z" not in state:
                    state["z"], state["exp_avg_sq"] = p.clone(), torch.zeros_like(p)
                state["exp_avg_sq"].mul_(beta2).addcmul_(p.grad, p.grad, value=1 - beta2)
                denominator = (state["exp_avg_sq"] / (1 - beta2 ** group["k"])).sqrt_().add_(1e-8)
                direction = (p.grad / denominator).add_(p, alpha=group["weight_decay"])
                p.lerp_(state["z"], share).add_(direction, alpha=rate * (beta1 * (1 - share) - 1))
                state["z"].sub_(direction, alpha=rate)


def get_batch_size(workload_name):
    return 128


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    hyperparameters = Hyperparameters(**HPARAMS)
    optimizer = AdamWScheduleFree(
        model_params.parameters(),
        hyperparameters.learning_rate,
        (hyperparameters.beta1, hyperparameters.beta2),
        hyperparameters.weight_decay,
        max(1, int(hyperparameters.warmup_factor * workload.step_hint)),
    )
    return {"optimizer": optimizer, "max_checkpointed_eval_metric": -float("inf"), "evals": 0}


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
    del hyperparameters
    current_model = current_param_container
    current_model.train()
    optimizer_state["optimizer"].train()
    if len(eval_results) > optimizer_state["evals"]:
        optimizer_state["evals"] = len(eval_results)
        key = "validation/" + workload.target_metric_name
        sign = -1 if workload.target_metric_name in ("loss", "wer") else 1
        metric = sign * eval_results[-1][1][key]
        optimizer_state["max_checkpointed_eval_metric"] = max(metric, optimizer_state["max_checkpointed_eval_metric"])
    optimizer_state["optimizer"].zero_grad()
    logits, model_state = workload.model_fn(
        params=current_model,
        augmented_and_preprocessed_input_batch=batch,
        model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN,
        rng=rng,
        update_batch_norm=True,
    )
    loss_dict = workload.loss_fn(label_batch=batch["targets"], logits_batch=logits, mask_batch=batch.get("weights"))
    summed, examples = loss_dict["summed"], loss_dict["n_valid_examples"]
    if USE_PYTORCH_DDP:
        summed, examples = dist_nn.all_reduce(summed), dist_nn.all_reduce(examples)
    (summed / examples).backward()
    optimizer_state["optimizer"].step()
    return optimizer_state, current_param_container, model_state


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
    optimizer_state["optimizer"].eval()
    current_param_container.eval()
    return optimizer_state, current_param_container, model_state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
