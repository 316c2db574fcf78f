"""Boards that ship with the site: written after a run, read on another machine, apart from what runs there."""

import lzma

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from leaderboard import filling, shipped, shipping
from leaderboard.errors import NotReady
from leaderboard.models import AuditEvent, Board, Evaluation, Host, Standing, Submission, Trial
from leaderboard.run_document import run_document
from leaderboard.tasks import finish_submissions
from tests import factories
from tests.leaderboard import steps
from tests.leaderboard.conftest import make_edition
from tests.leaderboard.views.conftest import text_of
from workloads import editions
from workloads.spec import Framework, Ruleset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
IMAGES = {"trainer": "sha256:" + "1" * 64, "judge": "sha256:" + "2" * 64}
SECRET_HOST = "cellar-machine"


def entry(framework, ruleset=Ruleset.SELF_TUNING, **fields):
    return filling.Entry(algorithm="adamw", framework=framework, ruleset=ruleset, **fields)


@pytest.fixture
def filled():
    """Two references under each ruleset, run to the end on one host, the second one slower."""
    host = factories.HostFactory(name=SECRET_HOST, hardware_model="Example CPU 3000")
    for ruleset in Ruleset:
        for seconds, framework in ((10.0, Framework.JAX), (15.0, Framework.PYTORCH)):
            filling.enter(
                entry(framework, ruleset, is_baseline=framework is Framework.JAX),
                filling.Scope(edition="mini"),
                lambda line: None,
            )
            run_queue(host, seconds)
    finish_submissions()
    return list(Submission.objects.order_by("pk"))


def run_queue(host, seconds):
    while Trial.objects.open().exists():
        attempt = steps.run(host)
        steps.report(attempt, "started", {"images": IMAGES, "batch_size": 32})
        steps.finish(attempt, charged_s=seconds + attempt.trial.study.number / 3, batch_size=32)


@pytest.fixture
def path(filled, tmp_path):
    to = tmp_path / "boards.json.xz"
    call_command("export_fixture", f"--to={to}")
    return to


def shipped_twin(submission):
    return Submission.objects.get(origin="shipped", framework=submission.framework, ruleset=submission.ruleset)


def test_what_was_measured_comes_back_whole_on_a_board_of_its_own(filled, path):
    snapshots = shipped.load_shipped_boards(path)

    assert [snapshot.is_shipped for snapshot in snapshots] == [True, True]
    assert {snapshot.board.hardware_model.split(",")[0] for snapshot in snapshots} == {"Example CPU 3000"}
    assert Board.objects.count() == 4
    assert all(Board.objects.get(pk=snapshot.board_id).is_frozen for snapshot in snapshots)
    for original in filled:
        twin = shipped_twin(original)
        assert comparable(run_document(twin)) == comparable(run_document(original))
        assert (twin.name, twin.search_space_json, twin.is_baseline, twin.archive_sha256) == (
            original.name, original.search_space_json, original.is_baseline, original.archive_sha256,
        )  # fmt: skip
        assert list(twin.files.values_list("path", "sha256")) == list(original.files.values_list("path", "sha256"))
        assert twin.team.is_attributed
        assert not twin.awaits_standings


def comparable(document):
    for workload in document["workloads"]:
        for study in workload["studies"]:
            for trial in study["trials"]:
                for row in trial["evaluations"]:
                    row["sha256"] = ""
                    row["charged_s"] = pytest.approx(row["charged_s"], abs=1e-6)
                trial["charged_s"] = pytest.approx(trial["charged_s"], abs=1e-6)
                trial["time_to_target_s"] = pytest.approx(trial["time_to_target_s"], abs=1e-6)
        workload["time_to_target_s"] = pytest.approx(workload["time_to_target_s"], abs=1e-6)
    return document


def test_the_file_names_no_host_no_path_and_is_the_same_every_time(filled, path, tmp_path):
    again = tmp_path / "again.json.xz"
    call_command("export_fixture", f"--to={again}")

    text = lzma.decompress(path.read_bytes()).decode()
    assert SECRET_HOST not in text
    assert str(tmp_path) not in text
    assert "/tmp" not in text
    assert again.read_bytes() == path.read_bytes()


def test_the_provenance_is_on_every_entry(filled, path):
    shipped.load_shipped_boards(path)

    source = shipped_twin(filled[0]).source
    day = filled[-1].finished_at
    assert source.startswith(f"Measured on Example CPU 3000 (cpu2), {day:%-d %B %Y}, by the sandbox of this project;")
    assert "not on this machine" in source
    for fact in ("torch 2.", "jax 0.", "trainer image 111111111111", "judge image 222222222222", "mini revision r1"):
        assert fact in source
    trial = Trial.objects.filter(study__submission=shipped_twin(filled[0])).first()
    assert trial.attempts.get().started == {"images": [IMAGES]}


def test_what_teams_entered_stays_out_of_the_file(filled, tmp_path):
    team = factories.TeamFactory(name="A team with members")
    Submission.objects.filter(pk=filled[0].pk).update(team=team)

    document = shipping.pack(Board.objects.order_by("ruleset"))

    assert [len(board["submissions"]) for board in document["boards"]] == [1, 2]
    assert team.name not in str(document)


def test_loading_again_changes_nothing(path):
    first = shipped.load_shipped_boards(path)
    counts = (Submission.objects.count(), Evaluation.objects.count(), AuditEvent.objects.count())

    assert shipped.load_shipped_boards(path) == []
    assert (Submission.objects.count(), Evaluation.objects.count(), AuditEvent.objects.count()) == counts
    assert len(first) == 2


def test_runs_on_the_same_processor_here_never_join_a_shipped_board(path, filled):
    shipped.load_shipped_boards(path)
    before = Standing.objects.filter(submission__origin="shipped").count()

    late = filling.enter(
        filling.Entry(algorithm="nesterov", framework=Framework.JAX, ruleset=Ruleset.SELF_TUNING),
        filling.Scope(edition="mini"),
        lambda line: None,
    )
    run_queue(Host.objects.get(name=SECRET_HOST), 5.0)
    finish_submissions()

    standing = Standing.objects.for_submission(late).get()
    assert standing.snapshot.board.hardware_model == "Example CPU 3000"
    own = {row.slug for row in filled if row.ruleset == "self_tuning"}
    assert set(standing.snapshot.document["submissions"]) == {late.slug, *own}
    assert Standing.objects.filter(submission__origin="shipped").count() == before


def test_without_a_file_there_is_nothing_to_load(tmp_path):
    assert shipped.load_shipped_boards(tmp_path / "none.json.xz") == []


@pytest.mark.parametrize("data", [b"", b"no xz", lzma.compress(b"[]"), lzma.compress(b'{"format": 99}')])
def test_a_damaged_file_is_said_to_be_one(tmp_path, data):
    path = tmp_path / "boards.json.xz"
    path.write_bytes(data)
    with pytest.raises(NotReady, match="restore it"):
        shipped.load_shipped_boards(path)


def test_a_board_keeps_its_targets_when_the_edition_moves_on(path, monkeypatch):
    later = make_edition(revision="r2")
    monkeypatch.setattr(editions, "load", lambda name: later)

    snapshots = shipped.load_shipped_boards(path)

    assert [snapshot.board.revision for snapshot in snapshots] == ["r1", "r1"]
    assert snapshots[0].head["workloads"][0]["target"] == 0.8


def test_a_board_of_workloads_that_are_gone_is_not_loaded(path, monkeypatch):
    later = make_edition(held_out=())
    monkeypatch.setattr(editions, "load", lambda name: later)

    assert shipped.load_shipped_boards(path) == []
    assert not Submission.objects.filter(origin="shipped").exists()


def test_nothing_to_ship_is_said(tmp_path):
    with pytest.raises(CommandError, match="make fill-boards"):
        call_command("export_fixture", f"--to={tmp_path / 'none'}")


def test_boards_of_two_machines_are_not_mixed_in_one_file(filled):
    Board.objects.filter(ruleset="external").update(hardware_model="Another CPU")
    with pytest.raises(NotReady, match="several machines"):
        shipping.pack(Board.objects.all())


@pytest.fixture
def newcomer(path, filled):
    """A site on which nothing has run yet."""
    shipped.load_shipped_boards(path)
    twin = shipped_twin(filled[0])
    Board.objects.filter(hardware_model="Example CPU 3000").update(current=None)
    return twin


def test_the_first_page_and_the_board_show_it_and_say_where_it_is_from(newcomer, client):
    landing = text_of(client.get("/"))
    board = text_of(client.get(reverse("board", args=["mini", "self_tuning"])))

    assert "measured elsewhere" in landing
    assert newcomer.name in landing
    assert "This board came with the site." in board
    assert "Measured on Example CPU 3000" in board
    assert "make fill-boards" in board


def test_submission_trial_code_and_figures_of_it_work(newcomer, client):
    page = text_of(client.get(newcomer.get_absolute_url()))
    trial = text_of(client.get(reverse("trial", args=[newcomer.slug, "small", 1, 1])))
    code = client.get(reverse("code", args=[newcomer.slug, "submission.py"]))
    curves = client.get(reverse("submission_figure", args=[newcomer.slug, "curves", "json"]), {"workload": "small"})

    assert "These results came with the site." in page
    assert "Training curves" in page
    assert "For the team" not in page
    assert "target reached" in trial
    assert "its log is not kept here" in trial
    assert "update_params" in text_of(code)
    assert curves.json()["data"]
    assert client.get(reverse("run_json", args=[newcomer.slug])).json()["ruleset"] == newcomer.ruleset


def test_hyperparameters_of_an_external_entry_are_shown(newcomer, client):
    external = Submission.objects.filter(origin="shipped", ruleset="external").first()

    page = text_of(client.get(external.get_absolute_url()))

    assert "Hyperparameters" in page
    assert "learning_rate" in page


def test_what_ran_here_comes_before_what_was_shipped(path, client):
    shipped.load_shipped_boards(path)

    page = text_of(client.get(reverse("board", args=["mini", "self_tuning"])))

    assert "This board came with the site." not in page
    assert "run the references here" in page  # two are few to compare with
    assert "Example CPU 3000, shipped" in page  # a link to the other board
