"""The original layout with everything that can be odd about it."""

import os

import pytest

from scoring.errors import InvalidLogs
from scoring.logs import folder, layout
from tests.scoring.logs.made_up import read, trial_folder, write_original, write_trial


@pytest.fixture
def logs(tmp_path):
    return write_original(tmp_path)


def amos(logs):
    return read(logs)["amos"]


def test_a_trial_without_a_table_was_never_measured(logs):
    (trial_folder(logs) / "eval_measurements.csv").unlink()
    first, second = amos(logs).trials
    assert (first.evaluations.is_empty, first.hyperparameters) == (True, {"learning_rate": 0.1})
    assert not second.evaluations.is_empty


def test_a_trial_may_have_neither_hyperparameters_nor_metadata(logs):
    for name in ("hparams.json", "meta_data_0.json"):
        (trial_folder(logs) / name).unlink()
    first = amos(logs).trials[0]
    assert (first.hyperparameters, first.metadata) == (None, None)


def test_trials_directly_below_a_study_are_passed_over(logs):
    write_trial(trial_folder(logs).parents[1] / "trial_1")
    submission = amos(logs)
    assert len(submission.trials) == 2
    assert [skipped.path for skipped in submission.skipped] == [
        "algoperf_v05/logs/external_tuning/amos/study_0/trial_1"
    ]
    assert "not a folder of a workload" in submission.skipped[0].reason


@pytest.mark.parametrize(
    "path",
    ["notes", "study_0/fastmri", "study_0/fastmri_tf", "study_0/fastmri_jax/trial_", "study_0/fastmri_jax/trial_01"],
)
def test_folders_with_other_names_are_passed_over(logs, path):
    (trial_folder(logs).parents[2] / path).mkdir(parents=True)
    submission = amos(logs)
    assert (len(submission.trials), len(submission.skipped)) == (2, 1)
    assert submission.skipped[0].path.endswith(path)


def test_a_run_that_was_continued_later_belongs_to_the_same_submission(logs):
    write_trial(trial_folder(logs, "amos-2024-01-31-23-59-59", study=1))
    submission = amos(logs)
    assert sorted(read(logs)) == ["amos", "lawa"]
    assert [trial.key for trial in submission.trials] == [("fastmri", 0, 1), ("fastmri", 0, 2), ("fastmri", 1, 1)]
    assert submission.problems == ()


def test_a_trial_that_is_there_twice_makes_the_submission_unusable(logs):
    write_trial(trial_folder(logs, "amos-2024-01-31-23-59-59"))
    assert amos(logs).problems == ("fastmri, study 0, trial 1 is there twice; keep one",)
    assert read(logs)["lawa"].problems == ()


def test_a_workload_in_two_frameworks_makes_the_submission_unusable(logs):
    write_trial(trial_folder(logs, workload="fastmri_pytorch"))
    assert amos(logs).problems == ("fastmri was run in two frameworks; keep the logs of one",)


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, "\x00", '{"a": ' + "9" * 5_000 + "}"]
)
def test_hyperparameters_that_are_no_json_object_make_the_submission_unusable(logs, text):
    (trial_folder(logs) / "hparams.json").write_text(text)
    (problem,) = amos(logs).problems
    assert "external_tuning/amos/study_0/fastmri_jax/trial_1/hparams.json: " in problem
    assert read(logs)["lawa"].problems == ()


def test_hyperparameters_that_are_not_utf_8_make_the_submission_unusable(logs):
    (trial_folder(logs) / "hparams.json").write_bytes(b'{"a": "\xff"}')
    assert len(amos(logs).problems) == 1


def test_a_file_that_is_too_large_is_not_read(logs, monkeypatch):
    monkeypatch.setattr(layout, "MAX_BYTES", 10)
    with pytest.raises(InvalidLogs, match="more than 10 are not read"):
        amos(logs).trials[0].evaluations.as_dict()


def test_links_are_not_followed(logs, tmp_path_factory):
    elsewhere = write_trial(tmp_path_factory.mktemp("elsewhere") / "trial")
    trial_folder(logs, trial=3).symlink_to(elsewhere, target_is_directory=True)
    table = trial_folder(logs) / "eval_measurements.csv"
    table.unlink()
    table.symlink_to(elsewhere / "eval_measurements.csv")
    submission = amos(logs)
    assert len(submission.trials) == 2
    with pytest.raises(InvalidLogs, match="cannot be opened"):
        submission.trials[0].evaluations.as_dict()


def test_a_pipe_does_not_hold_the_reader_up(logs):
    table = trial_folder(logs) / "eval_measurements.csv"
    table.unlink()
    os.mkfifo(table)
    with pytest.raises(InvalidLogs, match="not a plain file"):
        amos(logs).trials[0].evaluations.as_dict()


def test_a_folder_whose_name_is_none_is_passed_over(logs):
    write_trial(trial_folder(logs, "a b"))
    assert sorted(read(logs)) == ["amos", "lawa"]


def test_a_tree_without_end_is_refused(logs, monkeypatch):
    monkeypatch.setattr(folder, "MAX_FOLDERS", 5)
    with pytest.raises(InvalidLogs, match="more than 5 folders"):
        read(logs)


def test_what_a_name_holds_does_not_reach_the_reader_of_the_report(logs):
    (trial_folder(logs).parent / "\x1b[2J\u202e").mkdir()
    (trial_folder(logs).parent / "\udcff").mkdir()  # on the disk a byte that is no letter
    shown = [skipped.path.rpartition("/")[2] for skipped in amos(logs).skipped]
    assert sorted(shown) == ["?", "?[2J?"]


def test_logs_too_far_down_are_not_looked_for(logs):
    deep = logs / "/".join("abcdefgh")
    write_trial(trial_folder(deep, "nadamp"))
    assert sorted(read(logs)) == ["amos", "lawa"]


def test_a_folder_that_cannot_be_listed_makes_its_submission_unusable(logs, monkeypatch):
    def scandir(path):
        if str(path).endswith("amos/study_0"):
            raise PermissionError(13, "Permission denied")
        return listed(path)

    listed = os.scandir
    monkeypatch.setattr(os, "scandir", scandir)
    assert amos(logs).problems == ("algoperf_v05/logs/external_tuning/amos/study_0: Permission denied",)
    assert len(read(logs)["lawa"].trials) == 2
