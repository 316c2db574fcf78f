"""Momentum with an exponential average of the weights, which is what gets evaluated: generation B in JAX."""

import functools

import jax
import jax.numpy as jnp
import optax
from absl import logging
from algoperf import spec
from flax import jax_utils
from jax import lax

DECAY = 0.9


def get_batch_size(workload_name):
    if workload_name in ("ogbg", "fastmri"):
        return 32
    raise ValueError(workload_name)


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    zeros = jax.tree_util.tree_map(lambda s: jnp.zeros(s.shape_tuple), workload.param_shapes)
    horizon = int(0.75 * workload.step_hint)
    schedule = optax.warmup_cosine_decay_schedule(0.0, hyperparameters.learning_rate, max(1, horizon // 20), horizon)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(schedule, momentum=0.9, nesterov=True))
    state = {"optimizer": jax_utils.replicate(optimizer.init(zeros)), "average": model_params, "trained": None}
    return state, optimizer.update


@functools.partial(jax.pmap, axis_name="batch", static_broadcasted_argnums=(0, 1))
def step(workload, update, params, average, model_state, optimizer_state, batch, rng):
    def loss_fn(params):
        logits, new_state = workload.model_fn(
            params=params,
            augmented_and_preprocessed_input_batch=batch,
            model_state=model_state,
            mode=spec.ForwardPassMode.TRAIN,
            rng=rng,
            update_batch_norm=True,
        )
        found = workload.loss_fn(batch["targets"], logits, batch.get("weights"))
        return found["summed"], (found["n_valid_examples"], new_state)

    (_, (examples, new_state)), gradient = jax.value_and_grad(loss_fn, has_aux=True)(params)
    examples, gradient = lax.psum((examples, gradient), "batch")
    gradient = jax.tree_util.tree_map(lambda g: g / examples, gradient)
    updates, optimizer_state = update(gradient, optimizer_state, params)
    params = optax.apply_updates(params, updates)
    average = optax.incremental_update(params, average, 1 - DECAY)
    return params, average, new_state, optimizer_state


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
    train_state=None,
):
    state, update = optimizer_state
    if state["trained"] is not None:  # the averages were swapped in for an evaluation
        current_param_container = state["trained"]
    if train_state["accumulated_submission_time"] > workload.max_allowed_runtime_sec:
        raise spec.TrainingCompleteError
    rngs = jax.random.split(rng, jax.local_device_count())
    params, average, model_state, inner = step(
        workload, update, current_param_container, state["average"], model_state, state["optimizer"], batch, rngs
    )
    return ({"optimizer": inner, "average": average, "trained": None}, update), params, model_state


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
    state, update = optimizer_state
    logging.info("step %d: the average is evaluated", global_step)
    return ({**state, "trained": current_param_container}, update), state["average"], model_state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
