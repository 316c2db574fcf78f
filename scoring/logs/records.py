"""What the readers hand over: one submission with all its trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.logs.evaluations import Evaluations

FRAMEWORKS = ("jax", "pytorch")


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Something of the logs that was passed over."""

    path: str  # relative to what was opened
    reason: str


def pass_over(path: str, reason: str) -> Skipped:
    """Something passed over; a name may hold anything, and what is shown of it is printable."""
    return Skipped(path=printable(path), reason=reason)


def printable(text: str, limit: int = 200) -> str:
    """Text of a stranger for a message: at most so many characters, none that moves a cursor or is half a letter."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:limit])
    return shown + "…" * (len(text) > limit)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialLog:
    """One trial, measured or not.

    workload: the benchmark's name, without the framework; it need not be one that any edition knows.
    source: where it lies, relative to what was opened, for messages.
    hyperparameters: what `hparams.json` says; None without one, as under self-tuning.
    metadata: what `meta_data_0.json` says (`rng_seed`, `git_commit_hash`, `gpu_model_name`, `gpu_count`, ...);
        from the compact tables those four alone; None without one.
    """

    workload: str
    framework: str
    study: int
    trial: int
    source: str
    evaluations: Evaluations
    hyperparameters: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    @property
    def key(self) -> tuple[str, int, int]:
        return (self.workload, self.study, self.trial)


@dataclass(frozen=True, kw_only=True, eq=False)
class SubmissionLog:
    """One submission: what a scorer or an importer takes at a time.

    name: its folder's name.
    trials: by study, workload and trial.
    skipped: what was passed over below its folder; harmless.
    problems: why the submission must not be used as it is; empty for a sound one.
    about: its row of `submissions.csv`: `display_name`, `authors`, `affiliation`, `framework`, `description`, ...
    """

    name: str
    trials: tuple[TrialLog, ...]
    skipped: tuple[Skipped, ...] = ()
    problems: tuple[str, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def num_evaluations(self) -> int:
        return sum(len(trial.evaluations) for trial in self.trials)


def make_submission(
    name: str,
    trials: Sequence[TrialLog],
    *,
    skipped: Sequence[Skipped] = (),
    problems: Sequence[str] = (),
    about: Mapping[str, str] | None = None,
) -> SubmissionLog:
    """A submission with its trials in order, and the problems that only show in all of them together."""
    ordered = sorted(trials, key=lambda trial: (trial.study, trial.workload, trial.trial))
    return SubmissionLog(
        name=name,
        trials=tuple(ordered),
        skipped=tuple(skipped),
        problems=(*problems, *_problems(ordered)),
        about=about or {},
    )


def _problems(trials: Sequence[TrialLog]) -> list[str]:
    frameworks: dict[str, set[str]] = {}
    for trial in trials:
        frameworks.setdefault(trial.workload, set()).add(trial.framework)
    mixed = [workload for workload, used in frameworks.items() if len(used) > 1]
    twice = [key for key, count in Counter(trial.key for trial in trials).items() if count > 1]
    return [
        *(f"{workload} was run in two frameworks; keep the logs of one" for workload in sorted(mixed)),
        *(
            f"{workload}, study {study}, trial {trial} is there twice; keep one"
            for workload, study, trial in sorted(twice)
            if workload not in mixed
        ),
    ]
