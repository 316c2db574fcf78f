"""The three forms of logs, each opened the same way."""

import numpy as np
import pytest

from scoring.errors import InvalidLogs
from scoring.logs import CLOCK, STEP, open_logs, read_about
from tests.scoring.logs import made_up
from tests.scoring.logs.made_up import read


@pytest.fixture
def original(tmp_path):
    return made_up.write_original(tmp_path / "original")


@pytest.fixture
def compact(tmp_path):
    return made_up.write_compact(tmp_path / "compact")


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
    assert from_folder == facts(read(compact)) == facts(read(made_up.pack(original, tmp_path / "logs.tar.gz")))


def test_numbers_are_arrays_by_the_names_of_the_log(original):
    submission = read(original)["amos"]
    times_s, steps, unknown = submission.trials[0].evaluations.arrays(CLOCK, STEP, "validation/bleu")
    assert (times_s.tolist(), steps.tolist()) == ([10.0, 20.0], [1.0, 2.0])
    assert np.isnan(unknown).all()
    assert submission.num_evaluations == 4


def test_submissions_that_are_not_wanted_are_not_handed_over(original, compact):
    for path in (original, compact):
        with open_logs(path, edition="v0.5", ruleset="external") as logs:
            assert logs.submissions == ("amos", "lawa")
            assert [submission.name for submission in logs.read(skip={"amos"})] == ["lawa"]


def test_details_can_be_left_out(original, compact):
    for path in (original, compact):
        with open_logs(path, edition="v0.5", ruleset="external") as logs:
            trials = [trial for submission in logs.read(details=False) for trial in submission.trials]
        assert {(trial.hyperparameters, trial.metadata) for trial in trials} == {(None, None)}


def test_compact_tables_know_who_made_a_submission(compact):
    submissions = read(compact)
    assert submissions["amos"].about["authors"] == "Ann"
    assert submissions["lawa"].about == {}


def test_who_made_a_submission_can_be_said_beside_the_original_layout(original, compact):
    about = read_about(compact / "submissions.csv", edition="v0.5", ruleset="external")
    with open_logs(original, edition="v0.5", ruleset="external", about=about) as logs:
        assert next(logs.read()).about["authors"] == "Ann"


@pytest.mark.parametrize("choice", [{"edition": "v0.6"}, {"ruleset": "self_tuning"}])
@pytest.mark.parametrize("inside", ["", "algoperf_v05/logs/external_tuning", "algoperf_v05/logs/external_tuning/amos"])
def test_logs_of_another_leaderboard_are_not_taken_for_these(original, choice, inside):
    with pytest.raises(InvalidLogs, match=r"there is only (algoperf_v05|external_tuning)"):
        read(original / inside, **choice)


def test_compact_tables_of_another_leaderboard_are_not_taken_for_these(compact):
    with pytest.raises(InvalidLogs, match=r"no evals_v06_external.*it has logs of v05_external"):
        read(compact, edition="v0.6")


@pytest.mark.parametrize("inside", ["algoperf_v05", "algoperf_v05/logs/external_tuning"])
def test_logs_are_found_at_any_depth(original, inside):
    assert list(read(original / inside)) == ["amos", "lawa"]


def test_one_submission_can_be_read_alone(original):
    assert list(read(original / "algoperf_v05" / "logs" / "external_tuning" / "lawa")) == ["lawa"]


def test_nothing_there_is_a_clear_error(tmp_path):
    with pytest.raises(InvalidLogs, match="there is nothing at"):
        read(tmp_path / "absent")
    with pytest.raises(InvalidLogs, match="there is neither a table"):
        read(tmp_path)


def test_a_ruleset_that_does_not_exist_is_refused(original):
    with pytest.raises(InvalidLogs, match="known: external, self_tuning"):
        read(original, ruleset="internal")
