from __future__ import annotations

import json

import pytest

from sandbox_runner.compliance import command
from tests.sandbox_runner.compliance.submissions import honest_files
from tests.sandbox_runner.compliance.zips import make_zip


@pytest.fixture
def folder(tmp_path):
    for name, content in honest_files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def arguments(path, *more: str) -> list[str]:
    return [str(path), "--ruleset", "external", "--framework", "pytorch", *more]


def test_an_honest_folder_may_run(folder, capsys):
    assert command.run(arguments(folder)) == 0
    output = capsys.readouterr().out
    assert "ok  File names are plain and safe  [archive-names]" in output
    assert output.endswith("It may run.\n")


def test_a_zip_is_checked_like_a_folder(tmp_path, capsys):
    archive = tmp_path / "submission.zip"
    archive.write_bytes(make_zip(honest_files()))
    assert command.run(arguments(archive)) == 0
    assert "It may run." in capsys.readouterr().out


def test_a_rejected_folder_names_file_line_and_remedy(folder, capsys):
    (folder / "helper.py").write_text("x = 1\nimport socket\n")
    assert command.run(arguments(folder)) == 1
    output = capsys.readouterr().out
    assert "REJECTED  Nothing talks to a network  [network]" in output
    assert "helper.py:2: socket opens network connections." in output
    assert "| import socket" in output
    assert output.endswith("1 check failed. Fix what is marked REJECTED and check again.\n")


def test_a_review_still_may_run(folder, capsys):
    (folder / "helper.py").write_text("if name == 'wmt': pass\n")
    assert command.run(arguments(folder)) == 0
    assert "a reviewer looks" in capsys.readouterr().out


def test_json_is_the_report_without_the_bundle(folder, capsys):
    assert command.run(arguments(folder, "--json")) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "passed"
    assert "bundle" not in report
    assert {check["state"] for check in report["checks"]} == {"passed"}


def test_a_folder_that_cannot_be_packed_is_rejected(folder, capsys):
    (folder / "link").symlink_to("/etc/passwd")
    assert command.run(arguments(folder)) == 1
    assert "symbolic link" in capsys.readouterr().out


def test_a_path_that_does_not_exist_is_the_callers_mistake(tmp_path, capsys):
    assert command.run(arguments(tmp_path / "missing")) == 2
    assert "does not exist" in capsys.readouterr().err


def test_unknown_choices_are_explained(folder, capsys):
    with pytest.raises(SystemExit):
        command.run([str(folder), "--ruleset", "other", "--framework", "jax"])
    assert "self_tuning" in capsys.readouterr().err
