"""What differs between the files of two submissions."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from leaderboard import code_diff
from leaderboard.code_diff import diff_files, equal_pairs

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=30)


def diff(first: str, second: str) -> code_diff.FileDiff:
    return diff_files({"submission.py": first.encode()}, {"submission.py": second.encode()})[0]


@given(LINES, LINES)
def test_equal_lines_are_equal_and_ascend_on_both_sides(old, new):
    pairs = equal_pairs(old, new)

    assert all(old[left] == new[right] for left, right in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(pairs))


@given(LINES)
def test_a_file_is_equal_to_itself(lines):
    assert equal_pairs(lines, lines) == [(index, index) for index in range(len(lines))]


@given(LINES, LINES)
def test_what_is_shown_puts_the_first_file_together_again_and_the_second(old, new):
    listed = list(code_diff._all(old, new, equal_pairs(old, new)))

    assert [line.text for line in listed if line.kind != "new"] == old
    assert [line.text for line in listed if line.kind != "old"] == new


def test_a_changed_line_is_shown_between_a_few_that_are_the_same():
    lines = [f"line {number}" for number in range(20)]

    shown = diff("\n".join(lines), "\n".join([*lines[:10], "other", *lines[11:]])).lines

    assert [line.kind for line in shown] == ["gap", *["same"] * 3, "old", "new", *["same"] * 3, "gap"]
    assert (shown[4].text, shown[4].old, shown[4].new) == ("line 10", 11, None)
    assert (shown[5].text, shown[5].old, shown[5].new) == ("other", None, 11)


def test_a_moved_block_is_taken_from_one_place_and_put_at_the_other():
    block, rest = [f"block {n}" for n in range(3)], [f"rest {n}" for n in range(9)]

    found = diff("\n".join(block + rest), "\n".join(rest + block))

    assert (found.removed, found.added) == (3, 3)


def test_files_that_differ_come_first_and_each_says_how():
    first = {"a.py": b"x\n", "only.py": b"", "same.py": b"y\n", "data.bin": b"\xff\xfe"}
    second = {"a.py": b"z\n", "new.py": b"", "same.py": b"y\n", "data.bin": b"\xff\xfd"}

    states = {found.path: found.state for found in diff_files(first, second)}

    assert states == {
        "a.py": "changed", "data.bin": "not compared", "new.py": "only the second", "only.py": "only the first",
        "same.py": "same",
    }  # fmt: skip
    assert list(states)[-1] == "same.py"


def test_a_file_that_is_too_long_is_not_compared():
    assert diff("x\n" * (code_diff.MOST_LINES + 1), "y\n").state == "not compared"


def test_hostile_repetition_costs_no_more_than_other_files(monkeypatch):
    steps = []
    anchors = code_diff._anchors
    monkeypatch.setattr(code_diff, "_anchors", lambda *args: steps.append(args[3] - args[2]) or anchors(*args))
    draw = random.Random(1)
    old, new = ([f"{draw.randrange(60)}" for _ in range(4000)] for _ in range(2))

    equal_pairs(old, new)

    assert sum(steps) <= 4000 * (code_diff.DEEPEST + 1)  # every level reads each line once
