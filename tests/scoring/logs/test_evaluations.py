import contextlib
import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.errors import InvalidLogs
from scoring.logs import CLOCK, STEP
from scoring.logs.evaluations import MAX_BYTES, MAX_COLUMNS, Evaluations, parse_evaluations

LOSS = "validation/loss"
HEADER = f"{CLOCK},{STEP},{LOSS}\n"


def table(body, header=HEADER):
    return parse_evaluations((header + body).encode(), "amos/trial_1/eval_measurements.csv")


def column(body, name=LOSS):
    return table(body).arrays(name)[0].tolist()


def test_columns_are_arrays_in_the_order_of_the_log():
    evaluations = table("20.5,2,0.25\n10.0,1,0.5\n")
    assert {name: array.tolist() for name, array in evaluations.as_dict().items()} == {
        CLOCK: [20.5, 10.0], STEP: [2.0, 1.0], LOSS: [0.25, 0.5],
    }  # fmt: skip
    assert len(evaluations) == 2


@pytest.mark.parametrize("text", [b"", b"\n", HEADER.encode(), HEADER.rstrip().encode(), (HEADER + "\n\n").encode()])
def test_an_empty_file_and_a_header_alone_are_a_trial_that_was_never_measured(text):
    evaluations = parse_evaluations(text, "here")
    assert (evaluations.is_empty, len(evaluations), evaluations.fault) == (True, 0, "")
    assert evaluations.arrays(CLOCK)[0].shape == (0,)


def test_an_empty_cell_is_nan():
    np.testing.assert_array_equal(column("1.0,1,\n2.0,2,0.5\n"), [math.nan, 0.5])


def test_nan_and_inf_are_read_as_written():
    np.testing.assert_array_equal(column("1,1,nan\n2,2,inf\n3,3,-inf\n"), [math.nan, math.inf, -math.inf])


def test_a_column_the_log_does_not_have_is_nan():
    np.testing.assert_array_equal(column("1,1,0.5\n", "validation/wer"), [math.nan])


@pytest.mark.parametrize(
    "body",
    ["1.0,1,0.5\r\n2.0,2,0.25\r\n", "1.0,1,0.5\n\n2.0,2,0.25\n", "1.0,1,0.5\n2.0,2,0.25", '"1.0",1,"0.5"\n2,2,0.25\n'],
)
def test_line_ends_blank_lines_and_quotes_do_not_matter(body):
    assert column(body) == [0.5, 0.25]


def test_half_a_row_at_the_end_is_not_an_evaluation():
    assert column("1.0,1,0.5\n2.0,2") == [0.5]


def test_a_row_of_another_length_is_named():
    with pytest.raises(InvalidLogs, match=r"amos/trial_1.*line 3 has 2 cells, its header has 3"):
        column("1.0,1,0.5\n2.0,2\n3.0,3,0.125\n")


def test_two_rows_whose_lengths_make_up_for_each_other_are_noticed():
    with pytest.raises(InvalidLogs, match="line 2 has 4 cells"):
        column("1.0,1,0.5,9\n2.0,2\n")


@pytest.mark.parametrize("cell", ["high", "0.5.1", "0x10", "1e"])
def test_a_cell_that_is_no_number_is_named(cell):
    with pytest.raises(InvalidLogs, match=r"line 3, column validation/loss: .* is not a number"):
        column(f"1.0,1,0.5\n2.0,2,{cell}\n")


def test_text_in_a_column_that_nobody_asks_for_stops_nobody():
    assert parse_evaluations(f"{CLOCK},note\n1.0,hello\n".encode(), "here").arrays(CLOCK)[0].tolist() == [1.0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"global_step\n1\n", "no column accumulated_submission_time"),
        (HEADER.encode() + b"1_0,1,0.5\n", "underscore"),
        (f"{CLOCK},{CLOCK}\n".encode(), "each once"),
        (f"{CLOCK},\n".encode(), "one name for each column"),
        (b"\xff\xfe\n", "not UTF-8"),
        (",".join([CLOCK, *map(str, range(MAX_COLUMNS))]).encode(), "columns"),
        (b'"' + CLOCK.encode() + b'\n1', "comma-separated"),
        (HEADER.encode() + b'"1,5",1,0.5\n', "quoted cell"),
        (b"0" * (MAX_BYTES + 1), "larger than"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_read_keeps_its_fault_until_somebody_asks(text, fault):
    evaluations = parse_evaluations(text, "here")
    assert (len(evaluations), evaluations.is_empty) == (0, False)
    with pytest.raises(InvalidLogs, match=fault) as caught:
        evaluations.arrays(CLOCK)
    assert str(caught.value).startswith("here: ")


NUMBERS = st.one_of(st.floats(), st.just(""))
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.tuples(st.just(width), st.lists(st.lists(NUMBERS, min_size=width, max_size=width), max_size=8))
)
"""How many columns, and the cells by row."""


@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_table_reads_as_the_csv_module_reads_it(drawn, line_end, quoted):
    width, rows = drawn
    names = [CLOCK, *(f"column {number}" for number in range(1, width))]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, lineterminator=line_end, quoting=quoting)
    writer.writerows([names, *([cell if cell == "" else repr(cell) for cell in row] for row in rows)])
    kept = [row for row in rows if width > 1 or row != [""]]  # a row of one empty cell is a blank line
    read = parse_evaluations(text.getvalue().encode(), "here").as_dict()
    for place, name in enumerate(names):
        expected = [math.nan if row[place] == "" else row[place] for row in kept]
        np.testing.assert_array_equal(read[name], expected)


@given(st.one_of(st.binary(max_size=60), st.text(alphabet='1,.\n\r" ', max_size=60).map(str.encode)))
def test_no_bytes_do_more_than_a_fault(text):
    evaluations = parse_evaluations(HEADER.encode() + text, "here")
    assert isinstance(evaluations, Evaluations)
    with contextlib.suppress(InvalidLogs):
        assert len(evaluations.arrays(CLOCK)[0]) == len(evaluations)
