from __future__ import annotations

import pytest

from sandbox_runner.compliance.findings import Verdict
from sandbox_runner.compliance.submission_info import TEMPLATE, read_info
from tests.sandbox_runner.compliance.submissions import INFO, honest_files


def read(text: str, **files: bytes):
    return read_info({"submission_info.yml": text.encode(), **files})


def test_a_complete_file_is_read_without_findings():
    info, findings = read_info(honest_files())
    assert findings == []
    assert info is not None
    assert info.as_json() == {
        "name": "Plain descent",
        "authors": ["Ada Example"],
        "affiliation": "University of Somewhere",
        "licence": "Apache-2.0",
        "description": "Stochastic gradient descent without momentum.",
        "data_files": [],
    }


def test_the_template_it_offers_is_itself_complete():
    info, findings = read(TEMPLATE)
    assert findings == []
    assert info is not None
    assert info.authors == ("Ada Example", "Ben Example")


def test_a_missing_file_is_refused_with_the_template_to_copy():
    info, findings = read_info({"submission.py": b""})
    assert info is None
    assert [finding.verdict for finding in findings] == [Verdict.REJECTED]
    assert TEMPLATE in findings[0].fix


def test_a_file_of_nearly_the_right_name_is_pointed_out():
    _, findings = read_info({"docs/submission_info.yaml": INFO.encode()})
    assert "There is docs/submission_info.yaml" in findings[0].message


@pytest.mark.parametrize("key", ["name", "authors", "affiliation", "licence", "description"])
def test_each_key_is_needed(key):
    without = "\n".join(line for line in INFO.splitlines() if not line.startswith(key))
    info, findings = read(without)
    assert info is None
    assert [finding.message for finding in findings] == [f"The key {key} is missing."]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("name: 2024", "not a text"),
        ("name: ''", "empty"),
        ("name: [a, b]", "not a text"),
        (f"name: {'a' * 101}", "101 characters"),
        ("authors: []", "list of names"),
        ("authors: [1, 2]", "list of names"),
        ("authors: {a: b}", "list of names"),
        ("data_files: weights.bin", "list of paths"),
        ("data_files: [1]", "list of paths"),
        ("data_files: [missing.bin]", "not in the archive"),
    ],
)
def test_a_value_of_another_kind_is_refused(line, words):
    key = line.split(":")[0]
    others = "\n".join(text for text in INFO.splitlines() if not text.startswith(key))
    info, findings = read(f"{others}\n{line}\n")
    assert info is None
    assert words in findings[0].message
    assert findings[0].fix


def test_one_author_may_stand_alone():
    info, _ = read(INFO.replace("[Ada Example]", "Ada Example"))
    assert info is not None
    assert info.authors == ("Ada Example",)


def test_declared_data_files_are_kept():
    info, findings = read(f"{INFO}data_files: [rule.bin]\n", **{"rule.bin": b"x"})
    assert findings == []
    assert info is not None
    assert info.data_files == ("rule.bin",)


@pytest.mark.parametrize("text", ["- a\n- b", "text", "", "a: [1", "!!python/object:os.system {}"])
def test_something_else_than_keys_and_values_is_refused(text):
    info, findings = read(text)
    assert info is None
    assert findings[0].verdict is Verdict.REJECTED


def test_an_unknown_key_is_noted_with_the_right_spelling():
    info, findings = read(f"{INFO}license: Apache-2.0\n")
    assert info is not None
    assert [(finding.verdict, finding.fix) for finding in findings] == [(Verdict.NOTE, "Did you mean licence?")]


@pytest.mark.parametrize("licence", ["Apache-2.0", "apache-2.0", "Apache License 2.0"])
def test_the_licence_of_the_benchmark_is_recognised(licence):
    assert read(INFO.replace("Apache-2.0", licence))[1] == []


def test_another_licence_is_for_a_reviewer():
    info, findings = read(INFO.replace("Apache-2.0", "all rights reserved"))
    assert info is not None
    assert [finding.verdict for finding in findings] == [Verdict.REVIEW]


def test_control_characters_are_shown_as_such():
    info, _ = read(INFO.replace("Plain descent", '"Plain\\u202e descent\\u0000"'))
    assert info is not None
    assert info.name == "Plain\N{REPLACEMENT CHARACTER} descent\N{REPLACEMENT CHARACTER}"
