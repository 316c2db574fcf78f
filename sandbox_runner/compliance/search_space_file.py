"""tuning_search_space.json: needed for external tuning, set aside under self-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox_runner.compliance.documents import DocumentError, read_json
from sandbox_runner.compliance.findings import CheckInfo, Finding, Stage, Verdict
from sandbox_runner.compliance.limits import MAX_DOCUMENT_BYTES
from workloads.api import SearchSpaceError, parse_search_space
from workloads.spec import Ruleset

SEARCH_SPACE = CheckInfo(id="search-space", title="The search space can be sampled", stage=Stage.FILES)
FILE = "tuning_search_space.json"
_EXAMPLE = (
    'Ranges: {"learning_rate": {"min": 1e-4, "max": 1e-2, "scaling": "log"}, "beta2": {"feasible_points": [0.9, 0.99]}}'
    '\nor a list of points: [{"learning_rate": 1e-3, "beta2": 0.9}, {"learning_rate": 3e-3, "beta2": 0.99}]'
)


def read_search_space(files: Mapping[str, bytes], ruleset: Ruleset) -> tuple[Any, list[Finding]]:
    """The parsed search space where the ruleset uses one, else None, and what is wrong with it."""
    if ruleset is Ruleset.SELF_TUNING:
        return None, _set_aside(files)
    if FILE not in files:
        message = f"The file {FILE} is missing; external tuning draws hyperparameters from it."
        return None, [_rejected(message, f"Add the file beside submission.py, or enter under self-tuning.\n{_EXAMPLE}")]
    try:
        document = read_json(files[FILE], MAX_DOCUMENT_BYTES)
        parse_search_space(document)
    except (DocumentError, SearchSpaceError) as error:
        return None, [_rejected(str(error), f"A search space has one of two shapes.\n{_EXAMPLE}")]
    return document, []


def _set_aside(files: Mapping[str, bytes]) -> list[Finding]:
    if FILE not in files:
        return []
    return [
        SEARCH_SPACE.finding(
            Verdict.NOTE,
            "Under self-tuning nobody searches: the search space is set aside and hyperparameters is None.",
            "Nothing to do, if update_params works with hyperparameters=None.",
            path=FILE,
        )
    ]


def _rejected(message: str, fix: str) -> Finding:
    return SEARCH_SPACE.finding(Verdict.REJECTED, message, fix, path=FILE)
