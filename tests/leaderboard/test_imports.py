"""Logs of the competition on their way into the database."""

import csv

import pytest
from django.core.management import CommandError, call_command

from leaderboard import lifecycle, results
from leaderboard.lifecycle.teams import free_slug
from leaderboard.models import Attempt, AuditEvent, Board, Evaluation, Host, Standing, Study, Submission, Team, Trial
from leaderboard.printed import load_printed_boards
from tests.leaderboard.logs import LogFolder

pytestmark = pytest.mark.django_db
OGBG = "mean_average_precision"


@pytest.fixture
def logs(tmp_path):
    return LogFolder(tmp_path / "logs")


def run(logs, capsys, *options):
    """What the command says."""
    path = logs.root if isinstance(logs, LogFolder) else logs
    call_command("import_results", str(path), "--edition=v0.5", "--ruleset=external", *options)
    return capsys.readouterr().out


def test_a_submission_arrives_with_every_trial_evaluation_and_hyperparameter(logs, capsys):
    logs.trial("fast", rows=[(60.0, 0.1), (300.0, 0.29), (540.0, 0.3)])
    logs.trial("fast", trial=2, rows=[(60.5, 0.2)], hyperparameters={"learning_rate": 0.01, "nesterov": True})
    logs.trial("fast", "ogbg_model_size", study=1)

    said = run(logs, capsys)

    assert "Imported 1 submissions with 3 trials and 6 evaluations." in said
    submission = Submission.objects.get()
    assert (submission.origin, submission.status, submission.source_key) == ("imported", "published", "fast")
    assert "Apache License 2.0" in submission.source
    assert submission.hardware_model == "Tesla V100-SXM2-16GB"
    assert list(Study.objects.values_list("workload", "number", "is_held_out")) == [
        ("ogbg", 0, False),
        ("ogbg_model_size", 1, True),
    ]
    first, second = Trial.objects.filter(study__workload="ogbg").order_by("number")
    assert (first.time_to_target_s, first.charged_s, first.seed, first.ending) == (300.0, 540.0, 7, "target")
    assert second.hyperparameters == {"learning_rate": 0.01, "nesterov": True}
    row = Evaluation.objects.get(attempt__trial=first, charged_s=300.0)
    assert (row.number, row.step, row.is_valid, row.reached_validation, row.reached_test) == (1, 2, True, True, True)
    assert row.metrics == {
        f"validation/{OGBG}": 0.29,
        f"test/{OGBG}": 0.29,
        f"train/{OGBG}": 0.29,
        "validation/loss": 0.5,
    }


def test_a_second_import_changes_nothing(logs, capsys):
    logs.trial("fast")
    run(logs, capsys)
    before = (Trial.objects.count(), AuditEvent.objects.count(), Board.objects.get().current_id)

    said = run(logs, capsys)

    assert "There already, left as they are: fast." in said
    assert (Trial.objects.count(), AuditEvent.objects.count(), Board.objects.get().current_id) == before


def test_a_broken_submission_leaves_nothing_and_the_others_are_stored(logs, capsys):
    logs.trial("good")
    logs.trial("torn")
    broken = logs.trial("torn", trial=2) / "eval_measurements.csv"
    whole = broken.read_text()
    broken.write_text(whole.replace("300.0,2", "three hundred,2"))

    with pytest.raises(CommandError, match="1 submissions were refused"):
        run(logs, capsys)
    assert "Refused torn, nothing of it is stored" in (said := capsys.readouterr().out)
    assert "line 3" in said
    assert [row.source_key for row in Submission.objects.all()] == ["good"]

    broken.write_text(whole)
    assert "Imported 1 submissions with 2 trials" in run(logs, capsys)
    assert Standing.objects.filter(snapshot__in=Board.objects.values("current")).count() == 2


def test_a_failure_in_the_middle_of_a_submission_leaves_nothing_of_it(logs, capsys, monkeypatch):
    logs.trial("fast")

    def fail(*args, **kwargs):
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Evaluation.objects, "bulk_create", fail)
    monkeypatch.setattr(type(Evaluation.objects.all()), "bulk_create", fail)
    with pytest.raises(RuntimeError):
        run(logs, capsys)

    assert (Submission.objects.count(), Trial.objects.count(), Attempt.objects.count()) == (0, 0, 0)


def test_what_is_skipped_is_told_with_the_reason(logs, capsys):
    logs.trial("fast")
    logs.trial("fast", "ogbg_gelu")
    logs.trial("fast", trial=2, rows=[("nan", 0.1), (-3.0, 0.1), (60.0, "nan"), ("inf", 0.9)])

    said = run(logs, capsys)

    assert "ogbg_gelu is not a workload of edition v0.5" in said
    assert "without a finite, positive clock" in said
    (row,) = Evaluation.objects.filter(attempt__trial__number=2)
    assert (row.charged_s, row.is_valid, row.metrics[f"validation/{OGBG}"]) == (60.0, False, None)


def test_a_trial_without_measurements_is_kept_and_says_so(logs, capsys):
    logs.trial("fast")
    (logs.trial("fast", trial=2) / "eval_measurements.csv").unlink()

    run(logs, capsys)

    silent = Trial.objects.get(number=2)
    assert (silent.status, silent.ending, silent.charged_s) == ("finished", "", None)
    assert "no evaluation" in silent.message


def test_a_study_that_is_missing_in_the_logs_is_one_of_those_that_a_page_counts(logs, capsys):
    logs.trial("fast", study=0)
    logs.trial("fast", study=3)

    run(logs, capsys)

    submission = Submission.objects.get()
    trials = results.trial_rows(submission, Trial.objects.for_page(submission))
    row = results.workload_rows(submission, trials, Standing.objects.for_submission(submission).get())[0]
    assert (row.workload.name, row.reached, row.studies) == ("ogbg", 2, 5)


def test_how_a_trial_ended_is_inferred_from_its_clock(logs, capsys):
    budget_s = 18_477
    for trial, last_s in ((1, budget_s + 1.0), (2, budget_s - 200.0), (3, 5000.0)):
        logs.trial("slow", trial=trial, rows=[(60.0, 0.1), (last_s, 0.2)])

    run(logs, capsys)

    endings = {row.number: (row.ending, "inferred" in row.message) for row in Trial.objects.all()}
    assert endings == {1: ("budget", False), 2: ("budget", True), 3: ("", False)}


def test_hostile_words_are_cleaned_and_cannot_take_a_team(logs, capsys, tmp_path):
    logs.trial(
        "evil", hyperparameters={"a\x1b[31m\u202e": "x\x00y", "deep": [[[[[[1]]]]]]}, metadata={"rng_seed": "1e99"}
    )
    about = tmp_path / "submissions.csv"
    with about.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["leaderboard", "submission", "display_name", "printed_team", "authors", "affiliation"])
        writer.writerow(["v05_external", "evil", "<b>x</b>\u202e", "Team\x1b[2J", "A; B", "\u200bLab"])

    run(logs, capsys, f"--submissions={about}")

    submission, trial = Submission.objects.get(), Trial.objects.get()
    assert (submission.name, submission.team.name, submission.authors) == ("<b>x</b>", "Team", "A, B")
    assert submission.affiliation == "Lab"
    assert trial.hyperparameters == {"a": "xy", "deep": [[["…"]]]}
    assert trial.seed == 0


@pytest.mark.parametrize(
    ("team", "taken", "name", "slug"),
    [
        ("New", [], "New", "new-2"),  # /teams/new/ is a form
        ("Lab", ["Lab", "Lab (elsewhere)"], "Lab (elsewhere 2)", "lab-elsewhere-2"),
        ("\ufb03" * 59 + "x", ["\ufb03" * 60], "\ufb03" * 59 + "x", "ffi" * 26 + "ff-2"),  # one letter becomes three
    ],
)
def test_a_team_of_elsewhere_gets_a_name_and_an_address_that_are_free(logs, capsys, tmp_path, team, taken, name, slug):
    for other in taken:
        Team.objects.create(name=other, slug=free_slug(other))
    logs.trial("fast")
    about = tmp_path / "submissions.csv"
    about.write_text(f"leaderboard,submission,display_name,printed_team\nv05_external,fast,Fast,{team}\n")

    run(logs, capsys, f"--submissions={about}")

    found = Submission.objects.get().team
    assert (found.name, found.slug, found.is_attributed) == (name, slug, True)


def test_hyperparameters_without_end_are_refused(logs, capsys):
    logs.trial("evil", hyperparameters={"x": ["long " * 90] * 100})

    with pytest.raises(CommandError, match="refused"):
        run(logs, capsys)

    assert "hyperparameters of more than" in capsys.readouterr().out
    assert not Submission.objects.exists()


def test_the_machines_of_elsewhere_are_no_hosts_of_ours(logs, capsys):
    logs.trial("fast")
    run(logs, capsys)

    host = Host.objects.get()
    assert host.retired_at is not None
    assert not Host.objects.for_queue().exists()


def test_a_path_without_logs_is_answered_in_words(tmp_path, capsys):
    with pytest.raises(CommandError, match="there is nothing at"):
        run(tmp_path / "nowhere", capsys)


def test_a_printed_board_stays_until_all_its_logs_are_there(logs, capsys):
    load_printed_boards()
    logs.trial("baseline")

    said = run(logs, capsys)

    board = Board.objects.get(ruleset="external")
    assert "10 printed results have no logs yet" in said
    assert board.current.is_printed
    assert Submission.objects.get(ruleset="external", source_key="baseline").origin == "imported"

    said = run(logs, capsys, "--even-partly")

    board.refresh_from_db()
    assert "snapshot 2: 1 ranked" in said
    assert (board.current.is_printed, board.is_frozen) == (False, True)
    left = {row["submission"]: row["reason"] for row in board.current.document["not_ranked"]}
    assert len(left) == 10
    assert set(left.values()) == {"Only its printed results are known; its logs have not been imported."}


def test_an_import_keeps_address_style_and_words_of_a_printed_entry(logs, capsys):
    load_printed_boards()
    before = Submission.objects.get(ruleset="external", source_key="shampoo_submission")
    logs.trial("shampoo_submission")

    run(logs, capsys)

    after = Submission.objects.get(pk=before.pk)
    kept = ("name", "slug", "style_slot", "team_id", "authors", "affiliation", "description", "published_at")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert after.source != before.source


def test_the_sample_in_the_original_layout_is_read_as_it_is(shared, capsys):
    archive = shared / "data" / "algoperf" / "sample_original_layout.tar.gz"
    about = shared / "data" / "algoperf" / "submissions.csv"

    said = run(archive, capsys, f"--submissions={about}")

    assert set(Submission.objects.values_list("name", flat=True)) == {"CASPR Adaptive", "Schedule Free AdamW"}
    assert "Skipped" in said  # the stray trial folders
    row = Evaluation.objects.filter(attempt__trial__study__workload="fastmri").first()
    assert {"validation/ssim", "validation/loss", "test/ssim", "train/ssim"} <= row.metrics.keys()
    lifecycle.verify_chain()


def test_all_107_published_numbers_come_out_of_the_database(shared, capsys, record_property):
    folder = shared / "data" / "algoperf"
    load_printed_boards()
    for edition, ruleset in (("v0.5", "external"), ("v0.5", "self_tuning"), ("v0.6", "external")):
        call_command("import_results", str(folder), f"--edition={edition}", f"--ruleset={ruleset}")
    with (folder / "published.csv").open() as file:
        rows = list(csv.DictReader(file))
    shown = Standing.objects.filter(snapshot__in=Board.objects.values("current")).select_related("submission")
    by_key = {(row.submission.edition, row.submission.ruleset, row.submission.source_key): row for row in shown}

    wrong = []
    for row in rows:
        version, _, ruleset = row["leaderboard"].partition("_")
        standing = by_key[f"v0.{version[-1]}", ruleset, row["submission"]]
        word = {"inf": "inf", "nan": "NaN"}.get(row["value"].lower())
        if row["workload"] == "score":
            is_same = f"{standing.published_score:.4f}" == f"{float(row['value']):.4f}"
        else:
            cell = standing.cells[row["workload"]]
            is_same = cell["mark"] == (row["mark"] or word)
            is_same &= word is not None or f"{cell['fraction']:.2f}" == f"{float(row['value']):.2f}"
        if not is_same:
            wrong.append(row)
    record_property("published_numbers", len(rows))
    assert (wrong, len(rows)) == ([], 107)
    assert not any(row.snapshot.is_printed for row in shown.select_related("snapshot"))
