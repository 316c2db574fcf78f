"""All checks in order, each handed out as soon as it is known."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator

from sandbox_runner.compliance import (
    api_functions,
    archive,
    file_kinds,
    framework,
    rules,
    search_space_file,
    source,
    submission_info,
)
from sandbox_runner.compliance.archive import Archive
from sandbox_runner.compliance.findings import CheckInfo, CheckResult, Finding, Report, Verdict
from sandbox_runner.compliance.limits import MAX_FINDINGS_PER_CHECK
from sandbox_runner.compliance.payload import compressed_bytes
from sandbox_runner.compliance.source import Sources
from sandbox_runner.errors import ArchiveRejected
from workloads.spec import Framework, Ruleset

# Every check there is, in the order they run: what a page lists before the first one is done.
CATALOGUE: tuple[CheckInfo, ...] = (
    *archive.CHECKS,
    submission_info.INFO,
    file_kinds.KINDS,
    search_space_file.SEARCH_SPACE,
    source.SYNTAX,
    api_functions.FUNCTIONS,
    api_functions.PARAMETERS,
    framework.FRAMEWORK,
    *(rule.info for rule in rules.ALL),
)


def run_checks(data: bytes, ruleset: str, framework: str) -> Generator[CheckResult, None, Report]:
    """Yields each check's result; the generator's return value is the whole report.

    An archive that is refused ends the checks, since there is nothing to look at. All others run to the end, so that a
    submitter learns everything at once. In-process: strangers' uploads go through `in_child.check_in_child`.
    """
    try:
        upload = archive.read_archive(data)
    except ArchiveRejected as rejected:
        results = tuple(_archive_results(rejected.findings))
        yield from results
        return Report(checks=results, archive_sha256=hashlib.sha256(data).hexdigest())
    return (yield from run_checks_of(upload, ruleset, framework))


def run_checks_of(upload: Archive, ruleset: str, framework: str) -> Generator[CheckResult, None, Report]:
    """`run_checks` for an archive that has been read already."""
    info, info_findings = submission_info.read_info(upload.files)
    space, space_findings = search_space_file.read_search_space(upload.files, Ruleset(ruleset))
    data_files = info.data_files if info else ()
    results = itertools.chain(
        _archive_results(upload.notes),
        [
            _result(submission_info.INFO, info_findings),
            _result(file_kinds.KINDS, file_kinds.check_kinds(upload.files, data_files)),
            _result(search_space_file.SEARCH_SPACE, space_findings),
        ],
        _source_results(upload, Framework(framework)),
    )
    done: list[CheckResult] = []
    for result in results:
        done.append(result)
        yield result
    bundle = upload.bundle()
    return Report(
        checks=tuple(done),
        archive_sha256=upload.sha256,
        bundle_sha256=hashlib.sha256(bundle).hexdigest(),
        bundle=bundle,
        info=info.as_json() if info else {},
        search_space=space,
        compressed_bytes=compressed_bytes(upload.files),
    )


def check(upload: Archive, ruleset: str, framework: str) -> list[Finding]:
    """Everything there is to say about an archive."""
    return [finding for result in run_checks_of(upload, ruleset, framework) for finding in result.findings]


def finish(
    checks: Generator[CheckResult, None, Report], on_check: Callable[[CheckResult], None] | None = None
) -> Report:
    """Runs checks to their end, shows each result to `on_check` and returns the report."""
    while True:
        try:
            result = next(checks)
        except StopIteration as end:
            report: Report = end.value
            return report
        if on_check:
            on_check(result)


def _archive_results(findings: Iterable[Finding]) -> Iterator[CheckResult]:
    """The archive checks up to and including the first one that refuses; later ones have not been made."""
    findings = list(findings)
    for info in archive.CHECKS:
        result = _result(info, (finding for finding in findings if finding.rule == info.id))
        yield result
        if result.state is Verdict.REJECTED:
            return


def _source_results(upload: Archive, chosen: Framework) -> Iterator[CheckResult]:
    modules, unreadable = source.parse(upload.files)
    yield _result(source.SYNTAX, unreadable)
    sources = Sources(modules=modules, files=upload.files, framework=chosen)
    yield _result(api_functions.FUNCTIONS, api_functions.check_functions(sources))
    yield _result(api_functions.PARAMETERS, api_functions.check_parameters(sources))
    yield _result(framework.FRAMEWORK, framework.check_framework(sources))
    for rule in rules.ALL:
        yield _result(rule.info, rule.find(sources))


def _result(info: CheckInfo, findings: Iterable[Finding]) -> CheckResult:
    """One finding a line and verdict, in the order of files and lines, the worst ones if there are too many to read."""
    unique: dict[tuple[str, int, Verdict, str], Finding] = {}
    for finding in findings:
        unique.setdefault(
            (finding.path, finding.line, finding.verdict, "" if finding.line else finding.message), finding
        )
    worst_first = sorted(unique.values(), key=lambda finding: -finding.verdict.severity)[:MAX_FINDINGS_PER_CHECK]
    ordered = sorted(worst_first, key=lambda finding: (finding.path, finding.line))
    return CheckResult(id=info.id, title=info.title, stage=info.stage, findings=tuple(ordered))
