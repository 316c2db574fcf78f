"""The shell entrances that need no running site."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from leaderboard.api.authentication import hash_secret
from leaderboard.models import AuditEvent, Host, Submission, Team, Trial, User
from tests.factories import HostFactory, UserFactory

pytestmark = pytest.mark.django_db
ALGORITHMS = Path(__file__).resolve().parents[3] / "algorithms"
ADAMW = ALGORITHMS / "adamw" / "pytorch"


def call(name: str, *args: Any) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *map(str, args), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_role_is_given_and_taken_with_an_audit_row() -> None:
    user = UserFactory(email="rita@example.org")

    call("grant_role", "Rita@Example.org", "reviewer")
    given = User.objects.get(pk=user.pk).is_reviewer
    call("grant_role", "rita@example.org", "reviewer", "--revoke")

    assert (given, User.objects.get(pk=user.pk).is_reviewer) == (True, False)
    assert [event.after for event in AuditEvent.objects.all()] == [{"is_reviewer": True}, {"is_reviewer": False}]
    with pytest.raises(CommandError, match="no account"):
        call("grant_role", "nobody@example.org", "operator")


def test_a_hosts_key_is_shown_once_and_replaced_by_a_new_one() -> None:
    first, _ = call("register_host", "gpu-a", "--hardware-class", "gpu8")
    second, _ = call("register_host", "gpu-a")

    host = Host.objects.get(name="gpu-a")
    assert host.key_hash == hash_secret(second.strip()) != hash_secret(first.strip())
    assert (host.hardware_class, host.is_draining) == ("gpu8", False)


@pytest.mark.parametrize("name", ["Site", "host.local", "site_tasks", "", "a" * 41, "-x", "x/../y"])
def test_a_host_name_that_could_be_taken_for_another_queue_is_refused(name: str) -> None:
    with pytest.raises(CommandError):
        call("register_host", "--hardware-class=cpu2", "--", name)
    assert not Host.objects.exists()


def test_a_host_drains_resumes_and_retires() -> None:
    host = HostFactory(name="one")
    states = []
    for option in ("--drain", "--resume", "--retire"):
        call("register_host", "one", option)
        host.refresh_from_db()
        states.append((host.is_draining, host.retired_at is not None))

    assert states == [(True, False), (False, False), (True, True)]


def submit(archive: Path, *more: str) -> tuple[str, str]:
    return call("submit", archive, "--team", "Demo team", "--ruleset", "external", *more)


@pytest.mark.usefixtures("edition")
def test_a_folder_is_checked_sent_and_shown_as_json() -> None:
    out, err = submit(ADAMW, "--workloads", "small", "--studies", "1", "--json")

    document = json.loads(out)
    submission = Submission.objects.get()
    assert (document["ruleset"], document["framework"], document["score"]) == ("external", "pytorch", None)
    assert [workload["workload"] for workload in document["workloads"]] == ["small"]
    assert (submission.status, submission.name, submission.team.slug) == ("queued", "adamw", "demo-team")
    assert Trial.objects.count() == 2
    assert "Sent adamw" in err


@pytest.mark.usefixtures("edition")
def test_the_team_is_found_again_and_the_shell_has_no_quota(settings: Any) -> None:
    settings.QUOTA_ACTIVE_PER_TEAM = 1
    for _ in range(2):
        submit(ADAMW)

    assert Team.objects.count() == 1
    assert Submission.objects.active().count() == 2


@pytest.mark.usefixtures("edition")
def test_what_the_checks_say_reaches_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "jax"
    folder.mkdir()
    (folder / "submission.py").write_text("def get_batch_size(name):\n    return 1\n")
    err = io.StringIO()

    with pytest.raises(CommandError, match="not accepted") as caught:
        call_command("submit", folder, "--team", "t", "--ruleset", "self_tuning", stderr=err)

    assert caught.value.returncode == 1
    assert "rejected: submission.py" in err.getvalue()
    assert Submission.objects.get().status == "rejected"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["/nowhere", "--framework", "jax"], "cannot be read"),
        ([str(ALGORITHMS / "adamw")], "--framework jax or --framework pytorch"),
        ([str(ADAMW), "--edition", "v9"], "v9"),
        ([str(ADAMW), "--workloads", "imaginary"], "imaginary"),
    ],
)
def test_arguments_that_name_nothing_are_refused_before_anything_is_made(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        call("submit", *arguments, "--team", "t", "--ruleset", "external")

    assert not Submission.objects.exists()
    assert not Team.objects.exists()
