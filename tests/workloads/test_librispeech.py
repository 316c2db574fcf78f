"""Both speech models: golden numbers at full size in PyTorch, behaviour at a tiny size in both frameworks."""

from __future__ import annotations

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from tests.workloads.initial_values import assert_drawn_alike
from tests.workloads.vocabulary import write_vocabulary
from workloads import evaluation, narrow, registry, synthetic
from workloads.api import ForwardPassMode
from workloads.metrics.ctc_decoding import greedy_decode
from workloads.vectors.golden import Golden
from workloads.vectors.runner_torch import TorchRunner

NAMES = ["librispeech_conformer", "librispeech_deepspeech"]
TINY = {
    "librispeech_conformer": {"encoder_dim": 16, "heads": 2, "depth": 1},
    "librispeech_deepspeech": {"encoder_dim": 16, "lstm_layers": 1, "feed_forward_layers": 1},
}
QUICK_TO_COMPILE = {"xla_backend_optimization_level": 0}
NOT_RANDOM = {"time_masks": 0, "frequency_masks": 0}
BOTH = pytest.mark.parametrize(
    ("name", "framework"), [(name, framework) for name in NAMES for framework in ("pytorch", "jax")]
)


class Speech:
    """A tiny speech workload, its initial model, and calls that look the same in both frameworks."""

    def __init__(self, name, framework, **model) -> None:
        spec = narrow.narrow(registry.get(name))
        fixed = {"fixed_dropout_jax": None} if name.endswith("deepspeech") else {}
        self.spec = dataclasses.replace(
            spec,
            data={**spec.data, "max_samples": 6000, "max_targets": 2},
            model={**spec.model, **TINY[name], **fixed, **model},
        )
        self.framework = framework
        self.workload = registry.load(self.spec, framework)(self.spec)
        self.params, self.state = self.workload.init_model_fn(0)
        self._compiled = jax.jit(self._forward_jax, static_argnums=2, compiler_options=QUICK_TO_COMPILE)

    def batch(self, count=3):
        return next(synthetic.train_batches(self.spec, count, 1))

    def forward(self, batch, mode=ForwardPassMode.TRAIN, *, rate=0.0, seed=0):
        """Logits and paddings in NumPy, and the running averages after them by name."""
        if self.framework == "jax":
            outputs, state = self._compiled(batch["inputs"], rate, mode, jax.random.PRNGKey(seed))
            return *map(np.asarray, outputs), dict(enumerate(jax.tree.leaves(state)))
        torch.manual_seed(seed)
        tensors = self.workload.to_device(batch)
        outputs, _ = self.workload.model_fn(self.params, tensors, None, mode, None, True, dropout_rate=rate)
        buffers = {key: value.numpy() for key, value in self.params.named_buffers() if ".running_" in key}
        return *(part.detach().numpy() for part in outputs), buffers

    def _forward_jax(self, inputs, rate, mode, key):
        batch = {"inputs": inputs}
        return self.workload.model_fn(self.params, batch, self.state, mode, key, True, dropout_rate=rate)


@pytest.mark.parametrize("name", NAMES)
def test_the_evaluation_and_its_text_are_the_reference_ones(name, shared):
    golden = Golden(shared / "data" / "reference_vectors", name)
    runner = TorchRunner(golden, double=False)

    logits, paddings = runner.numpy(runner.evaluate(golden.batch()))

    assert np.array_equal(paddings, golden.stored["output_paddings"])
    values = np.where(paddings[..., np.newaxis] > 0, 0, logits).ravel()[golden.stored["eval_index"]]
    np.testing.assert_allclose(values, golden.stored["eval_sample"], atol=5e-5, rtol=0)
    decoded = greedy_decode(logits, paddings)
    assert [len(row) for row in decoded] == golden.record["greedy_lengths"]
    for row, expected in zip(decoded, golden.stored["greedy_decode"], strict=True):
        assert row.tolist() == expected[: len(row)].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_initial_pytorch_values_are_spread_as_published(name, shared):
    spec = registry.get(name)
    model, _ = registry.load(spec, "pytorch")(spec).init_model_fn(7)
    parameters = dict(model.named_parameters())

    for record in json.loads((shared / "spec" / "params" / f"{name}.json").read_text())["pytorch"]:
        assert_drawn_alike(record, parameters[record["name"]].detach().numpy())


@pytest.mark.parametrize("name", NAMES)
def test_twenty_seconds_become_five_hundred_frames(name):
    spec = registry.get(name)
    workload = registry.load(spec, "jax")(spec)
    params, state = jax.eval_shape(workload.initial_variables, jax.random.PRNGKey(0))
    sound = jax.ShapeDtypeStruct((2, spec.data["max_samples"]), jnp.float32)

    def forward(params, state, sound):
        mode, key = ForwardPassMode.TRAIN, jax.random.PRNGKey(0)
        return workload.model_fn(params, {"inputs": (sound, sound)}, state, mode, key, True)

    (logits, paddings), new_state = jax.eval_shape(forward, params, state, sound)

    assert (logits.shape, paddings.shape) == ((2, 500, 1024), (2, 500))
    assert jax.tree.map(lambda leaf: leaf.shape, new_state) == jax.tree.map(lambda leaf: leaf.shape, state)


@pytest.mark.parametrize("name", NAMES)
def test_initial_jax_kernels_are_uniform_as_glorot_has_it(name):
    speech = Speech(name, "jax")
    leaves = jax.tree_util.tree_leaves_with_path(speech.params)
    kernels = {"/".join(str(key.key) for key in path): np.asarray(leaf) for path, leaf in leaves}
    kernels = {path: kernel for path, kernel in kernels.items() if path.endswith("kernel") and "LSTM" not in path}

    assert len(kernels) >= 5
    for path, kernel in kernels.items():
        matrix = kernel.reshape(-1, kernel.shape[-1])
        if any(f"/{part}/" in path for part in ("query", "key", "value")):
            matrix = kernel.reshape(len(kernel), -1)
        window = int(np.prod(kernel.shape[:-2])) if "Conv" in path and "Dense" not in path else 1
        bound = np.sqrt(6 / (matrix.shape[0] + window * matrix.shape[1]))
        assert np.abs(kernel).max() == pytest.approx(bound, rel=0.12), path


@BOTH
def test_a_row_that_only_pads_changes_nothing_and_stays_finite(name, framework):
    speech = Speech(name, framework, **NOT_RANDOM)
    whole = speech.batch(2)
    (audio, paddings), (tokens, token_paddings) = whole["inputs"], whole["targets"]
    padded = {
        "inputs": (np.concatenate([audio, 0 * audio[:1]]), np.concatenate([paddings, 0 * paddings[:1] + 1])),
        "targets": (
            np.concatenate([tokens, 0 * tokens[:1]]),
            np.concatenate([token_paddings, 0 * token_paddings[:1] + 1]),
        ),
    }

    logits, _, averages = Speech(name, framework, **NOT_RANDOM).forward(whole)
    more_logits, _, more_averages = speech.forward(padded)

    np.testing.assert_allclose(more_logits[:2], logits, atol=1e-5)
    assert np.isfinite(more_logits).all()
    assert averages.keys() == more_averages.keys()
    for key, value in averages.items():
        np.testing.assert_allclose(more_averages[key], value, atol=1e-6)


@BOTH
def test_the_judge_measures_a_split_whose_last_batch_is_padded(name, framework, tmp_path):
    speech = Speech(name, framework, vocabulary=20)
    folder = write_vocabulary(tmp_path, ["HELLO", "WORLD", "IT'S", "A", "FINE", "DAY"], pieces=20)
    batches = [*synthetic.eval_batches(speech.spec, 4, 6, 1)]

    metrics = evaluation.evaluate(speech.workload, speech.params, speech.state, batches, 6, folder)

    assert metrics.keys() == {"wer", "true_wer", "ctc_loss"}
    assert metrics["wer"] < metrics["true_wer"]  # two more words an utterance, always right
    losses = [cost(speech, batch) for batch in batches]
    assert metrics["ctc_loss"] == pytest.approx(
        sum(summed for summed, _ in losses) / sum(n for _, n in losses), rel=1e-4
    )


def cost(speech, batch):
    """Sum and number of tokens by the loss of training, with the batch's weights for a mask."""
    logits, paddings, _ = speech.forward(batch, ForwardPassMode.EVAL)
    batch = {"targets": batch["targets"], "outputs": (logits, paddings), "weights": batch["weights"]}
    tensors = speech.workload.to_device(batch)
    loss = speech.workload.loss_fn(tensors["targets"], tensors["outputs"], tensors["weights"])
    return float(loss["summed"]), float(loss["n_valid_examples"])


@BOTH
def test_dropout_and_masks_act_in_training_only(name, framework):
    speech = Speech(name, framework, time_masks=2)
    still = Speech(name, framework, **NOT_RANDOM)
    batch = speech.batch()

    def logits(of, mode, rate, seed):
        return of.forward(batch, mode, rate=rate, seed=seed)[0]

    evaluation, training = ForwardPassMode.EVAL, ForwardPassMode.TRAIN
    assert np.array_equal(logits(speech, evaluation, 0.5, 0), logits(speech, evaluation, 0.0, 1))
    assert not np.allclose(logits(speech, training, 0.0, 0), logits(speech, training, 0.0, 1), atol=1e-3)  # masks
    quiet = logits(still, training, 0.0, 0)
    assert np.array_equal(quiet, logits(still, training, 0.0, 1))
    assert not np.allclose(quiet, logits(still, training, 0.5, 0), atol=1e-3)  # dropout


@BOTH
def test_running_averages_move_as_fast_as_the_workload_says(name, framework):
    moved = {}
    for decay in (0.999, 0.9):
        speech = Speech(name, framework, **NOT_RANDOM, norm_decay=decay)
        _, _, averages = speech.forward(speech.batch())
        # They start at 0, or at 1 where they are variances.
        moved[decay] = [np.minimum(np.abs(part), np.abs(part - 1)) for part in averages.values()]

    assert moved[0.999]
    for slow, fast in zip(moved[0.999], moved[0.9], strict=True):
        np.testing.assert_allclose(fast, 100 * slow, rtol=2e-2, atol=1e-5)


def test_in_jax_the_feed_forward_modules_keep_their_own_dropout_where_the_benchmark_forgets_the_rate():
    base = registry.get("librispeech_deepspeech").model["fixed_dropout_jax"]
    assert base == 0.1
    assert registry.get("librispeech_deepspeech_no_resnet").model["fixed_dropout_jax"] is None

    speech = Speech("librispeech_deepspeech", "jax", **NOT_RANDOM, fixed_dropout_jax=base)
    first, second = (speech.forward(speech.batch(), rate=0.0, seed=seed)[0] for seed in (0, 1))

    assert not np.allclose(first, second, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_pytorch_trains_in_bfloat16(name):
    speech = Speech(name, "pytorch")
    batch, expected = speech.workload.to_device(speech.batch()), speech.forward(speech.batch(), ForwardPassMode.EVAL)[0]
    with torch.autocast("cpu", torch.bfloat16):
        outputs, _ = speech.workload.model_fn(speech.params, batch, None, ForwardPassMode.EVAL, None, False)
    np.testing.assert_allclose(outputs[0].float(), expected, atol=0.05 * np.abs(expected).max())

    model = speech.params.bfloat16()
    outputs, _ = speech.workload.model_fn(model, batch, None, ForwardPassMode.TRAIN, None, True, dropout_rate=0.1)
    speech.workload.loss_fn(batch["targets"], outputs)["summed"].backward()

    assert outputs[0].dtype == torch.bfloat16
    assert all(value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_jax_computes_in_the_precision_of_its_parameters(name):
    speech = Speech(name, "jax", **NOT_RANDOM)
    expected = speech.forward(speech.batch(), ForwardPassMode.EVAL)[0]
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), speech.params)

    def forward(params):
        return speech.workload.model_fn(
            params, speech.batch(), speech.state, ForwardPassMode.EVAL, None, False, dropout_rate=0.0
        )[0][0]

    logits = jax.jit(forward, compiler_options=QUICK_TO_COMPILE)(params)

    assert logits.dtype == jnp.bfloat16
    np.testing.assert_allclose(logits.astype(np.float32), expected, atol=0.05 * np.abs(expected).max())
