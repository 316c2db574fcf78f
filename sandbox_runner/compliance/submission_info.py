"""Who entered what: submission_info.yml, read and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox_runner.compliance.documents import DocumentError, read_yaml
from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict, printable
from sandbox_runner.compliance.limits import MAX_INFO_BYTES

INFO = CheckInfo(id="submission-info", title="submission_info.yml says who entered what", stage=Stage.FILES)
FILE = "submission_info.yml"
LICENCE = "Apache-2.0"
TEMPLATE = """\
name: My training algorithm
authors:
  - Ada Example
  - Ben Example
affiliation: University of Somewhere
licence: Apache-2.0
description: One or two sentences about the method, with a link to a paper if there is one.
# Only if the submission reads files of its own that are not source code:
# data_files: [learned_rule.bin]
"""

_LIMITS = {"name": 100, "affiliation": 200, "licence": 100, "description": 4000}  # characters
_MAX_AUTHORS = 100
_SPELLINGS = {"license": "licence", "author": "authors", "affiliations": "affiliation", "submission_name": "name"}
_FIX = f"The file looks like this:\n\n{TEMPLATE}"


@dataclass(frozen=True, kw_only=True)
class SubmissionInfo:
    """The checked contents of submission_info.yml."""

    name: str
    authors: tuple[str, ...]
    affiliation: str
    licence: str
    description: str
    data_files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "authors": list(self.authors), "data_files": list(self.data_files)}


def read_info(files: Mapping[str, bytes]) -> tuple[SubmissionInfo | None, list[Finding]]:
    """What submission_info.yml says, and what is wrong with it; None where it says too little."""
    if FILE not in files:
        other = next((name for name in files if name.rsplit("/")[-1].startswith("submission_info.")), "")
        where = f" There is {other}; the file has to be called {FILE} and stand at the top." if other else ""
        return None, [_rejected(f"The file {FILE} is missing.{where}", f"Add {FILE} beside submission.py. {_FIX}")]
    try:
        document = read_yaml(files[FILE], MAX_INFO_BYTES)
    except DocumentError as error:
        return None, [_rejected(str(error), _FIX)]
    if not isinstance(document, dict):
        return None, [_rejected("The file is not a list of keys with values.", _FIX)]
    findings = [*_text_problems(document), *_author_problems(document), *_data_file_problems(document, files)]
    findings += _unknown_keys(document)
    if any(finding.verdict is Verdict.REJECTED for finding in findings):
        return None, findings
    info = SubmissionInfo(
        **{key: printable(document[key].strip(), limit, lines=key == "description") for key, limit in _LIMITS.items()},
        authors=tuple(printable(author.strip(), 100) for author in _author_list(document["authors"])),
        data_files=tuple(document.get("data_files") or ()),
    )
    return info, [*findings, *_licence_problems(info)]


def _text_problems(document: Mapping[Any, Any]) -> Iterator[Finding]:
    for key, limit in _LIMITS.items():
        value = document.get(key)
        if value is None:
            yield _rejected(f"The key {key} is missing.", _FIX)
        elif not isinstance(value, str):
            yield _rejected(f"The value of {key} is not a text.", f'Put it into quotes: {key}: "…"')
        elif not value.strip():
            yield _rejected(f"The value of {key} is empty.", _FIX)
        elif len(value) > limit:
            yield _rejected(f"The value of {key} has {len(value)} characters, at most {limit}.", "Shorten it.")


def _author_problems(document: Mapping[Any, Any]) -> Iterator[Finding]:
    if document.get("authors") is None:
        yield _rejected("The key authors is missing.", _FIX)
        return
    authors = _author_list(document["authors"])
    if not authors or not all(isinstance(author, str) and 0 < len(author.strip()) <= 100 for author in authors):
        yield _rejected("authors is a list of names, each a text of at most 100 characters.", _FIX)
    elif len(authors) > _MAX_AUTHORS:
        yield _rejected(f"{len(authors)} authors are listed, at most {_MAX_AUTHORS}.", "Name a group instead.")


def _author_list(value: Any) -> list[Any]:
    """One name may stand alone."""
    return value if isinstance(value, list) else [value]


def _data_file_problems(document: Mapping[Any, Any], files: Mapping[str, bytes]) -> Iterator[Finding]:
    paths = document.get("data_files") or []
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        yield _rejected("data_files is a list of paths.", "Write it like this: data_files: [learned_rule.bin]")
        return
    for path in paths:
        if path not in files:
            yield _rejected(
                f"data_files names {path[:100]}, which is not in the archive.",
                "Add the file, or correct the path; paths count from the folder of submission.py.",
            )


def _unknown_keys(document: Mapping[Any, Any]) -> Iterator[Finding]:
    known = {*_LIMITS, "authors", "data_files"}
    for key in document:
        if key in known:
            continue
        name = str(key)[:60]
        hint = f"Did you mean {_SPELLINGS[name]}?" if name in _SPELLINGS else "It is ignored; take it out."
        yield INFO.finding(Verdict.NOTE, f'The key "{name}" means nothing here.', hint, path=FILE)


def _licence_problems(info: SubmissionInfo) -> Iterator[Finding]:
    if info.licence.casefold().replace(" ", "-") not in (LICENCE.casefold(), "apache-license-2.0", "apache-2"):
        yield INFO.finding(
            Verdict.REVIEW,
            f"The licence is {info.licence}; submissions are published under {LICENCE}.",
            f"Write licence: {LICENCE}, if all authors agree.",
            path=FILE,
        )


def _rejected(message: str, fix: str) -> Finding:
    return INFO.finding(Verdict.REJECTED, message, fix, path=FILE)
