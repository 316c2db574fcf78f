"""The committed records of the mini edition against the edition and the documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workloads import editions
from workloads.spec import Target
from workloads.targets import results
from workloads.targets.choice import outcome, target
from workloads.targets.procedure import Settings, data_hash, steps, task_hash
from workloads.targets.search_spaces import ALGORITHMS

EDITION = editions.load("mini")
RECORDS = {path.stem: json.loads(path.read_text()) for path in sorted(results.FOLDER.glob("*.json"))}
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "targets.md"

each_record = pytest.mark.parametrize(("name", "record"), RECORDS.items(), ids=RECORDS)


def test_every_workload_has_a_record():
    assert set(RECORDS) == {workload.name for workload in (*EDITION.workloads, *EDITION.held_out)}


@each_record
def test_the_edition_says_what_its_record_says(name: str, record: dict[str, Any]):
    assert EDITION.workload(name).target == Target(**record["target"])


@each_record
def test_a_record_is_about_the_workload_and_data_of_today(name: str, record: dict[str, Any]):
    workload = EDITION.workload(name)
    assert record["data"] == data_hash(workload)
    assert record["task"] == task_hash(workload)
    assert record["steps"] == steps(workload)


@each_record
def test_the_whole_procedure_was_run(name: str, record: dict[str, Any]):
    settings = Settings(framework=record["framework"])
    points = settings.points if name == EDITION.workload(name).base else settings.variant_points
    assert [row["algorithm"] for row in record["tuning"]] == [name for name in ALGORITHMS for _ in range(points)]
    assert len({row["seed"] for row in record["repeats"]}) == settings.seeds
    assert record["command"] == results.command(EDITION.workload(name), settings)


@each_record
def test_the_target_follows_from_the_repeats_of_the_best_point(name: str, record: dict[str, Any]):
    metric = EDITION.workload(name).metric

    def best(row: dict[str, Any]) -> Any:
        return outcome(metric, [(0, value, row.get("test")) for value in row["validation"]])

    values = [best(row).validation for row in record["tuning"]]
    winner = (max if metric.higher_is_better else min)(value for value in values if value is not None)
    row = record["tuning"][values.index(winner)]
    assert record["set_by"] == {key: row[key] for key in ("algorithm", "hyperparameters")}
    assert target(metric, [best(row) for row in record["repeats"]]) == Target(**record["target"])


def test_the_documentation_shows_the_records():
    assert "\n".join(results.table(EDITION)) in DOCUMENT.read_text()
