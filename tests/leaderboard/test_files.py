"""Content-addressed files."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from leaderboard import files, lifecycle
from leaderboard.models import Submission
from tests.factories import SubmissionFactory


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Any) -> None:
    settings.FILES_DIRECTORY = tmp_path / "files"


def age(sha256: str, days: float) -> None:
    moment = timezone.now().timestamp() - days * 86_400
    os.utime(files.path_of(sha256), (moment, moment))


def test_equal_bytes_are_kept_once_and_read_only() -> None:
    first, second = files.store(b"same"), files.store(b"same")

    assert first == second
    assert files.read(first) == b"same"
    assert files.path_of(first).stat().st_mode & 0o777 == 0o440
    assert [path.name for path in files.path_of(first).parent.iterdir()] == [first]


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n", "a" * 64 + "/x"])
def test_only_a_hash_names_a_file(name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        files.path_of(name)


@pytest.mark.django_db
def test_the_clean_up_removes_what_nothing_refers_to_and_nobody_stored_lately() -> None:
    draft = SubmissionFactory()
    lifecycle.attach_archive(draft.pk, b"first", actor="shell")
    lifecycle.finish_checks(draft.pk, passed=True, bundle=b"a tar", contents={"submission.py": b"pass"})
    orphan, fresh = files.store(b"orphan"), files.store(b"fresh")
    kept = Submission.objects.stored_files()
    for sha256 in (*kept, orphan):
        age(sha256, 2)

    removed = files.remove_unused(kept, older_than=timezone.now() - timedelta(days=1))

    assert removed == 1
    assert not files.path_of(orphan).exists()
    assert all(files.path_of(sha256).exists() for sha256 in (*kept, fresh))


def test_storing_again_what_waits_for_the_clean_up_saves_it() -> None:
    sha256 = files.store(b"again")
    age(sha256, 2)

    files.store(b"again")

    assert files.remove_unused(set(), older_than=timezone.now() - timedelta(days=1)) == 0
    assert files.read(sha256) == b"again"
