"""The reference submissions on this machine's boards: entered once, gone on with, counted and estimated."""

import contextlib
import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from leaderboard import filling, lifecycle, references
from leaderboard.management.commands import fill_boards
from leaderboard.models import Submission, Trial
from leaderboard.tasks import finish_submissions
from tests import factories
from tests.leaderboard import steps
from tests.leaderboard.conftest import make_edition
from workloads import editions
from workloads.spec import Framework, Ruleset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("edition")]
ADAMW = filling.Entry(algorithm="adamw", framework=Framework.PYTORCH, ruleset=Ruleset.SELF_TUNING)
WHOLE = filling.Scope(edition="mini")


def silent(line: str) -> None:
    """Says nothing."""


@pytest.fixture
def site(monkeypatch):
    """In place of the processes: every trial runs at once when the site is asked for."""
    runs = []

    @contextlib.contextmanager
    def all_at_once(say):
        runs.append(Trial.objects.open().count())
        host = factories.HostFactory()
        while (attempt := lifecycle.lease_next_trial(host.pk, now=timezone.now())) is not None:
            steps.claim(attempt)
            steps.finish(attempt)
        finish_submissions()
        yield None

    monkeypatch.setattr(fill_boards, "some_site", all_at_once)
    return runs


def fill(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("fill_boards", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_list_has_enough_for_both_boards_and_one_baseline_on_each():
    rulesets = [entry.ruleset for entry in filling.ENTRIES]

    assert rulesets.count(Ruleset.SELF_TUNING) >= 6
    assert rulesets.count(Ruleset.EXTERNAL) >= 2
    assert sorted(entry.ruleset for entry in filling.ENTRIES if entry.is_baseline) == sorted(Ruleset)
    assert len(set(filling.ENTRIES)) == len(filling.ENTRIES)


def test_names_and_rulesets_choose_and_an_unknown_name_is_told_the_known_ones():
    assert [str(entry) for entry in filling.choose(["nadamw/jax"], [])] == [
        "nadamw/jax, self-tuning",
        "nadamw/jax, external",
    ]
    assert {entry.algorithm for entry in filling.choose([], [Ruleset.EXTERNAL])} == {"nadamw"}
    with pytest.raises(KeyError, match=r"sgd is no reference entry; there are: nadamw/jax"):
        filling.choose(["sgd"], [])


def test_the_same_files_under_the_same_revision_are_entered_once(monkeypatch):
    first = filling.enter(ADAMW, WHOLE, silent)
    assert filling.enter(ADAMW, WHOLE, silent) == first

    quick = filling.enter(ADAMW, filling.Scope(edition="mini", workloads=("small",), studies=1), silent)
    later = make_edition(revision="r2")
    monkeypatch.setattr(editions, "load", lambda name: later)
    after = filling.enter(ADAMW, WHOLE, silent)

    assert len({first, quick, after}) == Submission.objects.count() == 3
    assert [row.revision for row in (first, after)] == ["r1", "r2"]


def test_what_was_cancelled_is_entered_again():
    first = filling.enter(ADAMW, WHOLE, silent)
    lifecycle.cancel_submission(first.pk, actor="shell")

    assert filling.enter(ADAMW, WHOLE, silent) != first


def test_a_draft_that_a_killed_run_has_left_is_thrown_away():
    first = filling.enter(ADAMW, WHOLE, silent)
    Submission.objects.filter(pk=first.pk).update(status="validating", sent_at=None)

    second = filling.enter(ADAMW, WHOLE, silent)

    assert list(Submission.objects.all()) == [second]


def test_an_algorithm_that_is_not_there_is_left_out_with_a_word(monkeypatch):
    monkeypatch.setattr(references, "find", lambda name, framework: None)
    said = []

    assert filling.enter(ADAMW, WHOLE, said.append) is None
    assert said == ["adamw/pytorch, self-tuning: left out, algorithms/adamw/pytorch is not there."]


def test_the_baseline_is_marked_and_named_as_its_authors_name_it():
    entry = filling.Entry(algorithm="adamw", framework=Framework.JAX, ruleset=Ruleset.EXTERNAL, is_baseline=True)
    submission = filling.enter(entry, WHOLE, silent)

    assert (submission.is_baseline, submission.name, submission.team.name) == (True, "AdamW (JAX)", filling.TEAM)


def test_a_team_that_stands_for_people_elsewhere_is_not_taken():
    factories.TeamFactory(name=filling.TEAM, is_attributed=True)

    first, second = (filling.enter(ADAMW, WHOLE, silent) for _ in range(2))

    assert first == second
    assert first.team.name == f"{filling.TEAM} (here)"


def test_progress_counts_what_ended_and_estimates_the_rest_by_ruleset_and_workload():
    submission = filling.enter(ADAMW, WHOLE, silent)
    nothing = filling.progress_of([submission])
    attempt = steps.run()
    during = filling.progress_of([submission])
    steps.finish(attempt, charged_s=12.0)
    attempt.finished_at = attempt.leased_at + timedelta(seconds=20)
    attempt.save()
    after = filling.progress_of([submission])

    assert (nothing.ended, nothing.total, nothing.left_s) == (0, 5, None)
    assert "small, study 1, trial 1" in during.now
    assert (after.ended, after.charged_s, after.wall_s, after.now) == (1, 12.0, 20.0, "")
    assert after.left_s == 4 * 20.0


def test_the_whole_of_it_ends_with_a_table_and_a_second_time_runs_nothing(site):
    out, err = fill("adamw")
    again, _ = fill("adamw")

    submission = Submission.objects.get()
    assert submission.status == "published"
    assert "AdamW (PyTorch), self_tuning: score 1.0000, published" in out
    assert "small_wide" in out
    assert "10.0 s charged   target in 2 of 2 trials" in out
    assert "sent as" in err
    assert (again, site) == (out, [5])


def test_a_quick_look_runs_one_study_of_what_the_edition_names(site, monkeypatch):
    quick = make_edition(quick_look=("other",))
    monkeypatch.setattr(editions, "load", lambda name: quick)

    out, _ = fill("adamw", "--quick")

    assert list(Trial.objects.values_list("study__workload", "study__number")) == [("other", 1)]
    assert "not ranked, incomplete" in out


def test_what_is_stopped_keeps_what_has_ended_and_goes_on(site, monkeypatch):
    submission = filling.enter(ADAMW, WHOLE, silent)
    steps.finish(steps.run())

    class Stopped(fill_boards.Signals):
        def __enter__(self) -> "Stopped":
            self.count = 1
            return self

    with monkeypatch.context() as during:
        during.setattr(fill_boards, "Signals", Stopped)
        with pytest.raises(CommandError, match="What has ended is kept") as caught:
            fill("adamw")
    fill("adamw")

    assert caught.value.returncode == 130
    assert site == [4]
    assert Submission.objects.get() == submission


def test_the_list_is_printed_without_entering_anything():
    out, _ = fill("--list", "--ruleset=external")

    assert out.splitlines() == ["nadamw/jax, external", "nadamw/pytorch, external"]
    assert not Submission.objects.exists()


@pytest.mark.parametrize("arguments", [["sgd"], ["--workloads", "imaginary"]])
def test_what_names_nothing_is_refused(arguments):
    with pytest.raises(CommandError):
        fill(*arguments)
    assert not Submission.objects.exists()
