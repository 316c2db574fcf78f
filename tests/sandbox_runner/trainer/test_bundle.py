"""The trainer's own tar reader: plain files come out, everything else is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from sandbox_runner.host.snapshot import sealed_bytes
from sandbox_runner.trainer.bundle import unpack, unpack_descriptor
from sandbox_runner.trainer.errors import BundleError


def tar_of(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.USTAR_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def file(name: str, content: bytes = b"x") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def test_files_come_out_as_they_went_in(tmp_path: Path):
    content = {"submission.py": b"a = 1\n", "inner/deep/helper.py": b"", "data.bin": bytes(range(256)) * 5}
    written = unpack(tar_of(*(file(name, body) for name, body in content.items())), tmp_path / "out")
    assert {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in written} == content


def test_names_longer_than_a_hundred_characters_use_the_prefix(tmp_path: Path):
    name = "/".join(["folder" * 6] * 5) + "/submission.py"
    unpack(tar_of(file(name)), tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"x"


def test_folders_are_passed_over(tmp_path: Path):
    assert unpack(tar_of(special("inner", tarfile.DIRTYPE), file("a.py")), tmp_path / "out") == [tmp_path / "out/a.py"]


def test_a_sealed_descriptor_is_read_and_closed(tmp_path: Path):
    with sealed_bytes(tar_of(file("submission.py"))) as sealed:
        fd, sealed.fd = sealed.fd, -1
        unpack_descriptor(fd, tmp_path / "out")
    assert (tmp_path / "out" / "submission.py").exists()
    with pytest.raises(OSError, match="Bad file descriptor"):
        unpack_descriptor(fd, tmp_path / "again")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (tar_of(file("../escape.py")), "without .."),
        (tar_of(file("a/../../escape.py")), "without .."),
        (tar_of(file("/etc/passwd")), "names are relative"),
        (tar_of(file("twice.py"), file("twice.py")), "twice"),
        (tar_of(special("link", tarfile.SYMTYPE, "/etc/passwd")), "only regular files"),
        (tar_of(special("link", tarfile.LNKTYPE, "submission.py")), "only regular files"),
        (tar_of(special("pipe", tarfile.FIFOTYPE)), "only regular files"),
        (tar_of(special("disk", tarfile.BLKTYPE)), "only regular files"),
        (tar_of(file("é" * 120), format=tarfile.PAX_FORMAT), "only regular files"),
        (tar_of(file("a.py", b"x" * 5000))[:2048], "cut off"),
        (tar_of(file("a.py"))[:1024], "no end"),
        (b"", "no end"),
        (b"PK\x03\x04" + b"\1" * 1020, "octal"),
    ],
)
def test_anything_but_plain_files_is_refused(tmp_path: Path, content: bytes, sentence: str):
    with pytest.raises(BundleError, match=sentence):
        unpack(content, tmp_path / "out")
    outside = [path for path in tmp_path.rglob("*") if path.is_symlink() or path.name == "escape.py"]
    assert outside == []
