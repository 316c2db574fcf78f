"""A board as plain files that need no site."""

import hashlib
import json
import re

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from leaderboard.models import Board
from leaderboard.printed import load_printed_boards
from tests.leaderboard.logs import LogFolder
from tests.leaderboard.views.conftest import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def board(tmp_path):
    """An imported board of two submissions."""
    logs = LogFolder(tmp_path / "logs")
    logs.trial("fast", rows=[(60.0, 0.1), (300.0, 0.3)])
    logs.trial("slow", rows=[(60.0, 0.1), (900.0, 0.3)])
    about = tmp_path / "submissions.csv"
    about.write_text("leaderboard,submission,display_name\nv05_external,slow,<b>slow\n")
    call_command("import_results", str(logs.root), "--edition=v0.5", "--ruleset=external", f"--submissions={about}")
    return Board.objects.get()


def export(to, ruleset="external"):
    call_command("export_board", "v0.5", ruleset, f"--to={to}")
    return json.loads((to / "MANIFEST.json").read_text())


def test_every_file_is_in_the_manifest_with_its_hash(board, tmp_path):
    to = tmp_path / "archive"

    manifest = export(to)

    listed = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    there = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    assert there == {*listed, "MANIFEST.json", "SHA256SUMS"}
    for path, digest in listed.items():
        assert hashlib.sha256((to / path).read_bytes()).hexdigest() == digest
    assert (to / "SHA256SUMS").read_text() == "".join(f"{digest}  {path}\n" for path, digest in listed.items())
    assert (manifest["edition"], manifest["snapshot"], manifest["licence"]) == ("v0.5", 1, "Apache-2.0")


def test_the_page_links_to_nothing_outside_its_folder(board, tmp_path):
    to = tmp_path / "archive"
    export(to)
    page = (to / "index.html").read_text()

    for address in re.findall(r'(?:href|src)="([^"#]*)', page):
        assert (to / address).is_file(), address
    assert "<script" not in page
    assert "&lt;b&gt;slow" in page
    assert 'class="sub"' not in page  # its first column is for a sample of a line, which tables here do not have


def test_the_document_and_the_runs_are_whole(board, tmp_path):
    to = tmp_path / "archive"
    export(to)

    document = json.loads((to / "board.json").read_text())
    assert document["scores"] == board.current.document["scores"]
    for slug in document["submissions"]:
        entry = json.loads((to / "submissions" / f"{slug}.json").read_text())
        evaluations = entry["run"]["workloads"][0]["studies"][0]["trials"][0]["evaluations"]
        assert len(evaluations) == 2
        assert "Apache License 2.0" in entry["source"]


def test_the_same_snapshot_gives_the_same_bytes(board, tmp_path):
    assert export(tmp_path / "one") == export(tmp_path / "two")


def test_nothing_is_written_over(board, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")

    with pytest.raises(CommandError, match="is not empty"):
        export(tmp_path / "kept")

    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["file"]


def test_a_failure_leaves_no_half_archive(board, tmp_path, monkeypatch):
    def fail(snapshot):
        raise OSError("the disk is full")

    monkeypatch.setattr("leaderboard.board_text.bibtex", fail)
    with pytest.raises(CommandError, match="the disk is full"):
        export(tmp_path / "archives" / "board")

    assert list((tmp_path / "archives").iterdir()) == []


def test_a_printed_board_is_archived_as_what_it_is(tmp_path):
    load_printed_boards()

    manifest = export(tmp_path / "archive", "self_tuning")

    assert "copied from print" in " ".join((tmp_path / "archive" / "index.html").read_text().split())
    assert not [entry for entry in manifest["files"] if entry["path"] in ("profile.svg", "trials.csv")]


def test_a_printed_board_stays_what_it_is_when_its_logs_are_imported(client, tmp_path):
    load_printed_boards()
    before = export(tmp_path / "before")
    logs = LogFolder(tmp_path / "logs")
    logs.trial("amos")
    command = ["import_results", str(logs.root), "--edition=v0.5", "--ruleset=external", "--even-partly"]
    call_command(*command)

    call_command("export_board", "v0.5", "external", "--snapshot=1", f"--to={tmp_path / 'after'}")
    address = reverse("board", args=["v0.5", "external"])
    page = text_of(client.get(f"{address}?snapshot=1"))
    trials = b"".join(client.get(f"{address}trials.csv?snapshot=1")).decode()

    assert json.loads((tmp_path / "after" / "MANIFEST.json").read_text()) == before
    assert "There are no curves, studies or profiles" in page
    assert len(trials.splitlines()) == 1  # the head


def test_a_board_that_does_not_exist_is_answered_in_words(tmp_path):
    with pytest.raises(CommandError, match=r"no board of v0\.5 external"):
        export(tmp_path / "archive")
