"""The reference submissions as zips."""

import io
import zipfile

import pytest

from leaderboard import references
from sandbox_runner import compliance


def test_all_of_them_are_offered():
    found = {(entry.name, entry.framework) for entry in references.every()}

    assert found >= {(name, framework) for name in ("adamw", "nesterov") for framework in ("jax", "pytorch")}


@pytest.mark.parametrize("entry", references.every(), ids=lambda entry: entry.archive_name)
def test_a_zip_holds_the_folder_and_its_bytes_never_change(entry):
    data = references.as_zip(entry)

    assert data == references.as_zip(entry)
    assert sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) == entry.file_names
    assert compliance.read_archive(data).files["submission.py"] == (entry.folder / "submission.py").read_bytes()


@pytest.mark.parametrize("name", ["..", "adamw/../adamw", "", "ADAMW", "none"])
def test_only_names_on_the_list_are_opened(name):
    assert references.find(name, "jax") is None


def test_a_checkout_without_algorithms_offers_none(settings, tmp_path):
    settings.BASE_DIR = tmp_path

    assert references.every() == []
