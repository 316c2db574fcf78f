"""Schedule-free AdamW: no decay of the learning rate, evaluated at an average of the weights, in PyTorch."""

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup
from torch.distributed.nn import all_reduce

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()

# What a point of the search space leaves out, and everything under self-tuning.
DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.008,
    "one_minus_beta1": 0.1,
    "beta2": 0.99,
    "weight_decay": 0.02,
    "warmup_factor": 0.05,
    "label_smoothing": 0.0,
    "dropout_rate": 0.0,
    "grad_clip": None,
}
EPSILON = 1e-8


class ScheduleFreeAdamW(torch.optim.Optimizer):
    """AdamW on a sequence z, gradients at y between z and its average x (Defazio et al. 2024); all arrays at once.

    The model holds y while it trains. `to_average` makes that x, `to_training` goes back.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update from the gradients at y."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            gradients = [param.grad for param in params]
            for param in params:
                if not self.state[param]:
                    self.state[param] = {"z": param.clone(), "square": torch.zeros_like(param)}
            sequence = [self.state[param]["z"] for param in params]
            squares = [self.state[param]["square"] for param in params]
            beta1, beta2 = group["betas"]
            group["step"] += 1

            # Steps at a higher learning rate weigh more in the average.
            group["peak"] = max(group["peak"], group["lr"])
            weight = group["peak"] ** 2
            group["weights"] += weight
            share = weight / group["weights"]

            torch._foreach_mul_(squares, beta2)
            torch._foreach_addcmul_(squares, gradients, gradients, 1.0 - beta2)
            scales = torch._foreach_sqrt(squares)
            torch._foreach_div_(scales, math.sqrt(1.0 - beta2 ** group["step"]))
            torch._foreach_add_(scales, EPSILON)
            directions = torch._foreach_div(gradients, scales)
            torch._foreach_add_(directions, params, alpha=group["weight_decay"])

            # y = beta1 * x + (1 - beta1) * z before and after, without x in memory.
            torch._foreach_lerp_(params, sequence, share)
            torch._foreach_add_(params, directions, alpha=group["lr"] * (beta1 * (1.0 - share) - 1.0))
            torch._foreach_add_(sequence, directions, alpha=-group["lr"])

    @torch.no_grad()
    def to_average(self) -> None:
        """Puts x where y is."""
        self._move(lambda beta1: 1.0 - 1.0 / beta1, training=False)

    @torch.no_grad()
    def to_training(self) -> None:
        """Puts y where x is."""
        self._move(lambda beta1: 1.0 - beta1, training=True)

    def _move(self, share_of_z: Callable[[float], float], training: bool) -> None:
        for group in self.param_groups:
            params = [param for param in group["params"] if self.state[param]]
            if group["training"] != training and params:
                sequence = [self.state[param]["z"] for param in params]
                torch._foreach_lerp_(params, sequence, share_of_z(group["betas"][0]))
            group["training"] = training


def get_batch_size(workload_name: str) -> int:
    """Global batch sizes of the full-size benchmark."""
    batch_sizes = {
        "criteo1tb": 262_144,
        "fastmri": 32,
        "imagenet_resnet": 1_024,
        "imagenet_vit": 1_024,
        "librispeech_conformer": 256,
        "librispeech_deepspeech": 256,
        "ogbg": 512,
        "wmt": 128,
    }
    if workload_name not in batch_sizes:
        raise ValueError(f"no batch size for workload {workload_name!r}")
    return batch_sizes[workload_name]


def init_optimizer_state(
    workload: spec.Workload,
    model_params: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    rng: spec.RandomState,
) -> spec.OptimizerState:
    """The optimizer; its learning rate is set at every step."""
    del workload, model_state, rng
    settings = _settings(hyperparameters)
    optimizer = ScheduleFreeAdamW(
        model_params.parameters(),
        {
            "lr": settings.learning_rate,
            "betas": (1.0 - settings.one_minus_beta1, settings.beta2),
            "weight_decay": settings.weight_decay,
            "step": 0,
            "peak": 0.0,
            "weights": 0.0,
            "training": True,
        },
    )
    return {"optimizer": optimizer}


def _warmup(settings: SimpleNamespace, step_hint: int, step: int) -> float:
    """The learning rate of a step: up in a line, then level."""
    return settings.learning_rate * min(1.0, (step + 1) / max(1, int(settings.warmup_factor * step_hint)))


def _backward(
    workload: spec.Workload,
    model: torch.nn.Module,
    model_state: spec.ModelAuxiliaryState,
    batch: dict[str, spec.Tensor],
    rng: spec.RandomState,
    settings: SimpleNamespace,
) -> spec.ModelAuxiliaryState:
    """Leaves the gradient of the mean loss over all devices in the model; returns its new state."""
    model.zero_grad(set_to_none=True)
    logits, model_state = workload.model_fn(
        params=model,
        augmented_and_preprocessed_input_batch=batch,
        model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN,
        rng=rng,
        update_batch_norm=True,
        dropout_rate=settings.dropout_rate,
    )
    loss = workload.loss_fn(
        label_batch=batch["targets"],
        logits_batch=logits,
        mask_batch=batch.get("weights"),
        label_smoothing=settings.label_smoothing,
    )
    summed, n_valid_examples = loss["summed"], loss["n_valid_examples"]
    if USE_PYTORCH_DDP:  # the wrapper averages gradients over the ranks, which makes up for the sum
        summed, n_valid_examples = all_reduce(summed), all_reduce(n_valid_examples)
    (summed / n_valid_examples).backward()
    if settings.grad_clip is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.grad_clip)
    return model_state


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
    """One gradient step on one batch."""
    del current_params_types, loss_type, eval_results, train_state
    settings = _settings(hyperparameters)
    optimizer = optimizer_state["optimizer"]
    optimizer.to_training()
    model_state = _backward(workload, current_param_container, model_state, batch, rng, settings)
    optimizer.param_groups[0]["lr"] = _warmup(settings, workload.step_hint, global_step)
    optimizer.step()
    return optimizer_state, current_param_container, model_state


def prepare_for_eval(
    workload: spec.Workload,
    current_param_container: spec.ParameterContainer,
    current_params_types: spec.ParameterTypeTree,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    loss_type: spec.LossType,
    optimizer_state: spec.OptimizerState,
    eval_results: list[tuple[int, float]],
    global_step: int,
    rng: spec.RandomState,
) -> spec.UpdateReturn:
    """The average of the weights is what to evaluate; the next step goes back."""
    del workload, current_params_types, hyperparameters, loss_type, eval_results, global_step, rng
    optimizer_state["optimizer"].to_average()
    return optimizer_state, current_param_container, model_state


def data_selection(
    workload: spec.Workload,
    input_queue: Iterator[dict[str, spec.Tensor]],
    optimizer_state: spec.OptimizerState,
    current_param_container: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    global_step: int,
    rng: spec.RandomState,
) -> dict[str, spec.Tensor]:
    """The next batch of the queue."""
    del workload, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
    return next(input_queue)


def _settings(hyperparameters: spec.Hyperparameters) -> SimpleNamespace:
    """The defaults, replaced by whatever the point says."""
    point = {} if hyperparameters is None else hyperparameters._asdict()
    return SimpleNamespace(**{**DEFAULTS, **point})
