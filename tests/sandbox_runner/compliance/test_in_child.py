from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest

from sandbox_runner.compliance import in_child, limits
from sandbox_runner.compliance.checker import CATALOGUE, finish, run_checks
from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.in_child import check_in_child
from tests.sandbox_runner.compliance.submissions import honest_files
from tests.sandbox_runner.compliance.zips import make_zip

HONEST = make_zip(honest_files())


def replace_child(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Lets another program stand in for the child."""

    def child() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    monkeypatch.setattr(in_child, "_child", child)


def test_the_report_is_the_same_as_without_a_child():
    assert check_in_child(HONEST, "external", "pytorch") == finish(run_checks(HONEST, "external", "pytorch"))


def test_each_check_is_shown_when_it_is_done():
    seen = []
    report = check_in_child(HONEST, "external", "pytorch", seen.append)
    assert [result.id for result in seen] == [info.id for info in CATALOGUE]
    assert tuple(seen) == report.checks


def test_a_refused_archive_is_a_report_without_bundle():
    report = check_in_child(b"not a zip", "external", "jax")
    assert report.verdict is Verdict.REJECTED
    assert report.bundle == b""


def test_a_large_upload_is_refused_for_its_size():
    report = check_in_child(bytes(50 * limits.MIB), "external", "jax")
    assert [(result.id, result.state) for result in report.checks] == [("archive-size", Verdict.REJECTED)]


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "(" * 90 + "1" + ")" * 90,
        "x = " + "-" * 4000 + "1",
        "x = " + "1 + " * 60_000 + "1",
        "x = [" + "1," * 400_000 + "]",
        "x = " + "a." * 100_000 + "a",
        "x = 'a' " + "+ 'a' " * 20_000,
        "if 1:\n" + "".join(f"{' ' * n}if 1:\n" for n in range(1, 90)) + " " * 90 + "x = 1",
        "x = " + "lambda: " * 3000 + "1",
        "\n".join(f"def f{n}(): return f{n + 1}" for n in range(20_000)),
        "x = 1 << (1 << 60)",
        "x = 'a' * 10**12",
        "f" + "('')" * 5000,
        "x = f'" + "{x}" * 50_000 + "'",
    ],
    ids=lambda code: code[:20],
)
def test_source_that_is_made_to_hurt_ends_in_a_report(code):
    """It is judged or it is refused, by a check or by the limits; the parent always learns which."""
    report = check_in_child(make_zip(honest_files(**{"helper.py": code}), packed=False), "external", "pytorch")
    assert report.checks[0].id == "archive-size"
    assert report.checks[-1].id in ("requirements", "checks-finished")
    if report.checks[-1].id == "checks-finished":
        assert report.verdict is Verdict.REJECTED


def test_a_child_that_hangs_is_killed_and_the_submitter_told(monkeypatch):
    replace_child(monkeypatch, "import time; time.sleep(600)")
    seen = []
    report = check_in_child(HONEST, "external", "pytorch", seen.append, wall_s=0.2)
    assert [(result.id, result.state) for result in report.checks] == [("checks-finished", Verdict.REJECTED)]
    assert "too long" in report.findings[0].message
    assert seen == list(report.checks)


@pytest.mark.parametrize(
    "program",
    [
        "import os; os._exit(3)",
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "print('hello')",
        "print('{')",
        "print('[]')",
        "print('{\"check\": 1}')",
        'print(\'{"check": {"id": 1}}\')',
        "print('{\"report\": {}}')",
        "print('[' * 100000)",
        "print('x' * 40000000)",
    ],
)
def test_a_child_that_breaks_or_talks_nonsense_is_a_rejected_check(monkeypatch, program):
    replace_child(monkeypatch, program)
    report = check_in_child(HONEST, "external", "pytorch")
    assert report.checks[-1].id == "checks-finished"
    assert report.checks[-1].findings[0].fix


def test_a_report_about_another_upload_is_not_believed(monkeypatch):
    other = json.dumps({"report": finish(run_checks(make_zip({"a.py": "x = 1"}), "external", "jax")).as_json()})
    replace_child(monkeypatch, f"print({other!r})")
    assert check_in_child(HONEST, "external", "pytorch").checks[-1].id == "checks-finished"


def test_memory_and_processor_time_are_limited_before_a_byte_is_read():
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]); from sandbox_runner.compliance import child;"
        "child.limit_resources();"
        "print([resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program, str(in_child._ROOT)], capture_output=True, check=True)
    memory, cpu = limits.CHILD_MEMORY_BYTES, limits.CHILD_CPU_S
    assert done.stdout.decode().strip() == str([(memory, memory), (cpu, cpu), (0, 0)])


def test_the_child_has_neither_our_environment_nor_our_files(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET", "x")
    secret = (tmp_path / "secret").open("w")
    program = "import os; print(sorted(os.listdir('/proc/self/fd')), 'SECRET' in os.environ, os.getcwd())"
    monkeypatch.setattr(in_child, "_PROGRAM", program)
    with secret, in_child._child() as child:
        output, _ = child.communicate()
    # The fourth descriptor is that of the listing itself.
    assert output.decode().strip() == "['0', '1', '2', '3'] False /"


def test_children_of_several_threads_do_not_disturb_each_other():
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(check_in_child(HONEST, "self_tuning", "pytorch")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [report.verdict for report in reports] == [Verdict.NOTE] * 3
