"""Absolute imports of a submission's own files, as real submissions write them.

Several published submissions import their helpers by the place they had on the scoring machine, for example
`submissions.self_tuning.<name>.helper`. Here every such name that a file of the submission asks for leads to the file
that its last parts name; what lies between is an empty package.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

ROOTS = ("submissions", "submissions_algorithms")


class SelfImports(MetaPathFinder, Loader):
    """Finds names below `ROOTS` in one folder, whose files belong to the package `package`."""

    def __init__(self, folder: Path, package: str) -> None:
        self._folder = folder
        self._package = package
        self._own: dict[str, str] = {}  # name asked for -> name inside the package
        self._between: set[str] = set()
        for name in _asked_for(folder):
            if (tail := self._tail(name)) is not None:
                self._own[name] = tail
                parts = name.split(".")
                self._between |= {".".join(parts[:count]) for count in range(1, len(parts))}

    def install(self) -> None:
        """Asks this finder before all others, if there is anything to find."""
        if self._own:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._own:
            return ModuleSpec(fullname, self)
        if fullname in self._between:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        own = self._own.get(module.__name__)
        if own is not None:  # the import system takes what stands in sys.modules afterwards
            sys.modules[module.__name__] = importlib.import_module(f"{self._package}.{own}")

    def _tail(self, name: str) -> str | None:
        """The longest tail of `name` that is a file or folder of the submission; None for a folder at the top."""
        parts = name.split(".")
        if self._exists(*parts):
            return None  # an ordinary import finds it
        tails = (parts[start:] for start in range(1, len(parts)))
        return next((".".join(tail) for tail in tails if self._exists(*tail)), None)

    def _exists(self, *parts: str) -> bool:
        path = self._folder.joinpath(*parts)
        return path.is_dir() or path.with_suffix(".py").is_file()


class NestedFiles(MetaPathFinder):
    """Finds a plain name that nothing else knows in the one place below the folder where it exists.

    Some submissions import a file of a folder of theirs as if it lay at the top, because that folder was on the path of
    the scoring machine. A name that exists twice stays unknown.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def install(self) -> None:
        """Asks this finder after all others."""
        sys.meta_path.append(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or not fullname.isidentifier():
            return None
        files = sorted(self._folder.rglob(f"{fullname}.py"))
        folders = sorted(found for found in self._folder.rglob(fullname) if found.is_dir())
        if len(files) + len(folders) != 1:
            return None
        if files:
            return importlib.util.spec_from_file_location(fullname, files[0])
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folders[0])]
        initializer = folders[0] / "__init__.py"
        if initializer.is_file():
            return importlib.util.spec_from_file_location(
                fullname, initializer, submodule_search_locations=[str(folders[0])]
            )
        return spec


def _asked_for(folder: Path) -> Iterator[str]:
    """Every dotted name below `ROOTS` that an import statement of the folder's files mentions."""
    for path in sorted(folder.rglob("*.py")):
        source = path.read_bytes()
        if not any(root.encode() in source for root in ROOTS):
            continue
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # importing the file will say so
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            yield from (name for name in names if name.partition(".")[0] in ROOTS)
