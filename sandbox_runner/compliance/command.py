"""`python -m sandbox_runner check FOLDER_OR_ZIP`: the site's checks, on a submitter's own machine."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox_runner.compliance.archive import CHECKS, zip_of_folder
from sandbox_runner.compliance.findings import CheckInfo, CheckResult, Finding, Report, Verdict
from sandbox_runner.compliance.in_child import check_in_child
from sandbox_runner.errors import ArchiveRejected
from workloads.spec import Framework, Ruleset

_WORDS = {Verdict.PASSED: "ok", Verdict.NOTE: "note", Verdict.REVIEW: "review", Verdict.REJECTED: "REJECTED"}


def run(argv: Sequence[str]) -> int:
    """Checks a folder or zip; 0 when it may run, 1 when something is rejected, 2 when the call itself was wrong."""
    arguments = _parser().parse_args(argv)
    path: Path = arguments.path
    if not path.exists():
        print(f"{path} does not exist.", file=sys.stderr)
        return 2
    show = _say_nothing if arguments.json else _print_result
    try:
        data = zip_of_folder(path) if path.is_dir() else path.read_bytes()
    except ArchiveRejected as rejected:
        report = _report_of(rejected.findings)
        for result in report.checks:
            show(result)
    else:
        report = check_in_child(data, arguments.ruleset, arguments.framework, show)
    if arguments.json:
        document = report.as_json()
        del document["bundle"]
        print(json.dumps(document, indent=2))
    else:
        print(_summary(report))
    return 1 if report.verdict is Verdict.REJECTED else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox_runner check", description="Checks a submission as the site does before it runs."
    )
    parser.add_argument("path", type=Path, metavar="FOLDER_OR_ZIP", help="the folder of submission.py, or a zip of it")
    parser.add_argument("--ruleset", required=True, choices=[str(ruleset) for ruleset in Ruleset])
    parser.add_argument("--framework", required=True, choices=[str(framework) for framework in Framework])
    parser.add_argument("--json", action="store_true", help="print the report as JSON, without the bundle")
    return parser


def _report_of(findings: Sequence[Finding]) -> Report:
    """A folder that could not even be packed."""
    titles = {info.id: info for info in CHECKS}
    checks = (_result(titles[finding.rule], finding) for finding in findings)
    return Report(checks=tuple(checks), archive_sha256="")


def _result(info: CheckInfo, finding: Finding) -> CheckResult:
    return CheckResult(id=info.id, title=info.title, stage=info.stage, findings=(finding,))


def _print_result(result: CheckResult) -> None:
    print(f"{_WORDS[result.state]:>8}  {result.title}  [{result.id}]")
    for finding in result.findings:
        place = f"{finding.path}:{finding.line}: " if finding.line else f"{finding.path}: " if finding.path else ""
        print(f"          {place}{finding.message}")
        if finding.excerpt:
            print(f"            | {finding.excerpt}")
        for line in finding.fix.splitlines():
            print(f"            {line}")


def _say_nothing(result: CheckResult) -> None:
    """With --json only the whole report is printed."""


def _summary(report: Report) -> str:
    if report.verdict is Verdict.REJECTED:
        count = sum(check.state is Verdict.REJECTED for check in report.checks)
        return f"{count} {'check' if count == 1 else 'checks'} failed. Fix what is marked REJECTED and check again."
    if report.verdict is Verdict.REVIEW:
        return "It may run; a reviewer looks at what is marked review before a result is published."
    return "It may run."
