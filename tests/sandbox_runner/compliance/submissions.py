"""An honest submission to start from, and short ways to judge one."""

from __future__ import annotations

import json
from textwrap import dedent

from sandbox_runner.compliance.archive import Archive
from sandbox_runner.compliance.checker import finish, run_checks_of
from sandbox_runner.compliance.findings import Finding, Report, Verdict
from sandbox_runner.compliance.rules.base import Rule
from sandbox_runner.compliance.source import Sources, parse
from workloads.spec import Framework

SUBMISSION = '''\
"""Plain stochastic gradient descent."""

import torch


def get_batch_size(workload_name):
    if workload_name == "ogbg":
        return 512
    raise ValueError(f"Unsupported workload name: {workload_name}.")


def init_optimizer_state(workload, model_params, model_state, hyperparameters, rng):
    del workload, model_state, rng
    return {"optimizer": torch.optim.SGD(model_params.parameters(), lr=hyperparameters.learning_rate)}


def update_params(
    workload, current_param_container, current_params_types, model_state, hyperparameters, batch, loss_type,
    optimizer_state, eval_results, global_step, rng, train_state=None,
):
    del current_params_types, loss_type, eval_results, train_state
    return optimizer_state, current_param_container, model_state


def prepare_for_eval(
    workload, current_param_container, current_params_types, model_state, hyperparameters, loss_type,
    optimizer_state, eval_results, global_step, rng,
):
    return optimizer_state, current_param_container, model_state


def data_selection(
    workload, input_queue, optimizer_state, current_param_container, model_state, hyperparameters, global_step, rng
):
    return next(input_queue)
'''

INFO = """\
name: Plain descent
authors: [Ada Example]
affiliation: University of Somewhere
licence: Apache-2.0
description: Stochastic gradient descent without momentum.
"""

SEARCH_SPACE = json.dumps({"learning_rate": {"min": 1e-4, "max": 1e-1, "scaling": "log"}})


def honest_files(**changes: str | bytes | None) -> dict[str, bytes]:
    """The files of a submission without findings. `changes` replace a file by its name; None leaves it out."""
    files: dict[str, str | bytes | None] = {
        "submission.py": SUBMISSION,
        "submission_info.yml": INFO,
        "tuning_search_space.json": SEARCH_SPACE,
        **changes,
    }
    return {
        name: content.encode() if isinstance(content, str) else content
        for name, content in sorted(files.items())
        if content is not None
    }


def report_of(files: dict[str, bytes], ruleset: str = "external", framework: str = "pytorch") -> Report:
    """All checks of these files, in this process."""
    checks = run_checks_of(Archive(files=files, sha256="0" * 64), ruleset, framework)
    return finish(checks)


def findings_of(report: Report, check: str) -> tuple[Finding, ...]:
    """What one check of a report said."""
    return next(result.findings for result in report.checks if result.id == check)


def judge(rule: Rule, code: str, **files: str) -> list[tuple[Verdict, int]]:
    """Verdict and line of everything a rule finds in submission.py; `files` are further modules, without `.py`."""
    return [(finding.verdict, finding.line) for finding in judged(rule, code, **files)]


def judged(rule: Rule, code: str, **files: str) -> list[Finding]:
    """The findings themselves."""
    texts = {"submission.py": code, **{f"{name}.py": text for name, text in files.items()}}
    contents = {path: dedent(text).encode() for path, text in texts.items()}
    modules, unreadable = parse(contents)
    assert not unreadable, unreadable
    findings = list(rule.find(Sources(modules=modules, files=contents, framework=Framework.PYTORCH)))
    assert {finding.verdict for finding in findings} <= set(rule.verdicts), "the rule says what it never announced"
    return findings
