"""Word error rate: the benchmark's unit beside the textbook's, and reading text out of frames."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sentencepiece
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.workloads.reference_vectors import numbers
from tests.workloads.vocabulary import write_vocabulary
from workloads.metrics import VOCABULARY, accumulator
from workloads.metrics.ctc_decoding import ctc_loss, greedy_decode
from workloads.metrics.word_error_rate import as_scored, edit_distance
from workloads.spec import Metric

WER = Metric(name="wer", higher_is_better=False)
WORDS = ["HELLO", "WORLD", "THERE", "IT'S", "A", "FINE", "DAY"]


@pytest.fixture(scope="module")
def golden(shared):
    folder = shared / "data" / "reference_vectors" / "metrics"
    return {name: json.loads((folder / f"{name}.json").read_text()) for name in ("wer", "ctc")}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset's folder with a small vocabulary."""
    return write_vocabulary(tmp_path_factory.mktemp("speech"), WORDS)


def test_the_golden_utterances_are_counted_as_the_benchmark_counts_them(golden):
    for row in golden["wer"]["rows"]:
        hypothesis, reference = row["hypothesis"], row["reference"]
        assert as_scored(hypothesis) == row["hypothesis_as_scored"]
        words = as_scored(reference).split()
        assert (edit_distance(as_scored(hypothesis).split(), words), len(words)) == (
            row["reported_errors"],
            row["reported_words"],
        )
        assert edit_distance(hypothesis.split(), reference.split()) == row["plain_errors"]
        assert len(reference.split()) == row["plain_words"]


def test_the_golden_frames_are_read_as_the_benchmark_reads_them(golden):
    frames = golden["ctc"]["frames"]
    best = np.array(frames["frame_argmax"])
    assert read(np.eye(8)[best], frames["lengths"]) == frames["decoded"]
    formula = golden["ctc"]["formula_logits"]
    logits = numbers("ctc/logits", 1680).reshape(formula["shape"])
    assert read(logits, formula["lengths"]) == formula["decoded"]


def test_of_equally_likely_tokens_the_lowest_is_read():
    assert read(np.array([[[0.0, 1.0, 2.0, 2.0]]]), [1]) == [[2]]


def read(logits, lengths):
    return [row.tolist() for row in greedy_decode(logits, paddings(lengths, logits.shape[1]))]


def paddings(lengths, size):
    return (np.arange(size) >= np.array(lengths)[:, np.newaxis]).astype(np.float32)


def test_the_golden_labels_cost_what_the_benchmark_says(golden):
    record = golden["ctc"]["loss"]
    shape = record["shape"]
    logits = 3 * numbers("ctc/loss_logits", int(np.prod(shape))).reshape(shape)
    labels = np.array(record["labels"], np.float32)

    loss = ctc_loss(
        logits, paddings(record["logit_lengths"], shape[1]), labels, paddings(record["label_lengths"], labels.shape[1])
    )

    np.testing.assert_allclose(loss, np.array(record["torch_per_example"], float), rtol=1e-6)


def test_the_cost_of_labels_is_the_one_of_pytorch():
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(6, 30, 9)), random.integers(1, 9, (6, 7))
    frames, tokens = np.array([30, 29, 12, 7, 30, 0]), np.array([7, 5, 6, 3, 0, 0])

    loss = ctc_loss(logits, paddings(frames, 30), labels, paddings(tokens, 7))

    scores = torch.from_numpy(logits).log_softmax(-1).transpose(0, 1)
    arguments = (torch.from_numpy(labels), torch.from_numpy(frames), torch.from_numpy(tokens))
    expected = torch.nn.functional.ctc_loss(scores, *arguments, reduction="none")
    np.testing.assert_allclose(loss, expected, rtol=1e-9)


@given(st.lists(st.sampled_from("ABC"), max_size=6), st.lists(st.sampled_from("ABC"), max_size=6))
def test_the_edit_distance_is_the_one_of_its_recursive_definition(one, other):
    def distance(left, right):
        if not left or not right:
            return len(left) + len(right)
        replaced = distance(left[1:], right[1:]) + (left[0] != right[0])
        return min(replaced, 1 + distance(left[1:], right), 1 + distance(left, right[1:]))

    assert edit_distance(one, other) == distance(tuple(one), tuple(other))


def test_a_split_is_scored_in_both_units(data):
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(data / VOCABULARY))
    said = ["HELLO WORLD", "IT'S A FINE DAY", "HELLO"]
    heard = ["HELLO THERE WORLD", "IT'S A FINE DAY", "WORLD"]
    collected = accumulator(WER, data)

    collected.update(*batch(vocabulary, said[:2], heard[:2], rows=2))
    collected.update(*batch(vocabulary, said[2:], heard[2:], rows=2))  # its second row pads

    metrics = collected.compute()
    assert collected.num_examples == 3
    assert metrics["true_wer"] == pytest.approx(2 / 7)
    assert metrics["wer"] == pytest.approx(2 / 13)
    assert metrics["ctc_loss"] > 0


def test_a_model_that_says_nothing_gets_every_word_wrong_but_the_two_that_the_unit_adds(data):
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(data / VOCABULARY))
    collected = accumulator(WER, data)
    collected.update(*batch(vocabulary, ["HELLO WORLD", "A DAY"], ["", ""], rows=2))

    metrics = collected.compute()

    assert metrics["true_wer"] == 1
    assert metrics["wer"] == pytest.approx(4 / 8)


def batch(vocabulary, said, heard, rows):
    """Outputs that spell what was heard, a frame per token with a blank behind, and the batch that belongs to them."""
    logits, frame_paddings = np.zeros((rows, 80, len(vocabulary)), np.float32), np.ones((rows, 80), np.float32)
    tokens, token_paddings = np.zeros((rows, 40), np.float32), np.ones((rows, 40), np.float32)
    for row, (text, answer) in enumerate(zip(said, heard, strict=True)):
        spelled = [part for token in vocabulary.encode(answer) for part in (token, 0)]
        logits[row, np.arange(len(spelled)), spelled] = 5
        frame_paddings[row] = 0
        logits[row, len(spelled) :, 0] = 5
        ids = [*vocabulary.encode(text), vocabulary.eos_id()]
        tokens[row, : len(ids)], token_paddings[row, : len(ids)] = ids, 0
    weights = (np.arange(rows) < len(said)).astype(np.float32)
    return (logits, frame_paddings), {"targets": (tokens, token_paddings), "weights": weights}
