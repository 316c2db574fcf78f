"""Golden: every number published for the 2024 competition and for v0.6, and every number of the reference results.

Sources: slides of the ICLR 2025 paper on the competition (`published.csv`), README of mlcommons/submissions_algorithms
(v0.6), and the scoring code of that repository run on the same logs (`expected/`).
"""

import math

import pytest

import scoring
from tests.scoring import competition

pytestmark = pytest.mark.skipif(not competition.FOLDER.is_dir(), reason=f"no competition logs in {competition.FOLDER}")

every_board = pytest.mark.parametrize("leaderboard", competition.LEADERBOARDS)
every_rule = pytest.mark.parametrize("rule", list(competition.RULES))


def test_all_107_published_numbers_come_out_of_the_logs(record_property):
    compared, wrong = 0, []
    for row in competition.rows("published.csv"):
        board = competition.board(row["leaderboard"], "least_time")
        if row["workload"] == "score":
            ours, mark = competition.printed(board.score_of[row["submission"]], 4), None
        else:
            cell = board.cells[row["submission"]][row["workload"]]
            budget_s = competition.tasks(row["leaderboard"])[row["workload"]].budget_s
            ours, mark = competition.printed(cell.raw_s / budget_s, 2), cell.mark
        value = row["value"] if row["workload"] != "score" else f"{float(row['value']):.4f}"
        printed_mark = row["mark"] or {"inf": "inf", "nan": "NaN"}.get(row["value"].lower())
        if (ours.lower(), mark) != (_digits(value).lower(), printed_mark):
            wrong.append(f"{row['submission']} on {row['workload']}: {ours} {mark}, printed {row['printed_value']}")
        compared += 1
    print(f"{compared} published numbers compared")
    record_property("published_numbers", compared)
    assert (wrong, compared) == ([], 107)


@every_rule
@every_board
def test_times_after_each_step_equal_the_reference(leaderboard, rule):
    board = competition.board(leaderboard, rule)
    pairs = {}
    for row in competition.expected("time_to_target.csv", leaderboard, rule):
        cells = board.cells if row["role"] == "base" else board.held_out_cells
        cell, name = cells[row["submission"]][row["workload"]], f"{row['submission']} {row['workload']}"
        pairs[f"{name} raw"] = (cell.raw_s, row["raw"])
        if row["role"] == "base":
            pairs[f"{name} final"] = (cell.final_s, row["final"].replace("nan", "inf"))
            pairs[f"{name} ratio"] = (cell.ratio, row["ratio_to_best"].replace("nan", "inf"))
        else:
            pairs[f"{name} after the limit"] = (cell.final_s, row["after_4x_rule"].replace("nan", "inf"))
    assert pairs
    assert competition.differences(pairs) == []


@every_rule
@every_board
def test_scores_equal_the_reference(leaderboard, rule):
    rows = competition.expected("scores.csv", leaderboard, rule)
    score_of = competition.board(leaderboard, rule).score_of
    pairs = {row["submission"]: (score_of[row["submission"]], row["score"]) for row in rows}
    assert pairs.keys() == score_of.keys()
    assert competition.differences(pairs) == []


@every_rule
@every_board
def test_profiles_equal_the_reference_at_every_tau(leaderboard, rule):
    board = competition.board(leaderboard, rule)
    profile = {name: iter(rho) for name, rho in zip(board.submissions, board.profile.tolist(), strict=True)}
    taus = {name: iter(board.taus.tolist()) for name in board.submissions}
    pairs = {}
    for row in competition.expected("performance_profiles.csv.gz", leaderboard, rule):
        name = row["submission"]
        pairs[f"{name} tau {row['tau']}"] = (next(taus[name]), row["tau"])
        pairs[f"{name} rho at {row['tau']}"] = (next(profile[name]), row["rho"])
    assert len(pairs) == 2 * 100 * len(board.submissions)
    assert competition.differences(pairs) == []


@every_rule
@every_board
def test_the_trial_that_counts_in_each_study_is_the_references(leaderboard, rule):
    runtimes = competition.workload_times(leaderboard, rule)
    wrong, compared = [], 0
    for row in competition.expected("per_study.csv.gz", leaderboard, rule):
        if row["workload"] not in competition.tasks(leaderboard):
            continue
        study = runtimes[row["submission"]][row["workload"]].studies[int(row["study"])]
        chosen = (_number(row["trial"]), _number(row["eval_index"]))
        if (study.trial, study.evaluation) != chosen or not competition.same(study.time_s, row["time_to_target"]):
            wrong.append((row, study))
        compared += 1
    assert compared
    assert wrong == []


@every_rule
@every_board
def test_speedups_equal_the_reference(leaderboard, rule):
    times = {
        name: {workload: cell.raw_s for workload, cell in cells.items()}
        for name, cells in competition.board(leaderboard, rule).cells.items()
    }
    factor = 3.0 if leaderboard.endswith("self_tuning") else 1.0
    budgets = {name: factor * task.budget_s for name, task in competition.tasks("v05_external").items()}
    pairs = {}
    for row in competition.expected("speedups.csv", leaderboard, rule):
        if row["workload"] != "geometric_mean":
            continue
        ratio = scoring.published_time_ratio(
            times[row["comparison"]],
            times[row["base"]],
            base=competition.base_workloads(leaderboard),
            budgets_s=budgets,
        )
        pairs[row["comparison"]] = (ratio, row["time_ratio"])
    assert competition.differences(pairs) == []


def test_ranks_with_one_workload_out_are_those_of_the_designed_page():
    board = competition.board("v05_external", "least_time")
    ranges = scoring.rank_ranges(board)
    assert [(ranges[name].best, ranges[name].worst) for name in board.best_first()] == [
        (1, 2), (1, 3), (2, 6), (3, 4), (4, 6), (5, 8), (5, 9), (6, 9), (7, 10), (9, 10), (11, 11)
    ]  # fmt: skip


def test_time_against_the_baseline_is_that_of_the_designed_page():
    board = competition.board("v05_external", "least_time")
    tasks = competition.tasks("v05_external")
    raw = {name: {workload: cell.raw_s for workload, cell in cells.items()} for name, cells in board.cells.items()}
    percent = {
        name: round(
            scoring.percent_change(
                scoring.geometric_mean_time_ratio(
                    raw[name],
                    raw["baseline"],
                    base=board.base,
                    budgets_s={workload: task.budget_s for workload, task in tasks.items()},
                )
            )
        )
        for name in board.best_first()
    }
    assert list(percent.values()) == [-28, -27, -11, -11, -3, 0, -1, -24, -8, 9, 16]


def test_rounded_median_times_are_enough_for_the_six_decimals_of_the_scores():
    times = {
        name: {workload: round(runtime.time_s, 1) for workload, runtime in row.items()}
        for name, row in competition.workload_times("v05_external", "least_time").items()
    }
    board = scoring.score_board(
        times,
        base=competition.base_workloads("v05_external"),
        held_out=competition.held_out("v05_external"),
        rules=scoring.PUBLISHED,
    )
    assert {name: round(score, 6) for name, score in board.score_of.items()} == {
        "lawa_ema": 0.338384, "cyclic_lr": 0.630051, "baseline": 0.570707, "nadamp": 0.590909,
        "schedule_free_adamw": 0.707702, "schedule_free_prodigy": 0.0, "shampoo_submission": 0.778409,
        "caspr_adaptive": 0.472222, "amos": 0.491793, "generalized_adam": 0.638258, "lawa_queue": 0.369949,
    }  # fmt: skip


def _digits(value: str) -> str:
    number = float(value)
    if not math.isfinite(number):
        return str(number)
    return value if len(value.split(".")[-1]) == 4 else f"{number:.2f}"


def _number(text: str) -> int | None:
    return int(float(text)) if text else None
