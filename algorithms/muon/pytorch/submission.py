"""Muon for matrices and AdamW for the rest, with linear warm-up and cosine decay, in PyTorch."""

import math
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
    "learning_rate": 0.006,
    "one_minus_momentum": 0.05,
    "one_minus_beta1": 0.1,
    "beta2": 0.99,
    "weight_decay": 0.02,
    "warmup_factor": 0.05,
    "horizon_factor": 1.0,
    "end_factor": 0.01,
    "label_smoothing": 0.0,
    "dropout_rate": 0.0,
    "grad_clip": None,
}
EPSILON = 1e-8
# Five steps of this odd polynomial bring the singular values of a matrix of norm one near one (Jordan et al. 2024).
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
# The root mean square of an update, about what AdamW's is, so that one learning rate serves both (Liu et al. 2025).
UPDATE_SIZE = 0.2


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, for arrays that act as matrices: (outputs, everything else)."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update from the gradients."""
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            gradients = [param.grad for param in params]
            for param in params:
                if not self.state[param]:
                    self.state[param] = {"mean": torch.zeros_like(param)}
            means = [self.state[param]["mean"] for param in params]
            beta, step = group["momentum"], group["step"] + 1
            group["step"] = step

            torch._foreach_lerp_(means, gradients, 1.0 - beta)
            ahead = torch._foreach_mul(means, beta / (1.0 - beta ** (step + 1)))
            torch._foreach_add_(ahead, gradients, alpha=(1.0 - beta) / (1.0 - beta**step))

            torch._foreach_mul_(params, 1.0 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(params, _orthogonal(ahead), alpha=-group["lr"])


def _orthogonal(arrays: list[torch.Tensor]) -> list[torch.Tensor]:
    """Each array's nearest semi-orthogonal matrix or so, at the size of AdamW's updates; equal shapes at once."""
    matrices = [array.reshape(array.shape[0], -1) for array in arrays]
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    stacks: dict[torch.Size, list[int]] = {}
    for index, matrix in enumerate(wide):
        stacks.setdefault(matrix.shape, []).append(index)
    for shape, indices in stacks.items():
        results = _newton_schulz(torch.stack([wide[index] for index in indices]))
        for index, result in zip(indices, UPDATE_SIZE * math.sqrt(shape[1]) * results, strict=True):
            wide[index] = result
    return [
        (result if result.shape == matrix.shape else result.T).reshape(array.shape)
        for result, matrix, array in zip(wide, matrices, arrays, strict=True)
    ]


def _newton_schulz(matrices: torch.Tensor) -> torch.Tensor:
    """Singular values to about one; matrices are (count, rows, columns), rows <= columns."""
    a, b, c = NEWTON_SCHULZ
    matrices = matrices / (matrices.norm(dim=(1, 2), keepdim=True) + EPSILON)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = matrices @ matrices.mT
        matrices = torch.baddbmm(matrices, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), matrices, beta=a)
    return matrices


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
    """Muon for what acts as a matrix between hidden layers, AdamW for all else; each step sets the learning rate."""
    del model_state, rng
    settings = _settings(hyperparameters)
    matrices, others = [], []
    # A wrapped model puts a prefix before its names; the workload knows the plain ones, in the same order.
    for name, param in zip(workload.param_shapes, model_params.parameters(), strict=True):
        hidden = param.ndim >= 2 and "embed" not in name.lower() and not workload.is_output_params(name)
        (matrices if hidden else others).append(param)
    muon = Muon(
        matrices,
        {
            "lr": settings.learning_rate,
            "momentum": 1.0 - settings.one_minus_momentum,
            "weight_decay": settings.weight_decay,
            "step": 0,
        },
    )
    adamw = torch.optim.AdamW(
        others,
        lr=settings.learning_rate,
        betas=(1.0 - settings.one_minus_beta1, settings.beta2),
        eps=EPSILON,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    return {"muon": muon, "adamw": adamw}


def _cosine_schedule(settings: SimpleNamespace, step_hint: int, step: int) -> float:
    """The learning rate of a step: up from nothing in a line, then down along half a cosine, then level."""
    steps = max(2, int(settings.horizon_factor * step_hint))
    warmup_steps = max(1, int(settings.warmup_factor * steps))
    if step < warmup_steps:
        return settings.learning_rate * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    height = 0.5 * (1.0 + math.cos(math.pi * progress))
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
    learning_rate = _cosine_schedule(settings, workload.step_hint, global_step)
    for optimizer in optimizer_state.values():
        optimizer.param_groups[0]["lr"] = learning_rate
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
