"""Muon for matrices and AdamW for the rest, with linear warm-up and cosine decay, in JAX."""

import functools
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import optax
from algoperf import spec

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
    """Muon for what acts as a matrix between hidden layers, AdamW for all else, and the function that applies them."""
    del model_state, rng
    settings = _settings(hyperparameters)
    optimizer = optax.chain(
        optax.identity() if settings.grad_clip is None else optax.clip_by_global_norm(settings.grad_clip),
        optax.partition(
            {
                "muon": _scale_by_muon(1.0 - settings.one_minus_momentum),
                "adam": optax.scale_by_adam(b1=1.0 - settings.one_minus_beta1, b2=settings.beta2, eps=EPSILON),
            },
            jax.tree_util.tree_map_with_path(functools.partial(_method, workload), model_params),
        ),
        optax.add_decayed_weights(settings.weight_decay),
        optax.scale_by_learning_rate(_cosine_schedule(settings, workload.step_hint)),
    )
    return optimizer.init(model_params), optimizer.update


def _method(workload: spec.Workload, path: tuple[Any, ...], array: spec.Tensor) -> str:
    """`muon` for an array that acts as a matrix between hidden layers, otherwise `adam`."""
    names = [str(entry.key).lower() for entry in path]
    apart = "embed" in "/".join(names) or names[-1] == "bias" or workload.is_output_params(path[0].key)
    return "muon" if array.ndim >= 2 and not apart else "adam"


def _scale_by_muon(beta: float) -> optax.GradientTransformation:
    """Momentum, one step ahead, made orthogonal."""

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        del params
        count, mean = state
        mean = jax.tree.map(lambda m, g: beta * m + (1.0 - beta) * g, mean, updates)
        now, ahead = (1.0 - beta) / (1.0 - beta ** (count + 1)), beta / (1.0 - beta ** (count + 2))
        momentum = jax.tree.map(lambda m, g: ahead * m + now * g, mean, updates)
        paths_and_arrays, structure = jax.tree_util.tree_flatten_with_path(momentum)
        names = [str(path[-2].key).lower() if len(path) > 1 else "" for path, _ in paths_and_arrays]
        arrays = _orthogonal([array for _, array in paths_and_arrays], names)
        return jax.tree.unflatten(structure, arrays), (count + 1, mean)

    return optax.GradientTransformation(
        lambda params: (jnp.zeros([], jnp.int32), optax.tree.zeros_like(params)), update
    )


def _orthogonal(arrays: list[spec.Tensor], names: list[str]) -> list[spec.Tensor]:
    """Each array's nearest semi-orthogonal matrix or so, at the size of AdamW's updates; equal shapes at once."""
    matrices = [_as_matrix(array, name) for array, name in zip(arrays, names, strict=True)]
    wide = [matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T for matrix in matrices]
    stacks: dict[tuple[int, ...], list[int]] = {}
    for index, matrix in enumerate(wide):
        stacks.setdefault(matrix.shape, []).append(index)
    for shape, indices in stacks.items():
        results = _newton_schulz(jnp.stack([wide[index] for index in indices]))
        for index, result in zip(indices, UPDATE_SIZE * shape[1] ** 0.5 * results, strict=True):
            wide[index] = result
    return [
        (result if result.shape == matrix.shape else result.T).reshape(array.shape)
        for result, matrix, array in zip(wide, matrices, arrays, strict=True)
    ]


def _as_matrix(array: spec.Tensor, name: str) -> spec.Tensor:
    """(inputs, outputs): kernels end with their outputs, those into attention heads begin with their inputs."""
    if name in ("query", "key", "value"):
        return array.reshape(array.shape[0], -1)
    return array.reshape(-1, array.shape[-1])


def _newton_schulz(matrices: spec.Tensor) -> spec.Tensor:
    """Singular values to about one; matrices are (count, rows, columns), rows <= columns."""
    a, b, c = NEWTON_SCHULZ
    matrices = matrices / (jnp.linalg.norm(matrices, axis=(1, 2), keepdims=True) + EPSILON)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = matrices @ matrices.mT
        matrices = a * matrices + (b * gram + c * gram @ gram) @ matrices
    return matrices


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
