"""Stochastic gradient descent with heavy-ball momentum, linear warm-up and linear decay, in PyTorch."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup
from torch.distributed.nn import all_reduce

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()

# What a point of the search space leaves out, and everything under self-tuning.
DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.2,
    "one_minus_beta1": 0.09,
    "weight_decay": 1e-04,
    "warmup_factor": 0.05,
    "horizon_factor": 1.0,
    "decay_steps_factor": 0.94,
    "end_factor": 0.001,
    "label_smoothing": 0.0,
    "dropout_rate": 0.0,
    "grad_clip": 1.0,
}


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
    optimizer = torch.optim.SGD(
        model_params.parameters(),
        lr=settings.learning_rate,
        momentum=1.0 - settings.one_minus_beta1,
        weight_decay=settings.weight_decay,
        nesterov=False,
        fused=True,
    )
    return {"optimizer": optimizer}


def _linear_schedule(settings: SimpleNamespace, step_hint: int, step: int) -> float:
    """The learning rate of a step: up from nothing in a line, then down in a line, then level."""
    steps = max(2, int(settings.horizon_factor * step_hint))
    warmup_steps = max(1, int(settings.warmup_factor * steps))
    if step < warmup_steps:
        return settings.learning_rate * step / warmup_steps
    decay_steps = max(1, int(settings.decay_steps_factor * (steps - warmup_steps)))
    height = 1.0 - min(1.0, (step - warmup_steps) / decay_steps)
    return settings.learning_rate * (settings.end_factor + (1.0 - settings.end_factor) * height)


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
    model_state = _backward(workload, current_param_container, model_state, batch, rng, settings)
    optimizer = optimizer_state["optimizer"]
    optimizer.param_groups[0]["lr"] = _linear_schedule(settings, workload.step_hint, global_step)
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


def _settings(hyperparameters: spec.Hyperparameters) -> SimpleNamespace:
    """The defaults, replaced by whatever the point says."""
    point = {} if hyperparameters is None else hyperparameters._asdict()
    return SimpleNamespace(**{**DEFAULTS, **point})
