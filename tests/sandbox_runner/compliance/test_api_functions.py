from __future__ import annotations

import json

import pytest

from sandbox_runner.compliance.findings import Verdict
from tests.sandbox_runner.compliance.submissions import SUBMISSION, findings_of, honest_files, report_of
from workloads.api import SUBMISSION_FUNCTIONS


def found(check: str, code: str, **helpers: str) -> list[tuple[Verdict, str]]:
    files = {f"{name}.py": text for name, text in helpers.items()}
    report = report_of(honest_files(**{"submission.py": code, **files}))
    return [(finding.verdict, finding.message) for finding in findings_of(report, check)]


def test_our_list_of_functions_is_the_published_one(shared):
    document = json.loads((shared / "spec" / "api_signatures.json").read_text())
    published = {
        entry["name"]: tuple(parameter["name"] for parameter in entry["parameters"])
        for entry in document["submission_functions"]
        if entry["name"] != "get_eval_batch_size"
    }
    assert published == SUBMISSION_FUNCTIONS


def test_the_honest_submission_has_all_functions_and_parameters():
    assert found("api-functions", SUBMISSION) == []
    assert found("api-parameters", SUBMISSION) == []


@pytest.mark.parametrize("name", [name for name in SUBMISSION_FUNCTIONS if name != "prepare_for_eval"])
def test_a_missing_function_is_named_with_the_line_to_write(name):
    report = report_of(honest_files(**{"submission.py": SUBMISSION.replace(f"def {name}(", f"def my_{name}(")}))
    finding = findings_of(report, "api-functions")[0]
    assert finding.verdict is Verdict.REJECTED
    assert name in finding.message
    assert f"def {name}({SUBMISSION_FUNCTIONS[name][0]}" in finding.fix


def test_prepare_for_eval_may_be_missing():
    verdicts = found("api-functions", SUBMISSION.replace("def prepare_for_eval(", "def other("))
    assert [verdict for verdict, _ in verdicts] == [Verdict.NOTE]


def test_a_missing_submission_file_says_where_another_one_is():
    files = honest_files(**{"submission.py": None, "mine/submission.py": SUBMISSION})
    finding = findings_of(report_of(files), "api-functions")[0]
    assert finding.verdict is Verdict.REJECTED
    assert "there is mine/submission.py" in finding.message


def test_a_submission_file_that_does_not_parse_is_one_finding_not_five():
    report = report_of(honest_files(**{"submission.py": "def broken(:\n"}))
    assert [finding.line for finding in findings_of(report, "python-syntax")] == [1]
    assert [finding.message for finding in findings_of(report, "api-functions")] == ["submission.py could not be read."]


@pytest.mark.parametrize(
    ("code", "helpers"),
    [
        ("from helper import *", {"helper": SUBMISSION}),
        ("from .helper import *", {"helper": SUBMISSION}),
        (
            f"from .helper import {', '.join(SUBMISSION_FUNCTIONS)}",
            {"helper": SUBMISSION},
        ),
        ("from submissions.self_tuning.mine.helper import *", {"helper": SUBMISSION}),
        ("from pkg.first import *", {"pkg/first": "from .second import *", "pkg/second": SUBMISSION}),
        ("if True:\n    from helper import *", {"helper": SUBMISSION}),
        ("try:\n    from helper import *\nexcept ImportError:\n    from .helper import *", {"helper": SUBMISSION}),
        (
            "\n".join(["import helper", *(f"{name} = helper.{name}" for name in SUBMISSION_FUNCTIONS)]),
            {"helper": SUBMISSION},
        ),
        (
            "\n".join(["from . import helper", *(f"{name} = helper.{name}" for name in SUBMISSION_FUNCTIONS)]),
            {"helper": SUBMISSION},
        ),
        (f"{SUBMISSION}\n".replace("def update_params(", "def _step(") + "update_params = _step\n", {}),
    ],
)
def test_functions_may_come_from_helper_modules(code, helpers):
    files = {f"{name}.py": text for name, text in helpers.items()}
    report = report_of(honest_files(**{"submission.py": code, **files}))
    assert findings_of(report, "api-functions") == ()
    assert findings_of(report, "api-parameters") == ()


def test_an_import_in_a_circle_is_a_missing_function():
    code = SUBMISSION.replace("def update_params(", "def other(") + "\nfrom helper import update_params\n"
    messages = found("api-functions", code, helper="from submission import update_params\n")
    assert messages == [(Verdict.REJECTED, "The function update_params is missing.")]


@pytest.mark.parametrize(
    "definition",
    [
        "async def update_params(**arguments): pass",
        "def update_params(**arguments): yield 1",
        "class update_params: pass",
        "update_params = 3",
    ],
)
def test_something_else_than_a_function_is_refused(definition):
    messages = found("api-functions", f"{SUBMISSION}\n{definition}\n")
    assert [verdict for verdict, _ in messages] == [Verdict.REJECTED]


def test_a_yield_of_an_inner_function_does_no_harm():
    inner = "def get_batch_size(workload_name):\n    def numbers():\n        yield 1\n    return next(numbers())\n"
    assert found("api-functions", f"{SUBMISSION}\n{inner}") == []


def test_get_eval_batch_size_is_noted_as_not_called():
    messages = found("api-functions", f"{SUBMISSION}\ndef get_eval_batch_size(workload_name): return 1\n")
    assert [verdict for verdict, _ in messages] == [Verdict.NOTE]


@pytest.mark.parametrize(
    "definition",
    [
        "def update_params(**everything): pass",
        "def update_params(*, workload, **rest): pass",
        "def get_batch_size(name): return 1",
        "def get_batch_size(name, default=8): return 1",
        "def get_batch_size(*names): return 1",
        "def data_selection(w, q, s, p, m, h, step, r): return next(q)",
        "def data_selection(w, *rest): return next(rest[0])",
        "get_batch_size = lambda name: 128",
        # v0.5: without train_state
        "def update_params(workload, current_param_container, current_params_types, model_state, hyperparameters,"
        " batch, loss_type, optimizer_state, eval_results, global_step, rng): pass",
    ],
)
def test_other_parameters_that_still_fit_the_call_are_fine(definition):
    assert found("api-parameters", f"{SUBMISSION}\n{definition}\n") == []


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("def update_params(workload, params, **rest): pass", "asks for params"),
        ("def update_params(workload): pass", "lacks current_param_container, current_params_types"),
        ("def update_params(workload, /, **rest): pass", "by position only"),
        ("def prepare_for_eval(*everything): pass", "called with keywords and lacks"),
        ("def get_batch_size(): return 1", "is called with 1 value by position and takes 0"),
        ("def get_batch_size(name, framework): return 1", "takes 2"),
        ("def get_batch_size(name, *, framework): return 1", "asks for framework"),
        ("def init_optimizer_state(workload, model_params, model_state, hyperparameters): pass", "takes 4"),
        ("def data_selection(workload, input_queue, **rest): pass", "takes 2"),
        (
            "def init_optimizer_state(workload, model_params, model_state, rng, hyperparameters): pass",
            "in another order",
        ),
    ],
)
def test_parameters_that_do_not_fit_the_call_are_refused(definition, words):
    messages = found("api-parameters", f"{SUBMISSION}\n{definition}\n")
    assert [verdict for verdict, _ in messages] == [Verdict.REJECTED]
    assert words in messages[0][1]


def test_a_decorator_may_change_parameters_so_a_reviewer_looks():
    messages = found("api-parameters", f"{SUBMISSION}\n@adapted\ndef get_batch_size(): return 1\n")
    assert [verdict for verdict, _ in messages] == [Verdict.REVIEW]


def test_parameters_of_a_function_that_is_made_by_a_call_are_noted():
    messages = found(
        "api-parameters", f"{SUBMISSION}\nimport functools\nupdate_params = functools.partial(update_params)\n"
    )
    assert [verdict for verdict, _ in messages] == [Verdict.NOTE]
