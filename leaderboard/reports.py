"""Reports of hosts, checked field by field: types, sizes, finite numbers, clean text.

A host is trusted more than a submission, but its reports carry what a submission made it say.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

from leaderboard import clean
from leaderboard.errors import ReportRejected
from sandbox_runner.protocol import Ending, Evaluation, TrialResult

MAX_EVALUATIONS = 20_000
MAX_METRICS = 40
MAX_DICT_BYTES = 16_384
MAX_LOG = 65_536
MAX_SENTENCE = 4_000
_NUMBER_LIMIT = 1e15
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,80}")


def text(document: Mapping[str, Any], name: str, limit: int, default: str = "") -> str:
    """A text field, cleaned; longer ones keep their end."""
    value = document.get(name, default)
    if not isinstance(value, str):
        raise ReportRejected(f"{name} is not a text")
    return clean.block(value, limit)


def number(
    document: Mapping[str, Any], name: str, *, optional: bool = False, least: float = 0.0, most: float = _NUMBER_LIMIT
) -> float | None:
    """A finite number from `least` to `most`; None where it is optional and missing."""
    value = document.get(name)
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ReportRejected(f"{name} is not a finite number")
    if not least <= value <= most:
        raise ReportRejected(f"{name} is out of range")
    return float(value)


def whole(document: Mapping[str, Any], name: str, *, optional: bool = False) -> int | None:
    """An integer from 0 that fits a database column."""
    value = document.get(name)
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ReportRejected(f"{name} is not a whole number in range")
    return value


def flag(document: Mapping[str, Any], name: str, *, optional: bool = False) -> bool | None:
    value = document.get(name)
    if value is None and optional:
        return None
    if not isinstance(value, bool):
        raise ReportRejected(f"{name} is not true or false")
    return value


def facts(document: Any, *, depth: int = 4) -> Any:
    """Free facts about a run (images, versions, seconds): JSON values of bounded size, text cleaned, numbers finite."""
    size = 0

    def walk(value: Any, left: int) -> Any:
        nonlocal size
        size += 1
        if size > 2_000 or left < 0:
            raise ReportRejected("facts are too many or too deep")
        match value:
            case None | bool():
                return value
            case int() | float():
                if not math.isfinite(value) or abs(value) > _NUMBER_LIMIT:
                    raise ReportRejected("facts hold a number out of range")
                return value
            case str():
                size += len(value) // 16
                return clean.block(value, 2_000)
            case list():
                return [walk(entry, left - 1) for entry in value]
            case dict():
                return {clean.one_line(str(key), 100): walk(entry, left - 1) for key, entry in value.items()}
        raise ReportRejected("facts hold something that is not JSON")

    return walk(document, depth)


def evaluation(document: Any) -> Evaluation:
    """The payload of an `evaluation` report. Raises ReportRejected."""
    if not isinstance(document, dict):
        raise ReportRejected("an evaluation is an object")
    sha256 = text(document, "sha256", 64)
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ReportRejected("sha256 is not a SHA-256")
    result = Evaluation(
        evaluation=whole(document, "evaluation") or 0,
        step=whole(document, "step") or 0,
        charged_s=number(document, "charged_s") or 0.0,
        metrics=_metrics(document.get("metrics")),
        valid=bool(flag(document, "valid")),
        reached_validation=bool(flag(document, "reached_validation")),
        reached_test=flag(document, "reached_test", optional=True),
        sha256=sha256,
        note=text(document, "note", MAX_SENTENCE),
    )
    if result.reached_validation and not result.valid:
        raise ReportRejected("an invalid evaluation reaches nothing")
    return result


def trial_result(document: Any) -> TrialResult:
    """The payload of a `finished` report. Raises ReportRejected."""
    if not isinstance(document, dict):
        raise ReportRejected("a result is an object")
    try:
        ending = Ending(str(document.get("ending")))
    except ValueError:
        raise ReportRejected("ending is not one of the agreed words") from None
    rows = document.get("evaluations")
    if not isinstance(rows, list) or len(rows) > MAX_EVALUATIONS:
        raise ReportRejected("evaluations is not a list of bounded length")
    breakdown = facts(document.get("breakdown") or {})
    receipt = facts(document.get("receipt") or {})
    if not isinstance(breakdown, dict) or not isinstance(receipt, dict):
        raise ReportRejected("breakdown and receipt are objects")
    result = TrialResult(
        ending=ending,
        charged_s=number(document, "charged_s") or 0.0,
        time_to_target_s=number(document, "time_to_target_s", optional=True),
        evaluations=[evaluation(row) for row in rows],
        message=text(document, "message", MAX_SENTENCE),
        raced=bool(flag(document, "raced", optional=True)),
        batch_size=whole(document, "batch_size", optional=True),
        breakdown=breakdown,
        log_tail=text(document, "log_tail", MAX_LOG),
        receipt=receipt,
    )
    _check_time(result)
    return result


def _metrics(document: Any) -> dict[str, float | None]:
    if not isinstance(document, dict) or len(document) > MAX_METRICS:
        raise ReportRejected("metrics is not an object of bounded size")
    for name in document:
        if not _NAME.fullmatch(name):
            raise ReportRejected("a metric has an odd name")
    return {name: metric(document, name) for name in document}


def metric(document: Mapping[str, Any], name: str) -> float | None:
    """A finite number of any size, or None: weights that diverge have losses beyond every limit."""
    return number(document, name, optional=True, least=-math.inf, most=math.inf)


def _check_time(result: TrialResult) -> None:
    """A time to target is the clock's reading at an evaluation that reached it."""
    if result.time_to_target_s is None:
        return
    if not any(row.reached_validation and row.charged_s == result.time_to_target_s for row in result.evaluations):
        raise ReportRejected("time_to_target_s is not the time of an evaluation that reached the target")
