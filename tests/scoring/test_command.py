"""`python -m scoring` as a reader of the terminal sees it."""

import json
import subprocess
import sys

import pytest

from scoring.__main__ import main
from tests.scoring import competition
from tests.scoring.logs.made_up import pack, trial_folder, write_compact, write_trial

CHOICES = ("--edition", "v0.5", "--ruleset", "external")
REACHED, MISSED = ("1000,1,0.5", "2000,2,0.9"), ("1000,1,0.5",)


@pytest.fixture
def logs(tmp_path):
    """`amos` reaches the target of fastmri and of its variant, `lawa` only that of fastmri."""
    for submission, variant in (("amos", REACHED), ("lawa", MISSED)):
        for study in range(5):
            write_trial(trial_folder(tmp_path / "logs", submission, study), rows=REACHED)
            write_trial(trial_folder(tmp_path / "logs", submission, study, "fastmri_tanh_jax"), rows=variant)
    return tmp_path / "logs"


@pytest.fixture
def run(capsys):
    """The command in this process: its status, and what it wrote to both streams."""

    def call(*arguments):
        status = main([*map(str, arguments)])
        return status, *capsys.readouterr()

    return call


def test_the_document_has_the_promised_form(run, logs):
    status, out, err = run(logs, *CHOICES, "--rules", "published", "--json")
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert list(document) == ["edition", "ruleset", "rules", "scores", "times", "profile"]
    assert (document["edition"], document["ruleset"], document["rules"]) == ("v0.5", "external", "published")
    assert document["scores"] == {"amos": pytest.approx(1 / 8), "lawa": 0.0}
    assert document["times"]["amos"]["fastmri"] == {
        "raw_s": 2000.0, "final_s": 2000.0, "fraction": pytest.approx(2000 / 8859), "ratio": 1.0, "mark": None,
    }  # fmt: skip
    assert document["times"]["lawa"]["fastmri"] == {
        "raw_s": 2000.0, "final_s": None, "fraction": pytest.approx(2000 / 8859), "ratio": None,
        "mark": "double_dagger",
    }  # fmt: skip
    assert document["times"]["lawa"]["wmt"]["mark"] == "NaN"
    assert len(document["profile"]["tau"]) == len(document["profile"]["rho"]["amos"]) == 100


def test_a_folder_and_its_archive_make_the_same_document(run, logs, tmp_path):
    from_folder, from_archive = (run(path, *CHOICES, "--json") for path in (logs, pack(logs, tmp_path / "logs.tar.gz")))
    assert from_folder == from_archive


def test_the_table_shows_ranks_marks_and_what_was_passed_over(run, logs):
    write_trial(trial_folder(logs).parents[1] / "trial_1")
    write_trial(trial_folder(logs, workload="cifar_jax"))
    status, out, err = run(logs, *CHOICES)
    assert (status, err) == (0, "")
    first, second = out.splitlines()[1:3]
    assert first.split()[:5] == ["1", "amos", "0.1250", "NaN", "0.23"]
    assert second.split()[:5] == ["2", "lawa", "0.0000", "NaN", "0.23‡"]
    assert "Not scored: cifar." in out
    assert "Passed over: 1." in out
    assert "study_0/trial_1: not a folder of a workload" in out


def test_a_targets_file_takes_the_place_of_the_editions_targets(run, logs, tmp_path):
    targets = tmp_path / "targets.json"
    entry = {"target_metric_name": "ssim", "validation_target_value": 0.5}
    targets.write_text(json.dumps({"base_workloads": ["fastmri"], "workloads": {"fastmri": entry}}))
    _, out, _ = run(logs, *CHOICES, "--targets", targets, "--json")
    document = json.loads(out)
    assert document["scores"] == pytest.approx({"amos": 1.0, "lawa": 1.0})
    assert document["times"]["amos"]["fastmri"]["raw_s"] == 1000.0


def test_both_rule_sets_can_be_asked_for(run, logs):
    (trial_folder(logs, study=4) / "eval_measurements.csv").unlink()
    (trial_folder(logs, study=3) / "eval_measurements.csv").unlink()
    (trial_folder(logs, study=2) / "eval_measurements.csv").unlink()
    marks = {
        rules: json.loads(run(logs, *CHOICES, "--rules", rules, "--json")[1])["times"]["amos"]["fastmri"]["mark"]
        for rules in ("published", "documented")
    }
    assert marks == {"published": None, "documented": "inf"}  # three of five studies are empty


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.write_text("accumulated_submission_time,validation/ssim\n1,2,3\n"), "line 2 has 3 cells"),
        (lambda table: table.write_text("accumulated_submission_time,validation/ssim\n1,high\n"), "is not a number"),
        (lambda table: table.write_text("validation/ssim\n1\n"), "no column accumulated_submission_time"),
        (lambda table: table.write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
    ],
)
def test_logs_that_cannot_be_scored_end_with_one_line_and_status_2(run, logs, spoil, message):
    spoil(trial_folder(logs) / "eval_measurements.csv")
    status, out, err = run(logs, *CHOICES, "--json")
    assert (status, out) == (2, "")
    assert err.startswith("python -m scoring: algoperf_v05/logs/external_tuning/amos/study_0/fastmri_jax/trial_1/")
    assert message in err
    assert err.count("\n") == 1


def test_a_path_that_is_not_there_ends_with_status_2(run, tmp_path):
    status, _, err = run(tmp_path / "absent", *CHOICES)
    assert status == 2
    assert "there is nothing at" in err


@pytest.mark.parametrize("wrong", [("--edition", "v9"), ("--ruleset", "internal"), ("--rules", "fair"), ("--odd",)])
def test_words_that_mean_nothing_end_with_status_2(logs, wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        main([str(logs), *CHOICES, *wrong])
    assert caught.value.code == 2
    assert "usage: python -m scoring" in capsys.readouterr().err


def test_the_command_runs_from_the_shell(tmp_path):
    compact = write_compact(tmp_path / "compact")
    done = subprocess.run(
        [sys.executable, "-m", "scoring", compact, *CHOICES, "--json"],
        cwd=competition.REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["scores"] == pytest.approx({"amos": 0.0, "lawa": 0.0})
