from __future__ import annotations

import json

import pytest

from workloads import editions
from workloads.__main__ import main
from workloads.spec import Ruleset

MINI = editions.load("mini")


def test_a_small_edition_is_listed_at_its_own_size(capsys):
    assert main(["list", "--json", "--edition", "mini", "--framework", "pytorch"]) == 0

    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}

    gnn = rows["ogbg"]
    assert (gnn["base"], gnn["framework"], gnn["edition"]) == ("ogbg", "pytorch", "mini")
    assert gnn["metric"] == "mean_average_precision"
    assert gnn["direction"] == "higher"
    assert gnn["parameters"] < 200_000
    assert gnn["budgets"] == {ruleset: MINI.budget_s(MINI.workload("ogbg"), ruleset) for ruleset in Ruleset}
    assert set(gnn["targets"]) == {"validation", "test"}


def test_the_full_size_is_listed_with_every_variant(capsys, monkeypatch):
    monkeypatch.setattr("workloads.registry.names", lambda: ("ogbg", "ogbg_model_size"))

    assert main(["list", "--json"]) == 0

    rows = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["framework"], row["parameters"], row["tensors"]) for row in rows] == [
        ("ogbg", "jax", 3_554_176, 66),
        ("ogbg", "pytorch", 3_554_176, 66),
        ("ogbg_model_size", "jax", 2_571_648, 78),
        ("ogbg_model_size", "pytorch", 2_571_648, 78),
    ]
    assert rows[0]["edition"] == "v0.6"
    assert "v0.5" in rows[2]["editions"]


def test_without_json_a_row_is_a_line_to_read(capsys):
    assert main(["list", "--edition", "mini", "--framework", "pytorch"]) == 0

    budget = f"{MINI.workload('ogbg').max_runtime_s:g} s"
    assert any(line.startswith("ogbg") and budget in line for line in capsys.readouterr().out.splitlines())


def test_an_unknown_edition_is_answered_with_the_known_ones(capsys):
    assert main(["list", "--edition", "maxi"]) == 2

    assert "no edition is called 'maxi'; known: mini" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["list", "--framework", "tensorflow"]])
def test_an_unknown_framework_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)

    assert "invalid choice" in capsys.readouterr().err
