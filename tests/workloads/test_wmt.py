"""The Transformer at narrow width: masks, packing, dropout, initial values, and translating with a cache."""

from __future__ import annotations

import dataclasses
import shutil

import jax
import numpy as np
import pytest
import torch

from tests.workloads.twins import twins
from workloads import registry, snapshot_torch
from workloads.api import ForwardPassMode
from workloads.evaluation import evaluate
from workloads.metrics import VOCABULARY, beam_search
from workloads.metrics.beam_search import BEAMS, END
from workloads.narrow import narrow
from workloads.spec import Framework
from workloads.wmt.decode_jax import Translator
from workloads.wmt.decode_torch import translate

NAMES = ["wmt", "wmt_post_ln", "wmt_attention_temp", "wmt_glu_tanh"]
SPEC = narrow(registry.get("wmt"))
PACKED = {
    "inputs": [[5, 6, 7, 2, 8, 9, 2, 0]],
    "inputs_position": [[0, 1, 2, 3, 0, 1, 2, 0]],
    "inputs_segmentation": [[1, 1, 1, 1, 2, 2, 2, 0]],
    "targets": [[11, 12, 2, 13, 14, 15, 2, 0]],
    "targets_position": [[0, 1, 2, 0, 1, 2, 3, 0]],
    "targets_segmentation": [[1, 1, 1, 2, 2, 2, 2, 0]],
    "weights": [[1, 1, 1, 1, 1, 1, 1, 0]],
}


def changed(batch, key, column, value):
    array = np.array(batch[key])
    array[0, column] = value
    return {**batch, key: array}


class Model:
    """The narrow model of one framework; logits as NumPy."""

    def __init__(self, framework) -> None:
        self.framework = framework
        self.workload = registry.load(SPEC, framework)(SPEC)
        self.params, self.state = self.workload.init_model_fn(3)

    def logits(self, batch, mode=ForwardPassMode.EVAL, rate=0.0, seed=0):
        torch.manual_seed(seed)
        arrays = {key: np.array(value) for key, value in batch.items()}
        logits, state = self.workload.model_fn(
            self.params,
            self.workload.to_device(arrays),
            self.state,
            mode,
            jax.random.PRNGKey(seed) if self.framework == Framework.JAX else None,
            False,
            dropout_rate=rate,
        )
        assert state is None
        return np.asarray(logits.detach() if self.framework == Framework.PYTORCH else logits)


@pytest.fixture(scope="module", params=Framework)
def model(request):
    return Model(request.param)


def test_a_token_is_predicted_from_those_before_it_only(model):
    before = model.logits(PACKED)

    after = model.logits(changed(PACKED, "targets", 5, 40))

    np.testing.assert_array_equal(before[0, :6], after[0, :6])  # the one at 5 is its own prediction's answer
    assert np.abs(before[0, 6] - after[0, 6]).max() > 1e-3


def test_packed_sentences_do_not_see_each_others_sources(model):
    before = model.logits(PACKED)

    after = model.logits(changed(PACKED, "inputs", 4, 40))  # of the second sentence

    np.testing.assert_allclose(before[0, :3], after[0, :3], atol=1e-6)
    assert np.abs(before[0, 3:7] - after[0, 3:7]).max(axis=1).min() > 1e-4


def test_a_later_sentence_starts_from_the_end_of_the_one_before_it(model):
    """The shift of the targets ignores packing, as in the benchmark."""
    before = model.logits(PACKED)

    after = model.logits(changed(PACKED, "targets", 2, 40))  # the end token of the first sentence

    np.testing.assert_array_equal(before[0, :3], after[0, :3])
    assert np.abs(before[0, 3] - after[0, 3]).max() > 1e-3


def test_the_first_sentence_of_a_row_is_translated_as_if_it_were_alone(model):
    alone = {"inputs": [[5, 6, 7, 2, 0, 0, 0, 0]], "targets": [[11, 12, 2, 0, 0, 0, 0, 0]]}

    np.testing.assert_allclose(model.logits(PACKED)[0, :3], model.logits(alone)[0, :3], atol=1e-5)


def test_rows_that_only_pad_are_finite_and_change_nothing(model):
    padded = {key: [*rows, [0] * 8] for key, rows in PACKED.items()}

    logits = model.logits(padded)

    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits[0], model.logits(PACKED)[0], atol=1e-5)


def test_dropout_acts_in_training_only(model):
    plain = model.logits(PACKED)

    np.testing.assert_array_equal(model.logits(PACKED, rate=0.5, seed=1), plain)
    np.testing.assert_allclose(model.logits(PACKED, ForwardPassMode.TRAIN), plain, atol=1e-5)
    noisy = [model.logits(PACKED, ForwardPassMode.TRAIN, 0.5, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert np.abs(noisy[0] - noisy[2]).max() > 1e-2


def test_a_model_made_of_sealed_bytes_has_its_positions_again():
    """They are no part of the state dict, so a submission cannot change them; the judge makes its own."""
    model = Model(Framework.PYTORCH)
    before = model.logits(PACKED)
    content = b"".join(array.tobytes() for array in snapshot_torch.arrays(model.params))
    assert "pos_encoder.pe" not in model.params.state_dict()

    model.params, _ = snapshot_torch.restore(model.workload, content)

    np.testing.assert_array_equal(model.logits(PACKED), before)


def test_only_pytorch_drops_attention_probabilities():
    """With everything else dropped alike, JAX keeps them: a difference of the benchmark that we keep."""
    model = Model(Framework.PYTORCH)
    attention = model.params.train().encoder.encoder.layers[0].self_attn
    x, mask = torch.randn(2, 5, SPEC.model["width"]), torch.ones(2, 1, 1, 5, dtype=torch.bool)

    assert not torch.equal(attention(x, None, mask, 0.5), attention(x, None, mask, 0.0))


def test_initial_kernels_are_spread_as_they_are_stored():
    width = SPEC.model["width"]
    torch_model, jax_params = Model(Framework.PYTORCH).params, Model(Framework.JAX).params

    layer = torch_model.decoder.decoder.layers[0]
    bounds = {layer.self_attn.in_proj: 4, layer.multihead_attn.kv_proj: 3, layer.linear1: 2}
    for linear, sides in bounds.items():
        assert linear.weight.abs().max().item() == pytest.approx((6 / (sides * width)) ** 0.5, rel=0.02)
    assert 0 < layer.linear1.bias.abs().max() < 5e-6
    attention = jax_params["decoder"]["encoderdecoderblock_0"]["MultiHeadDotProductAttention_0"]
    for name in ("query", "key", "value", "out"):
        assert abs(attention[name]["kernel"]).max() == pytest.approx((6 / (2 * width)) ** 0.5, rel=0.02)
    for embedding in (
        torch_model.shared_embedding.weight.detach().numpy(),
        jax_params["shared_embedding"]["embedding"],
    ):
        assert np.std(embedding) == pytest.approx(1, abs=0.1)


# --- translating --------------------------------------------------------------------------------------------------


SOURCES = np.array([[5, 6, 7, 2, 0, 0], [9, 8, 2, 0, 0, 0], [30, 31, 32, 33, 34, 2]])


def log_probability(workload, model, source, sequence):
    """Of the tokens behind the leading 0, each given those before it."""
    batch = {"inputs": torch.tensor(source)[None], "targets": torch.tensor(sequence[1:])[None]}
    logits, _ = workload.model_fn(model, batch, None, ForwardPassMode.EVAL, None, False)
    chosen = torch.log_softmax(logits, -1)[0].gather(-1, batch["targets"][0][:, None])
    return float(chosen.sum())


@pytest.mark.parametrize("name", NAMES)
def test_the_cache_gives_the_scores_that_whole_sequences_have(name):
    pair = twins(narrow(registry.get(name)), torch.float32)
    pair.model.eval()

    with torch.no_grad():
        sequences, scores = translate(pair.model, torch.tensor(SOURCES), 10)

    compared = 0
    for source, beams, found in zip(SOURCES, sequences, scores, strict=True):
        for beam, score in zip(beams, found, strict=True):
            ended = END in beam
            sequence = beam[: list(beam).index(END) + 1] if ended else beam
            # Fewer sequences than beams may have ended; and as a target a token 0 would count as padding.
            if score < -1e6 or 0 in sequence[1:]:
                continue
            compared += 1
            penalty = ((5 + len(sequence) - 1) / 6) ** 0.6 if ended else 1
            expected = log_probability(pair.torch, pair.model, source, sequence) / penalty
            assert score == pytest.approx(expected, abs=1e-4)
    assert compared >= 3


@pytest.mark.parametrize("name", NAMES)
def test_both_frameworks_translate_alike(name):
    pair = twins(narrow(registry.get(name)), torch.float32)
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), pair.params)

    with torch.no_grad():
        ours = translate(pair.model.eval(), torch.tensor(SOURCES), 10)
    theirs = Translator(pair.jax, max_length=10).translate(params, SOURCES)

    assert ours[0].shape == (3, BEAMS, 10)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1], atol=1e-4)


@pytest.fixture
def data(tmp_path, shared):
    """The folder of a dataset whose vocabulary has 120 pieces."""
    (tmp_path / VOCABULARY).parent.mkdir()
    shutil.copy(
        shared / "data" / "reference_vectors" / "pipelines" / "wmt_tiny_sentencepiece.model", tmp_path / VOCABULARY
    )
    return tmp_path


def sentences():
    random = np.random.default_rng(5)
    rows = [np.append(random.integers(3, 120, length), END) for length in (4, 7, 3, 6, 2)]
    targets = np.stack([np.pad(row, (0, 8 - len(row))) for row in rows])
    return {"inputs": targets[::-1].copy(), "targets": targets, "weights": (targets > 0).astype(np.int64)}


def batches(size):
    rows = sentences()
    for first in range(0, 5, size):
        part = {key: value[first : first + size] for key, value in rows.items()}
        yield {key: np.pad(value, ((0, size - len(value)), (0, 0))) for key, value in part.items()}


@pytest.mark.parametrize("framework", Framework)
def test_a_judge_counts_every_sentence_once_whatever_the_batch(framework, data, monkeypatch):
    spec = dataclasses.replace(SPEC, model={**SPEC.model, "vocabulary": 120, "max_length": 8})
    workload = registry.load(spec, framework)(spec)
    model = workload.init_model_fn(1)

    results = [evaluate(workload, *model, batches(5), 5, data)]
    monkeypatch.setattr(beam_search, "_SCORES", 3 * BEAMS * 120)  # room for three sentences at once
    workload = registry.load(spec, framework)(spec)
    results += [evaluate(workload, *model, batches(size), 5, data) for size in (6, 3)]

    assert set(results[0]) == {"accuracy", "bleu", "loss"}
    assert results[0] == pytest.approx(results[1], rel=1e-4)
    assert results[0] == pytest.approx(results[2], rel=1e-4)
    assert 3 < results[0]["loss"] < 7  # the logarithm of 120 is 4.8
    assert 0 <= results[0]["bleu"] < 20


@pytest.mark.parametrize("framework", Framework)
def test_broken_parameters_translate_to_no_number(framework, data):
    spec = dataclasses.replace(SPEC, model={**SPEC.model, "vocabulary": 120, "max_length": 8})
    workload = registry.load(spec, framework)(spec)
    params, state = workload.init_model_fn(1)
    if framework == Framework.PYTORCH:
        params.shared_embedding.weight.data[50:] = float("nan")
    else:
        params["shared_embedding"]["embedding"] = params["shared_embedding"]["embedding"].at[50:].set(float("nan"))

    assert np.isnan(list(evaluate(workload, params, state, batches(5), 5, data).values())).all()
