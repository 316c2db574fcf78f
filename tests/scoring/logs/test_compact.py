"""Compact tables with everything that can be odd about them."""

import gzip

import pytest

from scoring.errors import InvalidLogs
from scoring.logs import compact
from tests.scoring.logs.made_up import HEADER, read, write_compact, write_table

EVALS = "evals_v05_external.csv.gz"
COLUMNS = "submission,study,workload,framework,trial," + HEADER.replace("/ssim", "_metric")


@pytest.fixture
def tables(tmp_path):
    return write_compact(tmp_path / "compact")


def test_the_metric_of_the_target_gets_its_name(tables):
    assert read(tables)["amos"].trials[0].evaluations.columns[-1] == "validation/ssim"


def test_a_trial_that_was_never_measured_is_there_without_evaluations(tables):
    write_table(tables / EVALS, COLUMNS, "amos,0,fastmri,jax,1,10.0,1,0.5")
    submissions = read(tables)
    assert [trial.evaluations.is_empty for trial in submissions["amos"].trials] == [False, True]
    assert [trial.evaluations.is_empty for trial in submissions["lawa"].trials] == [True, True]


def test_rows_of_one_trial_need_not_lie_together(tables):
    rows = [f"amos,0,fastmri,jax,{trial},{seconds}.0,1,0.5" for seconds in (10, 20) for trial in (1, 2)]
    write_table(tables / EVALS, COLUMNS, *rows)
    assert [len(trial.evaluations) for trial in read(tables)["amos"].trials] == [2, 2]


def test_rows_of_one_submission_have_to_lie_together(tables):
    rows = [f"{name},0,fastmri,jax,1,10.0,1,0.5" for name in ("amos", "lawa", "amos")]
    write_table(tables / EVALS, COLUMNS, *rows)
    with pytest.raises(InvalidLogs, match="the rows of amos do not lie together"):
        read(tables)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("amos,0,fastmri", "not a row of the table"),
        ("amos,one,fastmri,jax,1,10.0,1,0.5", "not a study, a workload"),
        ("amos,0,fastmri,tf,1,10.0,1,0.5", "not a study, a workload"),
        ("../amos,0,fastmri,jax,1,10.0,1,0.5", "not a submission's name"),
    ],
)
def test_a_row_that_belongs_to_no_trial_is_a_clear_error(tables, row, message):
    write_table(tables / EVALS, COLUMNS, row)
    with pytest.raises(InvalidLogs, match=message):
        read(tables)


def test_a_row_of_another_length_spoils_its_trial_only(tables):
    write_table(tables / EVALS, COLUMNS, "amos,0,fastmri,jax,1,10.0,1", "amos,0,fastmri,jax,2,10.0,1,0.5")
    first, second = read(tables)["amos"].trials
    assert len(second.evaluations.as_dict()["validation/ssim"]) == 1
    with pytest.raises(InvalidLogs, match="line 2 has 2 cells"):
        first.evaluations.as_dict()


def test_hyperparameters_that_are_no_object_make_the_submission_unusable(tables):
    write_table(
        tables / "hparams.csv.gz",
        "leaderboard,submission,study,workload,framework,trial,hparams",
        "v05_external,amos,0,fastmri,jax,1,[]",
    )
    assert "amos/study_0/fastmri_jax/trial_1: this is not a JSON object" in read(tables)["amos"].problems[0]


@pytest.mark.parametrize("name", ["targets.csv", "trials.csv.gz"])
def test_a_table_that_is_missing_is_named(tables, name):
    (tables / name).unlink()
    with pytest.raises(InvalidLogs, match=f"{name} is missing"):
        read(tables)


@pytest.mark.parametrize("name", ["hparams.csv.gz", "submissions.csv"])
def test_hyperparameters_and_authors_may_be_missing(tables, name):
    (tables / name).unlink()
    assert list(read(tables)) == ["amos", "lawa"]


@pytest.mark.parametrize("name", [EVALS, "trials.csv.gz"])
def test_a_table_that_is_cut_short_is_a_clear_error(tables, name):
    packed = (tables / name).read_bytes()
    (tables / name).write_bytes(packed[:-12])
    with pytest.raises(InvalidLogs, match=f"{name}.* (cannot be read|is cut off)"):
        read(tables)


def test_a_last_line_without_an_end_is_a_clear_error(tables):
    (tables / EVALS).write_bytes(gzip.compress(f"{COLUMNS}\namos,0,fastmri,jax,1,10.0,1,0.".encode()))
    with pytest.raises(InvalidLogs, match="the last line is cut off"):
        read(tables)


def test_a_line_without_end_is_refused(tables):
    (tables / EVALS).write_bytes(gzip.compress(b"a" * (3 * 2**20)))
    with pytest.raises(InvalidLogs, match="a line has more than"):
        read(tables)


def test_other_columns_are_a_clear_error(tables):
    write_table(tables / EVALS, "submission,trial,seconds")
    with pytest.raises(InvalidLogs, match="its columns have to begin with submission, study"):
        read(tables)
    write_table(tables / "trials.csv.gz", "leaderboard,submission")
    with pytest.raises(InvalidLogs, match=r"trials.csv.gz has no column study"):
        read(tables)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("MAX_ROWS", "more than 1 rows"),
        ("MAX_SUBMISSION_BYTES", "amos has more than 1 bytes"),
        ("MAX_BYTES", "larger than"),
    ],
)
def test_tables_without_end_are_refused(tables, monkeypatch, limit, message):
    monkeypatch.setattr(compact, limit, 1)
    with pytest.raises(InvalidLogs, match=message):
        read(tables)["amos"].trials[0].evaluations.as_dict()
