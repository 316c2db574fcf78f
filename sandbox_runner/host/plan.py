"""From a leased spec to everything a supervisor needs: the edition's rules, the data, the hardware class."""

from __future__ import annotations

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import workloads
from sandbox_runner.errors import HostFailure
from sandbox_runner.host.hardware import HardwareClass, hardware_class
from sandbox_runner.protocol import TrialSpec
from workloads import editions
from workloads.spec import Edition, Framework, Ruleset, Split, Workload

log = logging.getLogger(__name__)
ALIAS = "workload"  # what the trainer is told instead of a name: the same for all, so it says nothing
HELD_APART = (Split.EVAL_TRAIN, Split.VALIDATION, Split.TEST)
_WORKLOADS = Path(workloads.__file__).parent


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """One trial with its rules looked up. Seconds are charged seconds."""

    spec: TrialSpec
    edition: Edition
    workload: Workload
    hardware: HardwareClass
    budget_s: float
    data: Path  # the dataset's folder, one folder per split below it

    @property
    def metric_key(self) -> str:
        return f"validation/{self.workload.metric.name}"

    @property
    def test_metric_key(self) -> str:
        return f"test/{self.workload.metric.name}"


def make_plan(spec: TrialSpec) -> TrialPlan:
    """Raises HostFailure when this host's release or data does not fit the spec."""
    try:
        edition = editions.load(spec.edition)
        workload = edition.workload(spec.workload)
        ruleset, _framework = Ruleset(spec.ruleset), Framework(spec.framework)
    except (KeyError, ValueError) as error:
        raise HostFailure(f"this release cannot run the trial: {error}") from error
    if edition.revision != spec.revision:
        raise HostFailure(
            f"edition {edition.name} has revision {edition.revision} on this host, the site asks for {spec.revision}: "
            "bring both to the same release"
        )
    data = editions.data_directory(edition.name) / workload.dataset
    for split in Split:
        if workload.num_examples(split) is not None and not (data / split).is_dir():
            raise HostFailure(f"no {split} data of {workload.dataset} in {data}: run make setup")
    return TrialPlan(
        spec=spec,
        edition=edition,
        workload=workload,
        hardware=hardware_class(edition.hardware_class),
        budget_s=edition.budget_s(workload, ruleset),
        data=data,
    )


def write_task_files(plan: TrialPlan, directory: Path) -> Path:
    """The one workload module a trainer may see, under a name that says nothing: `<directory>/apw/`."""
    package = directory / "apw"
    package.mkdir(parents=True, exist_ok=True)
    suffix = "jax" if plan.spec.framework == Framework.JAX else "torch"
    (package / "__init__.py").write_text('"""The workload under test."""\n')
    shutil.copyfile(_WORKLOADS / plan.workload.base / f"model_{suffix}.py", package / "model.py")
    shutil.copyfile(_WORKLOADS / "datasets" / f"{plan.workload.dataset}.py", package / "data.py")
    for path in (directory, package, *package.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return directory


def link_training_data(plan: TrialPlan, directory: Path) -> Path:
    """The training split as hard links in `directory`: a container can read on the host which folder is its `/data`.

    Returns the split's own folder, whose path names the dataset, where the file system does not allow links.
    """
    split = plan.data / Split.TRAIN
    try:
        directory.mkdir(mode=0o755, parents=True)
        directory.chmod(0o755)
        for path in split.iterdir():
            os.link(path, directory / path.name)
    except OSError as error:
        log.warning("the trainer can see the path %s: %s", split, error)
        shutil.rmtree(directory, ignore_errors=True)
        return split
    return directory
