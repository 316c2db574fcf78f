"""Where every model drops something out in training, and at which rate, counted in both frameworks."""

from __future__ import annotations

from collections import Counter

import jax
import numpy as np
import pytest
import torch

from workloads import registry, synthetic
from workloads.api import ForwardPassMode
from workloads.narrow import narrow
from workloads.spec import Framework

RATE = 0.25
FIXED = 0.1  # the rate that deepspeech's feed-forward modules keep in JAX, whatever is asked for


def places(spec, framework):
    """How many places drop something, by rate, as the tables of the benchmark have it."""
    model, jax_has = spec.model, framework == Framework.JAX
    match spec.base:
        case "criteo1tb":
            return {RATE: 1}  # before the last layer
        case "fastmri":
            # Whole channels after each activation of the double convolutions; in JAX the rate reaches nothing.
            return {} if jax_has else {RATE: 2 * (2 * model["poolings"] + 1)}
        case "imagenet_resnet":
            return {}
        case "imagenet_vit":
            # Positions; outputs of attention and feed-forward block, its hidden vector; probabilities in PyTorch.
            head = 2 * model["attention_pooling"]  # its probabilities and its hidden vector, in PyTorch
            return {RATE: 1 + model["depth"] * (3 if jax_has else 4) + (0 if jax_has else head)}
        case "librispeech_conformer":
            # Positions; outputs of two feed-forward modules, attention and convolution; hidden vectors in JAX.
            return {RATE: 1 + model["depth"] * (6 if jax_has else 4)}
        case "librispeech_deepspeech":
            layers = model["feed_forward_layers"]
            if jax_has and model["fixed_dropout_jax"] is not None:
                return {RATE: 1, FIXED: layers}
            return {RATE: 1 + layers}
        case "ogbg":
            return {RATE: model["steps"] * 3 * len(model["hidden_dims"])}
        case "wmt":
            # Both embeddings; outputs of attention, hidden vector and output of the feed-forward block; probabilities
            # of attention in PyTorch. The decoder has two attentions.
            attentions = 3 * (1 if jax_has else 2)
            return {RATE: 2 + model["depth"] * (attentions + 4)}
    raise AssertionError(spec.base)


def without_masks(spec):
    """SpecAugment draws random numbers too."""
    spec.model.update({key: 0 for key in ("frequency_masks", "time_masks") if key in spec.model})
    return spec


def dropped_in_torch(workload, batch, monkeypatch):
    found = Counter()

    def counted(name, rate_of):
        original = getattr(torch.nn.functional, name)

        def replacement(*args, **kwargs):
            found[rate_of(args, kwargs)] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(torch.nn.functional, name, replacement)

    def rate(args, kwargs):
        training = args[2] if len(args) > 2 else kwargs["training"]
        return args[1] if training else 0

    counted("dropout", rate)
    counted("dropout2d", rate)
    counted("scaled_dot_product_attention", lambda args, kwargs: kwargs.get("dropout_p", 0))
    model, _ = workload.init_model_fn(1)
    workload.model_fn(model, workload.to_device(batch), None, ForwardPassMode.TRAIN, None, True, dropout_rate=RATE)
    return found


def dropped_in_jax(workload, batch, monkeypatch):
    found = Counter()
    original = jax.random.bernoulli

    def replacement(key, p, shape=None):
        found[round(1 - float(p), 6)] += 1
        return original(key, p, shape)

    monkeypatch.setattr(jax.random, "bernoulli", replacement)

    def forward(rng):
        params, state = workload.initial_variables(rng)
        return workload.model_fn(params, batch, state, ForwardPassMode.TRAIN, rng, True, dropout_rate=RATE)

    jax.eval_shape(forward, jax.random.PRNGKey(0))
    return found


@pytest.mark.parametrize("framework", Framework)
@pytest.mark.parametrize("name", registry.names())
def test_dropout_acts_where_the_benchmark_has_it(name, framework, monkeypatch):
    spec = without_masks(narrow(registry.get(name)))
    workload = registry.load(spec, framework)(spec)
    batch = next(synthetic.train_batches(spec, 4, 1))
    dropped = dropped_in_torch if framework == Framework.PYTORCH else dropped_in_jax

    found = dropped(workload, batch, monkeypatch)

    assert {rate: count for rate, count in found.items() if rate > 0} == places(spec, framework)


@pytest.mark.parametrize("name", ["imagenet_resnet", "librispeech_conformer"])
def test_in_jax_a_submission_says_which_averages_normalise(name):
    """In any mode: batch statistics if it says no running averages, running averages if it says so."""
    spec = without_masks(narrow(registry.get(name)))
    workload = registry.load(spec, "jax")(spec)
    batch, rng = next(synthetic.train_batches(spec, 4, 1)), jax.random.PRNGKey(0)
    params, state = jax.jit(workload.initial_variables)(rng)

    @jax.jit
    def logits(params, state):
        how = {"update_batch_norm": False, "dropout_rate": 0.0}
        outputs = [
            workload.model_fn(params, batch, state, mode, rng, use_running_average_bn=running, **how)[0]
            for mode in ForwardPassMode
            for running in (False, True)
        ]
        return [output[0] if isinstance(output, tuple) else output for output in outputs]

    train_batch, train_running, eval_batch, eval_running = map(np.asarray, logits(params, state))

    np.testing.assert_allclose(train_batch, eval_batch, atol=1e-4)
    np.testing.assert_allclose(train_running, eval_running, atol=1e-4)
    assert not np.allclose(train_batch, train_running, atol=1e-3)
