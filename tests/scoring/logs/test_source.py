"""The three forms of logs, each opened the same way."""

import gzip
import tarfile

import numpy as np
import pytest

from scoring.errors import InvalidLogs
from scoring.logs import CLOCK, STEP, open_logs

HEADER = "accumulated_submission_time,global_step,validation/ssim"


def write_trial(folder, rows=("10.0,1,0.5", "20.0,2,0.75"), hparams='{"learning_rate": 0.1}', seed=7):
    folder.mkdir(parents=True)
    (folder / "eval_measurements.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "hparams.json").write_text(hparams)
    (folder / "meta_data_0.json").write_text(f'{{"rng_seed": {seed}}}')


@pytest.fixture
def original(tmp_path):
    """Two submissions of v0.5 external, in the original layout."""
    logs = tmp_path / "algoperf_v05" / "logs" / "external_tuning"
    for submission in ("amos", "lawa"):
        for trial in (1, 2):
            write_trial(logs / submission / "study_0" / "fastmri_jax" / f"trial_{trial}")
    return tmp_path


@pytest.fixture
def compact(tmp_path):
    """The same two as compact tables."""
    keys = [f"{name},0,fastmri,jax,{trial}" for name in ("amos", "lawa") for trial in (1, 2)]
    tables = {
        "evals_v05_external.csv.gz": ["submission,study,workload,framework,trial," + HEADER.replace("/ssim", "_metric")]
        + [f"{key},{row}" for key in keys for row in ("10.0,1,0.5", "20.0,2,0.75")],
        "trials.csv.gz": [
            "leaderboard,submission,study,workload,framework,trial,rng_seed,git_commit_hash,gpu_model_name,gpu_count"
        ]
        + [f"v05_external,{key},7,,," for key in keys],
        "hparams.csv.gz": ["leaderboard,submission,study,workload,framework,trial,hparams"]
        + [f'v05_external,{key},"{{""learning_rate"": 0.1}}"' for key in keys],
    }
    folder = tmp_path / "compact"
    folder.mkdir()
    for name, lines in tables.items():
        (folder / name).write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    (folder / "targets.csv").write_text("leaderboard,workload,metric\nv05_external,fastmri,ssim\n")
    (folder / "submissions.csv").write_text("leaderboard,submission,authors\nv05_external,amos,Ann\n")
    return folder


def packed(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname="logs")
    return path


def read(path, **choices):
    with open_logs(path, **{"edition": "v0.5", "ruleset": "external", **choices}) as logs:
        return {submission.name: submission for submission in logs.read()}


def facts(submissions):
    """Everything that all three forms have to agree on."""
    return {
        name: [
            (
                *trial.key,
                trial.framework,
                dict(trial.hyperparameters),
                trial.metadata["rng_seed"],
                {column: array.tolist() for column, array in trial.evaluations.as_dict().items()},
            )
            for trial in submission.trials
        ]
        for name, submission in submissions.items()
    }


def test_a_folder_an_archive_and_compact_tables_say_the_same(original, compact, tmp_path):
    from_folder = facts(read(original))
    assert list(from_folder) == ["amos", "lawa"]
    assert from_folder == facts(read(compact)) == facts(read(packed(original, tmp_path / "logs.tar.gz")))


def test_numbers_are_arrays_by_the_names_of_the_log(original):
    trial = read(original)["amos"].trials[0]
    times_s, steps, unknown = trial.evaluations.arrays(CLOCK, STEP, "validation/bleu")
    assert (times_s.tolist(), steps.tolist()) == ([10.0, 20.0], [1.0, 2.0])
    assert np.isnan(unknown).all()


def test_submissions_that_are_not_wanted_are_not_handed_over(original, compact):
    for path in (original, compact):
        with open_logs(path, edition="v0.5", ruleset="external") as logs:
            assert [submission.name for submission in logs.read(skip={"amos"})] == ["lawa"]


def test_compact_tables_know_who_made_a_submission(compact):
    submissions = read(compact)
    assert submissions["amos"].about["authors"] == "Ann"
    assert submissions["lawa"].about == {}


@pytest.mark.parametrize("choice", [{"edition": "v0.6"}, {"ruleset": "self_tuning"}])
def test_logs_of_another_leaderboard_are_not_taken_for_these(original, choice):
    with pytest.raises(InvalidLogs, match="there is only"):
        read(original, **choice)
    with pytest.raises(InvalidLogs, match="there is only"):
        read(original / "algoperf_v05" / "logs" / "external_tuning", **choice)


def test_nothing_there_is_a_clear_error(tmp_path):
    with pytest.raises(InvalidLogs, match="there is nothing at"):
        read(tmp_path / "absent")
    with pytest.raises(InvalidLogs, match="there is no <submission>"):
        read(tmp_path)
