"""The original layout: what a path says, and how a trial is made of its files. Shared by folders and archives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.errors import InvalidLogs
from scoring.logs.evaluations import MAX_BYTES, Evaluations, parse_evaluations
from scoring.logs.records import TrialLog

MEASUREMENTS, HYPERPARAMETERS, METADATA = "eval_measurements.csv", "hparams.json", "meta_data_0.json"
FILES = (MEASUREMENTS, HYPERPARAMETERS, METADATA)
MAX_JSON_BYTES = 256 * 1024
RULESET_FOLDERS = {"external": "external_tuning", "self_tuning": "self_tuning"}

_NUMBER = r"(0|[1-9][0-9]{0,5})"
STUDY, TRIAL = re.compile(rf"study_{_NUMBER}"), re.compile(rf"trial_{_NUMBER}")
WORKLOAD = re.compile(r"([A-Za-z0-9_]{1,100})_(jax|pytorch)")
SUBMISSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}")
_RERUN = re.compile(r"-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d")
_VERSION = re.compile(r"algoperf_v[0-9]+")

WHY_NOT_A_WORKLOAD = "not a folder of a workload, `<workload>_jax` or `<workload>_pytorch`"

Reader = Callable[[str], bytes | None]
"""The content of one file of a trial by its name; None where there is none. Raises InvalidLogs."""


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Which logs are meant."""

    edition: str
    ruleset: str

    def __post_init__(self) -> None:
        if self.ruleset not in RULESET_FOLDERS:
            raise InvalidLogs(f"no ruleset is called {self.ruleset!r}; known: {', '.join(RULESET_FOLDERS)}")

    @property
    def name(self) -> str:
        """As the compact tables spell it: `v05_external`."""
        return f"{self.edition.replace('.', '')}_{self.ruleset}"

    @property
    def version_folder(self) -> str:
        return f"algoperf_{self.edition.replace('.', '')}"

    def may_hold(self, folder: str) -> bool:
        """False for the folder of another edition or of the other ruleset."""
        if _VERSION.fullmatch(folder):
            return folder == self.version_folder
        return folder not in RULESET_FOLDERS.values() or folder == RULESET_FOLDERS[self.ruleset]


def submission_name(folder: str) -> str | None:
    """The submission a folder belongs to: a run that was continued later has its date in the name. None: no name."""
    name = _RERUN.sub("", folder) if _RERUN.search(folder[-20:]) else folder
    return name if SUBMISSION.fullmatch(name) else None


@dataclass(frozen=True, kw_only=True)
class Place:
    """One trial's folder: what its path says, and the path."""

    workload: str
    framework: str
    study: int
    trial: int
    source: str


def read_trial(place: Place, read: Reader, *, details: bool) -> TrialLog:
    """One trial from its files. What is wrong with the table of evaluations becomes its `fault`.

    Args:
        details: read hyperparameters and metadata too.
    Raises:
        InvalidLogs: hyperparameters or metadata that are not a JSON object.
    """
    return TrialLog(
        workload=place.workload,
        framework=place.framework,
        study=place.study,
        trial=place.trial,
        source=place.source,
        evaluations=_evaluations(read, f"{place.source}/{MEASUREMENTS}"),
        hyperparameters=_document(read, HYPERPARAMETERS, place.source) if details else None,
        metadata=_document(read, METADATA, place.source) if details else None,
    )


def check_size(name: str, size: int) -> None:
    """Raises InvalidLogs for a file of a trial that is larger than it can honestly be."""
    limit = MAX_BYTES if name == MEASUREMENTS else MAX_JSON_BYTES
    if size > limit:
        raise InvalidLogs(f"{name} has {size:,} bytes; more than {limit:,} are not read")


def _evaluations(read: Reader, source: str) -> Evaluations:
    try:
        text = read(MEASUREMENTS)
    except InvalidLogs as error:
        return Evaluations(source=source, fault=str(error))
    return Evaluations(source=source) if text is None else parse_evaluations(text, source)


def _document(read: Reader, name: str, source: str) -> Mapping[str, Any] | None:
    try:
        text = read(name)
        return None if text is None else parse_object(text)
    except InvalidLogs as error:
        raise InvalidLogs(f"{source}/{name}: {error}") from None


def parse_object(text: bytes | str) -> dict[str, Any]:
    """A JSON object; raises InvalidLogs for anything else, also for NaN, which JSON does not have."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidLogs(f"this is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidLogs("this is not a JSON object")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")
