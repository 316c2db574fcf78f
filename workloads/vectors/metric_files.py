"""The files of `metrics/`: similarity, error rates, decoding, average precision, BLEU, beam search, losses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workloads import registry
from workloads.metrics.beam_search import BEAMS, END, beam_search, best_sequences
from workloads.metrics.bleu import corpus_bleu, cut_at_end, score
from workloads.metrics.ctc_decoding import ctc_loss, greedy_decode
from workloads.metrics.mean_average_precision import MeanAveragePrecision, average_precision
from workloads.metrics.ssim import similarity
from workloads.metrics.word_error_rate import as_scored, edit_distance
from workloads.spec import Framework
from workloads.vectors import expressions, generator
from workloads.vectors.golden import Golden
from workloads.vectors.losses import compare_losses, loss_of
from workloads.vectors.quantity import Quantity, Reporter

_LOSS = 1e-5  # relative
_Record = Mapping[str, Any]


def _ssim(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    for case in record["cases"]:
        shape = (case["height"], case["width"])
        ramp = np.arange(shape[0] * shape[1]).reshape(shape) / (shape[0] * shape[1])

        def g(name: str, shape: tuple[int, int] = shape) -> np.ndarray:
            return generator.numbers(f"ssim/{name}", shape[0] * shape[1]).reshape(shape)

        def image(text: str, case: _Record = case, ramp: np.ndarray = ramp, g: Any = g) -> np.ndarray:
            values = expressions.evaluate(text, {"ramp": ramp}, {"g": g}).astype(np.float32).astype(np.float64)
            mean, std = (case[key] if case[key] is not None else default for key, default in (("mean", 0), ("std", 1)))
            return values * std + mean

        data_range = 1.0 if case["volume_max"] is None else case["volume_max"]
        found = similarity(image(case["logits"]), image(case["targets"]), data_range)
        yield report.compare(f"{case['name']}, float64", found, case["torch_float64"], 1e-10)
        yield report.compare(f"{case['name']}, float32", found, case["torch_float32"], 1e-5)


def _wer(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    counted = ("reported_errors", "reported_words", "plain_errors", "plain_words")
    total = np.zeros(len(counted))
    for number, row in enumerate(record["rows"]):
        texts = [row["hypothesis"], row["reference"]]
        scored = [as_scored(text) for text in texts]
        yield report.equal(f"row {number}, text", scored, [row["hypothesis_as_scored"], row["reference_as_scored"]])
        words, plain = ([text.split() for text in kind] for kind in (scored, texts))
        found = [edit_distance(*words), len(words[1]), edit_distance(*plain), len(plain[1])]
        expected = [row[key] for key in counted]
        yield report.compare(f"row {number}, errors and words", found, expected, 0.0)
        total += found
    yield report.compare("corpus", total, [record["corpus"][key] for key in counted], 0.0)


def _ctc(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    frames = record["frames"]
    best = np.array(frames["frame_argmax"])
    decoded = greedy_decode(np.eye(best.max() + 1)[best], _paddings(frames["lengths"], best.shape[1]))
    yield report.equal("frames", _ragged(decoded), _ragged(frames["decoded"]))
    formula = record["formula_logits"]
    shape = tuple(formula["shape"])
    logits = generator.numbers("ctc/logits", int(np.prod(shape))).reshape(shape)
    decoded = greedy_decode(logits, _paddings(formula["lengths"], shape[1]))
    yield report.equal("formula logits", _ragged(decoded), _ragged(formula["decoded"]))
    yield from _ctc_losses(record["loss"], report)


def _ctc_losses(case: _Record, report: Reporter) -> Iterator[Quantity]:
    shape = tuple(case["shape"])
    logits = (3 * generator.numbers("ctc/loss_logits", int(np.prod(shape)))).reshape(shape).astype(np.float32)
    labels = np.array(case["labels"])
    paddings = _paddings(case["logit_lengths"], shape[1])
    label_paddings = _paddings(case["label_lengths"], labels.shape[1])
    expected = np.array([float(value) for value in case["torch_per_example"]])
    found = ctc_loss(logits, paddings, labels, label_paddings)
    yield report.compare("loss of the judge", found, expected, _LOSS, 10.0)
    arrays = ((labels, label_paddings), (logits, paddings))
    for framework in Framework:
        own = dataclasses.replace(report, workload="librispeech_conformer", framework=framework)
        key = "jax_per_example" if framework == Framework.JAX else "torch_per_example"
        expected = np.array([float(value) for value in case[key]])
        loss = loss_of(framework, "librispeech_conformer", *arrays)
        scale = float(np.max(expected[np.isfinite(expected)]))
        yield own.compare("loss per utterance", loss["per_example"], expected, _LOSS, scale)


def _ogbg_map(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    with np.load(folder / "metrics" / "ogbg_map.npz") as stored:
        logits, labels, weights = (stored[key] for key in ("logits", "labels", "weights"))
    collected = MeanAveragePrecision()
    collected.update(logits, {"targets": labels, "weights": weights})
    for name, value in collected.compute().items():
        yield report.compare(name, value, record["torch"][name], 1e-6)
    for task, value in enumerate(record["per_task_average_precision"]):
        if value is not None:
            known = weights[:, task] > 0
            found = average_precision(labels[known, task], logits[known, task].astype(np.float64))
            yield report.compare(f"average precision of task {task}", found, value, 1e-6)


def _bleu(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    tokens, segments = Tokenizer13a(), record["segments"]
    found = [tokens(row[key]) for row in segments for key in ("hypothesis", "reference")]
    yield report.equal(
        "13a tokens", found, [row[key] for row in segments for key in ("hypothesis_13a", "reference_13a")]
    )
    for name, corpus in record.items():
        if name != "segments":
            value = score(corpus["counts"], corpus["totals"], corpus["sys_len"], corpus["ref_len"])
            yield report.compare(f"{name}, from its counts", value, corpus["score"], 1e-9)
    texts = [[row[key] for row in segments] for key in ("hypothesis", "reference")]
    yield report.compare("corpus_all, from its texts", corpus_bleu(*texts), record["corpus_all"]["score"], 1e-9)
    texts = [column[:5] for column in texts]
    yield report.compare("corpus_first5, from its texts", corpus_bleu(*texts), record["corpus_first5"]["score"], 1e-9)


class Tables:
    """Scores continuations by table: what a token is worth depends on its position and the token before."""

    def __init__(self, tables: np.ndarray) -> None:
        """From logits (B, positions, before, vocabulary)."""
        self._values = tables - np.log(np.exp(tables).sum(axis=-1, keepdims=True))

    def __call__(
        self, tokens: np.ndarray, parents: np.ndarray, scores: np.ndarray, position: int
    ) -> tuple[np.ndarray, np.ndarray]:
        found = self._values[np.arange(len(tokens))[:, None], position, tokens] + scores[..., None]
        found = found.reshape(len(tokens), -1)
        order = np.argsort(-found, axis=1, kind="stable")[:, : 2 * BEAMS]
        return np.take_along_axis(found, order, axis=1).astype(np.float32), order


def golden_tables() -> np.ndarray:
    """The six tables of `beam_search.json`."""
    tables = [
        3 * generator.numbers(f"beam/table{row}", 16 * 144).reshape(16, 12, 12).astype(np.float32) for row in range(6)
    ]
    for table, more in zip(tables, (0, 1.5, -30, 2.5, 0.5, 1), strict=True):
        table[:, :, END] += np.float32(more)
        table[0, :, END] = -9
    return np.stack(tables)


def _beam_search(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    for case in record["cases"]:
        length = case["max_decode_len"]
        sequences, scores = beam_search(Tables(golden_tables()), 6, 12, length)
        yield report.compare(f"scores, {length} positions", scores, case["scores"], 1e-5)
        expected = case["sequences_until_end_id"]
        found = [
            [sequence[: len(beam)] for sequence, beam in zip(row, beams, strict=True)]
            for row, beams in zip(sequences, expected, strict=True)
        ]
        flat = [beam for row in found for beam in row], [beam for row in expected for beam in row]
        yield report.equal(f"beams, {length} positions", *map(_ragged, flat))
    cuts = record["cut_before_detokenising"]
    found_cuts = [cut_at_end(np.array(cut["ids"])) for cut in cuts]
    yield report.equal("cut before detokenising", _ragged(found_cuts), _ragged([cut["kept"] for cut in cuts]))


def _wmt_model_decode(folder: Path, record: _Record, report: Reporter) -> Iterator[Quantity]:
    golden = Golden(folder, "wmt")
    embedding = "shared_embedding.weight"
    golden.weights[embedding] = generator.array(embedding, {**golden.record["params"][embedding], "half_width": 0.1})
    inputs = golden.batch(plain=True)["inputs"]
    length = np.array(record["beams"]).shape[-1]
    for framework in Framework:
        own = dataclasses.replace(report, workload="wmt", framework=framework)
        sequences, scores = _translate(golden, framework, inputs, length)
        yield own.compare("scores", scores, record["beam_scores"], 1e-3)
        yield own.equal("beams", sequences, record["beams"])
        yield own.equal("best", best_sequences(sequences), record["best_sequence"])


def _translate(golden: Golden, framework: Framework, inputs: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    if framework == Framework.PYTORCH:
        import torch

        from workloads.vectors.runner_torch import TorchRunner
        from workloads.wmt.decode_torch import translate

        runner = TorchRunner(golden, double=False)
        with torch.no_grad():
            return translate(runner.model.eval(), torch.from_numpy(inputs).to(runner.device), length)
    from workloads import transfer
    from workloads.vectors.runner_jax import JaxRunner
    from workloads.wmt.decode_jax import Translator

    leaves = golden.leaves(JaxRunner.shapes(golden))
    params = transfer.carry(leaves, golden.weights)
    translator = Translator(registry.load(golden.spec, framework)(golden.spec), max_length=length)
    return translator.translate(params, inputs)


def _paddings(lengths: Sequence[int], size: int) -> np.ndarray:
    """(B, size) float32, 1 from each length on."""
    return (np.arange(size) >= np.array(lengths)[:, np.newaxis]).astype(np.float32)


def _ragged(rows: Sequence[Any]) -> str:
    """Rows of integers of any lengths as one text that can be compared."""
    return json.dumps([[int(value) for value in row] for row in rows])


FILES: Mapping[str, Callable[[Path, _Record, Reporter], Iterator[Quantity]]] = {
    "ssim": _ssim,
    "wer": _wer,
    "ctc": _ctc,
    "ogbg_map": _ogbg_map,
    "bleu": _bleu,
    "beam_search": _beam_search,
    "wmt_model_decode": _wmt_model_decode,
    "losses_and_accuracy": compare_losses,
}
