from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sentencepiece import SentencePieceProcessor

from workloads.metrics import VOCABULARY
from workloads.metrics.beam_search import END
from workloads.metrics.bleu import Bleu, corpus_bleu, cut_at_end, score


@pytest.fixture
def golden(shared):
    return json.loads((shared / "data" / "reference_vectors" / "metrics" / "bleu.json").read_text())


def test_the_golden_segments_score_as_a_corpus(golden):
    translations, references = ([row[key] for row in golden["segments"]] for key in ("hypothesis", "reference"))

    assert corpus_bleu(translations, references) == pytest.approx(golden["corpus_all"]["score"], abs=1e-9)
    assert corpus_bleu(translations[:5], references[:5]) == pytest.approx(golden["corpus_first5"]["score"], abs=1e-9)


def test_every_golden_corpus_scores_as_its_counts_say(golden):
    del golden["segments"]
    assert len(golden) == 8
    for corpus in golden.values():
        found = score(corpus["counts"], corpus["totals"], corpus["sys_len"], corpus["ref_len"])
        assert found == pytest.approx(corpus["score"], abs=1e-9)


def test_it_is_sacrebleus_number_wherever_anything_matches():
    translations = ["the cat sat on the mat today", "a dog , barked"]
    references = ["the cat sat on a mat yesterday", "a dog barked !"]

    assert corpus_bleu(translations, references) == pytest.approx(BLEU().corpus_score(translations, [references]).score)


def test_without_a_match_a_little_is_left_as_in_the_benchmark():
    assert corpus_bleu(["a b c d e"], ["f g h i j"]) == pytest.approx(5.341087579952926)
    assert corpus_bleu([""], ["f g h"]) == 0.0


@pytest.mark.parametrize(
    ("tokens", "kept"),
    [([5, 6, 2, 0, 0], [5, 6, 2]), ([2, 5, 6, 2, 0], [2]), ([5, 6, 7, 8, 9], [5]), ([9, 9, 9, 9, 2], [9, 9, 9, 9, 2])],
)
def test_a_translation_ends_with_its_first_end_token_and_without_one_after_its_first_token(tokens, kept):
    assert cut_at_end(np.array(tokens)).tolist() == kept


def test_translations_are_compared_as_texts_and_rows_that_pad_are_left_out(shared, tmp_path):
    (tmp_path / VOCABULARY).parent.mkdir()
    golden = shared / "data" / "reference_vectors" / "pipelines" / "wmt_tiny_sentencepiece.model"
    shutil.copy(golden, tmp_path / VOCABULARY)
    sentence = SentencePieceProcessor(model_file=str(golden)).encode("the cat and the dog and a house")
    targets = np.array([[*sentence, END, 0], [0] * (len(sentence) + 2)])
    weights = (targets > 0).astype(np.int64)
    said = np.array([[*sentence, END, 7], [9] * (len(sentence) + 2)])  # what follows the end does not count
    collected = Bleu(tmp_path)

    collected.update((np.full(targets.shape, 2.0), targets > 5, said), {"targets": targets, "weights": weights})

    assert collected.num_examples == 1
    assert collected.compute()["bleu"] == pytest.approx(100)
    assert collected.compute()["loss"] == 2.0
    assert collected.compute()["accuracy"] == np.sum(targets > 5) / weights.sum()
