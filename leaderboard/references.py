"""The reference submissions under `algorithms/`, packed exactly as a team would upload them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from sandbox_runner import compliance
from sandbox_runner.compliance.documents import read_yaml

_NAME = re.compile(r"[a-z0-9_]{1,40}")
MAX_INFO_BYTES = 20_000
_SKIPPED = {"__pycache__"}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One folder `algorithms/<name>/<framework>/`."""

    name: str
    framework: str
    folder: Path

    @property
    def title(self) -> str:
        """Its name for people, as its submission_info.yml has it."""
        info = read_yaml((self.folder / "submission_info.yml").read_bytes(), MAX_INFO_BYTES)
        return str(info["name"])

    @property
    def archive_name(self) -> str:
        return f"{self.name}_{self.framework}.zip"

    @property
    def file_names(self) -> list[str]:
        return [path.relative_to(self.folder).as_posix() for path in _files(self.folder)]


def every() -> list[Reference]:
    """All reference submissions, by name and framework; none where the checkout's `algorithms/` is missing."""
    root = Path(settings.BASE_DIR) / "algorithms"
    return [
        Reference(name=path.parent.parent.name, framework=path.parent.name, folder=path.parent)
        for path in sorted(root.glob("*/*/submission.py"))
    ]


def find(name: str, framework: str) -> Reference | None:
    """The reference submission of that name, or None. Only names that `every` lists are ever opened."""
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(framework):
        return None
    return next((entry for entry in every() if (entry.name, entry.framework) == (name, framework)), None)


def as_zip(reference: Reference) -> bytes:
    """The folder as a zip whose bytes depend on names and contents alone."""
    return compliance.zip_of_folder(reference.folder)


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not _SKIPPED & set(path.parts))
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
