"""Web process and site worker are an ordinary user wherever that can be."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leaderboard import files
from leaderboard.embedded import site_user
from leaderboard.embedded.processes import Child

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice of user")
NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every user can get to, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="algoperf-user-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def _folders(settings: Any, open_folder: Path) -> None:
    settings.SITE_STATE = open_folder / "site"
    settings.FILES_DIRECTORY = open_folder / "site" / "files"
    settings.BROKER_STATE = open_folder / "broker"


def test_the_files_go_over_to_the_user_and_stay_private(monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> None:
    secret = open_folder / "site" / "secret_key"
    secret.parent.mkdir()
    secret.write_text("secret")
    secret.chmod(0o600)
    monkeypatch.setattr(site_user, "_can_run", lambda uid: True)
    monkeypatch.setenv("ALGOPERF_SITE_USER", "nobody")

    assert site_user.site_user(print) == NOBODY

    owners = {path.stat().st_uid for path in (secret, secret.parent, open_folder / "broker")}
    assert owners == {NOBODY}
    assert secret.stat().st_mode & 0o777 == 0o600


def test_what_root_stores_later_is_still_the_sites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_user, "_can_run", lambda uid: True)
    monkeypatch.setenv("ALGOPERF_SITE_USER", str(NOBODY))
    site_user.site_user(print)

    stored = files.path_of(files.store(b"from the shell"))

    assert (stored.stat().st_uid, stored.parent.stat().st_uid) == (NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({"SUDO_UID": "1234"}, 1234), ({"SUDO_UID": "1234", "ALGOPERF_SITE_USER": "nobody"}, NOBODY)],
    ids=["who called sudo", "who is named"],
)
def test_the_user_is_the_one_named_or_the_one_behind_sudo(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: int
) -> None:
    monkeypatch.delenv("ALGOPERF_SITE_USER", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(site_user, "_can_run", lambda uid: True)

    assert site_user.site_user(print) == expected


def test_a_checkout_nobody_else_can_read_is_served_as_root_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALGOPERF_SITE_USER", "nobody")
    monkeypatch.setattr(site_user, "_can_run", lambda uid: False)
    said: list[str] = []

    assert site_user.site_user(said.append) is None
    assert "ALGOPERF_SITE_USER" in said[0]


def test_whether_a_user_can_run_the_code_is_tried_and_not_guessed(settings: Any, open_folder: Path) -> None:
    settings.BASE_DIR = open_folder
    (open_folder / "manage.py").write_text("")
    (open_folder / "manage.py").chmod(0o600)

    assert not site_user._can_run(NOBODY)
    assert site_user._can_run(0)


def test_a_private_state_folder_keeps_the_user_out_too(settings: Any, open_folder: Path) -> None:
    (open_folder / "private").mkdir(mode=0o700)
    settings.SITE_STATE = open_folder / "private" / "site"

    assert not site_user._can_run(NOBODY)


def test_a_child_really_becomes_that_user(open_folder: Path) -> None:
    shell = Path("/bin/sh")
    child = Child(
        name="a child",
        command=[str(shell), "-c", "id -u; id -G; echo $HOME"],
        log=open_folder / "child.log",
        environment={"PATH": os.environ["PATH"], "HOME": "/nowhere"},
        stop_s=5,
        user=NOBODY,
    )
    child.start()
    assert child.process is not None
    child.process.wait()

    group = str(pwd.getpwuid(NOBODY).pw_gid)
    assert child.log.read_text().splitlines() == [str(NOBODY), group, "/nowhere"]
