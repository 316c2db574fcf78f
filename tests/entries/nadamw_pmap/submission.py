"""NAdamW on replicated arrays: generation A in JAX."""

import functools

import chex
import jax
import jax.numpy as jnp
import optax
from algorithmic_efficiency import spec
from flax import jax_utils
from jax import lax
from optax._src import transform

HPARAMS = {"learning_rate": 2e-3, "one_minus_beta1": 0.1, "beta2": 0.99}


def scale_by_nadam(b1: float, b2: float, eps: float) -> optax.GradientTransformation:
    def init_fn(params):
        mu = jax.tree_map(jnp.zeros_like, params)
        nu = jax.tree_map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(count=jnp.zeros([], jnp.int32), mu=mu, nu=nu)

    def update_fn(updates, state: optax.ScaleByAdamState, params=None):
        del params
        mu = transform.update_moment(updates, state.mu, b1, 1)
        nu = transform.update_moment(updates, state.nu, b2, 2)
        count: chex.Array = state.count + 1
        mu_hat = transform.bias_correction(transform.update_moment(updates, mu, b1, 1), b1, count)
        nu_hat = transform.bias_correction(nu, b2, count)
        updates = jax.tree_map(lambda m, v: m / (jnp.sqrt(v) + eps), mu_hat, nu_hat)
        return updates, optax.ScaleByAdamState(count=count, mu=mu, nu=nu)

    return optax.GradientTransformation(init_fn, update_fn)


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng) -> spec.OptimizerState:
    del model_params, model_state, rng
    params_zeros_like = jax.tree_map(lambda s: jnp.zeros(s.shape_tuple), workload.param_shapes)
    rate = hyperparameters.learning_rate if hyperparameters is not None else HPARAMS["learning_rate"]
    optimizer = optax.chain(scale_by_nadam(0.9, 0.99, 1e-8), optax.scale(-rate))
    return jax_utils.replicate(optimizer.init(params_zeros_like)), optimizer.update


@functools.partial(
    jax.pmap,
    axis_name="batch",
    in_axes=(None, None, 0, 0, 0, 0, 0, None, None),
    static_broadcasted_argnums=(0, 1),
    donate_argnums=(2, 3, 4),
)
def pmapped_train_step(
    workload, opt_update_fn, model_state, optimizer_state, params, batch, rng, grad_clip, label_smoothing
):
    def _loss_fn(params):
        logits, new_model_state = workload.model_fn(
            params, batch, model_state, spec.ForwardPassMode.TRAIN, rng, update_batch_norm=True
        )
        loss_dict = workload.loss_fn(
            label_batch=batch["targets"],
            logits_batch=logits,
            mask_batch=batch.get("weights"),
            label_smoothing=label_smoothing,
        )
        return loss_dict["summed"], (loss_dict["n_valid_examples"], new_model_state)

    grad_fn = jax.value_and_grad(_loss_fn, has_aux=True)
    (summed_loss, (n_valid_examples, new_model_state)), grad = grad_fn(params)
    (summed_loss, n_valid_examples, grad) = lax.psum((summed_loss, n_valid_examples, grad), axis_name="batch")
    loss = summed_loss / n_valid_examples
    grad = jax.tree_map(lambda x: x / n_valid_examples, grad)
    grad_norm = jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree_util.tree_leaves(grad)))
    scale = jax.lax.clamp(min=0.0, x=grad_clip / (grad_norm + 1e-6), max=1.0)
    grad = jax.tree_map(lambda x: x * scale, grad)
    updates, new_optimizer_state = opt_update_fn(grad, optimizer_state, params)
    return new_optimizer_state, optax.apply_updates(params, updates), new_model_state, loss, grad_norm


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
) -> spec.UpdateReturn:
    del current_params_types, loss_type, eval_results
    optimizer_state, opt_update_fn = optimizer_state
    per_device_rngs = jax.random.split(rng, jax.local_device_count())
    outputs = pmapped_train_step(
        workload,
        opt_update_fn,
        model_state,
        optimizer_state,
        current_param_container,
        batch,
        per_device_rngs,
        1.0,
        hyperparameters.label_smoothing if hasattr(hyperparameters, "label_smoothing") else 0.0,
    )
    new_optimizer_state, new_params, new_model_state, loss, grad_norm = outputs
    if global_step % 100 == 0 and workload.metrics_logger is not None:
        workload.metrics_logger.append_scalar_metrics({"loss": loss[0], "grad_norm": grad_norm[0]}, global_step)
    return (new_optimizer_state, opt_update_fn), new_params, new_model_state


def get_batch_size(workload_name):
    return {"criteo1tb": 262_144, "wmt": 128}[workload_name]


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
