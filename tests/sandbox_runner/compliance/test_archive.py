from __future__ import annotations

import hashlib
import io
import os
import struct
import tarfile
import tracemalloc
import zlib

import pytest

from sandbox_runner.compliance import limits
from sandbox_runner.compliance.archive import archive_of_folder, read_archive, read_bundle, zip_of_folder
from sandbox_runner.compliance.findings import Finding, Verdict
from sandbox_runner.errors import ArchiveRejected
from tests.sandbox_runner.compliance.submissions import honest_files
from tests.sandbox_runner.compliance.zips import (
    DEVICE,
    FIFO,
    SYMBOLIC_LINK,
    RawEntry,
    make_zip,
    overlapping_zip,
    raw_zip,
)

PLAIN = RawEntry(name=b"submission.py", content=b"x = 1\n")


def refusal(data: bytes) -> Finding:
    """The first reason why an upload is refused."""
    with pytest.raises(ArchiveRejected) as refused:
        read_archive(data)
    first = refused.value.findings[0]
    assert first.verdict is Verdict.REJECTED
    assert first.message
    assert first.fix
    return first


def test_an_ordinary_zip_is_read_as_it_is():
    files = {**honest_files(), "optimizers/sgd.py": b"LEARNING_RATE = 0.1\n" * 50}

    archive = read_archive(make_zip(files))

    assert archive.files == files
    assert archive.notes == ()


def test_the_stated_hash_is_that_of_the_uploaded_bytes():
    data = make_zip(honest_files())
    assert read_archive(data).sha256 == hashlib.sha256(data).hexdigest()


def test_a_single_folder_around_everything_is_taken_off_with_a_note():
    wrapped = {f"my submission (1)/{name}": content for name, content in honest_files().items()}

    archive = read_archive(make_zip(wrapped))

    assert archive.files == honest_files()
    assert [note.verdict for note in archive.notes] == [Verdict.NOTE]


def test_what_systems_add_by_themselves_is_left_out_with_a_note():
    added = {
        "__MACOSX/._submission.py": b"\0\5\26\7",
        ".DS_Store": b"\0\0",
        "pkg/__pycache__/a.pyc": b"\0",
        ".git/HEAD": b"x",
    }

    archive = read_archive(make_zip({**honest_files(), **added}))

    assert archive.files == honest_files()
    assert "4 entries" in archive.notes[0].message


def test_files_of_size_zero_and_folders_are_fine():
    entries = [PLAIN, RawEntry(name=b"pkg/", mode=0o40755), RawEntry(name=b"pkg/__init__.py")]
    assert read_archive(raw_zip(entries)).files == {"submission.py": b"x = 1\n", "pkg/__init__.py": b""}


@pytest.mark.parametrize("signature", [b"PK\x07\x08", b""])
def test_sizes_behind_the_data_are_read_as_file_managers_write_them(signature):
    sizes = struct.pack("<3I", zlib.crc32(PLAIN.content), len(PLAIN.content), len(PLAIN.content))
    entry = RawEntry(
        name=PLAIN.name,
        content=PLAIN.content,
        flags=0x0008,
        descriptor=signature + sizes,
        local={"crc": 0, "packed": 0, "unpacked": 0},
    )
    assert read_archive(raw_zip([entry, RawEntry(name=b"b.py")])).files["submission.py"] == PLAIN.content


def test_a_comment_at_the_end_is_fine():
    assert read_archive(raw_zip([PLAIN], comment=40, suffix=b"a" * 40)).files == {"submission.py": b"x = 1\n"}


# --- refused: the zip itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a zip"),
        (b"Rar!\x1a\x07\x00", "not a zip"),
        (make_zip({"submission.py": "x = 1"})[:-30], "table is missing"),
        (make_zip({"submission.py": "x = 1"})[:60], "table is missing"),
        (raw_zip([PLAIN], prefix=b"#!/bin/sh\n"), "not a zip"),
        (raw_zip([PLAIN], prefix=b"PK\x03\x04 and more"), "belong to no entry"),
        (raw_zip([PLAIN], gap=b"hidden"), "belong to no entry"),
        (raw_zip([PLAIN], suffix=b"trailing"), "behind the end"),
        (raw_zip([PLAIN], comment=10), "behind the end"),
        (raw_zip([PLAIN], offset=3), "between the table"),
        (raw_zip([PLAIN], total=2, here=2), "table of the archive"),
        (raw_zip([PLAIN, RawEntry(name=b"b.py")], total=1, here=1), "more entries"),
        (raw_zip([PLAIN], here=0), "one part of several"),
        (raw_zip([PLAIN], here=0xFFFF, total=0xFFFF), "zip64"),
        (raw_zip([PLAIN], size=0xFFFFFFFF), "zip64"),
        (raw_zip([RawEntry(name=b"a.py", extra=struct.pack("<2HQ", 1, 8, 0))]), "zip64"),
        (raw_zip([RawEntry(name=b"a.py", local={"unpacked": 0xFFFFFFFF})]), "zip64"),
        (raw_zip([RawEntry(name=b"a.py", central={"unpacked": 0xFFFFFFFF})]), "zip64"),
        (raw_zip([RawEntry(name=b"a.py", flags=0x0001)]), "encrypted"),
        (raw_zip([RawEntry(name=b"a.py", flags=0x2000)]), "encrypted"),
        (raw_zip([RawEntry(name=b"a.py", local={"name": b"b.py"})]), "do not agree"),
        (raw_zip([RawEntry(name=b"a.py", local={"method": 8})]), "do not agree"),
        (raw_zip([RawEntry(name=b"a.py", content=b"12", local={"packed": 1})]), "do not agree"),
        (raw_zip([RawEntry(name=b"a.py", content=b"12", central={"crc": 1}, local={"crc": 1})]), "checksum"),
        (raw_zip([RawEntry(name=b"a.py", content=b"12", local={"method": 12}, central={"method": 12})]), "method 12"),
        (raw_zip([RawEntry(name=b"a.py", content=b"\xff\xff", local={"method": 8}, central={"method": 8})]), "damaged"),
        (raw_zip([RawEntry(name=b"a.py", flags=0x0008, descriptor=b"x" * 12)]), "does not fit"),
        (raw_zip([RawEntry(name=b"a.py", central={"offset": 7})]), "belong to no entry"),
        (raw_zip([RawEntry(name=b"a.py", central={"disk": 1})]), "form that is not read"),
        (
            raw_zip([RawEntry(name=b"a.py", extra=struct.pack("<2HBI", 0x7075, 9, 1, 0) + b"b.py")]),
            "two different names",
        ),
        (raw_zip([RawEntry(name=b"%d.py" % n) for n in range(1001)]), "1001 entries"),
    ],
    ids=lambda value: value if isinstance(value, str) else "zip",  # the bytes of some hold the time of day
)  # fmt: skip
def test_a_zip_that_two_programs_would_read_differently_is_refused(data, words):
    finding = refusal(data)
    assert finding.rule == "archive-zip"
    assert words in finding.message


@pytest.mark.parametrize("claimed", [0, 1, 5, 7, 2**31])
def test_a_size_that_lies_is_found_out_while_unpacking(claimed):
    lie = {"unpacked": claimed}
    finding = refusal(raw_zip([RawEntry(name=b"a.py", content=b"123456", deflate=True, local=lie, central=lie)]))
    assert "size or checksum" in finding.message


# --- refused: names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        b"../evil.py",
        b"pkg/../../evil.py",
        b"/etc/passwd",
        b"//server/share.py",
        b"C:/windows.py",
        b"c:evil.py",
        b"pkg\\evil.py",
        b"..\\evil.py",
        b"a.py\x00.txt",
        b"a\nb.py",
        b"a\x1b[31m.py",
        b"a\x7f.py",
        b"./a.py",
        b"pkg//a.py",
        b"",
        b"/",
        b"a b.py",
        b"-rf.py",
        b".hidden.py",
        b"pkg/.hidden",
        b"a" * 102,
        b"pkg/" + b"a" * 98 + b".py",
        b"1/2/3/4/5/6/7.py",
        b"caf\xc3\xa9.py",
        b"a\xff.py",
        b"conftest.py",
        b"pkg/conftest.py",
        b"sitecustomize.py",
        b"usercustomize.py",
        b"pkg/evil.pth",
        b"torch.py",
        b"TORCH.py",
        b"jax/__init__.py",
        b"numpy/random.py",
        b"algoperf/spec.py",
        b"algorithmic_efficiency/spec.py",
        b"apw.py",
        b"workloads/api.py",
        b"sandbox_runner/__init__.py",
        b"time.py",
        b"submission/__init__.py",
        b"con",
        b"pkg/aux.py",
        b"nul.txt",
    ],
)
def test_a_name_that_is_not_plain_is_refused(name):
    finding = refusal(raw_zip([PLAIN, RawEntry(name=name)]))
    assert finding.rule == "archive-names"
    assert finding.path.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "e\u0301.py",  # a letter and its accent apart: another file name on some systems
        "\u202eyp.exe",  # turns the rest around
        "\u0441onftest.py",  # a Cyrillic letter
        "a\u200b.py",
    ],
)
def test_a_name_that_looks_like_another_is_refused(name):
    assert refusal(raw_zip([PLAIN, RawEntry(name=name.encode(), flags=0x0800)])).rule == "archive-names"


@pytest.mark.parametrize("mode", [SYMBOLIC_LINK, FIFO, DEVICE])
def test_links_and_devices_are_refused(mode):
    finding = refusal(raw_zip([PLAIN, RawEntry(name=b"link.py", content=b"/etc/passwd", mode=mode)]))
    assert finding.path == "link.py"
    assert "symbolic link" in finding.message


@pytest.mark.parametrize("twin", [b"helper.py", b"HELPER.py", b"helper.py/a.py", b"Helper.py/a.py"])
def test_two_files_that_one_name_would_mean_are_refused(twin):
    assert refusal(raw_zip([PLAIN, RawEntry(name=b"helper.py"), RawEntry(name=twin)])).rule == "archive-names"


def test_all_bad_names_are_told_at_once():
    with pytest.raises(ArchiveRejected) as refused:
        read_archive(raw_zip([PLAIN, RawEntry(name=b"../a"), RawEntry(name=b"/b"), RawEntry(name=b"c\x00")]))
    assert len(refused.value.findings) == 3


def test_an_archive_without_files_says_so():
    assert "no files" in refusal(raw_zip([])).message


# --- refused: sizes ---------------------------------------------------------------------------------------------------


def test_a_large_upload_is_refused_before_anything_is_read():
    finding = refusal(b"\0" * (limits.MAX_ARCHIVE_BYTES + 1))
    assert finding.rule == "archive-size"
    assert finding.message == "The archive is 2.01 MB, the limit is 2 MB."


def test_200_kb_that_unpack_to_200_mb_are_refused_in_little_memory():
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(stream.compress(bytes(limits.MIB)) for _ in range(200)) + stream.flush()
    assert len(packed) < 256 * limits.KIB
    header = {"method": 8, "unpacked": 200 * limits.MIB}
    bomb = raw_zip([PLAIN, RawEntry(name=b"bomb.txt", content=packed, local=header, central=header)])

    tracemalloc.start()
    finding = refusal(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert finding.rule == "archive-unpacked"
    assert peak < 8 * limits.MIB


def test_many_names_for_the_same_bytes_are_refused():
    assert "shares bytes" in refusal(overlapping_zip(150, bytes(range(256)) * 4000)).message


def test_a_file_that_unpacks_a_hundredfold_is_refused():
    finding = refusal(make_zip({"submission.py": "x = 1\n", "blank.txt": " " * 900_000}))
    assert "100 times" in finding.message


def test_too_many_files_are_refused():
    assert "201 files" in refusal(make_zip({f"f{n}.py": "x = 1\n" for n in range(201)})).message


def test_a_file_over_one_megabyte_is_refused():
    text = os.urandom(limits.MAX_FILE_BYTES // 2 + 1).hex()
    assert "larger than 1 MB" in refusal(make_zip({"big.txt": text})).message


def test_all_files_together_are_limited():
    text = os.urandom(10 * limits.KIB) * 90
    finding = refusal(make_zip({f"f{n}.txt": text for n in range(10)}))
    assert "8 MB" in finding.message


# --- the normal form --------------------------------------------------------------------------------------------------


def test_the_bundle_depends_on_names_and_bytes_only():
    files = honest_files()
    backwards = dict(reversed(files.items()))
    assert read_archive(make_zip(files)).bundle() == read_archive(make_zip(backwards)).bundle()
    assert read_archive(make_zip(files)).sha256 != read_archive(make_zip(backwards)).sha256


def test_the_bundle_is_a_plain_tar_of_plain_files():
    long_name = "a" * 46 + "/" + "b" * 50 + ".py"  # 100 characters, the longest path that is allowed
    bundle = read_archive(make_zip({**honest_files(), long_name: b"x = 1\n"})).bundle()

    with tarfile.open(fileobj=io.BytesIO(bundle)) as tar:
        members = tar.getmembers()
    assert [member.name for member in members] == sorted([*honest_files(), long_name])
    assert {(m.type, m.mode, m.uid, m.gid, m.mtime, m.uname) for m in members} == {
        (tarfile.REGTYPE, 0o644, 0, 0, 0, "")
    }
    # One header block a file: no extension headers that an unpacker would have to understand.
    assert [member.offset_data - member.offset for member in members] == [512] * len(members)


def test_a_bundle_is_read_back_for_showing():
    archive = read_archive(make_zip(honest_files()))
    assert read_bundle(archive.bundle()) == honest_files()


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b + b"\0", lambda b: b"x" + b[1:], lambda b: b""])
def test_a_changed_bundle_is_refused(change):
    with pytest.raises(ArchiveRejected):
        read_bundle(change(read_archive(make_zip(honest_files())).bundle()))


# --- folders ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    for name, content in honest_files().items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_folder_is_the_same_as_its_zip(folder):
    assert archive_of_folder(folder).bundle() == read_archive(make_zip(honest_files())).bundle()


def test_a_folder_gives_the_same_zip_every_time(folder):
    first = zip_of_folder(folder)
    os.utime(folder / "submission.py", (1_000_000_000, 1_000_000_000))
    (folder / "submission.py").chmod(0o755)
    assert zip_of_folder(folder) == first


def test_caches_and_history_of_a_folder_are_left_out(folder):
    for name in ("__pycache__", ".git"):
        (folder / name).mkdir()
        (folder / name / "x.pyc").write_bytes(b"\0")
    assert archive_of_folder(folder).files == honest_files()


def test_a_link_in_a_folder_is_refused(folder):
    (folder / "link.py").symlink_to("/etc/passwd")
    with pytest.raises(ArchiveRejected, match="symbolic link"):
        archive_of_folder(folder)


def test_a_large_folder_is_refused_without_reading_it(folder):
    with (folder / "checkpoint.bin").open("wb") as checkpoint:
        checkpoint.truncate(10 * 1024**4)
    with pytest.raises(ArchiveRejected, match="8 MB"):
        archive_of_folder(folder)


def test_something_that_is_no_folder_is_named(tmp_path):
    with pytest.raises(NotADirectoryError, match="missing"):
        zip_of_folder(tmp_path / "missing")
