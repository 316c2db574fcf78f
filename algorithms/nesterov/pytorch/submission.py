"""Stochastic gradient descent with Nesterov momentum, linear warm-up and cosine decay, in PyTorch."""

import collections
import math
from collections.abc import Iterator
from typing import Any

import torch
from algoperf import spec

# Used under self-tuning, where no hyperparameters are given.
DEFAULTS = {
    "learning_rate": 0.003,
    "one_minus_momentum": 0.1,
    "weight_decay": 0.0,
    "normalize": True,
    "warmup_fraction": 0.1,
    "horizon_fraction": 2.0,
    "label_smoothing": 0.0,
    "dropout_rate": 0.0,
}
GRADIENT_CLIP = 1.0
EPSILON = 1e-8


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
    """The optimizer, and the schedule of its learning rate."""
    del model_state, rng
    settings = _settings(hyperparameters)
    optimizer = torch.optim.SGD(
        model_params.parameters(),
        lr=settings.learning_rate,
        momentum=1.0 - settings.one_minus_momentum,
        weight_decay=settings.weight_decay,
        nesterov=True,
        fused=True,
    )
    steps = max(2, int(settings.horizon_fraction * workload.step_hint))
    return {"optimizer": optimizer, "scheduler": _warmup_cosine(optimizer, settings.warmup_fraction, steps)}


def _warmup_cosine(
    optimizer: torch.optim.Optimizer, warmup_fraction: float, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Up from nothing in a line, then down to a hundredth of the peak along half a cosine, then level."""
    warmup_steps = max(1, int(warmup_fraction * steps))

    def factor(step: int) -> float:
        if step < warmup_steps:
            return step / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
        return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * progress))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _normalize(model: torch.nn.Module) -> None:
    """Divides the gradient of each parameter array by its root mean square, in place."""
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.div_(parameter.grad.square().mean().sqrt() + EPSILON)


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
    del current_params_types, loss_type, eval_results, global_step, train_state
    settings = _settings(hyperparameters)
    optimizer = optimizer_state["optimizer"]
    optimizer.zero_grad(set_to_none=True)
    logits, model_state = workload.model_fn(
        params=current_param_container,
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
    (loss["summed"] / loss["n_valid_examples"]).backward()
    if settings.normalize:
        _normalize(current_param_container)
    else:
        torch.nn.utils.clip_grad_norm_(current_param_container.parameters(), GRADIENT_CLIP)
    optimizer.step()
    optimizer_state["scheduler"].step()
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
    """The trained parameters are the ones to evaluate."""
    del workload, current_params_types, hyperparameters, loss_type, eval_results, global_step, rng
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


def _settings(hyperparameters: spec.Hyperparameters) -> spec.Hyperparameters:
    """The given point, or the defaults of this file."""
    if hyperparameters is not None:
        return hyperparameters
    return collections.namedtuple("Hyperparameters", DEFAULTS)(**DEFAULTS)
