"""Connectionist temporal classification against the benchmark's golden costs, in both frameworks."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.workloads.reference_vectors import numbers
from workloads.losses import ctc_jax, ctc_torch


def paddings(lengths, size):
    return (np.arange(size) >= np.array(lengths)[:, np.newaxis]).astype(np.float32)


def cost(framework, labels, logits, mask=None):
    if framework == "jax":
        loss = ctc_jax.ctc(tuple(map(jnp.asarray, labels)), tuple(map(jnp.asarray, logits)), mask)
    else:
        mask = None if mask is None else torch.from_numpy(mask)
        loss = ctc_torch.ctc(tuple(map(torch.from_numpy, labels)), tuple(map(torch.from_numpy, logits)), mask)
    return {key: np.asarray(value) for key, value in loss.items()}


@pytest.fixture(scope="module")
def golden(shared):
    record = json.loads((shared / "data" / "reference_vectors" / "metrics" / "ctc.json").read_text())["loss"]
    batch, frames, vocabulary = record["shape"]
    logits = (3 * numbers("ctc/loss_logits", batch * frames * vocabulary)).astype(np.float32).reshape(record["shape"])
    labels = np.array(record["labels"], np.float32), paddings(record["label_lengths"], 5)
    return record, labels, (logits, paddings(record["logit_lengths"], frames))


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_the_golden_labels_cost_what_the_reference_says(framework, golden):
    record, labels, logits = golden

    loss = cost(framework, labels, logits)

    expected = np.array(record["torch_per_example" if framework == "pytorch" else "jax_per_example"], float)
    np.testing.assert_allclose(loss["per_example"], expected, rtol=1e-5)
    assert loss["n_valid_examples"] == record["n_valid"][0]


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_a_mask_takes_utterances_out_of_the_sum_and_their_tokens_out_of_the_count(framework, golden):
    record, labels, logits = golden
    mask = np.float32([1, 0, 1, 1, 0, 1, 1])  # without the label that does not fit

    loss = cost(framework, labels, logits, mask)

    kept = [0, 2, 3, 5, 6]
    assert loss["summed"] == pytest.approx(np.array(record["torch_per_example"], float)[kept].sum(), rel=1e-5)
    assert loss["n_valid_examples"] == np.array(record["label_lengths"])[kept].sum()


@pytest.mark.parametrize("framework", ["pytorch", "jax"])
def test_a_batch_of_padding_costs_nothing_and_counts_one_token(framework):
    labels = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)
    logits = np.zeros((2, 4, 5), np.float32), np.ones((2, 4), np.float32)

    loss = cost(framework, labels, logits)

    assert loss["summed"] == 0
    assert loss["n_valid_examples"] == 1
