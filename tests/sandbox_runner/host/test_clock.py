"""The ledger charges exactly the intervals in which the clock ran, and the journal notices every edit."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_runner.errors import ClockMisuse, JournalBroken
from sandbox_runner.host.clock import GENESIS, NANOSECONDS, ChargedClock, Journal, verify_journal


class HandClock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.ns = 1_000

    def __call__(self) -> int:
        return self.ns


@given(st.lists(st.tuples(st.sampled_from(["run", "stand", "charge"]), st.integers(0, 10**12)), max_size=40))
def test_charged_time_is_the_sum_of_running_and_charged_standstills(phases):
    hand, expected = HandClock(), 0
    clock = ChargedClock(hand)
    clock.start()
    for kind, duration in phases:
        if kind == "run":
            hand.ns += duration
            expected += duration
            continue
        clock.stop()
        hand.ns += duration
        if kind == "charge":
            clock.charge_standstill()
            expected += duration
        clock.start()
    clock.stop()

    assert clock.charged_ns == expected
    assert sum(stop - start for start, stop in clock.intervals) == expected


def test_a_running_clock_reads_the_current_interval_too():
    hand = HandClock()
    clock = ChargedClock(hand)
    clock.start()
    hand.ns += 3 * NANOSECONDS

    assert clock.charged_s == 3.0
    assert clock.stop() == 3.0
    hand.ns += NANOSECONDS
    assert clock.charged_s == 3.0


def test_impossible_orders_raise():
    clock = ChargedClock()
    with pytest.raises(ClockMisuse):
        clock.stop()
    with pytest.raises(ClockMisuse):
        clock.charge_standstill()
    clock.start()
    with pytest.raises(ClockMisuse):
        clock.start()
    with pytest.raises(ClockMisuse):
        clock.charge_standstill()


@pytest.fixture
def journal_path(tmp_path):
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    for number in range(4):
        journal.write("frozen", evaluation=number, charged_ns=number * 10)
    journal.close()
    return path


def test_a_journal_is_a_chain_from_its_genesis(journal_path):
    first = json.loads(journal_path.read_text().splitlines()[0])

    assert first["previous"] == GENESIS
    assert verify_journal(journal_path) != GENESIS


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (lambda lines: [lines[0].replace('"charged_ns":0', '"charged_ns":5'), *lines[1:]], 2),
        (lambda lines: [lines[0], *lines[2:]], 2),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], 2),
        (lambda lines: [*lines[:3], "not json"], 4),
    ],
    ids=["edited", "removed", "swapped", "garbage"],
)
def test_a_tampered_journal_names_the_line(journal_path, tamper, line):
    journal_path.write_text("\n".join(tamper(journal_path.read_text().splitlines())) + "\n")

    with pytest.raises(JournalBroken, match=f"line {line} "):
        verify_journal(journal_path)


def test_a_journal_is_never_continued_by_a_second_run(journal_path):
    with pytest.raises(FileExistsError):
        Journal(journal_path)
