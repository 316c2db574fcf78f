"""Golden: every number published for the 2024 competition and for v0.6, and every number of the reference results.

Sources: slides of the ICLR 2025 paper on the competition (`published.csv`), README of mlcommons/submissions_algorithms
(v0.6), and the scoring code of that repository run on the same logs (`expected/`).
"""

import json
import math

import pytest

import scoring
from scoring.__main__ import main
from scoring.logs.times import trial_curve
from tests.scoring import competition

pytestmark = pytest.mark.skipif(not competition.FOLDER.is_dir(), reason=f"no competition logs in {competition.FOLDER}")

every_board = pytest.mark.parametrize("leaderboard", competition.LEADERBOARDS)
every_rule = pytest.mark.parametrize("rule", list(competition.RULES))


@pytest.fixture
def documents(capsys):
    """What `python -m scoring --rules published --json` prints, by leaderboard."""

    def document(leaderboard):
        edition, ruleset = competition.LEADERBOARDS[leaderboard]
        choices = ["--edition", edition, "--ruleset", ruleset, "--rules", "published", "--json"]
        assert main([str(competition.FOLDER), *choices]) == 0
        return json.loads(capsys.readouterr().out)

    return {leaderboard: document(leaderboard) for leaderboard in competition.LEADERBOARDS}


def test_all_107_published_numbers_come_out_of_the_logs(documents, record_property):
    compared, wrong = 0, []
    for row in competition.rows("published.csv"):
        document, name = documents[row["leaderboard"]], row["submission"]
        if row["workload"] == "score":
            ours = (f"{document['scores'][name]:.4f}", None)
        else:
            cell = document["times"][name][row["workload"]]
            number = "" if cell["fraction"] is None else f"{cell['fraction']:.2f}"
            ours = (number, cell["mark"])
        if ours != _printed(row):
            wrong.append(f"{name} on {row['workload']}: {ours}, printed {row['printed_value']}")
        compared += 1
    record_property("golden: published numbers", compared)
    assert (wrong, compared) == ([], 107)


@every_rule
@every_board
def test_times_after_each_step_equal_the_reference(leaderboard, rule, agree):
    board = competition.board(leaderboard, rule)
    pairs = {}
    for row in competition.expected("time_to_target.csv", leaderboard, rule):
        submission, workload = row["submission"], row["workload"]
        if row["role"] == "base":
            cell = board.cells[submission][workload]
            checked_s = cell.raw_s
            pairs[f"{submission} {workload} final"] = (cell.final_s, row["final"])
            pairs[f"{submission} {workload} ratio_to_best"] = (cell.ratio, row["ratio_to_best"])
        else:
            cell = board.held_out_cells[submission][workload]
            base = board.cells[submission][board.held_out[workload]]
            checked_s = cell.raw_s if math.isfinite(base.raw_s) else math.inf
        limited_s = math.inf if cell.reason is scoring.Reason.ABOVE_LIMIT else checked_s
        pairs[f"{submission} {workload} raw"] = (cell.raw_s, row["raw"])
        pairs[f"{submission} {workload} after_base_check"] = (checked_s, row["after_base_check"])
        pairs[f"{submission} {workload} after_4x_rule"] = (limited_s, row["after_4x_rule"])
    agree(pairs)


@every_rule
@every_board
def test_scores_equal_the_reference(leaderboard, rule, agree):
    score_of = competition.board(leaderboard, rule).score_of
    expected = competition.expected("scores.csv", leaderboard, rule)
    pairs = {row["submission"]: (score_of[row["submission"]], row["score"]) for row in expected}
    assert pairs.keys() == score_of.keys()
    agree(pairs)


@every_rule
@every_board
def test_profiles_equal_the_reference_at_every_tau(leaderboard, rule, agree):
    board = competition.board(leaderboard, rule)
    profile = {name: iter(rho) for name, rho in zip(board.submissions, board.profile.tolist(), strict=True)}
    taus = {name: iter(board.taus.tolist()) for name in board.submissions}
    pairs = {}
    for row in competition.expected("performance_profiles.csv.gz", leaderboard, rule):
        name = row["submission"]
        pairs[f"{name} tau {row['tau']}"] = (next(taus[name]), row["tau"])
        pairs[f"{name} rho at {row['tau']}"] = (next(profile[name]), row["rho"])
    assert len(pairs) == 2 * 100 * len(board.submissions)
    agree(pairs)


@every_rule
@every_board
def test_the_trial_that_counts_in_each_study_is_the_references(leaderboard, rule, agree):
    runtimes, measured = competition.workload_times(leaderboard, rule), _measured_trials(leaderboard)
    pairs = {}
    for row in competition.expected("per_study.csv.gz", leaderboard, rule):
        place = (row["submission"], row["workload"], int(row["study"]))
        study = runtimes[place[0]][place[1]].studies[place[2]]
        pairs[f"{place} n_trials"] = (measured[place], row["n_trials"])
        pairs[f"{place} trial"] = (_or_nan(study.trial), row["trial"] or "nan")
        pairs[f"{place} eval_index"] = (_or_nan(study.evaluation), row["eval_index"] or "nan")
        pairs[f"{place} time_to_target"] = (study.time_s, row["time_to_target"])
    agree(pairs)


@pytest.mark.parametrize(
    "leaderboard", ["v05_external", "v05_self_tuning", "v06_external"]
)  # the fourth has no baseline
def test_speedups_equal_the_reference(leaderboard, agree):
    times = competition.raw_times(leaderboard, "least_time")
    # The reference has budgets of v0.5 alone, and three times as much for every self-tuned submission.
    factor = 3.0 if leaderboard.endswith("self_tuning") else 1.0
    budgets_s = {name: factor * task.budget_s for name, task in competition.axes("v05_external").base.items()}
    pairs = {}
    for row in competition.expected("speedups.csv", leaderboard, "least_time"):
        reference, own = times[row["base"]], times[row["comparison"]]
        name = f"{row['comparison']} {row['workload']}"
        if row["workload"] == "geometric_mean":
            ratio = scoring.published_time_ratio(own, reference, base=list(budgets_s), budgets_s=budgets_s)
            pairs[name] = (ratio, row["time_ratio"])
            continue
        one = [row["workload"]]
        ratio = scoring.published_time_ratio(own, reference, base=one, budgets_s=budgets_s)
        missed_s = budgets_s[row["workload"]] + 1.0
        pairs[name] = (ratio, row["time_ratio"])
        for side, table in (("base_time", reference), ("comparison_time", own)):
            time_s = table[row["workload"]]
            pairs[f"{name} {side}"] = (missed_s if math.isinf(time_s) else time_s, row[side])
    agree(pairs)


@every_board
def test_every_trial_reaches_its_target_when_the_reference_says(leaderboard, agree):
    logs = {log.name: {trial.key: trial for trial in log.trials} for log in competition.submissions(leaderboard)}
    pairs = {}
    for row in competition.rows("expected/per_trial.csv.gz"):
        tasks = competition.axes(leaderboard).tasks
        if row["leaderboard"] != leaderboard or row["workload"] not in tasks:
            continue
        key, task = (row["workload"], int(row["study"]), int(row["trial"])), tasks[row["workload"]]
        curve = trial_curve(logs[row["submission"]][key], task)
        hit = scoring.find_hit(curve, task.target, higher_is_better=task.higher_is_better)
        name = f"{row['submission']} {key}"
        pairs[f"{name} val_target"] = (task.target, row["val_target"])
        pairs[f"{name} target_reached"] = (hit is not None, row["target_reached"])
        pairs[f"{name} time_to_target"] = (math.inf if hit is None else hit.time_s, row["time_to_target"])
    agree(pairs)


@every_rule
def test_the_reference_agrees_with_the_published_numbers_where_we_do(rule, agree):
    pairs = {}
    for row in competition.rows("expected/published_check.csv"):
        if row["trial_rule"] != rule:
            continue
        board, name, workload = competition.board(row["leaderboard"], rule), row["submission"], row["workload"]
        if workload == "score":
            ours = board.score_of[name]
        else:
            ours = board.cells[name][workload].raw_s / competition.axes(row["leaderboard"]).base[workload].budget_s
        pairs[f"{row['table']} {name} {workload}"] = (ours, row["reference"])
    agree(pairs)


def test_ranks_with_one_workload_out_are_those_of_the_designed_page():
    board = competition.board("v05_external", "least_time")
    ranges = scoring.rank_ranges(board)
    assert [(ranges[name].best, ranges[name].worst) for name in board.best_first()] == [
        (1, 2), (1, 3), (2, 6), (3, 4), (4, 6), (5, 8), (5, 9), (6, 9), (7, 10), (9, 10), (11, 11)
    ]  # fmt: skip


def test_time_against_the_baseline_is_that_of_the_designed_page():
    board, raw = competition.board("v05_external", "least_time"), competition.raw_times("v05_external", "least_time")
    budgets_s = competition.axes("v05_external").budgets_s
    percent = [
        round(
            scoring.percent_change(
                scoring.geometric_mean_time_ratio(raw[name], raw["baseline"], base=board.base, budgets_s=budgets_s)
            )
        )
        for name in board.best_first()
    ]
    assert percent == [-28, -27, -11, -11, -3, 0, -1, -24, -8, 9, 16]


def test_rounded_median_times_are_enough_for_the_six_decimals_of_the_scores():
    times = {
        name: {workload: round(runtime.time_s, 1) for workload, runtime in row.items()}
        for name, row in competition.workload_times("v05_external", "least_time").items()
    }
    axes = competition.axes("v05_external")
    board = scoring.score_board(times, base=list(axes.base), held_out=axes.held_out, rules=scoring.PUBLISHED)
    assert {name: round(score, 6) for name, score in board.score_of.items()} == {
        "lawa_ema": 0.338384, "cyclic_lr": 0.630051, "baseline": 0.570707, "nadamp": 0.590909,
        "schedule_free_adamw": 0.707702, "schedule_free_prodigy": 0.0, "shampoo_submission": 0.778409,
        "caspr_adaptive": 0.472222, "amos": 0.491793, "generalized_adam": 0.638258, "lawa_queue": 0.369949,
    }  # fmt: skip


def _printed(row):
    """A published number as text, and its mark, from one row of the table."""
    number = float(row["value"])
    if row["workload"] == "score":
        return f"{number:.4f}", None
    if not math.isfinite(number):
        return "", "inf" if math.isinf(number) else "NaN"
    return f"{number:.2f}", row["mark"] or None


def _measured_trials(leaderboard):
    """How many trials were measured, by submission, workload and study."""
    counts = {}
    for log in competition.submissions(leaderboard):
        for trial in log.trials:
            place = (log.name, trial.workload, trial.study)
            counts[place] = counts.get(place, 0) + (not trial.evaluations.is_empty)
    return counts


def _or_nan(number):
    return math.nan if number is None else number
