"""NAdamW with linear warm-up and cosine decay: generation C in JAX."""

import functools
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple  # noqa: UP035

import chex
import jax
import jax.numpy as jnp
import optax
from absl import logging
from algoperf import jax_sharding_utils, spec
from flax import struct

_GRAD_CLIP_EPS = 1e-6


@struct.dataclass
class Moments:
    """A flax dataclass, so that it is a pytree."""

    count: chex.Array
    mu: optax.Updates
    nu: optax.Updates


class ScaleByLearningRate(NamedTuple):
    count: chex.Array


def scale_by_nadam(b1: float, b2: float, eps: float = 1e-8) -> optax.GradientTransformation:
    """Adam that looks one step of momentum ahead."""

    def init_fn(params):
        return Moments(
            count=jnp.zeros([], jnp.int32),
            mu=jax.tree_util.tree_map(jnp.zeros_like, params),
            nu=jax.tree_util.tree_map(jnp.zeros_like, params),
        )

    def update_fn(updates, state, params=None):
        del params
        mu = jax.tree_util.tree_map(lambda m, g: b1 * m + (1 - b1) * g, state.mu, updates)
        nu = jax.tree_util.tree_map(lambda v, g: b2 * v + (1 - b2) * g**2, state.nu, updates)
        count = state.count + 1
        ahead = jax.tree_util.tree_map(lambda m, g: (b1 * m + (1 - b1) * g) / (1 - b1 ** (count + 1)), mu, updates)
        second = jax.tree_util.tree_map(lambda v: v / (1 - b2**count), nu)
        updates = jax.tree_util.tree_map(lambda m, v: m / (jnp.sqrt(v) + eps), ahead, second)
        return updates, Moments(count=count, mu=mu, nu=nu)

    return optax.GradientTransformation(init_fn, update_fn)


def jax_cosine_warmup(step_hint: int, hyperparameters):
    warmup_steps = max(1, int(hyperparameters.warmup_factor * step_hint))
    warmup = optax.linear_schedule(0.0, hyperparameters.learning_rate, warmup_steps)
    cosine = optax.cosine_decay_schedule(hyperparameters.learning_rate, max(step_hint - warmup_steps, 1))
    return optax.join_schedules([warmup, cosine], [warmup_steps])


def init_optimizer_state(
    workload: spec.Workload,
    model_params: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    rng: spec.RandomState,
) -> spec.OptimizerState:
    del model_params, model_state, rng
    schedule = jax_cosine_warmup(workload.step_hint, hyperparameters)
    optimizer = optax.chain(
        scale_by_nadam(1 - hyperparameters.one_minus_beta1, hyperparameters.beta2),
        optax.add_decayed_weights(hyperparameters.weight_decay),
        optax.scale_by_learning_rate(schedule),
    )
    zeros = jax.tree_util.tree_map(lambda s: jnp.zeros(s.shape_tuple), workload.param_shapes)
    state = jax.device_put(optimizer.init(zeros), jax_sharding_utils.get_replicate_sharding())
    logging.info("the optimizer has %d arrays", len(jax.tree_util.tree_leaves(state)))
    return state, optimizer.update


def train_step(
    workload, opt_update_fn, model_state, optimizer_state, params, batch, rng, grad_clip, label_smoothing, dropout_rate
):
    def _loss_fn(params):
        logits, new_model_state = workload.model_fn(
            params,
            batch,
            model_state,
            spec.ForwardPassMode.TRAIN,
            rng,
            update_batch_norm=True,
            dropout_rate=dropout_rate,
        )
        loss_dict = workload.loss_fn(
            label_batch=batch["targets"],
            logits_batch=logits,
            mask_batch=batch.get("weights"),
            label_smoothing=label_smoothing,
        )
        return loss_dict["summed"] / loss_dict["n_valid_examples"], new_model_state

    (loss, new_model_state), grad = jax.value_and_grad(_loss_fn, has_aux=True)(params)
    grad_norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree_util.tree_leaves(grad)))
    if grad_clip is not None:
        scale = jax.lax.clamp(min=0.0, x=grad_clip / (grad_norm + _GRAD_CLIP_EPS), max=1.0)
        grad = jax.tree_util.tree_map(lambda x: x * scale, grad)
    updates, new_optimizer_state = opt_update_fn(grad, optimizer_state, params)
    return new_optimizer_state, optax.apply_updates(params, updates), new_model_state, loss, grad_norm


@functools.cache
def jitted():
    replicated = jax_sharding_utils.get_replicate_sharding()
    sharded = jax_sharding_utils.get_batch_dim_sharding()
    shardings = (replicated, replicated, replicated, sharded, replicated, replicated, replicated, replicated)
    return jax.jit(
        train_step,
        static_argnums=(0, 1),
        donate_argnums=(2, 3, 4),
        in_shardings=shardings,
        out_shardings=(replicated, replicated, replicated, replicated, replicated),
    )


def update_params(
    workload: spec.Workload,
    current_param_container: spec.ParameterContainer,
    current_params_types: spec.ParameterTypeTree,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    batch: Dict[str, spec.Tensor],  # noqa: UP006
    loss_type: spec.LossType,
    optimizer_state: spec.OptimizerState,
    eval_results: List[Tuple[int, float]],  # noqa: UP006
    global_step: int,
    rng: spec.RandomState,
    train_state: Optional[Dict[str, Any]] = None,  # noqa: UP006, UP045
) -> spec.UpdateReturn:
    del current_params_types, loss_type, train_state, eval_results
    state, opt_update_fn = optimizer_state
    smoothing = hyperparameters.label_smoothing if hasattr(hyperparameters, "label_smoothing") else 0.0
    grad_clip = hyperparameters.grad_clip if hasattr(hyperparameters, "grad_clip") else None
    state, params, model_state, loss, grad_norm = jitted()(
        workload,
        opt_update_fn,
        model_state,
        state,
        current_param_container,
        batch,
        rng,
        grad_clip,
        smoothing,
        hyperparameters.dropout_rate,
    )
    if global_step % 100 == 0 and workload.metrics_logger is not None:
        workload.metrics_logger.append_scalar_metrics({"loss": loss.item(), "grad_norm": grad_norm.item()}, global_step)
    return (state, opt_update_fn), params, model_state


def get_batch_size(workload_name):
    if workload_name == "criteo1tb":
        return 262_144
    raise ValueError(f"Unsupported workload name: {workload_name}.")


def data_selection(
    workload: spec.Workload,
    input_queue: Iterator[Dict[str, Any]],  # noqa: UP006
    optimizer_state: spec.OptimizerState,
    current_param_container: spec.ParameterContainer,
    model_state: spec.ModelAuxiliaryState,
    hyperparameters: spec.Hyperparameters,
    global_step: int,
    rng: spec.RandomState,
) -> Dict[str, spec.Tensor]:  # noqa: UP006
    del workload, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
    return next(input_queue)
