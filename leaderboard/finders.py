"""Where static files come from beside our own: the chart library's bundle, out of its Python package."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage


def _package_data() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise ImportError("plotly is pinned in requirements.lock; run make setup")
    return Path(spec.origin).parent / "package_data"


class PlotlyFinder(BaseFinder):
    """`plotly/plotly.min.js`: one file of the package, nothing else of it."""

    NAME = "plotly/plotly.min.js"

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file on disk, a list with it, or an empty list."""
        found = [str(_package_data() / "plotly.min.js")] if path == self.NAME else []
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[tuple[str, Storage]]:
        storage = FileSystemStorage(location=_package_data())
        storage.prefix = "plotly"  # type: ignore[attr-defined]
        yield "plotly.min.js", storage
