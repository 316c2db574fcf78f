"""What a submission's trials cost, and what stopping the slow ones of a study saves. No database.

Only the fastest trial of a study counts, so a trial whose clock has passed the best time of its study cannot change the
score: racing stops it there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TrialTime:
    """One ended trial. Times are charged seconds; `time_to_target_s` is None where it missed."""

    workload: str
    study: int
    trial: int
    charged_s: float
    time_to_target_s: float | None
    is_raced: bool  # it was stopped because it could not win any more
    budget_s: float


@dataclass(frozen=True, kw_only=True)
class Effort:
    """All trials of a submission together.

    charged_s: the clock of all of them, held-out variants included.
    saved_s: what racing saved; of a trial that was raced here, at most (how long it would have gone on is not known),
        of one that was not, what racing would have saved, exactly.
    """

    trials: int = 0
    raced: int = 0
    charged_s: float = 0.0
    saved_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def add_up(trials: Iterable[TrialTime]) -> Effort:
    """The effort of one submission; its trials in any order, run by number within a study."""
    best: dict[tuple[str, int], float] = {}
    count = raced = 0
    charged, saved = [], []
    for trial in sorted(trials, key=lambda row: (row.workload, row.study, row.trial)):
        limit = best.get((trial.workload, trial.study), math.inf)
        saved.append(max(0.0, trial.budget_s - trial.charged_s if trial.is_raced else trial.charged_s - limit))
        charged.append(trial.charged_s)
        if trial.time_to_target_s is not None:
            best[trial.workload, trial.study] = min(limit, trial.time_to_target_s)
        count, raced = count + 1, raced + trial.is_raced
    return Effort(trials=count, raced=raced, charged_s=math.fsum(charged), saved_s=math.fsum(saved))
