"""Whether a target separates: the winner reaches it in the other framework, and does not with a bad learning rate."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from workloads.spec import Edition, Framework, Ruleset, Scalar
from workloads.targets import choice
from workloads.targets.results import versions
from workloads.targets.runs import document_of

_SEEDS = (1, 2, 3)
_BADLY_TUNED = 0.01  # of the winner's learning rate


def confirm(edition: Edition, record: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Runs on the clock until one is fast enough, then a badly tuned one; it wants an idle machine.

    Raises:
        TargetsError: a run could not begin.
    """
    workload = edition.workload(record["workload"])
    (framework,) = set(Framework) - {record["framework"]}
    point = dict(record["set_by"]["hyperparameters"])
    budget_s = edition.budget_s(workload, Ruleset.EXTERNAL)

    def train(hyperparameters: Mapping[str, Scalar], seed: int) -> dict[str, Any]:
        folder = f"algorithms/{record['set_by']['algorithm']}/{framework}"
        command = [sys.executable, "-m", "workloads", "train", folder, "--edition", edition.name]
        command += ["--workload", workload.name, "--target", str(record["target"]["validation"]), "--json"]
        command += ["--hyperparameters", json.dumps(hyperparameters), "--seed", str(seed)]
        found = document_of(command) or {"time_to_target_s": None, "best": None, "steps": 0}
        run = {"seed": seed, **{name: found[name] for name in ("time_to_target_s", "best", "steps")}}
        say(f"{workload.name}  {framework}  learning rate {hyperparameters['learning_rate']:g}: {run}")
        return run

    sensible: list[dict[str, Any]] = []
    for seed in _SEEDS:
        sensible.append(train(point, seed))
        times = [run["time_to_target_s"] for run in sensible]
        if not choice.objections(budget_s, times, None):
            break
    badly_tuned = train(point | {"learning_rate": _BADLY_TUNED * point["learning_rate"]}, _SEEDS[0])
    return {
        "framework": str(framework),
        "versions": versions(framework),
        "budget_s": budget_s,
        "sensible": sensible,
        "badly_tuned": badly_tuned,
        "objections": choice.objections(budget_s, times, badly_tuned["time_to_target_s"]),
    }
