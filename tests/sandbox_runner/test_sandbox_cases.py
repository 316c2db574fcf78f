"""Every case of the corpus, in the real sandbox: it ends as it should, and nothing of it is left."""

import json

import pytest

from sandbox_runner.host import instance, preflight
from sandbox_runner.host.clock import NANOSECONDS, verify_journal
from sandbox_runner.host.docker import Engine
from sandbox_runner.host.reporters import TerminalReporter
from sandbox_runner.host.trial import run_trial
from tests.sandbox_cases import corpus

pytestmark = [pytest.mark.docker, pytest.mark.trains]


@pytest.fixture(scope="module")
def client(engine, mini_data):
    client = Engine(engine)
    yield client
    client.close()


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory):
    path = tmp_path_factory.mktemp("host") / "sentinel"
    path.write_text("untouched")
    return path


@pytest.mark.parametrize("name", corpus.names())
def test_a_case_ends_as_it_should_and_leaves_nothing(name, client, sentinel):
    case = corpus.load(name)
    plan = case.plan()
    reporter = TerminalReporter(plan.workload.metric.name)

    result = run_trial(
        plan, case.bundle(), engine=client, images=preflight.check(plan.hardware, client), reporter=reporter
    )

    assert case.expect.problems(result) == []
    assert client.containers(plan.spec.attempt) == {}
    assert not instance.socket_dir(plan.spec.attempt).exists()
    assert sentinel.read_text() == "untouched"
    journal = instance.runs_dir() / plan.spec.attempt / "journal.jsonl"
    if journal.exists():  # a case that fails in the batch size container has no clock
        assert verify_journal(journal) == result.receipt["journal"]
        check_ledger(journal, result)


def check_ledger(journal, result):
    """The clock's own story, told again from the journal: charged time is what passed outside the frozen windows."""
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    readings = [record["charged_ns"] for record in records if record["event"] == "frozen"]
    assert readings == sorted(readings)
    assert records[-1]["charged_ns"] == round(result.charged_s * NANOSECONDS)
    for evaluation, reading in zip(result.evaluations, readings, strict=False):
        assert evaluation.charged_s == pytest.approx(reading / NANOSECONDS, abs=1e-6)
    starts = [record["ns"] for record in records if record["event"] in ("load", "thaw_intent")]
    stops = [record["ns"] for record in records if record["event"] in ("frozen", "ended")]
    passed_ns = sum(stop - start for start, stop in zip(starts, stops, strict=False))
    assert result.charged_s <= passed_ns / NANOSECONDS
