"""NAdamW with linear warm-up and cosine decay, in JAX."""

import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jax
import optax
from algoperf import spec

# What a point of the search space leaves out, and everything under self-tuning.
DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.005,
    "one_minus_beta1": 0.2,
    "beta2": 0.99,
    "weight_decay": 0.001,
    "warmup_factor": 0.02,
    "horizon_factor": 1.0,
    "end_factor": 0.01,
    "label_smoothing": 0.0,
    "dropout_rate": 0.0,
    "grad_clip": None,
}
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
    """Moments of zero, and the function that applies them."""
    del model_state, rng
    settings = _settings(hyperparameters)
    optimizer = optax.chain(
        optax.identity() if settings.grad_clip is None else optax.clip_by_global_norm(settings.grad_clip),
        optax.nadamw(
            _cosine_schedule(settings, workload.step_hint),
            b1=1.0 - settings.one_minus_beta1,
            b2=settings.beta2,
            eps=EPSILON,
            weight_decay=settings.weight_decay,
        ),
    )
    return optimizer.init(model_params), optimizer.update


def _cosine_schedule(settings: SimpleNamespace, step_hint: int) -> optax.Schedule:
    """Up from nothing in a line, then down along half a cosine, then level."""
    steps = max(2, int(settings.horizon_factor * step_hint))
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=settings.learning_rate,
        warmup_steps=max(1, int(settings.warmup_factor * steps)),
        decay_steps=steps,
        end_value=settings.end_factor * settings.learning_rate,
    )


@functools.partial(
    jax.jit, static_argnames=("workload", "update", "label_smoothing", "dropout_rate"), donate_argnums=(2, 3, 4)
)
def _train_step(
    workload: spec.Workload,
    update: Callable[..., Any],
    state: Any,
    params: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    batch: dict[str, spec.Tensor],
    rng: spec.RandomState,
    label_smoothing: float,
    dropout_rate: float,
) -> tuple[Any, spec.ParameterContainer, spec.ModelAuxiliaryState]:
    """One gradient step, compiled once."""

    def mean_loss(params: spec.ParameterContainer) -> tuple[spec.Tensor, spec.ModelAuxiliaryState]:
        logits, new_model_state = workload.model_fn(
            params=params,
            augmented_and_preprocessed_input_batch=batch,
            model_state=model_state,
            mode=spec.ForwardPassMode.TRAIN,
            rng=rng,
            update_batch_norm=True,
            dropout_rate=dropout_rate,
        )
        loss = workload.loss_fn(
            label_batch=batch["targets"],
            logits_batch=logits,
            mask_batch=batch.get("weights"),
            label_smoothing=label_smoothing,
        )
        return loss["summed"] / loss["n_valid_examples"], new_model_state

    gradients, new_model_state = jax.grad(mean_loss, has_aux=True)(params)
    updates, state = update(gradients, state, params)
    return state, optax.apply_updates(params, updates), new_model_state


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
    state, update = optimizer_state
    state, params, model_state = _train_step(
        workload,
        update,
        state,
        current_param_container,
        model_state,
        batch,
        rng,
        label_smoothing=settings.label_smoothing,
        dropout_rate=settings.dropout_rate,
    )
    return (state, update), params, model_state


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
