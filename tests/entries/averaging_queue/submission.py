"""Averages of the latest weights: takes the queue itself and makes several steps a call. Generation B in PyTorch."""

from collections import deque
from itertools import islice

import torch
import torch.distributed.nn as dist_nn
from algoperf import spec
from algoperf.pytorch_utils import pytorch_setup

USE_PYTORCH_DDP, RANK, DEVICE, N_GPUS = pytorch_setup()


class LAWAQueue:
    """The weights of the latest few moments."""

    def __init__(self, maxlen) -> None:
        self._maxlen = int(maxlen)
        self._queue = deque(maxlen=self._maxlen)

    def state_dict(self):
        return {key: value for key, value in self.__dict__.items()}  # noqa: C416

    def load_state_dict(self, state_dict):
        self.__dict__.update(state_dict)

    def push(self, params):
        self._queue.append([p.detach().cpu().clone() for p in params])

    def full(self):
        return len(self._queue) == self._maxlen

    def avg(self):
        return [torch.stack(parts).mean(dim=0) for parts in zip(*self._queue, strict=True)]


def get_batch_size(workload_name):
    return 256


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    optimizer = torch.optim.NAdam(model_params.parameters(), lr=hyperparameters.learning_rate)
    state = {"optimizer": optimizer, "queue": LAWAQueue(hyperparameters.queue_len), "kept": None, "steps": 0}
    state["every"] = max(1, int(hyperparameters.lawa_interval * workload.step_hint))
    return state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return input_queue


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
):
    model = current_param_container
    if optimizer_state["kept"] is not None:
        with torch.no_grad():
            for p, kept in zip(model.parameters(), optimizer_state["kept"], strict=True):
                p.copy_(kept)
        optimizer_state["kept"] = None
    model.train()
    for each in islice(batch, hyperparameters.steps_per_call):
        optimizer_state["optimizer"].zero_grad(set_to_none=True)
        logits, model_state = workload.model_fn(
            model, each, model_state, spec.ForwardPassMode.TRAIN, rng, update_batch_norm=True
        )
        found = workload.loss_fn(each["targets"], logits, each.get("weights"))
        summed, examples = found["summed"], found["n_valid_examples"]
        if USE_PYTORCH_DDP:
            summed, examples = dist_nn.all_reduce(summed), dist_nn.all_reduce(examples)
        (summed / examples).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer_state["optimizer"].step()
        optimizer_state["steps"] += 1
        if optimizer_state["steps"] % optimizer_state["every"] == 0:
            optimizer_state["queue"].push(model.parameters())
    return optimizer_state, model, model_state


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
    if optimizer_state["queue"].full():
        optimizer_state["kept"] = [p.detach().clone() for p in current_param_container.parameters()]
        with torch.no_grad():
            for p, average in zip(current_param_container.parameters(), optimizer_state["queue"].avg(), strict=True):
                p.copy_(average.to(p.device))
    return optimizer_state, current_param_container, model_state
