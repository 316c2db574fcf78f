"""Whether a target separates: the winner reaches it in the other framework, and does not with a bad learning rate."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from workloads.spec import Edition, Framework, Ruleset, Scalar
from workloads.targets import choice
from workloads.targets.results import versions
from workloads.targets.runs import document_of

_SEEDS = (1, 2, 3)
_STRETCHED = (1, 1.3, 2)  # times the winner's schedule, which ends with its steps: a faster framework has time for more
_BADLY_TUNED = 0.01  # of the winner's learning rate


def confirm(edition: Edition, record: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Runs on the clock until one is fast enough, then a badly tuned one; it wants an idle machine.

    A sensible run ends when its share of the budget does, a badly tuned one has all of it.

    Raises:
        TargetsError: a run could not begin.
    """
    workload = edition.workload(record["workload"])
    (framework,) = set(Framework) - {record["framework"]}
    point = dict(record["set_by"]["hyperparameters"])
    budget_s = edition.budget_s(workload, Ruleset.EXTERNAL)

    def train(hyperparameters: Mapping[str, Scalar], seed: int, share: float) -> dict[str, Any]:
        folder = f"algorithms/{record['set_by']['algorithm']}/{framework}"
        command = [sys.executable, "-m", "workloads", "train", folder, "--edition", edition.name]
        command += ["--workload", workload.name, "--target", str(record["target"]["validation"]), "--json"]
        command += ["--hyperparameters", json.dumps(hyperparameters), "--seed", str(seed)]
        command += ["--budget", str(share * budget_s)]
        found = document_of(command) or {"time_to_target_s": None, "best": None, "steps": 0}
        horizon = hyperparameters["horizon_factor"]
        run = {
            "seed": seed,
            "horizon_factor": horizon,
            **{name: found[name] for name in ("time_to_target_s", "best", "steps")},
        }
        say(f"{workload.name}  {framework}  learning rate {hyperparameters['learning_rate']:g}: {run}")
        return run

    sensible: list[dict[str, Any]] = []
    for factor, seed in itertools.product(_STRETCHED, _SEEDS):
        sensible.append(
            train(point | {"horizon_factor": factor * point["horizon_factor"]}, seed, choice.SHARE_OF_BUDGET)
        )
        times = [run["time_to_target_s"] for run in sensible]
        if not choice.objections(budget_s, times, None):
            break
    badly_tuned = train(point | {"learning_rate": _BADLY_TUNED * point["learning_rate"]}, _SEEDS[0], 1)
    return {
        "framework": str(framework),
        "versions": versions(framework),
        "budget_s": budget_s,
        "sensible": sensible,
        "badly_tuned": badly_tuned,
        "objections": choice.objections(budget_s, times, badly_tuned["time_to_target_s"]),
    }
