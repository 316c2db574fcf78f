"""From an uploaded archive to a draft with findings, through the real child process."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from leaderboard import files, intake, lifecycle
from leaderboard.models import Check, Submission
from sandbox_runner import compliance
from tests.factories import SubmissionFactory
from workloads.spec import Framework, Ruleset

pytestmark = pytest.mark.django_db
ALGORITHMS = Path(__file__).resolve().parents[2] / "algorithms"


def uploaded(data: bytes, **fields: Any) -> Submission:
    """A draft whose archive has been checked."""
    draft = SubmissionFactory(**fields)
    lifecycle.attach_archive(draft.pk, data, actor="shell", filename="upload.zip")
    return intake.check_submission(draft.pk)


def zipped(**contents: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name.replace("__", "."), text)
    return stream.getvalue()


@pytest.mark.parametrize("ruleset", list(Ruleset))
@pytest.mark.parametrize("framework", list(Framework))
@pytest.mark.parametrize("name", ["adamw", "nesterov"])
def test_the_reference_submissions_pass_under_both_rulesets(name: str, framework: str, ruleset: str) -> None:
    data = compliance.zip_of_folder(ALGORITHMS / name / framework)

    draft = uploaded(data, framework=framework, ruleset=ruleset)

    worst = [(finding.rule, finding.message) for finding in draft.findings.filter(verdict="rejected")]
    assert worst == []
    assert draft.is_ready
    assert {file.path for file in draft.files.all()} >= {"submission.py", "submission_info.yml"}
    assert compliance.read_bundle(files.read(draft.bundle_sha256))["submission.py"]
    assert bool(draft.search_space) == (ruleset == Ruleset.EXTERNAL)
    assert draft.authors
    assert not draft.checks.filter(state__in=[Check.State.WAITING, Check.State.RUNNING]).exists()


def test_a_broken_zip_is_rejected_with_what_to_do_and_the_draft_is_kept() -> None:
    draft = uploaded(b"PK\x03\x04 this is no zip", name="Kept")

    finding = draft.findings.get(verdict="rejected")
    assert (draft.status, draft.name) == (Submission.Status.REJECTED, "Kept")
    assert finding.message
    assert finding.fix
    assert not draft.files.exists()
    assert draft.checks.filter(state=Check.State.SKIPPED).exists()


def test_a_missing_function_names_the_file_and_the_draft_takes_a_better_one() -> None:
    draft = uploaded(zipped(submission__py="def get_batch_size(workload_name):\n    return 1\n"))

    assert draft.status == Submission.Status.REJECTED
    assert draft.findings.filter(verdict="rejected", path="submission.py").exists()
    assert [file.path for file in draft.files.all()] == ["submission.py"]
    data = compliance.zip_of_folder(ALGORITHMS / "adamw" / "jax")
    lifecycle.attach_archive(draft.pk, data, actor="shell")
    assert intake.check_submission(draft.pk).is_ready


def test_an_upload_that_has_gone_blames_nobody() -> None:
    draft = SubmissionFactory()
    lifecycle.attach_archive(draft.pk, b"soon gone", actor="shell")
    draft.refresh_from_db()
    files.path_of(draft.archive_sha256).unlink()

    draft = intake.check_submission(draft.pk)

    assert (draft.status, "our failure" in draft.status_note) == (Submission.Status.DRAFT, True)
