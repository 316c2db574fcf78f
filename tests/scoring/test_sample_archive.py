"""Golden: the part of the original logs that comes as an archive, read as it is and unpacked."""

import json
import tarfile

import pytest

from scoring.__main__ import edition_axes, main
from scoring.logs import open_logs
from scoring.logs.times import submission_times
from tests.scoring import competition

ARCHIVE = competition.FOLDER / "sample_original_layout.tar.gz"
pytestmark = pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"no sample of the original logs in {competition.FOLDER}")


@pytest.fixture(params=["archive", "folder"])
def logs(request, tmp_path):
    """The sample, in both forms."""
    if request.param == "archive":
        return ARCHIVE
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path


def test_times_and_counts_equal_the_reference(logs, agree):
    pairs = {}
    for leaderboard, (edition, ruleset) in competition.LEADERBOARDS.items():
        expected = competition.expected("sample_time_to_target.csv", leaderboard, "least_time")
        if not expected:
            continue
        axes = edition_axes(edition, ruleset)
        with open_logs(logs, edition=edition, ruleset=ruleset) as source:
            submissions = {log.name: log for log in source.read(details=False)}
        for row in expected:
            log, workload = submissions[row["submission"]], row["workload"]
            runtime = submission_times(log, axes, competition.RULES["least_time"])[workload]
            measured = [t for t in log.trials if t.workload == workload and not t.evaluations.is_empty]
            name = f"{leaderboard} {log.name} {workload}"
            pairs[f"{name} raw"] = (runtime.time_s, row["raw"])
            pairs[f"{name} n_trials_read"] = (len(measured), row["n_trials_read"])
            pairs[f"{name} n_studies"] = (len({trial.study for trial in measured}), row["n_studies"])
    agree(pairs)


def test_scores_equal_the_reference(logs, agree, capsys):
    assert main([str(logs), "--edition", "v0.5", "--ruleset", "external", "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    expected = competition.expected("sample_scores.csv", "v05_external", "least_time")
    assert scores.keys() == {row["submission"] for row in expected}
    agree({row["submission"]: (scores[row["submission"]], row["score"]) for row in expected})


def test_a_workload_nobody_measured_stops_the_reference_and_not_us(logs, capsys):
    assert main([str(logs), "--edition", "v0.5", "--ruleset", "self_tuning", "--json"]) == 0
    times = json.loads(capsys.readouterr().out)["times"]["sinv6"]
    assert times["criteo1tb"]["mark"] == "NaN"


def test_stray_folders_are_passed_over_and_reported(logs):
    with open_logs(logs, edition="v0.5", ruleset="external") as source:
        skipped = {log.name: len(log.skipped) for log in source.read(details=False)}
    assert skipped == {"caspr_adaptive": 0, "schedule_free_adamw": 10}
