from __future__ import annotations

import hashlib

import pytest

from sandbox_runner.compliance import CATALOGUE, ArchiveRejected, Stage, Verdict, check, read_archive, run_checks
from sandbox_runner.compliance.limits import MAX_FINDINGS_PER_CHECK
from tests.sandbox_runner.compliance.submissions import SUBMISSION, findings_of, honest_files, report_of
from tests.sandbox_runner.compliance.zips import make_zip

HONEST = make_zip(honest_files())


def test_checks_come_in_the_order_of_the_catalogue():
    results = list(run_checks(HONEST, "external", "pytorch"))
    assert [(result.id, result.stage) for result in results] == [(info.id, info.stage) for info in CATALOGUE]
    order = list(Stage)
    assert [order.index(result.stage) for result in results] == sorted(order.index(result.stage) for result in results)


def test_ids_and_titles_are_told_apart():
    assert len({info.id for info in CATALOGUE}) == len(CATALOGUE)
    assert len({info.title for info in CATALOGUE}) == len(CATALOGUE)


def test_an_honest_submission_passes_every_check():
    report = report_of(honest_files())
    assert [result.id for result in report.checks if result.state is not Verdict.PASSED] == []
    assert report.verdict is Verdict.PASSED
    assert report.info["name"] == "Plain descent"
    assert report.search_space == {"learning_rate": {"min": 1e-4, "max": 1e-1, "scaling": "log"}}
    assert report.bundle_sha256 == hashlib.sha256(report.bundle).hexdigest()


def test_a_refused_archive_ends_the_checks_after_the_one_that_refused_it():
    results = list(run_checks(make_zip({"submission.py": SUBMISSION, "conftest.py": ""}), "external", "pytorch"))
    assert [(result.id, result.state) for result in results] == [
        ("archive-size", Verdict.PASSED),
        ("archive-zip", Verdict.PASSED),
        ("archive-names", Verdict.REJECTED),
    ]


def test_everything_that_is_wrong_with_the_files_is_told_at_once():
    files = honest_files(
        **{
            "submission.py": "import socket\n" + SUBMISSION.replace("def data_selection(", "def select("),
            "submission_info.yml": None,
            "tuning_search_space.json": "{",
        }
    )
    failed = [result.id for result in report_of(files).checks if result.state is Verdict.REJECTED]
    assert failed == ["submission-info", "search-space", "api-functions", "network"]


def test_rules_look_at_the_files_that_can_be_read_when_another_cannot():
    files = honest_files(**{"helper.py": "import socket\n", "broken.py": "def (:\n"})
    failed = [result.id for result in report_of(files).checks if result.state is Verdict.REJECTED]
    assert failed == ["python-syntax", "network"]


def test_self_tuning_needs_no_search_space():
    files = honest_files(**{"tuning_search_space.json": None})
    assert report_of(files, ruleset="self_tuning").verdict is Verdict.PASSED
    assert report_of(files, ruleset="external").verdict is Verdict.REJECTED


def test_one_line_is_found_once_however_much_is_wrong_with_it():
    code = SUBMISSION + "\n\nname = type(workload).__name__ + type(workload).__module__ + repr(workload)\n"
    assert len(findings_of(report_of(honest_files(**{"submission.py": code})), "workload-identity")) == 1


def test_more_findings_than_anybody_reads_are_cut_worst_kept():
    notes = "".join(f"open('{n}')\n" for n in range(100))
    report = report_of(honest_files(**{"submission.py": f"{SUBMISSION}\n{notes}open('/etc/passwd')\n"}))
    findings = findings_of(report, "file-access")
    assert len(findings) == MAX_FINDINGS_PER_CHECK
    assert findings[-1].verdict is Verdict.REVIEW


def test_check_lists_the_findings_of_an_archive():
    archive = read_archive(make_zip({f"mine/{name}": content for name, content in honest_files().items()}))
    assert [finding.rule for finding in check(archive, "external", "pytorch")] == ["archive-names"]


@pytest.mark.parametrize(("ruleset", "framework"), [("other", "jax"), ("external", "tensorflow")])
def test_an_unknown_ruleset_or_framework_is_our_own_mistake(ruleset, framework):
    with pytest.raises(ValueError, match="is not a valid"):
        list(run_checks(HONEST, ruleset, framework))


def test_a_refusal_names_what_is_wrong_when_printed():
    with pytest.raises(ArchiveRejected, match="not a zip"):
        read_archive(b"hello")
