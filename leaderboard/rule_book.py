"""The rules as pages list them: every check of the catalogue by stage, and the rules that reviewers apply."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox_runner import compliance

STAGES = {
    "archive": ("Archive", "Whether the zip can be read safely."),
    "files": ("Files", "Whether the files a submission needs are there and say what they have to."),
    "api": ("API", "Whether the functions, their parameters and the search space fit the benchmark's API."),
    "rules": ("Rules", "Whether the code could depend on the workload, or reach beyond the training step."),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule with an anchor of its own."""

    id: str
    title: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class StageOfRules:
    """The checks of one stage, in the order they run."""

    name: str
    title: str
    help: str
    rules: tuple[Rule, ...]


# What no check can decide alone: a reviewer does, in public.
REVIEWED = (
    Rule(
        id="workload-specific",
        title="Nothing depends on which workload it is",
        text="No settings, schedules or code paths prepared for known workloads and selected by recognising one, "
        "by name, shape, size, step count or in any other way. Batch sizes per workload are allowed.",
    ),
    Rule(
        id="measured-time",
        title="The measured time is the real time",
        text="No work outside the measured steps, no interference with clocks, evaluation, other processes or the "
        "sandbox.",
    ),
    Rule(
        id="training-data",
        title="Only the training data that is handed out",
        text="No pretrained or cached tensors, no data of one's own, nothing kept from one trial for another.",
    ),
    Rule(
        id="one-search-space",
        title="One search space for all workloads",
        text="External tuning draws from the search space as it was sent; a submission does not replace its points.",
    ),
)


def stages() -> list[StageOfRules]:
    """All checks by stage."""
    return [
        StageOfRules(
            name=name,
            title=title,
            help=text,
            rules=tuple(Rule(id=entry.id, title=entry.title) for entry in compliance.CATALOGUE if entry.stage == name),
        )
        for name, (title, text) in STAGES.items()
    ]


def choices() -> list[tuple[str, str]]:
    """Every rule a decision may name, those that only reviewers apply first."""
    checked = [(entry.id, f"{entry.id}: {entry.title}") for entry in compliance.CATALOGUE]
    return [(rule.id, f"{rule.id}: {rule.title}") for rule in REVIEWED] + checked
