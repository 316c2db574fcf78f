from __future__ import annotations

import itertools
import threading
import time

import pytest

from workloads import decoding


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items_whoever_is_first(workers):
    def decode(item):
        time.sleep((item % 3) / 1000)
        return item * 10

    assert list(decoding.in_order(decode, range(20), 6, workers)) == [item * 10 for item in range(20)]


def test_no_more_than_what_was_allowed_is_decoded_ahead():
    started = []
    results = decoding.in_order(lambda item: started.append(item) or item, itertools.count(), 3, workers=2)

    assert next(results) == 0
    _wait_for(lambda: len(started) == 4)
    time.sleep(0.02)
    assert sorted(started) == [0, 1, 2, 3]
    assert next(results) == 1
    _wait_for(lambda: len(started) == 5)


def test_an_error_is_raised_at_its_items_turn():
    def decode(item):
        if item == 2:
            raise ValueError("damaged")
        return item

    results = decoding.in_order(decode, range(5), 4, workers=2)

    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="damaged"):
        next(results)


def test_who_stops_asking_leaves_no_threads_behind():
    before = set(threading.enumerate())  # threads of other tests may still be ending
    results = decoding.in_order(lambda item: item, itertools.count(), 4, workers=3)
    next(results)
    assert set(threading.enumerate()) - before

    results.close()

    _wait_for(lambda: set(threading.enumerate()) <= before)


@pytest.mark.parametrize("ahead", [1, 3, 100])
def test_batches_keep_their_items(ahead):
    batches = [[1, 2, 3], [4], [5, 6]]

    assert list(decoding.in_batches(lambda item: -item, batches, ahead, workers=2)) == [[-1, -2, -3], [-4], [-5, -6]]


def test_prefetched_batches_are_the_same_and_end_when_they_end():
    assert list(decoding.prefetched(iter(range(5)), ahead=2)) == [0, 1, 2, 3, 4]
    assert list(decoding.prefetched(iter([]))) == []


def test_one_batch_is_made_before_it_is_asked_for():
    made = []

    def batches():
        for number in itertools.count():
            made.append(number)
            yield number

    prefetching = decoding.prefetched(batches())
    assert next(prefetching) == 0
    _wait_for(lambda: made == [0, 1])


def _wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)
