"""The frame, with a dataset of numbers: every line of a text file is an example."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from workloads import data_prepare
from workloads.__main__ import main
from workloads.data_prepare import Part, Problem, link_or_copy
from workloads.data_prepare.manifest import Manifest
from workloads.data_prepare.run import prepare
from workloads.data_prepare.verify import verify
from workloads.errors import DataDamaged, DataMismatch, DataMissing

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """Doubles numbers: four pieces for training, the first of them also for its evaluation, one for validation."""

    dataset: str = "numbers"
    version: int = 1
    licence: str = "none"
    layout: str = "  train-0.txt … train-3.txt, validation.txt"
    counts: Mapping[str, int] = field(default_factory=lambda: {"train": 8, "eval_train": 2, "validation": 1})
    pause_s: float = 0

    def check(self, source, say):
        say("looking at the source")
        names = [*(f"train-{number}.txt" for number in range(4)), "validation.txt"]
        return [
            Problem(path=name, expected="a text file", advice="Get it again.")
            for name in names
            if not (source / name).is_file()
        ]

    def parts(self, source):
        train = [Part(name=f"train-{number}", split="train", job=(f"train-{number}.txt",)) for number in range(4)]
        return [
            *train,
            Part(name="validation", split="validation", job=("validation.txt",), examples=1),
            Part(name="eval_train", split="eval_train", stage=1, job=("train-0.txt",)),
        ]

    def write(self, part, source, folder, prepared):
        time.sleep(self.pause_s)
        (name,) = part.job
        if part.stage == 1:
            link_or_copy(prepared / "train" / name, folder / name)
            return len((folder / name).read_text().split())
        try:
            numbers = [int(line) for line in (source / name).read_text().splitlines()]
        except ValueError as error:
            raise DataDamaged(f"{name} holds something else than numbers ({error}): get it again") from error
        (folder / name).write_text("".join(f"{2 * number}\n" for number in numbers))
        return len(numbers)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(4):
        (folder / f"train-{number}.txt").write_text(f"{number}\n{number + 10}\n")
    (folder / "validation.txt").write_text("7\n")
    return folder


def contents(prepared: Path) -> dict[str, str]:
    return {
        path.relative_to(prepared).as_posix(): path.read_text()
        for path in sorted(prepared.rglob("*.txt"))
        if path.is_file()
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_every_split_becomes_a_tree_of_its_own(workers, source, tmp_path):
    lines = []

    prepared = prepare(Numbers(), source, tmp_path / "to", workers, lines.append)

    assert prepared == tmp_path / "to" / "numbers"
    assert contents(prepared) == {
        "eval_train/train-0.txt": "0\n20\n",
        "train/train-0.txt": "0\n20\n",
        "train/train-1.txt": "2\n22\n",
        "train/train-2.txt": "4\n24\n",
        "train/train-3.txt": "6\n26\n",
        "validation/validation.txt": "14\n",
    }
    assert Manifest.read(prepared).examples == {"train": 8, "eval_train": 2, "validation": 1}
    assert sorted(path.name for path in prepared.iterdir()) == ["eval_train", "manifest.json", "train", "validation"]
    assert verify(prepared, Numbers().counts) == 6
    assert lines[0] == "looking at the source"
    assert "6 of 6 parts done" in lines[-2]


def test_the_result_does_not_depend_on_the_number_of_workers(source, tmp_path):
    manifests = []
    for workers in (1, 2):
        prepare(Numbers(), source, tmp_path / str(workers), workers, print)
        manifests.append((tmp_path / str(workers) / "numbers" / "manifest.json").read_text())

    assert manifests[0] == manifests[1]


def test_everything_that_is_missing_is_listed_before_any_work(source, tmp_path):
    (source / "train-1.txt").unlink()
    (source / "validation.txt").unlink()

    with pytest.raises(DataMissing) as caught:
        prepare(Numbers(), source, tmp_path / "to", 1, print)

    message = str(caught.value)
    assert "train-1.txt: expected a text file, found nothing. Get it again." in message
    assert "validation.txt: expected" in message
    assert "train-0.txt … train-3.txt" in message  # the layout
    assert not (tmp_path / "to").exists()


def test_a_source_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(
        DataMissing, match=r"there is no folder .*/nowhere: --from names the folder with\n  train-0.txt"
    ):
        prepare(Numbers(), tmp_path / "nowhere", tmp_path / "to", 1, print)


def test_a_damaged_file_is_named_and_the_rest_is_done(source, tmp_path):
    (source / "train-1.txt").write_text("1\nx\n")
    with pytest.raises(DataDamaged, match=r"1 parts could not be made:\n  train-1.txt holds something else"):
        prepare(Numbers(), source, tmp_path / "to", 2, print)
    with pytest.raises(DataMissing, match=r"manifest.json is missing: run `python -m workloads data prepare numbers`"):
        verify(tmp_path / "to" / "numbers", {})

    (source / "train-1.txt").write_text("1\n11\n")
    lines = []
    prepare(Numbers(), source, tmp_path / "to", 2, lines.append)

    assert "numbers: 6 parts, 4 of them done already" in lines
    verify(tmp_path / "to" / "numbers", Numbers().counts)


def test_a_part_that_is_cut_off_is_not_taken(source, tmp_path):
    (source / "validation.txt").write_text("7\n8\n")

    with pytest.raises(DataDamaged, match="validation holds 2 examples, expected 1"):
        prepare(Numbers(), source, tmp_path / "to", 1, print)


def test_a_split_with_another_number_of_examples_is_never_finished(source, tmp_path):
    (source / "train-3.txt").write_text("3\n")

    with pytest.raises(DataMismatch, match="numbers is not the benchmark's: train holds 7 examples, expected 8"):
        prepare(Numbers(), source, tmp_path / "to", 1, print)

    assert not (tmp_path / "to" / "numbers" / "manifest.json").exists()


def test_preparing_again_changes_nothing(source, tmp_path):
    prepared = prepare(Numbers(), source, tmp_path / "to", 1, print)
    before = {path: path.stat().st_mtime_ns for path in prepared.rglob("*.txt")}

    prepare(Numbers(), source, tmp_path / "to", 1, print)

    assert {path: path.stat().st_mtime_ns for path in prepared.rglob("*.txt")} == before


def test_only_damaged_parts_are_made_again(source, tmp_path):
    prepared = prepare(Numbers(), source, tmp_path / "to", 1, print)
    (prepared / "train" / "train-2.txt").write_text("9\n99\n")
    (prepared / "validation" / "validation.txt").unlink()
    (prepared / "test").mkdir()
    (prepared / "test" / "stranger.txt").write_text("1\n")

    with pytest.raises(DataMismatch) as caught:
        verify(prepared, Numbers().counts)
    message = str(caught.value)
    assert "train/train-2.txt: 5 bytes, expected 5" not in message
    assert "train/train-2.txt: its sha256 is" in message
    assert "validation/validation.txt: missing" in message
    assert "test/stranger.txt: not in the manifest, remove it" in message

    (prepared / "test" / "stranger.txt").unlink()
    lines = []
    prepare(Numbers(), source, tmp_path / "to", 1, lines.append)
    assert "numbers: 6 parts, 4 of them done already" in lines
    verify(prepared, Numbers().counts)


def test_another_source_is_not_mixed_into_a_preparation(source, tmp_path):
    prepare(Numbers(), source, tmp_path / "to", 1, print)

    with pytest.raises(DataMismatch, match="was prepared from another source or format"):
        prepare(dataclasses.replace(Numbers(), version=2), source, tmp_path / "to", 1, print)


def test_a_torn_line_of_the_journal_costs_its_part_only(source, tmp_path):
    (source / "train-3.txt").write_text("x\n")
    with pytest.raises(DataDamaged):
        prepare(Numbers(), source, tmp_path / "to", 1, print)
    (source / "train-3.txt").write_text("3\n13\n")
    journal = tmp_path / "to" / "numbers" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    lines = []

    prepare(Numbers(), source, tmp_path / "to", 1, lines.append)

    assert "numbers: 6 parts, 3 of them done already" in lines
    verify(tmp_path / "to" / "numbers", Numbers().counts)


def test_a_disk_without_room_is_told_before_the_work(source, tmp_path):
    class Large(Numbers):
        def parts(self, source):
            return [dataclasses.replace(part, nbytes=10**18) for part in super().parts(source)]

    with pytest.raises(DataMissing, match=r"needs about 6,000,000,000.0 GB and has .* GB free: choose another --to"):
        prepare(Large(), source, tmp_path / "to", 1, print)


def test_the_commands_prepare_and_verify(source, tmp_path, monkeypatch, capsys):
    """Under the name of a real dataset, whose preparer this one stands in for."""
    monkeypatch.setattr(data_prepare, "load", lambda name: Numbers(dataset=name))
    to = ["--to", str(tmp_path / "to"), "--workers", "1"]

    (source / "train-0.txt").rename(source / "hidden")
    assert main(["data", "prepare", "wmt", "--from", str(source), *to]) == 1
    assert "data prepare: the source of wmt is not complete" in capsys.readouterr().err
    assert main(["data", "verify", "wmt", *to]) == 1
    assert "run `python -m workloads data prepare wmt` to its end" in capsys.readouterr().err

    (source / "hidden").rename(source / "train-0.txt")
    assert main(["data", "prepare", "wmt", "--from", str(source), *to]) == 0
    assert main(["data", "verify", "wmt", *to]) == 0
    assert "wmt: 6 files" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["0", "-1", "many"])
def test_without_a_worker_there_is_no_work(workers, capsys):
    with pytest.raises(SystemExit):
        main(["data", "verify", "wmt", f"--workers={workers}"])
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("dataset", data_prepare.DATASETS)
def test_every_dataset_tells_what_it_wants_of_an_empty_folder(dataset, tmp_path):
    preparer = data_prepare.load(dataset)

    with pytest.raises(DataMissing) as caught:
        prepare(preparer, tmp_path, tmp_path / "to", 1, print)

    assert f"the source of {dataset} is not complete" in str(caught.value)
    assert preparer.layout in str(caught.value)
    assert preparer.licence
    assert set(preparer.counts) == {"train", "eval_train", "validation", "test"}


PREPARE_SLOWLY = """
import sys
from pathlib import Path
from tests.workloads.data_prepare.test_run import Numbers
from workloads.data_prepare.run import prepare
if __name__ == "__main__":
    prepare(Numbers(pause_s=0.3), Path(sys.argv[1]), Path(sys.argv[2]), 2, print)
"""


def test_a_killed_preparation_goes_on_where_it_was(source, tmp_path):
    """Killed without a word after its first part; its workers end too, and nobody else may work there meanwhile."""
    script = tmp_path / "slowly.py"
    script.write_text(PREPARE_SLOWLY)
    journal = tmp_path / "to" / "numbers" / "journal.jsonl"
    process = subprocess.Popen(
        [sys.executable, str(script), str(source), str(tmp_path / "to")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    try:
        while not (journal.exists() and '"part"' in journal.read_text()):
            assert process.poll() is None
            time.sleep(0.01)
        with pytest.raises(DataMismatch, match="another process is preparing"):
            prepare(Numbers(), source, tmp_path / "to", 1, print)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    while _group_lives(process.pid):
        time.sleep(0.01)
    lines = []

    prepare(Numbers(), source, tmp_path / "to", 1, lines.append)

    done = next(line for line in lines if "done already" in line)
    assert "6 parts, 0 of" not in done
    assert "6 parts, 6 of" not in done
    verify(tmp_path / "to" / "numbers", Numbers().counts)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
