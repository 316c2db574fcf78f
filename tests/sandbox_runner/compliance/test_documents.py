from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox_runner.compliance.documents import DocumentError, read_json, read_yaml

LIMIT = 64 * 1024


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2.5, true, null, "x"]}', "[]", '\ufeff{"a": 1}', "[[[[[[[1]]]]]]]", '{"a": {"b": {"c": 1e-8}}}']
)
def test_plain_json_is_read(text):
    assert read_json(text.encode(), LIMIT) == json.loads(text.removeprefix("\ufeff"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 1}}', "twice"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b"[Infinity]", "Infinity"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 5000 + b"]", "5000 digits"),
        (b"[" * 60_000, "deeply"),
        (b"[" * 20 + b"]" * 20, "deeper than 8"),
        (b'{"a": 1,}', "Line 1"),
        (b'{\n"a": \n}', "Line 3"),
        (b"", "Line 1"),
        (b"\xff\xfe[\x00", "UTF-8"),
        (b"[" + b"1," * LIMIT + b"1]", "KB"),
    ],
)
def test_json_that_programs_read_differently_is_refused_with_the_reason(text, words):
    with pytest.raises(DocumentError, match=words):
        read_json(text, LIMIT)


def test_plain_yaml_is_read():
    assert read_yaml(b"a: text\nb: [1, x]\nc:\n  - {d: e}\n", LIMIT) == {"a": "text", "b": [1, "x"], "c": [{"d": "e"}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a: &a [x]\nb: *a\n", "alias"),
        (b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", "alias"),
        (b"!!python/object/apply:os.system ['true']", "Line 1"),
        (b"a: !!python/name:os.system ''", "Line 1"),
        (b"a: 1\na: 2\n", "twice"),
        (b"a: 2024-99-99", "quotes"),
        (b"a: " + b"9" * 5000, "quotes"),
        (b"[" * 5000, "deeper"),
        (b"a: [1", "Line"),
        (b"a: b: c", "Line 1"),
        (b"? [a]\n: b", "Line 1"),
        (b"a: 1\n--- \nb: 2\n", "Line"),
        (b"\x00", "not YAML"),
        (b"\xff", "UTF-8"),
        (b"a" * (LIMIT + 1), "KB"),
    ],
)
def test_yaml_that_asks_for_more_than_plain_values_is_refused_with_the_reason(text, words):
    with pytest.raises(DocumentError, match=words):
        read_yaml(text, LIMIT)


@given(st.one_of(st.binary(max_size=200), st.text(alphabet="a:-[]{}!&*?|>'\"%@`#,\n 0", max_size=60).map(str.encode)))
def test_arbitrary_bytes_are_read_or_refused_as_yaml(content):
    try:
        read_yaml(content, LIMIT)
    except DocumentError as refused:
        message = str(refused)
        if not message.endswith("."):
            raise


@given(
    st.one_of(
        st.binary(max_size=200), st.text(alphabet='{}[]",:0123456789.eE+-truefalsn ', max_size=60).map(str.encode)
    )
)
def test_arbitrary_bytes_are_read_or_refused_as_json(content):
    try:
        document = read_json(content, LIMIT)
    except DocumentError:
        return
    assert json.loads(content.decode("utf-8-sig")) == document
