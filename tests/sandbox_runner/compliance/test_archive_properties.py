"""Whatever is uploaded, the reader either reads it or refuses it; nothing else ever happens."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox_runner.compliance.archive import read_archive, read_bundle
from sandbox_runner.errors import ArchiveRejected
from tests.sandbox_runner.compliance.submissions import honest_files
from tests.sandbox_runner.compliance.zips import RawEntry, make_zip, raw_zip

HONEST = make_zip(honest_files())
NAMES = st.one_of(st.binary(max_size=12), st.sampled_from([b"a.py", b"b/c.py", b"__MACOSX/x", b"../x", b"A.py", b"b"]))
NUMBERS = st.one_of(st.integers(0, 70), st.sampled_from([0xFFFF, 0x8000, 0x0800, 8]))
OVERRIDES = st.dictionaries(
    st.sampled_from(["flags", "method", "crc", "packed", "unpacked", "offset", "disk", "attributes"]),
    NUMBERS,
    max_size=2,
)
ENTRIES = st.builds(
    RawEntry,
    name=NAMES,
    content=st.binary(max_size=60),
    deflate=st.booleans(),
    mode=st.integers(0, 0xFFFF),
    flags=st.sampled_from([0, 0, 0x0800, 0x0008]),
    extra=st.binary(max_size=12),
    descriptor=st.binary(max_size=16),
    local=OVERRIDES,
    central=OVERRIDES,
)


def read_or_refuse(data: bytes) -> dict[str, bytes] | None:
    """The files, or None where the upload is refused; any other exception fails the test."""
    try:
        return dict(read_archive(data).files)
    except ArchiveRejected:
        return None


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(data):
    read_or_refuse(data)


@given(st.binary(max_size=100))
def test_arbitrary_bytes_that_look_like_a_zip_are_read_or_refused(data):
    read_or_refuse(b"PK\x03\x04" + data + b"PK\x05\x06" + data[:18].ljust(18, b"\0"))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(HONEST) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_an_honest_zip_with_changed_bytes_is_read_or_refused(changes):
    data = bytearray(HONEST)
    for position, value in changes:
        data[position] = value
    files = read_or_refuse(bytes(data))
    if files is not None:
        # Checksums cover the contents, so a change that goes unnoticed can only be in a date or a comment.
        assert set(files.values()) == set(honest_files().values())


@settings(max_examples=200)
@given(st.integers(0, len(HONEST)), st.integers(0, len(HONEST)), st.binary(max_size=8))
def test_an_honest_zip_with_a_part_cut_out_is_read_or_refused(start, end, inserted):
    read_or_refuse(HONEST[:start] + inserted + HONEST[end:])


@settings(max_examples=300)
@given(st.lists(ENTRIES, max_size=4), st.binary(max_size=4), st.binary(max_size=4))
def test_what_is_read_is_what_every_other_program_reads(entries, prefix, gap):
    data = raw_zip(entries, prefix=prefix, gap=gap)
    files = read_or_refuse(data)
    if files is None:
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        contents = [archive.read(member) for member in archive.infolist() if not member.is_dir()]
    assert all(content in contents for content in files.values())


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{6}\.(py|txt)", fullmatch=True).map(lambda name: f"x{name}"),
        st.binary(max_size=200),
        min_size=1,
        max_size=5,
    )
)
def test_plain_files_survive_zip_and_bundle(files):
    archive = read_archive(make_zip(files))
    assert archive.files == files
    assert read_bundle(archive.bundle()) == files


@given(st.binary(max_size=1500))
def test_an_arbitrary_bundle_is_refused(data):
    with pytest.raises(ArchiveRejected):
        read_bundle(data)
