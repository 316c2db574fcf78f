"""Click logs as the benchmark's set-up leaves them: pieces of tab-separated text, here of four lines."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from workloads import registry
from workloads.data_prepare import click_lines, criteo1tb
from workloads.data_prepare.run import prepare
from workloads.datasets import criteo1tb as dataset
from workloads.errors import DataDamaged, DataMissing
from workloads.vectors import prepared_files
from workloads.vectors.quantity import Reporter

SPEC = registry.get("criteo1tb")
SPLITS = ("train", "eval_train", "validation", "test")
LINES = 4  # in a piece; the last piece of a day has three
# Two pieces a day, the last day five: 23 days of 7 lines, then 8 lines of test and 11 of validation.
PREPARER = dataclasses.replace(
    criteo1tb.PREPARER,
    counts={"train": 161, "eval_train": 10, "validation": 11, "test": 8},
    lines_per_piece=LINES,
    pieces=51,
    pieces_of_last_day=5,
    test_pieces=2,
)


def line(number, label=0):
    """A line whose first count says which one it is."""
    return "\t".join([str(label), str(number), *("5",) * 12, *("68fd1e64",) * 26]) + "\n"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    number = 0
    for day in range(24):
        pieces = 5 if day == 23 else 2
        for piece in range(pieces):
            lines = LINES - (piece == pieces - 1)
            text = "".join(line(number + offset, label=(number + offset) % 2) for offset in range(lines))
            (folder / f"day_{day}_{piece:02}").write_text(text)
            number += lines
    return folder


def silent(line):
    """Nobody listens."""


def first_counts(batches):
    """Which lines these are, from the logarithm of the first count."""
    rows = [np.rint(np.expm1(batch["inputs"][batch["weights"][:, 0] == 1, 0])) for batch in batches]
    return np.concatenate(rows).astype(int)


def test_lines_and_buckets_become_the_numbers_of_the_reference(shared, record_property):
    folder = shared / "data" / "reference_vectors"
    golden = json.loads((folder / "pipelines" / "criteo1tb.json").read_text())

    quantities = list(prepared_files.FILES["criteo1tb"](folder, golden, Reporter(file="criteo1tb")))

    assert [quantity for quantity in quantities if not quantity.passed] == []
    assert len(quantities) == 6
    record_property("golden: numbers of clicks", np.size(golden["inputs"]))


def test_every_line_arrives_once_in_the_split_of_its_day(source, tmp_path):
    prepared = prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    found = {split: first_counts(dataset.eval_batches(prepared / split, SPEC, 6)) for split in SPLITS}
    assert sorted(found["train"]) == list(range(161))
    assert found["test"].tolist() == list(range(161, 169))
    assert found["validation"].tolist() == list(range(169, 180))
    assert len(found["eval_train"]) == 10
    assert set(found["eval_train"]) <= set(found["train"])


def test_training_files_given_to_eval_train_take_no_room(source, tmp_path):
    prepared = prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    links = sorted(path.stat().st_nlink for path in (prepared / "eval_train").iterdir())
    assert links == [1, 2, 2]  # the one that was cut short is a copy


def test_missing_and_empty_pieces_are_named_with_the_command_that_makes_them(source, tmp_path):
    (source / "day_3_00").unlink()
    (source / "day_23_04").unlink()
    (source / "day_7_01").write_text("")

    with pytest.raises(DataMissing) as caught:
        prepare(PREPARER, source, tmp_path / "prepared", 1, silent)

    message = str(caught.value)
    assert "day_3_00: expected" in message
    assert "day_23_04: expected" in message
    assert "day_7_01: expected lines of text, found an empty file" in message
    assert "gzip -dc day_3.gz | split" in message


def test_days_cut_short_are_noticed_by_the_number_of_pieces(source):
    (source / "day_5_01").unlink()

    (problem,) = PREPARER.check(source, silent)

    assert "expected 51 pieces, found 50" in str(problem)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (line(1).replace("\t5", "", 1), "39 fields between tabs instead of 40"),
        (line(1).replace("\t5", "\tfive", 1), "field 3 is not a whole number"),
        (line(1).replace("\t5", "\t99999999999", 1), "field 3 is not a whole number"),
        (line(1, label=2), "the label is neither 0 nor 1"),
        ("\n", "1 fields between tabs instead of 40"),
        (line(1).replace("\n", "\r\n"), "a carriage return"),
    ],
)
def test_a_damaged_line_is_named(source, tmp_path, text, complaint):
    (source / "day_2_00").write_text(line(0) + line(0) + text + line(0), newline="")

    with pytest.raises(DataDamaged, match=f"day_2_00, line 3: {complaint}"):
        prepare(PREPARER, source, tmp_path / "prepared", 1, silent)


def test_a_piece_that_is_cut_off_is_named(source, tmp_path):
    (source / "day_2_00").write_text(line(0) + line(0))

    with pytest.raises(DataDamaged, match="day_2_00 holds 2 examples, expected 4"):
        prepare(PREPARER, source, tmp_path / "prepared", 1, silent)


def test_a_long_piece_is_read_in_runs_of_whole_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(criteo1tb, "_CHUNK_BYTES", 1_000)
    text = "".join(line(number) for number in range(30)).rstrip("\n")  # and the last line has no end
    (tmp_path / "piece").write_text(text)

    assert criteo1tb._convert(tmp_path / "piece", tmp_path / "piece.npy") == 30

    assert np.load(tmp_path / "piece.npy")["count_0"].tolist() == list(range(30))


def test_a_file_without_lines_is_not_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(criteo1tb, "_CHUNK_BYTES", 1_000)
    (tmp_path / "piece").write_bytes(b"\x1f\x8b" * 10_000)

    with pytest.raises(DataDamaged, match="line 1: 1 fields between tabs"):
        criteo1tb._convert(tmp_path / "piece", tmp_path / "piece.npy")


def test_categories_of_unusual_length_are_hashed_like_any_text():
    usual, unusual = line(0), line(0).replace("68fd1e64", "68fd1e6400112233445566")

    records = click_lines.parse((usual + unusual).encode())

    bucket = click_lines.fingerprint64(b"68fd1e640011223344556613") % click_lines.BUCKETS[13]
    assert records["category_13"][1] == bucket
    assert records["category_13"][0] == click_lines.fingerprint64(b"68fd1e6413") % click_lines.BUCKETS[13]


def test_the_buckets_are_those_of_the_benchmark(shared):
    constants = json.loads((shared / "spec" / "constants.json").read_text())["criteo1tb"]

    assert list(click_lines.BUCKETS) == constants["hash_buckets_per_column"]


def test_the_splits_are_those_of_the_workload():
    expected = {
        "train": SPEC.num_train_examples,
        "eval_train": SPEC.num_eval_train_examples,
        "validation": SPEC.num_validation_examples,
        "test": SPEC.num_test_examples,
    }
    assert dict(criteo1tb.PREPARER.counts) == expected
