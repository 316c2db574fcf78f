"""Parallel text, as it lies after unpacking the archives of the translation tasks."""

from __future__ import annotations

import dataclasses
import json

import pytest

from workloads import registry
from workloads.data_prepare.pieces import rounded_scores, token_pairs, tokeniser, train_vocabulary
from workloads.data_prepare.run import prepare
from workloads.data_prepare.wmt import PREPARER
from workloads.datasets import wmt
from workloads.errors import DataDamaged, DataMissing

GERMAN = ["Der Hund ist klein.", "Das Haus steht am Fluss.", "Ich sehe den Baum.", "Ein Vogel singt laut."]
ENGLISH = ["The dog is small.", "The house is by the river.", "I see the tree.", "A bird sings aloud."]
SMALL = dataclasses.replace(
    PREPARER,
    counts={"train": 11, "eval_train": 3, "validation": 4, "test": 2},
    pieces=50,
    longest=64,
    lines_per_part=2,
)


def segments(lines, *, kind):
    marked = "\n".join(f'<seg id="{number}">{line}</seg>' for number, line in enumerate(lines, start=1))
    return f'<{kind} setid="newstest2014"><doc docid="1">\n<p>\n{marked}\n</p>\n</doc></{kind}>\n'


@pytest.fixture
def source(tmp_path):
    """Every file at its official place: the archives have folders of different names."""
    texts = {
        "training/europarl-v7.de-en": (GERMAN, ENGLISH),
        "commoncrawl.de-en": (["Guten\rTag.", "", "Nein."], ["Good day.", "Nothing on the other side.", "No."]),
        "training/news-commentary-v12.de-en": (GERMAN[:2], ENGLISH[:2]),
        "rapid2016.de-en": (GERMAN[1:], ENGLISH[1:]),
        "dev/newstest2013": (GERMAN, ENGLISH),
    }
    folder = tmp_path / "source"
    for name, sides in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        for language, lines in zip(("de", "en"), sides, strict=True):
            (folder / f"{name}.{language}").write_bytes("".join(f"{line}\n" for line in lines).encode())
    (folder / "test-full").mkdir()
    (folder / "test-full" / "newstest2014-deen-src.de.sgm").write_text(segments(GERMAN[:2], kind="srcset"))
    (folder / "test-full" / "newstest2014-deen-ref.en.sgm").write_text(segments(ENGLISH[:2], kind="refset"))
    return folder


def texts(prepared, split):
    """The pairs of a split, cut into tokens and put together again."""
    cut = tokeniser((prepared / "vocabulary" / "sentencepiece.model").read_bytes())
    pairs = wmt.Pairs.load(prepared / split, 1_000)
    sides = ("inputs", "targets")
    return [tuple(cut.decode(pairs.sequence(side, number)) for side in sides) for number in range(len(pairs))]


def test_sentences_are_those_of_the_files_but_for_empty_ones(source, tmp_path):
    prepared = prepare(SMALL, source, tmp_path, 1, print)

    assert sorted(texts(prepared, "train")) == sorted(
        [
            *zip(GERMAN, ENGLISH, strict=True),
            ("Guten Tag.", "Good day."),
            ("Nein.", "No."),
            *zip(GERMAN[:2], ENGLISH[:2], strict=True),
            *zip(GERMAN[1:], ENGLISH[1:], strict=True),
        ]
    )
    assert texts(prepared, "validation") == list(zip(GERMAN, ENGLISH, strict=True))
    assert texts(prepared, "test") == list(zip(GERMAN[:2], ENGLISH[:2], strict=True))
    assert set(texts(prepared, "eval_train")) <= set(texts(prepared, "train"))


def test_every_sequence_ends_with_the_end_token(source, tmp_path):
    prepared = prepare(SMALL, source, tmp_path, 1, print)

    pairs = wmt.Pairs.load(prepared / "train", 64)

    for side in ("inputs", "targets"):
        sequences = [pairs.sequence(side, number) for number in range(len(pairs))]
        assert all(tokens.index(2) == len(tokens) - 1 for tokens in sequences)


def test_prepared_sentences_are_what_the_workload_trains_on(source, tmp_path):
    prepared = prepare(SMALL, source, tmp_path, 1, print)
    spec = dataclasses.replace(registry.get("wmt"), data={"max_length": 64})

    batch = next(wmt.train_batches(prepared / "train", spec, 2, seed=1))
    held_out = list(wmt.eval_batches(prepared / "validation", spec, 3))

    assert batch["inputs"].shape == (2, 64)
    assert batch["inputs"].max() < 50
    assert [int((each["weights"].sum(axis=1) > 0).sum()) for each in held_out] == [3, 1]


def test_the_result_does_not_depend_on_the_workers(source, tmp_path):
    alone, together = (prepare(SMALL, source, tmp_path / str(workers), workers, print) for workers in (1, 3))

    assert contents(alone) == contents(together)


def contents(prepared):
    paths = (path for path in prepared.rglob("*") if path.suffix in {".npy", ".model"})
    return {path.relative_to(prepared): path.read_bytes() for path in paths}


def test_missing_text_is_named_with_its_archive(source, tmp_path):
    (source / "training" / "europarl-v7.de-en.en").unlink()

    with pytest.raises(DataMissing, match=r"europarl-v7\.de-en\.en.*training-parallel-europarl-v7\.tgz"):
        prepare(SMALL, source, tmp_path, 1, print)


def test_languages_with_different_numbers_of_lines_are_refused(source, tmp_path):
    with (source / "rapid2016.de-en.de").open("a") as file:
        file.write("Noch eine Zeile.\n")

    with pytest.raises(DataMissing, match=r"rapid2016\.de-en\.en: expected 4 lines .*found 3.*rapid2016\.tgz"):
        prepare(SMALL, source, tmp_path, 1, print)


def test_text_that_is_not_utf_8_is_named_with_its_line(source, tmp_path):
    (source / "commoncrawl.de-en.de").write_bytes(b"Guten Tag.\nNa\nNein \xff.\n")

    with pytest.raises(DataDamaged, match=r"sentence 3 of .*commoncrawl\.de-en\.de"):
        prepare(SMALL, source, tmp_path, 1, print)


def test_a_vocabulary_is_the_same_each_time_it_is_trained():
    first, second = (train_vocabulary([*GERMAN, *ENGLISH] * 3, 50) for _ in range(2))

    assert first == second


def test_texts_that_are_too_few_for_a_vocabulary_are_refused():
    with pytest.raises(DataDamaged, match="no vocabulary of 5,000 pieces"):
        train_vocabulary(GERMAN, 5_000)


def test_rounded_scores_change_no_piece_and_no_score_by_much():
    model = train_vocabulary([*GERMAN, *ENGLISH] * 3, 50)

    before, after = tokeniser(model), tokeniser(rounded_scores(model))

    for number in range(before.get_piece_size()):
        assert after.id_to_piece(number) == before.id_to_piece(number)
        assert after.get_score(number) == pytest.approx(round(after.get_score(number), 4), abs=1e-6)


def test_texts_become_the_tokens_of_the_reference(shared):
    folder = shared / "data" / "reference_vectors" / "pipelines"
    record = json.loads((folder / "wmt.json").read_text())["tokeniser"]
    model = (folder / record["model"]).read_bytes()

    for example in record["examples"]:
        ((inputs, targets),) = token_pairs(model, [(example["text"], "")], 1_000)
        assert inputs.tolist() == example["ids"]
        assert targets.tolist() == [2]
        assert tokeniser(model).decode(inputs.tolist()) == example["detokenised"]
