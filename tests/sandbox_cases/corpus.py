"""The red-team corpus: what each case is, how it is run, and what has to come out.

A case is a folder with `submission.py` and `case.toml`; the files of `shared/` are added to every bundle, so that a case
changes one function of the honest submission and nothing else. `case.toml`:

    about       one sentence: what is tried, and what comes of it
    workload, ruleset, framework                  default: imagenet_resnet, self_tuning, pytorch
    [limits]    budget_s, eval_period_s           charged seconds, in place of the edition's
                memory_mib, pids                  of the trainer's container, in place of the hardware class's
    [expect]    endings                           the trial ends in one of these
                message, log                      regular expressions, searched in the result's message and log tail
                evaluations_at_least, evaluations_at_most
                valid                             "all" or "none" of the evaluations
                reached                           whether a time to target exists
                first_evaluation_at_least_s, import_at_least_s      charged seconds; there is never an upper limit
                log_at_most_bytes
    [check]     verdict, rules                    what the checks of an upload say about it
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox_runner.compliance import Archive
from sandbox_runner.host.plan import TrialPlan, make_plan
from sandbox_runner.protocol import TrialResult, TrialSpec
from workloads import editions

FOLDER = Path(__file__).parent
EDITION = "mini"
_KEYS = {"about", "workload", "ruleset", "framework", "limits", "expect", "check"}
_LIMITS = {"budget_s", "eval_period_s", "memory_mib", "pids"}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What has to come out of a trial. A field that is None expects nothing."""

    endings: tuple[str, ...]
    message: str | None = None
    log: str | None = None
    evaluations_at_least: int = 0
    evaluations_at_most: int | None = None
    valid: str | None = None
    reached: bool | None = None
    first_evaluation_at_least_s: float | None = None
    import_at_least_s: float | None = None
    log_at_most_bytes: int | None = None

    def problems(self, result: TrialResult) -> list[str]:
        """Every way in which a result is not what was expected, as sentences."""
        found = []
        count = len(result.evaluations)
        if str(result.ending) not in self.endings:
            found.append(f"it ended in {result.ending} ({result.message}), expected {' or '.join(self.endings)}")
        for name, pattern, text in (("message", self.message, result.message), ("log", self.log, result.log_tail)):
            if pattern is not None and not re.search(pattern, text):
                found.append(f"{name} does not contain {pattern!r}: {text[-500:]!r}")
        if count < self.evaluations_at_least:
            found.append(f"{count} evaluations, expected at least {self.evaluations_at_least}")
        if self.evaluations_at_most is not None and count > self.evaluations_at_most:
            found.append(f"{count} evaluations, expected at most {self.evaluations_at_most}")
        if self.valid is not None and any(each.valid != (self.valid == "all") for each in result.evaluations):
            found.append(f"expected {self.valid} of the evaluations to be valid")
        if self.reached is not None and (result.time_to_target_s is not None) != self.reached:
            found.append(f"time to target is {result.time_to_target_s}")
        found += self._charged_problems(result)
        if self.log_at_most_bytes is not None and len(result.log_tail.encode()) > self.log_at_most_bytes:
            found.append(f"{len(result.log_tail.encode())} bytes of log are kept")
        return found

    def _charged_problems(self, result: TrialResult) -> list[str]:
        first = result.evaluations[0].charged_s if result.evaluations else 0.0
        imported = result.breakdown.get("import", 0.0)
        return [
            f"{name} is charged {charged:.2f} s, expected at least {least} s"
            for name, charged, least in (
                ("the first evaluation", first, self.first_evaluation_at_least_s),
                ("the import", imported, self.import_at_least_s),
            )
            if least is not None and charged < least
        ]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One folder of the corpus."""

    name: str
    about: str
    workload: str = "imagenet_resnet"
    ruleset: str = "self_tuning"
    framework: str = "pytorch"
    limits: Mapping[str, Any]
    expect: Expectation
    check_verdict: str
    check_rules: tuple[str, ...] = ()

    def files(self) -> dict[str, bytes]:
        """The files of the submission."""
        paths = [*(FOLDER / "shared").iterdir(), FOLDER / self.name / "submission.py"]
        return {path.name: path.read_bytes() for path in sorted(paths) if path.is_file()}

    def bundle(self) -> bytes:
        """The tar that a trainer is handed."""
        return Archive(files=self.files(), sha256="").bundle()

    def plan(self) -> TrialPlan:
        """The trial with this case's limits, ready for a supervisor."""
        archive = Archive(files=self.files(), sha256="")
        spec = TrialSpec(
            attempt=uuid.uuid4().hex,
            edition=EDITION,
            revision=editions.load(EDITION).revision,
            ruleset=self.ruleset,
            framework=self.framework,
            workload=self.workload,
            study=0,
            trial=0,
            seed=1,
            hyperparameters=None,
            bundle_sha256=archive.bundle_sha256,
        )
        plan = make_plan(spec)
        trainer = plan.hardware.trainer
        if "memory_mib" in self.limits:
            trainer = dataclasses.replace(trainer, memory_bytes=self.limits["memory_mib"] * 1024 * 1024)
        if "pids" in self.limits:
            trainer = dataclasses.replace(trainer, pids=self.limits["pids"])
        period_s = self.limits.get("eval_period_s", plan.workload.eval_period_s)
        return dataclasses.replace(
            plan,
            hardware=dataclasses.replace(plan.hardware, trainer=trainer),
            workload=dataclasses.replace(plan.workload, eval_period_s=period_s),
            budget_s=self.limits.get("budget_s", plan.budget_s),
        )


def names() -> list[str]:
    """Every case of the corpus."""
    return sorted(path.parent.name for path in FOLDER.glob("*/case.toml"))


def load(name: str) -> Case:
    """Raises ValueError for a case.toml with a key that nobody reads."""
    document = tomllib.loads((FOLDER / name / "case.toml").read_text())
    limits, expect, check = document.get("limits", {}), document["expect"], document["check"]
    if unknown := (document.keys() - _KEYS) | (limits.keys() - _LIMITS) | (check.keys() - {"verdict", "rules"}):
        raise ValueError(f"{name}/case.toml has keys that mean nothing: {sorted(unknown)}")
    plain = {key: document[key] for key in ("about", "workload", "ruleset", "framework") if key in document}
    return Case(
        name=name,
        **plain,
        limits=limits,
        expect=Expectation(**{**expect, "endings": tuple(expect["endings"])}),
        check_verdict=check["verdict"],
        check_rules=tuple(check.get("rules", ())),
    )
