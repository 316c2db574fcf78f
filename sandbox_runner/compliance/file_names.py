"""Which file names an upload may hold: plain ones that mean the same on every system and hide nothing."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from sandbox_runner.compliance.limits import MAX_DEPTH, MAX_PATH
from sandbox_runner.compliance.packages import IMAGE_MODULES, OUR_MODULES

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_DRIVE = re.compile(r"[A-Za-z]:")
_HOOKS = {"conftest.py", "sitecustomize.py", "usercustomize.py"}  # Python or pytest runs these without being asked
_DEVICES = {"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))}
_SKIPPED_FOLDERS = {"__MACOSX", "__pycache__", ".git"}
_SKIPPED_FILES = {".DS_Store"}
_RESERVED = {name.casefold() for name in (*sys.stdlib_module_names, *IMAGE_MODULES, *OUR_MODULES)}


@dataclass(frozen=True, kw_only=True)
class NameProblem:
    """Why a name is refused, and what to do."""

    path: str
    message: str
    fix: str


def decode(raw_name: bytes, *, is_utf8: bool) -> str | NameProblem:
    """The text of a raw name that is safe to split at slashes; a problem where it is not."""
    label = raw_name.decode("utf-8", "backslashreplace")

    def problem(message: str, fix: str = "Rename the file and make the archive again.") -> NameProblem:
        return NameProblem(path=label, message=message, fix=fix)

    try:
        name = raw_name.decode("utf-8" if is_utf8 else "ascii")
    except UnicodeDecodeError:
        return problem("The name is not plain ASCII.")
    if any(unicodedata.category(char).startswith("C") for char in name):
        return problem("The name contains control or invisible characters.")
    if unicodedata.normalize("NFC", name) != name:
        return problem("The name is not in normal form (NFC).")
    if "\\" in name:
        return problem("The name contains a backslash.", "Use a zip program that writes forward slashes.")
    if name.startswith("/") or _DRIVE.match(name):
        return problem("The name is an absolute path.", "Zip the folder itself, with relative names.")
    segments = name.removesuffix("/").split("/")
    if ".." in segments:
        return problem("The name points outside the archive.", "Zip the folder itself, with relative names.")
    if "." in segments or "" in segments:
        return problem("The name has an empty part.")
    return name


def is_skipped(name: str) -> bool:
    """What systems and Python add by themselves and nobody means to upload."""
    segments = name.removesuffix("/").split("/")
    return segments[-1] in _SKIPPED_FILES or not _SKIPPED_FOLDERS.isdisjoint(segments)


def wrapping_folder(names: Iterable[str]) -> str | None:
    """The one folder that holds everything, as when somebody zips a folder; None where there is no such folder."""
    tops = set()
    for name in names:
        top, slash, _ = name.partition("/")
        if not slash:
            return None
        tops.add(top)
    return tops.pop() if len(tops) == 1 else None


def problems(names: Iterable[str]) -> Iterator[NameProblem]:
    """Everything that speaks against a set of file names, folders already stripped."""
    seen: dict[str, str] = {}
    for name in names:
        if problem := _problem(name):
            yield problem
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            yield NameProblem(
                path=name, message=f"{name} and {twin} differ only in case.", fix="Rename one of the two files."
            )
    folders = {str(parent).casefold() for name in seen.values() for parent in PurePosixPath(name).parents}
    for name in seen.values():
        if name.casefold() in folders:
            yield NameProblem(path=name, message=f"{name} is a file and a folder.", fix="Rename one of the two.")


def _problem(name: str) -> NameProblem | None:
    path = PurePosixPath(name)
    rename = "Rename it."
    for segment in path.parts:
        if not _SEGMENT.fullmatch(segment):
            return NameProblem(
                path=name,
                message="A name is made of letters, digits, underscore, dot and hyphen, at most 101 characters long, "
                "and does not start with a dot or hyphen.",
                fix="Rename the file, or leave it out of the archive.",
            )
        if segment.split(".")[0].casefold() in _DEVICES:
            return NameProblem(path=name, message=f"{segment} is a device on some systems.", fix=rename)
    if len(path.parts) > MAX_DEPTH:
        return NameProblem(path=name, message=f"The path is deeper than {MAX_DEPTH} levels.", fix="Use fewer folders.")
    if len(name) > MAX_PATH:
        return NameProblem(path=name, message=f"The path is longer than {MAX_PATH} characters.", fix="Shorten it.")
    if path.name.casefold() in _HOOKS or path.suffix.casefold() == ".pth":
        return NameProblem(
            path=name, message="Python or its tools run a file of this name without being asked.", fix="Leave it out."
        )
    top = path.parts[0]
    module = top if len(path.parts) > 1 else top.removesuffix(".py") if top.endswith(".py") else ""
    if module.casefold() in _RESERVED or top == "submission":
        return NameProblem(
            path=name, message=f"{top} would hide the module {module.casefold()} of the same name.", fix=rename
        )
    return None
