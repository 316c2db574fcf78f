"""Small submissions for the process tests."""

from __future__ import annotations

TORCH = """
import torch
from algorithmic_efficiency import spec
from algoperf.pytorch_utils import pytorch_setup

from .settings import LEARNING_RATE
import settings

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()


def get_batch_size(workload_name):
    if workload_name == "imagenet_resnet":
        return 1024
    raise ValueError(workload_name)


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    rate = LEARNING_RATE if hyperparameters is None else hyperparameters.learning_rate
    return {"optimizer": torch.optim.SGD(model_params.parameters(), lr=rate)}


def update_params(workload, current_param_container, current_params_types, model_state, hyperparameters, batch,
                  loss_type, optimizer_state, eval_results, global_step, rng, train_state):
    optimizer_state["optimizer"].zero_grad()
    logits, model_state = workload.model_fn(
        params=current_param_container, augmented_and_preprocessed_input_batch=batch, model_state=model_state,
        mode=spec.ForwardPassMode.TRAIN, rng=rng, update_batch_norm=True, dropout_rate=0.0)
    loss = workload.loss_fn(label_batch=batch["targets"], logits_batch=logits, mask_batch=batch.get("weights"))
    (loss["summed"] / loss["n_valid_examples"]).backward()
    optimizer_state["optimizer"].step()
    END_OF_STEP
    return optimizer_state, current_param_container, model_state


def data_selection(workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters,
                   global_step, rng):
    return next(input_queue)
"""

JAX = """
import functools

import jax
import optax
from algoperf import spec
from algoperf.jax_sharding_utils import get_batch_dim_sharding, get_replicate_sharding

from .settings import LEARNING_RATE


def get_batch_size(workload_name):
    return 1024


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    zeros = jax.tree.map(lambda s: jax.numpy.zeros(s.shape_tuple), workload.param_shapes)
    optimizer = optax.sgd(LEARNING_RATE, momentum=0.9)
    return optimizer.init(zeros), optimizer.update


@functools.partial(
    jax.jit, static_argnums=(0, 1), donate_argnums=(2, 3, 4),
    in_shardings=(*[get_replicate_sharding()] * 3, get_batch_dim_sharding(), get_replicate_sharding()),
    out_shardings=get_replicate_sharding())
def step(workload, update, state, params, model_state, batch, rng):
    def loss_fn(params):
        logits, new_state = workload.model_fn(
            params, batch, model_state, spec.ForwardPassMode.TRAIN, rng, update_batch_norm=True)
        loss = workload.loss_fn(batch["targets"], logits)
        return loss["summed"] / loss["n_valid_examples"], new_state

    gradients, new_state = jax.grad(loss_fn, has_aux=True)(params)
    updates, state = update(gradients, state, params)
    return state, optax.apply_updates(params, updates), new_state


def update_params(workload, current_param_container, current_params_types, model_state, hyperparameters, batch,
                  loss_type, optimizer_state, eval_results, global_step, rng):
    state, update = optimizer_state
    state, params, model_state = step(workload, update, state, current_param_container, model_state, batch, rng)
    return (state, update), params, model_state


def prepare_for_eval(workload, current_param_container, current_params_types, model_state, hyperparameters, loss_type,
                     optimizer_state, eval_results, global_step, rng):
    return optimizer_state, current_param_container, model_state


def data_selection(workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters,
                   global_step, rng):
    return next(input_queue)
"""


def files(framework: str, end_of_step: str = "pass") -> dict[str, str]:
    """A working submission; `end_of_step` is put behind each PyTorch update."""
    source = JAX if framework == "jax" else TORCH.replace("END_OF_STEP", end_of_step)
    return {"submission.py": source, "settings.py": "LEARNING_RATE = 0.1\n"}
